package forest_test

import (
	"bytes"
	"errors"
	"testing"
	"testing/iotest"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/forest"
)

// TestStream writes a model in pieces and reads it as it arrives.
func TestStream(t *testing.T) {
	t.Parallel()
	for name, data := range map[string]problem{"binary": shops(2000, 1), "multiclass": coarse(3000, ml.Multiclass, 1), "regression": friedman(2000, 1)} {
		m := train(t, forest.DefaultParams(), data, ml.Options{})
		b := encode(t, m)
		var joined []byte
		n := 0
		for piece := range m.Pieces() {
			joined = append(joined, piece...)
			n++
		}
		if !bytes.Equal(joined, b) || n < 2 {
			t.Errorf("%s: %d pieces have %d bytes, AppendBinary appends %d", name, n, len(joined), len(b))
		}
		for range m.Pieces() {
			break // whoever stops is left alone
		}
		back, err := forest.Read(iotest.HalfReader(bytes.NewReader(append(bytes.Clone(b), "what follows"...))), uint64(len(b)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !bytes.Equal(encode(t, back), b) {
			t.Errorf("%s: a model comes back with other bytes", name)
		}
		for n := 0; n < len(b); n += 1 + len(b)/97 {
			if _, err := forest.Read(bytes.NewReader(b[:n]), uint64(len(b))); err == nil {
				t.Errorf("%s: the first %d of %d bytes are read", name, n, len(b))
			}
			if _, err := forest.Read(bytes.NewReader(b), uint64(n)); err == nil {
				t.Errorf("%s: %d announced of %d bytes are read", name, n, len(b))
			}
		}
		if _, err := forest.Read(bytes.NewReader(append(bytes.Clone(b), 0)), uint64(len(b)+1)); err == nil {
			t.Errorf("%s: a byte too many is read", name)
		}
	}
	broken := errors.New("the line is dead")
	if _, err := forest.Read(iotest.ErrReader(broken), 100); !errors.Is(err, broken) {
		t.Errorf("a broken reader gives %v", err)
	}
}
