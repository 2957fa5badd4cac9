package failpoint

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/narrativeml/narrative/internal/store"
)

const jobs = "jobs"

// driver is a driver with points, and without what is switched off.
type driver struct {
	store.Driver
	s *Switches
}

var _ store.Driver = (*driver)(nil)

// Store wraps the driver of a process.
func Store(s *Switches, d store.Driver) store.Driver {
	switch s.Break {
	case BreakFence:
		d = &unfenced{Driver: d, mine: map[string][]byte{}}
	case BreakOutbox:
		d = hasty{d}
	case BreakCancel:
		d = deaf{d}
	}
	return &driver{Driver: d, s: s}
}

// point names a call about records: a job's by its kind and its new state.
func point(call, collection string, records ...store.Record) string {
	name := "store." + call + " " + collection
	if collection != jobs || len(records) == 0 {
		return name
	}
	var j struct {
		Kind      string `json:"kind"`
		State     string `json:"state"`
		Committed bool   `json:"committed"`
	}
	if json.Unmarshal(records[0].Body, &j) != nil {
		return name
	}
	name += " " + j.Kind + " " + j.State
	if j.Committed {
		name += " committed"
	}
	return name
}

// Insert implements store.Driver.
func (d *driver) Insert(ctx context.Context, collection string, records ...store.Record) (errs []error, err error) {
	d.s.around(point("insert", collection, records...), func() { errs, err = d.Driver.Insert(ctx, collection, records...) })
	return errs, err
}

// Get implements store.Driver.
func (d *driver) Get(ctx context.Context, collection, id string) (r store.Record, err error) {
	d.s.around(point("get", collection), func() { r, err = d.Driver.Get(ctx, collection, id) })
	return r, err
}

// Peek implements store.Driver.
func (d *driver) Peek(ctx context.Context, collection, id string) (r store.Record, err error) {
	d.s.around(point("peek", collection), func() { r, err = d.Driver.Peek(ctx, collection, id) })
	return r, err
}

// Replace implements store.Driver.
func (d *driver) Replace(ctx context.Context, collection string, records ...store.Record) (errs []error, err error) {
	d.s.around(point("replace", collection, records...), func() { errs, err = d.Driver.Replace(ctx, collection, records...) })
	return errs, err
}

// Find implements store.Driver.
func (d *driver) Find(ctx context.Context, collection string, scan store.Scan) (found []store.Record, err error) {
	d.s.around(point("find", collection)+" by "+scan.Index.Name, func() { found, err = d.Driver.Find(ctx, collection, scan) })
	return found, err
}

// Count implements store.Driver.
func (d *driver) Count(ctx context.Context, collection string, scan store.Scan, limit int64) (n int64, err error) {
	d.s.around(point("count", collection)+" by "+scan.Index.Name, func() { n, err = d.Driver.Count(ctx, collection, scan, limit) })
	return n, err
}

// Delete implements store.Driver.
func (d *driver) Delete(ctx context.Context, collection, id string, revision int64) (err error) {
	d.s.around(point("delete", collection), func() { err = d.Driver.Delete(ctx, collection, id, revision) })
	return err
}

// unfenced is a worker without a fence: it writes the jobs that it runs
// whatever their revision is, and does not see that one was given to another.
type unfenced struct {
	store.Driver
	mu   sync.Mutex
	mine map[string][]byte // what it last wrote of the jobs that it runs
}

// Get implements store.Driver.
func (u *unfenced) Get(ctx context.Context, collection, id string) (store.Record, error) {
	r, err := u.Driver.Get(ctx, collection, id)
	u.mu.Lock()
	defer u.mu.Unlock()
	if mine := u.mine[id]; err == nil && collection == jobs && mine != nil {
		r.Body = mine
	}
	return r, err
}

// Replace implements store.Driver.
func (u *unfenced) Replace(ctx context.Context, collection string, records ...store.Record) ([]error, error) {
	errs, err := u.Driver.Replace(ctx, collection, records...)
	if err != nil || collection != jobs {
		return errs, err
	}
	for i := range records {
		for errors.Is(errs[i], store.ErrStale) && u.runs(records[i].ID) {
			now, err := u.Driver.Get(ctx, collection, records[i].ID)
			if err != nil {
				return errs, err
			}
			again := records[i]
			again.Revision = now.Revision
			one, err := u.Driver.Replace(ctx, collection, again)
			if err != nil {
				return errs, err
			}
			errs[i] = one[0]
		}
		if errs[i] == nil {
			u.remember(records[i])
		}
	}
	return errs, nil
}

func (u *unfenced) runs(id string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.mine[id] != nil
}

// remember keeps what was written of a job while it runs.
func (u *unfenced) remember(r store.Record) {
	var j struct {
		State string `json:"state"`
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if json.Unmarshal(r.Body, &j) == nil && j.State == "running" {
		u.mine[r.ID] = r.Body
		return
	}
	delete(u.mine, r.ID)
}

// hasty says that a job is stored before it is.
type hasty struct{ store.Driver }

// hastyDelay is how late a job is stored.
const hastyDelay = 3 * time.Second

// Insert implements store.Driver.
func (h hasty) Insert(ctx context.Context, collection string, records ...store.Record) ([]error, error) {
	if collection != jobs {
		return h.Driver.Insert(ctx, collection, records...)
	}
	ctx = context.WithoutCancel(ctx)
	time.AfterFunc(hastyDelay, func() { _, _ = h.Driver.Insert(ctx, collection, records...) }) // nobody is told: that is the mistake
	return make([]error, len(records)), nil
}

// deaf hides that a cancel was asked for.
type deaf struct{ store.Driver }

// Get implements store.Driver.
func (d deaf) Get(ctx context.Context, collection, id string) (store.Record, error) {
	r, err := d.Driver.Get(ctx, collection, id)
	if err == nil && collection == jobs {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(r.Body, &fields); err != nil {
			return r, err
		}
		delete(fields, "cancel_requested")
		if r.Body, err = json.Marshal(fields); err != nil {
			return r, err
		}
	}
	return r, err
}
