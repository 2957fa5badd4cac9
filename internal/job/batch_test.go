package job_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
)

func member(name string, after ...string) job.Member {
	return job.Member{Name: name, Submission: job.Submission{Kind: kind("work"), User: "ann", Payload: name, After: after}}
}

func TestBatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var order []string
		w := setup(t, map[string]job.Handler{"work": does(func(ctx context.Context, task *job.Task) (any, error) {
			var name string
			err := task.Decode(&name)
			order = append(order, name)
			return name, err
		})})
		before := w.submit("work")
		members := []job.Member{member("c", "a", "b"), member("a"), member("b", "a", before.ID), member("d", "c")}
		jobs, created, err := w.service.SubmitBatch(t.Context(), tenant, "k", members)
		if err != nil || !created || len(jobs) != 4 {
			t.Fatalf("%d jobs, %v", len(jobs), err)
		}
		if got := states(jobs); got != "wpww" {
			t.Errorf("states %s", got)
		}
		again, created, err := w.service.SubmitBatch(t.Context(), tenant, "k", members)
		if err != nil || created || again[3].ID != jobs[3].ID {
			t.Errorf("the key made a second batch: %v", err)
		}
		if _, _, err := w.service.SubmitBatch(t.Context(), tenant, "k", members[:2]); code(err) != "unknown_job_name" {
			t.Error(err)
		}
		if _, _, err := w.service.SubmitBatch(t.Context(), tenant, "k", members[1:2]); code(err) != "idempotency_key_reused" {
			t.Errorf("the same key with another batch: %v", err)
		}
		other, created, err := w.service.SubmitBatch(t.Context(), "other", "k", members[1:2])
		if err != nil || !created || other[0].Tenant != "other" {
			t.Errorf("the key of another tenant: %v", err)
		}
		defer w.start(w.runner("wkr_a"))()
		if _, err := w.service.Retry(t.Context(), tenant, before.ID); code(err) != "job_not_retryable" {
			t.Error(err)
		}
		w.finish(before.ID)
		w.want(w.finish(jobs[0].ID), job.Failed) // before's payload is no text, and b comes after it
		if j := w.get(jobs[2].ID); j.Failure == nil || !strings.Contains(j.Failure.Message, before.ID) {
			t.Error(dump(j))
		}
		w.want(w.finish(jobs[1].ID), job.Succeeded)
	})
}

// What is kept of a batch goes with its time, and its key with it; its jobs have
// a time of their own.
func TestBatchesAreForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		submit := func() (*job.Job, bool) {
			jobs, created, err := w.service.SubmitBatch(t.Context(), tenant, "k", []job.Member{member("a")})
			if err != nil {
				t.Fatal(err)
			}
			return jobs[0], created
		}
		first, _ := submit()
		time.Sleep(time.Hour)
		if n, err := w.service.ForgetBatches(t.Context(), time.Now().Add(-2*time.Hour)); n != 0 || err != nil {
			t.Errorf("forgot %d, %v", n, err)
		}
		if again, created := submit(); created || again.ID != first.ID {
			t.Error("the batch was made twice")
		}
		if n, err := w.service.ForgetBatches(t.Context(), time.Now()); n != 1 || err != nil {
			t.Errorf("forgot %d, %v", n, err)
		}
		w.want(w.get(first.ID), job.Pending)
		if again, created := submit(); !created || again.ID == first.ID {
			t.Error("the key is still taken")
		}
	})
}

func TestBatchesThatAreRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		var many []job.Member
		for i := range job.MaxBatch + 1 {
			many = append(many, member(fmt.Sprint("m", i)))
		}
		large := func(name string) job.Member {
			m := member(name)
			m.Payload = strings.Repeat("x", 1<<20-2)
			return m
		}
		unknown := "job_" + strings.Repeat("0", 32)
		for _, tt := range []struct {
			members []job.Member
			code    string
			field   string
			says    string
		}{
			{nil, "batch_size_out_of_range", "body.jobs", "0"},
			{many, "batch_size_out_of_range", "body.jobs", "101"},
			{[]job.Member{member("a"), member("a")}, "duplicate_job_name", "body.jobs[1].name", "named a"},
			{[]job.Member{member("a b")}, "invalid_job_name", "body.jobs[0].name", "letters"},
			{[]job.Member{member(unknown)}, "invalid_job_name", "body.jobs[0].name", "letters"},
			{[]job.Member{member("a"), member("b", "a", "c")}, "unknown_job_name", "body.jobs[1].work.after[1]", `"c"`},
			{[]job.Member{member("a"), member("b", unknown)}, "job_not_found", "body.jobs[1].work.after[0]", unknown},
			{[]job.Member{member("a", "a")}, "dependency_cycle", "body.jobs[0].work.after", "a → a"},
			{[]job.Member{member("x"), member("a", "x", "c"), member("b", "a"), member("c", "b")}, "dependency_cycle", "body.jobs[1].work.after", "a → c → b → a"},
			{[]job.Member{member("a"), large("b"), large("c"), large("d"), large("e")}, "payload_too_large", "", "4194304"},
		} {
			_, _, err := w.service.SubmitBatch(t.Context(), tenant, "", tt.members)
			e, _ := fault.As(err)
			if code(err) != tt.code || !strings.Contains(err.Error(), tt.says) || tt.field != "" && e.Fields[0].Location != tt.field {
				t.Errorf("%s: %v %+v", tt.code, err, e)
			}
		}
		if _, _, err := w.service.SubmitBatch(t.Context(), tenant, "\x00", []job.Member{member("a")}); code(err) != "invalid_idempotency_key" {
			t.Error(err)
		}
		if len(w.driver.ids()) != 0 {
			t.Errorf("%d jobs are stored", len(w.driver.ids()))
		}
	})
}

// A process that dies at any call while it stores a batch leaves all of its
// jobs or none.
func TestBatchCrashPoints(t *testing.T) {
	t.Parallel()
	for at := int64(1); ; at++ {
		reached := false
		synctest.Test(t, func(t *testing.T) {
			w := setup(t, map[string]job.Handler{"work": does(func(context.Context, *job.Task) (any, error) { return 1, nil })})
			f := &fate{at: at}
			service := job.NewService(job.ServiceConfig{Driver: fated{w.driver, f}, Queue: w.queue, Files: w.files})
			_, _, err := service.SubmitBatch(t.Context(), tenant, "k", []job.Member{member("a"), member("b", "a"), member("c", "b")})
			reached = f.dead()
			defer w.start(w.runner("wkr_a"))()
			time.Sleep(3 * time.Minute)
			ids := w.driver.ids()
			if len(ids) != 0 && len(ids) != 3 || err == nil && len(ids) != 3 {
				t.Errorf("killed at %d: %d jobs, %v", at, len(ids), err)
			}
			for _, id := range ids {
				w.want(w.get(id), job.Succeeded)
			}
		})
		if !reached || t.Failed() {
			if at < 5 {
				t.Errorf("only %d crash points", at-1)
			}
			return
		}
	}
}
