package job_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
)

// limited submits a job with limits.
func (w *world) limited(name string, l job.Limits) *job.Job {
	w.t.Helper()
	j, _, err := w.service.Submit(w.t.Context(), job.Submission{Kind: kind(name), Tenant: tenant, Payload: 1, Limits: l})
	if err != nil {
		w.t.Fatal(err)
	}
	return j
}

func in(d time.Duration) *time.Time {
	at := time.Now().Add(d)
	return &at
}

func TestLimitsThatCannotBeKept(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		limits job.Limits
		code   string
		fields []string
	}{
		{"negative memory", job.Limits{Memory: "-2GiB"}, "memory_out_of_range", []string{"body.memory"}},
		{"no memory", job.Limits{Memory: "0"}, "memory_out_of_range", []string{"body.memory"}},
		{"too little memory", job.Limits{Memory: "31.9 MiB"}, "memory_out_of_range", []string{"body.memory"}},
		{"too much memory", job.Limits{Memory: "1025TiB"}, "memory_out_of_range", []string{"body.memory"}},
		{"memory that is no number", job.Limits{Memory: "lots"}, "invalid_memory", []string{"body.memory"}},
		{"memory that is no number of bytes", job.Limits{Memory: "NaN GiB"}, "invalid_memory", []string{"body.memory"}},
		{"memory of another unit", job.Limits{Memory: "2GB"}, "invalid_memory", []string{"body.memory"}},
		{"deadline that is now", job.Limits{Deadline: in(0)}, "deadline_passed", []string{"body.deadline"}},
		{"past deadline", job.Limits{Deadline: in(-time.Hour)}, "deadline_passed", []string{"body.deadline"}},
		{"deadline that nobody lives to see", job.Limits{Deadline: in(100 * 366 * 24 * time.Hour)}, "deadline_out_of_range", []string{"body.deadline"}},
		{"no time", job.Limits{TimeBudget: new(int64(0))}, "time_budget_out_of_range", []string{"body.time_budget"}},
		{"negative time", job.Limits{TimeBudget: new(int64(-1))}, "time_budget_out_of_range", []string{"body.time_budget"}},
		{"too much time", job.Limits{TimeBudget: new(int64(1 << 60))}, "time_budget_out_of_range", []string{"body.time_budget"}},
		{"all of it", job.Limits{Memory: "x", Deadline: in(-1), TimeBudget: new(int64(-5))}, "invalid_memory", []string{"body.memory", "body.deadline", "body.time_budget"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, nil)
			_, _, err := w.service.Submit(t.Context(), job.Submission{Kind: kind("x"), Tenant: tenant, Payload: 1, Limits: test.limits})
			f, ok := fault.As(err)
			if !ok || f.Class != fault.ClassInvalid || f.Code != test.code {
				t.Fatalf("error %v, want %s", err, test.code)
			}
			var got []string
			for _, field := range f.Fields {
				got = append(got, field.Location)
				if field.Message == "" {
					t.Errorf("%s does not say what would be right", field.Location)
				}
			}
			if !slices.Equal(got, test.fields) {
				t.Errorf("fields %q, want %q", got, test.fields)
			}
			page, err := w.service.List(t.Context(), tenant, job.Filter{}, "", 10)
			if err != nil || len(page.Items) > 0 {
				t.Errorf("a job was made all the same: %v, %v", page.Items, err)
			}
		})
	}
}

func TestLimitsAreKeptApart(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	submit := func(l job.Limits) (*job.Job, bool, error) {
		return w.service.Submit(t.Context(), job.Submission{Kind: kind("x"), Tenant: tenant, IdempotencyKey: "k", Payload: 1, Memory: 1 << 30, Limits: l})
	}
	until := in(time.Hour)
	j, created, err := submit(job.Limits{Memory: "1.5 GiB", Deadline: until, TimeBudget: new(int64(90))})
	if err != nil || !created {
		t.Fatal(err)
	}
	if j.Memory != 3<<29 || !j.MemoryAsked || !j.Deadline.Equal(until.Truncate(time.Microsecond)) || j.TimeBudget != 90*time.Second {
		t.Errorf("job %s", dump(j))
	}
	if again, created, err := submit(job.Limits{Memory: "1.5 GiB", Deadline: until, TimeBudget: new(int64(90))}); err != nil || created || again.ID != j.ID {
		t.Errorf("the same request again: %v, %v", created, err)
	}
	if _, _, err := submit(job.Limits{}); code(err) != "idempotency_key_reused" {
		t.Errorf("another request with the key: %v", err)
	}
	plain, _, err := w.service.Submit(t.Context(), job.Submission{Kind: kind("x"), Tenant: tenant, Payload: 1, Memory: 1 << 30})
	if err != nil || plain.Memory != 1<<30 || plain.MemoryAsked || !plain.Deadline.IsZero() || plain.TimeBudget != 0 {
		t.Errorf("job %s, %v", dump(plain), err)
	}
}

func TestDeadlineOfAJobThatWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{"x": does(func(context.Context, *job.Task) (any, error) { return 1, nil })})
		w.queue.setDown(true)
		j := w.limited("x", job.Limits{Deadline: in(time.Hour)})
		later := w.limited("x", job.Limits{Deadline: in(2 * time.Hour)})
		free := w.limited("x", job.Limits{})
		stop := w.start()
		j = w.finish(j.ID)
		stop()
		w.want(j, job.Failed)
		if j.Failure.Code != "deadline_exceeded" || !strings.Contains(j.Failure.Message, j.Deadline.Format(time.RFC3339)) || j.Attempt != 0 {
			t.Errorf("job %s", dump(j))
		}
		if late := j.FinishedAt.Sub(j.Deadline); late < 0 || late > 2*time.Second {
			t.Errorf("it failed %s after its deadline", late)
		}
		if w.diary.count("failed x") != 1 {
			t.Errorf("the observer heard %s", w.diary.text())
		}
		w.queue.setDown(false)
		defer w.start(w.runner("wkr_a"))()
		w.want(w.finish(later.ID), job.Succeeded)
		w.want(w.finish(free.ID), job.Succeeded)

		// Tried again, it has no deadline: that one has passed.
		if _, err := w.service.Retry(t.Context(), tenant, j.ID); err != nil {
			t.Fatal(err)
		}
		j = w.finish(j.ID)
		w.want(j, job.Succeeded)
		if !j.Deadline.IsZero() {
			t.Errorf("the deadline is still %s", j.Deadline)
		}
		time.Sleep(4 * time.Hour)
		if n, err := w.keeper.Expire(t.Context()); n != 0 || err != nil {
			t.Errorf("expired %d, %v", n, err)
		}
		if n := w.rows("job_deadlines"); n != 0 {
			t.Errorf("%d reminders are left", n)
		}
	})
}

func TestDeadlineWithoutAKeeper(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ran := false
		w := setup(t, map[string]job.Handler{"x": does(func(context.Context, *job.Task) (any, error) { ran = true; return 1, nil })})
		j := w.limited("x", job.Limits{Deadline: in(time.Minute)})
		d, _ := w.queue.take()
		time.Sleep(time.Hour)
		if err := w.runner("wkr_a").Handle(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		j = w.get(j.ID)
		w.want(j, job.Failed)
		if ran || j.Failure.Code != "deadline_exceeded" {
			t.Errorf("ran %v, %s", ran, dump(j))
		}
	})
}

func TestDeadlineOfARunningJob(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{
			"x": does(func(ctx context.Context, _ *job.Task) (any, error) { return nil, sleep(ctx, 30*time.Hour) }),
			"own": does(func(ctx context.Context, _ *job.Task) (any, error) {
				_ = sleep(ctx, 30*time.Hour)
				return nil, fault.Invalid("bad_target", "the target is constant")
			}),
		})
		defer w.start(w.runner("wkr_a"))()
		j := w.limited("x", job.Limits{Deadline: in(10 * time.Minute)})
		own := w.limited("own", job.Limits{Deadline: in(10 * time.Minute)})
		j = w.finish(j.ID)
		w.want(j, job.Failed)
		if j.Failure.Code != "deadline_exceeded" || j.FinishedAt.Sub(j.Deadline) > time.Second || j.Failures != 1 {
			t.Errorf("job %s", dump(j))
		}
		// What is wrong with the data says more than that the time was over.
		if own = w.finish(own.ID); own.Failure.Code != "bad_target" {
			t.Errorf("failure %+v", own.Failure)
		}
	})
}

func TestTimeBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{
			"x": does(func(ctx context.Context, _ *job.Task) (any, error) {
				if err := sleep(ctx, 20*time.Minute); err != nil {
					return nil, err
				}
				return nil, errors.New("bad luck")
			}),
			"quick": does(func(ctx context.Context, task *job.Task) (any, error) {
				if task.Job.Attempt == 1 {
					return nil, job.Snooze(time.Hour, "not_yet", "not yet")
				}
				return 1, sleep(ctx, time.Minute)
			}),
		})
		defer w.start(w.runner("wkr_a"))()
		j := w.finish(w.limited("x", job.Limits{TimeBudget: new(int64(50 * 60))}).ID)
		w.want(j, job.Failed)
		// Two attempts of twenty minutes and one of ten; waiting does not count.
		if j.Failure.Code != "time_budget_exceeded" || !strings.Contains(j.Failure.Message, "50m0s") || j.Attempt != 3 || j.TimeSpent < 50*time.Minute || j.TimeSpent > 50*time.Minute+time.Second {
			t.Errorf("job %s", dump(j))
		}
		if j = w.finish(w.limited("quick", job.Limits{TimeBudget: new(int64(61))}).ID); j.State != job.Succeeded || j.TimeSpent < time.Minute {
			t.Errorf("job %s", dump(j))
		}
		// One that has nothing left is not run again.
		spent := w.limited("x", job.Limits{TimeBudget: new(int64(20 * 60))})
		if spent = w.finish(spent.ID); spent.Failure.Code != "time_budget_exceeded" || spent.Attempt != 1 {
			t.Errorf("job %s", dump(spent))
		}
	})
}

// A request that is sent again under its key is answered with its job, also when
// the deadline that it names has passed meanwhile.
func TestSentAgainAfterItsDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		sub := job.Submission{Kind: kind("x"), Tenant: tenant, IdempotencyKey: "k", Payload: 1, Limits: job.Limits{Deadline: in(time.Minute)}}
		first, created, err := w.service.Submit(t.Context(), sub)
		if err != nil || !created {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		again, created, err := w.service.Submit(t.Context(), sub)
		if err != nil || created || again.ID != first.ID {
			t.Errorf("%v, created %v", err, created)
		}
		sub.Payload = 2
		if _, _, err := w.service.Submit(t.Context(), sub); code(err) != "idempotency_key_reused" {
			t.Errorf("another request under the key: %v", err)
		}
		for _, key := range []string{"", "new"} {
			sub.IdempotencyKey = key
			if _, _, err := w.service.Submit(t.Context(), sub); code(err) != "deadline_passed" {
				t.Errorf("under the key %q: %v", key, err)
			}
		}
	})
}

// A result that is committed is published after the deadline as before it.
func TestDeadlineSparesACommittedResult(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{"x": stubborn{}})
		j := w.limited("x", job.Limits{Deadline: in(5 * time.Second)})
		defer w.start(w.runner("wkr_a"))()
		j = w.finish(j.ID)
		w.want(j, job.Succeeded)
		if !j.FinishedAt.After(j.Deadline) {
			t.Errorf("it was published at %s, before its deadline %s", j.FinishedAt, j.Deadline)
		}
	})
}

// stubborn cannot publish within a minute.
type stubborn struct{}

func (stubborn) Run(context.Context, *job.Task) (any, error) { return 1, nil }

func (stubborn) Publish(_ context.Context, j *job.Job, _ json.RawMessage) error {
	if time.Since(j.CreatedAt) < time.Minute {
		return errDown
	}
	return nil
}

func TestSize(t *testing.T) {
	t.Parallel()
	for bytes, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1536: "1.5 KiB", 64 << 20: "64 MiB", 5<<30 + 1<<28: "5.25 GiB", 3 << 40: "3 TiB", 1<<30 + 1: "1 GiB"} {
		if got := job.Size(bytes); got != want {
			t.Errorf("%d bytes show as %q, not %q", bytes, got, want)
		}
	}
}
