package preprocess_test

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// numbers is a list in which null is a missing value.
type numbers []float64

func (n *numbers) UnmarshalJSON(b []byte) error {
	var list []*float64
	if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	*n = make(numbers, len(list))
	for i, v := range list {
		(*n)[i] = nan
		if v != nil {
			(*n)[i] = *v
		}
	}
	return nil
}

// reference is what testdata/reference.py writes.
type reference struct {
	Names      []string
	Numbers    map[string]numbers
	Fresh      map[string]numbers
	Weights    []float64
	Words      []*string
	FreshWords []*string `json:"fresh_words"`
	Scalings   []struct {
		Method       preprocess.Method
		Low, High    float64
		Weighted     bool
		Train, Fresh map[string]numbers
	}
	Imputations []struct {
		Strategy preprocess.Strategy
		Number   float64
		Train    map[string]numbers
		Weighted map[string]float64
	}
	Encodings struct {
		OneHot []struct {
			MinRows int `json:"min_rows"`
			Names   []string
			Fresh   [][]float64
		}
		Ordinal, Frequency numbers
	}
	Variances []struct {
		Threshold float64
		Kept      []string
	}
	Correlations struct {
		Selected []struct {
			Limit float64
			Kept  []string
		}
		Pairs [][3]any
	}
	Cycles struct {
		Micros  []int64
		Parts   map[string]numbers
		YearDay numbers `json:"day of year"`
	}
}

func load(tb testing.TB) reference {
	tb.Helper()
	b, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		tb.Fatal(err)
	}
	var r reference
	if err := json.Unmarshal(b, &r); err != nil {
		tb.Fatal(err)
	}
	return r
}

// table makes a frame of columns in the order of the reference.
func (r reference) table(tb testing.TB, columns map[string]numbers) *frame.Frame {
	tb.Helper()
	var all []frame.Column
	for _, name := range r.Names {
		if values, ok := columns[name]; ok {
			all = append(all, frame.NewFloat(name, values))
		}
	}
	return newFrame(tb, all...)
}

func words(name string, list []*string) frame.Column {
	values := make([]string, len(list))
	for i, s := range list {
		if s != nil {
			values[i] = *s
		}
	}
	return frame.StringsOf(name, values, func(i int) bool { return list[i] == nil })
}

// wantNear compares columns by name to nine digits, NaN for missing.
func wantNear(t *testing.T, what string, x *frame.Frame, want map[string]numbers) {
	t.Helper()
	if len(x.Columns()) != len(want) {
		t.Errorf("%s: columns %q, want %d", what, x.Names(), len(want))
	}
	for name, values := range want {
		c, ok := x.Column(name)
		if !ok {
			t.Errorf("%s: no column %q among %q", what, name, x.Names())
			continue
		}
		for i, w := range values {
			if got := c.Float(i); math.Abs(got-w) > 1e-9*max(1, math.Abs(w)) || math.IsNaN(got) != math.IsNaN(w) {
				t.Errorf("%s: %s[%d] is %v, want %v", what, name, i, got, w)
			}
		}
	}
}

func TestScaleReference(t *testing.T) {
	t.Parallel()
	r := load(t)
	train, fresh := r.table(t, r.Numbers), r.table(t, r.Fresh)
	for _, c := range r.Scalings {
		p := preprocess.ScaleParams{Method: c.Method, Low: c.Low, High: c.High}
		var weights []float64
		if c.Weighted {
			weights = r.Weights
		}
		s, err := preprocess.FitScale(t.Context(), train, p, weights...)
		wantNear(t, string(c.Method), apply(t, s, err, train), c.Train)
		s, err = preprocess.FitScale(t.Context(), train.Without("constant"), p, weights...)
		wantNear(t, string(c.Method), apply(t, s, err, fresh), c.Fresh)
	}
}

func TestImputeReference(t *testing.T) {
	t.Parallel()
	r := load(t)
	train := r.table(t, r.Numbers)
	gone := map[string]numbers{}
	for _, name := range r.Names {
		gone[name] = numbers{nan}
	}
	for _, c := range r.Imputations {
		p := preprocess.ImputeParams{Strategy: c.Strategy, Number: c.Number, Indicator: true}
		s, err := preprocess.FitImpute(t.Context(), train, p)
		wantNear(t, string(c.Strategy), apply(t, s, err, train), c.Train)
		// A weight is as good as that many rows.
		p.Indicator = false
		s, err = preprocess.FitImpute(t.Context(), train, p, r.Weights...)
		want := map[string]numbers{}
		for name, v := range c.Weighted {
			want[name] = numbers{v}
		}
		wantNear(t, "weighted "+string(c.Strategy), apply(t, s, err, r.table(t, gone)), want)
	}
}

func TestEncodingReference(t *testing.T) {
	t.Parallel()
	r := load(t)
	train, fresh := newFrame(t, words("w", r.Words)), newFrame(t, words("w", r.FreshWords))
	var known []int
	for i, s := range r.FreshWords {
		if s != nil {
			known = append(known, i)
		}
	}
	grouped := false
	for _, c := range r.Encodings.OneHot {
		s, err := preprocess.FitOneHot(t.Context(), train, preprocess.CategoryParams{MaxCategories: 9, MinRows: c.MinRows})
		want := map[string]numbers{"w is missing": make(numbers, len(known))}
		for k, name := range c.Names {
			grouped = grouped || name == "other"
			values := make(numbers, len(known))
			for i := range known {
				values[i] = c.Fresh[i][k]
			}
			want["w="+name] = values
		}
		wantNear(t, "one-hot", apply(t, s, err, fresh.Take(known)), want)
	}
	if !grouped {
		t.Error("the reference groups nothing")
	}
	ordinal, err := preprocess.FitOrdinal(t.Context(), train, preprocess.CategoryParams{MaxCategories: 9, MinRows: 1})
	wantNear(t, "ordinal", apply(t, ordinal, err, fresh), map[string]numbers{"w": r.Encodings.Ordinal})
	frequency, err := preprocess.FitFrequency(t.Context(), train, preprocess.DefaultFrequencyParams())
	wantNear(t, "frequency", apply(t, frequency, err, fresh), map[string]numbers{"w": r.Encodings.Frequency})
}

func TestVarianceReference(t *testing.T) {
	t.Parallel()
	r := load(t)
	train := r.table(t, r.Numbers)
	for _, c := range r.Variances {
		s, err := preprocess.FitVariance(t.Context(), train, preprocess.VarianceParams{Threshold: c.Threshold})
		if got := apply(t, s, err, train).Names(); !slices.Equal(got, c.Kept) {
			t.Errorf("above %v there are %q, want %q", c.Threshold, got, c.Kept)
		}
	}
}

func TestCorrelationReference(t *testing.T) {
	t.Parallel()
	r := load(t)
	train := r.table(t, r.Numbers)
	for _, c := range r.Correlations.Selected {
		s, err := preprocess.FitCorrelation(t.Context(), train, preprocess.CorrelationParams{Limit: c.Limit})
		if got := apply(t, s, err, train).Names(); !slices.Equal(got, c.Kept) {
			t.Errorf("up to %v there are %q, want %q", c.Limit, got, c.Kept)
		}
	}
	// The limit just below and just above the correlation tells it to nine
	// digits. A weight is as good as that many rows.
	for _, pair := range r.Correlations.Pairs {
		names := []string{pair[0].(string), pair[1].(string)}
		for by, want := range map[float64]int{-1e-9: 1, 1e-9: 0} {
			p := preprocess.CorrelationParams{Columns: names, Limit: math.Abs(pair[2].(float64)) + by}
			s, err := preprocess.FitCorrelation(t.Context(), train, p, r.Weights...)
			if err != nil {
				t.Fatal(err)
			}
			if got := s.Dropped(); len(got) != want {
				t.Errorf("with the limit %v %v are dropped of %q, want %d", p.Limit, got, names, want)
			}
		}
	}
}

func TestCyclesReference(t *testing.T) {
	t.Parallel()
	r := load(t)
	train := newFrame(t, frame.NewInt("at", frame.Time, r.Cycles.Micros, nil))
	p := preprocess.DateParams{
		Parts:  []preprocess.Part{preprocess.YearDay},
		Cycles: []preprocess.Part{preprocess.Month, preprocess.Weekday, preprocess.Hour, preprocess.YearDay},
	}
	s, err := preprocess.FitDates(t.Context(), train, p)
	want := map[string]numbers{"at day of year": r.Cycles.YearDay}
	for name, values := range r.Cycles.Parts {
		want["at "+name] = values
	}
	wantNear(t, "cycles", apply(t, s, err, train), want)
}
