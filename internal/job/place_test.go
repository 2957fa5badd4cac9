package job_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
)

// held is a driver whose first write to a collection waits.
type held struct {
	store.Driver
	collection string
	reached    chan struct{} // closed when it waits
	release    chan struct{} // ends it when closed
	once       bool
}

func hold(d store.Driver, collection string) *held {
	return &held{Driver: d, collection: collection, reached: make(chan struct{}), release: make(chan struct{})}
}

func (h *held) wait(collection string) {
	if collection == h.collection && !h.once {
		h.once = true
		close(h.reached)
		<-h.release
	}
}

func (h *held) Insert(ctx context.Context, c string, r ...store.Record) ([]error, error) {
	h.wait(c)
	return h.Driver.Insert(ctx, c, r...)
}

func (h *held) Replace(ctx context.Context, c string, r ...store.Record) ([]error, error) {
	h.wait(c)
	return h.Driver.Replace(ctx, c, r...)
}

// TestPlacesAreGivenOnce stops a dispatcher between its calls, lets another one
// do its whole work for jobs that became more urgent meanwhile, and lets the
// first one go on: together they hand over no more than the limit.
func TestPlacesAreGivenOnce(t *testing.T) {
	t.Parallel()
	const limit = 3
	policies := map[string]func(w *world){
		"a tenant's": func(w *world) {
			p := tenantPolicy(tenant)
			p.MaxRunning = new(limit)
			w.setTenant(p)
		},
		"a tenant's kind": func(w *world) {
			p := tenantPolicy(tenant)
			p.KindLimits = map[string]int{"work": limit}
			w.setTenant(p)
		},
		"a queue's kind": func(w *world) {
			p := job.QueuePolicy{Meta: store.Meta{ID: "batch"}, KindLimits: map[string]int{"work": limit}}
			if _, err := w.service.SetQueuePolicy(w.t.Context(), p, nil); err != nil {
				w.t.Fatal(err)
			}
		},
	}
	for name, set := range policies {
		for _, stopped := range []string{"places", "jobs"} {
			for _, before := range []int{0, 2} { // passes of others, after which the record of places exists
				t.Run(name+" before "+stopped, func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						w := setup(t, nil)
						w.service = job.NewService(job.ServiceConfig{Driver: w.driver, Queue: w.queue, Files: w.files, Pools: []string{"batch"}})
						set(w)
						for range before {
							id := w.submitAs(tenant, "work", 5).ID
							if n, err := w.keeper.Relay(t.Context()); n != 1 || err != nil {
								t.Fatalf("relayed %d, %v", n, err)
							}
							if _, err := w.service.Cancel(t.Context(), tenant, id); err != nil {
								t.Fatal(err)
							}
						}
						w.submitMany(tenant, "work", 5)
						h := hold(w.driver, stopped)
						done := make(chan error)
						go func() {
							_, err := job.NewKeeper(job.KeeperConfig{Driver: h, Queue: w.queue}).Relay(t.Context())
							done <- err
						}()
						<-h.reached
						for range 5 {
							w.submitAs(tenant, "work", 9)
						}
						if n, err := job.NewKeeper(job.KeeperConfig{Driver: w.driver, Queue: w.queue}).Relay(t.Context()); n != limit || err != nil {
							t.Errorf("the second has relayed %d, %v", n, err)
						}
						close(h.release)
						if err := <-done; err != nil {
							t.Error(err)
						}
						if got := w.driver.mostActive(tenant); got != limit {
							t.Errorf("%d jobs are with the queue, want %d", got, limit)
						}
						if n, err := w.keeper.Relay(t.Context()); n != 0 || err != nil {
							t.Errorf("the third has relayed %d, %v", n, err)
						}
					})
				})
			}
		}
	}
}
