package failpoint_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/drill/failpoint"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/store/memstore"
)

// load returns the switches of these variables.
func load(t *testing.T, environ ...string) *failpoint.Switches {
	t.Helper()
	s, err := failpoint.Load(environ)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// records is a store with the collection of jobs.
func records(t *testing.T) store.Driver {
	t.Helper()
	d := memstore.New()
	if err := d.Ensure(t.Context(), store.Collection{Name: "jobs"}, store.Collection{Name: "models"}); err != nil {
		t.Fatal(err)
	}
	return d
}

func body(t *testing.T, fields map[string]any) []byte {
	t.Helper()
	b, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// write stores a job's record and returns what became of it.
func write(t *testing.T, d store.Driver, revision int64, fields map[string]any) error {
	t.Helper()
	r := store.Record{ID: "job_1", Revision: revision, Keys: map[string]any{}, Body: body(t, fields)}
	call := d.Replace
	if revision == 0 {
		call = d.Insert
	}
	errs, err := call(t.Context(), "jobs", r)
	if err != nil {
		t.Fatal(err)
	}
	return errs[0]
}

func TestLoadRefusesWhatIsNoSwitch(t *testing.T) {
	t.Parallel()
	for _, e := range []string{"CHAOS_CLOCK=soon", "CHAOS_BREAK=everything", "CHAOS_KILL=during store.get jobs"} {
		if _, err := failpoint.Load([]string{e}); err == nil || !strings.Contains(err.Error(), strings.SplitN(e, "=", 2)[0]) {
			t.Errorf("%s: %v", e, err)
		}
	}
}

func TestClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		if got := time.Until(load(t, "CHAOS_CLOCK=-90s").Now()); got != -90*time.Second {
			t.Errorf("the clock is wrong by %s", got)
		}
	})
}

// TestDiesAtItsPoint passes a point that is chosen: before it, nothing is
// stored; after it, everything is.
func TestDiesAtItsPoint(t *testing.T) {
	t.Parallel()
	for when, stored := range map[string]bool{"before": false, "after": true} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			s := load(t, "CHAOS_KILL="+when+" store.insert jobs training queued")
			type death struct{}
			s.Die(func() { panic(death{}) })
			inner := records(t)
			func() {
				defer func() {
					if _, died := recover().(death); !died {
						t.Error("it lives on")
					}
				}()
				_ = write(t, failpoint.Store(s, inner), 0, map[string]any{"kind": "training", "state": "queued"})
			}()
			if _, err := inner.Get(t.Context(), "jobs", "job_1"); (err == nil) != stored {
				t.Errorf("the record: %v, want it stored: %v", err, stored)
			}
		})
	}
}

// TestTrace names every call once.
func TestTrace(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "trace")
	s := load(t, "CHAOS_TRACE="+file)
	d := failpoint.Store(s, records(t))
	q := failpoint.Queue(s, line{})
	ctx := t.Context()
	for range 2 {
		_ = write(t, d, 0, map[string]any{"kind": "training", "state": "queued"})
		_ = write(t, d, 1, map[string]any{"kind": "training", "state": "running", "committed": true})
		_, _ = d.Get(ctx, "models", "mdl_1")
		_ = d.Delete(ctx, "models", "mdl_1", 0)
		if err := errors.Join(q.Enqueue(ctx, job.Delivery{Kind: "training"}), q.HintCancel(ctx, job.Delivery{})); err != nil {
			t.Error(err)
		}
		if _, err := q.Alive(ctx, job.Delivery{}); err != nil {
			t.Error(err)
		}
		if _, _, _, err := q.Backlog(ctx, "data"); err != nil {
			t.Error(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const want = `store.insert jobs training queued
store.replace jobs training running committed
store.get models
store.delete models
queue.enqueue training
queue.hint_cancel
queue.alive
queue.backlog data
`
	if string(text) != want {
		t.Errorf("%s, want %s", text, want)
	}
}

// line is a queue that takes everything.
type line struct{}

func (line) Enqueue(context.Context, ...job.Delivery) error    { return nil }
func (line) Alive(context.Context, job.Delivery) (bool, error) { return true, nil }
func (line) Backlog(context.Context, string) (waiting, active, ended int64, err error) {
	return 0, 0, 0, nil
}
func (line) HintCancel(context.Context, job.Delivery) error { return nil }

// Without a fence a stale write goes through, and the worker does not see that
// its job was taken.
func TestWithoutFence(t *testing.T) {
	t.Parallel()
	inner := records(t)
	whole, off := failpoint.Store(load(t), inner), failpoint.Store(load(t, "CHAOS_BREAK=fence"), inner)
	mine, others := map[string]any{"state": "running", "epoch": 1}, map[string]any{"state": "succeeded", "epoch": 2}
	if err := errors.Join(write(t, whole, 0, map[string]any{"state": "queued"}), write(t, off, 1, mine), write(t, whole, 2, others)); err != nil {
		t.Fatal(err)
	}
	if r, err := off.Get(t.Context(), "jobs", "job_1"); err != nil || !strings.Contains(string(r.Body), "running") {
		t.Errorf("it sees %s, %v", r.Body, err)
	}
	if err := write(t, whole, 2, mine); !errors.Is(err, store.ErrStale) {
		t.Errorf("with the fence: %v", err)
	}
	if err := write(t, off, 2, mine); err != nil {
		t.Errorf("without the fence: %v", err)
	}
	if r, err := inner.Get(t.Context(), "jobs", "job_1"); err != nil || r.Revision != 4 || !strings.Contains(string(r.Body), "running") {
		t.Errorf("stored is revision %d, %s, %v", r.Revision, r.Body, err)
	}
}

// Without the outbox a job is acknowledged and not there yet.
func TestWithoutOutbox(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		inner := records(t)
		if err := write(t, failpoint.Store(load(t, "CHAOS_BREAK=outbox"), inner), 0, map[string]any{}); err != nil {
			t.Fatal(err)
		}
		if _, err := inner.Get(t.Context(), "jobs", "job_1"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("it is stored already: %v", err)
		}
		<-time.After(time.Minute)
		if _, err := inner.Get(t.Context(), "jobs", "job_1"); err != nil {
			t.Error(err)
		}
	})
}

// Without the flag nobody sees a cancel.
func TestWithoutCancel(t *testing.T) {
	t.Parallel()
	inner := records(t)
	if err := write(t, inner, 0, map[string]any{"state": "running", "cancel_requested": true}); err != nil {
		t.Fatal(err)
	}
	r, err := failpoint.Store(load(t, "CHAOS_BREAK=cancel"), inner).Get(t.Context(), "jobs", "job_1")
	if err != nil || strings.Contains(string(r.Body), "cancel") || !strings.Contains(string(r.Body), "running") {
		t.Errorf("%s, %v", r.Body, err)
	}
}
