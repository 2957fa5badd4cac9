package queue_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/queue"
)

func TestSlotsAreNeverExceeded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var now, most, done atomic.Int64
	b.serve(t, 3, func(context.Context, queue.Delivery) error {
		defer done.Add(1)
		n := now.Add(1)
		defer now.Add(-1)
		for {
			m := most.Load()
			if n <= m || most.CompareAndSwap(m, n) {
				break
			}
		}
		timer := time.NewTimer(5 * time.Millisecond)
		defer timer.Stop()
		<-timer.C
		return nil
	})
	many := make([]queue.Delivery, 30)
	for i := range many {
		many[i] = delivery(fmt.Sprintf("job_%d", i))
	}
	if err := b.client.Enqueue(t.Context(), many...); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all are done", func() bool { return done.Load() == 30 })
	if most.Load() != 3 {
		t.Errorf("%d ran together on 3 slots", most.Load())
	}
}

func TestSlotsAreShared(t *testing.T) {
	t.Parallel()
	for slots, want := range map[int][]int{
		1: {1}, 4: {4}, 31: {31}, 32: {16, 16}, 33: {16, 17}, 50: {16, 17, 17}, 64: {16, 16, 16, 16}, 130: {32, 32, 33, 33},
	} {
		if got := queue.Share(slots); !slices.Equal(got, want) {
			t.Errorf("%d slots are shared as %v, want %v", slots, got, want)
		}
	}
}

// A pool of many slots has several fetchers: together they fill every slot,
// take each task once, and all of them drain.
func TestManySlotsAreAllUsed(t *testing.T) {
	t.Parallel()
	for name, open := range servers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := open(t)
			const slots, tasks = 50, 70
			var together, done atomic.Int64
			full := make(chan struct{})
			s := b.serve(t, slots, func(context.Context, queue.Delivery) error {
				if together.Add(1) == slots {
					close(full)
				}
				<-full
				done.Add(1)
				return nil
			})
			many := make([]queue.Delivery, tasks)
			for i := range many {
				many[i] = delivery(fmt.Sprintf("job_%d", i))
			}
			if err := b.client.Enqueue(t.Context(), many...); err != nil {
				t.Fatal(err)
			}
			eventually(t, "all are done", func() bool { return done.Load() == tasks })
			if err := s.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			if together.Load() != tasks {
				t.Errorf("%d tasks were run %d times", tasks, together.Load())
			}
		})
	}
}
