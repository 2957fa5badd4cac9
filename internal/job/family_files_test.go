package job_test

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/narrativeml/narrative/internal/job"
)

// filed is a result with a file.
type filed struct {
	Key string `json:"key"`
}

func (f filed) Files() map[string]string { return map[string]string{"part": f.Key} }

func (s *shelf) setFail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = err
}

// gather has parts written as files and joins them.
func gather(shelf *shelf, n int, runs *[8]atomic.Int64, broken *atomic.Bool) map[string]job.Handler {
	return map[string]job.Handler{
		"work": does(func(ctx context.Context, task *job.Task) (any, error) {
			if task.Job.Family == nil {
				return nil, job.FanOut(divided{n: n}.fan())
			}
			if broken.Load() {
				return nil, job.Permanent(errors.New("no room"))
			}
			parts, err := task.Children(ctx)
			for _, p := range parts {
				var made filed
				if err := (&job.Task{Job: &job.Job{Payload: p.Result}}).Decode(&made); err != nil {
					return nil, err
				}
				if _, err := shelf.Open(ctx, made.Key); err != nil {
					return nil, err
				}
			}
			return len(parts), err
		}),
		"part": does(func(ctx context.Context, task *job.Task) (any, error) {
			runs[task.Job.Child.Number].Add(1)
			key := task.Prefix + "part"
			_, err := shelf.Put(ctx, key, "", bytes.NewReader([]byte("x")))
			return filed{key}, err
		}),
	}
}

// A parent that is retried when the files of some of its children are gone has
// those children run again, and no others.
func TestRetryAFamilyWithoutFiles(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const n = 7
		var runs [8]atomic.Int64
		var broken atomic.Bool
		broken.Store(true)
		files := newShelf()
		w := setup(t, gather(files, n, &runs, &broken))
		w.files = files
		defer w.start(w.runner("wkr_a"))()
		j := w.finish(w.submit("work").ID)
		w.want(j, job.Failed)
		children := w.children(j.ID)
		if states(children) != "sssssss" {
			t.Fatal(states(children))
		}
		gone := map[int]bool{2: true, 5: true, 6: true}
		for i, c := range children {
			if gone[i+1] {
				if err := files.Delete(t.Context(), c.Files["part"]); err != nil {
					t.Fatal(err)
				}
			}
		}
		broken.Store(false)
		files.setFail(errDown) // who cannot look does not guess
		if _, err := w.service.Retry(t.Context(), tenant, j.ID); err != nil {
			t.Fatal(err)
		}
		w.until(j.ID, func(j *job.Job) bool { return j.Attempt > 2 && j.State == job.Pending })
		files.setFail(nil)
		j = w.until(j.ID, func(j *job.Job) bool { return j.State.Terminal() && j.Round == 1 })
		w.want(j, job.Succeeded)
		for i, c := range w.children(j.ID) {
			want := int64(1)
			if gone[i+1] {
				want = 2
			}
			if runs[i+1].Load() != want || reasons(c, "files_deleted") != int(want)-1 {
				t.Errorf("child %d ran %d times, want %d", i+1, runs[i+1].Load(), want)
			}
		}
	})
}
