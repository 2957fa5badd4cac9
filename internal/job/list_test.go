package job_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/job"
)

func TestList(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		ctx := t.Context()
		for i := range 60 {
			k := []string{"work", "rest"}[i%2]
			j, _, err := w.service.Submit(ctx, job.Submission{Kind: kind(k), Tenant: tenant, Subject: fmt.Sprint("ds_", i%3)})
			if err != nil {
				t.Fatal(err)
			}
			if i%4 < 2 {
				_, err = w.service.Cancel(ctx, tenant, j.ID)
			}
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
		}
		tests := []struct {
			filter job.Filter
			want   int
		}{
			{job.Filter{}, 60},
			{job.Filter{State: "queued"}, 30},
			{job.Filter{Kind: "work"}, 30},
			{job.Filter{Kind: "work", State: "cancelled"}, 15},
			{job.Filter{Subject: "ds_1"}, 20},
			{job.Filter{Subject: "ds_1", Kind: "work"}, 10},
			{job.Filter{Subject: "ds_1", State: "queued"}, 10},
			{job.Filter{Subject: "ds_1", Kind: "work", State: "queued"}, 5},
			{job.Filter{State: "failed"}, 0},
			{job.Filter{Subject: "ds_7"}, 0},
		}
		for _, test := range tests {
			for _, limit := range []int{0, 1, 7, 500} {
				seen, cursor, last := map[string]bool{}, "", time.Now()
				for {
					page, err := w.service.List(ctx, tenant, test.filter, cursor, limit)
					if err != nil {
						t.Fatal(test, err)
					}
					for _, j := range page.Items {
						if seen[j.ID] || j.CreatedAt.After(last) {
							t.Errorf("%v: %s twice or out of order", test, j.ID)
						}
						seen[j.ID], last = true, j.CreatedAt
						if f := test.filter; f.State != "" && f.State != string(j.State) || f.Kind != "" && f.Kind != j.Kind || f.Subject != "" && f.Subject != j.Subject {
							t.Errorf("%v: %s", f, dump(j))
						}
					}
					if page.Items == nil {
						t.Error("a page is never null")
					}
					if cursor = page.Next; cursor == "" {
						break
					}
				}
				if len(seen) != test.want {
					t.Errorf("%v by %d: %d jobs", test, limit, len(seen))
				}
			}
		}
		page, err := w.service.List(ctx, tenant, job.Filter{Subject: "ds_1", Kind: "work"}, "", 1)
		if err != nil {
			t.Fatal(err)
		}
		bad := []struct {
			filter job.Filter
			cursor string
			limit  int
			code   string
		}{
			{job.Filter{State: "done"}, "", 0, "invalid_state"},
			{job.Filter{Kind: "Work " + strings.Repeat("x", 100)}, "", 0, "invalid_kind"},
			{job.Filter{Subject: "a b"}, "", 0, "invalid_subject"},
			{job.Filter{}, "", 501, "limit_out_of_range"},
			{job.Filter{}, "", -1, "limit_out_of_range"},
			{job.Filter{}, "nonsense", 0, "invalid_cursor"},
			{job.Filter{Kind: "work"}, page.Next, 0, "invalid_cursor"},
			{job.Filter{Subject: "ds_1", Kind: "rest"}, page.Next, 0, "invalid_cursor"},
			{job.Filter{Subject: "ds_1", State: "queued"}, page.Next, 0, "invalid_cursor"},
			{job.Filter{Subject: "ds_1", Kind: "work"}, ".work.", 0, "invalid_cursor"},
			{job.Filter{Subject: "ds_2", Kind: "work"}, page.Next, 0, "invalid_cursor"},
		}
		for _, b := range bad {
			if _, err := w.service.List(ctx, tenant, b.filter, b.cursor, b.limit); code(err) != b.code {
				t.Errorf("%v: %v", b, err)
			}
		}
	})
}

func TestWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, map[string]job.Handler{"work": does(func(ctx context.Context, _ *job.Task) (any, error) { return 1, sleep(ctx, 3*time.Second) })})
		b := &broken{Driver: w.driver}
		s := job.NewService(job.ServiceConfig{Driver: b, Queue: w.queue, Files: w.files})
		id := w.submit("work").ID
		short, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		reads, looks := 0, 0
		b.set(func(op, _ string) error {
			if op == "peek" {
				looks++
			} else {
				reads++
			}
			return nil
		})
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if j, err := s.Wait(short, tenant, id, 1); err != nil || j.State != job.Queued {
					t.Errorf("at the deadline: %v, %v", j, err)
				}
			})
		}
		wg.Wait()
		if reads != 100 || looks < 10 || looks > 25 { // one each to begin with, then a look about once a second
			t.Errorf("%d reads and %d looks for 100 who waited 10 s", reads, looks)
		}
		reads, looks = 0, 0
		time.Sleep(time.Minute)
		if reads+looks != 0 {
			t.Errorf("%d reads and %d looks though nobody waits", reads, looks)
		}
		b.set(nil)
		if j, err := s.Wait(t.Context(), tenant, id, 0); err != nil || j.Revision != 1 {
			t.Errorf("an old revision: %v, %v", j, err)
		}
		revisions := make(chan []int64, 2)
		for range 2 {
			go func() {
				var seen []int64
				j, err := s.Get(t.Context(), tenant, id)
				for err == nil && !j.State.Terminal() {
					j, err = s.Wait(t.Context(), tenant, id, j.Revision)
					seen = append(seen, j.Revision)
				}
				revisions <- seen
			}()
		}
		time.Sleep(time.Second)
		b.set(failing("peek")) // for a while
		time.Sleep(2 * time.Second)
		b.set(nil)
		stop := w.start(w.runner("wkr_a"))
		for range 2 {
			if seen := <-revisions; fmt.Sprint(seen) != "[2 3]" {
				t.Errorf("saw revisions %v", seen)
			}
		}
		stop()
		if j, err := s.Wait(t.Context(), tenant, id, 99); err != nil || j.State != job.Succeeded {
			t.Errorf("a job that ended: %v, %v", j, err)
		}
	})
}

func TestWaitForWhatGoes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		id := w.submit("work").ID
		got := make(chan error)
		go func() {
			_, err := w.service.Wait(t.Context(), tenant, id, 1)
			got <- err
		}()
		synctest.Wait()
		if err := w.driver.Delete(t.Context(), "jobs", id, 0); err != nil {
			t.Fatal(err)
		}
		if err := <-got; code(err) != "job_not_found" {
			t.Errorf("waited for a removed job: %v", err)
		}
		id = w.submit("work").ID
		waiting := make(chan *job.Job)
		go func() {
			j, _ := w.service.Wait(t.Context(), tenant, id, 1)
			waiting <- j
		}()
		synctest.Wait()
		if _, err := w.service.Cancel(t.Context(), tenant, id); err != nil {
			t.Fatal(err)
		}
		at := time.Now()
		short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if j, err := w.service.Wait(short, tenant, id, 1); err != nil || j.State != job.Cancelled {
			t.Error(j, err)
		}
		if j := <-waiting; j.State != job.Cancelled || time.Since(at) > 250*time.Millisecond {
			t.Errorf("%s after %s", j.State, time.Since(at))
		}
	})
}
