package job

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/store"
)

// MaxAfter is how many jobs a job may come after.
const MaxAfter = 100

// Order is what a request says about when its job may run. Like Limits it is no
// part of the payload.
type Order struct {
	After    []string `json:"after,omitempty" maxItems:"100" nullable:"false" doc:"Jobs that have to succeed before this one runs, at most 100; until then it is waiting. When one of them fails or is cancelled it fails with dependency_failed. Default: none"`
	Priority *int     `json:"priority,omitempty" minimum:"0" maximum:"9" doc:"How urgent the job is among those of your tenant: 0, the least urgent, to 9; default 5"`
}

// edge says that one job comes after another. The jobs that a job comes after
// are on its record; an edge finds it from the other side.
type edge struct {
	store.Meta
	Job   string `json:"job"`
	After string `json:"after"`
}

type edgeTable = store.Table[edge, *edge]

func newEdgeTable(driver store.Driver) *edgeTable {
	return store.NewTable[edge](driver, edgeCollection())
}

func edgeCollection() store.Collection {
	return store.Collection{Name: "job_edges", Indexes: []store.Index{
		{Name: "after", Fields: []store.IndexField{{Name: "after"}, {Name: "job"}}},
	}}
}

// Keys implements store.Entity.
func (e *edge) Keys() map[string]any { return map[string]any{"after": e.After, "job": e.Job} }

func edgeID(job, after string) string { return job + "-" + after }

// CheckAfter refuses jobs to come after that the tenant does not have, as Submit
// does: for whoever wants to know before it does what takes long.
func (s *Service) CheckAfter(ctx context.Context, tenant string, after []string) error {
	if len(after) > MaxAfter {
		return fault.Invalid("too_many_dependencies", "A job may come after at most %d jobs, and this one names %d.", MaxAfter, len(after)).
			With(fault.Field{Location: "body.after", Message: fmt.Sprintf("at most %d jobs", MaxAfter)})
	}
	seen := make(map[string]bool, len(after))
	for i, id := range after {
		where := fmt.Sprintf("body.after[%d]", i)
		if seen[id] {
			return fault.Invalid("duplicate_dependency", "Job %s is named twice among those to come after.", shorten(id, 64)).
				With(fault.Field{Location: where, Message: "named before", Value: shorten(id, 64)})
		}
		seen[id] = true
		if _, err := s.Get(ctx, tenant, id); err != nil {
			if e, ok := fault.As(err); ok && e.Class == fault.ClassNotFound {
				return e.With(fault.Field{Location: where, Message: "there is no such job", Value: shorten(id, 64)})
			}
			return err
		}
	}
	return nil
}

// submitAfter stores a job that comes after others. It waits until all of them
// have succeeded.
func (s *Service) submitAfter(ctx context.Context, j *Job) (*Job, bool, error) {
	if err := s.CheckAfter(ctx, j.Tenant, j.After); err != nil {
		return nil, false, err
	}
	if err := s.admit(ctx, j); err != nil {
		return s.replayed(ctx, j, err)
	}
	j.await(j.CreatedAt, "")
	for range 3 { // the job found under the key may be removed before it is read
		err := s.jobs.Insert(ctx, j)
		if err == nil {
			s.cfg.Observer.Submitted(j, true)
			return s.link(ctx, j), true, nil
		}
		if !errors.Is(err, store.ErrDuplicate) {
			return nil, false, storeFault(err)
		}
		found, err := s.existing(ctx, j)
		if err != nil || found != nil {
			return found, false, err
		}
	}
	return nil, false, fault.Unavailable("store_unavailable", "The store of the jobs does not answer; please try again in a moment.")
}

// await makes the job wait for those it comes after.
func (j *Job) await(at time.Time, reason string) {
	j.Waiting = &Reason{Code: "dependencies_running", Message: fmt.Sprintf("It waits for %s to succeed.", jobsNamed(j.After))}
	j.hold(at, awaitsJobs, at.Add(tendEvery), reason)
}

func jobsNamed(ids []string) string {
	if len(ids) == 1 {
		return "job " + ids[0]
	}
	return fmt.Sprintf("%d jobs", len(ids))
}

// link lets the jobs that j comes after know of it, and looks whether they have
// ended already. Where that fails the keeper finds out later, and slower.
func (s *Service) link(ctx context.Context, j *Job) *Job {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tendTimeout)
	defer cancel()
	err := s.tender.link(ctx, j)
	if err == nil {
		err = s.tender.tend(ctx, j.ID)
	}
	found, getErr := s.jobs.Get(ctx, j.ID)
	if err = errors.Join(err, getErr); err != nil {
		s.cfg.Observer.Trouble(ctx, "link_job", j, err)
		return j
	}
	return found
}

// link stores the edges and marks the jobs that have some.
func (t *tender) link(ctx context.Context, j *Job) error {
	edges := make([]*edge, len(j.After))
	for i, id := range j.After {
		edges[i] = &edge{Meta: store.Meta{ID: edgeID(j.ID, id)}, Job: j.ID, After: id}
	}
	errs, err := t.edges.InsertAll(ctx, edges...)
	for _, e := range errs {
		if err == nil && e != nil && !errors.Is(e, store.ErrDuplicate) {
			err = e
		}
	}
	if err != nil {
		return err
	}
	for _, id := range j.After {
		_, err := t.jobs.Update(ctx, id, func(other *Job) error {
			if other.Followed || other.State.Terminal() {
				return store.ErrUnchanged
			}
			other.Followed = true
			return nil
		})
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	return nil
}

// followers returns the jobs that come after the job.
func (t *tender) followers(ctx context.Context, id string) ([]string, error) {
	var ids []string
	q := store.Query{Index: "after", Equal: []any{id}, Limit: store.MaxLimit}
	for {
		page, err := t.edges.Find(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, e := range page.Items {
			ids = append(ids, e.Job)
		}
		if page.Next == "" {
			return ids, nil
		}
		q.Cursor = page.Next
	}
}

// lookAtFollower lets a job run when all jobs that it comes after have
// succeeded, and fails it when one of them will not. It returns the jobs to
// look at next.
func (t *tender) lookAtFollower(ctx context.Context, j *Job) ([]string, error) {
	ready := true
	var failure *Failure
	for _, id := range j.After {
		other, err := t.jobs.Get(ctx, id)
		switch {
		case errors.Is(err, store.ErrNotFound):
			failure = dependencyFailed(id, "is gone")
		case err != nil:
			return nil, err
		case other.State == Failed, other.State == Cancelled:
			failure = dependencyFailed(id, "has "+string(other.State))
			if other.State == Cancelled {
				failure = dependencyFailed(id, "was cancelled")
			}
		case other.State != Succeeded:
			ready = false
		}
		if failure != nil {
			break
		}
	}
	at := stamp(t.now)
	j, err := t.jobs.Update(ctx, j.ID, func(j *Job) error {
		switch {
		case j.State != Awaiting || j.Awaits != awaitsJobs:
			return store.ErrUnchanged
		case failure != nil:
			j.Failure = failure
			j.end(at, Failed, failure.Code)
		case ready:
			j.Waiting = nil
			j.wait(at, at, "dependencies_succeeded")
		case j.TendAt.After(at):
			return store.ErrUnchanged
		default: // the longer it waits the less often
			j.TendAt = at.Add(min(max(at.Sub(j.CreatedAt)/8, tendEvery), releasePatience))
		}
		return nil
	})
	if err != nil || !j.State.Terminal() || failure == nil {
		return nil, unlessRaced(err)
	}
	t.observer.Finished(j, OutcomeFailed, 0)
	return t.waiters(ctx, j)
}

func dependencyFailed(id, how string) *Failure {
	return &Failure{
		Class: fault.ClassConflict, Code: "dependency_failed",
		Message: fmt.Sprintf("Job %s, after which this one was to run, %s; see to that job, and then retry this one.", id, how),
	}
}

// unawaited refuses a job that others wait for, which have to find out what became
// of it, and of the rest.
func (s *Service) unawaited(ctx context.Context, id string) error {
	followers, err := s.tender.followers(ctx, id)
	if err != nil {
		return err
	}
	for _, follower := range followers {
		_, keys, err := s.jobs.Peek(ctx, follower)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if err == nil && keys["state"] == string(Awaiting) {
			return fault.Conflict("job_not_finished", "Job %s comes after the job and waits.", follower)
		}
	}
	return nil
}

// unlink deletes the edges of a job that is removed.
func (s *Service) unlink(ctx context.Context, j *Job) error {
	ids := make([]string, 0, len(j.After))
	for _, id := range j.After {
		ids = append(ids, edgeID(j.ID, id))
	}
	if j.Followed {
		followers, err := s.tender.followers(ctx, j.ID)
		if err != nil {
			return err
		}
		for _, id := range followers {
			ids = append(ids, edgeID(id, j.ID))
		}
	}
	for _, id := range ids {
		if err := s.tender.edges.Delete(ctx, id, 0); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	return nil
}
