package storetest

import (
	"testing"

	"github.com/narrativeml/narrative/internal/store"
)

// testLimited checks indexes that hold some of the records only, over records
// that were there before them and over others.
func testLimited(t *testing.T, b *bundle) {
	t.Helper()
	loans := store.Index{
		Name: "loans", Fields: []store.IndexField{{Name: "shelf"}, {Name: "title"}, {Name: "number", Type: store.Int}},
		Only: store.Only{Field: "title", Values: []string{"lent", "due_back"}},
	}
	titled := store.Index{Name: "titled", Fields: []store.IndexField{{Name: "title"}, {Name: "number", Type: store.Int}}, Only: store.Only{Field: "title"}}
	b.insert(t, paper("p1", "a", 1, "lent"), paper("p2", "a", 2, "kept"), paper("p3", "a", 3, ""))
	more := collection()
	more.Indexes = append(more.Indexes, loans, titled)
	for range 2 {
		must(t, b.Ensure(t.Context(), more))
	}
	b.insert(t, paper("p4", "a", 4, "lent"), paper("p5", "a", 5, "due_back"), paper("p6", "b", 6, "lent"), paper("p7", "a", 7, "kept"), paper("p8", "a", 8, ""))
	check := func(scan store.Scan, want string) {
		t.Helper()
		wantIDs(t, b.find(t, scan), want)
		if n, err := b.Count(t.Context(), papers, scan, 0); err != nil || len(want) > 0 && int(n) != (len(want)+1)/3 || len(want) == 0 && n != 0 {
			t.Errorf("counted %d of %q, %v", n, want, err)
		}
	}
	lent := store.Scan{Index: loans, Equal: []any{"a", "lent"}}
	check(lent, "p1 p4")
	check(store.Scan{Index: loans, Equal: []any{"a", "due_back"}}, "p5")
	check(store.Scan{Index: loans, Equal: []any{"a", "lent"}, From: int64(2)}, "p4")
	check(store.Scan{Index: titled, Equal: []any{"kept"}}, "p2 p7")
	wantIDs(t, b.find(t, store.Scan{Index: loans, Equal: []any{"a", "lent"}, Descending: true}), "p4 p1")
	lent.Limit = 1
	wantIDs(t, b.walk(t, lent, func() {}), "p1 p4")
	lent.Limit = 0

	move := func(id, title string) {
		t.Helper()
		r := b.get(t, id)
		r.Keys["title"] = title
		wantErrors(t, b.replaceAll(t, r), nil)
	}
	move("p1", "kept")
	move("p2", "lent")
	move("p5", "lent")
	move("p7", "")
	check(lent, "p2 p4 p5")
	check(store.Scan{Index: loans, Equal: []any{"a", "due_back"}}, "")
	check(store.Scan{Index: titled, Equal: []any{"kept"}}, "p1")
	must(t, b.Delete(t.Context(), papers, "p4", 0))
	check(lent, "p2 p5")

	for name, scan := range map[string]store.Scan{
		"without the value":  {Index: loans, Equal: []any{"a"}, Limit: 1},
		"a range of values":  {Index: loans, Equal: []any{"a"}, From: "lent", Limit: 1},
		"a value not in it":  {Index: loans, Equal: []any{"a", "kept"}, Limit: 1},
		"the empty value":    {Index: titled, Equal: []any{""}, Limit: 1},
		"no values at all":   {Index: titled, Limit: 1},
		"without its limits": {Index: store.Index{Name: loans.Name, Fields: loans.Fields}, Equal: []any{"a", "lent"}, Limit: 1},
	} {
		if records, err := b.Find(t.Context(), papers, scan); err == nil {
			t.Errorf("%s: found %d records", name, len(records))
		}
		if n, err := b.Count(t.Context(), papers, scan, 0); err == nil {
			t.Errorf("%s: counted %d records", name, n)
		}
	}
	other := collection()
	loans.Only.Values = loans.Only.Values[:1]
	other.Indexes = append(other.Indexes, loans)
	if err := b.Ensure(t.Context(), other); err == nil {
		t.Error("the index was limited otherwise")
	}
}
