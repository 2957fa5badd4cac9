package memstore_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/store/memstore"
)

var (
	byAge   = store.Index{Name: "age", Fields: []store.IndexField{{Name: "city"}, {Name: "age", Type: store.Int}}}
	byEmail = store.Index{Name: "email", Fields: []store.IndexField{{Name: "email"}}, Unique: true}
	people  = store.Collection{Name: "people", Indexes: []store.Index{byAge, byEmail}}
)

func setup(t *testing.T) *memstore.Store {
	t.Helper()
	s := memstore.New()
	for range 2 { // twice: it must not mind
		if err := s.Ensure(t.Context(), people); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func person(id, city string, age int64) store.Record {
	return store.Record{ID: id, Keys: map[string]any{"city": city, "age": age, "email": id + "@x"}, Body: []byte(`{}`)}
}

func insert(t *testing.T, s *memstore.Store, records ...store.Record) {
	t.Helper()
	errs, err := s.Insert(t.Context(), "people", records...)
	if err := errors.Join(append(errs, err)...); err != nil {
		t.Fatal(err)
	}
}

func find(t *testing.T, s *memstore.Store, scan store.Scan) string {
	t.Helper()
	if scan.Limit == 0 {
		scan.Limit = 100
	}
	records, err := s.Find(t.Context(), "people", scan)
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]string, len(records))
	for i, r := range records {
		ids[i] = r.ID
	}
	return strings.Join(ids, " ")
}

func TestFind(t *testing.T) {
	t.Parallel()
	s := setup(t)
	insert(t, s, person("e", "rome", 30), person("a", "rome", 20), person("c", "rome", 30), person("b", "oslo", 5), person("d", "rome", 40), person("f", "rome", -1))
	tests := []struct {
		name string
		scan store.Scan
		want string
	}{
		{"all", store.Scan{Index: byAge}, "b f a c e d"},
		{"equal", store.Scan{Index: byAge, Equal: []any{"rome"}}, "f a c e d"},
		{"both equal", store.Scan{Index: byAge, Equal: []any{"rome", int64(30)}}, "c e"},
		{"descending", store.Scan{Index: byAge, Equal: []any{"rome"}, Descending: true}, "d e c a f"},
		{"from", store.Scan{Index: byAge, Equal: []any{"rome"}, From: int64(30)}, "c e d"},
		{"to", store.Scan{Index: byAge, Equal: []any{"rome"}, To: int64(30)}, "f a"},
		{"range of the first field", store.Scan{Index: byAge, From: "p", To: "z"}, "f a c e d"},
		{"empty range", store.Scan{Index: byAge, Equal: []any{"rome"}, From: int64(50), To: int64(10)}, ""},
		{"limit", store.Scan{Index: byAge, Equal: []any{"rome"}, Limit: 2}, "f a"},
		{"after", store.Scan{Index: byAge, Equal: []any{"rome"}, After: []any{"rome", int64(30), "c"}}, "e d"},
		{"after one that is gone", store.Scan{Index: byAge, Equal: []any{"rome"}, After: []any{"rome", int64(30), "d"}}, "e d"},
		{"after, descending", store.Scan{Index: byAge, Equal: []any{"rome"}, Descending: true, After: []any{"rome", int64(30), "e"}}, "c a f"},
		{"unique", store.Scan{Index: byEmail, Equal: []any{"c@x"}}, "c"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := find(t, s, test.scan); got != test.want {
				t.Errorf("found %q, want %q", got, test.want)
			}
			test.scan.After, test.scan.Limit = nil, 0
			want := int64(len(strings.Fields(find(t, s, test.scan))))
			if n, err := s.Count(t.Context(), "people", test.scan, 0); err != nil || n != want {
				t.Errorf("counted %d, %v; want %d", n, err, want)
			}
			if n, err := s.Count(t.Context(), "people", test.scan, 2); err != nil || n != min(2, want) {
				t.Errorf("counted %d, %v; want %d", n, err, min(2, want))
			}
		})
	}
}

func TestWrites(t *testing.T) {
	t.Parallel()
	s := setup(t)
	insert(t, s, person("a", "rome", 1), person("b", "rome", 2))
	twin := person("c", "rome", 3)
	twin.Keys["email"] = "a@x"
	large := person("l", "rome", 3)
	large.Body = make([]byte, store.MaxBody+1)
	errs, err := s.Insert(t.Context(), "people", person("a", "oslo", 9), twin, large, person("d", "rome", 4))
	if err != nil || !errors.Is(errs[0], store.ErrDuplicate) || !errors.Is(errs[1], store.ErrDuplicate) || !errors.Is(errs[2], store.ErrTooLarge) || errs[3] != nil {
		t.Fatalf("inserted with %v, %v", errs, err)
	}
	moved := person("a", "oslo", 1)
	moved.Revision = 1
	stale := person("b", "oslo", 1)
	stale.Revision = 7
	clash := person("b", "oslo", 1)
	clash.Revision, clash.Keys["email"] = 1, "a@x"
	large.ID, large.Revision = "d", 1
	errs, err = s.Replace(t.Context(), "people", moved, stale, clash, person("x", "y", 1), large)
	if err != nil || errs[0] != nil || !errors.Is(errs[1], store.ErrStale) || !errors.Is(errs[2], store.ErrDuplicate) || !errors.Is(errs[3], store.ErrNotFound) || !errors.Is(errs[4], store.ErrTooLarge) {
		t.Fatalf("replaced with %v, %v", errs, err)
	}
	if got := find(t, s, store.Scan{Index: byAge}); got != "a b d" {
		t.Errorf("found %q", got)
	}
	if r, err := s.Get(t.Context(), "people", "a"); err != nil || r.Revision != 2 || r.Keys["city"] != "oslo" {
		t.Errorf("got %v, %v", r, err)
	}
	if err := s.Delete(t.Context(), "people", "a", 1); !errors.Is(err, store.ErrStale) {
		t.Errorf("deleted a stale revision with %v", err)
	}
	if err := s.Delete(t.Context(), "people", "a", 2); err != nil {
		t.Error(err)
	}
	if err := s.Delete(t.Context(), "people", "a", 0); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("deleted twice with %v", err)
	}
	if _, err := s.Get(t.Context(), "people", "a"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got a deleted record with %v", err)
	}
	insert(t, s, person("a", "bonn", 1)) // the unique value is free again
	if got := find(t, s, store.Scan{Index: byAge}); got != "a b d" {
		t.Errorf("found %q", got)
	}
}

func TestSharesNothing(t *testing.T) {
	t.Parallel()
	s := setup(t)
	r := person("a", "rome", 1)
	insert(t, s, r)
	r.Body[0], r.Keys["city"] = 'x', "oslo"
	got, err := s.Get(t.Context(), "people", "a")
	if err != nil || string(got.Body) != "{}" || got.Keys["city"] != "rome" {
		t.Fatalf("a change of the caller's record reached the store: %v, %v", got, err)
	}
	got.Body[0] = 'y'
	if again, err := s.Get(t.Context(), "people", "a"); err != nil || string(again.Body) != "{}" {
		t.Fatalf("a change of a result reached the store: %v, %v", again, err)
	}
}

func TestRace(t *testing.T) {
	t.Parallel()
	s := setup(t)
	insert(t, s, person("a", "rome", 0))
	var wins atomic.Int64
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			r := person("a", "rome", int64(i))
			r.Revision = 1
			if errs, err := s.Replace(t.Context(), "people", r); err == nil && errs[0] == nil {
				wins.Add(1)
			}
			if errs, err := s.Insert(t.Context(), "people", person(fmt.Sprint("n", i%10), "bonn", int64(i))); err == nil && errs[0] == nil {
				wins.Add(1000)
			}
		})
	}
	wg.Wait()
	if wins.Load() != 10_001 {
		t.Errorf("%d replaces and %d inserts won; want 1 and 10", wins.Load()%1000, wins.Load()/1000)
	}
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	s := setup(t)
	insert(t, s, person("a", "rome", 1), person("b", "rome", 1))
	ctx := t.Context()
	noCity := person("n", "rome", 1)
	delete(noCity.Keys, "city")
	intAge := person("n", "rome", 1)
	intAge.Keys["age"] = 1
	scans := []store.Scan{
		{Index: byAge},
		{Index: byAge, Limit: store.MaxLimit + 2},
		{Index: store.Index{Name: "other"}, Limit: 1},
		{Index: byAge, Equal: []any{"a", int64(1), "b"}, Limit: 1},
		{Index: byAge, Equal: []any{1}, Limit: 1},
		{Index: byAge, Equal: []any{"a", int64(1)}, From: "b", Limit: 1},
		{Index: byAge, Equal: []any{"a"}, To: "b", Limit: 1},
		{Index: byAge, After: []any{"a"}, Limit: 1},
		{Index: byAge, After: []any{"a", int64(1), int64(2)}, Limit: 1},
	}
	for i, scan := range scans {
		if _, err := s.Find(ctx, "people", scan); err == nil {
			t.Errorf("scan %d was accepted", i)
		}
	}
	calls := map[string]func() error{
		"a missing key":   func() error { _, err := s.Insert(ctx, "people", noCity); return err },
		"a plain int":     func() error { _, err := s.Replace(ctx, "people", intAge); return err },
		"no identifier":   func() error { _, err := s.Insert(ctx, "people", person("", "rome", 1)); return err },
		"insert nowhere":  func() error { _, err := s.Insert(ctx, "things", person("n", "rome", 1)); return err },
		"replace nowhere": func() error { _, err := s.Replace(ctx, "things", person("n", "rome", 1)); return err },
		"get nowhere":     func() error { _, err := s.Get(ctx, "things", "a"); return err },
		"find nowhere":    func() error { _, err := s.Find(ctx, "things", store.Scan{Index: byAge, Limit: 1}); return err },
		"count nowhere":   func() error { _, err := s.Count(ctx, "things", store.Scan{Index: byAge}, 0); return err },
		"delete nowhere":  func() error { return s.Delete(ctx, "things", "a", 0) },
		"another index": func() error {
			return s.Ensure(ctx, store.Collection{Name: "people", Indexes: []store.Index{{Name: "age"}}})
		},
		"a late duplicate": func() error { return s.Ensure(ctx, late("late", "city", true)) },
	}
	for name, call := range calls {
		if err := call(); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if err := s.Ensure(ctx, late("city", "city", false)); err != nil {
		t.Error(err)
	}
	if got := find(t, s, store.Scan{Index: late("city", "city", false).Indexes[0], Equal: []any{"rome"}}); got != "a b" {
		t.Errorf("a late index finds %q", got)
	}
}

func late(name, field string, unique bool) store.Collection {
	return store.Collection{Name: "people", Indexes: []store.Index{{Name: name, Fields: []store.IndexField{{Name: field}}, Unique: unique}}}
}

func TestEnds(t *testing.T) {
	t.Parallel()
	s := setup(t)
	calls := func(ctx context.Context) []error {
		_, e1 := s.Insert(ctx, "people", person("a", "rome", 1))
		_, e2 := s.Replace(ctx, "people", person("a", "rome", 1))
		_, e3 := s.Get(ctx, "people", "a")
		_, e4 := s.Find(ctx, "people", store.Scan{Index: byAge, Limit: 1})
		_, e5 := s.Count(ctx, "people", store.Scan{Index: byAge}, 0)
		return []error{e1, e2, e3, e4, e5, s.Delete(ctx, "people", "a", 0), s.Ensure(ctx, people), s.Ping(ctx)}
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for i, err := range calls(over) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("call %d with a cancelled context returned %v", i, err)
		}
	}
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if errs := calls(t.Context()); slices.ContainsFunc(errs, func(err error) bool { return !errors.Is(err, store.ErrClosed) }) {
		t.Errorf("after Close: %v", errs)
	}
}

// TestFindAmongMany checks the order of so many records that they lie in
// several blocks, while they come, change and go, against one sorted list.
func TestFindAmongMany(t *testing.T) {
	t.Parallel()
	s := setup(t)
	random := rand.New(rand.NewPCG(1, 2))
	ages := map[string]int64{}
	for i := range 6000 {
		id := fmt.Sprintf("p%04d", random.IntN(2500))
		age := random.Int64N(500)
		old, err := s.Get(t.Context(), "people", id)
		switch {
		case errors.Is(err, store.ErrNotFound):
			insert(t, s, person(id, "x", age))
			ages[id] = age
		case i%3 == 0:
			if err := s.Delete(t.Context(), "people", id, 0); err != nil {
				t.Fatal(err)
			}
			delete(ages, id)
		default:
			old.Keys["age"] = age
			errs, err := s.Replace(t.Context(), "people", old)
			if err := errors.Join(append(errs, err)...); err != nil {
				t.Fatal(err)
			}
			ages[id] = age
		}
	}
	ids := slices.SortedFunc(maps.Keys(ages), func(a, b string) int {
		return cmp.Or(cmp.Compare(ages[a], ages[b]), strings.Compare(a, b))
	})
	if len(ids) < 1200 {
		t.Fatalf("only %d are left", len(ids))
	}
	for _, descending := range []bool{false, true} {
		scan := store.Scan{Index: byAge, Equal: []any{"x"}, Limit: 700, Descending: descending}
		var got []string
		for more := true; more; { // page by page
			records, err := s.Find(t.Context(), "people", scan)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range records {
				got = append(got, r.ID)
			}
			last := got[len(got)-1]
			scan.After, more = []any{"x", ages[last], last}, len(records) == scan.Limit
		}
		if !slices.Equal(got, ids) {
			t.Errorf("descending %v: found %d of %d, or in another order", descending, len(got), len(ids))
		}
		slices.Reverse(ids)
	}
	slices.Reverse(ids)
	older := slices.IndexFunc(ids, func(id string) bool { return ages[id] < 250 })
	if n, err := s.Count(t.Context(), "people", store.Scan{Index: byAge, Equal: []any{"x"}, From: int64(250)}, 0); err != nil || n != int64(older) {
		t.Errorf("%d are 250 or older, %v; want %d", n, err, older)
	}
}
