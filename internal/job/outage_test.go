package job_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
)

// startSlowly is start for tests of hours and days: the keeper looks every five
// seconds, and the queue delivers as often.
func (w *world) startSlowly(runners ...*job.Runner) (stop func()) {
	w.pace = 5 * time.Second
	w.keeper = job.NewKeeper(job.KeeperConfig{
		Driver: w.driver, Queue: w.queue, Observer: w.diary, RelayEvery: w.pace, ReviveEvery: w.pace, TendEvery: w.pace, ReconcileEvery: time.Minute,
	})
	return w.start(runners...)
}

var errAway = fault.Unavailable("storage_away", "the storage is away")

// An outage of a day costs a job no failure: it waits, is looked at again now
// and then, and says what it waits for.
func TestOutageOfADay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		back := time.Now().Add(24 * time.Hour)
		w := setup(t, map[string]job.Handler{"work": does(func(context.Context, *job.Task) (any, error) {
			if time.Now().Before(back) {
				return nil, fmt.Errorf("load table: %w", errAway)
			}
			return 1, nil
		})})
		defer w.startSlowly(w.runner("wkr_a", func(c *job.RunnerConfig) { c.OutageBackoff.Max = 10 * time.Minute }))()
		id := w.submit("work").ID
		time.Sleep(12 * time.Hour)
		parked := w.get(id)
		for parked.State != job.Pending {
			time.Sleep(time.Second)
			parked = w.get(id)
		}
		if parked.Waiting == nil || parked.Waiting.Code != "storage_away" || !strings.Contains(parked.Waiting.Message, "away") {
			t.Errorf("while it waits: %s", dump(parked))
		}
		if wait := parked.NotBefore.Sub(parked.OutageSince) - 12*time.Hour; wait > 11*time.Minute {
			t.Errorf("it waits until %s", parked.NotBefore)
		}
		time.Sleep(time.Until(back))
		j := w.finish(id)
		w.want(j, job.Succeeded)
		if late := j.FinishedAt.Sub(back); late > 10*time.Minute+20*time.Second {
			t.Errorf("it ended %s after the part was back", late)
		}
		if j.Failures != 0 || j.Crashes != 0 || j.Dead != "" || j.Failure != nil || j.Waiting != nil {
			t.Errorf("record: %s", dump(j))
		}
		if j.Outages < 24*6 || j.Outages > 2*24*6+20 || j.Attempt != j.Outages+1 {
			t.Errorf("%d outages in %d attempts", j.Outages, j.Attempt)
		}
		if lines, err := w.service.Logs(t.Context(), tenant, id, 0, 0); err != nil || len(lines) != 1 {
			t.Errorf("%d lines, %v", len(lines), err)
		}
		if !w.diary.has("parked work") {
			t.Error("nobody is told")
		}
	})
}

func TestOutageThatDoesNotEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{"work": does(func(context.Context, *job.Task) (any, error) { return nil, errAway })})
		defer w.startSlowly(w.runner("wkr_a", func(c *job.RunnerConfig) { c.OutagePatience = time.Hour }))()
		j := w.finish(w.submit("work").ID)
		w.want(j, job.Failed)
		if took := j.FinishedAt.Sub(j.OutageSince); took < time.Hour || took > time.Hour+80*time.Second {
			t.Errorf("given up after %s", took)
		}
		if j.Outages < 50 || j.Outages > 130 {
			t.Errorf("%d attempts in an hour", j.Outages)
		}
		if j.Failures != 0 || j.Dead != job.DeadOutage || j.Failure.Code != "storage_away" || j.Waiting != nil {
			t.Errorf("record: %s", dump(j))
		}
	})
}

func TestFailuresBetweenOutages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{"work": does(func(_ context.Context, task *job.Task) (any, error) {
			if task.Job.Attempt%2 == 0 {
				return nil, errors.New("secret")
			}
			return nil, errAway
		})})
		defer w.start(w.runner("wkr_a"))()
		j := w.finish(w.submit("work").ID)
		w.want(j, job.Failed)
		if j.Failures != 3 || j.Outages != 3 || j.Attempt != 6 || j.Dead != job.DeadFailures {
			t.Errorf("record: %s", dump(j))
		}
	})
}

// A result that is committed is published when the part is back, with ten times
// the patience.
func TestOutageWhilePublishing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		back := time.Now().Add(5 * time.Hour)
		w := setup(t, nil)
		w.handlers = map[string]job.Handler{"work": &slowPublisher{until: back}}
		defer w.startSlowly(w.runner("wkr_a", func(c *job.RunnerConfig) { c.OutagePatience = time.Hour }))()
		j := w.finish(w.submit("work").ID)
		w.want(j, job.Succeeded)
		if j.Failures != 0 || j.FinishedAt.Before(back) {
			t.Errorf("record: %s", dump(j))
		}
	})
}

// slowPublisher cannot publish for a while.
type slowPublisher struct{ until time.Time }

func (slowPublisher) Run(context.Context, *job.Task) (any, error) { return 1, nil }

func (p slowPublisher) Publish(context.Context, *job.Job, json.RawMessage) error {
	if time.Now().Before(p.until) {
		return errAway
	}
	return nil
}

// The store may be away for longer than any heartbeat, while an attempt ends:
// its outcome is recorded when the store is back, and nothing is counted.
func TestOutcomeAfterAnOutageOfTheStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{"work": does(func(ctx context.Context, _ *job.Task) (any, error) { return 1, sleep(ctx, time.Minute) })})
		b := &broken{Driver: w.driver}
		// Keeper and worker lose the store together.
		w.keeper = job.NewKeeper(job.KeeperConfig{Driver: b, Queue: w.queue, Observer: w.diary})
		defer w.start(w.runner("wkr_a", func(c *job.RunnerConfig) { c.Driver, c.FinishPatience = b, 0 }))()
		id := w.submit("work").ID
		w.until(id, func(j *job.Job) bool { return j.State == job.Running })
		b.set(func(string, string) error { return errAway })
		time.Sleep(20 * time.Minute)
		b.set(nil)
		j := w.finish(id)
		w.want(j, job.Succeeded)
		if j.Attempt != 1 || j.Crashes != 0 || j.Failures != 0 {
			t.Errorf("record: %s", dump(j))
		}
	})
}

// That a part was away before a job was divided is not held against it when its
// children have taken longer than anybody's patience.
func TestOutagesBeforeAndAfterAFanOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		parent := divided{n: 2}
		w := setup(t, map[string]job.Handler{
			"work": does(func(ctx context.Context, task *job.Task) (any, error) {
				if n := task.Job.Attempt; n == 1 || n == 3 {
					return nil, errAway
				}
				return parent.Run(ctx, task)
			}),
			"part": does(func(ctx context.Context, _ *job.Task) (any, error) { return 1, sleep(ctx, 50*time.Minute) }),
		})
		defer w.start(w.runner("wkr_a", func(c *job.RunnerConfig) { c.OutagePatience = 30 * time.Minute }))()
		j := w.finish(w.submit("work").ID)
		w.want(j, job.Succeeded)
		if j.Attempt != 4 || j.Outages != 1 {
			t.Errorf("record: %s", dump(j))
		}
	})
}
