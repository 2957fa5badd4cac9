package memstore

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/narrativeml/narrative/internal/store"
)

// order is the sorted entries of one index.
type order struct {
	index   store.Index
	entries []entry
}

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

func (o *order) add(r store.Record) {
	e := o.entry(r)
	at, _ := slices.BinarySearchFunc(o.entries, e, compareEntries)
	o.entries = slices.Insert(o.entries, at, e)
}

func (o *order) remove(r store.Record) {
	if at, ok := slices.BinarySearchFunc(o.entries, o.entry(r), compareEntries); ok {
		o.entries = slices.Delete(o.entries, at, at+1)
	}
}

// taken reports whether another record has the values of a unique index.
func (o *order) taken(r store.Record) bool {
	if !o.index.Unique {
		return false
	}
	e := o.entry(r)
	at := o.first(e.values)
	return at < len(o.entries) && compareValues(o.entries[at].values, e.values) == 0 && o.entries[at].id != r.ID
}

// first returns the position of the first entry whose leading values are not
// less than the prefix.
func (o *order) first(prefix []any) int {
	at, _ := slices.BinarySearchFunc(o.entries, prefix, func(e entry, p []any) int {
		if compareValues(e.values[:len(p)], p) < 0 {
			return -1
		}
		return 1
	})
	return at
}

// past returns the position after the last entry whose leading values equal
// the prefix or are less.
func (o *order) past(prefix []any) int {
	at, _ := slices.BinarySearchFunc(o.entries, prefix, func(e entry, p []any) int {
		if compareValues(e.values[:len(p)], p) <= 0 {
			return -1
		}
		return 1
	})
	return at
}

// match returns the identifiers of a scan that was checked, at most limit when
// that is positive.
func (o *order) match(scan store.Scan, limit int64) []string {
	from, to := o.first(scan.Equal), o.past(scan.Equal)
	if scan.From != nil {
		from = o.first(append(slices.Clone(scan.Equal), scan.From))
	}
	if scan.To != nil {
		to = o.first(append(slices.Clone(scan.Equal), scan.To))
	}
	if n := len(o.index.Fields); len(scan.After) > 0 {
		after := entry{values: scan.After[:n]}
		after.id, _ = scan.After[n].(string) // Check saw that it is one
		at, found := slices.BinarySearchFunc(o.entries, after, compareEntries)
		switch {
		case scan.Descending:
			to = min(to, at)
		case found:
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
	ids := make([]string, 0, to-from)
	for _, e := range o.entries[from:to] {
		ids = append(ids, e.id)
	}
	if scan.Descending {
		slices.Reverse(ids)
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
