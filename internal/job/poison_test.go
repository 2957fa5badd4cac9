package job_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/job"
)

// march does ten steps, each of which is a checkpoint, and stops where an
// attempt is to die: stop returns nil to go on.
func march(loads bool, stop func(task *job.Task, step, fresh int) error) job.Handler {
	const steps = 10
	return does(func(ctx context.Context, task *job.Task) (any, error) {
		fresh := 0 // steps that this attempt saved
		for step := range steps {
			name := fmt.Sprint("step.", step)
			_, done, err := task.Saved.Load(ctx, name)
			if err != nil {
				return nil, err
			}
			if done && loads {
				continue
			}
			if err := stop(task, step, fresh); err != nil {
				return nil, err
			}
			task.Report.Progress("march", float64(step+1)/steps, 0, 0)
			if err := task.Saved.Save(ctx, name, nil); err != nil {
				return nil, err
			}
			fresh++
		}
		return steps, nil
	})
}

var errPoison = &job.CrashError{Err: errors.New("signal: killed")}

// Crashes are counted from where the checkpoints got further: a job that loses
// its process again and again, and gets on, comes to its end; one that dies at
// one place is given up.
func TestCrashesThatGetFurther(t *testing.T) {
	t.Parallel()
	at3 := func(_ *job.Task, step, _ int) error {
		if step == 3 {
			return errPoison
		}
		return nil
	}
	for _, tt := range []struct {
		name    string
		handler job.Handler
		want    job.State
		crashes int
		said    string
	}{
		{"it gets on", march(true, func(_ *job.Task, _, fresh int) error {
			if fresh == 1 {
				return errPoison
			}
			return nil
		}), job.Succeeded, 9, ""},
		{"at one place", march(true, at3), job.Failed, 3, "3 crashes"},
		{"at one place, and saves the same again", march(false, at3), job.Failed, 3, "3 crashes"},
		{"at the second place", march(true, func(task *job.Task, step, _ int) error {
			if step == 3 && task.Job.Attempt < 3 || step == 5 {
				return errPoison
			}
			return nil
		}), job.Failed, 5, "5 crashes"},
		{"it trembles", does(func(ctx context.Context, task *job.Task) (any, error) {
			task.Report.Progress("tremble", 0.3+float64(task.Job.Attempt)/1000, 0, 0)
			return nil, errors.Join(task.Saved.Save(ctx, "it", nil), errPoison)
		}), job.Failed, 3, "3 crashes"},
		{"nothing is saved", does(func(_ context.Context, task *job.Task) (any, error) {
			task.Report.Progress("further", float64(task.Job.Attempt)/10, 0, 0)
			return nil, errPoison
		}), job.Failed, 3, "3 crashes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := setup(t, map[string]job.Handler{"work": tt.handler})
				defer w.start(w.runner("wkr_a"))()
				j := w.finish(w.submit("work").ID)
				w.want(j, tt.want)
				if j.Crashes != tt.crashes || j.Failures != 0 {
					t.Errorf("%d crashes: %s", j.Crashes, dump(j))
				}
				if tt.want == job.Failed && (j.Failure.Code != "job_crashed" || j.Dead != job.DeadCrashes || !strings.Contains(j.Failure.Message, tt.said)) {
					t.Errorf("%+v, %s", j.Failure, j.Dead)
				}
			})
		})
	}
}

// The same of workers that die. Retried by its owner, a job's crashes are
// counted from the beginning.
func TestWorkersThatDieWhileAJobGetsFurther(t *testing.T) {
	t.Parallel()
	for name, steps := range map[string]int{"it gets on": 8, "until it does no more": 4} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := setup(t, map[string]job.Handler{"work": does(func(ctx context.Context, task *job.Task) (any, error) {
					if task.Job.Attempt <= steps {
						task.Report.Progress("march", float64(task.Job.Attempt)/10, 0, 0)
						if err := task.Saved.Save(ctx, fmt.Sprint("step.", task.Job.Attempt), nil); err != nil {
							return nil, err
						}
					}
					if task.Job.Attempt > 8 {
						return 1, nil
					}
					return 1, sleep(ctx, time.Hour)
				})})
				defer w.start()()
				id, killed := w.submit("work").ID, 0
				for i := 1; i <= 8 && !w.get(id).State.Terminal(); i++ {
					r, kill, dead := w.mortal(fmt.Sprint("wkr_", i))
					ctx, stop := context.WithCancel(t.Context())
					go w.pump(ctx, r, dead)
					if j := w.until(id, func(j *job.Job) bool {
						return j.State.Terminal() || j.State == job.Running && j.Attempt == i
					}); j.State == job.Running {
						time.Sleep(2 * time.Second) // the checkpoint is on the record
						killed++
					}
					kill()
					stop()
					time.Sleep(20 * time.Second)
				}
				defer w.start(w.runner("wkr_last"))()
				j := w.finish(id)
				if steps == 8 {
					w.want(j, job.Succeeded)
				} else {
					w.want(j, job.Failed)
					if killed != 6 || j.Failure.Code != "worker_died" || !strings.Contains(j.Failure.Message, "died 3 times, 6 times in all,") {
						t.Errorf("%d kills, %+v", killed, j.Failure)
					}
					if _, err := w.service.Retry(t.Context(), tenant, id); err != nil {
						t.Fatal(err)
					}
					if j = w.get(id); j.Crashes+j.CrashesBefore != 0 || j.Saved+j.SavedBefore != 0 {
						t.Error(dump(j))
					}
					w.until(id, func(j *job.Job) bool { return j.State == job.Running })
					if _, err := w.service.Cancel(t.Context(), tenant, id); err != nil {
						t.Fatal(err)
					}
					w.want(w.finish(id), job.Cancelled)
				}
				time.Sleep(3 * time.Hour) // the dead ones' goroutines end
			})
		})
	}
}
