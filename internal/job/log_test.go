package job_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
)

func (w *world) lines(id string, after, limit int) []job.LogLine {
	w.t.Helper()
	lines, err := w.service.Logs(w.t.Context(), tenant, id, after, limit)
	if err != nil {
		w.t.Fatal(err)
	}
	return lines
}

func TestLogs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{"work": does(func(ctx context.Context, task *job.Task) (any, error) {
			for i := range 634 {
				task.Report.Logf("line %d", i+1)
				if i%100 == 0 {
					if err := sleep(ctx, 700*time.Millisecond); err != nil {
						return nil, err
					}
				}
			}
			return 1, nil
		})})
		defer w.start(w.runner("wkr_a"))()
		id := w.submit("work").ID
		known := 0
		w.until(id, func(j *job.Job) bool { // as a client that follows them
			for _, line := range w.lines(id, known, 50) {
				if known++; line.Seq != known || line.Message != fmt.Sprint("line ", known) || line.Level != "info" || line.Attempt != 1 {
					t.Fatalf("after %d lines: %+v", known-1, line)
				}
			}
			return j.State.Terminal()
		})
		for limit := 1; limit < 1000; limit = limit*3 + 1 {
			seen := 0
			for {
				page := w.lines(id, seen, limit)
				if len(page) == 0 {
					break
				}
				for _, line := range page {
					if seen++; line.Seq != seen || line.Message != fmt.Sprint("line ", seen) {
						t.Fatalf("%+v is not line %d", line, seen)
					}
				}
			}
			if seen != 634 {
				t.Errorf("%d lines by %d", seen, limit)
			}
		}
		for _, bad := range [][2]int{{-1, 0}, {0, -1}, {0, 1001}} {
			if _, err := w.service.Logs(t.Context(), tenant, id, bad[0], bad[1]); err == nil {
				t.Errorf("%v was accepted", bad)
			}
		}
		b := &broken{Driver: w.driver, fail: failing("find first")}
		s := job.NewService(job.ServiceConfig{Driver: b, Queue: w.queue, Files: w.files})
		if _, err := s.Logs(t.Context(), tenant, id, 0, 0); !errors.Is(err, errDown) {
			t.Errorf("lines without a store: %v", err)
		}
	})
}

func TestLogLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{"work": does(func(_ context.Context, task *job.Task) (any, error) {
			for i := range 30 {
				task.Report.Logf("line %d\n\x00of\xff %s", i, strings.Repeat("é", 3000))
			}
			return nil, errors.New("no")
		})})
		defer w.start(w.runner("wkr_a", func(c *job.RunnerConfig) { c.MaxLogLines = 50 }))()
		id := w.submit("work").ID
		j := w.finish(id)
		lines := w.lines(id, 0, 0)
		if len(lines) != 51 || j.LogLines != 51 || lines[50].Level != "warn" || !strings.Contains(lines[50].Message, "limit of 50 lines") || lines[49].Attempt != 2 {
			t.Errorf("%d lines, the last %+v", len(lines), lines[len(lines)-1])
		}
		if m := lines[0].Message; len(m) > 4100 || !strings.HasPrefix(m, "line 0  of� éé") || !strings.HasSuffix(m, "é…") {
			t.Errorf("%d bytes: %.20q", len(m), m)
		}
	})
}

// A worker dies after its lines were written and before the record says so;
// the next one takes them into its count.
func TestLogsOfTheDead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		id := ""
		inserts, gets := 0, 0
		w.handlers = map[string]job.Handler{"work": does(func(_ context.Context, task *job.Task) (any, error) {
			task.Report.Logf("mine")
			return 1, nil
		})}
		b := &broken{Driver: w.driver}
		b.set(func(op, c string) error {
			switch {
			case op == "insert" && c == "job_logs":
				if inserts++; inserts > 1 {
					return nil
				}
				// Two rows that nobody noted: of an earlier attempt, and of this one, whose reply is lost.
				for _, row := range []string{
					`{"job":"` + id + `","first":1,"epoch":0,"worker":"wkr_x","lines":[{"seq":1,"message":"his"},{"seq":2,"message":"his"}]}`,
					`{"job":"` + id + `","first":3,"epoch":1,"worker":"wkr_a","lines":[{"seq":3,"message":"mine"}]}`,
				} {
					var r struct{ First int64 }
					_ = json.Unmarshal([]byte(row), &r)
					_, err := w.driver.Insert(context.Background(), "job_logs", store.Record{
						ID: fmt.Sprintf("%s-%08d", id, r.First), Keys: map[string]any{"job": id, "first": r.First}, Body: []byte(row),
					})
					if err != nil {
						t.Error(err)
					}
				}
				return errDown
			case op == "get" && c == "job_logs":
				if gets++; gets == 1 {
					return errDown
				}
			}
			return nil
		})
		r := w.runner("wkr_a", func(c *job.RunnerConfig) { c.Driver = b })
		j := w.submit("work")
		id = j.ID
		if err := r.Handle(t.Context(), j.Delivery()); err != nil {
			t.Fatal(err)
		}
		j = w.get(id)
		w.want(j, job.Succeeded)
		text := ""
		for _, line := range w.lines(id, 0, 0) {
			text += fmt.Sprint(line.Seq, line.Message, " ")
		}
		if text != "1his 2his 3mine " || j.LogLines != 3 {
			t.Errorf("lines %s, %d on record", text, j.LogLines)
		}
	})
}

func TestProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{"work": does(func(ctx context.Context, task *job.Task) (any, error) {
			task.Report.Progress("resumed", 0.5, 500, 1000) // done by an earlier attempt: says nothing of the rate
			for i := range 100 {
				if err := sleep(ctx, time.Second); err != nil {
					return nil, err
				}
				task.Report.Progress("training", 0.5+float64(i+1)/200, int64(501+i), 1000)
				if i%10 == 0 {
					task.Report.Progress("training", 0.1, -5, 1000)
					task.Report.Progress("training", math.NaN(), 0, 1000)
					task.Report.Progress("training", math.Inf(-1), 0, 1000)
				}
			}
			task.Report.Progress("over", 7, 0, 0)
			return 1, sleep(ctx, 3*time.Second)
		})})
		r := w.runner("wkr_a")
		defer w.start(r)()
		start := time.Now()
		id := w.submit("work").ID
		last, n := 0.0, 0
		j := w.until(id, func(j *job.Job) bool {
			p := j.Progress
			if p.Fraction < last || p.Fraction > 1 || p.Rows < 0 {
				t.Errorf("progress went from %v to %+v", last, p)
			}
			last = p.Fraction
			n++
			if p.Fraction > 0.55 && p.Fraction < 0.999 {
				if off := p.ETA.Sub(start.Add(100 * time.Second)); off < -10*time.Second || off > 10*time.Second {
					t.Errorf("at %.2f the ETA is off by %s", p.Fraction, off)
				}
			}
			return j.State.Terminal()
		})
		if n < 50 || n > 115 || !j.Progress.ETA.IsZero() || j.Progress.Stage != "over" {
			t.Errorf("seen %d times, at last %+v", n, j.Progress)
		}
	})
}

func TestQuietJobHeartbeats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{"work": does(func(ctx context.Context, _ *job.Task) (any, error) { return 1, sleep(ctx, 10*time.Minute) })})
		defer w.start(w.runner("wkr_a"))()
		id := w.submit("work").ID
		w.until(id, func(j *job.Job) bool { return j.State == job.Running })
		before := w.driver.count()
		time.Sleep(time.Minute)
		if n := w.driver.count() - before; n != 12 {
			t.Errorf("%d heartbeats a minute", n)
		}
		j := w.finish(id)
		w.want(j, job.Succeeded)
		if j.Crashes != 0 || j.Attempt != 1 {
			t.Errorf("a quiet job was taken for dead: %s", dump(j))
		}
	})
}

func TestCheckpoints(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		w.handlers = map[string]job.Handler{"work": does(func(ctx context.Context, task *job.Task) (any, error) {
			saved := task.Saved
			load := func(name, want string, wantOK bool) {
				t.Helper()
				if data, ok, err := saved.Load(ctx, name); string(data) != want || ok != wantOK || err != nil {
					t.Errorf("load %s: %q, %v, %v", name, data, ok, err)
				}
			}
			load("fold.1", "", false)
			for _, text := range []string{"one", "", "two"} {
				if err := saved.Save(ctx, "fold.1", []byte(text)); err != nil {
					t.Error(err)
				}
				load("fold.1", text, true)
			}
			for _, name := range []string{"", ".", "..", "a/b", "ä", strings.Repeat("x", 101)} {
				if err := saved.Save(ctx, name, nil); err == nil {
					t.Errorf("a checkpoint was named %q", name)
				}
				if _, _, err := saved.Load(ctx, name); err == nil {
					t.Errorf("a checkpoint named %q was looked for", name)
				}
			}
			if err := saved.Save(ctx, "big", make([]byte, 1001)); code(err) != "checkpoint_too_large" {
				t.Errorf("too large: %v", err)
			}
			key := job.CheckpointPrefix(task.Job.ID) + "fold.1"
			good := w.files.files[key]
			for i := range good { // any damaged byte, any length
				bad := append([]byte(nil), good...)
				bad[i] ^= 4
				w.files.files[key] = bad
				load("fold.1", "", false)
				w.files.files[key] = good[:i]
				load("fold.1", "", false)
			}
			w.files.files[job.CheckpointPrefix(task.Job.ID)+"other"] = good // a copy under another name is none
			load("other", "", false)
			w.files.fail = errDown
			if err := saved.Save(ctx, "fold.1", nil); !errors.Is(err, errDown) {
				t.Errorf("save without storage: %v", err)
			}
			if _, _, err := saved.Load(ctx, "fold.1"); !errors.Is(err, errDown) {
				t.Errorf("load without storage: %v", err)
			}
			return 1, nil
		})}
		defer w.start(w.runner("wkr_a", func(c *job.RunnerConfig) { c.MaxCheckpoint = 1000 }))()
		w.want(w.finish(w.submit("work").ID), job.Succeeded)
		synctest.Wait()
		if !w.diary.has("trouble delete_checkpoints") || !w.diary.has("trouble load_checkpoint") {
			t.Error(w.diary.text())
		}
		w.files.fail = nil
		id := w.submit("work").ID
		w.until(id, func(j *job.Job) bool { return j.State.Terminal() })
		w.files.fail = nil
	})
}

// Whatever lies where a checkpoint should be is either the checkpoint or none.
func FuzzCheckpoint(f *testing.F) {
	f.Add([]byte("NCP1"), true)
	f.Add([]byte("half"), false)
	f.Add([]byte{}, true)
	f.Fuzz(func(t *testing.T, content []byte, raw bool) {
		var got []byte
		var ok bool
		w := setup(t, nil)
		w.handlers = map[string]job.Handler{"work": does(func(ctx context.Context, task *job.Task) (_ any, err error) {
			if raw {
				w.files.files[job.CheckpointPrefix(task.Job.ID)+"half"] = content
			} else if err := task.Saved.Save(ctx, "half", content); err != nil {
				return nil, err
			}
			got, ok, err = task.Saved.Load(ctx, "half")
			return 1, err
		})}
		j := w.submit("work")
		if err := w.runner("wkr_a").Handle(t.Context(), j.Delivery()); err != nil {
			t.Fatal(err)
		}
		w.want(w.get(j.ID), job.Succeeded)
		if ok == raw || !raw && string(got) != string(content) {
			t.Errorf("loaded %q, %v of %q, raw %v", got, ok, content, raw)
		}
	})
}
