package gbdt_test

import (
	"context"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/artifact"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/gbdt"
	"github.com/narrativeml/narrative/ml/mltest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	mltest.Run(t, mltest.Case{
		Train: func(ctx context.Context, x *frame.Frame, y ml.Target, o ml.Options) (ml.Predictor, error) {
			p := gbdt.DefaultParams()
			p.Trees, p.MinChildSamples = 40, 1 // it counts rows, not weights
			return gbdt.Train(ctx, p, x, y, o)
		},
		Encode:    func(p ml.Predictor) ([]byte, error) { return p.(*gbdt.Model).AppendBinary(nil) },
		Decode:    func(b []byte) (ml.Predictor, error) { return gbdt.Decode(b) },
		Algorithm: artifact.GBDT,
		Tasks:     []ml.Task{ml.Binary, ml.Multiclass, ml.Regression},
		Types:     []frame.Type{frame.Float, frame.Int, frame.Bool, frame.String, frame.Time},
		Missing:   true, Resumes: true, Weighted: true, Repetition: 0.05, // gradients and bins are quantized
	})
}
