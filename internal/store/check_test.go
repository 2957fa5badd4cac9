package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/store"
)

func TestCollectionCheck(t *testing.T) {
	t.Parallel()
	index := func(name string, fields ...string) store.Index {
		x := store.Index{Name: name}
		for _, f := range fields {
			x.Fields = append(x.Fields, store.IndexField{Name: f})
		}
		return x
	}
	integer := store.Index{Name: "by_int", Fields: []store.IndexField{{Name: "a", Type: store.Int}}}
	unknown := store.Index{Name: "by_new", Fields: []store.IndexField{{Name: "a", Type: 7}}}
	limited := func(x store.Index, field string, values ...string) store.Index {
		x.Only = store.Only{Field: field, Values: values}
		return x
	}
	unique := index("x", "a")
	unique.Unique = true
	cases := []struct {
		name    string
		c       store.Collection
		mistake string // part of the error, empty for none
	}{
		{"plain", store.Collection{Name: "jobs"}, ""},
		{"indexes", store.Collection{Name: "jobs2_x", Indexes: []store.Index{index("by_a", "a"), index("by_ab", "a", "b")}}, ""},
		{"no name", store.Collection{}, "collection name"},
		{"quoted", store.Collection{Name: `a"b`}, "collection name"},
		{"capitals", store.Collection{Name: "Jobs"}, "collection name"},
		{"double underscore", store.Collection{Name: "a__b"}, "collection name"},
		{"last underscore", store.Collection{Name: "a_"}, "collection name"},
		{"long", store.Collection{Name: strings.Repeat("a", 41)}, "collection name"},
		{"index name", store.Collection{Name: "jobs", Indexes: []store.Index{index("", "a")}}, "index name"},
		{"index twice", store.Collection{Name: "jobs", Indexes: []store.Index{index("x", "a"), index("x", "b")}}, "not the only one"},
		{"no fields", store.Collection{Name: "jobs", Indexes: []store.Index{index("x")}}, "no fields"},
		{"field name", store.Collection{Name: "jobs", Indexes: []store.Index{index("x", "a.b")}}, "snake_case"},
		{"field twice", store.Collection{Name: "jobs", Indexes: []store.Index{index("x", "a", "a")}}, "not the only one"},
		{"two types", store.Collection{Name: "jobs", Indexes: []store.Index{index("x", "a"), integer}}, "more than one type"},
		{"unknown type", store.Collection{Name: "jobs", Indexes: []store.Index{unknown}}, "type"},
		{"limited", store.Collection{Name: "jobs", Indexes: []store.Index{limited(index("x", "a", "b"), "b"), limited(index("y", "a"), "a", "v", "w_1")}}, ""},
		{"limited by another", store.Collection{Name: "jobs", Indexes: []store.Index{limited(index("x", "a"), "b")}}, "no string among"},
		{"limited by a number", store.Collection{Name: "jobs", Indexes: []store.Index{limited(integer, "a")}}, "no string among"},
		{"limited by nothing", store.Collection{Name: "jobs", Indexes: []store.Index{limited(index("x", "a"), "", "v")}}, "no string among"},
		{"limited and unique", store.Collection{Name: "jobs", Indexes: []store.Index{limited(unique, "a")}}, "unique and limited"},
		{"limited to quotes", store.Collection{Name: "jobs", Indexes: []store.Index{limited(index("x", "a"), "a", "v'w")}}, "snake_case"},
		{"limited to one twice", store.Collection{Name: "jobs", Indexes: []store.Index{limited(index("x", "a"), "a", "v", "v")}}, "the only one"},
	}
	for _, c := range cases {
		err := c.c.Check()
		if (err == nil) != (c.mistake == "") || err != nil && !strings.Contains(err.Error(), c.mistake) {
			t.Errorf("%s: error is %v, want one about %q", c.name, err, c.mistake)
		}
	}
	fields := cases[1].c.Fields()
	if want := []store.IndexField{{Name: "a"}, {Name: "b"}}; !reflect.DeepEqual(fields, want) {
		t.Errorf("fields are %v, want %v", fields, want)
	}
	if x, ok := cases[1].c.Index("by_ab"); !ok || !x.Equals(index("by_ab", "a", "b")) || x.Equals(index("by_ab", "a")) {
		t.Errorf("index by_ab is %v, %v", x, ok)
	}
	if _, ok := cases[1].c.Index("by_c"); ok {
		t.Error("an undeclared index was found")
	}
}

func TestCheckRecords(t *testing.T) {
	t.Parallel()
	fields := notes().Fields()
	record := func(change func(*store.Record)) store.Record {
		r := store.Record{ID: "n", Keys: map[string]any{"owner": "ann", "stars": int64(1), "slug": "s"}, Body: []byte(`{}`)}
		change(&r)
		return r
	}
	errs, err := store.CheckRecords("notes", fields, []store.Record{
		record(func(*store.Record) {}),
		record(func(r *store.Record) { r.Body = make([]byte, store.MaxBody+1) }),
		record(func(r *store.Record) { r.Keys["slug"] = strings.Repeat("s", store.MaxKey+1) }),
		record(func(r *store.Record) { r.ID = strings.Repeat("s", store.MaxKey+1) }),
		record(func(r *store.Record) { r.Body, r.ID = make([]byte, store.MaxBody), strings.Repeat("s", store.MaxKey) }),
	})
	want := []error{nil, store.ErrTooLarge, store.ErrTooLarge, store.ErrTooLarge, nil}
	if err != nil || !slices.Equal(errs, want) {
		t.Errorf("results are %v, %v, want %v", errs, err, want)
	}
	cases := map[string]struct {
		change func(*store.Record)
		class  fault.Class
	}{
		"no identifier": {func(r *store.Record) { r.ID = "" }, fault.ClassInternal},
		"too few":       {func(r *store.Record) { delete(r.Keys, "slug") }, fault.ClassInternal},
		"other name":    {func(r *store.Record) { delete(r.Keys, "slug"); r.Keys["x"] = "" }, fault.ClassInternal},
		"wrong type":    {func(r *store.Record) { r.Keys["slug"] = int64(1) }, fault.ClassInternal},
		"small integer": {func(r *store.Record) { r.Keys["stars"] = 1 }, fault.ClassInternal},
		"body":          {func(r *store.Record) { r.Body = []byte{0xff} }, fault.ClassInternal},
		"value":         {func(r *store.Record) { r.Keys["slug"] = "\xff" }, fault.ClassInvalid},
	}
	for name, c := range cases {
		_, err := store.CheckRecords("notes", fields, []store.Record{record(c.change)})
		if err == nil || errors.Is(err, store.ErrTooLarge) || fault.ClassOf(err) != c.class {
			t.Errorf("%s: error is %v", name, err)
		}
	}
}

func TestScanCheck(t *testing.T) {
	t.Parallel()
	index := notes().Indexes[0]
	good := []store.Scan{
		{Index: index, Limit: 1},
		{Index: index, Limit: store.MaxLimit + 1, Equal: []any{"a", int64(1)}},
		{Index: index, Limit: 1, Equal: []any{"a"}, From: int64(1), To: int64(2), After: []any{"a", int64(1), "id"}},
	}
	for i, s := range good {
		if err := s.Check(); err != nil {
			t.Errorf("scan %d: %v", i, err)
		}
	}
	bad := map[string]store.Scan{
		"limit":           {Index: index},
		"high limit":      {Index: index, Limit: store.MaxLimit + 2},
		"type of equal":   {Index: index, Limit: 1, Equal: []any{int64(1)}},
		"equal":           {Index: index, Limit: 1, Equal: []any{"a", int64(1), "b"}},
		"bound":           {Index: index, Limit: 1, Equal: []any{"a", int64(1)}, From: "b"},
		"type of bound":   {Index: index, Limit: 1, Equal: []any{"a"}, To: "b"},
		"position":        {Index: index, Limit: 1, After: []any{"a", int64(1)}},
		"type in it":      {Index: index, Limit: 1, After: []any{"a", "1", "id"}},
		"its identifier":  {Index: index, Limit: 1, After: []any{"a", int64(1), int64(1)}},
		"text that isn't": {Index: index, Limit: 1, From: "\xff"},
	}
	for name, s := range bad {
		if s.Check() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := (store.Scan{Index: index, After: []any{1}}).CheckCount(); err != nil {
		t.Errorf("count: %v", err)
	}
}

// TestResume compares resumed scans with their definition on random ones.
func TestResume(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	index := store.Index{Name: "x", Fields: []store.IndexField{{Name: "a", Type: store.Int}, {Name: "b", Type: store.Int}}}
	number := func() any { return int64(random.IntN(4)) }
	maybe := func() any {
		if random.IntN(2) == 0 {
			return nil
		}
		return number()
	}
	for range 20_000 {
		s := store.Scan{Index: index, Descending: random.IntN(2) == 0}
		for range random.IntN(3) {
			s.Equal = append(s.Equal, number())
		}
		if len(s.Equal) < 2 {
			s.From, s.To = maybe(), maybe()
		}
		if random.IntN(4) > 0 {
			s.After = []any{number(), number(), fmt.Sprint(random.IntN(4))}
		}
		resumed, ok := s.Resume()
		want, got := matches(s), []string(nil)
		if ok {
			got = matches(resumed)
		}
		if !reflect.DeepEqual(want, got) {
			t.Fatalf("%+v matches %v, resumed as %+v, %v it matches %v", s, want, resumed, ok, got)
		}
		if ok && len(resumed.After) > 0 && (resumed.Descending && resumed.To != nil || !resumed.Descending && resumed.From != nil) {
			t.Fatalf("%+v was resumed as %+v with a superfluous bound", s, resumed)
		}
	}
}

// matches returns the records of a small world that a scan matches, by the
// definition of its fields.
func matches(s store.Scan) []string {
	var found []string
	for a := range int64(4) {
		for b := range int64(4) {
			for id := range 4 {
				values := []any{a, b, fmt.Sprint(id)}
				if inScan(s, values) {
					found = append(found, fmt.Sprint(values))
				}
			}
		}
	}
	return found
}

func inScan(s store.Scan, values []any) bool {
	for i, v := range s.Equal {
		if values[i] != v {
			return false
		}
	}
	if s.From != nil && less(values[len(s.Equal)], s.From) || s.To != nil && !less(values[len(s.Equal)], s.To) {
		return false
	}
	for i, at := range s.After {
		if values[i] != at {
			return less(at, values[i]) != s.Descending
		}
	}
	return len(s.After) == 0
}

func less(x, y any) bool { return fmt.Sprint(x) < fmt.Sprint(y) }

// TestCodeOfLimits checks that an index is the same after its limits were
// written and read.
func TestCodeOfLimits(t *testing.T) {
	t.Parallel()
	plain := store.Index{Name: "x", Fields: []store.IndexField{{Name: "a"}, {Name: "b"}}}
	for code, only := range map[string]store.Only{"": {}, "1": {Field: "b"}, "0.v.w_1": {Field: "a", Values: []string{"v", "w_1"}}} {
		index := plain
		index.Only = only
		if got := index.Code(); got != code {
			t.Errorf("code of %+v is %q, want %q", only, got, code)
		}
		if got, err := plain.Limited(code); err != nil || !reflect.DeepEqual(got, index) {
			t.Errorf("%q is read as %+v, %v", code, got, err)
		}
	}
	for _, code := range []string{"x", "2", "-1", ".v"} {
		if got, err := plain.Limited(code); err == nil {
			t.Errorf("%q is read as %+v", code, got)
		}
	}
}
