package resilience_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/resilience"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/store/memstore"
)

var errDown = fault.Unavailable("part_down", "the part is down")

// bench is a guard and what it told.
type bench struct {
	*resilience.Guard
	mu      sync.Mutex
	states  []resilience.State
	refused map[string]int
	made    int
}

func setup(t *testing.T, change ...func(*resilience.Config)) *bench {
	t.Helper()
	b := &bench{refused: map[string]int{}}
	c := resilience.DefaultConfig()
	c.Name, c.Code = "the part", "part_unavailable"
	c.OnChange = func(s resilience.State) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.states = append(b.states, s)
	}
	c.OnRefused = func(reason string) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.refused[reason]++
	}
	for _, f := range change {
		f(&c)
	}
	g, err := resilience.New(c)
	if err != nil {
		t.Fatal(err)
	}
	b.Guard = g
	return b
}

// call makes a call that ends in the error.
func (b *bench) call(ctx context.Context, err error) error {
	return b.Do(ctx, func(context.Context) error { b.made++; return err })
}

func (b *bench) want(t *testing.T, state resilience.State, told ...resilience.State) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.State() != state || !slices.Equal(b.states, told) {
		t.Errorf("the breaker is %s and went through %v; want %s and %v", b.State(), b.states, state, told)
	}
}

func TestItOpensAndCloses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t)
		for range 5 {
			if err := b.call(t.Context(), errDown); !errors.Is(err, errDown) {
				t.Fatal(err)
			}
		}
		b.want(t, resilience.Closed)
		_ = b.call(t.Context(), errDown)
		b.want(t, resilience.Open, resilience.Open)
		made := b.made
		err := b.call(t.Context(), nil)
		refused, ok := errors.AsType[*resilience.RefusedError](err)
		if !ok || refused.Reason != resilience.RefusedOpen || refused.RetryableError() || fault.ClassOf(err) != fault.ClassUnavailable || fault.CodeOf(err) != "part_unavailable" || b.made != made {
			t.Errorf("an open breaker: %v, %d calls", err, b.made-made)
		}
		if refused.Error() == "" || b.Name() != "the part" || b.refused[resilience.RefusedOpen] != 1 {
			t.Errorf("%v, %v", refused, b.refused)
		}
		time.Sleep(time.Second)
		b.want(t, resilience.HalfOpen, resilience.Open)
		for range 3 { // the few that are let through fail
			_ = b.call(t.Context(), errDown)
		}
		b.want(t, resilience.Open, resilience.Open, resilience.HalfOpen, resilience.Open)
		time.Sleep(time.Second)
		_ = b.call(t.Context(), errDown)
		if err := b.call(t.Context(), store.ErrStale); !errors.Is(err, store.ErrStale) {
			t.Error(err)
		}
		b.want(t, resilience.Closed, resilience.Open, resilience.HalfOpen, resilience.Open, resilience.HalfOpen, resilience.Closed)
	})
}

// What says nothing about the part does not open its breaker.
func TestAnswersAreNoFailures(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"no record": store.ErrNotFound, "stale": fmt.Errorf("replace: %w", store.ErrStale), "duplicate": store.ErrDuplicate,
		"not there": fault.NotFound("gone", "x"), "a defect": errors.New("x"), "cancelled": fmt.Errorf("get: %w", context.Canceled),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			for range 20 {
				if got := b.call(t.Context(), err); !errors.Is(got, err) {
					t.Fatal(got)
				}
			}
			b.want(t, resilience.Closed)
		})
	}
}

func TestHalfOfManyIsEnough(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t)
		for i := range 100 {
			err := error(nil)
			if i%5 > 2 { // 40 %
				err = errDown
			}
			_ = b.call(t.Context(), err)
		}
		b.want(t, resilience.Closed)
		time.Sleep(time.Minute) // what was long ago does not count
		for range 3 {
			_ = b.call(t.Context(), nil)
			_ = b.call(t.Context(), context.DeadlineExceeded)
		}
		b.want(t, resilience.Open, resilience.Open)
	})
}

func TestSlowCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, func(c *resilience.Config) { c.Timeout, c.ProbeTimeout = 5*time.Second, time.Second })
		hang := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				start := time.Now()
				if err := b.Do(t.Context(), hang); fault.CodeOf(err) != "part_unavailable" || time.Since(start) != 5*time.Second {
					t.Errorf("%v after %s", err, time.Since(start))
				}
			})
		}
		wg.Wait()
		b.want(t, resilience.Open, resilience.Open)
		time.Sleep(time.Second)
		start := time.Now()
		if err := b.Do(t.Context(), hang); fault.CodeOf(err) != "part_unavailable" || time.Since(start) != time.Second {
			t.Errorf("a probe: %v after %s", err, time.Since(start))
		}
		_ = b.call(t.Context(), nil)
		// A caller that goes away, or came in a hurry, is no failure; one that waited is.
		for _, test := range []struct {
			limit time.Duration
			opens bool
		}{{100 * time.Millisecond, false}, {1200 * time.Millisecond, true}} {
			for range 10 {
				ctx, cancel := context.WithTimeout(t.Context(), test.limit)
				err := b.Do(ctx, hang)
				cancel()
				if !errors.Is(err, context.DeadlineExceeded) && fault.ClassOf(err) != fault.ClassUnavailable {
					t.Error(err)
				}
			}
			if open := b.State() != resilience.Closed; open != test.opens {
				t.Errorf("after calls of %s the breaker is %s", test.limit, b.State())
			}
		}
	})
}

// A call that was let through to find out and whose caller went away gives its
// place back.
func TestProbesThatAreGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t)
		for range 6 {
			_ = b.call(t.Context(), errDown)
		}
		time.Sleep(time.Second)
		for range 10 {
			ctx, cancel := context.WithCancel(t.Context())
			_ = b.Do(ctx, func(context.Context) error { cancel(); return ctx.Err() })
			if err := b.call(ctx, nil); !errors.Is(err, context.Canceled) {
				t.Errorf("a call of somebody who has gone: %v", err)
			}
			time.Sleep(2 * time.Second)
		}
		if err := b.call(t.Context(), nil); err != nil || b.State() != resilience.Closed {
			t.Errorf("%v; the breaker is %s", err, b.State())
		}
	})
}

func TestTooManyTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, func(c *resilience.Config) { c.Concurrency, c.Wait = 2, time.Second })
		free := make(chan struct{})
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() { _ = b.Do(t.Context(), func(context.Context) error { <-free; return nil }) })
		}
		synctest.Wait()
		err := b.call(t.Context(), nil)
		if refused, ok := errors.AsType[*resilience.RefusedError](err); !ok || refused.Reason != resilience.RefusedFull || refused.Error() == "" || fault.ClassOf(err) != fault.ClassUnavailable {
			t.Errorf("a full guard: %v", err)
		}
		hurry, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := b.call(hurry, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("in a hurry: %v", err)
		}
		if err := b.call(resilience.Probe(t.Context()), nil); err != nil {
			t.Errorf("a probe: %v", err)
		}
		close(free)
		wg.Wait()
		if err := b.call(t.Context(), nil); err != nil || b.refused[resilience.RefusedFull] != 1 {
			t.Errorf("%v, %v", err, b.refused)
		}
		b.want(t, resilience.Closed) // to be busy is not to be away
	})
}

// Vital calls are made whatever the breaker says, and the first that is
// answered closes it.
func TestVitalCallsGoThrough(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t)
		m := &moody{Driver: memstore.New()}
		d := resilience.Store(m, b.Guard)
		c := store.Collection{Name: "notes", Indexes: []store.Index{{Name: "name", Fields: []store.IndexField{{Name: "name"}}}}}
		if err := d.Ensure(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		m.err = errDown
		vital := store.Vital(t.Context())
		record := store.Record{ID: "n", Keys: map[string]any{"name": "n"}, Body: []byte("1")}
		calls := func(ctx context.Context) map[string]error {
			scan := store.Scan{Index: c.Indexes[0], Limit: 1}
			errs := map[string]error{}
			_, errs["insert"] = d.Insert(ctx, "notes", record)
			_, errs["get"] = d.Get(ctx, "notes", "n")
			_, errs["peek"] = d.Peek(ctx, "notes", "n")
			_, errs["replace"] = d.Replace(ctx, "notes", record)
			_, errs["find"] = d.Find(ctx, "notes", scan)
			_, errs["count"] = d.Count(ctx, "notes", scan, 1)
			errs["ping"] = d.Ping(ctx)
			errs["delete"] = d.Delete(ctx, "notes", "n", 0)
			return errs
		}
		for name, err := range calls(t.Context()) {
			if fault.ClassOf(err) != fault.ClassUnavailable {
				t.Errorf("%s: %v", name, err)
			}
		}
		if m.calls != 6 || b.State() != resilience.Open {
			t.Errorf("%d calls were made; the breaker is %s", m.calls, b.State())
		}
		for name, err := range calls(vital) {
			if !errors.Is(err, errDown) {
				t.Errorf("a vital %s: %v", name, err)
			}
		}
		if m.calls != 14 {
			t.Errorf("%d calls were made", m.calls)
		}
		m.err = nil
		if _, err := d.Get(vital, "notes", "n"); !errors.Is(err, store.ErrNotFound) {
			t.Error(err)
		}
		b.want(t, resilience.Closed, resilience.Open, resilience.HalfOpen, resilience.Closed)
		for name, err := range calls(t.Context()) {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		for range 6 {
			_ = b.call(resilience.Probe(t.Context()), errDown)
			_ = b.call(resilience.Probe(t.Context()), errDown)
			_ = b.call(resilience.Probe(t.Context()), context.Canceled)
		}
		if b.State() != resilience.Open {
			t.Error("probes that fail do not open the breaker")
		}
		if err := d.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// moody is a driver that fails while it has an error.
type moody struct {
	store.Driver
	err   error
	calls int
}

func (m *moody) enter() error { m.calls++; return m.err }

func (m *moody) Insert(ctx context.Context, c string, r ...store.Record) ([]error, error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	return m.Driver.Insert(ctx, c, r...)
}

func (m *moody) Get(ctx context.Context, c, id string) (store.Record, error) {
	if err := m.enter(); err != nil {
		return store.Record{}, err
	}
	return m.Driver.Get(ctx, c, id)
}

func (m *moody) Peek(ctx context.Context, c, id string) (store.Record, error) {
	if err := m.enter(); err != nil {
		return store.Record{}, err
	}
	return m.Driver.Peek(ctx, c, id)
}

func (m *moody) Replace(ctx context.Context, c string, r ...store.Record) ([]error, error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	return m.Driver.Replace(ctx, c, r...)
}

func (m *moody) Find(ctx context.Context, c string, s store.Scan) ([]store.Record, error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	return m.Driver.Find(ctx, c, s)
}

func (m *moody) Count(ctx context.Context, c string, s store.Scan, limit int64) (int64, error) {
	if err := m.enter(); err != nil {
		return 0, err
	}
	return m.Driver.Count(ctx, c, s, limit)
}

func (m *moody) Delete(ctx context.Context, c, id string, revision int64) error {
	if err := m.enter(); err != nil {
		return err
	}
	return m.Driver.Delete(ctx, c, id, revision)
}

func (m *moody) Ping(ctx context.Context) error {
	if err := m.enter(); err != nil {
		return err
	}
	return m.Driver.Ping(ctx)
}

func TestConfigurationsAreChecked(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*resilience.Config){
		"no name":       func(c *resilience.Config) { c.Name = "" },
		"no code":       func(c *resilience.Config) { c.Code = "" },
		"rate 0":        func(c *resilience.Config) { c.Rate = 0 },
		"rate above 1":  func(c *resilience.Config) { c.Rate = 1.01 },
		"no calls":      func(c *resilience.Config) { c.Calls = 0 },
		"no probes":     func(c *resilience.Config) { c.Probes = 0 },
		"no place":      func(c *resilience.Config) { c.Concurrency = 0 },
		"short window":  func(c *resilience.Config) { c.Window = time.Millisecond },
		"no delay":      func(c *resilience.Config) { c.Delay = 0 },
		"negative wait": func(c *resilience.Config) { c.Wait = -1 },
		"negative time": func(c *resilience.Config) { c.Timeout = -1 },
		"hasty probe":   func(c *resilience.Config) { c.ProbeTimeout = -1 },
	} {
		c := resilience.DefaultConfig()
		c.Name, c.Code = "the part", "part_unavailable"
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		change(&c)
		if g, err := resilience.New(c); err == nil {
			t.Errorf("%s: %v", name, g)
		}
	}
}
