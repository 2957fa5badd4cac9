package chaos

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/store/mongowire"
)

// The collections that the witness reads.
const (
	jobsCollection    = "jobs"
	workersCollection = "workers"
	ticksCollection   = "ticks"
)

// witness is a driver that writes down what is stored, as the record server
// does it, whether or not the caller still waits for the answer. It also knows
// who runs what at the moment.
type witness struct {
	mongowire.Driver
	history *History

	mu      sync.Mutex
	share   float64          // of calls that fail
	dice    *rand.Rand       // decides which
	jobs    map[string]Event // the newest change of each job
	going   map[string]Event // the same of those that have not ended
	workers map[int]string   // the worker of a process, by its number
	changed chan struct{}    // closed and replaced with every change
	ended   int              // jobs that have ended
}

var _ mongowire.Driver = (*witness)(nil)

func newWitness(d mongowire.Driver, h *History) *witness {
	return &witness{
		Driver: d, history: h, dice: rand.New(rand.NewPCG(1, 0x77697473)), jobs: map[string]Event{}, going: map[string]Event{},
		workers: map[int]string{}, changed: make(chan struct{}),
	}
}

// fail sets the share of calls that fail: reads, and writes before or after they
// are done.
func (w *witness) fail(share float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.share = share
}

// trip returns an error for a call that is to fail.
func (w *witness) trip() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.share == 0 || w.dice.Float64() >= w.share {
		return nil
	}
	return fault.Unavailable("store_unavailable", "the record server was told to fail")
}

// Get implements store.Driver.
func (w *witness) Get(ctx context.Context, collection, id string) (store.Record, error) {
	if err := w.trip(); err != nil {
		return store.Record{}, err
	}
	return w.Driver.Get(ctx, collection, id)
}

// Find implements store.Driver.
func (w *witness) Find(ctx context.Context, collection string, scan store.Scan) ([]store.Record, error) {
	if err := w.trip(); err != nil {
		return nil, err
	}
	return w.Driver.Find(ctx, collection, scan)
}

// Delete implements store.Driver.
func (w *witness) Delete(ctx context.Context, collection, id string, revision int64) error {
	if err := w.trip(); err != nil {
		return err
	}
	return w.Driver.Delete(ctx, collection, id, revision)
}

// Insert implements store.Driver.
func (w *witness) Insert(ctx context.Context, collection string, records ...store.Record) ([]error, error) {
	if err := w.trip(); err != nil {
		return nil, err
	}
	since := w.history.Now()
	errs, err := w.Driver.Insert(context.WithoutCancel(ctx), collection, records...)
	if err != nil {
		return errs, err
	}
	for i, r := range records {
		if errs[i] == nil {
			r.Revision = 1
			w.saw(collection, r, true, since)
		}
	}
	w.history.Sync()
	if err := w.trip(); err != nil {
		return nil, err
	}
	return errs, nil
}

// Replace implements store.Driver.
func (w *witness) Replace(ctx context.Context, collection string, records ...store.Record) ([]error, error) {
	if err := w.trip(); err != nil {
		return nil, err
	}
	since := w.history.Now()
	errs, err := w.Driver.Replace(context.WithoutCancel(ctx), collection, records...)
	if err != nil {
		return errs, err
	}
	for i, r := range records {
		switch {
		case errs[i] == nil:
			r.Revision++
			w.saw(collection, r, false, since)
		case collection == jobsCollection && errors.Is(errs[i], store.ErrStale):
			if e, err := change(r); err == nil {
				e.What = Refused
				w.history.Add(e)
			}
		}
	}
	w.history.Sync()
	if err := w.trip(); err != nil {
		return nil, err
	}
	return errs, nil
}

// saw notes a record that was stored.
func (w *witness) saw(collection string, r store.Record, inserted bool, since time.Duration) {
	switch collection {
	case jobsCollection:
		e, err := change(r)
		if err != nil {
			w.history.Add(Event{What: Note, Job: r.ID, Text: err.Error()})
			return
		}
		e.Since = since
		w.note(e)
	case workersCollection:
		var worker job.Worker
		if json.Unmarshal(r.Body, &worker) != nil || !inserted {
			return
		}
		w.history.Add(Event{What: Signed, Worker: r.ID, PID: worker.PID})
		w.mu.Lock()
		w.workers[worker.PID] = r.ID
		w.stir()
		w.mu.Unlock()
	case ticksCollection:
		if inserted {
			w.history.Add(Event{What: Ticked, Key: r.ID})
		}
	default:
		if inserted {
			var of struct {
				JobID string `json:"job_id"`
			}
			_ = json.Unmarshal(r.Body, &of) // not every record is of a job
			w.history.Add(Event{What: Made, Part: collection, Key: r.ID, Job: of.JobID})
		}
	}
}

// note keeps the newest change of a job.
func (w *witness) note(e Event) {
	w.history.Add(e)
	w.mu.Lock()
	defer w.mu.Unlock()
	last := w.jobs[e.Job]
	if e.Revision <= last.Revision {
		return
	}
	if job.State(e.State).Terminal() && !job.State(last.State).Terminal() {
		w.ended++
	}
	e.At = w.history.Now()
	w.jobs[e.Job] = e
	if w.going[e.Job] = e; job.State(e.State).Terminal() {
		delete(w.going, e.Job)
	}
	w.stir()
}

// stir wakes those who wait for a change. Who calls it has the lock.
func (w *witness) stir() {
	close(w.changed)
	w.changed = make(chan struct{})
}

// change describes a job's record.
func change(r store.Record) (Event, error) {
	var j job.Job
	if err := json.Unmarshal(r.Body, &j); err != nil {
		return Event{}, fmt.Errorf("read the record of job %s: %w", r.ID, err)
	}
	e := Event{
		What: Written, Job: r.ID, Key: j.IdempotencyKey, Kind: j.Kind, Tenant: j.Tenant, State: string(j.State),
		Parent: j.Parent, Revision: r.Revision, Epoch: j.Epoch, Attempt: j.Attempt, Crashes: j.Crashes, Worker: j.Worker,
		Cancel: j.CancelRequested, Committed: j.Committed, Fraction: j.Progress.Fraction,
	}
	if n := len(j.History); n > 0 {
		e.Reason = j.History[n-1].Reason
	}
	if len(j.Result) > 0 {
		sum := sha256.Sum256(j.Result)
		e.Result = hex.EncodeToString(sum[:8])
	}
	return e, nil
}

// worker returns the worker that a process signed as, "" before it did.
func (w *witness) worker(pid int) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.workers[pid]
}

// holding returns the jobs that are recorded as running on the worker.
func (w *witness) holding(worker string) []Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	var held []Event
	for _, e := range w.going {
		if worker != "" && e.Worker == worker && e.State == string(job.Running) {
			held = append(held, e)
		}
	}
	return held
}

// last returns the newest change of the job.
func (w *witness) last(id string) Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.jobs[id]
}

// open returns the jobs that have not ended.
func (w *witness) open() []Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Collect(maps.Values(w.going))
}

// until waits until the condition holds, looking at every change.
func (w *witness) until(ctx context.Context, holds func() bool) error {
	for {
		w.mu.Lock()
		changed := w.changed
		w.mu.Unlock()
		if holds() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// ends returns how many jobs have ended.
func (w *witness) ends() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ended
}
