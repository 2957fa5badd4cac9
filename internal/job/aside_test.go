package job_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
)

// older is a queue as a program sees it that does not know all pools.
type older struct {
	*line
	pools []string
}

func (o older) Enqueue(ctx context.Context, deliveries ...job.Delivery) error {
	for _, d := range deliveries {
		if !slices.Contains(o.pools, d.Pool) {
			return fault.Invalid("unknown_pool", "there is no pool of workers %q", d.Pool)
		}
	}
	return o.line.Enqueue(ctx, deliveries...)
}

func (w *world) submitTo(pool string) string {
	w.t.Helper()
	j, _, err := w.service.Submit(w.t.Context(), job.Submission{Kind: job.Kind{Name: "work", Pool: pool}, Tenant: tenant, Payload: 1})
	if err != nil {
		w.t.Fatal(err)
	}
	return j.ID
}

// A job of a pool that the scheduler does not know yet, since a newer program
// stored it, waits for a newer scheduler, and nothing else waits with it.
func TestAPoolThatIsNotKnownHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := setup(t, nil)
		k := job.NewKeeper(job.KeeperConfig{Driver: w.driver, Queue: older{w.queue, []string{"batch", "training"}}, Blind: many})
		w.queue.setDown(true)
		strange := []string{w.submitTo("gpu"), w.submitTo("gpu")}
		known := []string{w.submitTo("batch"), w.submitTo("training")}
		w.queue.setDown(false)
		for range 3 {
			_, _ = k.Relay(t.Context()) // it says which it cannot hand over
		}
		for _, id := range known {
			w.want(w.get(id), job.Queued)
		}
		for _, id := range strange {
			j := w.get(id)
			w.want(j, job.Pending)
			if j.Waiting == nil || j.Waiting.Code != "unknown_pool" || time.Until(j.NotBefore) < 20*time.Second || j.Epoch > 1 {
				t.Error(dump(j))
			}
		}
		if _, err := k.Relay(t.Context()); err != nil {
			t.Errorf("it is tried again at once: %v", err)
		}
		time.Sleep(time.Minute)
		if _, err := w.keeper.Relay(t.Context()); err != nil { // a scheduler that knows the pool
			t.Fatal(err)
		}
		for _, id := range strange {
			w.want(w.get(id), job.Queued)
		}
		// What the queue forgot is handed over again all the same.
		w.queue.flush()
		time.Sleep(time.Minute)
		_, _ = k.Reconcile(t.Context())
		for _, id := range known {
			if alive, err := w.queue.Alive(t.Context(), w.get(id).Delivery()); !alive || err != nil {
				t.Errorf("job %s was not handed over again: %v", id, err)
			}
		}
		for _, id := range strange {
			w.want(w.get(id), job.Pending)
		}
	})
}
