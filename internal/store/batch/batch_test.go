package batch_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/store/batch"
)

// gate runs groups one at a time when it is told to.
type gate struct {
	mu     sync.Mutex
	groups [][]int
	open   chan struct{}
}

func (g *gate) run(group []int) {
	<-g.open
	g.mu.Lock()
	defer g.mu.Unlock()
	g.groups = append(g.groups, group)
}

func (g *gate) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.groups)
}

func add(t *testing.T, q *batch.Queue[int], size int, items ...int) {
	t.Helper()
	for _, i := range items {
		if err := q.Add(t.Context(), i, size); err != nil {
			t.Fatalf("add %d: %v", i, err)
		}
	}
}

func TestGroups(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan struct{})}
		q := batch.New(1, batch.Limit{Items: 4, Size: 100}, g.run)
		add(t, q, 1, 1)
		synctest.Wait() // 1 is being run
		add(t, q, 1, 2, 3, 4, 5)
		add(t, q, 60, 6, 7)
		add(t, q, 1000, 8)
		for range 6 {
			g.open <- struct{}{}
			synctest.Wait()
			if len(g.groups) == 4 {
				add(t, q, 1, 9)
			}
		}
		if err := q.Close(t.Context()); err != nil {
			t.Error(err)
		}
		want := [][]int{{1}, {2, 3, 4, 5}, {6}, {7}, {8}, {9}}
		if !slices.EqualFunc(g.groups, want, slices.Equal) {
			t.Errorf("groups are %v, want %v", g.groups, want)
		}
	})
}

func TestWait(t *testing.T) {
	t.Parallel()
	const wait = time.Hour
	cases := map[string]struct {
		before []int // the group before, each one of which is added at once
		finish func(t *testing.T, q *batch.Queue[int])
		want   []int // the group
		waited time.Duration
	}{
		"alone":        {before: []int{1}, want: []int{10}},
		"few":          {before: []int{1, 2, 3}, want: []int{10}},
		"company":      {before: []int{1, 2, 3, 4}, want: []int{10}, waited: wait},
		"joined":       {before: []int{1, 2, 3, 4}, finish: func(t *testing.T, q *batch.Queue[int]) { t.Helper(); add(t, q, 1, 11, 12) }, want: []int{10, 11, 12}, waited: wait},
		"as many":      {before: []int{1, 2, 3, 4}, finish: func(t *testing.T, q *batch.Queue[int]) { t.Helper(); add(t, q, 1, 11, 12, 13) }, want: []int{10, 11, 12, 13}},
		"full by size": {before: []int{1, 2, 3, 4}, finish: func(t *testing.T, q *batch.Queue[int]) { t.Helper(); add(t, q, 99, 11) }, want: []int{10, 11}},
		"closed": {before: []int{1, 2, 3, 4}, want: []int{10}, finish: func(t *testing.T, q *batch.Queue[int]) {
			t.Helper()
			if err := q.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := &gate{open: make(chan struct{})}
				q := batch.New(1, batch.Limit{Items: 6, Size: 100, Wait: wait}, g.run)
				add(t, q, 1, 0)
				synctest.Wait() // 0 is being run
				add(t, q, 1, c.before...)
				g.open <- struct{}{}
				g.open <- struct{}{}
				synctest.Wait()
				start := time.Now()
				add(t, q, 1, 10)
				synctest.Wait()
				close(g.open)
				if c.finish != nil {
					c.finish(t, q)
				}
				for g.count() < 3 {
					time.Sleep(time.Second) //nolint:forbidigo // the clock of the bubble
				}
				if waited := time.Since(start).Truncate(time.Minute); waited != c.waited {
					t.Errorf("waited %v, want %v", waited, c.waited)
				}
				if !slices.Equal(g.groups[2], c.want) {
					t.Errorf("group is %v, want %v", g.groups[2], c.want)
				}
				if err := q.Close(t.Context()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestWaitEnds checks that a caller who is left alone soon does not wait for
// the others any more.
func TestWaitEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const many, wait = 100, time.Hour
		g := &gate{open: make(chan struct{}, 2*many)}
		q := batch.New(1, batch.Limit{Items: many, Size: many, Wait: wait}, g.run)
		add(t, q, 1, 0)
		synctest.Wait()
		for i := range many {
			add(t, q, 1, i)
		}
		for range 2 * many {
			g.open <- struct{}{}
		}
		synctest.Wait()
		start := time.Now()
		for n := 3; n < many; n++ {
			add(t, q, 1, n)
			for g.count() < n {
				time.Sleep(time.Minute) //nolint:forbidigo // the clock of the bubble
			}
		}
		if waited := time.Since(start).Truncate(wait); waited != 12*wait {
			t.Errorf("waited %v", waited)
		}
		if err := q.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestFull(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan struct{})}
		q := batch.New(1, batch.Limit{Items: 2, Size: 100}, g.run)
		add(t, q, 1, 0)
		synctest.Wait()
		add(t, q, 1, 1, 2, 3, 4)
		ctx, cancel := context.WithCancel(t.Context())
		results := make(chan error, 2)
		go func() { results <- q.Add(ctx, 5, 1) }()
		synctest.Wait()
		if len(results) != 0 || q.Len() != 4 {
			t.Fatalf("a full queue took an item: %d wait", q.Len())
		}
		cancel()
		if err := <-results; !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled while waiting: %v", err)
		}
		if err := q.Add(ctx, 6, 1); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled before: %v", err)
		}
		go func() { results <- q.Add(t.Context(), 7, 1) }()
		synctest.Wait()
		close(g.open)
		if err := <-results; err != nil {
			t.Errorf("after there is room: %v", err)
		}
		if err := q.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if got := slices.Concat(g.groups...); !slices.Equal(got, []int{0, 1, 2, 3, 4, 7}) {
			t.Errorf("items run are %v", got)
		}
	})
}

func TestClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan struct{})}
		q := batch.New(1, batch.Limit{Items: 1, Size: 1}, g.run)
		add(t, q, 1, 0)
		synctest.Wait()
		add(t, q, 1, 1, 2)
		waiting := make(chan error, 1)
		go func() { waiting <- q.Add(t.Context(), 3, 1) }()
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := q.Close(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("close while items are left: %v", err)
		}
		if err := <-waiting; !errors.Is(err, batch.ErrClosed) {
			t.Errorf("add that waited for room: %v", err)
		}
		if err := q.Add(t.Context(), 4, 1); !errors.Is(err, batch.ErrClosed) {
			t.Errorf("add to a closed queue: %v", err)
		}
		close(g.open)
		if err := q.Close(t.Context()); err != nil {
			t.Error(err)
		}
		if got := slices.Concat(g.groups...); !slices.Equal(got, []int{0, 1, 2}) {
			t.Errorf("items run are %v", got)
		}
	})
}

func TestWorkers(t *testing.T) {
	t.Parallel()
	const callers, each = 8, 500
	var mu sync.Mutex
	seen := map[int]int{}
	q := batch.New(3, batch.Limit{Items: 10, Size: 50}, func(group []int) {
		mu.Lock()
		defer mu.Unlock()
		for _, i := range group {
			seen[i]++
		}
	})
	var group sync.WaitGroup
	for caller := range callers {
		group.Go(func() {
			for i := range each {
				if err := q.Add(t.Context(), caller*each+i, i%9); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if err := q.Close(t.Context()); err != nil {
		t.Error(err)
	}
	for i := range callers * each {
		if seen[i] != 1 {
			t.Fatalf("item %d was run %d times", i, seen[i])
		}
	}
}

// TestMore checks that a group that has to wait anyway takes what comes.
func TestMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var (
			q      *batch.Queue[int]
			groups [][]int
			enough atomic.Bool
		)
		q = batch.New(1, batch.Limit{Items: 6, Size: 100}, func(group []int) {
			for more := group; len(more) > 0; group = append(group, more...) {
				more = q.More(len(group), enough.Load)
			}
			groups = append(groups, group)
		})
		add(t, q, 1, 1)
		synctest.Wait() // its group waits for more
		add(t, q, 60, 2, 3)
		synctest.Wait()
		q.Wake() // it is not enough yet
		synctest.Wait()
		add(t, q, 1, 4)
		synctest.Wait()
		enough.Store(true)
		q.Wake()
		synctest.Wait()
		add(t, q, 1, 5) // by itself, since it is enough from the start
		synctest.Wait()
		enough.Store(false)
		add(t, q, 1, 6, 7, 8, 9, 10, 11, 12) // six are a full group
		synctest.Wait()
		if err := q.Close(t.Context()); err != nil { // ends the wait of the seventh
			t.Error(err)
		}
		want := [][]int{{1, 2, 3, 4}, {5}, {6, 7, 8, 9, 10, 11}, {12}}
		if !slices.EqualFunc(groups, want, slices.Equal) {
			t.Errorf("groups are %v, want %v", groups, want)
		}
	})
}
