package baseline

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/internal/wire"
)

// Params are the parameters. There are none.
type Params struct{}

// DefaultParams returns the parameters to start from.
func DefaultParams() Params { return Params{} }

// Validate returns nil: there is nothing to get wrong.
func (Params) Validate() error { return nil }

// Model gives the same outputs for every row.
type Model struct {
	outputs []float64
}

var _ ml.Predictor = (*Model)(nil)

// Train returns a model of the weighted share of each class, or of the weighted
// mean. It returns an *ml.InputError for a target that cannot be learned.
func Train(ctx context.Context, _ Params, x *frame.Frame, y ml.Target, o ml.Options) (*Model, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := y.ValidateTraining(x.Rows()); err != nil {
		return nil, err
	}
	m := &Model{outputs: make([]float64, y.Outputs())}
	if y.Task == ml.Regression {
		m.outputs[0] = mean(y)
	} else {
		shares(y, m.outputs)
	}
	o.Record(ml.Progress{Stage: "baseline", Fraction: 1})
	return m, nil
}

// mean updates the mean instead of summing first, so that large values do not
// overflow.
func mean(y ml.Target) float64 {
	total, value := 0.0, 0.0
	for i, v := range y.Values {
		w := y.Weight(i)
		total += w
		share := w / total
		value = value*(1-share) + v*share
	}
	return value
}

// shares fills out with the weighted share of each class.
func shares(y ml.Target, out []float64) {
	largest := 1.0
	for _, w := range y.Weights {
		largest = math.Max(largest, w)
	}
	total := 0.0
	for i, v := range y.Values {
		w := y.Weight(i) / largest
		out[int(v)] += w
		total += w
	}
	for k := range out {
		out[k] /= total
	}
}

// Outputs is the number of values a row.
func (m *Model) Outputs() int { return len(m.outputs) }

// Predict writes the same Outputs() values for every row of x to out.
func (m *Model) Predict(x *frame.Frame, out []float64) error {
	if len(out) != x.Rows()*len(m.outputs) {
		return fmt.Errorf("baseline: predict %d rows: %d outputs, want %d", x.Rows(), len(out), x.Rows()*len(m.outputs))
	}
	for i := 0; i < len(out); i += len(m.outputs) {
		copy(out[i:], m.outputs)
	}
	return nil
}

const (
	magic   = "NBAS"
	version = 1
)

// AppendBinary appends the bytes of the model, which Decode reads.
func (m *Model) AppendBinary(b []byte) ([]byte, error) {
	b = wire.AppendMagic(b, magic, version)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(m.outputs)))
	return wire.AppendFloats(b, m.outputs...), nil
}

// Decode reads a model written by AppendBinary. It returns an error unless b is
// exactly such a model.
func Decode(b []byte) (*Model, error) {
	r := wire.NewReader(b)
	r.Magic(magic, version)
	outputs := r.Floats(r.Count(8))
	if len(outputs) == 0 {
		r.Fail("the model has no outputs")
	}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("decode baseline model: %w", err)
	}
	return &Model{outputs: outputs}, nil
}
