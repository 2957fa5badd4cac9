package binned_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/internal/binned"
	"github.com/narrativeml/narrative/ml/internal/parallel"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// mixed has numbers, whole numbers, strings, missing values and two one-hot
// encodings, one of which has a row with two columns set after a given row.
func mixed(rows, clash int) *frame.Frame {
	r := rand.New(rand.NewPCG(1, 2))
	number, count := make([]float64, rows), make([]int64, rows)
	texts := make([]string, rows)
	hot := make([][]float64, 60)
	for i := range hot {
		hot[i] = make([]float64, rows)
	}
	var nulls frame.Bitmap
	for i := range rows {
		number[i], count[i] = r.NormFloat64(), r.Int64N(9)
		if r.Float64() < 0.1 {
			number[i] = math.NaN()
		}
		if r.Float64() < 0.1 {
			nulls.Set(i)
		}
		texts[i] = "t" + strconv.Itoa(r.IntN(20))
		hot[r.IntN(20)][i] = 1
		hot[20+r.IntN(40)][i] = float64(1 + r.IntN(3))
		if i == clash {
			hot[3][i], hot[7][i] = 1, 1
		}
	}
	list := []frame.Column{
		frame.NewFloat("number", number), frame.NewInt("count", frame.Int, count, nulls),
		frame.StringsOf("text", texts, func(i int) bool { return i%7 == 0 }),
	}
	for j, values := range hot {
		list = append(list, frame.NewFloat("hot"+strconv.Itoa(j), values))
	}
	return must(frame.New(list...))
}

// check compares every bin of a table, by row and by column, with that of a
// table in which each feature has a column of its own.
func check(t *testing.T, features []binned.Feature, b, plain *binned.Table) {
	t.Helper()
	for f := range features {
		p := b.Places[f]
		for row := range b.Rows {
			want := int(binned.At(plain.Row(row), plain.Places[f].Column))
			got := int(b.Columns[p.Column][row])
			if at := int(binned.At(b.Row(row), p.Column)); at != got {
				t.Fatalf("row %d of column %d is %d by row, %d by column", row, p.Column, at, got)
			}
			in := p.In(want)
			if got != in && (!p.Bundled || want != p.Common || got >= p.Base && got < p.Base+features[f].Missing()) {
				t.Fatalf("feature %q has %d in row %d, want %d for bin %d (%+v)", features[f].Name, got, row, in, want, p)
			}
		}
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	for name, clash := range map[string]int{"exclusive": -1, "a clash that is seen at once": 3, "a late clash": 1025} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// Of the 40 blocks 16 are looked at, the second not among them.
			x := mixed(40*1024, clash)
			features := must(binned.Fit(x, 255, 1, parallel.Of(2)))
			b := must(binned.NewTable(features, x, parallel.Of(3)))
			check(t, features, b, must(binned.NewRows(features, x, parallel.Of(1))))
			if len(b.Columns) > 8 {
				t.Errorf("%d features take %d columns", len(features), len(b.Columns))
			}
			if same := b.Places[3+3].Column == b.Places[3+7].Column; same != (clash < 0) {
				t.Errorf("two columns that clash in row %d share a column: %v", clash, same)
			}
			if !slices.IsSortedFunc(b.Bins, func(a, b int) int { return binned.Room(b) - binned.Room(a) }) {
				t.Errorf("columns of few bins come before those of many: %v", b.Bins)
			}
		})
	}
}

func TestTableRefuses(t *testing.T) {
	t.Parallel()
	values := make([]float64, 300_000)
	values[123_457] = math.Inf(-1)
	x := must(frame.New(frame.NewFloat("a", make([]float64, len(values))), frame.NewFloat("b", values)))
	features, err := binned.Fit(x, 255, 1, parallel.Of(2))
	if err == nil {
		_, err = binned.NewTable(features, x, parallel.Of(2))
	}
	var e *ml.InputError
	if !errors.As(err, &e) || e.Code != "infinite_value" || e.Column != "b" || e.Row != 123_457 {
		t.Errorf("an infinite value gives %+v", err)
	}
	features = must(binned.Fit(must(x.Select("a")), 255, 1, parallel.Of(1)))
	for name, other := range map[string]*frame.Frame{
		"missing_column": must(frame.New(frame.NewFloat("b", values[:5]))),
		"column_type":    must(frame.New(frame.StringsOf("a", []string{"x"}, nil), frame.NewFloat("b", values[:1]))),
	} {
		for _, build := range []func([]binned.Feature, *frame.Frame, parallel.Team) (*binned.Table, error){binned.NewTable, binned.NewRows} {
			if _, err := build(features, other, parallel.Of(1)); !errors.As(err, &e) || e.Code != name || e.Column != "a" {
				t.Errorf("%s gives %v", name, err)
			}
		}
	}
}

func TestFeatureBin(t *testing.T) {
	t.Parallel()
	numeric := binned.Feature{Name: "n", Bounds: []float64{0, 1}}
	numeric.Prepare()
	categorical := binned.Feature{Name: "c", Categorical: true, Categories: []string{"a", "b"}}
	categorical.Prepare()
	for _, test := range []struct {
		f    *binned.Feature
		v    float64
		want uint8
	}{
		{&numeric, -1, 0},
		{&numeric, 0.5, 1},
		{&numeric, 7, 2},
		{&numeric, math.NaN(), 3},
		{&categorical, 1, 1},
		{&categorical, 2, 2},
		{&categorical, -1, 2},
		{&categorical, 0.5, 2},
		{&categorical, math.NaN(), 2},
	} {
		if got := test.f.Bin(test.v); got != test.want {
			t.Errorf("%v of %q is in bin %d, want %d", test.v, test.f.Name, got, test.want)
		}
	}
}

// TestGrids checks the look-up by a grid against halving, on bounds that are far
// from even.
func TestGrids(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	shapes := map[string]struct {
		draw func() float64
		grid bool
	}{
		"normal":      {r.NormFloat64, true},
		"exponential": {r.ExpFloat64, true},
		"whole":       {func() float64 { return float64(r.IntN(1000)) }, true},
		"doubly":      {func() float64 { return math.Exp(math.Exp(3 * r.Float64())) }, false},
		"extreme":     {func() float64 { return math.Ldexp(r.Float64()-0.5, r.IntN(2000)-1000) }, false},
	}
	for name, shape := range shapes {
		var values []float64
		for range 20_000 {
			values = append(values, shape.draw())
		}
		bounds := binned.Bounds(slices.Clone(values), 255)
		if got := binned.HasGrid(bounds); got != shape.grid {
			t.Errorf("%s: a grid is %v", name, got)
		}
		values = append(values, math.MaxFloat64, -math.MaxFloat64, math.Inf(1), math.Inf(-1), 0)
		values = append(values, bounds...)
		for i, bin := range binned.Bins(bounds, values) {
			if want, _ := slices.BinarySearch(bounds, values[i]); int(bin) != want {
				t.Fatalf("%s: %v is in bin %d, want %d", name, values[i], bin, want)
			}
		}
	}
}
