package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/store"
)

func testInsert(t *testing.T, b *bundle) {
	t.Helper()
	want := paper("p1", "a", -7, "Ünïcode \x00 \"quoted\" 😀")
	want.Revision = 41 // is ignored
	b.insert(t, want)
	wantRecord(t, b.get(t, "p1"), want, 1)
	if _, err := b.Get(t.Context(), papers, "p2"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("get of an unknown identifier returned %v", err)
	}
	if _, err := b.Get(t.Context(), papers, ""); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("get of an empty identifier returned %v", err)
	}
	if errs := b.insertAll(t); len(errs) != 0 {
		t.Errorf("insert of nothing returned %v", errs)
	}
}

func testPeek(t *testing.T, b *bundle) {
	t.Helper()
	if _, err := b.Peek(t.Context(), papers, "p1"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("peek at nothing: %v", err)
	}
	want := paper("p1", "shelf", -7, "a title")
	want.Body = append(append([]byte(`"`), bytes.Repeat([]byte("x"), 5<<20)...), '"')
	b.insert(t, want, paper("p2", "shelf", 1, ""))
	for revision := range int64(2) {
		got, err := b.Peek(t.Context(), papers, "p1")
		must(t, err)
		slim := want
		slim.Body = nil
		wantRecord(t, got, slim, revision+1)
		want.Revision, want.Keys["number"] = revision+1, revision
		wantErrors(t, b.replaceAll(t, want), nil)
	}
	if _, err := b.Peek(t.Context(), "absent", "p1"); err == nil {
		t.Error("peek into a collection that is not there")
	}
}

func testInsertMany(t *testing.T, b *bundle) {
	t.Helper()
	const n = 2500
	records := make([]store.Record, n)
	for i := range records {
		records[i] = paper(fmt.Sprintf("p%06d", i), "a", int64(i), "t")
	}
	b.insert(t, records...)
	got := b.walk(t, store.Scan{Index: byShelf(), Equal: []any{"a"}, Limit: 1000}, func() {})
	if len(got) != n {
		t.Fatalf("%d records of %d are there", len(got), n)
	}
	for i, r := range got {
		wantRecord(t, r, records[i], 1)
	}
}

func testDuplicates(t *testing.T, b *bundle) {
	t.Helper()
	first := paper("p1", "a", 1, "first")
	b.insert(t, first)
	sameID := paper("p1", "b", 2, "second")
	sameKey := paper("p2", "a", 3, "third")
	sameKey.Keys["key"] = "p1"
	otherShelf := paper("p3", "b", 4, "fourth")
	otherShelf.Keys["key"] = "p1"
	twice := paper("p4", "a", 5, "fifth")
	wantErrors(t, b.insertAll(t, sameID, sameKey, otherShelf, twice, twice),
		store.ErrDuplicate, store.ErrDuplicate, nil, nil, store.ErrDuplicate)
	wantErrors(t, b.insertAll(t, sameID), store.ErrDuplicate)
	wantErrors(t, b.insertAll(t, sameKey), store.ErrDuplicate)
	wantRecord(t, b.get(t, "p1"), first, 1)
	wantIDs(t, b.find(t, store.Scan{Index: byShelf()}), "p1 p4 p3")
	if _, err := b.Get(t.Context(), papers, "p2"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the refused duplicate: %v", err)
	}
}

func testReplace(t *testing.T, b *bundle) {
	t.Helper()
	b.insert(t, paper("p1", "a", 1, "old"), paper("p2", "a", 2, "other"))
	r := b.get(t, "p1")
	changed := paper("p1", "b", 9, "new")
	changed.Revision = r.Revision
	wantErrors(t, b.replaceAll(t, changed), nil)
	wantRecord(t, b.get(t, "p1"), changed, 2)
	wantErrors(t, b.replaceAll(t, changed), store.ErrStale)
	changed.Revision = 3
	wantErrors(t, b.replaceAll(t, changed), store.ErrStale)
	changed.Revision = 2
	wantErrors(t, b.replaceAll(t, changed), nil)
	wantRecord(t, b.get(t, "p1"), changed, 3)
	wantIDs(t, b.find(t, store.Scan{Index: byShelf(), Equal: []any{"a"}}), "p2")
	wantIDs(t, b.find(t, store.Scan{Index: byShelf(), Equal: []any{"b"}}), "p1")

	unknown := paper("p3", "a", 1, "x")
	unknown.Revision = 1
	wantErrors(t, b.replaceAll(t, unknown), store.ErrNotFound)
	if _, err := b.Get(t.Context(), papers, "p3"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a replacement made a record: %v", err)
	}

	taken := paper("p2", "b", 2, "other")
	taken.Revision, taken.Keys["key"] = 1, "p1"
	wantErrors(t, b.replaceAll(t, taken), store.ErrDuplicate)
	wantRecord(t, b.get(t, "p2"), paper("p2", "a", 2, "other"), 1)
}

func testReplaceMany(t *testing.T, b *bundle) {
	t.Helper()
	const n = 1200
	records := make([]store.Record, n)
	for i := range records {
		records[i] = paper(fmt.Sprintf("p%06d", i), "a", int64(i), "old")
	}
	b.insert(t, records...)
	b.insert(t, paper("holder", "b", 0, "holds a key"))
	want := make([]error, n)
	for i := range records {
		id := records[i].ID
		records[i] = paper(id, "b", int64(-i), "new")
		records[i].Revision = 1
		switch i % 100 {
		case 7:
			records[i].Revision, want[i] = 2, store.ErrStale
		case 50:
			records[i].ID, want[i] = id+"x", store.ErrNotFound
		case 99:
			records[i].Keys["key"], want[i] = "holder", store.ErrDuplicate
		}
	}
	wantErrors(t, b.replaceAll(t, records...), want...)
	for i := range records[:200] {
		if want[i] == nil {
			wantRecord(t, b.get(t, records[i].ID), records[i], 2)
		}
	}
	count, err := b.Count(t.Context(), papers, store.Scan{Index: byShelf(), Equal: []any{"b"}}, 0)
	must(t, err)
	if count != n*97/100+1 {
		t.Errorf("%d records are on the new shelf, want %d", count, n*97/100+1)
	}
}

func testDelete(t *testing.T, b *bundle) {
	t.Helper()
	ctx := t.Context()
	b.insert(t, paper("p1", "a", 1, "x"), paper("p2", "a", 2, "x"))
	r := b.get(t, "p1")
	wantErrors(t, b.replaceAll(t, r), nil)
	steps := []struct {
		id       string
		revision int64
		want     error
	}{
		{"p1", 1, store.ErrStale},
		{"p1", 3, store.ErrStale},
		{"p1", 2, nil},
		{"p1", 2, store.ErrNotFound},
		{"p1", 0, store.ErrNotFound},
		{"p2", 0, nil},
		{"p9", 1, store.ErrNotFound},
	}
	for _, s := range steps {
		if err := b.Delete(ctx, papers, s.id, s.revision); !errors.Is(err, s.want) {
			t.Errorf("delete of %s at revision %d returned %v, want %v", s.id, s.revision, err, s.want)
		}
	}
	wantIDs(t, b.find(t, store.Scan{Index: byShelf()}), "")
	b.insert(t, paper("p1", "a", 1, "again"))
	wantRecord(t, b.get(t, "p1"), paper("p1", "a", 1, "again"), 1)
}

func testLargest(t *testing.T, b *bundle) {
	t.Helper()
	body := func(size int) []byte {
		return append(append([]byte{'"'}, bytes.Repeat([]byte("€"), (size-2)/3)...), append(bytes.Repeat([]byte("x"), (size-2)%3), '"')...)
	}
	largest := paper("p1", "a", 1, strings.Repeat("k", store.MaxKey))
	largest.Body = body(store.MaxBody)
	tooLarge := paper("p2", "a", 2, "x")
	tooLarge.Body = body(store.MaxBody + 1)
	longKey := paper("p3", "a", 2, strings.Repeat("k", store.MaxKey+1))
	longID := paper(strings.Repeat("i", store.MaxKey+1), "a", 2, "x")
	longID.Keys["key"] = "short"
	small := paper("p4", "a", 3, "x")
	wantErrors(t, b.insertAll(t, tooLarge, largest, longKey, longID, small),
		store.ErrTooLarge, nil, store.ErrTooLarge, store.ErrTooLarge, nil)
	wantRecord(t, b.get(t, "p1"), largest, 1)
	tooLarge.ID, tooLarge.Revision = "p4", 1
	wantErrors(t, b.replaceAll(t, tooLarge), store.ErrTooLarge)
	wantRecord(t, b.get(t, "p4"), small, 1)
	empty := paper("p5", "a", 9, "")
	empty.Body = []byte(`{}`)
	b.insert(t, empty)
	wantRecord(t, b.get(t, "p5"), empty, 1)
}

func testRefused(t *testing.T, b *bundle) {
	t.Helper()
	cases := map[string]func(*store.Record){
		"no identifier":     func(r *store.Record) { r.ID = "" },
		"absent value":      func(r *store.Record) { delete(r.Keys, "title") },
		"other value":       func(r *store.Record) { delete(r.Keys, "title"); r.Keys["other"] = "x" },
		"undeclared value":  func(r *store.Record) { r.Keys["more"] = "x" },
		"int for string":    func(r *store.Record) { r.Keys["title"] = int64(1) },
		"string for int":    func(r *store.Record) { r.Keys["number"] = "1" },
		"plain int":         func(r *store.Record) { r.Keys["number"] = 1 },
		"nil":               func(r *store.Record) { r.Keys["title"] = nil },
		"body not UTF-8":    func(r *store.Record) { r.Body = []byte("\"\xff\"") },
		"value not UTF-8":   func(r *store.Record) { r.Keys["title"] = "\xff" },
		"identifier no UTF": func(r *store.Record) { r.ID = "\xc3\x28" },
	}
	for name, spoil := range cases {
		r := paper("p1", "a", 1, "x")
		spoil(&r)
		_, err := b.Insert(t.Context(), papers, r)
		if err == nil {
			t.Errorf("%s: inserted", name)
		}
		if name == "value not UTF-8" && fault.CodeOf(err) != "invalid_text" {
			t.Errorf("%s: error is %v", name, err)
		}
		if _, err := b.Replace(t.Context(), papers, r); err == nil {
			t.Errorf("%s: replaced", name)
		}
	}
	if _, err := b.Insert(t.Context(), "unknown", paper("p1", "a", 1, "x")); err == nil {
		t.Error("inserted into a collection that was not ensured")
	}
	if _, err := b.Get(t.Context(), "unknown", "p1"); err == nil || errors.Is(err, store.ErrNotFound) {
		t.Errorf("get from a collection that was not ensured returned %v", err)
	}
	wantIDs(t, b.find(t, store.Scan{Index: byTitle()}), "")
}

func testCancelled(t *testing.T, b *bundle) {
	t.Helper()
	b.insert(t, paper("p1", "a", 1, "x"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := b.get(t, "p1")
	calls := map[string]func() error{
		"insert":  func() error { _, err := b.Insert(ctx, papers, paper("p2", "a", 2, "x")); return err },
		"replace": func() error { _, err := b.Replace(ctx, papers, r); return err },
		"delete":  func() error { return b.Delete(ctx, papers, "p1", 0) },
		"get":     func() error { _, err := b.Get(ctx, papers, "p1"); return err },
		"find":    func() error { _, err := b.Find(ctx, papers, store.Scan{Index: byShelf(), Limit: 1}); return err },
		"count":   func() error { _, err := b.Count(ctx, papers, store.Scan{Index: byShelf()}, 0); return err },
		"ensure":  func() error { return b.Ensure(ctx, store.Collection{Name: "others"}) },
		"ping":    func() error { return b.Ping(ctx) },
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s after the context's end returned %v", name, err)
		}
	}
	wantRecord(t, b.get(t, "p1"), paper("p1", "a", 1, "x"), 1)
	wantIDs(t, b.find(t, store.Scan{Index: byShelf()}), "p1")
}

func testReopen(t *testing.T, b *bundle) {
	t.Helper()
	want := paper("p1", "a", math.MaxInt64, "Ω")
	b.insert(t, want, paper("p2", "a", 1, "x"))
	wantErrors(t, b.replaceAll(t, b.get(t, "p1")), nil)
	must(t, b.Delete(t.Context(), papers, "p2", 0))
	b.reopen(t)
	wantRecord(t, b.get(t, "p1"), want, 2)
	wantIDs(t, b.find(t, store.Scan{Index: byShelf(), Equal: []any{"a"}}), "p1")
	wantErrors(t, b.insertAll(t, paper("p1", "z", 1, "x")), store.ErrDuplicate)
}

func testClose(t *testing.T, b *bundle) {
	t.Helper()
	ctx := t.Context()
	must(t, b.Ping(ctx))
	r := paper("p1", "a", 1, "x")
	b.insert(t, r)
	must(t, b.Close(ctx))
	calls := map[string]func() error{
		"insert":  func() error { _, err := b.Insert(ctx, papers, r); return err },
		"replace": func() error { _, err := b.Replace(ctx, papers, r); return err },
		"delete":  func() error { return b.Delete(ctx, papers, "p1", 0) },
		"get":     func() error { _, err := b.Get(ctx, papers, "p1"); return err },
		"find":    func() error { _, err := b.Find(ctx, papers, store.Scan{Index: byShelf(), Limit: 1}); return err },
		"count":   func() error { _, err := b.Count(ctx, papers, store.Scan{Index: byShelf()}, 0); return err },
		"ensure":  func() error { return b.Ensure(ctx, collection()) },
		"ping":    func() error { return b.Ping(ctx) },
		"close":   func() error { return b.Close(ctx) },
	}
	for name, call := range calls {
		if err := call(); !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s after Close returned %v", name, err)
		}
	}
}
