package mltest_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/artifact"
	"github.com/narrativeml/narrative/ml/automl"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/mltest"
	"github.com/narrativeml/narrative/ml/pipeline"
)

var (
	everyTask = []ml.Task{ml.Binary, ml.Multiclass, ml.Regression}
	everyType = []frame.Type{frame.Float, frame.Int, frame.Bool, frame.String, frame.Time}
)

// TestPipeline takes the whole of automl as one estimator, once for each
// algorithm and encoding.
func TestPipeline(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]automl.Params{
		"baseline": {Algorithms: []string{artifact.Baseline}},
		"onehot":   {Algorithms: []string{artifact.Linear}, Encoding: automl.OneHot},
		"ordinal":  {Algorithms: []string{artifact.Linear}, Encoding: automl.Ordinal},
		"forest":   {Algorithms: []string{artifact.Forest}},
		"gbdt":     {Algorithms: []string{artifact.GBDT}},
		"prepared": {
			Algorithms: []string{artifact.Linear}, Imputation: "mode", Scaling: "robust",
			DateCycles: true, MinVariance: 1e-9, MaxCorrelation: 0.999,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mltest.Run(t, mltest.Case{
				Train: func(ctx context.Context, x *frame.Frame, y ml.Target, o ml.Options) (ml.Predictor, error) {
					return learn(ctx, p, x, y, o)
				},
				Encode: func(p ml.Predictor) ([]byte, error) {
					var b bytes.Buffer
					err := artifact.Write(&b, p.(*pipeline.Model))
					return b.Bytes(), err
				},
				Decode: func(b []byte) (ml.Predictor, error) { return artifact.Read(bytes.NewReader(b)) },
				Tasks:  everyTask, Types: everyType, Missing: true, Blind: name == "baseline",
				OneRow: "target_constant", OneClass: "target_constant", Constant: "target_constant",
			})
		})
	}
}

func learn(ctx context.Context, p automl.Params, x *frame.Frame, y ml.Target, o ml.Options) (ml.Predictor, error) {
	d := automl.DefaultParams()
	d.Algorithms, d.Encoding, d.Folds, d.Trees = p.Algorithms, p.Encoding, 2, 30
	d.Imputation, d.Scaling, d.DateCycles = p.Imputation, p.Scaling, p.DateCycles
	d.MinVariance, d.MaxCorrelation = p.MinVariance, p.MaxCorrelation
	d.Task, d.Target = y.Task, "the target"
	column := frame.NewFloat(d.Target, y.Values)
	if y.Task != ml.Regression {
		codes := make([]int32, y.Len())
		for i, v := range y.Values {
			codes[i] = int32(v)
		}
		column = frame.NewString(d.Target, codes, y.Classes)
	}
	if y.Task == ml.Binary {
		d.PositiveClass = y.Classes[1]
	}
	data, err := frame.New(append([]frame.Column{column}, x.Columns()...)...)
	if err != nil {
		return nil, err
	}
	r, err := automl.Train(ctx, d, data, automl.Options{Recorder: o.Recorder, Threads: o.Threads})
	if err != nil {
		return nil, err
	}
	return r.Model, nil
}
