package store_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"golang.org/x/sync/errgroup"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/store/sqlitestore"
)

type note struct {
	store.Meta
	Owner string          `json:"owner"`
	Stars int64           `json:"stars"`
	Slug  string          `json:"slug"`
	Raw   json.RawMessage `json:"raw,omitempty"`
}

func (n *note) Keys() map[string]any {
	return map[string]any{"owner": n.Owner, "stars": n.Stars, "slug": n.Slug}
}

func notes() store.Collection {
	return store.Collection{Name: "notes", Indexes: []store.Index{
		{Name: "by_owner", Fields: []store.IndexField{{Name: "owner"}, {Name: "stars", Type: store.Int}}},
		{Name: "by_slug", Unique: true, Fields: []store.IndexField{{Name: "owner"}, {Name: "slug"}}},
	}}
}

func newNote(owner, slug string, stars int64) *note {
	return &note{Meta: store.Meta{ID: store.NewID("note")}, Owner: owner, Stars: stars, Slug: slug}
}

func setup(t *testing.T) *store.Table[note, *note] {
	t.Helper()
	driver, err := sqlitestore.Open(t.Context(), sqlitestore.Config{Path: filepath.Join(t.TempDir(), "notes.db"), Durability: sqlitestore.Normal})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := driver.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	if err := driver.Ensure(t.Context(), notes()); err != nil {
		t.Fatal(err)
	}
	return store.NewTable[note](driver, notes())
}

func TestTableWrites(t *testing.T) {
	t.Parallel()
	ctx, table := t.Context(), setup(t)
	n := newNote("ann", "one", 3)
	n.Raw = json.RawMessage("\"caf\xe9\"")
	if err := table.Insert(ctx, n); err != nil || n.Revision != 1 {
		t.Fatalf("insert: %v, revision %d", err, n.Revision)
	}
	got, err := table.Get(ctx, n.ID)
	if err != nil || got.ID != n.ID || got.Revision != 1 || got.Stars != 3 || string(got.Raw) != "\"caf\uFFFD\"" {
		t.Fatalf("get: %+v, %v", got, err)
	}
	if err := table.Insert(ctx, n); !errors.Is(err, store.ErrDuplicate) || !strings.Contains(err.Error(), n.ID) {
		t.Errorf("second insert: %v", err)
	}
	got.Stars = 4
	if err := table.Replace(ctx, got); err != nil || got.Revision != 2 {
		t.Fatalf("replace: %v, revision %d", err, got.Revision)
	}
	n.Stars = 5
	if err := table.Replace(ctx, n); !errors.Is(err, store.ErrStale) || n.Revision != 1 {
		t.Errorf("stale replace: %v, revision %d", err, n.Revision)
	}
	if err := table.Delete(ctx, n.ID, 1); !errors.Is(err, store.ErrStale) {
		t.Errorf("stale delete: %v", err)
	}
	if err := table.Delete(ctx, n.ID, 2); err != nil {
		t.Error(err)
	}
	if _, err := table.Get(ctx, n.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("get of the deleted: %v", err)
	}
}

func TestTableWritesMany(t *testing.T) {
	t.Parallel()
	ctx, table := t.Context(), setup(t)
	a, b, c := newNote("ann", "a", 1), newNote("ann", "a", 2), newNote("ann", "c", 3)
	errs, err := table.InsertAll(ctx, a, b, c)
	if err != nil || errs[0] != nil || !errors.Is(errs[1], store.ErrDuplicate) || errs[2] != nil {
		t.Fatalf("insert: %v, %v", errs, err)
	}
	if a.Revision != 1 || b.Revision != 0 || c.Revision != 1 {
		t.Errorf("revisions are %d, %d, %d", a.Revision, b.Revision, c.Revision)
	}
	b.Revision = 1
	errs, err = table.ReplaceAll(ctx, a, b, c)
	if err != nil || errs[0] != nil || !errors.Is(errs[1], store.ErrNotFound) || errs[2] != nil {
		t.Fatalf("replace: %v, %v", errs, err)
	}
	if a.Revision != 2 || b.Revision != 1 || c.Revision != 2 {
		t.Errorf("revisions are %d, %d, %d", a.Revision, b.Revision, c.Revision)
	}
	c.Raw = json.RawMessage("{")
	if _, err := table.ReplaceAll(ctx, c); err == nil {
		t.Error("a body that is not JSON was stored")
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	for name, err := range map[string]error{
		"insert":  table.Insert(cancelled, newNote("x", "x", 1)),
		"replace": table.Replace(cancelled, a),
		"delete":  table.Delete(cancelled, a.ID, 0),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	ctx, table := t.Context(), setup(t)
	n := newNote("ann", "one", 0)
	if err := table.Insert(ctx, n); err != nil {
		t.Fatal(err)
	}
	const writers = 100
	var group errgroup.Group
	for range writers {
		group.Go(func() error {
			_, err := table.Update(ctx, n.ID, func(n *note) error { n.Stars++; return nil })
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	got, err := table.Update(ctx, n.ID, func(*note) error { return store.ErrUnchanged })
	if err != nil || got.Stars != writers || got.Revision != writers+1 {
		t.Errorf("after %d updates: %+v, %v", writers, got, err)
	}
	mine := errors.New("mine")
	if got, err = table.Update(ctx, n.ID, func(*note) error { return mine }); !errors.Is(err, mine) || got.Stars != writers {
		t.Errorf("refused update: %+v, %v", got, err)
	}
	if _, err := table.Update(ctx, "note_x", func(*note) error { return nil }); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("update of nothing: %v", err)
	}
	if err := table.Insert(ctx, newNote("ann", "two", 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := table.Update(ctx, n.ID, func(n *note) error { n.Slug = "two"; return nil }); !errors.Is(err, store.ErrDuplicate) {
		t.Errorf("update to a taken value: %v", err)
	}
}

// contested is a driver whose records somebody else always changes first.
type contested struct{ store.Driver }

func (contested) Get(_ context.Context, _, id string) (store.Record, error) {
	return store.Record{ID: id, Revision: 1, Body: []byte(`{}`)}, nil
}

func (contested) Replace(_ context.Context, _ string, records ...store.Record) ([]error, error) {
	errs := make([]error, len(records))
	for i := range errs {
		errs[i] = store.ErrStale
	}
	return errs, nil
}

func TestUpdateGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		table := store.NewTable[note](contested{}, notes())
		tries := 0
		mutate := func(*note) error { tries++; return nil }
		if _, err := table.Update(t.Context(), "n", mutate); !errors.Is(err, store.ErrStale) || tries != 64 {
			t.Errorf("after %d tries: %v", tries, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		mutate = func(*note) error {
			if tries--; tries == 44 {
				cancel()
			}
			return nil
		}
		if _, err := table.Update(ctx, "n", mutate); !errors.Is(err, context.Canceled) || tries != 44 {
			t.Errorf("%d tries before the context's end: %v", 64-tries, err)
		}
	})
}

func TestFindPages(t *testing.T) {
	t.Parallel()
	ctx, table := t.Context(), setup(t)
	var all []*note
	for i := range 1001 {
		all = append(all, newNote("ann", fmt.Sprint("slug", i), int64(i%7)))
	}
	if _, err := table.InsertAll(ctx, all...); err != nil {
		t.Fatal(err)
	}
	for _, limit := range []int{0, 1, 13, 100, 1000} {
		if limit == 1 && testing.Short() {
			continue
		}
		q := store.Query{Index: "by_owner", Equal: []any{"ann"}, Limit: limit, Descending: limit == 13}
		seen := map[string]bool{}
		pages := 0
		for {
			page, err := table.Find(ctx, q)
			if err != nil {
				t.Fatal(err)
			}
			if len(page.Items) == 0 {
				t.Errorf("limit %d: an empty page", limit)
			}
			pages++
			for _, n := range page.Items {
				seen[n.ID] = true
			}
			if q.Cursor = page.Next; page.Next == "" {
				break
			}
		}
		size := limit
		if size == 0 {
			size = 100
		}
		if want := (len(all) + size - 1) / size; len(seen) != len(all) || pages != want {
			t.Errorf("limit %d: %d records on %d pages, want %d on %d", limit, len(seen), pages, len(all), want)
		}
	}
	if n, err := table.Count(ctx, store.Query{Index: "by_owner", Equal: []any{"ann"}, From: int64(6), Cursor: "ignored"}, 0); err != nil || n != 143 {
		t.Errorf("count: %d, %v", n, err)
	}
	exact, err := table.Find(ctx, store.Query{Index: "by_owner", Equal: []any{"ann"}, From: int64(6), Limit: 143})
	if err != nil || len(exact.Items) != 143 || exact.Next != "" {
		t.Errorf("a page that ends with the records: %d, %q, %v", len(exact.Items), exact.Next, err)
	}
}

func TestFindRefuses(t *testing.T) {
	t.Parallel()
	ctx, table := t.Context(), setup(t)
	if _, err := table.InsertAll(ctx, newNote("ann", "b", 1), newNote("ann", "c", 2), newNote("annb", "", 2)); err != nil {
		t.Fatal(err)
	}
	good := store.Query{Index: "by_owner", Equal: []any{"ann"}, Limit: 1}
	page, err := table.Find(ctx, good)
	if err != nil || page.Next == "" {
		t.Fatalf("first page: %+v, %v", page, err)
	}
	encoded := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	payload, err := base64.RawURLEncoding.DecodeString(page.Next)
	if err != nil {
		t.Fatal(err)
	}
	swap := func(from, to string) string { return encoded(strings.Replace(string(payload), from, to, 1)) }
	cases := map[string]struct {
		change func(*store.Query)
		code   string
	}{
		"another value":     {func(q *store.Query) { q.Equal = []any{"bob"} }, "invalid_cursor"},
		"values run over":   {func(q *store.Query) { q.Index, q.Equal = "by_slug", []any{"ann", ""} }, "invalid_cursor"},
		"another bound":     {func(q *store.Query) { q.From = int64(0) }, "invalid_cursor"},
		"another direction": {func(q *store.Query) { q.Descending = true }, "invalid_cursor"},
		"another index":     {func(q *store.Query) { q.Index = "by_slug" }, "invalid_cursor"},
		"not base64":        {func(q *store.Query) { q.Cursor = "%" }, "invalid_cursor"},
		"not JSON":          {func(q *store.Query) { q.Cursor = encoded("x") }, "invalid_cursor"},
		"text for integer":  {func(q *store.Query) { q.Cursor = swap(",1,", `,"1",`) }, "invalid_cursor"},
		"fraction":          {func(q *store.Query) { q.Cursor = swap(",1,", `,1.5,`) }, "invalid_cursor"},
		"integer for text":  {func(q *store.Query) { q.Cursor = swap(`"ann"`, `7`) }, "invalid_cursor"},
		"null":              {func(q *store.Query) { q.Cursor = swap(`"ann"`, `null`) }, "invalid_cursor"},
		"short":             {func(q *store.Query) { q.Cursor = swap(`"ann",`, ``) }, "invalid_cursor"},
		"negative limit":    {func(q *store.Query) { q.Limit = -1 }, "limit_out_of_range"},
		"large limit":       {func(q *store.Query) { q.Limit = store.MaxLimit + 1 }, "limit_out_of_range"},
		"not text":          {func(q *store.Query) { q.Equal, q.Cursor = []any{"\xff"}, "" }, "invalid_text"},
		"unknown index":     {func(q *store.Query) { q.Index = "by_title" }, "internal"},
		"wrong type":        {func(q *store.Query) { q.Equal, q.Cursor = []any{1}, "" }, "internal"},
	}
	for name, c := range cases {
		q := good
		q.Cursor = page.Next
		c.change(&q)
		if _, err := table.Find(ctx, q); err == nil || fault.CodeOf(err) != c.code {
			t.Errorf("%s: error is %v, want code %s", name, err, c.code)
		}
		if c.code == "internal" {
			if _, err := table.Count(ctx, q, 0); err == nil {
				t.Errorf("%s: counted", name)
			}
		}
	}
	// The fingerprint tells values apart that look alike when run together.
	first, err := table.Find(ctx, store.Query{Index: "by_slug", Equal: []any{"ann"}, Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := table.Find(ctx, store.Query{Index: "by_slug", Equal: []any{"an"}, From: "n", Limit: 1, Cursor: first.Next}); fault.CodeOf(err) != "invalid_cursor" {
		t.Errorf("cursor of a query that reads alike: %v", err)
	}
}

func TestNewID(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^job_[0-9a-f]{32}$`)
	last := ""
	for range 1000 {
		id := store.NewID("job")
		if !form.MatchString(id) || id <= last {
			t.Fatalf("identifier %q after %q", id, last)
		}
		last = id
	}
}

// recorded is a driver that remembers the scan it was asked for.
type recorded struct {
	store.Driver
	scan store.Scan
}

func (r *recorded) Find(_ context.Context, _ string, scan store.Scan) ([]store.Record, error) {
	r.scan = scan
	return nil, scan.Check()
}

func FuzzCursor(f *testing.F) {
	q := store.Query{Index: "by_owner", Equal: []any{"ann"}}
	for _, seed := range []string{"", "x", "eyJxIjoiIiwiYSI6W119", "eyJxIjoieCIsImEiOlsiYW5uIiwxLCJpZCJdfQ"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, cursor string) {
		driver := &recorded{}
		q := q
		q.Cursor = cursor
		_, err := store.NewTable[note](driver, notes()).Find(t.Context(), q)
		if err != nil && fault.CodeOf(err) != "invalid_cursor" {
			t.Errorf("error of a cursor is %v", err)
		}
		if err == nil && cursor != "" && len(driver.scan.After) != 3 {
			t.Errorf("cursor led to the position %v", driver.scan.After)
		}
	})
}
