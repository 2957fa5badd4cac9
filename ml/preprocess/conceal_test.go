package preprocess_test

import (
	"strings"
	"testing"

	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// TestConceal hides values of every type, and leaves missing ones missing.
func TestConceal(t *testing.T) {
	t.Parallel()
	var nulls frame.Bitmap
	nulls.Set(1)
	x := newFrame(t, text("s", "ab", "-", "abc"), frame.NewInt("n", frame.Int, []int64{5, 0, 5}, nulls), frame.NewFloat("f", []float64{5, 2.5, 1e15}),
		frame.NewInt("b", frame.Bool, []int64{1, 0, 0}, nulls), instants("at", "2024-01-31T00:00:00Z", "-", "2024-02-01T00:00:00Z"))
	columns := []any{"s", "n", "f", "b", "at"}
	type p = map[string]any
	masked := fit(t, []preprocess.Spec{step("mask_values", p{"columns": columns, "kind": "iban"})}, x, preprocess.Frames{x})
	after, err := masked.Apply(x)
	if err != nil {
		t.Fatal(err)
	}
	const want = `string s: "iban of 2 bytes" - "iban of 3 bytes"
string n: "iban of 1 bytes" - "iban of 1 bytes"
string f: "iban of 1 bytes" "iban of 3 bytes" "iban of 16 bytes"
string b: "iban of 1 bytes" - "iban of 1 bytes"
string at: "iban of 10 bytes" - "iban of 10 bytes"
`
	if got := dump(after); got != want {
		t.Errorf("masked:\n%s", got)
	}
	hashed := fit(t, []preprocess.Spec{step("hash_values", p{"columns": columns})}, x, preprocess.Frames{x})
	if after, err = hashed.Apply(x); err != nil {
		t.Fatal(err)
	}
	n, _ := after.Column("n")
	f, _ := after.Column("f")
	if n.Text(0) != f.Text(0) || n.Text(0) != (stars{}).Hash("5") || !n.Null(1) || f.Text(1) != (stars{}).Hash("2.5") || f.Text(2) != (stars{}).Hash("1000000000000000") {
		t.Errorf("a whole number and the same decimal have other hashes:\n%s", dump(after))
	}
}

// TestHashKey: a written step has no key, only its name; another key is refused.
func TestHashKey(t *testing.T) {
	t.Parallel()
	x := newFrame(t, text("s", "a", "b"))
	f := fit(t, []preprocess.Spec{step("hash_values", map[string]any{"columns": []any{"s"}})}, x, preprocess.Frames{x})
	if f.Recipe().Spec(0).Parameters["key"] != "k1" || !strings.Contains(f.Recipe().Explain(0), `"k1"`) {
		t.Errorf("the step is %+v: %s", f.Recipe().Spec(0), f.Recipe().Explain(0))
	}
	written := preprocess.Append(nil, f.Steps())
	for code, env := range map[string]preprocess.Environment{
		"": {Concealer: stars{}}, "no_concealer": {}, "hash_key_changed": {Concealer: stars{"k2"}}, "hash_key_missing": {Concealer: stars{"none"}},
	} {
		steps, err := preprocess.DecodeWith(written, env)
		if code != "" {
			wantCode(t, err, code)
			continue
		}
		if err != nil || len(steps) != 1 {
			t.Errorf("read back: %v, %v", steps, err)
		}
	}
	_, err := preprocess.Bind([]preprocess.Spec{step("mask_values", map[string]any{"columns": []any{"s"}, "kind": "soul"})}, preprocess.SchemaOf(x), environment(t))
	wantCode(t, err, "invalid_parameter")
	_, err = preprocess.Bind([]preprocess.Spec{step("mask_values", map[string]any{"columns": []any{"s"}})}, preprocess.SchemaOf(x), preprocess.Environment{})
	wantCode(t, err, "no_concealer")
}
