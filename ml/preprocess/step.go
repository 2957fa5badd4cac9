package preprocess

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/internal/wire"
)

// Step is a fitted transformer that can be written.
type Step interface {
	ml.Transformer
	transform(ctx context.Context, x *frame.Frame) (*frame.Frame, error)
	kind() kind
	append(b []byte) []byte
}

// kind is the first byte of a written step. The numbers are part of the format.
type kind byte

const (
	kindGroup kind = iota + 1
	kindOneHot
	kindOrdinal
	kindDates
	kindImpute
	kindScale
	kindDrop
	kindFrequency
)

// Append appends the written form of the steps to b. Equal steps have equal
// bytes.
func Append(b []byte, steps []Step) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(steps)))
	for _, s := range steps {
		b = append(b, byte(s.kind()))
		b = wire.AppendString(b, string(s.append(nil)))
	}
	return b
}

// Decode reads what Append wrote. It returns an error for anything else, and
// for steps with expressions, which DecodeWith reads.
func Decode(b []byte) ([]Step, error) { return DecodeWith(b, Environment{}) }

// DecodeWith reads what Append wrote, with a compiler for its expressions.
func DecodeWith(b []byte, env Environment) ([]Step, error) {
	r := wire.NewReader(b)
	n := r.Count(5)
	var steps []Step
	for i := range n {
		k := kind(r.Uint8())
		body := r.String()
		if r.Err() != nil {
			break
		}
		s, err := decodeStep(k, body, env)
		if err != nil {
			return nil, fmt.Errorf("read step %d: %w", i+1, err)
		}
		steps = append(steps, s)
	}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("read steps: %w", err)
	}
	return steps, nil
}

func decodeStep(k kind, body string, env Environment) (Step, error) {
	r := wire.NewReader([]byte(body))
	var s Step
	switch k {
	case kindGroup:
		s = &Group{columns: decodeVocabularies(r)}
	case kindOneHot:
		s = decodeOneHot(r)
	case kindOrdinal:
		s = &Ordinal{columns: decodeVocabularies(r)}
	case kindDates:
		s = decodeDates(r)
	case kindImpute:
		s = decodeImpute(r)
	case kindScale:
		s = decodeScale(r)
	case kindDrop:
		s = decodeDrop(r)
	case kindFrequency:
		s = decodeFrequency(r)
	default:
		e, ok := lookupKind(k)
		if !ok {
			return nil, fmt.Errorf("%d is no kind of step", k)
		}
		f, err := decodeFitted(e, r, env)
		if err != nil {
			return nil, err
		}
		s = f
	}
	if err := r.Close(); err != nil {
		return nil, err
	}
	return s, nil
}

// Apply transforms x by each step in turn. It returns the error of ctx soon
// after that is done.
func Apply(ctx context.Context, steps []Step, x *frame.Frame) (*frame.Frame, error) {
	for _, s := range steps {
		var err error
		if x, err = s.transform(ctx, x); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// replace returns x with each column that has an entry replaced by the columns
// of that entry, in place; entry is nil for a column that stays.
func replace(x *frame.Frame, entry map[string][]frame.Column) (*frame.Frame, error) {
	columns := make([]frame.Column, 0, len(x.Columns())+len(entry))
	taken := make(map[string]bool, len(columns))
	for _, c := range x.Columns() {
		if _, ok := entry[c.Name()]; !ok {
			taken[c.Name()] = true
		}
	}
	for _, c := range x.Columns() {
		by, ok := entry[c.Name()]
		if !ok {
			columns = append(columns, c)
			continue
		}
		for _, made := range by {
			if taken[made.Name()] {
				return nil, &ml.InputError{Code: "name_taken", Column: made.Name(), Row: -1, Message: fmt.Sprintf("a column %q is to be made of column %q, and there is one of that name already; give the other another name", made.Name(), c.Name())}
			}
			taken[made.Name()] = true
		}
		columns = append(columns, by...)
	}
	// A frame without columns would forget how many rows there are.
	if len(columns) == 0 {
		return x.Without(x.Names()...), nil
	}
	out, err := frame.New(columns...)
	if err != nil {
		return nil, fmt.Errorf("preprocess: %w", err)
	}
	return out, nil
}

// namer gives columns that a step adds names that nothing else has.
type namer map[string]bool

func newNamer(x *frame.Frame) namer {
	n := namer{}
	for _, name := range x.Names() {
		n[name] = true
	}
	return n
}

func (n namer) name(want string) string {
	for n[want] {
		want += "_"
	}
	n[want] = true
	return want
}
