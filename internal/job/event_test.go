package job_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/job"
)

// A change of priority is in the job's history with who made it, and does not
// change since when the job waits.
func TestAChangeOfPriorityIsAnEvent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		w.queue.setDown(true)
		id := w.submit("work").ID
		submitted := time.Now()
		time.Sleep(time.Minute)
		before := len(w.get(id).History)
		for range 2 { // the second time there is nothing to change
			if _, err := w.service.Prioritise(job.As(t.Context(), "eve"), tenant, id, 9); err != nil {
				t.Fatal(err)
			}
		}
		j := w.get(id)
		last := j.History[len(j.History)-1]
		if len(j.History) != before+1 || last.Event != job.EventPriorityChanged || last.By != "eve" || last.Reason != "5 to 9" || last.State != job.Pending || !last.At.Equal(time.Now()) {
			t.Errorf("%s", dump(j))
		}
		if events := w.events(id, 500); len(events) != before+1 || events[before].Event != job.EventPriorityChanged {
			t.Errorf("the history is %+v", events)
		}
		stats, err := w.keeper.Stats(t.Context())
		if oldest := stats.Waiting["batch"].Oldest; err != nil || !oldest.Equal(submitted) {
			t.Errorf("it waits since %s, not %s: %v", oldest, submitted, err)
		}
	})
}

// Who sent a job back to the line is in its history, too.
func TestParkingNamesTheWorker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{"work": does(func(_ context.Context, task *job.Task) (any, error) {
			if task.Job.Attempt == 1 {
				return nil, job.Snooze(time.Minute, "not_yet", "not yet")
			}
			return 1, nil
		})})
		defer w.start(w.runner("wkr_a"))()
		j := w.finish(w.submit("work").ID)
		w.want(j, job.Succeeded)
		for _, e := range j.History {
			if e.State == job.Pending && e.Reason == "not_yet" {
				if e.Worker != "wkr_a" {
					t.Errorf("%+v", e)
				}
				return
			}
		}
		t.Errorf("it was never sent back: %s", dump(j))
	})
}

// A running child that is told to stop, since its parent ends, says so.
func TestAStoppedChildSaysWhy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{
			"work": does(func(context.Context, *job.Task) (any, error) {
				return nil, job.FanOut(job.Fan{Children: []job.ChildSpec{{Name: "a", Kind: kind("part"), Payload: 1}}})
			}),
			"part": does(func(ctx context.Context, _ *job.Task) (any, error) { return nil, sleep(ctx, time.Hour) }),
		})
		defer w.start(w.runner("wkr_a"))()
		parent := w.submit("work").ID
		w.until(parent, func(j *job.Job) bool { return j.State == job.Awaiting })
		page, err := w.service.List(t.Context(), tenant, job.Filter{Parent: parent}, "", 10)
		if err != nil || len(page.Items) != 1 {
			t.Fatalf("%d children, %v", len(page.Items), err)
		}
		child := page.Items[0].ID
		w.until(child, func(j *job.Job) bool { return j.State == job.Running })
		if _, err := w.service.Cancel(job.As(t.Context(), "eve"), tenant, parent); err != nil {
			t.Fatal(err)
		}
		j := w.finish(child)
		w.want(j, job.Cancelled)
		told := j.History[len(j.History)-2]
		if told.Event != job.EventCancelRequested || told.Reason != "parent_ended" || told.State != job.Running {
			t.Errorf("%s", dump(j))
		}
	})
}
