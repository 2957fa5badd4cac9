package cache

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
)

// flights lets callers who want the same at the same time wait for one making of
// it.
type flights struct {
	mu  sync.Mutex
	all map[string]*flight
}

// flight is one making. It is given up when nobody waits for it any more.
type flight struct {
	done    chan struct{}
	answer  []byte
	err     error
	waiting int
	stop    context.CancelFunc
}

// do returns what fly makes for the key; joined says that another caller's call
// made it. fly is called with a context of its own, which ends when all who wait
// have gone.
func (f *flights) do(ctx context.Context, key string, fly func(context.Context) ([]byte, error)) (answer []byte, joined bool, err error) {
	f.mu.Lock()
	one, joined := f.all[key]
	if !joined {
		own, stop := context.WithCancel(context.WithoutCancel(ctx))
		one = &flight{done: make(chan struct{}), stop: stop}
		if f.all == nil {
			f.all = make(map[string]*flight)
		}
		f.all[key] = one
		go f.fly(own, key, one, fly)
	}
	one.waiting++
	f.mu.Unlock()

	select {
	case <-one.done:
		return one.answer, joined, one.err
	case <-ctx.Done():
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if one.waiting--; one.waiting == 0 {
		one.stop()
		f.forget(key, one) // whoever comes now starts afresh
	}
	return nil, joined, ctx.Err()
}

// fly makes the answer. A panic is an error to all who wait: it would end the
// process from here.
func (f *flights) fly(ctx context.Context, key string, one *flight, fly func(context.Context) ([]byte, error)) {
	defer one.stop()
	defer func() {
		if r := recover(); r != nil {
			one.answer, one.err = nil, fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
		f.mu.Lock()
		f.forget(key, one)
		f.mu.Unlock()
		close(one.done)
	}()
	one.answer, one.err = fly(ctx)
}

func (f *flights) forget(key string, one *flight) {
	if f.all[key] == one {
		delete(f.all, key)
	}
}
