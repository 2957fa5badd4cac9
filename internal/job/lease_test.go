package job_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
)

// throne notes who leads.
type throne struct {
	mu      sync.Mutex
	leaders map[string]int64
	tokens  []int64
	most    int
}

func newThrone() *throne { return &throne{leaders: map[string]int64{}} }

func (h *throne) take(name string, token int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.leaders[name] = token
	h.tokens = append(h.tokens, token)
	h.most = max(h.most, len(h.leaders))
}

func (h *throne) leave(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.leaders, name)
}

func (h *throne) who() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	for name := range h.leaders {
		return name
	}
	return ""
}

// candidate leads when it can, over a driver of its own, until stopped.
func (w *world) candidate(name string, h *throne) (b *broken, stop func()) {
	b = &broken{Driver: w.driver}
	l := job.NewLeader(job.LeaderConfig{Driver: b, Name: "scheduler", Holder: name, Observer: w.diary})
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		l.Run(ctx, func(ctx context.Context, token int64) {
			h.take(name, token)
			<-ctx.Done()
			h.leave(name)
		})
	}()
	return b, func() { cancel(); <-over }
}

func TestLeader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, h := setup(t, nil), newThrone()
		drivers, stops := map[string]*broken{}, map[string]func(){}
		for _, name := range []string{"a", "b", "c"} {
			drivers[name], stops[name] = w.candidate(name, h)
		}
		time.Sleep(time.Minute)
		first := h.who()
		if first == "" || len(h.tokens) != 1 {
			t.Fatalf("%q leads, tokens %v", first, h.tokens)
		}
		stops[first]() // gives the lease back
		delete(stops, first)
		at := time.Now()
		for h.who() == "" && time.Since(at) < time.Minute {
			time.Sleep(100 * time.Millisecond)
		}
		if took := time.Since(at); took > 3*time.Second {
			t.Errorf("a lease given back was taken after %s", took)
		}
		second := h.who()
		drivers[second].set(failing("replace")) // it cannot renew
		at = time.Now()
		for h.who() == second && time.Since(at) < time.Minute {
			time.Sleep(100 * time.Millisecond)
		}
		if took := time.Since(at); took > 11*time.Second {
			t.Errorf("led for %s without a lease", took)
		}
		time.Sleep(5 * time.Second)
		third := h.who()
		if third == second || third == "" || !w.diary.has("trouble renew_lease") {
			t.Errorf("%q leads after %q; %s", third, second, w.diary.text())
		}
		for i, token := range h.tokens {
			if token != int64(i+1) {
				t.Errorf("tokens %v", h.tokens)
			}
		}
		if h.most != 1 {
			t.Errorf("%d led at a time", h.most)
		}
		for _, stop := range stops {
			stop()
		}
	})
}

func TestLeaderRestarts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, h := setup(t, nil), newThrone()
		b, stop := w.candidate("a", h)
		time.Sleep(time.Second)
		b.set(func(string, string) error { return errDown }) // killed: the lease is not given back
		stop()
		_, stop = w.candidate("a", h)
		defer stop()
		synctest.Wait()
		if h.who() != "a" || fmt.Sprint(h.tokens) != "[1 2]" {
			t.Errorf("%q leads, tokens %v", h.who(), h.tokens)
		}
	})
}

// The record of the lease is changed under the leader in every way.
func TestLeaseIsTaken(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(w *world, r store.Record)
		leads  bool
	}{
		"by another": {func(w *world, r store.Record) {
			r.Body = []byte(`{"holder":"z","token":9,"expires_at":"2100-01-01T00:00:00Z"}`)
			_, _ = w.driver.Replace(context.Background(), "leases", r)
		}, false},
		"deleted": {func(w *world, r store.Record) {
			_ = w.driver.Delete(context.Background(), "leases", r.ID, 0)
		}, true},
		"a lost reply": {func(w *world, r store.Record) {
			_, _ = w.driver.Replace(context.Background(), "leases", r)
		}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, h := setup(t, nil), newThrone()
				b, stop := w.candidate("a", h)
				defer stop()
				time.Sleep(time.Second)
				r, err := w.driver.Get(t.Context(), "leases", "scheduler")
				if err != nil {
					t.Fatal(err)
				}
				test.change(w, r)
				b.set(failing("get")) // and the first look at it fails
				time.Sleep(3 * time.Second)
				b.set(nil)
				time.Sleep(10 * time.Second)
				if leads := h.who() == "a"; leads != test.leads || h.most != 1 {
					t.Errorf("leads %v; tokens %v; %s", leads, h.tokens, w.diary.text())
				}
			})
		})
	}
}

func TestLeaderWithoutStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, h := setup(t, nil), newThrone()
		_, first := w.candidate("a", h)
		synctest.Wait()
		first()
		for _, op := range []string{"get", "insert", "replace"} {
			if op == "insert" {
				_ = w.driver.Delete(t.Context(), "leases", "scheduler", 0)
			}
			b, stop := w.candidate("b", h)
			b.set(failing(op))
			time.Sleep(time.Minute)
			b.set(nil)
			time.Sleep(5 * time.Second)
			if h.who() != "b" {
				t.Errorf("%s: nobody leads", op)
			}
			stop()
		}
		b, stop := w.candidate("c", h)
		b.set(func(op, _ string) error { // others are always faster
			r, err := w.driver.Get(context.Background(), "leases", "scheduler")
			switch {
			case err == nil && op == "replace":
				_, _ = w.driver.Replace(context.Background(), "leases", r)
			case err != nil && op == "insert":
				_, _ = w.driver.Insert(context.Background(), "leases", store.Record{ID: "scheduler", Keys: map[string]any{}, Body: []byte(`{}`)})
			}
			return nil
		})
		_ = w.driver.Delete(t.Context(), "leases", "scheduler", 0)
		time.Sleep(time.Minute)
		if h.who() != "" {
			t.Error("led against the odds")
		}
		b.set(nil)
		stop()
		// Work that ends by itself while the lease is being renewed.
		gate := make(chan struct{})
		slow := &broken{Driver: w.driver}
		l := job.NewLeader(job.LeaderConfig{Driver: slow, Name: "other", Holder: "d"})
		ctx, cancel := context.WithCancel(t.Context())
		rounds := 0
		l.Run(ctx, func(context.Context, int64) {
			if rounds++; rounds > 1 {
				cancel()
				return
			}
			slow.pause(gate)
			time.Sleep(5 * time.Second)
			go func() { time.Sleep(time.Second); slow.pause(nil); close(gate) }()
		})
		if rounds != 2 {
			t.Errorf("%d rounds", rounds)
		}
	})
}

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

// All jitter lies within its bounds, and comes again with its seed.
func TestSeed(t *testing.T) {
	t.Parallel()
	gaps := func(seed uint64) (all []time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			var at []time.Time
			w := setup(t, map[string]job.Handler{"work": does(func(context.Context, *job.Task) (any, error) {
				at = append(at, time.Now())
				return nil, errors.New("no")
			})})
			defer w.start(w.runner("wkr_a", func(c *job.RunnerConfig) { c.Seed = seed }))()
			k := kind("work")
			k.MaxFailures = 6
			j, _, err := w.service.Submit(t.Context(), job.Submission{Kind: k, Tenant: tenant})
			if err != nil {
				t.Fatal(err)
			}
			w.finish(j.ID)
			for i := 1; i < len(at); i++ {
				all = append(all, at[i].Sub(at[i-1]).Round(250*time.Millisecond))
			}
		})
		return all
	}
	if a, b, c := gaps(7), gaps(7), gaps(rand.Uint64()); fmt.Sprint(a) != fmt.Sprint(b) || fmt.Sprint(a) == fmt.Sprint(c) {
		t.Errorf("gaps %v, %v, %v", a, b, c)
	}
}
