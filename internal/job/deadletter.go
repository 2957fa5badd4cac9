package job

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/store"
)

// Why a failed job is a dead letter: it was given up though nothing was wrong
// with what was asked for, as far as is known. A job that failed for its
// owner's mistake, which only the owner can mend, is none.
const (
	DeadFailures    = "failures_exhausted" // it failed max_failures times
	DeadCrashes     = "crashes_exhausted"  // it took its worker with it max_crashes times: a poison job
	DeadOutage      = "outage_exhausted"   // a part that it needs was away for too long
	DeadDefect      = "defect"             // a defect of ours that another attempt would only repeat
	DeadUnsupported = "unsupported"        // no worker knew its kind or its version for too long
)

// DeadLetter tells operators of a job that was given up. Its record is written
// before the job's, and holds only as long as the job is still failed since
// then.
type DeadLetter struct {
	store.Meta
	Job      string    `json:"job"`
	Tenant   string    `json:"tenant"`
	User     string    `json:"user"`
	Kind     string    `json:"kind"`
	Pool     string    `json:"pool"`
	Cause    string    `json:"cause"` // DeadFailures …
	Code     string    `json:"code"`  // of the failure
	Message  string    `json:"message"`
	Epoch    int       `json:"epoch"`
	Attempt  int       `json:"attempt"`
	Failures int       `json:"failures"`
	Crashes  int       `json:"crashes"`
	Outages  int       `json:"outages"`
	At       time.Time `json:"at"`
}

type deadTable = store.Table[DeadLetter, *DeadLetter]

func newDeadTable(driver store.Driver) *deadTable {
	return store.NewTable[DeadLetter](driver, deadCollection())
}

// The indexes of the collection dead_letters.
const (
	indexDeadAt     = "at"
	indexDeadKind   = "kind"
	indexDeadPool   = "pool"
	indexDeadTenant = "tenant"
	indexDeadCode   = "code"
)

func deadCollection() store.Collection {
	at := store.IndexField{Name: "at", Type: store.Int}
	c := store.Collection{Name: "dead_letters", Indexes: []store.Index{{Name: indexDeadAt, Fields: []store.IndexField{at}}}}
	for _, name := range []string{indexDeadKind, indexDeadPool, indexDeadTenant, indexDeadCode} {
		c.Indexes = append(c.Indexes, store.Index{Name: name, Fields: []store.IndexField{{Name: name}, at}})
	}
	return c
}

// Keys implements store.Entity.
func (d *DeadLetter) Keys() map[string]any {
	return map[string]any{"at": nanos(d.At), "kind": d.Kind, "pool": d.Pool, "tenant": d.Tenant, "code": d.Code}
}

// deadID identifies the dead letter of the job, "" when it is none. A child is
// none: its parent is, when it fails for it, and runs it again.
func (j *Job) deadID() string {
	if j.State != Failed || j.Dead == "" || j.Parent != "" {
		return ""
	}
	return fmt.Sprintf("%s-%d", j.ID, j.Epoch)
}

// Letter returns the dead letter of a job that is one.
func (j *Job) Letter() *DeadLetter {
	d := &DeadLetter{
		Meta: store.Meta{ID: j.deadID()}, Job: j.ID, Tenant: j.Tenant, User: j.User, Kind: j.Kind, Pool: j.Pool, Cause: j.Dead,
		Epoch: j.Epoch, Attempt: j.Attempt, Failures: j.Failures, Crashes: j.Crashes, Outages: j.Outages, At: j.FinishedAt,
	}
	if j.Failure != nil {
		d.Code, d.Message = j.Failure.Code, j.Failure.Message
	}
	return d
}

// mourn writes the dead letters of jobs whose records are about to say that
// they are. One that is there already is replaced: its job was about to fail
// before, and was not written.
func mourn(ctx context.Context, dead *deadTable, jobs []*Job) error {
	for _, j := range jobs {
		if j.deadID() == "" {
			continue
		}
		d := j.Letter()
		err := dead.Insert(ctx, d)
		if errors.Is(err, store.ErrDuplicate) {
			_, err = dead.Update(ctx, d.ID, func(old *DeadLetter) error {
				meta := old.Meta
				*old = *d
				old.Meta = meta
				return nil
			})
			err = unlessRaced(err)
		}
		if err != nil {
			return fmt.Errorf("keep the dead letter of job %s: %w", j.ID, err)
		}
	}
	return nil
}

// removeDead deletes a dead letter, if there is one.
func (s *Service) removeDead(ctx context.Context, id string) error {
	if id == "" {
		return nil
	}
	if err := s.dead.Delete(ctx, id, 0); err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return nil
}

// unearth deletes the dead letter of a job that runs again. One that stays
// behind is not shown, since its job has changed.
func (s *Service) unearth(ctx context.Context, j *Job, id string) {
	if err := s.removeDead(context.WithoutCancel(ctx), id); err != nil {
		s.cfg.Observer.Trouble(ctx, "remove_dead_letter", j, err)
	}
}

// DeadFilter chooses dead letters of all tenants; empty fields choose all.
type DeadFilter struct {
	Kind   string
	Pool   string
	Tenant string
	Code   string // of the failure
}

// maxFilter is the longest value of a filter, in bytes.
const maxFilter = 200

// validate names the places as parts of where: the query or the body.
func (f DeadFilter) validate(where string, limit, most int) error {
	for _, v := range []struct{ name, value string }{{"kind", f.Kind}, {"pool", f.Pool}, {"tenant", f.Tenant}, {"code", f.Code}} {
		if len(v.value) > maxFilter {
			return fault.Invalid("invalid_filter", "The %s of a dead letter has at most %d bytes.", v.name, maxFilter).
				With(fault.Field{Location: where + "." + v.name, Message: "too long", Value: shorten(v.value, 64)})
		}
	}
	if limit < 0 || limit > most {
		return fault.Invalid("limit_out_of_range", "The limit lies between 1 and %d.", most).
			With(fault.Field{Location: where + ".limit", Message: "out of range", Value: limit})
	}
	return nil
}

// query returns the query by the field that leaves fewest.
func (f DeadFilter) query() store.Query {
	q := store.Query{Index: indexDeadAt, Descending: true}
	for _, by := range []struct{ index, value string }{
		{indexDeadCode, f.Code}, {indexDeadTenant, f.Tenant}, {indexDeadKind, f.Kind}, {indexDeadPool, f.Pool},
	} {
		if by.value != "" {
			q.Index, q.Equal = by.index, []any{by.value}
			break
		}
	}
	return q
}

func (f DeadFilter) matches(d *DeadLetter) bool {
	return (f.Kind == "" || f.Kind == d.Kind) && (f.Pool == "" || f.Pool == d.Pool) &&
		(f.Tenant == "" || f.Tenant == d.Tenant) && (f.Code == "" || f.Code == d.Code)
}

// DeadLetters returns a page of the dead letters of all tenants, newest first;
// it is for operators. The cursor is Next of the page before; a limit of 0
// means 50, the largest is 500. A page may be shorter than the limit and still
// have a next one.
func (s *Service) DeadLetters(ctx context.Context, f DeadFilter, cursor string, limit int) (store.Page[*DeadLetter], error) {
	if err := f.validate("query", limit, maxPage); err != nil {
		return store.Page[*DeadLetter]{}, err
	}
	page, err := s.deadPage(ctx, f, cursor, positive(limit, defaultPage))
	return page, storeFault(err)
}

func (s *Service) deadPage(ctx context.Context, f DeadFilter, cursor string, limit int) (store.Page[*DeadLetter], error) {
	out := store.Page[*DeadLetter]{Items: []*DeadLetter{}}
	q := f.query()
	for range maxRounds {
		q.Cursor, q.Limit = cursor, limit-len(out.Items)
		page, err := s.dead.Find(ctx, q)
		if err != nil {
			return out, err
		}
		for _, d := range page.Items {
			if !f.matches(d) {
				continue
			}
			still, err := s.stillDead(ctx, d)
			if err != nil {
				return out, err
			}
			if still {
				out.Items = append(out.Items, d)
			}
		}
		cursor, out.Next = page.Next, page.Next
		if page.Next == "" || len(out.Items) == limit {
			break
		}
	}
	return out, nil
}

// deadGrace is how long a dead letter may be there before its job's record
// says so; one whose job does not after that is removed.
const deadGrace = 10 * time.Minute

// stillDead reports whether the job is failed since the dead letter says so.
func (s *Service) stillDead(ctx context.Context, d *DeadLetter) (bool, error) {
	_, keys, err := s.peek(ctx, d.Job)
	if err != nil && !isNotFound(err) {
		return false, err
	}
	if err == nil && keys["state"] == string(Failed) && keys["due_at"] == nanos(d.At) {
		return true, nil
	}
	if s.cfg.Now().Sub(d.At) > deadGrace {
		if err := s.dead.Delete(ctx, d.ID, d.Revision); unlessRaced(err) != nil {
			return false, err
		}
	}
	return false, nil
}

// DeadJob returns the job that is a dead letter, whoever owns it, or the fault
// dead_letter_not_found.
func (s *Service) DeadJob(ctx context.Context, id string) (*Job, error) {
	j, err := s.Lookup(ctx, id)
	if err != nil && !isNotFound(err) {
		return nil, err
	}
	if err != nil || j.deadID() == "" {
		return nil, fault.NotFound("dead_letter_not_found", "There is no dead letter %q; it is named by its job, job_ and 32 hexadecimal digits.", shorten(id, 64))
	}
	return j, nil
}
