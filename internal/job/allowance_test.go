package job_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/job"
)

// eats uses memory as if it were in a process of its own, and asks for more.
func eats(bytes int64) job.Handler {
	return does(func(_ context.Context, t *job.Task) (any, error) {
		t.Memory.Used(bytes)
		if t.Memory.Bytes() > 0 && bytes > t.Memory.Grow(bytes) {
			return nil, t.Memory.Exceeded(bytes)
		}
		return t.Memory.Bytes(), nil
	})
}

func TestAllowance(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		budget   int64
		beside   int64 // taken by another job for an hour
		estimate int64
		asked    string
		uses     int64
		state    job.State
		attempts int
		said     []string
		peak     int64
	}{
		{"within the estimate", 8 * gib, 0, gib, "", gib, job.Succeeded, 1, nil, gib},
		{"an estimate grows", 8 * gib, 0, gib, "", 5 * gib, job.Succeeded, 1, nil, 5 * gib},
		{"up to the budget", 8 * gib, 0, gib, "", 9 * gib, job.Failed, 1, []string{"at least 9 GiB", "had 8 GiB", "worker.memory"}, 9 * gib},
		{"what was asked for does not grow", 8 * gib, 0, gib, "2GiB", 3 * gib, job.Failed, 1, []string{"at least 3 GiB", "had 2 GiB", "ask for more with memory"}, 3 * gib},
		{"beside others it is tried again with more", 8 * gib, 6 * gib, gib, "", 3 * gib, job.Succeeded, 2, nil, 3 * gib},
		{"no budget", 0, 0, gib, "", 50 * gib, job.Succeeded, 1, nil, 50 * gib},
		{"no budget, but asked for", 0, 0, gib, "2GiB", 3 * gib, job.Failed, 1, []string{"at least 3 GiB", "had 2 GiB"}, 3 * gib},
		{"not known", 8 * gib, 0, 0, "", 50 * gib, job.Succeeded, 1, nil, 50 * gib},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var r roll
				w := setup(t, map[string]job.Handler{"x": eats(test.uses), "beside": r.takes(time.Hour)})
				defer w.start(w.runner("wkr_a", withMemory(test.budget)))()
				beside := ""
				if test.beside > 0 {
					beside = w.heavy("beside", test.beside).ID
					w.until(beside, func(j *job.Job) bool { return j.State == job.Running })
				}
				j, _, err := w.service.Submit(t.Context(), job.Submission{Kind: kind("x"), Tenant: tenant, Payload: 1, Memory: test.estimate, Limits: job.Limits{Memory: test.asked}})
				if err != nil {
					t.Fatal(err)
				}
				j = w.finish(j.ID)
				w.want(j, test.state)
				if j.Attempt != test.attempts || j.MemoryPeak != test.peak {
					t.Errorf("job %s", dump(j))
				}
				if test.state == job.Failed && j.Failure.Code != "memory_exceeded" {
					t.Errorf("failure %+v", j.Failure)
				}
				for _, said := range test.said {
					if !strings.Contains(j.Failure.Message, said) {
						t.Errorf("%q does not say %q", j.Failure.Message, said)
					}
				}
				if beside != "" {
					w.want(w.finish(beside), job.Succeeded)
				}
			})
		})
	}
}

// The process of an attempt that dies of itself is a crash of the job.
func TestCrashesOfTheProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dies := func(times int) job.Handler {
			return does(func(_ context.Context, t *job.Task) (any, error) {
				if t.Job.Attempt <= times {
					return nil, &job.CrashError{Err: errors.New("signal: killed")}
				}
				return 1, nil
			})
		}
		w := setup(t, map[string]job.Handler{"twice": dies(2), "always": dies(99)})
		defer w.start(w.runner("wkr_a"))()
		j := w.finish(w.submit("twice").ID)
		w.want(j, job.Succeeded)
		if j.Crashes != 2 || j.Failures != 0 || j.Attempt != 3 || j.Failure != nil {
			t.Errorf("job %s", dump(j))
		}
		j = w.finish(w.submit("always").ID)
		w.want(j, job.Failed)
		if j.Crashes != 3 || j.Failures != 0 || j.Failure.Code != "job_crashed" || !strings.Contains(j.Failure.Message, "3 crashes") {
			t.Errorf("job %s", dump(j))
		}
		if !strings.Contains(w.diary.text(), "signal: killed") {
			t.Errorf("the observer was not told why: %s", w.diary.text())
		}
	})
}

// An allowance that is none has no limit.
func TestNoAllowance(t *testing.T) {
	t.Parallel()
	var a *job.Allowance
	a.Used(5)
	if a.Bytes() != 0 || a.Grow(7) != 0 {
		t.Errorf("it has %d bytes, and grows to %d", a.Bytes(), a.Grow(7))
	}
	e := &job.MemoryError{Used: 3, Had: 2, Budget: 4}
	if !strings.Contains(e.Error(), "used 3 bytes of memory and had 2, of the worker's 4") {
		t.Errorf("error %q", e)
	}
}
