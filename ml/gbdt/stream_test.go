package gbdt_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/gbdt"
)

// large returns a model of more than one piece, and its bytes.
func large(tb testing.TB) (*gbdt.Model, []byte) {
	tb.Helper()
	r := rand.New(rand.NewPCG(2, 3))
	const rows = 4000
	a, s, y := make([]float64, rows), make([]string, rows), make([]float64, rows)
	for i := range a {
		a[i], s[i], y[i] = r.NormFloat64(), string(rune('a'+r.IntN(20))), r.NormFloat64()
	}
	x, err := frame.New(frame.NewFloat("a", a), frame.StringsOf("s", s, nil))
	if err != nil {
		tb.Fatal(err)
	}
	p := gbdt.DefaultParams()
	p.Trees, p.MinChildSamples = 150, 2
	m, err := gbdt.Train(tb.Context(), p, x, ml.Target{Task: ml.Regression, Values: y}, ml.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	b, err := m.AppendBinary(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return m, b
}

func TestPieces(t *testing.T) {
	t.Parallel()
	m, want := large(t)
	var got []byte
	n := 0
	for piece := range m.Pieces() {
		got = append(got, piece...)
		n++
	}
	if !bytes.Equal(got, want) || n < 2 {
		t.Errorf("%d pieces have %d bytes, AppendBinary appends %d", n, len(got), len(want))
	}
	for range m.Pieces() {
		break // whoever stops is left alone
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	_, b := large(t)
	m, err := gbdt.Read(iotest.HalfReader(bytes.NewReader(append(bytes.Clone(b), "what follows"...))), uint64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := m.AppendBinary(nil); err != nil || !bytes.Equal(again, b) {
		t.Errorf("a model comes back with other bytes, error %v", err)
	}
	for n := 0; n < len(b); n += 1 + len(b)/197 {
		if _, err := gbdt.Read(bytes.NewReader(b[:n]), uint64(len(b))); err == nil {
			t.Errorf("the first %d of %d bytes are read", n, len(b))
		}
		if _, err := gbdt.Read(bytes.NewReader(b), uint64(n)); err == nil {
			t.Errorf("%d announced of %d bytes are read", n, len(b))
		}
	}
	if _, err := gbdt.Read(bytes.NewReader(append(bytes.Clone(b), 0)), uint64(len(b)+1)); err == nil {
		t.Error("a byte too many is read")
	}
	broken := errors.New("the line is dead")
	if _, err := gbdt.Read(iotest.ErrReader(broken), 100); !errors.Is(err, broken) {
		t.Errorf("a broken reader gives %v", err)
	}
}
