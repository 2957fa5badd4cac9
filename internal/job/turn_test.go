package job_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
)

// pendingBefore is a job that waits, as a program wrote it that knew of no
// turns.
func pendingBefore(id, notBefore string) store.Record {
	at, err := time.Parse(time.RFC3339, notBefore)
	if err != nil {
		panic(err)
	}
	return store.Record{
		ID: id,
		Keys: map[string]any{
			"tenant": "acme", "kind": "tuning", "idempotency_key": id, "state": "pending", "subject": "mdl_1", "pool": "batch",
			"created_at": int64(1748779200_000000000), "due_at": at.UnixNano(),
		},
		Body: []byte(strings.NewReplacer(
			`"state":"queued","epoch":1`, `"state":"pending","epoch":1,"not_before":"`+notBefore+`"`,
			`job_00000000000000000000000000000001`, id, `"queued_at":"2025-06-01T12:00:00Z",`, ``,
		).Replace(tuningBefore)),
	}
}

// TestJobsFromBeforeTurns checks that jobs that waited when the program was
// replaced have their turn, and not before their time.
func TestJobsFromBeforeTurns(t *testing.T) {
	t.Parallel()
	onBothDrivers(t, func(t *testing.T, d store.Driver) {
		ctx := t.Context()
		const ready, later = "job_00000000000000000000000000000003", "job_00000000000000000000000000000004"
		if err := d.Ensure(ctx, jobsBefore()); err != nil {
			t.Fatal(err)
		}
		errs, err := d.Insert(ctx, "jobs", pendingBefore(ready, "2025-06-01T12:00:00Z"), pendingBefore(later, "2025-06-01T14:00:00Z"))
		if err != nil || slices.ContainsFunc(errs, func(err error) bool { return err != nil }) {
			t.Fatal(errs, err)
		}
		if err := d.Ensure(ctx, job.Collections()...); err != nil {
			t.Fatal(err)
		}
		now := time.Date(2025, 6, 1, 13, 0, 0, 0, time.UTC)
		clock := func() time.Time { return now }
		w := &world{t: t, queue: newLine(), files: newShelf(), diary: &diary{}}
		w.service = job.NewService(job.ServiceConfig{Driver: d, Queue: w.queue, Files: w.files, Observer: w.diary, Now: clock})
		keeper := job.NewKeeper(job.KeeperConfig{Driver: d, Queue: w.queue, Now: clock})
		for _, want := range []int{1, 0} {
			if n, err := keeper.Relay(ctx); n != want || err != nil {
				t.Errorf("relayed %d, %v; want %d", n, err, want)
			}
		}
		w.want(w.get(ready), job.Queued)
		w.want(w.get(later), job.Pending)
		now = now.Add(2 * time.Hour)
		if n, err := keeper.Relay(ctx); n != 1 || err != nil {
			t.Errorf("relayed %d, %v at its time", n, err)
		}
		if j := w.get(later); j.State != job.Queued || j.Priority() != job.DefaultPriority || j.Epoch != 2 {
			t.Error(dump(j))
		}
	})
}

// TestRetriesKeepTheirPlace checks that a job that waits for a time keeps nobody
// from their turn, and has its own by its age when the time has come.
func TestRetriesKeepTheirPlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var order []string
		w := setup(t, map[string]job.Handler{"work": does(func(ctx context.Context, task *job.Task) (any, error) {
			order = append(order, task.Job.ID)
			if task.Job.Attempt == 1 && len(order) == 1 {
				return nil, job.Snooze(90*time.Second, "later", "it waits")
			}
			return nil, sleep(ctx, time.Minute)
		})})
		w.keeper = job.NewKeeper(job.KeeperConfig{Driver: w.driver, Queue: w.queue, Blind: 1})
		w.service = job.NewService(job.ServiceConfig{Driver: w.driver, Queue: w.queue, Files: w.files, Observer: w.diary, Blind: 1})
		r := w.runner("wkr_a", func(c *job.RunnerConfig) { c.Slots = map[string]int{"batch": 1} })
		first := w.submit("work").ID
		defer w.start(r)()
		w.until(first, func(j *job.Job) bool { return j.Waiting != nil })
		ids := w.submitMany(tenant, "work", 4)
		w.finish(ids[3])
		if want := []string{first, ids[0], ids[1], first, ids[2], ids[3]}; !slices.Equal(order, want) {
			t.Errorf("the order is %q, want %q", order, want)
		}
	})
}
