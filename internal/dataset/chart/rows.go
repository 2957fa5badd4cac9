package chart

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/narrativeml/narrative/internal/dataset/profile"
	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml/frame"
)

const (
	seriesTimes  = 10  // as many rows are read for a chart along an axis
	maxGroups    = 500 // row groups whose beginnings are read of a long table
	maxFarGroups = 16  // row groups more that are read for their outliers
)

// block is rows of the table that a chart is made of: row i is number rows[i].
type block struct {
	*frame.Frame

	rows []int64
	far  bool // only the outliers in it are to be drawn, beside a sample
}

// column returns a column of the block that was read for it.
func (b block) column(name string) frame.Column {
	column, _ := b.Column(name)
	return column
}

// group returns which of the groups row i belongs to, and whether it does to one.
// Without groups all rows are of the same.
func (b block) group(by string, groups []string, i int) (name string, ok bool) {
	if groups == nil {
		return "", true
	}
	name = tabular.Text(b.column(by), i)
	return name, slices.Contains(groups, name)
}

// rows calls fn with blocks of the columns, of all rows of a table that is not long.
// Of one that is it reads the beginnings of row groups, all of them or evenly chosen
// ones; and then what is left of those row groups that hold the farthest outliers of
// the watched columns, which the table's file knows.
func (d *drawing) rows(ctx context.Context, names []string, watched []*profile.Column, fn func(b block)) error {
	var columns []string
	for _, name := range names {
		if name != "" && !slices.Contains(columns, name) {
			columns = append(columns, name)
		}
	}
	r, err := d.table.Open(ctx, columns)
	if err != nil {
		return err
	}
	defer r.Close() //nolint:errcheck // only read
	groups := r.Groups()
	most := d.table.Most
	if d.req.Kind == Line || d.req.Kind == TimeSeries {
		most *= seriesTimes
	}
	every, each := 1, int64(most)
	if d.table.Rows > each {
		every = (len(groups) + maxGroups - 1) / maxGroups
		each = int64(most / ((len(groups) + every - 1) / every))
	}
	done := make([]int64, len(groups)) // rows of each group that were read
	for k := 0; k < len(groups); k += every {
		if done[k], err = d.group(ctx, r, k, 0, each, fn); err != nil {
			return err
		}
		d.chart.RowsRead += done[k]
	}
	d.chart.Sampled = d.chart.RowsRead < d.table.Rows
	if !d.chart.Sampled {
		return nil
	}
	for _, k := range farthest(r, len(groups), watched) {
		if _, err := d.group(ctx, r, k, done[k], groups[k], func(b block) {
			b.far = true
			fn(b)
		}); err != nil {
			return err
		}
	}
	return nil
}

// group calls fn with the rows of a row group from one on, until there were so many,
// and returns how many rows of the group it has come to.
func (d *drawing) group(ctx context.Context, r *tabular.ParquetReader, k int, from, most int64, fn func(b block)) (int64, error) {
	r.Part(k, k+1)
	n := int64(0)
	for n < most {
		chunk, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return n, fmt.Errorf("read table of data set %s: %w", d.table.Dataset, err)
		}
		if n += int64(len(chunk.Rows)); n > from { // what came before ended with a chunk
			fn(block{Frame: chunk.Frame, rows: chunk.Rows})
		}
	}
	return n, nil
}

// farthest returns the row groups that hold the farthest outliers of the columns.
func farthest(r *tabular.ParquetReader, groups int, watched []*profile.Column) []int {
	reach := make(map[int]float64)
	var far []int
	for k := range groups {
		for _, column := range watched {
			if low, high, ok := r.Bounds(k, column.Name); ok {
				reach[k] = max(reach[k], distance(column, low), distance(column, high))
			}
		}
		if reach[k] > 0 {
			far = append(far, k)
		}
	}
	slices.SortFunc(far, func(a, b int) int { return cmp.Or(cmp.Compare(reach[b], reach[a]), cmp.Compare(a, b)) })
	return far[:min(len(far), maxFarGroups)]
}
