package sqlitestore_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/store/sqlitestore"
)

// held opens a driver whose log is synced when the test says so, and how. The
// link to its folder is not where the log lies.
func held(t *testing.T) (d *sqlitestore.Driver, syncing chan<- error, started <-chan struct{}) {
	t.Helper()
	folder := t.TempDir()
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(filepath.Join(folder, "records.db"), link); err != nil {
		t.Fatal(err)
	}
	d = open(t, sqlitestore.Config{Path: link})
	if err := d.Ensure(t.Context(), logs()); err != nil {
		t.Fatal(err)
	}
	results, starts := make(chan error), make(chan struct{}, 100)
	go func() {
		if err := d.SyncBy(t.Context(), func() error {
			starts <- struct{}{}
			return <-results
		}); err != nil {
			t.Error(err)
		}
	}()
	<-starts
	results <- nil
	return d, results, starts
}

// put inserts a record and tells the result.
func put(ctx context.Context, d *sqlitestore.Driver, writer string) <-chan error {
	result := make(chan error, 1)
	go func() {
		errs, err := d.Insert(ctx, "logs", logRecord(writer, 1))
		if err == nil {
			err = errs[0]
		}
		result <- err
	}()
	return result
}

// executed waits until the records are in the transaction that is open.
func executed(t *testing.T, d *sqlitestore.Driver, ids ...string) {
	t.Helper()
	for d.Executed(t.Context(), ids...) < len(ids) {
		for range 1000 { // every look takes a place in the transaction
			runtime.Gosched()
		}
	}
}

// TestAcknowledgedWhenSynced checks that nothing is acknowledged before the log
// is synced after its commit, and that what comes meanwhile is written in one
// transaction, which is committed as soon as the disk is ready.
func TestAcknowledgedWhenSynced(t *testing.T) {
	t.Parallel()
	d, syncing, started := held(t)
	first := put(t.Context(), d, "first")
	<-started
	if _, err := d.Get(t.Context(), "logs", "first-000001"); err != nil {
		t.Errorf("the first is not committed: %v", err)
	}
	second, third := put(t.Context(), d, "second"), put(t.Context(), d, "third")
	executed(t, d, "second-000001", "third-000001")
	for _, id := range []string{"second-000001", "third-000001"} {
		if _, err := d.Get(t.Context(), "logs", id); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s is committed while the log is being synced: %v", id, err)
		}
	}
	select {
	case err := <-first:
		t.Fatalf("acknowledged before it was synced: %v", err)
	default:
	}
	syncing <- nil
	if err := <-first; err != nil {
		t.Error(err)
	}
	<-started
	select {
	case err := <-second:
		t.Fatalf("acknowledged before it was synced: %v", err)
	case err := <-third:
		t.Fatalf("acknowledged before it was synced: %v", err)
	default:
	}
	syncing <- nil
	if err := errors.Join(<-second, <-third); err != nil {
		t.Error(err)
	}
	closed := make(chan error, 1)
	last := put(t.Context(), d, "last")
	<-started
	go func() { closed <- d.Close(context.WithoutCancel(t.Context())) }()
	syncing <- nil
	if err := errors.Join(<-last, <-closed); err != nil {
		t.Error(err)
	}
}

// TestFailedSync checks that whoever's write may be lost is told so, and that
// nothing is taken on top of it.
func TestFailedSync(t *testing.T) {
	t.Parallel()
	d, syncing, started := held(t)
	first := put(t.Context(), d, "first")
	<-started
	second := put(t.Context(), d, "second")
	executed(t, d, "second-000001")
	syncing <- errors.New("the disk is broken")
	for name, result := range map[string]<-chan error{"first": first, "second": second, "third": put(t.Context(), d, "third")} {
		if err := <-result; fault.ClassOf(err) != fault.ClassUnavailable || !strings.Contains(err.Error(), "disk is broken") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := d.Get(t.Context(), "logs", "second-000001"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the second is there: %v", err)
	}
	if err := d.Ping(t.Context()); fault.ClassOf(err) != fault.ClassUnavailable {
		t.Errorf("ping: %v", err)
	}
	if err := d.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
}
