package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/store"
)

// Fresh makes a place for records that holds none and returns a function that
// opens it. The suite closes a driver before it opens the place again.
type Fresh func(t *testing.T) (open func(t *testing.T) store.Driver)

// Run runs the suite.
func Run(t *testing.T, fresh Fresh) {
	t.Helper()
	cases := []struct {
		name string
		run  func(*testing.T, *bundle)
	}{
		{"insert and get", testInsert},
		{"insert many", testInsertMany},
		{"peek", testPeek},
		{"duplicates", testDuplicates},
		{"replace", testReplace},
		{"replace many", testReplaceMany},
		{"delete", testDelete},
		{"largest record", testLargest},
		{"refused records", testRefused},
		{"find", testFind},
		{"find refuses", testFindRefuses},
		{"order of strings", testStrings},
		{"order of integers", testIntegers},
		{"pages", testPages},
		{"pages beside writers", testPagesBesideWriters},
		{"positions outside", testPositionsOutside},
		{"large pages", testLargePages},
		{"count", testCount},
		{"ensure", testEnsure},
		{"ensure more", testEnsureMore},
		{"ensure refuses", testEnsureRefuses},
		{"limited indexes", testLimited},
		{"cancelled", testCancelled},
		{"race to replace", testRaceToReplace},
		{"race to insert", testRaceToInsert},
		{"race to delete", testRaceToDelete},
		{"reopen", testReopen},
		{"close", testClose},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, setup(t, fresh))
		})
	}
}

// bundle is a fresh store with one collection.
type bundle struct {
	store.Driver
	open func(*testing.T) store.Driver
}

const papers = "papers"

func byShelf() store.Index {
	return store.Index{Name: "by_shelf", Fields: []store.IndexField{{Name: "shelf"}, {Name: "number", Type: store.Int}}}
}

func byTitle() store.Index {
	return store.Index{Name: "by_title", Fields: []store.IndexField{{Name: "title"}}}
}

func byKey() store.Index {
	return store.Index{Name: "by_key", Unique: true, Fields: []store.IndexField{{Name: "shelf"}, {Name: "key"}}}
}

func collection() store.Collection {
	return store.Collection{Name: papers, Indexes: []store.Index{byShelf(), byTitle(), byKey()}}
}

func setup(t *testing.T, fresh Fresh) *bundle {
	t.Helper()
	b := &bundle{open: fresh(t)}
	b.reopen(t)
	return b
}

// reopen opens the place, again if it was open.
func (b *bundle) reopen(t *testing.T) {
	t.Helper()
	if b.Driver != nil {
		must(t, b.Close(t.Context()))
	}
	b.Driver = b.open(t)
	driver := b.Driver
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Second)
		defer cancel()
		if err := driver.Close(ctx); err != nil && !errors.Is(err, store.ErrClosed) {
			t.Errorf("close: %v", err)
		}
	})
	must(t, b.Ensure(t.Context(), collection()))
}

// paper makes a record whose unique key is its identifier.
func paper(id, shelf string, number int64, title string) store.Record {
	return store.Record{
		ID:   id,
		Keys: map[string]any{"shelf": shelf, "number": number, "title": title, "key": id},
		Body: fmt.Appendf(nil, `{"title":%q,"shelf":%q}`, title, shelf),
	}
}

func (b *bundle) insert(t *testing.T, records ...store.Record) {
	t.Helper()
	for i, err := range b.insertAll(t, records...) {
		if err != nil {
			t.Fatalf("insert record %d of %d: %v", i+1, len(records), err)
		}
	}
}

func (b *bundle) insertAll(t *testing.T, records ...store.Record) []error {
	t.Helper()
	errs, err := b.Insert(t.Context(), papers, records...)
	must(t, err)
	if len(errs) != len(records) {
		t.Fatalf("insert of %d records has %d results", len(records), len(errs))
	}
	return errs
}

func (b *bundle) replaceAll(t *testing.T, records ...store.Record) []error {
	t.Helper()
	errs, err := b.Replace(t.Context(), papers, records...)
	must(t, err)
	if len(errs) != len(records) {
		t.Fatalf("replacement of %d records has %d results", len(records), len(errs))
	}
	return errs
}

func (b *bundle) get(t *testing.T, id string) store.Record {
	t.Helper()
	r, err := b.Get(t.Context(), papers, id)
	if err != nil {
		t.Fatalf("get %q: %v", id, err)
	}
	return r
}

func (b *bundle) find(t *testing.T, scan store.Scan) []store.Record {
	t.Helper()
	if scan.Limit == 0 {
		scan.Limit = 100
	}
	records, err := b.Find(t.Context(), papers, scan)
	must(t, err)
	return records
}

// walk follows the scan page by page to its end.
func (b *bundle) walk(t *testing.T, scan store.Scan, between func()) []store.Record {
	t.Helper()
	var all []store.Record
	for range 1_000_000 {
		page := b.find(t, scan)
		all = append(all, page...)
		if len(page) < scan.Limit {
			return all
		}
		scan.After = position(scan.Index, page[len(page)-1])
		between()
	}
	t.Fatal("the pages do not end")
	return nil
}

func position(index store.Index, r store.Record) []any {
	var after []any
	for _, f := range index.Fields {
		after = append(after, r.Keys[f.Name])
	}
	return append(after, r.ID)
}

func ids(records []store.Record) string {
	names := make([]string, len(records))
	for i, r := range records {
		names[i] = r.ID
	}
	return strings.Join(names, " ")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErrors(t *testing.T, got []error, want ...error) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("there are %d results, want %d", len(got), len(want))
	}
	for i := range want {
		if !errors.Is(got[i], want[i]) {
			t.Errorf("result %d is %v, want %v", i, got[i], want[i])
		}
	}
}

func wantRecord(t *testing.T, got, want store.Record, revision int64) {
	t.Helper()
	want.Revision = revision
	if !reflect.DeepEqual(got, want) {
		t.Errorf("record is\n%+v, want\n%+v", got, want)
	}
}

func wantIDs(t *testing.T, got []store.Record, want string) {
	t.Helper()
	if ids(got) != want {
		t.Errorf("found %q, want %q", ids(got), want)
	}
}
