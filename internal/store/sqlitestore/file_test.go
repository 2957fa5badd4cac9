package sqlitestore_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/store/sqlitestore"
)

func TestConfig(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		cfg  sqlitestore.Config
		code string
	}{
		"no path":    {sqlitestore.Config{}, "store_path_missing"},
		"durability": {sqlitestore.Config{Path: "x", Durability: "off"}, "store_durability_unknown"},
		"readers":    {sqlitestore.Config{Path: "x", Readers: 65}, "store_readers_out_of_range"},
	}
	for name, c := range cases {
		if _, err := sqlitestore.Open(t.Context(), c.cfg); err == nil || fault.CodeOf(err) != c.code {
			t.Errorf("%s: error is %v, want code %s", name, err, c.code)
		}
	}
}

// raw opens the file as any program would.
func raw(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func execute(t *testing.T, db *sql.DB, text string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), text); err != nil {
		t.Fatal(err)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	foreign := filepath.Join(folder, "foreign.db")
	execute(t, raw(t, foreign), "CREATE TABLE things (x)")
	newer := filepath.Join(folder, "newer.db")
	if err := open(t, sqlitestore.Config{Path: newer}).Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	execute(t, raw(t, newer), "PRAGMA user_version = 9")
	text := filepath.Join(folder, "text.db")
	if err := os.WriteFile(text, []byte(strings.Repeat("not a database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	damaged := filepath.Join(folder, "damaged.db")
	if err := open(t, sqlitestore.Config{Path: damaged}).Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	execute(t, raw(t, damaged), "INSERT INTO narrative_collections VALUES ('x', '{')")
	for path, want := range map[string]string{
		foreign: "another application", newer: "newer version", text: "not a database", folder: "directory", damaged: "declaration",
		filepath.Join(text, "below.db"): "not a directory",
	} {
		_, err := sqlitestore.Open(t.Context(), sqlitestore.Config{Path: path})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error is %v, want one about %q", filepath.Base(path), err, want)
		}
	}
}

func TestPrivateFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a", "b", "records.db")
	d := open(t, sqlitestore.Config{Path: path})
	if err := d.Ensure(t.Context(), logs()); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"", "-wal"} {
		info, err := os.Stat(path + suffix)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("file %s: %v, %v", suffix, info.Mode(), err)
		}
	}
	if err := d.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path + "-wal"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the log after Close: %v", err)
	}
}

func TestCollections(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "records.db")
	d := open(t, sqlitestore.Config{Path: path})
	plain := store.Collection{Name: "a_plain"}
	more := logs()
	more.Indexes = append(more.Indexes, store.Index{Name: "by_step", Unique: true, Fields: []store.IndexField{{Name: "step", Type: store.Int}}})
	for _, c := range []store.Collection{more, logs(), plain} {
		if err := d.Ensure(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if got := d.Collections(); !reflect.DeepEqual(got, []store.Collection{plain, logs()}) {
		t.Errorf("declared is %+v", got)
	}
	if err := d.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	d = open(t, sqlitestore.Config{Path: path})
	if got := d.Collections(); !reflect.DeepEqual(got, []store.Collection{plain, more}) {
		t.Errorf("declared by the earlier process is %+v", got)
	}
	errs, err := d.Insert(t.Context(), "logs", logRecord("w", 1), logRecord("v", 1))
	if err != nil || !slices.Equal(errs, []error{nil, store.ErrDuplicate}) {
		t.Errorf("insert before Ensure: %v, %v", errs, err)
	}
	if err := d.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestRetiredIndexes checks that what no process reads any more is dropped, and
// that its fields stay.
func TestRetiredIndexes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "records.db")
	d := open(t, sqlitestore.Config{Path: path})
	defer func() {
		if err := d.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	before := logs()
	before.Indexes = append(before.Indexes,
		store.Index{Name: "by_step", Fields: []store.IndexField{{Name: "step", Type: store.Int}}},
		store.Index{Name: "by_place", Fields: []store.IndexField{{Name: "place"}}})
	if err := d.Ensure(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	after := logs()
	after.Retired = []string{"by_step", "by_place", "by_writer", "by_nothing"} // one of them is still declared, one has a field of its own
	for range 2 {
		if err := d.Ensure(t.Context(), after); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := raw(t, path).QueryContext(t.Context(), "SELECT name FROM sqlite_master WHERE type = 'index' AND name LIKE 'i_%' ORDER BY name")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil || !slices.Equal(names, []string{"i_logs__by_place", "i_logs__by_writer"}) {
		t.Errorf("the file has the indexes %q, %v", names, err)
	}
	if errs, err := d.Insert(t.Context(), "logs", logRecord("w", 1)); err != nil || errs[0] != nil {
		t.Errorf("insert: %v, %v", errs, err)
	}
	if err := d.Ensure(t.Context(), before); err != nil {
		t.Errorf("declare them again: %v", err)
	}
}

// TestFindUsesIndex checks that no scan sorts or walks the table.
func TestFindUsesIndex(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "records.db")
	d := open(t, sqlitestore.Config{Path: path})
	defer func() {
		if err := d.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	some, named := logs().Indexes[0], logs().Indexes[0]
	some.Name, some.Only = "by_some", store.Only{Field: "writer", Values: []string{"v", "w"}}
	named.Name, named.Only = "by_named", store.Only{Field: "writer"}
	with := logs()
	with.Indexes = append(with.Indexes, some, named)
	if err := d.Ensure(t.Context(), with); err != nil {
		t.Fatal(err)
	}
	scans := []store.Scan{
		{},
		{Descending: true},
		{Equal: []any{"w"}},
		{Equal: []any{"w", int64(1)}},
		{Equal: []any{"w"}, From: int64(1), To: int64(3)},
		{From: "a"},
		{After: []any{"w", int64(1), "x"}},
		{Equal: []any{"w"}, After: []any{"w", int64(1), "x"}, Descending: true},
		{Equal: []any{"w"}, To: int64(9), After: []any{"w", int64(1), "x"}},
		{Index: some, Equal: []any{"v"}},
		{Index: some, Equal: []any{"w"}, From: int64(1), After: []any{"w", int64(1), "x"}},
		{Index: named, Equal: []any{"w"}, From: int64(1), Descending: true},
		{Index: named, Equal: []any{"w", int64(2)}},
	}
	db := raw(t, path)
	for _, scan := range scans {
		if scan.Limit = 10; scan.Index.Name == "" {
			scan.Index = logs().Indexes[0]
		}
		text, args := sqlitestore.FindText(logs(), scan)
		var plan string
		rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+text, args...)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var id, parent, other int
			var detail string
			if err := rows.Scan(&id, &parent, &other, &detail); err != nil {
				t.Fatal(err)
			}
			plan += detail + "; "
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
		bounded := len(scan.Equal) > 0 || scan.From != nil || scan.After != nil
		if !strings.Contains(plan, "USING INDEX i_logs__"+scan.Index.Name) || strings.Contains(plan, "TEMP B-TREE") || bounded && !strings.Contains(plan, "SEARCH") {
			t.Errorf("%s\nis run as %s", text, plan)
		}
	}
}

// TestSettings checks what the connections run with.
func TestSettings(t *testing.T) {
	t.Parallel()
	for _, durability := range []sqlitestore.Durability{"", sqlitestore.Full, sqlitestore.Normal} {
		d := open(t, sqlitestore.Config{Path: filepath.Join(t.TempDir(), "records.db"), Durability: durability})
		want := map[string]string{"synchronous": "1", "journal_mode": "wal", "mmap_size": "0", "wal_autocheckpoint": "4000"}
		for name, value := range want {
			writing, reading, err := d.Pragma(t.Context(), name)
			if err != nil || writing != value || reading != value {
				t.Errorf("durability %q: %s is %s and %s, %v, want %s", durability, name, writing, reading, err, value)
			}
		}
		for name, want := range map[string][2]string{"query_only": {"0", "1"}, "cache_size": {"-16384", "-2048"}} {
			if writing, reading, err := d.Pragma(t.Context(), name); err != nil || writing != want[0] || reading != want[1] {
				t.Errorf("%s is %s and %s, %v", name, writing, reading, err)
			}
		}
		if err := d.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// TestFailedTransaction checks that every caller of a transaction that SQLite
// gives up is told so, that nothing of it is kept, and that the next one works.
func TestFailedTransaction(t *testing.T) {
	t.Parallel()
	d := open(t, sqlitestore.Config{Path: filepath.Join(t.TempDir(), "records.db")})
	defer func() {
		if err := d.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	if err := d.Ensure(t.Context(), logs()); err != nil {
		t.Fatal(err)
	}
	if err := d.LimitPages(t.Context(), 40); err != nil {
		t.Fatal(err)
	}
	large := logRecord("large", 1)
	large.Body = []byte(`"` + strings.Repeat("x", 1<<20) + `"`)
	var group sync.WaitGroup
	var failed, done sync.Map
	for i := range 20 {
		group.Go(func() {
			r := logRecord("w", i)
			if i%4 == 0 {
				r.Body = large.Body
			}
			errs, err := d.Insert(t.Context(), "logs", r)
			switch {
			case err == nil && errs[0] == nil:
				done.Store(r.ID, true)
			case fault.ClassOf(err) == fault.ClassUnavailable && strings.Contains(err.Error(), "full"):
				failed.Store(r.ID, true)
			default:
				t.Errorf("insert into a full store: %v, %v", errs, err)
			}
		})
	}
	group.Wait()
	failures := 0
	failed.Range(func(id, _ any) bool {
		failures++
		if _, err := d.Get(t.Context(), "logs", id.(string)); !errors.Is(err, store.ErrNotFound) { //nolint:forcetypeassert // a panic fails the test
			t.Errorf("%v failed, yet: %v", id, err)
		}
		return true
	})
	done.Range(func(id, _ any) bool {
		if _, err := d.Get(t.Context(), "logs", id.(string)); err != nil { //nolint:forcetypeassert // a panic fails the test
			t.Errorf("%v was acknowledged, yet: %v", id, err)
		}
		return true
	})
	if failures < 5 {
		t.Errorf("%d inserts failed in a full store, want at least the 5 large ones", failures)
	}
	if err := d.LimitPages(t.Context(), 1<<20); err != nil {
		t.Fatal(err)
	}
	if errs, err := d.Insert(t.Context(), "logs", large); err != nil || errs[0] != nil {
		t.Errorf("insert after there is room: %v, %v", errs, err)
	}
}

// TestLateCancel checks that a call whose context ends while it waits for its
// turn is not executed, whoever shares its transaction.
func TestLateCancel(t *testing.T) {
	t.Parallel()
	d := open(t, sqlitestore.Config{Path: filepath.Join(t.TempDir(), "records.db")})
	defer func() {
		if err := d.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	if err := d.Ensure(t.Context(), logs()); err != nil {
		t.Fatal(err)
	}
	release := d.Hold(t.Context())
	ctx, cancel := context.WithCancel(t.Context())
	results := make(chan error, 2)
	for writer, ctx := range map[string]context.Context{"cancelled": ctx, "patient": t.Context()} {
		queued := d.Queued()
		go func() {
			_, err := d.Insert(ctx, "logs", logRecord(writer, 1))
			results <- err
		}()
		for d.Queued() == queued {
			if t.Context().Err() != nil {
				t.Fatal("the insert does not queue")
			}
			runtime.Gosched()
		}
	}
	cancel()
	release()
	if err := errors.Join(<-results, <-results); !errors.Is(err, context.Canceled) {
		t.Errorf("results are %v", err)
	}
	if _, err := d.Get(t.Context(), "logs", "cancelled-000001"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the cancelled insert: %v", err)
	}
	if _, err := d.Get(t.Context(), "logs", "patient-000001"); err != nil {
		t.Errorf("the other insert: %v", err)
	}
}
