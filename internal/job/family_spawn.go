package job

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/narrativeml/narrative/internal/store"
)

// fanOut stores the children that the handler asked for and lets the job wait
// for them. They are born waiting for their parent: none of them runs before
// the parent's record says that it waits, whoever dies in between.
func (s *session) fanOut(f Fan) error {
	j := s.seen()
	children, err := breed(j, f, stamp(s.cfg.Now))
	if err == nil {
		err = s.spawn(children)
	}
	if err != nil {
		return s.settle(answer{err: err})
	}
	err = s.insist(func(j *Job) error {
		if j.CancelRequested {
			return ErrCancelled
		}
		j.adopt(children, f, stamp(s.cfg.Now))
		return nil
	})
	switch {
	case errors.Is(err, ErrCancelled):
		return s.settle(answer{err: err})
	case err != nil && !errors.Is(err, errWritten):
		return s.gone(err)
	}
	j = s.seen()
	s.cfg.Observer.Finished(j, OutcomeWaiting, stamp(s.cfg.Now).Sub(j.StartedAt))
	s.tender.soon(s.base, j.ID)
	return nil
}

// adopt makes the job wait for its children.
func (j *Job) adopt(children []*Job, f Fan, at time.Time) {
	until := f.Until
	if until == 0 {
		until = 1
	}
	n := len(children)
	j.Family = &Family{
		Fan: children[0].Child.Fan, Children: n, Tolerate: f.Tolerate,
		From: min(j.Progress.Fraction, until), Until: until, Since: at, States: map[State]int{Awaiting: n},
	}
	j.Progress.ETA, j.UpgradeSince = time.Time{}, time.Time{}
	j.Waiting = &Reason{Code: "children_running", Message: fmt.Sprintf("It waits for the %d jobs that it was divided into.", n)}
	j.Outages, j.OutageSince = 0, time.Time{} // all parts were there; its children may take longer than its patience
	j.hold(at, awaitsChildren, at.Add(tendEvery), "fanned_out")
}

// spawn stores the children. Those that exist already, since a worker died at
// this or since the job is retried, are taken over.
func (s *session) spawn(children []*Job) error {
	for len(children) > 0 {
		switch {
		case s.base.Err() != nil:
			return context.Cause(s.base)
		case s.seen().CancelRequested:
			return ErrCancelled
		}
		n, size := 0, 0
		for n < min(len(children), familyPage) && (n == 0 || size+len(children[n].Payload) <= maxSpawn) {
			size += len(children[n].Payload)
			n++
		}
		if err := s.spawnPage(children[:n]); err != nil {
			return err
		}
		children = children[n:]
	}
	return nil
}

// maxSpawn is how many bytes of payloads are stored by one call.
const maxSpawn = 4 << 20

func (s *session) spawnPage(children []*Job) error {
	ctx, cancel := context.WithTimeout(s.base, 4*s.cfg.CallTimeout)
	defer cancel()
	errs, err := s.jobs.InsertAll(ctx, children...)
	if err != nil {
		return storeFault(err)
	}
	var known []*Job
	for i, c := range children {
		switch {
		case errs[i] == nil:
			s.cfg.Observer.Submitted(c, true)
		case errors.Is(errs[i], store.ErrDuplicate):
			known = append(known, c)
		default:
			return fmt.Errorf("store child %s of job %s: %w", c.Child.Name, s.id, errs[i])
		}
	}
	return s.takeOverAll(ctx, known)
}

// takersOver is how many children are looked at together: whether the files of
// one are there costs a call to their storage.
const takersOver = 8

func (s *session) takeOverAll(ctx context.Context, children []*Job) error {
	errs := make([]error, min(takersOver, len(children)))
	var next atomic.Int64
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			for n := next.Add(1) - 1; int(n) < len(children) && errs[i] == nil; n = next.Add(1) - 1 {
				errs[i] = s.takeOver(ctx, children[n])
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// takeOver makes a child that exists one of this fan: one that succeeded stays
// as it is, if its files are still there, and any other that ended runs again.
func (s *session) takeOver(ctx context.Context, c *Job) error {
	_, err := s.jobs.Update(ctx, c.ID, func(old *Job) error {
		switch {
		case old.Parent != c.Parent || old.Child == nil:
			return Permanent(fmt.Errorf("job %s is no child of job %s", c.ID, c.Parent))
		case old.Child.Fan == c.Child.Fan:
			return store.ErrUnchanged
		case old.State == Succeeded:
			whole, err := s.hasFiles(ctx, old)
			if err != nil {
				return err
			}
			if !whole { // their time was over before the parent was retried
				old.reset(c.CreatedAt)
				old.hold(c.CreatedAt, awaitsRelease, c.TendAt, "files_deleted")
			}
		case old.State.Terminal():
			old.reset(c.CreatedAt)
			old.hold(c.CreatedAt, awaitsRelease, c.TendAt, "parent_retried")
		case old.Awaits != awaitsRelease:
			return Snooze(time.Second, "children_ending", "Some of the jobs that it was divided into before have not ended yet.")
		}
		old.Child = c.Child
		return nil
	})
	if err != nil {
		return fmt.Errorf("take over child %s: %w", c.Child.Name, storeFault(err))
	}
	return nil
}

// hasFiles reports whether every file of the job's result that belongs to the job
// is there.
func (s *session) hasFiles(ctx context.Context, j *Job) (bool, error) {
	missing := map[string]bool{}
	for _, key := range j.Files {
		if j.Owns(key) {
			missing[key] = true
		}
	}
	if len(missing) == 0 {
		return true, nil
	}
	err := s.cfg.Files.Each(ctx, Prefix(j.ID), func(key string, _ int64, _ time.Time) error {
		delete(missing, key)
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("look for the files of job %s: %w", j.ID, err)
	}
	return len(missing) == 0, nil
}

// children returns what became of the job's children, in their order.
func (s *session) children(ctx context.Context) ([]ChildResult, error) {
	j := s.seen()
	if j.Family == nil {
		return nil, nil
	}
	results := make([]ChildResult, 0, j.Family.Children)
	err := eachChild(ctx, s.jobs, j.Family.Fan, func(page []*Job) error {
		for _, c := range page {
			r := ChildResult{ID: c.ID, Name: c.Child.Name, Number: c.Child.Number, State: c.State, Result: c.Result, Failure: c.Failure}
			if c.State != Succeeded {
				r.Payload = c.Payload
			}
			results = append(results, r)
		}
		return nil
	})
	if err == nil && len(results) != j.Family.Children {
		err = fmt.Errorf("job %s has %d children instead of %d", j.ID, len(results), j.Family.Children)
	}
	return results, err
}
