package job

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/narrativeml/narrative/internal/store"
)

// The states of a worker.
const (
	WorkerAlive    = "alive"
	WorkerDraining = "draining"
	WorkerStopped  = "stopped"
	WorkerLost     = "lost" // its heartbeat stopped
)

// Worker is the record of a worker process.
type Worker struct {
	store.Meta
	Host        string         `json:"host"`
	PID         int            `json:"pid"`
	Pools       map[string]int `json:"pools"` // slots of each pool
	Running     int            `json:"running"`
	Busy        map[string]int `json:"busy,omitempty"`              // slots that are taken, of each pool
	Memory      int64          `json:"memory_bytes,omitempty"`      // for all attempts; 0: no limit
	MemoryUsed  int64          `json:"memory_used_bytes,omitempty"` // of it, given to attempts
	StartedAt   time.Time      `json:"started_at"`
	HeartbeatAt time.Time      `json:"heartbeat_at"`
	State       string         `json:"state"`
}

type workerTable = store.Table[Worker, *Worker]

func newWorkerTable(driver store.Driver) *workerTable {
	return store.NewTable[Worker](driver, workerCollection())
}

func workerCollection() store.Collection {
	return store.Collection{Name: "workers", Indexes: []store.Index{
		{Name: "state", Fields: []store.IndexField{{Name: "state"}, {Name: "heartbeat_at", Type: store.Int}}},
	}}
}

// Keys implements store.Entity.
func (w *Worker) Keys() map[string]any {
	return map[string]any{"state": w.State, "heartbeat_at": nanos(w.HeartbeatAt)}
}

// Register keeps the worker's record until ctx ends: it heartbeats every
// HeartbeatEvery, says so while the runner drains, and marks the worker as
// stopped at the end. A store that is away is told to the observer and tried
// again.
func (r *Runner) Register(ctx context.Context, host string, pid int) {
	w := Worker{
		Meta: store.Meta{ID: r.cfg.Worker}, Host: host, PID: pid, Pools: r.cfg.Slots, StartedAt: stamp(r.cfg.Now),
	}
	trouble := func(err error) { r.cfg.Observer.Trouble(ctx, "worker_heartbeat", nil, err) }
	beat := func(ctx context.Context) error {
		w.State = WorkerAlive
		if r.isDraining() {
			w.State = WorkerDraining
		}
		return r.sign(ctx, w)
	}
	told, drained := context.WithCancel(ctx)
	go func() { // the drain shows at once, not with the next heartbeat
		defer drained()
		select {
		case <-r.draining:
		case <-ctx.Done():
		}
	}()
	repeat(told, r.cfg.HeartbeatEvery, r.cfg.Now, beat, trouble)
	repeat(ctx, r.cfg.HeartbeatEvery, r.cfg.Now, beat, trouble)
	last := context.WithoutCancel(ctx)
	w.State = WorkerStopped
	if err := r.sign(last, w); err != nil {
		r.cfg.Observer.Trouble(last, "worker_heartbeat", nil, err)
	}
}

// sign writes the worker's record whatever is there: nobody else is this
// worker, and who called it lost was wrong.
func (r *Runner) sign(ctx context.Context, w Worker) error {
	ctx, cancel := context.WithTimeout(store.Vital(ctx), r.cfg.CallTimeout)
	defer cancel()
	w.Running, w.Busy = r.Running(), map[string]int{}
	for pool, slot := range r.slots {
		w.Busy[pool] = len(slot)
	}
	w.MemoryUsed, w.Memory, _ = r.Memory()
	w.HeartbeatAt = stamp(r.cfg.Now)
	_, err := r.workers.Update(ctx, w.ID, func(old *Worker) error {
		meta := old.Meta
		*old = w
		old.Meta = meta
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		err = r.workers.Insert(ctx, &w)
	}
	return err
}

// Workers returns a page of the workers in the state, or of all if it is empty:
// by their states, and those whose heartbeat is oldest first. The cursor is Next
// of the page before.
func (s *Service) Workers(ctx context.Context, state, cursor string, limit int) (store.Page[*Worker], error) {
	q := store.Query{Index: "state", Cursor: cursor, Limit: positive(limit, defaultPage)}
	if state != "" {
		q.Equal = []any{state}
	}
	page, err := s.rooms.workers.Find(ctx, q)
	return page, storeFault(err)
}

// Workers returns the workers in the state, at most limit of them, those whose
// heartbeat is oldest first; 0 means 100.
func (k *Keeper) Workers(ctx context.Context, state string, limit int) ([]*Worker, error) {
	page, err := k.workers.Find(ctx, store.Query{Index: "state", Equal: []any{state}, Limit: limit})
	return page.Items, err
}

// SweepWorkers marks workers as lost whose heartbeat is older than DeadAfter,
// and deletes the records of those that stopped or were lost ForgetAfter ago.
// It returns those newly lost. Nothing hangs on it but what operators see: a
// worker that was lost by mistake signs again.
func (k *Keeper) SweepWorkers(ctx context.Context) ([]*Worker, error) {
	at := k.cfg.Now()
	var lost []*Worker
	for _, state := range []string{WorkerAlive, WorkerDraining} {
		found, err := k.workersBefore(ctx, state, at.Add(-k.cfg.DeadAfter))
		if err != nil {
			return lost, err
		}
		for _, w := range found {
			w.State = WorkerLost
			switch err := k.workers.Replace(ctx, w); {
			case err == nil:
				lost = append(lost, w)
			case unlessRaced(err) != nil:
				return lost, fmt.Errorf("mark worker %s lost: %w", w.ID, err)
			}
		}
	}
	for _, state := range []string{WorkerStopped, WorkerLost} {
		found, err := k.workersBefore(ctx, state, at.Add(-k.cfg.ForgetAfter))
		if err != nil {
			return lost, err
		}
		for _, w := range found {
			if err := k.workers.Delete(ctx, w.ID, w.Revision); unlessRaced(err) != nil {
				return lost, err
			}
		}
	}
	return lost, nil
}

// workersBefore returns all workers in the state whose heartbeat is older.
func (k *Keeper) workersBefore(ctx context.Context, state string, before time.Time) ([]*Worker, error) {
	var all []*Worker
	q := store.Query{Index: "state", Equal: []any{state}, To: nanos(before)}
	for {
		page, err := k.workers.Find(ctx, q)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if page.Next == "" {
			return all, nil
		}
		q.Cursor = page.Next
	}
}
