package memstore

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/narrativeml/narrative/internal/store"
)

// order is the sorted entries of one index, in blocks, so that an entry more
// moves few others.
type order struct {
	index  store.Index
	blocks [][]entry // none is empty
}

// maxBlock is how many entries a block may have.
const maxBlock = 512

// entry is the values of an index's fields and the identifier after them.
type entry struct {
	values []any
	id     string
}

func (o *order) entry(r store.Record) entry {
	e := entry{values: make([]any, len(o.index.Fields)), id: r.ID}
	for i, f := range o.index.Fields {
		e.values[i] = r.Keys[f.Name]
	}
	return e
}

// place is where an entry is: its block and its position there.
type place struct{ block, at int }

// search returns the first place whose entry is reached, as are all after it,
// or that after the last one.
func (o *order) search(reached func(entry) bool) place {
	block := sort.Search(len(o.blocks), func(i int) bool { return reached(o.blocks[i][len(o.blocks[i])-1]) })
	if block == len(o.blocks) {
		return place{block: block}
	}
	return place{block, sort.Search(len(o.blocks[block]), func(i int) bool { return reached(o.blocks[block][i]) })}
}

// find returns the first place whose entry is not less than e.
func (o *order) find(e entry) place {
	return o.search(func(x entry) bool { return compareEntries(x, e) >= 0 })
}

// first returns the first place whose leading values are not less than the
// prefix.
func (o *order) first(prefix []any) place {
	return o.search(func(x entry) bool { return compareValues(x.values[:len(prefix)], prefix) >= 0 })
}

// past returns the place after the last entry whose leading values equal the
// prefix or are less.
func (o *order) past(prefix []any) place {
	return o.search(func(x entry) bool { return compareValues(x.values[:len(prefix)], prefix) > 0 })
}

// at returns the entry of the place, unless that is after the last one.
func (o *order) at(p place) (e entry, ok bool) {
	if p.block == len(o.blocks) {
		return entry{}, false
	}
	return o.blocks[p.block][p.at], true
}

// rank returns how many entries are before the place.
func (o *order) rank(p place) int {
	n := p.at
	for _, b := range o.blocks[:p.block] {
		n += len(b)
	}
	return n
}

func (o *order) add(e entry) {
	p := o.find(e)
	switch {
	case len(o.blocks) == 0:
		o.blocks = [][]entry{{e}}
		return
	case p.block == len(o.blocks):
		p.block--
		p.at = len(o.blocks[p.block])
	}
	b := slices.Insert(o.blocks[p.block], p.at, e)
	o.blocks[p.block] = b
	if n := len(b); n > maxBlock {
		o.blocks[p.block] = slices.Clip(b[:n/2])
		o.blocks = slices.Insert(o.blocks, p.block+1, slices.Clone(b[n/2:]))
	}
}

func (o *order) remove(e entry) {
	p := o.find(e)
	if found, ok := o.at(p); !ok || compareEntries(found, e) != 0 {
		return
	}
	o.blocks[p.block] = slices.Delete(o.blocks[p.block], p.at, p.at+1)
	if len(o.blocks[p.block]) == 0 {
		o.blocks = slices.Delete(o.blocks, p.block, p.block+1)
	}
}

// move puts the record where it belongs after it was changed.
func (o *order) move(was, is store.Record) {
	from, to := o.entry(was), o.entry(is)
	if compareEntries(from, to) != 0 {
		o.remove(from)
		o.add(to)
	}
}

// taken reports whether another record has the values of a unique index.
func (o *order) taken(r store.Record) bool {
	if !o.index.Unique {
		return false
	}
	e := o.entry(r)
	found, ok := o.at(o.first(e.values))
	return ok && compareValues(found.values, e.values) == 0 && found.id != r.ID
}

// match returns the identifiers of a scan that was checked, at most limit when
// that is positive.
func (o *order) match(scan store.Scan, limit int64) []string {
	from, to := o.rank(o.first(scan.Equal)), o.rank(o.past(scan.Equal))
	if scan.From != nil {
		from = o.rank(o.first(append(slices.Clone(scan.Equal), scan.From)))
	}
	if scan.To != nil {
		to = o.rank(o.first(append(slices.Clone(scan.Equal), scan.To)))
	}
	if n := len(o.index.Fields); len(scan.After) > 0 {
		after := entry{values: scan.After[:n]}
		after.id, _ = scan.After[n].(string) // Check saw that it is one
		p := o.find(after)
		found, ok := o.at(p)
		switch at := o.rank(p); {
		case scan.Descending:
			to = min(to, at)
		case ok && compareEntries(found, after) == 0:
			from = max(from, at+1)
		default:
			from = max(from, at)
		}
	}
	if from >= to {
		return nil
	}
	if limit > 0 && int64(to-from) > limit {
		if scan.Descending {
			from = to - int(limit)
		} else {
			to = from + int(limit)
		}
	}
	ids := o.ids(from, to)
	if scan.Descending {
		slices.Reverse(ids)
	}
	return ids
}

// ids returns the identifiers of the entries from one rank to before another.
func (o *order) ids(from, to int) []string {
	ids := make([]string, 0, to-from)
	for _, b := range o.blocks {
		for _, e := range b[min(from, len(b)):min(to, len(b))] {
			ids = append(ids, e.id)
		}
		if from, to = max(from-len(b), 0), to-len(b); to <= 0 {
			break
		}
	}
	return ids
}

func compareEntries(a, b entry) int {
	if c := compareValues(a.values, b.values); c != 0 {
		return c
	}
	return strings.Compare(a.id, b.id)
}

// compareValues compares values whose types were checked to agree.
func compareValues(a, b []any) int {
	return slices.CompareFunc(a, b, func(x, y any) int {
		if n, ok := x.(int64); ok {
			m, _ := y.(int64)
			return cmp.Compare(n, m)
		}
		n, _ := x.(string)
		m, _ := y.(string)
		return strings.Compare(n, m)
	})
}

// clone returns a copy that shares nothing with r.
func clone(r store.Record) store.Record {
	keys := make(map[string]any, len(r.Keys))
	maps.Copy(keys, r.Keys)
	r.Keys, r.Body = keys, bytes.Clone(r.Body)
	return r
}
