package job_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
)

func TestSubmitTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		sub := job.Submission{Kind: kind("work"), Tenant: tenant, IdempotencyKey: "k 1", Payload: 1}
		first, created, err := w.service.Submit(t.Context(), sub)
		if err != nil || !created || first.State != job.Queued || first.Epoch != 1 {
			t.Fatal(first, created, err)
		}
		again, created, err := w.service.Submit(t.Context(), sub)
		if err != nil || created || again.ID != first.ID {
			t.Errorf("again: %v, created %v, %v", again, created, err)
		}
		sub.Payload = 2
		if _, _, err := w.service.Submit(t.Context(), sub); code(err) != "idempotency_key_reused" {
			t.Errorf("another payload: %v", err)
		}
		others := []job.Submission{
			{Kind: kind("work"), Tenant: "other", IdempotencyKey: "k 1", Payload: 2},
			{Kind: kind("rest"), Tenant: tenant, IdempotencyKey: "k 1", Payload: 2},
			{Kind: kind("work"), Tenant: tenant, IdempotencyKey: "k 2", Payload: 2},
			{Kind: kind("work"), Tenant: tenant, Payload: 2},
			{Kind: kind("work"), Tenant: tenant, Payload: 2},
		}
		for i, o := range others {
			if _, created, err := w.service.Submit(t.Context(), o); err != nil || !created {
				t.Errorf("%d: created %v, %v", i, created, err)
			}
		}
		if !w.diary.has("submitted work false") {
			t.Error(w.diary.text())
		}
	})
}

func TestSubmitRace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		var mu sync.Mutex
		ids, news := map[string]bool{}, 0
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				j, created, err := w.service.Submit(t.Context(), job.Submission{Kind: kind("work"), Tenant: tenant, IdempotencyKey: "k"})
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Error(err)
					return
				}
				ids[j.ID] = true
				if created {
					news++
				}
			})
		}
		wg.Wait()
		if len(ids) != 1 || news != 1 {
			t.Errorf("%d jobs, %d created", len(ids), news)
		}
	})
}

func TestSubmitRefuses(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	tests := map[string]struct {
		sub  job.Submission
		code string
	}{
		"payload too large": {job.Submission{Kind: kind("work"), Tenant: tenant, Payload: strings.Repeat("x", 1<<20)}, "payload_too_large"},
		"long key":          {job.Submission{Kind: kind("work"), Tenant: tenant, IdempotencyKey: strings.Repeat("k", 256)}, "invalid_idempotency_key"},
		"key with newline":  {job.Submission{Kind: kind("work"), Tenant: tenant, IdempotencyKey: "a\nb"}, "invalid_idempotency_key"},
		"no tenant":         {job.Submission{Kind: kind("work")}, "internal"},
		"no kind":           {job.Submission{Tenant: tenant}, "internal"},
		"payload no JSON":   {job.Submission{Kind: kind("work"), Tenant: tenant, Payload: func() {}}, "internal"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, _, err := w.service.Submit(t.Context(), test.sub); code(err) != test.code {
				t.Errorf("%v, not %s", err, test.code)
			}
		})
	}
}

func TestSubmitWithoutStore(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	b := &broken{Driver: w.driver}
	s := job.NewService(job.ServiceConfig{Driver: b, Queue: w.queue, Files: w.files})
	sub := job.Submission{Kind: kind("work"), Tenant: tenant, IdempotencyKey: "k"}
	b.set(failing("insert"))
	if _, _, err := s.Submit(t.Context(), sub); code(err) != "store_unavailable" {
		t.Errorf("insert: %v", err)
	}
	b.set(nil)
	if _, _, err := s.Submit(t.Context(), sub); err != nil {
		t.Fatal(err)
	}
	b.set(failing("find key"))
	if _, _, err := s.Submit(t.Context(), sub); code(err) != "store_unavailable" {
		t.Errorf("find: %v", err)
	}
	// The unique index says that the job is there, but it is always gone when it is looked for.
	b.set(func(op, _ string) error {
		if op == "find key" {
			page, _ := w.service.List(t.Context(), tenant, job.Filter{}, "", 0)
			for _, j := range page.Items {
				_ = w.driver.Delete(t.Context(), "jobs", j.ID, 0)
			}
		}
		return nil
	})
	if j, created, err := s.Submit(t.Context(), sub); err != nil || !created {
		t.Errorf("after a removal: %v, %v, %v", j, created, err)
	}
	b.set(nil)
	stubborn := &broken{Driver: duplicating{w.driver}}
	s = job.NewService(job.ServiceConfig{Driver: stubborn, Queue: w.queue, Files: w.files})
	sub.IdempotencyKey = "never seen"
	if _, _, err := s.Submit(t.Context(), sub); !errors.Is(err, store.ErrDuplicate) {
		t.Errorf("a store that makes no sense: %v", err)
	}
}

func (duplicating) Insert(_ context.Context, _ string, r ...store.Record) ([]error, error) {
	errs := make([]error, len(r))
	for i := range errs {
		errs[i] = store.ErrDuplicate
	}
	return errs, nil
}

func TestQueueAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{"work": does(func(context.Context, *job.Task) (any, error) { return 1, nil })})
		defer w.start(w.runner("wkr_a"))()
		w.queue.setDown(true)
		ids := make([]string, 0, 300)
		for range 300 {
			j := w.submit("work")
			w.want(j, job.Pending)
			ids = append(ids, j.ID)
		}
		writes := w.driver.count()
		if writes != 300 { // only the first has asked the queue
			t.Errorf("%d writes for 300 submissions", writes)
		}
		time.Sleep(61 * time.Second)
		if n := w.driver.count(); n != writes {
			t.Errorf("%d writes while the queue is away", n-writes)
		}
		if n := w.diary.count("trouble relay_jobs"); n != 2 {
			t.Errorf("told %d times in a minute that the queue is away", n)
		}
		w.queue.setDown(false)
		for _, id := range ids {
			w.want(w.finish(id), job.Succeeded)
		}
		w.want(w.submit("work"), job.Queued)
	})
}

func TestEnqueueFailsAndStoreToo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{"work": does(func(context.Context, *job.Task) (any, error) { return 1, nil })})
		b := &broken{Driver: w.driver, fail: failing("replace")}
		s := job.NewService(job.ServiceConfig{Driver: b, Queue: fickle{w.queue}, Files: w.files, Observer: w.diary})
		w.queue.setDown(true)
		j, created, err := s.Submit(t.Context(), job.Submission{Kind: kind("work"), Tenant: tenant})
		if err != nil || !created {
			t.Fatal(err)
		}
		w.want(w.get(j.ID), job.Queued) // though the queue knows nothing of it
		w.queue.setDown(false)
		defer w.start(w.runner("wkr_a"))()
		j = w.finish(j.ID)
		w.want(j, job.Succeeded)
		if took := j.FinishedAt.Sub(j.CreatedAt); j.Epoch != 2 || took > 16*time.Second || !w.diary.has("revived work queue_forgot") {
			t.Errorf("after %s; %s", took, dump(j))
		}
	})
}

func TestGet(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	j := w.submit("work")
	for _, id := range []string{"", "x", "ds_" + j.ID[4:], "job_" + strings.Repeat("0", 32), strings.Repeat("é", 1000)} {
		if _, err := w.service.Get(t.Context(), tenant, id); code(err) != "job_not_found" {
			t.Errorf("%.20q: %v", id, err)
		}
	}
	other := map[string]func() error{
		"get":    func() error { _, err := w.service.Get(t.Context(), "other", j.ID); return err },
		"cancel": func() error { _, err := w.service.Cancel(t.Context(), "other", j.ID); return err },
		"retry":  func() error { _, err := w.service.Retry(t.Context(), "other", j.ID); return err },
		"logs":   func() error { _, err := w.service.Logs(t.Context(), "other", j.ID, 0, 0); return err },
		"wait":   func() error { _, err := w.service.Wait(t.Context(), "other", j.ID, 0); return err },
		"result": func() error { _, err := w.service.ResultURL(t.Context(), "other", j.ID, ""); return err },
	}
	for name, call := range other {
		if err := call(); code(err) != "job_not_found" {
			t.Errorf("another tenant's %s: %v", name, err)
		}
	}
	if page, err := w.service.List(t.Context(), "other", job.Filter{}, "", 0); err != nil || len(page.Items) != 0 {
		t.Errorf("another tenant lists %v, %v", page, err)
	}
	if got, err := w.service.Lookup(t.Context(), j.ID); err != nil || got.ID != j.ID {
		t.Errorf("lookup: %v, %v", got, err)
	}
}

func TestCancelAndRetry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{"work": does(func(context.Context, *job.Task) (any, error) { return 1, nil })})
		ctx := t.Context()
		id := w.submit("work").ID
		if _, err := w.service.Retry(ctx, tenant, id); code(err) != "job_not_retryable" {
			t.Errorf("retry of a queued job: %v", err)
		}
		for range 2 {
			j, err := w.service.Cancel(ctx, tenant, id)
			if err != nil {
				t.Fatal(err)
			}
			w.want(j, job.Cancelled)
		}
		if w.diary.count("cancelled work") != 1 {
			t.Error(w.diary.text())
		}
		w.queue.setDown(true)
		j, err := w.service.Retry(ctx, tenant, id)
		if err != nil || j.CancelRequested || !j.FinishedAt.IsZero() {
			t.Fatal(dump(j), err)
		}
		w.want(j, job.Pending) // it was tried
		if _, err := w.service.Cancel(ctx, tenant, id); err != nil {
			t.Fatal(err)
		}
		j, err = w.service.Retry(ctx, tenant, id)
		if err != nil {
			t.Fatal(err)
		}
		w.want(j, job.Pending) // it was not even tried
		w.queue.setDown(false)
		stop := w.start(w.runner("wkr_a"))
		w.want(w.finish(id), job.Succeeded)
		stop()
		for name, call := range map[string]func() error{
			"job_already_finished": func() error { _, err := w.service.Cancel(ctx, tenant, id); return err },
			"job_not_retryable":    func() error { _, err := w.service.Retry(ctx, tenant, id); return err },
		} {
			if err := call(); code(err) != name {
				t.Errorf("%v, not %s", err, name)
			}
		}
		time.Sleep(time.Minute)
		id = w.submit("work").ID
		if _, err := w.service.Cancel(ctx, tenant, id); err != nil {
			t.Fatal(err)
		}
		if j, err = w.service.Retry(ctx, tenant, id); err != nil || j.Epoch != 2 {
			t.Fatal(j, err)
		}
		w.want(j, job.Queued)
	})
}

// What is removed between the look and the write is not found.
func TestRemovedMeanwhile(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	b := &broken{Driver: w.driver}
	s := job.NewService(job.ServiceConfig{Driver: b, Queue: w.queue, Files: w.files})
	for name, call := range map[string]func(id string) error{
		"cancel": func(id string) error { _, err := s.Cancel(t.Context(), tenant, id); return err },
		"retry":  func(id string) error { _, err := s.Retry(t.Context(), tenant, id); return err },
	} {
		id := w.submit("work").ID
		if name == "retry" {
			if _, err := w.service.Cancel(t.Context(), tenant, id); err != nil {
				t.Fatal(err)
			}
		}
		b.set(func(op, _ string) error {
			if op == "replace" {
				return w.driver.Delete(t.Context(), "jobs", id, 0)
			}
			return nil
		})
		if err := call(id); code(err) != "job_not_found" {
			t.Errorf("%s: %v", name, err)
		}
		b.set(nil)
		id = w.submit("work").ID
		b.set(failing("replace"))
		if name == "retry" {
			_, _ = w.service.Cancel(t.Context(), tenant, id)
		}
		if err := call(id); !errors.Is(err, errDown) {
			t.Errorf("%s without a store: %v", name, err)
		}
		b.set(nil)
	}
}

func TestResultURL(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{
			"work": does(func(_ context.Context, task *job.Task) (any, error) {
				return answer{Named: map[string]string{"predictions": task.Prefix + "p.csv", "rejected.csv": task.Prefix + "r.csv"}}, nil
			}),
			"single": does(func(_ context.Context, task *job.Task) (any, error) {
				return answer{Named: map[string]string{"model": task.Prefix + "m.bin"}}, nil
			}),
			"bare": does(func(context.Context, *job.Task) (any, error) { return 1, nil }),
		})
		j := w.submit("work")
		ctx := t.Context()
		if _, err := w.service.ResultURL(ctx, tenant, j.ID, ""); code(err) != "job_not_succeeded" {
			t.Errorf("of a queued job: %v", err)
		}
		defer w.start(w.runner("wkr_a"))()
		j = w.finish(j.ID)
		for _, name := range []string{"p.csv", "r.csv"} {
			if _, err := w.files.Put(ctx, j.Prefix()+name, "", strings.NewReader("x")); err != nil {
				t.Fatal(err)
			}
		}
		for name, want := range map[string]string{
			"predictions":  j.Prefix() + "p.csv?as=predictions.csv&for=15m0s",
			"rejected.csv": j.Prefix() + "r.csv?as=rejected.csv&for=15m0s",
		} {
			if link, err := w.service.ResultURL(ctx, tenant, j.ID, name); err != nil || link != "https://files/"+want {
				t.Errorf("%q: %s, %v", name, link, err)
			}
		}
		if _, err := w.service.ResultURL(ctx, tenant, j.ID, "p.csv"); code(err) != "result_file_not_found" {
			t.Errorf("a file that is none: %v", err)
		}
		if _, err := w.service.ResultURL(ctx, tenant, j.ID, ""); code(err) != "result_file_required" || !strings.Contains(err.Error(), "predictions, rejected.csv") {
			t.Errorf("none of several files was named: %v", err)
		}
		single := w.finish(w.submit("single").ID)
		if _, err := w.files.Put(ctx, single.Prefix()+"m.bin", "", strings.NewReader("x")); err != nil {
			t.Fatal(err)
		}
		if link, err := w.service.ResultURL(ctx, tenant, single.ID, ""); err != nil || link != "https://files/"+single.Prefix()+"m.bin?as=model.bin&for=15m0s" {
			t.Errorf("the only file: %s, %v", link, err)
		}
		w.files.fail = errDown
		if _, err := w.service.ResultURL(ctx, tenant, j.ID, "predictions"); !errors.Is(err, errDown) {
			t.Errorf("no storage: %v", err)
		}
		w.files.fail = nil
		if err := w.files.Delete(ctx, j.Prefix()+"r.csv"); err != nil {
			t.Fatal(err)
		}
		if _, err := w.service.ResultURL(ctx, tenant, j.ID, "rejected.csv"); code(err) != "result_file_deleted" {
			t.Errorf("a file that was cleaned up: %v", err)
		}
		if _, err := w.service.ResultURL(ctx, tenant, w.finish(w.submit("bare").ID).ID, ""); code(err) != "result_has_no_files" {
			t.Errorf("no files: %v", err)
		}
	})
}

func TestActiveEndedRemove(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{"work": does(func(ctx context.Context, task *job.Task) (any, error) {
			for i := range 600 {
				task.Report.Logf("line %d", i)
			}
			return 1, sleep(ctx, time.Minute)
		})})
		ctx := t.Context()
		active := func(want bool) {
			t.Helper()
			if got, err := w.service.Active(ctx, "ds_1"); err != nil || got != want {
				t.Errorf("active %v, %v; want %v", got, err, want)
			}
		}
		active(false)
		id := w.submit("work").ID
		active(true)
		stop := w.start(w.runner("wkr_a"))
		w.until(id, func(j *job.Job) bool { return j.State == job.Running })
		active(true)
		if err := w.service.Remove(ctx, id); code(err) != "job_not_finished" {
			t.Errorf("remove of a running job: %v", err)
		}
		ended := w.finish(id).FinishedAt
		stop()
		active(false)
		if page, err := w.service.Ended(ctx, job.Succeeded, ended, "", 10); err != nil || len(page.Items) != 0 {
			t.Errorf("ended before now: %v, %v", page, err)
		}
		time.Sleep(time.Hour)
		page, err := w.service.Ended(ctx, job.Succeeded, time.Now(), "", 10)
		if err != nil || len(page.Items) != 1 || page.Items[0].ID != id {
			t.Errorf("ended an hour ago: %v, %v", page, err)
		}
		if _, err := w.service.Ended(ctx, job.Running, time.Now(), "", 10); err == nil {
			t.Error("running jobs have not ended")
		}
		b := &broken{Driver: w.driver}
		s := job.NewService(job.ServiceConfig{Driver: b, Queue: w.queue, Files: w.files})
		for _, op := range []string{"find first", "delete"} {
			b.set(failing(op))
			if err := s.Remove(ctx, id); !errors.Is(err, errDown) {
				t.Errorf("remove without %s: %v", op, err)
			}
		}
		b.set(failing("count"))
		if _, err := s.Active(ctx, "ds_1"); !errors.Is(err, errDown) {
			t.Errorf("active without a store: %v", err)
		}
		b.set(func(op, c string) error {
			if op == "delete" && c == "jobs" {
				j := w.get(id)
				r, _ := w.driver.Get(ctx, "jobs", id)
				r.Keys = j.Keys()
				_, err := w.driver.Driver.Replace(ctx, "jobs", r)
				return err
			}
			return nil
		})
		if err := s.Remove(ctx, id); code(err) != "job_not_finished" {
			t.Errorf("remove of a job that changes: %v", err)
		}
		b.set(nil)
		if err := s.Remove(ctx, id); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Get(ctx, tenant, id); code(err) != "job_not_found" {
			t.Errorf("a removed job: %v", err)
		}
		if err := s.Remove(ctx, id); code(err) != "job_not_found" {
			t.Errorf("removed twice: %v", err)
		}
	})
}
