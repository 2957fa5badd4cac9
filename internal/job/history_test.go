package job_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
)

// restless makes a job whose history has three events for each attempt.
func restless(attempts int) map[string]job.Handler {
	return map[string]job.Handler{"work": does(func(_ context.Context, task *job.Task) (any, error) {
		if task.Job.Attempt < attempts {
			return nil, job.Snooze(-1, "not_yet", "not yet")
		}
		return 1, nil
	})}
}

// events reads the whole history by pages of the size.
func (w *world) events(id string, limit int) []job.Event {
	w.t.Helper()
	var all []job.Event
	for {
		after := 0
		if n := len(all); n > 0 {
			after = all[n-1].Seq
		}
		page, err := w.service.History(w.t.Context(), tenant, id, after, limit)
		if err != nil || len(page) > limit {
			w.t.Fatalf("%d events, %v", len(page), err)
		}
		all = append(all, page...)
		if len(page) < limit {
			return all
		}
	}
}

// wantWhole checks that the history has every event of a job that was restless:
// submitted, then handed over, claimed and sent back, as often as it took.
func (w *world) wantWhole(events []job.Event, attempts int) {
	w.t.Helper()
	if len(events) != 1+3*attempts {
		w.t.Fatalf("%d events of %d attempts", len(events), attempts)
	}
	cycle := []job.State{job.Pending, job.Queued, job.Running}
	for i, e := range events {
		want := cycle[i%3]
		if i == len(events)-1 {
			want = job.Succeeded
		}
		if e.Seq != i+1 || e.State != want || e.Epoch != (i+2)/3 {
			w.t.Fatalf("event %d is %+v", i+1, e)
		}
	}
}

func TestWholeHistory(t *testing.T) {
	t.Parallel()
	for _, attempts := range []int{1, 32, 33, 34, 49, 50, 51, 130} {
		t.Run(fmt.Sprint(attempts), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := setup(t, restless(attempts))
				defer w.start(w.runner("wkr_a"))()
				j := w.finish(w.submit("work").ID)
				w.want(j, job.Succeeded)
				if len(j.History) > 100 || j.Moved+len(j.History) != 1+3*attempts {
					t.Errorf("%d events on the record, %d elsewhere", len(j.History), j.Moved)
				}
				for _, limit := range []int{1, 7, 100, 500} {
					w.wantWhole(w.events(j.ID, limit), attempts)
				}
				rows := w.rows("job_history")
				if want := (j.Moved + 49) / 50; rows != want {
					t.Errorf("%d rows, not %d", rows, want)
				}
				if err := w.service.Remove(t.Context(), j.ID); err != nil || w.rows("job_history") != 0 {
					t.Errorf("%d rows of a removed job, %v", w.rows("job_history"), err)
				}
			})
		})
	}
}

// rows counts the records of a collection.
func (w *world) rows(collection string) int {
	w.t.Helper()
	for _, c := range job.Collections() {
		if c.Name != collection {
			continue
		}
		n, err := w.driver.Count(w.t.Context(), collection, store.Scan{Index: c.Indexes[0]}, 0)
		if err != nil {
			w.t.Fatal(err)
		}
		return int(n)
	}
	w.t.Fatalf("no collection %s", collection)
	return 0
}

// Events that were moved and whose record was then not written are there once.
func TestHistoryMovedTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, restless(60))
		b := &broken{Driver: w.driver}
		refused := 0
		b.set(func(op, collection string) error {
			if op == "replace" && collection == "jobs" && w.rows("job_history") > refused {
				refused++ // the row is written: the record is not, the first time
				return errAway
			}
			return nil
		})
		defer w.start(w.runner("wkr_a", func(c *job.RunnerConfig) { c.Driver = b }))()
		j := w.finish(w.submit("work").ID)
		w.want(j, job.Succeeded)
		if refused == 0 {
			t.Fatal("nothing was refused")
		}
		w.wantWhole(w.events(j.ID, 500), 60)
	})
}

// A row that cannot be written keeps the record from losing events.
func TestHistoryThatCannotBeMoved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, restless(40))
		b := &broken{Driver: w.driver}
		until := time.Now().Add(10 * time.Minute)
		b.set(func(op, collection string) error {
			if op == "insert" && collection == "job_history" && time.Now().Before(until) {
				return errAway
			}
			return nil
		})
		w.keeper = job.NewKeeper(job.KeeperConfig{Driver: b, Queue: w.queue, Observer: w.diary})
		defer w.start(w.runner("wkr_a", func(c *job.RunnerConfig) { c.Driver, c.FinishPatience = b, 0 }))()
		j := w.finish(w.submit("work").ID)
		w.want(j, job.Succeeded)
		w.wantWhole(w.events(j.ID, 500), 40)
	})
}

func TestHistoryTellsWhoDidIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{"work": does(func(ctx context.Context, task *job.Task) (any, error) {
			if task.Job.Attempt > 1 {
				return 1, nil
			}
			return nil, sleep(ctx, time.Hour)
		})})
		defer w.start(w.runner("wkr_a"))()
		id := w.submit("work").ID
		w.until(id, func(j *job.Job) bool { return j.State == job.Running })
		if _, err := w.service.Cancel(job.As(t.Context(), "ann"), tenant, id); err != nil {
			t.Fatal(err)
		}
		w.want(w.finish(id), job.Cancelled)
		if _, err := w.service.Retry(job.As(t.Context(), "bob"), tenant, id); err != nil {
			t.Fatal(err)
		}
		w.want(w.finish(id), job.Succeeded)
		var told []string
		for _, e := range w.events(id, 500) {
			if e.By != "" {
				told = append(told, fmt.Sprintf("%s %s %s by %s", e.State, e.Event, e.Reason, e.By))
			}
		}
		if got := fmt.Sprint(told); got != "[pending   by ann running cancel_requested  by ann queued  retried_by_owner by bob]" {
			t.Error(got)
		}
		queued := w.submit("rest")
		if j, err := w.service.Cancel(job.As(t.Context(), "eve"), tenant, queued.ID); err != nil || j.History[len(j.History)-1].By != "eve" {
			t.Errorf("%s, %v", dump(j), err)
		}
	})
}

func TestHistoryRefuses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		id := w.submit("work").ID
		for _, test := range []struct {
			tenant, id   string
			after, limit int
			code         string
		}{
			{tenant, id, -1, 0, "invalid_after"},
			{tenant, id, 0, -1, "limit_out_of_range"},
			{tenant, id, 0, 501, "limit_out_of_range"},
			{"other", id, 0, 0, "job_not_found"},
			{tenant, "job_1", 0, 0, "job_not_found"},
		} {
			if _, err := w.service.History(t.Context(), test.tenant, test.id, test.after, test.limit); code(err) != test.code {
				t.Errorf("%+v: %v", test, err)
			}
		}
		if events, err := w.service.History(t.Context(), tenant, id, 99, 0); err != nil || len(events) != 0 {
			t.Errorf("behind the end: %v, %v", events, err)
		}
	})
}

// A poll that finds nothing new reads no record.
func TestPeek(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		b := &broken{Driver: w.driver}
		s := job.NewService(job.ServiceConfig{Driver: b, Queue: w.queue, Files: w.files})
		j := w.submit("work")
		b.set(failing("get"))
		if g, err := s.Peek(t.Context(), tenant, j.ID); err != nil || g != (job.Glance{Revision: 1, State: job.Queued}) {
			t.Errorf("%+v, %v", g, err)
		}
		for _, id := range []string{"job_1", store.NewID("job")} {
			if _, err := s.Peek(t.Context(), tenant, id); code(err) != "job_not_found" {
				t.Errorf("%s: %v", id, err)
			}
		}
		if _, err := w.service.Peek(t.Context(), "other", j.ID); code(err) != "job_not_found" {
			t.Errorf("another tenant: %v", err)
		}
		b.set(failing("peek"))
		if _, err := s.Peek(t.Context(), tenant, j.ID); code(err) != "store_unavailable" {
			t.Errorf("without a store: %v", err)
		}
	})
}
