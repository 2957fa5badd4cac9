package forest_test

import (
	"context"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/artifact"
	"github.com/narrativeml/narrative/ml/forest"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/mltest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		p          forest.Params
		repetition float64
	}{
		"forest": {forest.DefaultParams(), 0.15}, // the bags differ
		// Leaves of one row each would tell the target whatever it weighs.
		"one bag": {params(func(p *forest.Params) { p.Bootstrap, p.MaxDepth = false, 5 }), 0.05}, // the bins differ
		"extra":   {params(func(p *forest.Params) { extra(p); p.MaxDepth = 5 }), 0.05},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mltest.Run(t, mltest.Case{
				Train: func(ctx context.Context, x *frame.Frame, y ml.Target, o ml.Options) (ml.Predictor, error) {
					return forest.Train(ctx, test.p, x, y, o)
				},
				Encode:    func(p ml.Predictor) ([]byte, error) { return p.(*forest.Model).AppendBinary(nil) },
				Decode:    func(b []byte) (ml.Predictor, error) { return forest.Decode(b) },
				Algorithm: artifact.Forest,
				Tasks:     []ml.Task{ml.Binary, ml.Multiclass, ml.Regression},
				Types:     []frame.Type{frame.Float, frame.Int, frame.Bool, frame.String, frame.Time},
				Missing:   true, Resumes: true, Weighted: true, Repetition: test.repetition,
			})
		})
	}
}
