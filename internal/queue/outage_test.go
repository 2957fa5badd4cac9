package queue_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/queue"
)

// A handler that met an outage is called again when that may be over, and the
// delivery is no failure.
func TestAnOutageIsNoEnd(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var calls atomic.Int64
	b.serve(t, 1, func(context.Context, queue.Delivery) error {
		if calls.Add(1) < 3 {
			return fmt.Errorf("claim: %w", fault.Unavailable("store_unavailable", "the store does not answer"))
		}
		return nil
	})
	if err := b.client.Enqueue(t.Context(), delivery("job_a")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is done", func() bool {
		depths, err := b.client.Depths(t.Context())
		return err == nil && depths[0].Completed == 1 && depths[0].Archived == 0
	})
	if calls.Load() != 3 {
		t.Errorf("called %d times", calls.Load())
	}
}
