package chart

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sort"

	"github.com/narrativeml/narrative/internal/dataset/profile"
)

const maxOutliers = 200 // of a box

// boxPlot draws the numbers of y, by the values of a column.
func (d *drawing) boxPlot(ctx context.Context) error {
	f, described, err := d.number()
	if err != nil {
		return err
	}
	names, err := d.groups()
	if err != nil {
		return err
	}
	values, far := make(map[string][]float64), make(map[string][]float64)
	err = d.rows(ctx, []string{f.Name, d.req.By}, []*profile.Column{described}, func(b block) {
		y := b.column(f.Name)
		for i := range b.rows {
			group, ok := b.group(d.req.By, names, i)
			switch {
			case y.Null(i), !ok:
			case !b.far:
				values[group] = append(values[group], y.Float(i))
			case distance(described, y.Float(i)) > 0:
				far[group] = append(far[group], y.Float(i))
			}
		}
	})
	if err != nil {
		return err
	}
	if names == nil {
		names = []string{""}
	}
	d.chart.Boxes = []Box{}
	for _, name := range names {
		if len(values[name]) > 0 {
			d.chart.Boxes = append(d.chart.Boxes, boxOf(name, values[name], far[name]))
		}
	}
	return nil
}

// boxOf describes the values, which it sorts, with those outliers of others that are
// far enough.
func boxOf(name string, values, far []float64) Box {
	slices.Sort(values)
	at := func(share float64) float64 { // between the two values that are nearest
		x := share * float64(len(values)-1)
		k := int(x)
		if k+1 == len(values) {
			return values[k]
		}
		return values[k] + (x-float64(k))*(values[k+1]-values[k])
	}
	b := Box{Group: name, Count: int64(len(values)), Q1: at(0.25), Median: at(0.5), Q3: at(0.75), Outliers: []float64{}}
	fence := 1.5 * (b.Q3 - b.Q1)
	low := sort.SearchFloat64s(values, b.Q1-fence)
	high := sort.Search(len(values), func(i int) bool { return values[i] > b.Q3+fence })
	b.Low, b.High = values[low], values[high-1]
	outside := append(slices.Clone(values[:low]), values[high:]...)
	b.Outside = int64(len(outside))
	for _, v := range far {
		if v < b.Q1-fence || v > b.Q3+fence {
			outside = append(outside, v)
		}
	}
	slices.SortStableFunc(outside, func(x, y float64) int {
		return cmp.Compare(math.Abs(y-b.Median), math.Abs(x-b.Median))
	})
	b.Outliers = append(b.Outliers, outside[:min(len(outside), maxOutliers)]...)
	slices.Sort(b.Outliers)
	return b
}
