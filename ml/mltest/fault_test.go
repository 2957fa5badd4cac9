package mltest_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/artifact"
	"github.com/narrativeml/narrative/ml/baseline"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/linear"
	"github.com/narrativeml/narrative/ml/mltest"
)

// honest is a case that holds.
func honest() mltest.Case {
	return mltest.Case{
		Train: func(ctx context.Context, x *frame.Frame, y ml.Target, o ml.Options) (ml.Predictor, error) {
			return linear.Train(ctx, linear.DefaultParams(), x, y, o)
		},
		Encode: func(p ml.Predictor) ([]byte, error) {
			if o, ok := p.(odd); ok {
				p = o.Predictor
			}
			return p.(*linear.Model).AppendBinary(nil)
		},
		Decode:    func(b []byte) (ml.Predictor, error) { return linear.Decode(b) },
		Algorithm: artifact.Linear,
		Tasks:     everyTask, Types: []frame.Type{frame.Float, frame.String}, Weighted: true, Repetition: 1e-6,
	}
}

// odd is a model that predicts in its own way.
type odd struct {
	ml.Predictor
	predict func(m ml.Predictor, x *frame.Frame, out []float64) error
}

func (o odd) Predict(x *frame.Frame, out []float64) error { return o.predict(o.Predictor, x, out) }

type trainFunc = func(ctx context.Context, x *frame.Frame, y ml.Target, o ml.Options) (ml.Predictor, error)

// training changes how a case is trained.
func training(change func(train trainFunc) trainFunc) func(c *mltest.Case) {
	return func(c *mltest.Case) { c.Train = change(c.Train) }
}

// before changes what it is trained on.
func before(change func(ctx context.Context, x *frame.Frame, y *ml.Target, o *ml.Options) (context.Context, *frame.Frame)) func(c *mltest.Case) {
	return training(func(train trainFunc) trainFunc {
		return func(ctx context.Context, x *frame.Frame, y ml.Target, o ml.Options) (ml.Predictor, error) {
			ctx, x = change(ctx, x, &y, &o)
			return train(ctx, x, y, o)
		}
	})
}

// predicting changes how the model predicts.
func predicting(predict func(m ml.Predictor, x *frame.Frame, out []float64) error) func(c *mltest.Case) {
	return training(func(train trainFunc) trainFunc {
		return func(ctx context.Context, x *frame.Frame, y ml.Target, o ml.Options) (ml.Predictor, error) {
			m, err := train(ctx, x, y, o)
			if err != nil {
				return nil, err
			}
			return odd{m, predict}, nil
		}
	})
}

// faults are ways to be wrong, by the check that must find them.
func faults() map[string][]func(c *mltest.Case) {
	var calls atomic.Int64
	return map[string][]func(c *mltest.Case){
		"learns": {training(func(trainFunc) trainFunc {
			return func(ctx context.Context, x *frame.Frame, y ml.Target, o ml.Options) (ml.Predictor, error) {
				return baseline.Train(ctx, baseline.Params{}, x, y, o)
			}
		})},
		"outputs are proper": {predicting(func(m ml.Predictor, x *frame.Frame, out []float64) error {
			err := m.Predict(x, out)
			out[0] = math.NaN()
			return err
		})},
		"is deterministic on any number of threads": {before(func(ctx context.Context, x *frame.Frame, y *ml.Target, o *ml.Options) (context.Context, *frame.Frame) {
			return ctx, x.Take(rowsFrom(o.Threads/4, x.Rows()))
		})},
		"takes weights as repetition": {before(func(ctx context.Context, x *frame.Frame, y *ml.Target, _ *ml.Options) (context.Context, *frame.Frame) {
			y.Weights = nil
			return ctx, x
		})},
		"reports progress": {
			before(func(ctx context.Context, x *frame.Frame, _ *ml.Target, o *ml.Options) (context.Context, *frame.Frame) {
				o.Recorder = nil
				return ctx, x
			}),
			before(func(ctx context.Context, x *frame.Frame, _ *ml.Target, o *ml.Options) (context.Context, *frame.Frame) {
				to := *o
				o.Recorder = ml.RecorderFunc(func(p ml.Progress) {
					p.Fraction = 1 - p.Fraction
					to.Record(p)
				})
				return ctx, x
			}),
		},
		"stops when cancelled": {
			before(func(ctx context.Context, x *frame.Frame, _ *ml.Target, _ *ml.Options) (context.Context, *frame.Frame) {
				return context.WithoutCancel(ctx), x
			}),
			before(func(ctx context.Context, x *frame.Frame, _ *ml.Target, o *ml.Options) (context.Context, *frame.Frame) {
				o.Recorder = nil
				return ctx, x
			}),
		},
		"goes on where it was stopped": {
			func(c *mltest.Case) { c.Resumes = true }, // it keeps nothing
			func(c *mltest.Case) { // it goes on with whatever was kept
				c.Resumes = true
				before(func(ctx context.Context, x *frame.Frame, _ *ml.Target, o *ml.Options) (context.Context, *frame.Frame) {
					if o.Checkpoint == nil {
						return ctx, x
					}
					if _, ok, err := o.Checkpoint.Load(ctx, "rows"); err != nil || ok {
						x = x.Take(rowsFrom(9, x.Rows()))
					}
					if err := o.Checkpoint.Save(ctx, "rows", []byte{1, 2, 3}); err != nil {
						panic(err)
					}
					return ctx, x
				})(c)
			},
		},
		"changes no input": {
			before(func(ctx context.Context, x *frame.Frame, _ *ml.Target, _ *ml.Options) (context.Context, *frame.Frame) {
				x.Columns()[0].Floats()[9]++
				return ctx, x
			}),
			before(func(ctx context.Context, x *frame.Frame, y *ml.Target, _ *ml.Options) (context.Context, *frame.Frame) {
				y.Weights[9]++
				return ctx, x
			}),
		},
		"predicts rows alone as together": {predicting(func(m ml.Predictor, x *frame.Frame, out []float64) error {
			err := m.Predict(x, out)
			for i := range out {
				out[i] += float64(x.Rows()) * 1e-12
			}
			return err
		})},
		"predicts concurrently": {predicting(func(m ml.Predictor, x *frame.Frame, out []float64) error {
			err := m.Predict(x, out)
			out[0] += float64(calls.Add(1))
			return err
		})},
		"refuses a wrong output length": {predicting(func(m ml.Predictor, x *frame.Frame, out []float64) error {
			return m.Predict(x, slices.Grow(out, 2)[:x.Rows()*m.Outputs()])
		})},
		"comes back from its bytes": {
			func(c *mltest.Case) { c.Decode = func([]byte) (ml.Predictor, error) { return nil, errors.New("lost") } },
			func(c *mltest.Case) {
				encode := c.Encode
				c.Encode = func(p ml.Predictor) ([]byte, error) {
					b, err := encode(p)
					return append(b, byte(calls.Add(1))), err
				}
				c.Decode = func(b []byte) (ml.Predictor, error) { return linear.Decode(b[:len(b)-1]) }
			},
		},
		"comes back from a model file": {func(c *mltest.Case) { c.Algorithm = artifact.GBDT }},
		"refuses cut bytes": {func(c *mltest.Case) {
			c.Decode = func(b []byte) (ml.Predictor, error) { return linear.Decode(bytes.TrimSuffix(b, []byte{0})) }
		}},
		"takes or refuses missing values":          {func(c *mltest.Case) { c.Missing = true }, before(withoutGaps)},
		"takes or refuses a column without values": {func(c *mltest.Case) { c.Missing = true }, before(withoutGaps)},
		"takes constant columns": {training(func(train trainFunc) trainFunc {
			return func(ctx context.Context, x *frame.Frame, y ml.Target, o ml.Options) (ml.Predictor, error) {
				for _, c := range x.Columns() {
					if c.Type() == frame.Float && slices.Min(c.Floats()) == slices.Max(c.Floats()) {
						return nil, errors.New("it divides by the deviation")
					}
				}
				return train(ctx, x, y, o)
			}
		})},
		"takes or refuses one row":   {func(c *mltest.Case) { c.OneRow = "too_few_rows" }},
		"refuses one class":          {func(c *mltest.Case) { c.OneClass = "too_few_classes" }},
		"takes or refuses one value": {func(c *mltest.Case) { c.Constant = "target_constant" }},
		"takes 100,000 categories": {training(func(train trainFunc) trainFunc {
			return func(ctx context.Context, x *frame.Frame, y ml.Target, o ml.Options) (ml.Predictor, error) {
				if c, ok := x.Column("category"); ok && len(c.Dict()) > 1000 {
					return nil, errors.New("a column for each category does not fit")
				}
				return train(ctx, x, y, o)
			}
		})},
		"refuses other types": {before(func(ctx context.Context, x *frame.Frame, _ *ml.Target, _ *ml.Options) (context.Context, *frame.Frame) {
			return ctx, x.Without("odd")
		})},
		"refuses infinities": {before(func(ctx context.Context, x *frame.Frame, _ *ml.Target, _ *ml.Options) (context.Context, *frame.Frame) {
			return ctx, replaced(x, func(v float64) float64 { return max(-10, min(v, 10)) })
		})},
		"refuses bad weights": {before(func(ctx context.Context, x *frame.Frame, y *ml.Target, _ *ml.Options) (context.Context, *frame.Frame) {
			y.Weights = nil
			return ctx, x
		})},
		"refuses bad labels": {before(func(ctx context.Context, x *frame.Frame, y *ml.Target, _ *ml.Options) (context.Context, *frame.Frame) {
			values := slices.Clone(y.Values)
			for i, v := range values {
				if math.IsNaN(v) {
					values[i] = 0
				}
			}
			y.Values = values
			return ctx, x
		})},
		"refuses tables without rows": {training(func(train trainFunc) trainFunc {
			return func(ctx context.Context, x *frame.Frame, y ml.Target, o ml.Options) (ml.Predictor, error) {
				if x.Rows() == 0 {
					return &linear.Model{}, nil
				}
				return train(ctx, x, y, o)
			}
		})},
	}
}

// rowsFrom returns all rows, some of them twice.
func rowsFrom(twice, rows int) []int {
	out := make([]int, rows)
	for i := range out {
		out[i] = max(i, twice)
	}
	return out
}

func withoutGaps(ctx context.Context, x *frame.Frame, _ *ml.Target, _ *ml.Options) (context.Context, *frame.Frame) {
	return ctx, replaced(x, func(v float64) float64 {
		if math.IsNaN(v) {
			return 0
		}
		return v
	})
}

func replaced(x *frame.Frame, f func(v float64) float64) *frame.Frame {
	columns := make([]frame.Column, 0, len(x.Columns()))
	for _, c := range x.Columns() {
		if c.Type() != frame.Float {
			columns = append(columns, c)
			continue
		}
		values := slices.Clone(c.Floats())
		for i, v := range values {
			values[i] = f(v)
		}
		columns = append(columns, frame.NewFloat(c.Name(), values))
	}
	out, err := frame.New(columns...)
	if err != nil {
		panic(err)
	}
	return out
}

// TestTheSuiteFindsFaults breaks an estimator in every way that a check looks
// for: the check must find it, and nothing where there is nothing.
func TestTheSuiteFindsFaults(t *testing.T) {
	t.Parallel()
	broken := faults()
	for _, name := range mltest.Checks() {
		if len(broken[name]) == 0 {
			t.Errorf("nothing breaks what %q looks for", name)
		}
		task := ml.Binary
		if name == "takes or refuses one row" || name == "takes or refuses one value" {
			task = ml.Regression
		}
		if err := mltest.CheckOne(t.Context(), honest(), task, name); err != nil && !errors.Is(err, mltest.ErrNotApplicable) {
			t.Errorf("%q finds a fault where there is none: %v", name, err)
		}
		for i, change := range broken[name] {
			c := honest()
			change(&c)
			if err := mltest.CheckOne(t.Context(), c, task, name); err == nil || errors.Is(err, mltest.ErrNotApplicable) {
				t.Errorf("%q does not find fault %d", name, i+1)
			}
		}
	}
}
