package storetest

import (
	"errors"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/narrativeml/narrative/internal/store"
)

func testEnsure(t *testing.T, b *bundle) {
	t.Helper()
	b.insert(t, paper("p1", "a", 1, "x"))
	plain := store.Collection{Name: "plain"}
	group, ctx := errgroup.WithContext(t.Context())
	for range 8 {
		group.Go(func() error { return b.Ensure(ctx, collection(), plain) })
	}
	must(t, group.Wait())
	wantRecord(t, b.get(t, "p1"), paper("p1", "a", 1, "x"), 1)
	wantErrors(t, b.insertAll(t, paper("p1", "b", 1, "x")), store.ErrDuplicate)
	errs, err := b.Insert(t.Context(), "plain", store.Record{ID: "p1", Keys: map[string]any{}, Body: []byte(`1`)})
	must(t, err)
	wantErrors(t, errs, nil)
	r, err := b.Get(t.Context(), "plain", "p1")
	must(t, err)
	wantRecord(t, r, store.Record{ID: "p1", Keys: map[string]any{}, Body: []byte(`1`)}, 1)
}

// testEnsureMore declares more and then less than before.
func testEnsureMore(t *testing.T, b *bundle) {
	t.Helper()
	b.insert(t, paper("p1", "a", 1, "x"), paper("p2", "a", 2, "y"))
	byState := store.Index{Name: "by_state", Fields: []store.IndexField{{Name: "state"}, {Name: "since", Type: store.Int}, {Name: "title"}}}
	more := collection()
	more.Indexes = append(more.Indexes, byState)
	must(t, b.Ensure(t.Context(), more))

	wantIDs(t, b.find(t, store.Scan{Index: byState, Equal: []any{"", int64(0)}}), "p1 p2")
	want := paper("p1", "a", 1, "x")
	want.Keys["state"], want.Keys["since"] = "", int64(0)
	got := b.get(t, "p1")
	wantRecord(t, got, want, 1)
	got.Keys["state"], got.Keys["since"] = "done", int64(7)
	wantErrors(t, b.replaceAll(t, got), nil)
	third := paper("p3", "a", 3, "z")
	third.Keys["state"], third.Keys["since"] = "done", int64(6)
	b.insert(t, third)
	wantIDs(t, b.find(t, store.Scan{Index: byState, Equal: []any{"done"}}), "p3 p1")
	wantIDs(t, b.walk(t, store.Scan{Index: byState, Limit: 1}, func() {}), "p2 p3 p1")

	unique := collection()
	unique.Indexes = append(unique.Indexes, store.Index{Name: "by_number", Unique: true, Fields: []store.IndexField{{Name: "number", Type: store.Int}}})
	must(t, b.Ensure(t.Context(), unique))
	wantErrors(t, b.insertAll(t, paper("p4", "b", 1, "x")), store.ErrDuplicate)
	b.insert(t, paper("p4", "b", 4, "x"))
	must(t, b.Ensure(t.Context(), more))
	wantIDs(t, b.find(t, store.Scan{Index: byState, Equal: []any{""}}), "p4 p2")
}

func testEnsureRefuses(t *testing.T, b *bundle) {
	t.Helper()
	b.insert(t, paper("p1", "a", 1, "x"), paper("p2", "a", 2, "x"))
	fields := func(names ...string) (fields []store.IndexField) {
		for _, n := range names {
			fields = append(fields, store.IndexField{Name: n})
		}
		return fields
	}
	cases := map[string]struct {
		collection string
		index      store.Index
		want       error
	}{
		"other fields under the name": {papers, store.Index{Name: "by_title", Fields: fields("shelf")}, nil},
		"uniqueness of the name":      {papers, store.Index{Name: "by_title", Unique: true, Fields: fields("title")}, nil},
		"other type":                  {papers, store.Index{Name: "by_new", Fields: fields("number")}, nil},
		"violated uniqueness":         {papers, store.Index{Name: "by_new", Unique: true, Fields: fields("title")}, store.ErrDuplicate},
		"violated by new fields":      {papers, store.Index{Name: "by_new", Unique: true, Fields: fields("fresh")}, store.ErrDuplicate},
		"no fields":                   {"others", store.Index{Name: "by_new"}, nil},
		"field twice":                 {"others", store.Index{Name: "by_new", Fields: fields("a", "a")}, nil},
		"bad field":                   {"others", store.Index{Name: "by_new", Fields: fields("a.b")}, nil},
		"bad index":                   {"others", store.Index{Name: "by__new", Fields: fields("a")}, nil},
		"bad collection":              {`others"`, store.Index{Name: "by_new", Fields: fields("a")}, nil},
		"unknown type":                {"others", store.Index{Name: "by_new", Fields: []store.IndexField{{Name: "a", Type: 9}}}, nil},
	}
	for name, c := range cases {
		err := b.Ensure(t.Context(), store.Collection{Name: c.collection, Indexes: []store.Index{c.index}})
		if err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
	two := store.Collection{Name: "others", Indexes: []store.Index{{Name: "x", Fields: fields("a")}, {Name: "x", Fields: fields("b")}}}
	if err := b.Ensure(t.Context(), two); err == nil {
		t.Error("two indexes of one name were accepted")
	}
	must(t, b.Ensure(t.Context(), collection()))
	wantRecord(t, b.get(t, "p1"), paper("p1", "a", 1, "x"), 1)
	wantErrors(t, b.insertAll(t, paper("p3", "a", 3, "x")), nil)
	wantIDs(t, b.find(t, store.Scan{Index: byTitle(), Equal: []any{"x"}}), "p1 p2 p3")
}
