package job_test

import (
	"context"
	"encoding/json"
	"errors"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
)

type answer struct {
	Value int               `json:"value"`
	Named map[string]string `json:"-"`
	Own   []string          `json:"-"`
}

func (a answer) Files() map[string]string { return a.Named }
func (a answer) OwnFiles() []string       { return a.Own }

func TestNormalJob(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{"quick": does(func(_ context.Context, task *job.Task) (any, error) {
			var in struct{ N int }
			if err := task.Decode(&in); err != nil {
				return nil, err
			}
			return answer{Value: in.N + 1, Named: map[string]string{"model": task.Prefix + "model.bin"}}, nil
		})})
		defer w.start(w.runner("wkr_a"))()
		j := w.finish(w.submit("quick").ID)
		w.want(j, job.Succeeded)
		if string(j.Result) != `{"value":2}` || j.Files["model"] != j.Prefix()+"model.bin" || j.Progress.Fraction != 1 {
			t.Errorf("result %s, files %v, progress %v", j.Result, j.Files, j.Progress)
		}
		if n := w.driver.count(); n != 3 {
			t.Errorf("a normal job takes %d writes, not 3", n)
		}
		if j.Epoch != 1 || j.Attempt != 1 || j.Worker != "wkr_a" || j.Timeout != time.Hour || len(j.History) != 4 {
			t.Errorf("record: %s", dump(j))
		}
		for _, entry := range []string{"submitted quick true", "started quick", "succeeded quick"} {
			if w.diary.count(entry) != 1 {
				t.Errorf("%q is not once in %s", entry, w.diary.text())
			}
		}
	})
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	away := fault.Unavailable("storage_away", "the storage is away")
	tests := []struct {
		name     string
		run      func(ctx context.Context, t *job.Task) (any, error)
		state    job.State
		code     string
		failures int
		attempts int
		message  string
	}{
		{"invalid", func(context.Context, *job.Task) (any, error) {
			return nil, fault.Invalid("bad_target", "the target is constant").With(fault.Field{Location: "body.target"})
		}, job.Failed, "bad_target", 1, 1, "the target is constant"},
		{"permanent", func(context.Context, *job.Task) (any, error) { return nil, job.Permanent(errors.New("secret")) }, job.Failed, "internal", 1, 1, "on our side"},
		{"internal", func(context.Context, *job.Task) (any, error) { return nil, errors.New("secret") }, job.Failed, "internal", 3, 3, "quote job_"},
		{"coded internal", func(context.Context, *job.Task) (any, error) {
			return nil, fault.New(fault.ClassInternal, "odd", "secret")
		}, job.Failed, "odd", 3, 3, "on our side"},
		{"panic", func(context.Context, *job.Task) (any, error) { panic("secret") }, job.Failed, "internal", 3, 3, "on our side"},
		{"goexit", func(context.Context, *job.Task) (any, error) { runtime.Goexit(); return nil, nil }, job.Failed, "internal", 3, 3, "on our side"},
		{"drained for no reason", func(context.Context, *job.Task) (any, error) { return nil, job.Drained }, job.Failed, "internal", 3, 3, "on our side"},
		{"result that is no JSON", func(context.Context, *job.Task) (any, error) { return func() {}, nil }, job.Failed, "internal", 1, 1, "on our side"},
		{"result too large", func(context.Context, *job.Task) (any, error) { return strings.Repeat("x", 5<<20), nil }, job.Failed, "result_too_large", 1, 1, "on our side"},
		{"foreign file", func(context.Context, *job.Task) (any, error) {
			return answer{Named: map[string]string{"a": "uploads/b"}}, nil
		}, job.Failed, "internal", 1, 1, "on our side"},
		{"own file that is none", func(_ context.Context, t *job.Task) (any, error) {
			return answer{Named: map[string]string{"a": t.Prefix + "a"}, Own: []string{"b"}}, nil
		}, job.Failed, "internal", 1, 1, "on our side"},
		{"payload", func(_ context.Context, t *job.Task) (any, error) { var v struct{ X int }; return nil, t.Decode(&v) }, job.Failed, "invalid_payload", 1, 1, "cannot be read"},
		{"timeout", func(ctx context.Context, _ *job.Task) (any, error) { return nil, sleep(ctx, 2*time.Minute) }, job.Failed, "job_timed_out", 3, 3, "1m0s"},
		{"timeout seen as a fault", func(ctx context.Context, _ *job.Task) (any, error) {
			return nil, away.Because(sleep(ctx, 2*time.Minute))
		}, job.Failed, "job_timed_out", 3, 3, "1m0s"},
		{"mistake found at the timeout", func(ctx context.Context, _ *job.Task) (any, error) {
			_ = sleep(ctx, 2*time.Minute)
			return nil, fault.Invalid("bad_row", "row 7 is bad")
		}, job.Failed, "bad_row", 1, 1, "row 7"},
		{"done at the timeout", func(ctx context.Context, _ *job.Task) (any, error) { _ = sleep(ctx, 2*time.Minute); return 1, nil }, job.Succeeded, "", 0, 1, ""},
		{"snoozed", func(_ context.Context, t *job.Task) (any, error) {
			if t.Job.Attempt < 5 {
				return nil, job.Snooze(time.Minute, "not_yet", "not yet")
			}
			return 1, nil
		}, job.Succeeded, "", 0, 5, ""},
		{"second attempt", func(_ context.Context, t *job.Task) (any, error) {
			if t.Job.Attempt == 1 {
				return nil, away
			}
			return 1, nil
		}, job.Succeeded, "", 0, 2, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := setup(t, map[string]job.Handler{"work": does(test.run)})
				defer w.start(w.runner("wkr_a"))()
				k := kind("work")
				k.Timeout = time.Minute
				j, _, err := w.service.Submit(t.Context(), job.Submission{Kind: k, Tenant: tenant, Payload: map[string]int{"n": 1}})
				if err != nil {
					t.Fatal(err)
				}
				j = w.finish(j.ID)
				w.want(j, test.state)
				if j.Failures != test.failures || j.Attempt != test.attempts || j.Crashes != 0 {
					t.Errorf("%d failures, %d attempts, %d crashes", j.Failures, j.Attempt, j.Crashes)
				}
				if test.code == "" {
					if j.Failure != nil {
						t.Errorf("failure %+v", j.Failure)
					}
					return
				}
				if j.Failure == nil || j.Failure.Code != test.code || !strings.Contains(j.Failure.Message, test.message) {
					t.Fatalf("failure %+v", j.Failure)
				}
				if strings.Contains(dump(j), "secret") {
					t.Errorf("the record tells a secret: %s", dump(j))
				}
				if lines, err := w.service.Logs(t.Context(), tenant, j.ID, 0, 0); err != nil || len(lines) != test.attempts || lines[0].Level != "error" {
					t.Errorf("lines %v, %v", lines, err)
				}
				if !w.diary.has("trouble run_job") {
					t.Error("the observer does not know why")
				}
			})
		})
	}
}

func TestBackoffGrows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var at []time.Time
		w := setup(t, map[string]job.Handler{"work": does(func(context.Context, *job.Task) (any, error) {
			at = append(at, time.Now())
			return nil, errors.New("no")
		})})
		defer w.start(w.runner("wkr_a"))()
		k := kind("work")
		k.MaxFailures = 12
		j, _, err := w.service.Submit(t.Context(), job.Submission{Kind: k, Tenant: tenant})
		if err != nil {
			t.Fatal(err)
		}
		w.finish(j.ID)
		whole := 2 * time.Second
		for i := 1; i < len(at); i++ {
			if gap := at[i].Sub(at[i-1]); gap < whole/2 || gap > whole+time.Second {
				t.Errorf("attempt %d came after %s, not %s to %s", i+1, gap, whole/2, whole)
			}
			whole = min(2*whole, 5*time.Minute)
		}
		if len(at) != 12 {
			t.Errorf("%d attempts", len(at))
		}
	})
}

func TestCancelRunning(t *testing.T) {
	t.Parallel()
	for _, hinted := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			var cause error
			w := setup(t, map[string]job.Handler{"work": does(func(ctx context.Context, _ *job.Task) (any, error) {
				err := sleep(ctx, time.Hour)
				cause = context.Cause(ctx)
				return nil, err
			})})
			r := w.runner("wkr_a")
			if hinted {
				w.queue.hint = func(d job.Delivery) { r.Hint(d.JobID); r.Hint("job_other") }
			}
			defer w.start(r)()
			id := w.submit("work").ID
			w.until(id, func(j *job.Job) bool { return j.State == job.Running })
			if r.Running() != 1 {
				t.Errorf("%d attempts are running", r.Running())
			}
			asked := time.Now()
			for range 2 { // the second changes nothing
				j, err := w.service.Cancel(t.Context(), tenant, id)
				if err != nil || !j.CancelRequested {
					t.Fatalf("cancel: %v", err)
				}
			}
			j := w.finish(id)
			w.want(j, job.Cancelled)
			took := j.FinishedAt.Sub(asked)
			if hinted && took > 10*time.Millisecond || took > 1100*time.Millisecond {
				t.Errorf("hinted %v: cancelled after %s", hinted, took)
			}
			if !errors.Is(cause, job.ErrCancelled) {
				t.Errorf("the handler saw %v", cause)
			}
			if j.Failure != nil || j.Failures != 0 || !w.diary.has("cancelled work") {
				t.Errorf("%s; %s", dump(j), w.diary.text())
			}
		})
	}
}

func TestCancelWinsOverResult(t *testing.T) {
	t.Parallel()
	for _, end := range []error{nil, errors.New("no"), job.Snooze(time.Second, "not_yet", "not yet")} {
		synctest.Test(t, func(t *testing.T) {
			w := setup(t, nil)
			w.handlers = map[string]job.Handler{"work": does(func(_ context.Context, task *job.Task) (any, error) {
				_, err := w.service.Cancel(context.Background(), tenant, task.Job.ID)
				return 1, errors.Join(err, end)
			})}
			w.handlers["published"] = publisher{Handler: w.handlers["work"], publish: func(context.Context, *job.Job) error {
				t.Error("a cancelled job was published")
				return nil
			}}
			defer w.start(w.runner("wkr_a"))()
			for _, name := range []string{"work", "published"} {
				j := w.finish(w.submit(name).ID)
				w.want(j, job.Cancelled)
				if j.Result != nil || j.Committed {
					t.Errorf("a cancelled job has a result: %s", dump(j))
				}
			}
		})
	}
}

type publisher struct {
	job.Handler
	publish func(ctx context.Context, j *job.Job) error
}

func (p publisher) Publish(ctx context.Context, j *job.Job, result json.RawMessage) error {
	if string(result) != string(j.Result) || !j.Committed {
		return errors.New("the result is not the record's")
	}
	return p.publish(ctx, j)
}

func TestPublish(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		runs, publishes := 0, 0
		w := setup(t, nil)
		w.handlers = map[string]job.Handler{"work": publisher{
			Handler: does(func(_ context.Context, task *job.Task) (any, error) {
				runs++
				task.Report.Progress("almost", 0.5, 0, 0)
				return 7, nil
			}),
			publish: func(ctx context.Context, j *job.Job) error {
				_, err := w.service.Cancel(ctx, tenant, j.ID)
				if code(err) != "job_already_finishing" {
					t.Errorf("cancel while publishing: %v", err)
				}
				switch publishes++; publishes {
				case 1:
					return errors.New("away")
				case 2:
					panic("oops")
				case 3:
					runtime.Goexit()
				}
				return sleep(ctx, 20*time.Second) // long enough for heartbeats
			},
		}}
		defer w.start(w.runner("wkr_a"))()
		k := kind("work")
		k.MaxFailures = 1 // a committed result is not given up so easily
		j, _, err := w.service.Submit(t.Context(), job.Submission{Kind: k, Tenant: tenant})
		if err != nil {
			t.Fatal(err)
		}
		w.until(j.ID, func(j *job.Job) bool { return j.State == job.Pending })
		if _, err := w.service.Cancel(t.Context(), tenant, j.ID); code(err) != "job_already_finishing" {
			t.Errorf("cancel between two attempts to publish: %v", err)
		}
		j = w.finish(j.ID)
		w.want(j, job.Succeeded)
		if runs != 1 || publishes != 4 || j.Attempt != 4 || j.Failures != 3 || j.Failure != nil {
			t.Errorf("%d runs, %d publishes; %s", runs, publishes, dump(j))
		}
	})
}

func TestPublishFails(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		err      error
		attempts int
	}{
		"the thing is gone": {fault.NotFound("dataset_not_found", "gone"), 1},
		"always away":       {errors.New("away"), 30},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := setup(t, nil)
				fixed := false
				w.handlers = map[string]job.Handler{"work": publisher{
					Handler: does(func(context.Context, *job.Task) (any, error) { return 7, nil }),
					publish: func(context.Context, *job.Job) error {
						if fixed {
							return nil
						}
						return test.err
					},
				}}
				defer w.startSlowly(w.runner("wkr_a"))()
				id := w.submit("work").ID
				ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
				defer cancel()
				j := w.get(id)
				for !j.State.Terminal() && ctx.Err() == nil {
					j, _ = w.service.Wait(ctx, tenant, id, j.Revision)
				}
				w.want(j, job.Failed)
				if j.Attempt != test.attempts || j.Committed || j.Result != nil {
					t.Errorf("record: %s", dump(j))
				}
				fixed = true
				if _, err := w.service.Retry(t.Context(), tenant, id); err != nil {
					t.Fatal(err)
				}
				w.want(w.finish(id), job.Succeeded)
			})
		})
	}
}
