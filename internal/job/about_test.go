package job_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/job"
)

func (w *world) about(subject string, also ...string) *job.Job {
	w.t.Helper()
	j, _, err := w.service.Submit(w.t.Context(), job.Submission{Kind: kind("work"), Tenant: tenant, Subject: subject, Also: also})
	if err != nil {
		w.t.Fatal(err)
	}
	return j
}

func TestSeveralSubjects(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		two, one, none := w.about("ds_1", "mdl_1"), w.about("ds_2"), w.about("")
		for id, want := range map[string][]string{two.ID: {"ds_1", "mdl_1"}, one.ID: {"ds_2"}, none.ID: nil} {
			if got := w.get(id).Subjects(); !slices.Equal(got, want) {
				t.Errorf("subjects %q, want %q", got, want)
			}
		}
		active := func(want ...string) {
			t.Helper()
			for _, subject := range []string{"ds_1", "mdl_1", "ds_2", "mdl_2"} {
				got, err := w.service.Active(t.Context(), subject)
				if err != nil || got != slices.Contains(want, subject) {
					t.Errorf("%s is active: %v, %v", subject, got, err)
				}
			}
		}
		active("ds_1", "mdl_1", "ds_2")
		if _, err := w.service.Cancel(t.Context(), tenant, two.ID); err != nil {
			t.Fatal(err)
		}
		active("ds_2")
		if _, err := w.service.Retry(t.Context(), tenant, two.ID); err != nil {
			t.Fatal(err)
		}
		active("ds_1", "mdl_1", "ds_2")
		for _, wrong := range [][]string{{"", "mdl_1"}, {"ds_1", ""}, {"ds_1", "ds_1"}, {"ds_1", "mdl_1", "mdl_2"}} {
			_, _, err := w.service.Submit(t.Context(), job.Submission{Kind: kind("work"), Tenant: tenant, Subject: wrong[0], Also: wrong[1:]})
			if err == nil {
				t.Errorf("subjects %q are taken", wrong)
			}
		}
	})
}

// TestListAboutOneOfSeveral pages through jobs that are about one thing in
// either place, some of them made in the same instant.
func TestListAboutOneOfSeveral(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		ctx := t.Context()
		var want []string
		for i := range 90 {
			var j *job.Job
			switch i % 3 {
			case 0:
				j = w.about("mdl_1")
			case 1:
				j = w.about(fmt.Sprint("ds_", i), "mdl_1")
			default:
				w.about(fmt.Sprint("ds_", i), "mdl_2")
				time.Sleep(time.Duration(i%2) * time.Millisecond)
				continue
			}
			if i%4 == 0 {
				if _, err := w.service.Cancel(ctx, tenant, j.ID); err != nil {
					t.Fatal(err)
				}
			}
			want = append(want, j.ID)
		}
		all, err := w.service.List(ctx, tenant, job.Filter{}, "", 500)
		if err != nil {
			t.Fatal(err)
		}
		newest := map[string]int{}
		for i, j := range all.Items {
			newest[j.ID] = i
		}
		for _, f := range []job.Filter{{Subject: "mdl_1"}, {Subject: "mdl_1", State: "cancelled"}, {Subject: "mdl_1", Kind: "work"}} {
			var expected []string
			for _, j := range all.Items {
				if slices.Contains(want, j.ID) && (f.State == "" || string(j.State) == f.State) {
					expected = append(expected, j.ID)
				}
			}
			for _, limit := range []int{1, 2, 7, 30, 500} {
				var seen []string
				cursor := ""
				for {
					page, err := w.service.List(ctx, tenant, f, cursor, limit)
					if err != nil || len(page.Items) > limit {
						t.Fatalf("%d jobs, %v", len(page.Items), err)
					}
					for _, j := range page.Items {
						seen = append(seen, j.ID)
					}
					if cursor = page.Next; cursor == "" {
						break
					}
				}
				if !slices.Equal(seen, expected) {
					t.Errorf("%+v by %d: %d jobs, want %d in the order of the whole list", f, limit, len(seen), len(expected))
				}
			}
		}
		if page, err := w.service.List(ctx, "rival", job.Filter{Subject: "mdl_1"}, "", 5); err != nil || len(page.Items) != 0 || page.Next != "" {
			t.Errorf("another tenant sees %+v, %v", page, err)
		}
		page, err := w.service.List(ctx, tenant, job.Filter{Subject: "mdl_1"}, "", 5)
		if err != nil || page.Next == "" {
			t.Fatal(err)
		}
		if _, err := w.service.List(ctx, "rival", job.Filter{Subject: "mdl_1"}, page.Next, 5); code(err) != "invalid_cursor" {
			t.Errorf("another tenant's cursor: %v", err)
		}
	})
}

// A page of a filtered list that would cost too much to fill is short, and
// leads on.
func TestAListThatIsHardToFillLeadsOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		first := w.about("ds_1", "mdl_1")
		if _, err := w.service.Cancel(t.Context(), tenant, first.ID); err != nil {
			t.Fatal(err)
		}
		for range 1000 { // of the same instant
			w.about("ds_1", "mdl_1")
		}
		calls, cursor := 0, ""
		for {
			calls++
			page, err := w.service.List(t.Context(), tenant, job.Filter{Subject: "mdl_1", State: "cancelled"}, cursor, 1)
			if err != nil || calls > 100 {
				t.Fatalf("call %d: %v", calls, err)
			}
			if cursor = page.Next; len(page.Items) == 1 && page.Items[0].ID == first.ID {
				break
			}
			if cursor == "" {
				t.Fatal("the job was not found")
			}
		}
		if calls < 2 {
			t.Errorf("%d call read 1,000 jobs to find one", calls)
		}
	})
}
