package jobtest_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/job/jobtest"
)

func TestFiles(t *testing.T) {
	t.Parallel()
	f, ctx := jobtest.NewFiles(), t.Context()
	for _, key := range []string{"b/2", "a/1"} {
		if _, err := f.Put(ctx, key, "text/plain", strings.NewReader(key)); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := f.Join(ctx, "c/3", "text/plain", []string{"b/2", "a/1"}); err != nil || n != 6 {
		t.Errorf("joined %d bytes, %v", n, err)
	}
	if b, err := f.Get("c/3"); string(b) != "b/2a/1" || f.Delete(ctx, "c/3") != nil {
		t.Errorf("joined %q, %v", b, err)
	}
	if _, err := f.Join(ctx, "c/3", "text/plain", []string{"a/1", "a/none"}); fault.CodeOf(err) != "file_not_found" {
		t.Errorf("joined a file that is not there: %v", err)
	}
	f.Fail("/2", errors.New("down"))
	var seen []string
	err := f.Each(ctx, "", func(key string, size int64, _ time.Time) error {
		seen = append(seen, key)
		return nil
	})
	if err == nil || !slices.Equal(seen, []string{"a/1"}) || f.Puts() != 3 {
		t.Errorf("seen %q, %v, %d puts", seen, err, f.Puts())
	}
	if err := f.Delete(ctx, "a/1", "a/none"); err != nil {
		t.Error(err)
	}
	if _, err := f.Open(ctx, "a/1"); fault.CodeOf(err) != "file_not_found" {
		t.Errorf("opened a file that was deleted: %v", err)
	}
}

func TestLine(t *testing.T) {
	t.Parallel()
	l, ctx := jobtest.NewLine(), t.Context()
	s := job.Submission{Kind: job.Kind{Name: "training", Version: 1}, Tenant: "a", Subject: "ds_1", Also: []string{"mdl_1"}, IdempotencyKey: "k", Payload: map[string]int{"x": 1}}
	first, created, err := l.Submit(ctx, s)
	if err != nil || !created {
		t.Fatalf("created %v, %v", created, err)
	}
	if again, created, _ := l.Submit(ctx, s); created || again != first {
		t.Error("the key made a second job")
	}
	for _, subject := range []string{"ds_1", "mdl_1"} {
		if active, err := l.Active(ctx, subject); err != nil || !active {
			t.Errorf("%s is active: %v, %v", subject, active, err)
		}
	}
	first.State = job.Succeeded
	if active, err := l.Active(ctx, "ds_1"); err != nil || active {
		t.Errorf("active %v, %v, though it has ended", active, err)
	}
	if _, err := l.Get(ctx, "b", first.ID); fault.CodeOf(err) != "job_not_found" {
		t.Errorf("another tenant's job: %v", err)
	}
}

func TestTask(t *testing.T) {
	t.Parallel()
	task := jobtest.NewTask(&job.Job{}, nil)
	saves := 0
	task.Saved.OnSave(func(n int) { saves = n })
	if err := task.Task.Saved.Save(t.Context(), "a", []byte("1")); err != nil || saves != 1 {
		t.Errorf("%d saves, %v", saves, err)
	}
	if b, ok, err := task.Task.Saved.Load(t.Context(), "a"); string(b) != "1" || !ok || err != nil || task.Saved.Found() != 1 {
		t.Errorf("loaded %q, %v, %v", b, ok, err)
	}
	task.Task.Report.Progress("load", 0.5, 1, 2)
	task.Task.Report.Logf("%d rows", 3)
	if s := task.Report.Steps(); len(s) != 1 || s[0].Fraction != 0.5 || !slices.Equal(task.Report.Lines(), []string{"3 rows"}) {
		t.Errorf("steps %+v, lines %q", s, task.Report.Lines())
	}
	task.Drain()
	task.Drain()
	<-task.Draining
}
