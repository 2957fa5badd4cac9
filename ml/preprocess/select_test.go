package preprocess_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/preprocess"
)

func TestVariance(t *testing.T) {
	t.Parallel()
	x := newFrame(t,
		frame.NewFloat("wide", []float64{-2, 2, -2, 2}), // 4
		frame.NewInt("flag", frame.Bool, []int64{0, 0, 0, 1}, nil),
		frame.NewFloat("tenth", []float64{0.1, 0.1, 0.1, nan}), // 0 but for rounding
		frame.NewFloat("gone", []float64{nan, nan, nan, nan}),
		frame.NewFloat("huge", []float64{-math.MaxFloat64, math.MaxFloat64, 0, 0}),
		instants("at", "2024-02-29T00:00:00Z", "-", "-", "-"),
		text("s", "a", "a", "a", "a"),
	)
	for threshold, want := range map[float64][]string{
		0:               {"wide", "flag", "huge", "at", "s"},
		0.1875:          {"wide", "huge", "at", "s"},
		4:               {"huge", "at", "s"},
		math.MaxFloat64: {"huge", "at", "s"},
	} {
		s, err := preprocess.FitVariance(t.Context(), x, preprocess.VarianceParams{Threshold: threshold})
		if got := apply(t, s, err, x).Names(); !slices.Equal(got, want) {
			t.Errorf("above %v there are %q, want %q", threshold, got, want)
		}
	}
	// By weight the one row with the flag is half of them.
	s, err := preprocess.FitVariance(t.Context(), x, preprocess.VarianceParams{Columns: []string{"flag", "tenth"}, Threshold: 0.2}, 1, 1, 1, 3)
	if err != nil {
		t.Fatal(err)
	}
	dropped := s.Dropped()
	if len(dropped) != 1 || dropped[0].Column != "tenth" || dropped[0].Reason != "low_variance" || !strings.Contains(dropped[0].Note, `"tenth"`) {
		t.Errorf("%+v", dropped)
	}
}

// TestCorrelationRule has chains: b is near a, c near b but not a, and so on.
func TestCorrelationRule(t *testing.T) {
	t.Parallel()
	const rows = 400
	r := rand.New(rand.NewPCG(5, 6))
	draw := func(of []float64, noise float64) []float64 {
		out := make([]float64, rows)
		for i := range out {
			out[i] = noise * r.NormFloat64()
			if of != nil {
				out[i] += of[i]
			}
		}
		return out
	}
	a := draw(nil, 1)
	b := draw(a, 0.5)
	c := draw(b, 0.5)
	minus := make([]float64, rows)
	for i := range minus {
		minus[i] = 5 - 3*a[i]
	}
	x := newFrame(t,
		frame.NewFloat("a", a), frame.NewFloat("one", slices.Repeat([]float64{0.1}, rows)), text("s", slices.Repeat([]string{"a"}, rows)...),
		frame.NewFloat("b", b), frame.NewFloat("c", c), frame.NewFloat("minus", minus), frame.NewFloat("c again", c))
	for _, test := range []struct {
		p    preprocess.CorrelationParams
		want []string
	}{
		{preprocess.CorrelationParams{Limit: 0.87}, []string{"b: a", "minus: a", "c again: c"}}, // b does not drop c
		{preprocess.CorrelationParams{Limit: 0.95}, []string{"minus: a", "c again: c"}},
		{preprocess.CorrelationParams{Limit: 1}, nil},
		{preprocess.CorrelationParams{Limit: 0.87, Columns: []string{"c", "b", "a", "minus"}}, []string{"b: c", "minus: a"}}, // the order given
		{preprocess.CorrelationParams{Limit: 0.87, Columns: []string{"a"}}, nil},
	} {
		s, err := preprocess.FitCorrelation(t.Context(), x, test.p)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range s.Dropped() {
			_, by, _ := strings.Cut(d.Note, "with \"")
			by, _, _ = strings.Cut(by, "\"")
			got = append(got, d.Column+": "+by)
			if d.Reason != "correlated" {
				t.Errorf("%+v", d)
			}
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%+v drops %q, want %q", test.p, got, test.want)
		}
	}
}

// TestCorrelationOfFewRows cannot tell: two values always lie on a line.
func TestCorrelationOfFewRows(t *testing.T) {
	t.Parallel()
	half := []float64{1, 2, nan, nan, 3}
	other := []float64{nan, 5, 7, 1, 9}
	for name, x := range map[string]*frame.Frame{
		"two rows":           newFrame(t, frame.NewFloat("a", []float64{1, 2}), frame.NewFloat("b", []float64{3, 4})),
		"one row":            newFrame(t, frame.NewFloat("a", []float64{1}), frame.NewFloat("b", []float64{3})),
		"no row":             newFrame(t, frame.NewFloat("a", nil), frame.NewFloat("b", nil)),
		"two rows in common": newFrame(t, frame.NewFloat("a", half), frame.NewFloat("b", other)),
		"no variation in the rows in common": newFrame(t,
			frame.NewFloat("a", []float64{1, 1, 1, 5, nan}), frame.NewFloat("b", []float64{1, 2, 3, nan, 4})),
		"nothing": newFrame(t, frame.NewFloat("a", []float64{nan, nan}), frame.NewFloat("b", []float64{nan, nan})),
	} {
		s, err := preprocess.FitCorrelation(t.Context(), x, preprocess.CorrelationParams{})
		if err != nil || len(s.Dropped()) != 0 {
			t.Errorf("%s: %+v, error %v", name, s.Dropped(), err)
		}
	}
}

// TestCorrelationOfManyColumns compares 2,000 columns, of which every third
// repeats one far before it, with gaps in some.
func TestCorrelationOfManyColumns(t *testing.T) {
	t.Parallel()
	const rows, width = 700, 2000
	r := rand.New(rand.NewPCG(7, 8))
	columns := make([]frame.Column, width)
	var want []string
	for k := range columns {
		values := make([]float64, rows)
		for i := range values {
			values[i] = r.NormFloat64()
			if k%3 == 2 && k > 300 {
				values[i] = 2 - columns[k-299].Float(i) + 0.01*r.NormFloat64()
			}
			if k%50 == 0 && i%7 == 0 {
				values[i] = nan
			}
		}
		columns[k] = frame.NewFloat(fmt.Sprint("c", k), values)
		if k%3 == 2 && k > 300 {
			want = append(want, columns[k].Name())
		}
	}
	x := newFrame(t, columns...)
	s, err := preprocess.FitCorrelation(t.Context(), x, preprocess.CorrelationParams{Limit: 0.9, MaxRows: 300})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range s.Dropped() {
		got = append(got, d.Column)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d columns are dropped, want %d", len(got), len(want))
	}
}

// countdown is a context that is done when it has been asked some times.
type countdown struct{ left int }

var _ context.Context = (*countdown)(nil)

func (*countdown) Deadline() (at time.Time, ok bool) { return at, false }
func (*countdown) Done() <-chan struct{}             { return nil }
func (*countdown) Value(any) any                     { return nil }

func (c *countdown) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// TestSelectionStops cancels at every point where a selection looks.
func TestSelectionStops(t *testing.T) {
	t.Parallel()
	columns := make([]frame.Column, 130)
	for k := range columns {
		columns[k] = frame.NewFloat(fmt.Sprint("c", k), []float64{float64(k), 1, 5, float64(k * k % 7), 2})
	}
	x := newFrame(t, columns...)
	for name, fit := range map[string]func(ctx context.Context) error{
		"correlation": func(ctx context.Context) error {
			_, err := preprocess.FitCorrelation(ctx, x, preprocess.CorrelationParams{Limit: 0.9999})
			return err
		},
		"variance": func(ctx context.Context) error {
			_, err := preprocess.FitVariance(ctx, x, preprocess.DefaultVarianceParams())
			return err
		},
	} {
		looks := 0
		for fit(&countdown{looks}) != nil {
			if err := fit(&countdown{looks}); !errors.Is(err, context.Canceled) {
				t.Fatalf("%s stops with %v", name, err)
			}
			looks++
		}
		if looks <= len(columns) {
			t.Errorf("%s looks %d times for %d columns", name, looks, len(columns))
		}
	}
}
