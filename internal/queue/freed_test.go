package queue_test

import (
	"context"
	"testing"

	"github.com/narrativeml/narrative/internal/queue"
)

// Who waits for a free slot is told when something has ended, on whatever
// worker, until it listens no more.
func TestEndsAreTold(t *testing.T) {
	t.Parallel()
	for name, open := range servers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := open(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			freed := b.client.Freed(ctx)
			began, finish := make(chan struct{}), make(chan struct{})
			b.serve(t, 1, func(context.Context, queue.Delivery) error {
				began <- struct{}{}
				<-finish
				return nil
			})
			for _, job := range []string{"job_a", "job_b"} {
				if err := b.client.Enqueue(t.Context(), delivery(job)); err != nil {
					t.Fatal(err)
				}
				receive(t, began, "the handler begins")
				eventually(t, "somebody listens", func() bool {
					n, err := b.raw.PubSubNumSub(t.Context(), "narrative:endings").Result()
					return err == nil && n["narrative:endings"] == 1
				})
				select {
				case <-freed:
					t.Error("an end was told before there was one")
				default:
				}
				finish <- struct{}{}
				receive(t, freed, "the end is told")
			}
			cancel()
			eventually(t, "nobody listens", func() bool {
				n, err := b.raw.PubSubNumSub(t.Context(), "narrative:endings").Result()
				return err == nil && n["narrative:endings"] == 0
			})
		})
	}
}
