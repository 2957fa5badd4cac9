package parallel

import (
	"context"
	"sync"
	"sync/atomic"
)

// Team is some workers.
type Team struct {
	size int
	stop *atomic.Bool
}

// New returns a team that works until ctx is done, and a function that ends the
// watch over ctx.
func New(ctx context.Context, size int) (t Team, end func()) {
	stop := new(atomic.Bool)
	watch := context.AfterFunc(ctx, func() { stop.Store(true) })
	return Team{size: max(1, size), stop: stop}, func() { watch() }
}

// Of returns a team that nothing stops.
func Of(size int) Team { return Team{size: max(1, size), stop: new(atomic.Bool)} }

// Size is the number of workers, at least 1.
func (t Team) Size() int { return t.size }

// AtMost returns the team with no more than that many workers.
func (t Team) AtMost(size int) Team {
	t.size = max(1, min(t.size, size))
	return t
}

// Stopped reports whether the team stopped: what it worked at is not complete.
func (t Team) Stopped() bool { return t.stop.Load() }

// Each calls fn for every item below n, with the number of the worker that runs
// it, below Size. It returns when all are done, or soon after the team stopped.
func (t Team) Each(n int, fn func(worker, item int)) {
	workers := min(t.size, n)
	if workers <= 1 {
		for i := 0; i < n && !t.stop.Load(); i++ {
			fn(0, i)
		}
		return
	}
	var next atomic.Int64
	loop := func(worker int) {
		for !t.stop.Load() {
			i := int(next.Add(1)) - 1
			if i >= n {
				return
			}
			fn(worker, i)
		}
	}
	var wait sync.WaitGroup
	for w := 1; w < workers; w++ {
		wait.Go(func() { loop(w) })
	}
	loop(0)
	wait.Wait()
}
