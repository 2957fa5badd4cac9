package linear

import (
	"encoding/binary"
	"fmt"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/internal/wire"
)

// The bytes of a model, little-endian:
//
//	"NLIN", version u16, kind u8 (0 binary, 1 multiclass, 2 regression, 3 poisson regression)
//	columns u32, each: name string, text u8 (0 floats, 1 strings); where that is
//	    1 categories u32, each a string, ascending, and missing u8
//	scores u32, each: intercept f64, then a coefficient f64 for each feature
//	iterations u32, converged u8
//
// A string is its length as u32 and its bytes. Version 1 had no kind 3, and of a
// column only the name: all were floats.
const (
	magic   = "NLIN"
	version = 2
)

// kinds are the tasks and losses, in the order of their numbers.
func kinds() []Model {
	return []Model{
		{task: ml.Binary, loss: LogLoss},
		{task: ml.Multiclass, loss: LogLoss},
		{task: ml.Regression, loss: SquaredError},
		{task: ml.Regression, loss: Poisson},
	}
}

// AppendBinary appends the bytes of the model, which Decode reads. The same
// model has the same bytes.
func (m *Model) AppendBinary(b []byte) ([]byte, error) {
	b = wire.AppendMagic(b, magic, version)
	for code, k := range kinds() {
		if k.task == m.task && k.loss == m.loss {
			b = append(b, byte(code))
		}
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(m.inputs)))
	for _, in := range m.inputs {
		b = wire.AppendString(b, in.name)
		b = wire.AppendBool(b, in.text)
		if in.text {
			b = wire.AppendStrings(b, in.categories)
			b = wire.AppendBool(b, in.missing)
		}
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(m.intercepts)))
	for k, c := range m.intercepts {
		b = wire.AppendFloats(b, c)
		b = wire.AppendFloats(b, m.Coefficients(k)...)
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(m.iterations))
	return wire.AppendBool(b, m.converged), nil
}

// Decode reads a model written by AppendBinary, now or by an earlier version. It
// returns an error unless b is exactly such a model.
func Decode(b []byte) (*Model, error) {
	written := uint16(version)
	if len(b) >= 6 && binary.LittleEndian.Uint16(b[4:]) == 1 {
		written = 1
	}
	r := wire.NewReader(b)
	r.Magic(magic, written)
	m := &Model{}
	code := int(r.Uint8())
	if known := kinds(); code < len(known) && (written > 1 || code < 3) {
		*m = known[code]
	} else {
		r.Fail("kind %d is unknown", code)
	}
	m.decodeInputs(r, written)
	scores := r.Count(8 * (1 + m.width()))
	if m.task == ml.Multiclass && scores < 2 || m.task != ml.Multiclass && scores != 1 {
		r.Fail("%d scores for a %s model", scores, m.task)
	}
	for range scores {
		m.intercepts = append(m.intercepts, r.Float())
		m.coefficients = append(m.coefficients, r.Floats(m.width())...)
	}
	m.iterations = int(r.Uint32())
	m.converged = r.Bool()
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("decode linear model: %w", err)
	}
	return m, nil
}

func (m *Model) decodeInputs(r *wire.Reader, written uint16) {
	size := 5
	if written == 1 {
		size = 4
	}
	seen := map[string]bool{}
	for range r.Count(size) {
		in := input{name: r.String()}
		if written > 1 && r.Bool() {
			in.text, in.categories, in.missing = true, r.Strings(), r.Bool()
		}
		if r.Err() != nil {
			return
		}
		if in.name == "" || seen[in.name] {
			r.Fail("column name %q is empty or repeated", in.name)
		}
		seen[in.name] = true
		for i := 1; i < len(in.categories); i++ {
			if in.categories[i-1] >= in.categories[i] {
				r.Fail("the categories of column %q are not in order", in.name)
			}
		}
		m.inputs = append(m.inputs, in)
	}
}
