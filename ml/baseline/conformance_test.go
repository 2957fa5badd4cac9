package baseline_test

import (
	"context"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/artifact"
	"github.com/narrativeml/narrative/ml/baseline"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/mltest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	mltest.Run(t, mltest.Case{
		Train: func(ctx context.Context, x *frame.Frame, y ml.Target, o ml.Options) (ml.Predictor, error) {
			return baseline.Train(ctx, baseline.DefaultParams(), x, y, o)
		},
		Encode:    func(p ml.Predictor) ([]byte, error) { return p.(*baseline.Model).AppendBinary(nil) },
		Decode:    func(b []byte) (ml.Predictor, error) { return baseline.Decode(b) },
		Algorithm: artifact.Baseline,
		Tasks:     []ml.Task{ml.Binary, ml.Multiclass, ml.Regression},
		Types:     []frame.Type{frame.Float, frame.Int, frame.Bool, frame.String, frame.Time},
		Missing:   true, Blind: true, Weighted: true, Repetition: 1e-12,
	})
}
