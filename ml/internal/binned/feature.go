package binned

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/internal/parallel"
	"github.com/narrativeml/narrative/ml/internal/random"
)

// MaxBins is the most bins of a feature besides that of missing values.
const MaxBins = 255

// Feature says how the values of a column become bins. The bin after the last
// one of a value is that of missing values, of unseen categories and of those
// too rare for a bin of their own. Prepare it before rows are looked up.
type Feature struct {
	Name        string
	Categorical bool
	Bounds      []float64 // numeric: at most 254, ascending; bin b holds values up to Bounds[b]
	Categories  []string  // categorical: the text of each bin, at most 255

	numeric *binner          // looks numbers up in Bounds
	index   map[string]uint8 // looks text up in Categories
}

// Prepare makes the feature ready to be looked up in.
func (f *Feature) Prepare() {
	if !f.Categorical {
		f.numeric = newBinner(f.Bounds)
		return
	}
	f.index = make(map[string]uint8, len(f.Categories))
	for i, text := range f.Categories {
		f.index[text] = uint8(i)
	}
}

// Missing returns the bin of missing values, which is the last one.
func (f *Feature) Missing() int {
	if f.Categorical {
		return len(f.Categories)
	}
	return len(f.Bounds) + 1
}

// Bin returns the bin of a number: of a value if the feature is numeric, else of
// the category with that place in Categories. NaN is missing.
func (f *Feature) Bin(v float64) uint8 {
	if f.Categorical {
		if v >= 0 && v < float64(len(f.Categories)) && v == math.Trunc(v) {
			return uint8(v)
		}
		return uint8(len(f.Categories))
	}
	return f.numeric.bin(v)
}

// sampleSize is the number of values that decide where bins begin.
const sampleSize = 200_000

// Fit finds the bins of every column of x, at most limit besides that of missing
// values, from a sample drawn by the seed. Of a column with more categories the
// most frequent are told apart. The features are prepared. It returns an
// *ml.InputError for a column that is infinite within the sample; a Table finds
// the others.
func Fit(x *frame.Frame, limit int, seed uint64, t parallel.Team) ([]Feature, error) {
	columns := x.Columns()
	out := make([]Feature, len(columns))
	errs := make([]error, len(columns))
	fitters := make([]fitter, t.Size())
	t.Each(len(columns), func(worker, i int) {
		out[i], errs[i] = fitters[worker].fit(columns[i], limit, seed)
		out[i].Prepare()
	})
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// fitter holds the room of a worker.
type fitter struct {
	sample []float64
	sorter sorter
}

func (w *fitter) fit(c frame.Column, limit int, seed uint64) (Feature, error) {
	f := Feature{Name: c.Name(), Categorical: c.Type() == frame.String}
	if f.Categorical {
		f.Categories = frequent(c, limit)
		return f, nil
	}
	if row := w.draw(c, seed); row >= 0 {
		return f, infiniteError(f.Name, row)
	}
	w.sorter.sort(w.sample)
	f.Bounds = bounds(w.sample, limit)
	return f, nil
}

// infiniteError tells of an infinite value.
func infiniteError(column string, row int) error {
	return &ml.InputError{
		Code: "infinite_value", Column: column, Row: row,
		Message: fmt.Sprintf("the column %q is infinite in row %d; every value must be a finite number or missing", column, row+1),
	}
}

// draw samples the values that are there, of one row from each of at most
// sampleSize equal stretches. It returns the first infinite row seen, or -1.
func (w *fitter) draw(c frame.Column, seed uint64) int {
	n := min(c.Len(), sampleSize)
	w.sample = slices.Grow(w.sample[:0], n)
	values := c.Floats()
	for i := range n {
		row := i
		if n < c.Len() {
			low, high := i*c.Len()/n, (i+1)*c.Len()/n
			row = low + int(random.At(seed, i)%uint64(high-low))
		}
		var v float64
		if values != nil {
			v = values[row]
		} else {
			v = c.Float(row)
		}
		if math.IsInf(v, 0) {
			return row
		}
		if !math.IsNaN(v) {
			w.sample = append(w.sample, v)
		}
	}
	return -1
}

// frequent returns the limit most frequent categories, by descending frequency
// and then by text.
func frequent(c frame.Column, limit int) []string {
	counts := make([]int, len(c.Dict()))
	for _, k := range c.Codes() {
		if k >= 0 {
			counts[k]++
		}
	}
	var seen []int32
	for k, n := range counts {
		if n > 0 {
			seen = append(seen, int32(k))
		}
	}
	slices.SortFunc(seen, func(a, b int32) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(c.Dict()[a], c.Dict()[b]))
	})
	out := make([]string, min(limit, len(seen)))
	for i := range out {
		out[i] = c.Dict()[seen[i]]
	}
	return out
}
