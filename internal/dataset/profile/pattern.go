package profile

import (
	"cmp"
	"slices"

	"github.com/narrativeml/narrative/ml/frame"
)

const (
	maxPatterns = 1000 // combinations of missing columns that are told apart
	topPatterns = 10
)

// patterns counts which columns are missing together.
type patterns struct {
	complete int64
	others   int64 // rows of combinations that came when there was no more room
	seen     map[uint64]*pattern
	marks    []uint64 // of each row of the chunk
}

type pattern struct {
	columns []int
	rows    int64
}

func (p *patterns) add(parts []frame.Column, rows int) {
	p.marks = append(p.marks[:0], make([]uint64, rows)...)
	var some []int
	for k, c := range parts {
		if c.Nulls() == 0 {
			continue
		}
		some = append(some, k)
		mark := mix(uint64(k) + seed)
		for i := range rows {
			if c.Null(i) {
				p.marks[i] += mark
			}
		}
	}
	if len(some) == 0 {
		p.complete += int64(rows)
		return
	}
	for i, mark := range p.marks {
		if mark == 0 {
			p.complete++
			continue
		}
		if known := p.seen[mark]; known != nil {
			known.rows++
			continue
		}
		if len(p.seen) == maxPatterns {
			p.others++
			continue
		}
		found := &pattern{rows: 1}
		for _, k := range some {
			if parts[k].Null(i) {
				found.columns = append(found.columns, k)
			}
		}
		if p.seen == nil {
			p.seen = make(map[uint64]*pattern)
		}
		p.seen[mark] = found
	}
}

func (p *patterns) merge(o *patterns) {
	p.complete += o.complete
	p.others += o.others
	if p.seen == nil {
		p.seen = make(map[uint64]*pattern)
	}
	for _, more := range o.sorted() { // in order, so that the result is the same each time
		mark := uint64(0)
		for _, k := range more.columns {
			mark += mix(uint64(k) + seed)
		}
		switch known := p.seen[mark]; {
		case known != nil:
			known.rows += more.rows
		case len(p.seen) == maxPatterns:
			p.others += more.rows
		default:
			p.seen[mark] = more
		}
	}
}

// sorted returns the combinations, the most frequent first.
func (p *patterns) sorted() []*pattern {
	all := make([]*pattern, 0, len(p.seen))
	for _, one := range p.seen {
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b *pattern) int {
		return cmp.Or(cmp.Compare(b.rows, a.rows), slices.Compare(a.columns, b.columns))
	})
	return all
}
