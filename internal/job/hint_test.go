package job_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/job"
)

// hung is a queue that takes jobs and never answers a hint, as Redis does when
// it is stopped.
type hung struct {
	job.Queue
	asked atomic.Int64
}

func (q *hung) HintCancel(ctx context.Context, _ job.Delivery) error {
	q.asked.Add(1)
	<-ctx.Done()
	return ctx.Err()
}

// A cancel is answered as soon as it is stored, whatever the queue does, and is
// seen by the handlers all the same.
func TestCancelWhileTheQueueHangs(t *testing.T) {
	t.Parallel()
	const parts = 30
	for name, handler := range map[string]job.Handler{
		"one": does(func(ctx context.Context, _ *job.Task) (any, error) { return nil, sleep(ctx, time.Hour) }),
		"all": divided{n: parts},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var stopped atomic.Int64
				w := setup(t, map[string]job.Handler{"work": handler, "part": does(func(ctx context.Context, _ *job.Task) (any, error) {
					err := sleep(ctx, time.Hour)
					stopped.Add(1)
					return nil, err
				})})
				q := &hung{Queue: w.queue}
				w.service = job.NewService(job.ServiceConfig{Driver: w.driver, Queue: q, Files: w.files, Observer: w.diary, Blind: many})
				defer w.start(w.runner("wkr_a"))()
				id := w.submit("work").ID
				w.until(id, func(j *job.Job) bool {
					return j.State == job.Running && name == "one" || j.Family != nil && j.Family.States[job.Running] == parts
				})
				asked := time.Now()
				if _, err := w.service.Cancel(t.Context(), tenant, id); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(asked); took != 0 {
					t.Errorf("the answer waited %s for the queue", took)
				}
				w.want(w.finish(id), job.Cancelled)
				time.Sleep(2*time.Second - time.Since(asked))
				if name == "all" && stopped.Load() != parts {
					t.Errorf("%d of %d children have stopped", stopped.Load(), parts)
				}
				if j := w.get(id); j.FinishedAt.Sub(asked) > 2*time.Second {
					t.Errorf("cancelled after %s", j.FinishedAt.Sub(asked))
				}
				time.Sleep(time.Minute)
				if n := q.asked.Load(); n == 0 || n > 8 {
					t.Errorf("%d hints were tried, of a queue that takes none", n)
				}
				if !w.diary.has("trouble hint_cancel") {
					t.Error("nobody was told that the queue does not answer")
				}
			})
		})
	}
}
