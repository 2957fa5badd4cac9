package job_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
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
