package linear_test

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/linear"
)

// outputs are those of a row, computed as the documentation says.
func outputs(tb testing.TB, m *linear.Model, r reference, i int) []float64 {
	tb.Helper()
	scores := slices.Clone(m.Intercepts())
	for j, f := range m.Features() {
		v := product(tb, r.x, f, i)
		for k := range scores {
			scores[k] += m.Coefficients(k)[j] * v
		}
	}
	switch {
	case r.Task == ml.Binary:
		p := 1 / (1 + math.Exp(-scores[0]))
		return []float64{1 - p, p}
	case r.Task == ml.Multiclass:
		sum := 0.0
		for k, s := range scores {
			scores[k] = math.Exp(s)
			sum += scores[k]
		}
		for k := range scores {
			scores[k] /= sum
		}
		return scores
	case r.Loss == linear.Poisson:
		return []float64{math.Exp(scores[0])}
	default:
		return scores
	}
}

func TestPredict(t *testing.T) {
	t.Parallel()
	for _, r := range references(t) {
		m := fit(t, r.params(), r.x, r.target(), ml.Options{})
		out := predict(t, m, r.x)
		for i := range r.x.Rows() {
			for k, w := range outputs(t, m, r, i) {
				if got := out[i*m.Outputs()+k]; math.Abs(got-w) > 1e-9*max(1, math.Abs(w)) {
					t.Fatalf("%s: output %d of row %d is %v, want %v", r.Name, k, i, got, w)
				}
			}
		}
	}
}

func TestPredictRefuses(t *testing.T) {
	t.Parallel()
	x, list := sparse(t, 100, 1, 5)
	m := fit(t, linear.DefaultParams(), x, list[0].y, ml.Options{})
	out := make([]float64, 2*x.Rows())
	with := func(c frame.Column) *frame.Frame { return newFrame(t, append(x.Without(c.Name()).Columns(), c)...) }
	number, _ := x.Column("number")
	hole, infinite := slices.Clone(number.Floats()), slices.Clone(number.Floats())
	hole[7], infinite[8] = math.NaN(), math.Inf(-1)
	inputError(t, m.Predict(x.Without("s0"), out), "missing_column", "s0", -1)
	inputError(t, m.Predict(with(number.Rename("s0")), out), "column_type", "s0", -1)
	inputError(t, m.Predict(with(frame.NewString("number", make([]int32, 100), []string{"a"})), out), "column_type", "number", -1)
	inputError(t, m.Predict(with(frame.NewFloat("number", hole)), out), "missing_value", "number", 7)
	inputError(t, m.Predict(with(frame.NewFloat("number", infinite)), out), "infinite_value", "number", 8)
	if err := m.Predict(x, out[1:]); err == nil {
		t.Error("an output slice that is too short is taken")
	}
}

// TestPoissonIsFinite predicts far beyond what was learned.
func TestPoissonIsFinite(t *testing.T) {
	t.Parallel()
	p := linear.DefaultParams()
	p.Loss = linear.Poisson
	m := fit(t, p, table(t, []float64{1, 2, 3}), ml.Target{Task: ml.Regression, Values: []float64{1, 3, 9}}, ml.Options{})
	out := predict(t, m, table(t, []float64{1e6, -1e6}))
	if out[0] != math.MaxFloat64 || out[1] != 0 {
		t.Errorf("the predictions are %v", out)
	}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	for _, r := range references(t) {
		m := fit(t, r.params(), r.x, r.target(), ml.Options{})
		b := encode(t, m)
		back, err := linear.Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(encode(t, back), b) || !slices.Equal(back.Columns(), m.Columns()) || !slices.Equal(back.Features(), m.Features()) ||
			back.Loss() != m.Loss() || back.Iterations() != m.Iterations() || back.Converged() != m.Converged() {
			t.Error("the decoded model is another")
		}
		if !slices.Equal(predict(t, back, r.x), predict(t, m, r.x)) {
			t.Error("the decoded model predicts otherwise")
		}
		for n := range b {
			if _, err := linear.Decode(b[:n]); err == nil {
				t.Fatalf("the first %d of %d bytes decode", n, len(b))
			}
		}
		if _, err := linear.Decode(append(b, 0)); err == nil {
			t.Error("a byte too many decodes")
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	x := newFrame(t, frame.StringsOf("s", []string{"aa", "bb", "cc", "aa"}, nil))
	good := encode(t, fit(t, linear.DefaultParams(), x, ml.Target{Task: ml.Regression, Values: []float64{1, 2, 3, 4}}, ml.Options{}))
	for name, change := range map[string]func(b []byte) []byte{
		"another kind":            func(b []byte) []byte { b[6] = 4; return b },
		"binary of a value":       func(b []byte) []byte { b[6] = 1; return b },
		"another version":         func(b []byte) []byte { b[4] = 3; return b },
		"an earlier version":      func(b []byte) []byte { b[4] = 1; return b },
		"other letters":           func(b []byte) []byte { b[0] = 'M'; return b },
		"a truth value of 2":      func(b []byte) []byte { b[16] = 2; return b },
		"repeated categories":     func(b []byte) []byte { return bytes.Replace(b, []byte("bb"), []byte("aa"), 1) },
		"categories out of order": func(b []byte) []byte { return bytes.Replace(b, []byte("cc"), []byte("ab"), 1) },
		"a coefficient too few":   func(b []byte) []byte { return bytes.Replace(b, []byte("cc\x00"), []byte("cc\x01"), 1) },
	} {
		if _, err := linear.Decode(change(bytes.Clone(good))); err == nil {
			t.Errorf("%s decodes", name)
		}
	}
}

// earlier are models in version 1 of the format, written by the program that had
// it, and what they predicted.
type earlier struct {
	Name    string      `json:"name"`
	Bytes   []byte      `json:"bytes"`
	X       [][]float64 `json:"x"`
	Outputs []float64   `json:"outputs"`
}

func version1(tb testing.TB) []earlier {
	tb.Helper()
	raw, err := os.ReadFile("testdata/version1.json")
	if err != nil {
		tb.Fatal(err)
	}
	var list []earlier
	if err := json.Unmarshal(raw, &list); err != nil || len(list) != 3 {
		tb.Fatal(len(list), err)
	}
	return list
}

func TestDecodeVersion1(t *testing.T) {
	t.Parallel()
	for _, old := range version1(t) {
		m, err := linear.Decode(old.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		if got := predict(t, m, table(t, old.X...)); !slices.Equal(got, old.Outputs) {
			t.Errorf("%s: the predictions are %v, want %v", old.Name, got, old.Outputs)
		}
		if want := []string{"x0", "x1"}; !slices.Equal(m.Columns(), want) || len(m.Features()) != 2 {
			t.Errorf("%s: the columns are %q, want %q", old.Name, m.Columns(), want)
		}
	}
}

// FuzzDecode checks that what decodes predicts without a panic, and has bytes
// that decode to the same model, the same again but for those of version 1.
func FuzzDecode(f *testing.F) {
	x, list := sparse(f, 60, 2, 5)
	for _, problem := range list {
		f.Add(encode(f, fit(f, problem.params(), x, problem.y, ml.Options{})))
	}
	for _, old := range version1(f) {
		f.Add(old.Bytes)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := linear.Decode(b)
		if err != nil {
			return
		}
		again := encode(t, m)
		if b[4] != 1 && !bytes.Equal(again, b) {
			t.Fatal("the decoded model has other bytes")
		}
		back, err := linear.Decode(again)
		if err != nil || !slices.Equal(back.Features(), m.Features()) || !bytes.Equal(encode(t, back), again) {
			t.Fatalf("the model does not come back: %v", err)
		}
		if m.Outputs() < 1000 {
			_ = m.Predict(x, make([]float64, x.Rows()*m.Outputs())) // may lack columns
		}
	})
}
