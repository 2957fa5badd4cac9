package linear_test

import (
	"context"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/artifact"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/linear"
	"github.com/narrativeml/narrative/ml/mltest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, ratio := range map[string]float64{"ridge": 0, "elastic net": 0.5, "lasso": 1} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mltest.Run(t, mltest.Case{
				Train: func(ctx context.Context, x *frame.Frame, y ml.Target, o ml.Options) (ml.Predictor, error) {
					p := linear.DefaultParams()
					p.L1Ratio = ratio
					return linear.Train(ctx, p, x, y, o)
				},
				Encode:    func(p ml.Predictor) ([]byte, error) { return p.(*linear.Model).AppendBinary(nil) },
				Decode:    func(b []byte) (ml.Predictor, error) { return linear.Decode(b) },
				Algorithm: artifact.Linear,
				Tasks:     []ml.Task{ml.Binary, ml.Multiclass, ml.Regression},
				Types:     []frame.Type{frame.Float, frame.String},
				Weighted:  true, Repetition: 1e-9, // exact but for rounding
			})
		})
	}
}
