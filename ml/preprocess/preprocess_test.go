package preprocess_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/preprocess"
)

var nan = math.NaN()

func newFrame(tb testing.TB, columns ...frame.Column) *frame.Frame {
	tb.Helper()
	f, err := frame.New(columns...)
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

// text returns a column of strings in which "-" is missing.
func text(name string, values ...string) frame.Column {
	return frame.StringsOf(name, values, func(i int) bool { return values[i] == "-" })
}

func instants(name string, values ...string) frame.Column {
	out := make([]int64, len(values))
	var nulls frame.Bitmap
	for i, v := range values {
		if v == "-" {
			nulls.Set(i)
			continue
		}
		at, err := time.Parse(time.RFC3339, v)
		if err != nil {
			panic(err)
		}
		out[i] = at.UnixMicro()
	}
	return frame.NewInt(name, frame.Time, out, nulls)
}

// wantNumbers compares columns by name, NaN for missing.
func wantNumbers(t *testing.T, x *frame.Frame, want map[string][]float64) {
	t.Helper()
	if len(x.Columns()) != len(want) {
		t.Errorf("columns %q, want %d", x.Names(), len(want))
	}
	for name, values := range want {
		c, ok := x.Column(name)
		if !ok {
			t.Errorf("no column %q among %q", name, x.Names())
			continue
		}
		for i, w := range values {
			if got := c.Float(i); math.Abs(got-w) > 1e-12*max(1, math.Abs(w)) || math.IsNaN(got) != math.IsNaN(w) {
				t.Errorf("%s[%d] is %v, want %v", name, i, got, w)
			}
		}
	}
}

func apply(t *testing.T, s preprocess.Step, err error, x *frame.Frame) *frame.Frame {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.Transform(x)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var e *ml.InputError
	if !errors.As(err, &e) || e.Code != code || e.Message == "" {
		t.Errorf("error %v, want code %s", err, code)
	}
}

func TestImputeNumbers(t *testing.T) {
	t.Parallel()
	train := newFrame(t,
		frame.NewFloat("x", []float64{1, 5, nan, 5, 9, 0}),
		frame.NewInt("n", frame.Int, []int64{4, 0, 2, 2, 8, 9}, frame.Bitmap{2}),
		frame.NewFloat("empty", []float64{nan, nan, nan, nan, nan, nan}),
	)
	gone := newFrame(t,
		frame.NewFloat("x", []float64{nan, 3}),
		frame.NewFloat("n", []float64{nan, 3}),
		frame.NewFloat("empty", []float64{nan, 3}),
	)
	for strategy, want := range map[preprocess.Strategy][2]float64{
		preprocess.Mean:     {4, 5},
		preprocess.Median:   {5, 4},
		preprocess.Mode:     {5, 2},
		preprocess.Constant: {-1, -1},
	} {
		s, err := preprocess.FitImpute(t.Context(), train, preprocess.ImputeParams{Strategy: strategy, Number: -1})
		empty := 0.0
		if strategy == preprocess.Constant {
			empty = -1
		}
		wantNumbers(t, apply(t, s, err, gone), map[string][]float64{"x": {want[0], 3}, "n": {want[1], 3}, "empty": {empty, 3}})
	}
	s, err := preprocess.FitImpute(t.Context(), train, preprocess.DefaultImputeParams())
	out := apply(t, s, err, gone)
	wantNumbers(t, out, map[string][]float64{
		"x": {5, 3}, "x is missing": {1, 0}, "n": {4, 3}, "n is missing": {1, 0}, "empty": {0, 3}, "empty is missing": {1, 0},
	})
	if !slices.Equal(out.Names()[:2], []string{"x", "x is missing"}) {
		t.Errorf("the columns are %q", out.Names())
	}
}

func TestImputeEvenMedianAndLargeValues(t *testing.T) {
	t.Parallel()
	big := math.MaxFloat64
	train := newFrame(t, frame.NewFloat("x", []float64{4, 1, 2, 3}), frame.NewFloat("big", []float64{big, big, big, nan}))
	for strategy, want := range map[preprocess.Strategy]float64{preprocess.Median: 2.5, preprocess.Mean: 2.5} {
		s, err := preprocess.FitImpute(t.Context(), train, preprocess.ImputeParams{Strategy: strategy})
		out := apply(t, s, err, newFrame(t, frame.NewFloat("x", []float64{nan}), frame.NewFloat("big", []float64{nan})))
		wantNumbers(t, out, map[string][]float64{"x": {want}, "big": {big}})
	}
}

// TestMedianAgainstSorting tries the selection on orders that are hard for it.
func TestMedianAgainstSorting(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	for n := 1; n < 400; n += 7 {
		for name, draw := range map[string]func(i int) float64{
			"random": func(int) float64 { return r.NormFloat64() },
			"few":    func(int) float64 { return float64(r.IntN(3)) },
			"rising": func(i int) float64 { return float64(i) },
			"organ":  func(i int) float64 { return float64(min(i, n-i)) },
		} {
			values := make([]float64, n)
			for i := range values {
				values[i] = draw(i)
			}
			s, err := preprocess.FitImpute(t.Context(), newFrame(t, frame.NewFloat("x", values)), preprocess.ImputeParams{Strategy: preprocess.Median})
			out := apply(t, s, err, newFrame(t, frame.NewFloat("x", []float64{nan})))
			sorted := slices.Sorted(slices.Values(values))
			want := sorted[n/2]
			if n%2 == 0 {
				want = sorted[n/2-1]/2 + sorted[n/2]/2
			}
			if c, _ := out.Column("x"); c.Float(0) != want {
				t.Errorf("the median of %d values, %s, is %v, want %v", n, name, c.Float(0), want)
			}
		}
	}
}

func TestImputeStrings(t *testing.T) {
	t.Parallel()
	train := newFrame(t, text("s", "b", "a", "-", "b", "a"), text("full", "x", "x", "y", "y", "y"))
	for strategy, want := range map[preprocess.Strategy]string{preprocess.Mode: "a", preprocess.Constant: "none"} {
		s, err := preprocess.FitImpute(t.Context(), train, preprocess.ImputeParams{Strategy: strategy, Text: "none", Indicator: true})
		out := apply(t, s, err, newFrame(t, text("s", "-", "q"), text("full", "x", "y")))
		c, _ := out.Column("s")
		if c.Text(0) != want || c.Text(1) != "q" || c.Nulls() != 0 {
			t.Errorf("%s: %q and %q", strategy, c.Text(0), c.Text(1))
		}
		if mark, ok := out.Column("s is missing"); !ok || mark.Float(0) != 1 || mark.Float(1) != 0 {
			t.Errorf("%s: marks %v in %q", strategy, mark.Floats(), out.Names())
		}
	}
	s, err := preprocess.FitImpute(t.Context(), train, preprocess.ImputeParams{Strategy: preprocess.Mean})
	if out := apply(t, s, err, train); out.Rows() != 5 {
		t.Error("strings are not let through")
	}
}

func TestOneHot(t *testing.T) {
	t.Parallel()
	train := newFrame(t,
		text("s", "b", "a", "b", "c", "a", "d", "-"),
		frame.NewFloat("s=a", []float64{1, 2, 3, 4, 5, 6, 7}),
		text("t", "x", "y", "x", "y", "x", "y", "x"),
	)
	s, err := preprocess.FitOneHot(t.Context(), train, preprocess.CategoryParams{MaxCategories: 5, MinRows: 2})
	out := apply(t, s, err, newFrame(t,
		text("s", "a", "b", "c", "new", "-"),
		frame.NewFloat("s=a", []float64{1, 2, 3, 4, 5}),
		text("t", "x", "y", "new", "-", "x"),
	))
	wantNumbers(t, out, map[string][]float64{
		"s=a":          {1, 2, 3, 4, 5},
		"s=a_":         {1, 0, 0, 0, 0},
		"s=b":          {0, 1, 0, 0, 0},
		"s=other":      {0, 0, 1, 1, 0},
		"s is missing": {0, 0, 0, 0, 1},
		"t=x":          {1, 0, 0, 0, 1},
		"t=y":          {0, 1, 0, 0, 0},
	})
}

func TestMaxCategories(t *testing.T) {
	t.Parallel()
	train := newFrame(t, text("s", "c", "b", "a", "c", "other", "b", "c"))
	s, err := preprocess.FitOneHot(t.Context(), train, preprocess.CategoryParams{MaxCategories: 2, MinRows: 1})
	out := apply(t, s, err, newFrame(t, text("s", "c", "b", "a", "other")))
	wantNumbers(t, out, map[string][]float64{"s=b": {0, 1, 0, 0}, "s=c": {1, 0, 0, 0}, "s=other_": {0, 0, 1, 1}})
}

func TestOrdinal(t *testing.T) {
	t.Parallel()
	train := newFrame(t, text("s", "low", "high", "low", "-"), text("r", "p", "p", "q", "p"))
	s, err := preprocess.FitOrdinal(t.Context(), train, preprocess.CategoryParams{MaxCategories: 1, MinRows: 1})
	out := apply(t, s, err, newFrame(t, text("s", "low", "high", "new", "-"), text("r", "p", "q", "-", "p")))
	wantNumbers(t, out, map[string][]float64{"s": {0, 1, 1, nan}, "r": {0, 1, nan, 0}})
	s, err = preprocess.FitOrdinal(t.Context(), train, preprocess.CategoryParams{MaxCategories: 9, MinRows: 1})
	out = apply(t, s, err, newFrame(t, text("s", "low", "high", "new"), text("r", "p", "q", "-")))
	wantNumbers(t, out, map[string][]float64{"s": {1, 0, nan}, "r": {0, 1, nan}})
}

func TestGroup(t *testing.T) {
	t.Parallel()
	train := newFrame(t, text("s", "b", "a", "b", "a", "z"), text("all", "x", "y", "x", "y", "x"))
	s, err := preprocess.FitGroup(t.Context(), train, preprocess.CategoryParams{MaxCategories: 9, MinRows: 2})
	out := apply(t, s, err, newFrame(t, text("s", "z", "b", "new", "-"), text("all", "y", "new", "-", "x")))
	c, _ := out.Column("s")
	if !slices.Equal(c.Dict(), []string{"a", "b", "other"}) || !slices.Equal(c.Codes(), []int32{2, 1, 2, -1}) {
		t.Errorf("s is %v of %q", c.Codes(), c.Dict())
	}
	c, _ = out.Column("all")
	if !slices.Equal(c.Dict(), []string{"x", "y"}) || !slices.Equal(c.Codes(), []int32{1, -1, -1, 0}) {
		t.Errorf("all is %v of %q", c.Codes(), c.Dict())
	}
}

func TestDates(t *testing.T) {
	t.Parallel()
	train := newFrame(t, instants("at", "2024-02-29T00:00:00Z", "-", "2024-03-01T00:00:00Z"), frame.NewFloat("x", []float64{1, 2, 3}))
	s, err := preprocess.FitDates(t.Context(), train, preprocess.DefaultDateParams())
	out := apply(t, s, err, newFrame(t,
		instants("at", "1969-12-31T12:00:00Z", "-", "2024-02-29T18:00:00Z"), frame.NewFloat("x", []float64{1, 2, 3})))
	// The year and the hour do not vary in training.
	wantNumbers(t, out, map[string][]float64{
		"x": {1, 2, 3}, "at days": {-0.5, nan, 19782.75}, "at month": {12, nan, 2}, "at day": {31, nan, 29}, "at weekday": {3, nan, 4},
	})
	train = newFrame(t, instants("at", "2023-01-01T05:00:00Z", "2024-01-01T06:00:00Z"))
	s, err = preprocess.FitDates(t.Context(), train, preprocess.DefaultDateParams())
	out = apply(t, s, err, train)
	if c, ok := out.Column("at year"); !ok || c.Float(1) != 2024 {
		t.Errorf("no year among %q", out.Names())
	}
	if c, ok := out.Column("at hour"); !ok || c.Float(0) != 5 {
		t.Errorf("no hour among %q", out.Names())
	}
}

func TestScale(t *testing.T) {
	t.Parallel()
	big := math.MaxFloat64
	train := newFrame(t,
		frame.NewFloat("x", []float64{25, 30, 35}),
		frame.NewFloat("constant", []float64{0.1, 0.1, 0.1}),
		frame.NewFloat("gap", []float64{1, nan, 3}),
		frame.NewFloat("big", []float64{-big, big, 0}),
		frame.NewInt("flag", frame.Bool, []int64{0, 1, 1}, nil),
		frame.NewFloat("empty", []float64{nan, nan, nan}),
		text("s", "a", "b", "c"),
	)
	s, err := preprocess.FitScale(t.Context(), train, preprocess.DefaultScaleParams())
	out := apply(t, s, err, train)
	r, q := math.Sqrt(1.5), math.Sqrt(2)
	wantNumbers(t, out, map[string][]float64{
		"x": {-r, 0, r}, "constant": {0, 0, 0}, "gap": {-1, nan, 1}, "big": {-r, r, 0},
		"flag": {-q, q / 2, q / 2}, "empty": {nan, nan, nan}, "s": {nan, nan, nan},
	})
	far := newFrame(t, append([]frame.Column{
		frame.NewFloat("x", []float64{big}), frame.NewFloat("constant", []float64{7}),
	}, train.Take([]int{0}).Columns()[2:]...)...)
	out = apply(t, s, nil, far)
	if c, _ := out.Column("x"); math.IsInf(c.Float(0), 0) {
		t.Error("a large value becomes infinite")
	}
	if c, _ := out.Column("constant"); c.Float(0) != 0 {
		t.Error("another value of a constant column says something")
	}
}

func TestDrop(t *testing.T) {
	t.Parallel()
	const rows = 40
	names, cities := make([]string, rows), make([]string, rows)
	numbers, gaps, empty := make([]float64, rows), make([]float64, rows), make([]float64, rows)
	for i := range rows {
		names[i], cities[i] = "n"+strconv.Itoa(i), "c"+strconv.Itoa(i%9)
		numbers[i], empty[i] = float64(i), nan
		if i == 3 {
			gaps[i] = nan
		}
	}
	same := func(v string) []string { return slices.Repeat([]string{v}, rows) }
	x := newFrame(t,
		text("name", names...), text("city", cities...), text("same", same("a")...), text("none", same("-")...),
		frame.NewFloat("number", numbers), frame.NewFloat("gap", gaps), frame.NewFloat("empty", empty),
		frame.NewInt("seven", frame.Int, slices.Repeat([]int64{7}, rows), nil),
		frame.NewFloat("half", slices.Repeat([]float64{0.5}, rows)),
	)
	s, err := preprocess.FitDrop(t.Context(), x, preprocess.DefaultDropParams())
	out := apply(t, s, err, x)
	if want := []string{"city", "number", "gap"}; !slices.Equal(out.Names(), want) {
		t.Errorf("%q are left, want %q", out.Names(), want)
	}
	reasons := map[string]string{}
	for _, d := range s.Dropped() {
		reasons[d.Column] = d.Reason
		if !strings.Contains(d.Note, strconv.Quote(d.Column)) {
			t.Errorf("the note %q does not name %q", d.Note, d.Column)
		}
	}
	for column, want := range map[string]string{
		"name": "unique_text", "same": "constant", "none": "all_missing", "empty": "all_missing", "seven": "constant", "half": "constant",
	} {
		if reasons[column] != want {
			t.Errorf("%q is dropped for %q, want %q", column, reasons[column], want)
		}
	}
	if none := apply(t, s, nil, newFrame(t, text("name", "a"))); none.Rows() != 1 || len(none.Columns()) != 0 {
		t.Errorf("%d rows of %q", none.Rows(), none.Names())
	}
}

func TestDistinct(t *testing.T) {
	t.Parallel()
	for want, c := range map[int]frame.Column{
		2: text("s", "a", "b", "a", "-"),
		3: frame.NewFloat("f", []float64{0, math.Copysign(0, -1), 1, 2, nan}),
		1: frame.NewInt("i", frame.Int, []int64{5, 5, 6}, frame.Bitmap{4}),
	} {
		if got := preprocess.Distinct(c); got != want {
			t.Errorf("column %q has %d distinct values, want %d", c.Name(), got, want)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	x := newFrame(t, text("s", "a", "b"), frame.NewFloat("n", []float64{1, 2}), instants("at", "2024-02-29T00:00:00Z", "-"))
	for _, s := range steps(t, x) {
		lacks, other := x.Without("s", "n", "at"), newFrame(t,
			frame.NewFloat("s", []float64{1, 2}), text("n", "a", "b"), text("at", "a", "b"))
		if _, ok := s.(*preprocess.Drop); ok {
			continue
		}
		_, err := s.Transform(lacks)
		wantCode(t, err, "missing_column")
		_, err = s.Transform(other)
		wantCode(t, err, "column_type")
	}
	for _, p := range []preprocess.CategoryParams{{MaxCategories: 0, MinRows: 1}, {MaxCategories: 1, MinRows: 0}} {
		_, err := preprocess.FitOneHot(t.Context(), x, p)
		wantCode(t, err, "invalid_parameter")
		_, err = preprocess.FitOrdinal(t.Context(), x, p)
		wantCode(t, err, "invalid_parameter")
		_, err = preprocess.FitGroup(t.Context(), x, p)
		wantCode(t, err, "invalid_parameter")
	}
	for _, p := range []preprocess.ImputeParams{{Strategy: "guess"}, {Strategy: preprocess.Constant, Number: nan}} {
		_, err := preprocess.FitImpute(t.Context(), x, p)
		wantCode(t, err, "invalid_parameter")
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	x := newFrame(t, text("s", "a", "b"), frame.NewFloat("n", []float64{1, 2}), instants("at", "2024-02-29T00:00:00Z", "-"))
	done, cancel := context.WithCancel(t.Context())
	cancel()
	some := preprocess.CategoryParams{MaxCategories: 2, MinRows: 1}
	for name, fit := range map[string]func() error{
		"group":   func() error { _, err := preprocess.FitGroup(done, x, some); return err },
		"onehot":  func() error { _, err := preprocess.FitOneHot(done, x, some); return err },
		"ordinal": func() error { _, err := preprocess.FitOrdinal(done, x, some); return err },
		"dates":   func() error { _, err := preprocess.FitDates(done, x, preprocess.DefaultDateParams()); return err },
		"impute":  func() error { _, err := preprocess.FitImpute(done, x, preprocess.DefaultImputeParams()); return err },
		"scale":   func() error { _, err := preprocess.FitScale(done, x, preprocess.DefaultScaleParams()); return err },
		"drop":    func() error { _, err := preprocess.FitDrop(done, x, preprocess.DefaultDropParams()); return err },
		"apply":   func() error { _, err := preprocess.Apply(done, steps(t, x)[:1], x); return err },
	} {
		if err := fit(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s returns %v", name, err)
		}
	}
}

// steps fits one of each kind on x.
func steps(tb testing.TB, x *frame.Frame) []preprocess.Step {
	tb.Helper()
	some := preprocess.CategoryParams{MaxCategories: 2, MinRows: 1}
	drop, err := preprocess.FitDrop(tb.Context(), x, preprocess.DefaultDropParams())
	if err != nil {
		tb.Fatal(err)
	}
	cycles := preprocess.DefaultDateParams()
	cycles.Cycles = []preprocess.Part{preprocess.Month, preprocess.Weekday, preprocess.Hour, preprocess.YearDay}
	group, err1 := preprocess.FitGroup(tb.Context(), x, some)
	onehot, err2 := preprocess.FitOneHot(tb.Context(), x, some)
	ordinal, err3 := preprocess.FitOrdinal(tb.Context(), x, some)
	dates, err4 := preprocess.FitDates(tb.Context(), x, cycles)
	impute, err5 := preprocess.FitImpute(tb.Context(), x, preprocess.ImputeParams{Strategy: preprocess.Mode, Indicator: true})
	scale, err6 := preprocess.FitScale(tb.Context(), x, preprocess.DefaultScaleParams())
	frequency, err7 := preprocess.FitFrequency(tb.Context(), x, preprocess.DefaultFrequencyParams())
	if err := errors.Join(err1, err2, err3, err4, err5, err6, err7); err != nil {
		tb.Fatal(err)
	}
	return []preprocess.Step{group, onehot, ordinal, dates, impute, scale, drop, frequency}
}

func rich(tb testing.TB) *frame.Frame {
	tb.Helper()
	return newFrame(tb,
		text("s", "a", "b", "c", "-", "a"), frame.NewFloat("n", []float64{1, 2, nan, 4, 5}),
		instants("at", "2024-02-29T00:00:00Z", "-", "2025-01-01T10:00:00Z", "2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"),
		frame.NewInt("same", frame.Int, []int64{1, 1, 1, 1, 1}, nil))
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	x := rich(t)
	for _, s := range steps(t, x) {
		b := preprocess.Append(nil, []preprocess.Step{s})
		back, err := preprocess.Decode(b)
		if err != nil || len(back) != 1 {
			t.Fatalf("%T: %v", s, err)
		}
		if again := preprocess.Append(nil, back); !bytes.Equal(again, b) {
			t.Errorf("%T comes back with other bytes", s)
		}
		want, err1 := s.Transform(x)
		got, err2 := back[0].Transform(x)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.Names(), want.Names()) {
			t.Errorf("%T makes %q, want %q", s, got.Names(), want.Names())
		}
		for n := range b {
			if _, err := preprocess.Decode(b[:n]); err == nil {
				t.Errorf("the first %d of %d bytes of %T decode", n, len(b), s)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	x := rich(f)
	all := steps(f, x)
	f.Add(preprocess.Append(nil, all))
	for _, s := range all {
		f.Add(preprocess.Append(nil, []preprocess.Step{s}))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		decoded, err := preprocess.Decode(b)
		if err != nil {
			return
		}
		if again := preprocess.Append(nil, decoded); !bytes.Equal(again, b) {
			t.Errorf("%x comes back as %x", b, again)
		}
		for _, s := range decoded {
			_, _ = s.Transform(x) // an error is fine, a panic is not
		}
	})
}
