package job_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
)

// tower collects what fired.
type tower struct {
	mu    sync.Mutex
	fired []string
	fail  error
}

func (o *tower) fire(_ context.Context, key string, at time.Time) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.fired = append(o.fired, key+" "+at.Format("15:04:05"))
	return o.fail
}

func (o *tower) setFail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.fail = err
}

func (o *tower) text() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.fired, ", ")
}

func (w *world) ticker(d store.Driver, o *tower, specs ...string) *job.Ticker {
	w.t.Helper()
	cfg := job.TickerConfig{Driver: d, Observer: w.diary}
	for i, spec := range specs {
		cfg.Schedules = append(cfg.Schedules, job.Schedule{Name: fmt.Sprint("s", i), Spec: spec, Fire: o.fire})
	}
	t, err := job.NewTicker(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	return t
}

func TestTicksOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, o := setup(t, nil), &tower{}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for range 3 { // three tickers that all believe they lead
			wg.Go(func() { w.ticker(w.driver, o, "*/10 * * * *", "@every 25m").Run(ctx) })
		}
		time.Sleep(time.Hour + time.Second)
		cancel()
		wg.Wait()
		want := map[string]bool{}
		for _, m := range []string{"001000 00:10:00", "002000 00:20:00", "003000 00:30:00", "004000 00:40:00", "005000 00:50:00", "010000 01:00:00"} {
			at := strings.Fields(m)
			want["s0@20000101T"+at[0]+"Z "+at[1]] = true
		}
		want["s1@20000101T002500Z 00:25:00"], want["s1@20000101T005000Z 00:50:00"] = true, true
		for _, f := range o.fired {
			if !want[f] {
				t.Errorf("%s fired", f)
			}
			delete(want, f)
		}
		if len(want) != 0 || w.diary.has("trouble missed_ticks") {
			t.Errorf("%v did not fire; %s", want, w.diary.text())
		}
	})
}

func TestTicksMissed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, o := setup(t, nil), &tower{}
		pass := func() {
			t.Helper()
			if err := w.ticker(w.driver, o, "*/10 * * * *", "@every 1s", "0 0 30 2 *").Pass(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		pass()
		time.Sleep(65 * time.Minute)
		pass()
		if got := o.text(); got != "s0@20000101T010000Z 01:00:00, s1@20000101T010500Z 01:05:00" {
			t.Error(got)
		}
		var missed *job.MissedError
		if !errors.As(errors.Join(w.diary.errs...), &missed) || missed.Count != 5 || !strings.Contains(missed.Error(), "s0 missed 5 ticks") {
			t.Errorf("missed %v", missed)
		}
		time.Sleep(40 * 24 * time.Hour) // a million seconds are not counted one by one, and old ticks go
		pass()
		if got := o.text(); !strings.HasSuffix(got, "s0@20000210T010000Z 01:00:00, s1@20000210T010500Z 01:05:00") {
			t.Error(got)
		}
		rows, err := w.driver.Count(t.Context(), "ticks", store.Scan{Index: job.Collections()[3].Indexes[0]}, 0)
		if err != nil || rows != 3 { // one each, and the one that never comes due has its beginning
			t.Errorf("%d rows, %v", rows, err)
		}
	})
}

// What was missed is on record, also when the ticker that noticed died before
// it could say so.
func TestSchedulesTellWhatWasMissed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, o := setup(t, nil), &tower{}
		b := &broken{Driver: w.driver}
		pass := func() {
			w.t.Helper()
			ticker := w.ticker(w.driver, o, "*/10 * * * *", "0 0 30 2 *")
			for range 2 { // the state follows with the next look
				if err := ticker.Pass(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		state := func() *job.ScheduleState {
			w.t.Helper()
			page, err := w.service.Schedules(t.Context(), "", 1)
			if err != nil || len(page.Items) != 1 || page.Next == "" {
				t.Fatal(page, err)
			}
			return page.Items[0]
		}
		pass()
		if s := state(); s.Name != "s0" || s.Missed != 0 || !s.Done || !s.NextAt.Equal(s.LastAt.Add(10*time.Minute)) {
			t.Errorf("at first: %+v", s)
		}
		time.Sleep(10 * time.Minute)
		pass()
		if s := state(); s.Missed != 0 || s.Tries != 1 || !s.LastAt.Equal(time.Now()) {
			t.Errorf("on time: %+v", s)
		}
		time.Sleep(time.Hour) // five are missed, and their ticker cannot write the state
		b.set(func(op, collection string) error {
			if collection == "schedules" {
				return errDown
			}
			return nil
		})
		dying := w.ticker(b, o, "*/10 * * * *", "0 0 30 2 *")
		if err := errors.Join(dying.Pass(t.Context()), dying.Pass(t.Context())); !errors.Is(err, errDown) {
			t.Errorf("the state was written: %v", err)
		}
		time.Sleep(30 * time.Minute)
		pass() // two more are missed
		s := state()
		if s.Spec != "*/10 * * * *" || s.Missed < 7 || s.MissedAt.IsZero() || !s.LastAt.Equal(s.MissedAt) {
			t.Errorf("after two outages: %+v", s)
		}
		missed := s.Missed
		pass()
		if s := state(); s.Missed != missed {
			t.Errorf("counted twice: %+v", s)
		}
		page, err := w.service.Schedules(t.Context(), "", 0)
		if err != nil || len(page.Items) != 2 || !page.Items[1].NextAt.IsZero() {
			t.Errorf("a schedule that never comes due: %+v, %v", page.Items, err)
		}
		if _, err := w.service.Schedules(t.Context(), "", 501); code(err) != "limit_out_of_range" {
			t.Error(err)
		}
		broke := job.NewService(job.ServiceConfig{Driver: b, Queue: w.queue, Files: w.files})
		for _, op := range []string{"find name", "find at"} {
			b.set(failing(op))
			if _, err := broke.Schedules(t.Context(), "", 0); code(err) != "store_unavailable" {
				t.Errorf("%s: %v", op, err)
			}
		}
	})
}

func TestTicksFireAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, o := setup(t, nil), &tower{}
		o.setFail(errDown)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go w.ticker(w.driver, o, "0 * * * *").Run(ctx)
		time.Sleep(time.Hour + 90*time.Second)
		o.setFail(nil)
		time.Sleep(30 * time.Minute)
		if got := o.text(); got != strings.TrimSuffix(strings.Repeat("s0@20000101T010000Z 01:00:00, ", 3), ", ") {
			t.Error(got)
		}
	})
}

func TestTicksWithoutStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, o := setup(t, nil), &tower{}
		b := &broken{Driver: w.driver}
		ticker := w.ticker(b, o, "0 * * * *")
		must := func(want string) {
			t.Helper()
			if err := ticker.Pass(t.Context()); (want == "") != (err == nil) || err != nil && !errors.Is(err, errDown) {
				t.Errorf("%s: %v", want, err)
			}
		}
		b.set(failing("find at"))
		must("find")
		b.set(failing("insert"))
		must("insert")
		b.set(nil)
		must("")
		time.Sleep(time.Hour)
		b.set(failing("insert"))
		must("insert")
		b.set(failing("replace"))
		must("replace") // fired, and not noted
		b.set(nil)
		must("") // not at once
		time.Sleep(2 * time.Minute)
		b.set(failing("replace"))
		must("replace") // not fired, since it could not be noted that it begins
		b.set(nil)
		must("")
		if got := o.text(); got != "s0@20000101T010000Z 01:00:00, s0@20000101T010000Z 01:00:00" {
			t.Error(got)
		}
		finds := 0
		b.set(func(op, _ string) error {
			if op == "find at" {
				if finds++; finds == 2 {
					return errDown
				}
			}
			return nil
		})
		time.Sleep(time.Hour)
		must("forget")
		b.set(failing("delete"))
		time.Sleep(60 * 24 * time.Hour)
		must("delete")
	})
}

func TestParseSchedule(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "x", "* * * *", "60 * * * *", "@sometimes", "* * * * * *", "TZ=UTC", "TZ=UTC 0 3 * * *", strings.Repeat("9", 1000)} {
		if _, err := job.ParseSchedule(bad); code(err) != "invalid_schedule" {
			t.Errorf("%.20q: %v", bad, err)
		}
		if _, err := job.NewTicker(job.TickerConfig{Schedules: []job.Schedule{{Name: "s", Spec: bad}}}); code(err) != "invalid_schedule" {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
}

func FuzzParseSchedule(f *testing.F) {
	f.Add("*/5 1-3 * JAN mon")
	f.Add("@every 1h30m")
	f.Add("TZ=Europe/Berlin 0 3 * * *")
	f.Fuzz(func(t *testing.T, spec string) {
		s, err := job.ParseSchedule(spec)
		if (s == nil) == (err == nil) {
			t.Errorf("%q: %v, %v", spec, s, err)
		}
	})
}
