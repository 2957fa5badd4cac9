package job

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/store"
)

const (
	tendEvery       = time.Second          // how often a parent's children are looked at, at most
	tendChild       = 2 * time.Millisecond // by how much longer for each child
	tendQuiet       = 5 * time.Second      // more when nothing has changed
	releasePatience = 30 * time.Second     // after which a child that was not released asks for its parent
	tendTimeout     = 30 * time.Second     // of one look, by whoever ended a job
)

// tender looks after jobs that wait for other jobs. It is called by whoever
// ended one of those, as soon as it did, and by the keeper for what is left
// when a process dies in between. Every decision is a compare-and-swap, so any
// number of them may look at the same job.
type tender struct {
	jobs     *table
	edges    *edgeTable
	batches  *batchTable
	observer Observer
	now      func() time.Time
	hint     func(ctx context.Context, j *Job) // tells the worker of a job that is to stop; may be nil
}

// ended looks after the jobs that waited for j to end. What it cannot do the
// keeper does.
func (t *tender) ended(ctx context.Context, j *Job) {
	if !j.State.Terminal() || j.Parent == "" && !j.Followed {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tendTimeout)
	defer cancel()
	ids, err := t.waiters(ctx, j)
	if err == nil {
		err = t.tend(ctx, ids...)
	}
	if err != nil {
		t.observer.Trouble(ctx, "tend_jobs", j, err)
	}
}

// soon looks at a job that has just begun to wait, or to end.
func (t *tender) soon(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tendTimeout)
	defer cancel()
	if err := t.tend(ctx, id); err != nil {
		t.observer.Trouble(ctx, "tend_jobs", nil, fmt.Errorf("job %s: %w", id, err))
	}
}

// waiters returns the jobs that may go on, or have to end, since j ended.
func (t *tender) waiters(ctx context.Context, j *Job) ([]string, error) {
	var ids []string
	if j.Parent != "" {
		last := true
		if j.State == Succeeded {
			var err error
			if last, err = t.last(ctx, j.Child.Fan); err != nil {
				return nil, err
			}
		}
		if last {
			ids = append(ids, j.Parent)
		}
	}
	if !j.Followed {
		return ids, nil
	}
	followers, err := t.followers(ctx, j.ID)
	return append(ids, followers...), err
}

// last reports whether no child of the fan may be open. A child that moves
// between the looks may be missed, so the parent counts those that ended; one
// that is seen will look for itself when it ends.
func (t *tender) last(ctx context.Context, fan string) (bool, error) {
	for _, state := range []State{Running, Queued, Pending, Awaiting} {
		n, err := t.jobs.Count(ctx, store.Query{Index: indexState, Equal: []any{fan, string(state)}}, 1)
		if err != nil || n > 0 {
			return false, err
		}
	}
	return true, nil
}

// tend looks at jobs that wait, and at those that wait for the ones it ends.
func (t *tender) tend(ctx context.Context, ids ...string) error {
	for len(ids) > 0 {
		j, err := t.jobs.Get(ctx, ids[0])
		ids = ids[1:]
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return storeFault(err)
		}
		more, err := t.look(ctx, j)
		if err != nil {
			return storeFault(err)
		}
		ids = append(ids, more...)
	}
	return nil
}

// look decides about one job that waits. It returns the jobs to look at next.
func (t *tender) look(ctx context.Context, j *Job) ([]string, error) {
	if j.State != Awaiting {
		return nil, nil
	}
	switch j.Awaits {
	case awaitsChildren:
		return t.lookAtParent(ctx, j)
	case awaitsRelease:
		return t.lookAtChild(ctx, j)
	default:
		return t.lookAtFollower(ctx, j)
	}
}

// lookAtParent lets a parent go on when all its children have ended, ends it
// when too many have failed, and releases children that are not yet.
func (t *tender) lookAtParent(ctx context.Context, j *Job) ([]string, error) {
	if j.Family.Ending != nil {
		return t.close(ctx, j)
	}
	states, ended := map[State]int{}, 0
	for _, state := range []State{Succeeded, Failed, Cancelled} {
		n, err := t.jobs.Count(ctx, store.Query{Index: indexState, Equal: []any{j.Family.Fan, string(state)}}, 0)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			states[state] = int(n)
			ended += int(n)
		}
	}
	switch {
	case states[Failed]+states[Cancelled] > j.Family.Tolerate:
		return t.giveUp(ctx, j)
	case ended == j.Family.Children:
		return nil, t.wake(ctx, j, states)
	default:
		return nil, t.release(ctx, j.Family.Fan)
	}
}

// same reports whether the record still waits for the children it waited for.
func (j *Job) same(was *Job) bool {
	return j.State == Awaiting && j.Awaits == awaitsChildren && j.Family.Fan == was.Family.Fan
}

// wake sends the parent back to the line: its handler is called again.
func (t *tender) wake(ctx context.Context, was *Job, states map[State]int) error {
	spent := was.Family.Spent
	if was.TimeBudget > 0 { // the last look may be some seconds old
		var err error
		if spent, err = t.spent(ctx, was.Family); err != nil {
			return err
		}
	}
	_, err := t.jobs.Update(ctx, was.ID, func(j *Job) error {
		if !j.same(was) || j.Family.Ending != nil {
			return store.ErrUnchanged
		}
		at := stamp(t.now)
		f := *j.Family
		f.States, f.Spent = states, spent
		j.Family, j.Waiting = &f, nil
		j.Progress.Fraction = max(j.Progress.Fraction, f.Until)
		j.Progress.At, j.Progress.ETA = at, time.Time{}
		j.wait(at, at, "children_ended")
		return nil
	})
	return unlessRaced(err)
}

// giveUp makes the parent fail with the reason of its first child that failed.
func (t *tender) giveUp(ctx context.Context, was *Job) ([]string, error) {
	failure, dead, err := t.blame(ctx, was.Family)
	if err != nil {
		return nil, err
	}
	j, err := t.jobs.Update(ctx, was.ID, func(j *Job) error {
		if !j.same(was) || j.Family.Ending != nil {
			return store.ErrUnchanged
		}
		j.Failure, j.Dead = failure, dead
		j.end(stamp(t.now), Failed, failure.Code)
		return nil
	})
	if err != nil {
		return nil, unlessRaced(err)
	}
	return t.look(ctx, j)
}

// blame returns the failure of a parent, that of its first child that failed,
// and whether that makes it a dead letter.
func (t *tender) blame(ctx context.Context, f *Family) (*Failure, string, error) {
	for _, state := range []State{Failed, Cancelled} {
		page, err := t.jobs.Find(ctx, store.Query{Index: indexState, Equal: []any{f.Fan, string(state)}, Limit: 1})
		if err != nil {
			return nil, "", err
		}
		for _, c := range page.Items {
			if state == Cancelled || c.Failure == nil {
				return &Failure{Class: fault.ClassConflict, Code: "child_cancelled", Message: fmt.Sprintf(
					"Its part %s, job %s, was cancelled; retry the job to run what is missing.", c.Child.Name, c.ID)}, "", nil
			}
			failure := *c.Failure
			failure.Message = fmt.Sprintf("Its part %s failed: %s", c.Child.Name, failure.Message)
			return &failure, c.Dead, nil
		}
	}
	return nil, "", fmt.Errorf("no child of %s has failed", f.Fan)
}

// release lets the children run that wait for it.
func (t *tender) release(ctx context.Context, fan string) error {
	q := store.Query{Index: indexState, Equal: []any{fan, string(Awaiting)}, Limit: familyPage}
	for {
		page, err := t.jobs.Find(ctx, q)
		if err != nil {
			return err
		}
		at := stamp(t.now)
		var held []*Job
		for _, c := range page.Items {
			if c.Awaits == awaitsRelease {
				c.wait(at, at, "")
				held = append(held, c)
			}
		}
		if len(held) > 0 {
			if _, err := t.jobs.ReplaceAll(ctx, held...); err != nil { // who was faster knows better
				return err
			}
		}
		if page.Next == "" {
			return nil
		}
		q.Cursor = page.Next
	}
}

// close tells all children of a parent that ends to stop, and ends it.
func (t *tender) close(ctx context.Context, was *Job) ([]string, error) {
	var next []string
	states := map[State]int{}
	err := eachChild(ctx, t.jobs, was.Family.Fan, func(page []*Job) error {
		var told []*Job
		for _, c := range page {
			if c.stop(stamp(t.now)) {
				told = append(told, c)
			} else {
				states[c.State]++
			}
		}
		if len(told) == 0 {
			return nil
		}
		errs, err := t.jobs.ReplaceAll(ctx, told...)
		if err != nil {
			return err
		}
		for i, c := range told {
			if errs[i] != nil {
				if c, err = t.stop(ctx, c.ID); err != nil {
					return err
				}
			}
			states[c.State]++
			more, err := t.stopped(ctx, c)
			if err != nil {
				return err
			}
			next = append(next, more...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	j, err := t.jobs.Update(ctx, was.ID, func(j *Job) error {
		if !j.same(was) || j.Family.Ending == nil {
			return store.ErrUnchanged
		}
		f := *j.Family
		ending := *f.Ending
		f.Ending, f.States = nil, states
		j.Family, j.Awaits = &f, ""
		j.end(stamp(t.now), ending.State, ending.Reason)
		return nil
	})
	if err != nil || !j.State.Terminal() {
		return next, unlessRaced(err)
	}
	t.observer.Finished(j, string(j.State), 0)
	more, err := t.waiters(ctx, j)
	return append(next, more...), err
}

// stop makes a child end whose parent does, and reports whether there was
// anything to do: a running one is told to, any other ends at once.
func (j *Job) stop(at time.Time) bool {
	if j.State.Terminal() || j.CancelRequested || j.Committed {
		return false
	}
	j.CancelRequested = true
	if j.State == Running {
		j.note(at, EventCancelRequested, "parent_ended", "")
	} else {
		j.end(at, Cancelled, "parent_ended")
	}
	return true
}

// stop is stop of a record that somebody else is writing to.
func (t *tender) stop(ctx context.Context, id string) (*Job, error) {
	return t.jobs.Update(ctx, id, func(c *Job) error {
		if !c.stop(stamp(t.now)) {
			return store.ErrUnchanged
		}
		return nil
	})
}

// stopped tells of a child that was stopped. It returns the jobs to look at
// next.
func (t *tender) stopped(ctx context.Context, c *Job) ([]string, error) {
	switch {
	case c.State == Running && t.hint != nil:
		t.hint(ctx, c)
	case c.State == Awaiting: // it has children of its own
		return []string{c.ID}, nil
	case c.State == Cancelled:
		t.observer.Finished(c, OutcomeCancelled, 0)
		if c.Followed {
			return t.followers(ctx, c.ID)
		}
	}
	return nil, nil
}

// lookAtChild releases a child whose parent waits for it, and ends one that no
// parent will ever wait for.
func (t *tender) lookAtChild(ctx context.Context, c *Job) ([]string, error) {
	parent, err := t.jobs.Get(ctx, c.Parent)
	gone := errors.Is(err, store.ErrNotFound)
	if err != nil && !gone {
		return nil, err
	}
	fan := c.Child.Fan
	change := func(*Job) bool { return false }
	switch at := stamp(t.now); {
	case gone, parent.State.Terminal(), parent.State == Awaiting && parent.Family != nil && parent.Family.Fan != fan:
		change = func(j *Job) bool { return j.stop(at) }
	case parent.State == Awaiting && parent.Family != nil && parent.Family.Ending == nil:
		change = func(j *Job) bool { j.wait(at, at, ""); return true }
	default:
		change = func(j *Job) bool { j.TendAt = at.Add(releasePatience); return true }
	}
	c, err = t.jobs.Update(ctx, c.ID, func(j *Job) error {
		if j.State != Awaiting || j.Awaits != awaitsRelease || j.Child.Fan != fan || !change(j) {
			return store.ErrUnchanged
		}
		return nil
	})
	if err != nil || c.State != Cancelled {
		return nil, unlessRaced(err)
	}
	return t.stopped(ctx, c)
}

// Tend looks at the jobs that wait for other jobs and whose time has come, and
// writes the progress of those that have children. It returns how many it
// looked at.
func (k *Keeper) Tend(ctx context.Context) (int, error) {
	k.tending.Lock()
	defer k.tending.Unlock()
	q := store.Query{Index: indexDue, Equal: []any{string(Awaiting)}, To: nanos(stamp(k.cfg.Now)) + 1, Limit: k.cfg.Page}
	for seen := 0; ; {
		page, err := k.jobs.Find(ctx, q)
		if err != nil {
			return seen, fmt.Errorf("tend: %w", err)
		}
		for _, j := range page.Items {
			if err := k.tender.visit(ctx, j); err != nil {
				return seen, fmt.Errorf("tend job %s: %w", j.ID, err)
			}
			seen++
		}
		if page.Next == "" || seen >= k.cfg.Limit {
			return seen, nil
		}
		q.Cursor = page.Next
	}
}

// visit looks at a job and, if it goes on waiting, notes when to look again.
func (t *tender) visit(ctx context.Context, j *Job) error {
	next, err := t.look(ctx, j)
	if err == nil {
		err = t.tend(ctx, next...)
	}
	if err == nil && j.Awaits == awaitsChildren && j.Family.Ending == nil {
		err = t.measure(ctx, j)
	}
	return err
}

// measure writes the progress of a parent: the mean of its children's, by
// their weights.
func (t *tender) measure(ctx context.Context, was *Job) error {
	var done, all float64
	var rows, rowsAll int64
	var spent time.Duration
	states, at := map[State]int{}, stamp(t.now)
	err := eachChild(ctx, t.jobs, was.Family.Fan, func(page []*Job) error {
		for _, c := range page {
			spent += was.Family.spentBy(c, at)
			weight, fraction := c.Child.Weight, min(max(c.Progress.Fraction, 0), 1)
			if weight == 0 {
				weight = 1
			}
			if c.State.Terminal() {
				fraction = 1
			}
			states[c.State]++
			done, all = done+weight*fraction, all+weight
			rows, rowsAll = rows+c.Progress.Rows, rowsAll+c.Progress.RowsAll
		}
		return nil
	})
	if err != nil || all == 0 {
		return err
	}
	j, err := t.jobs.Update(ctx, was.ID, func(j *Job) error {
		if !j.same(was) || j.Family.Ending != nil {
			return store.ErrUnchanged
		}
		j.measured(stamp(t.now), done/all, rows, max(rowsAll, j.Progress.RowsAll), states)
		j.charge(at, spent, states[Running])
		return nil
	})
	if err == nil && j.same(was) && j.Family.Ending != nil {
		return t.tend(ctx, j.ID)
	}
	return unlessRaced(err)
}

// measured notes how far the children are, and when to look again.
func (j *Job) measured(at time.Time, done float64, rows, rowsAll int64, states map[State]int) {
	f := *j.Family
	fraction := max(j.Progress.Fraction, f.From+(f.Until-f.From)*done)
	wait := tendEvery + time.Duration(f.Children)*tendChild
	if fraction == j.Progress.Fraction && maps.Equal(states, f.States) {
		wait += tendQuiet
	} else {
		j.Progress = Progress{Stage: "children", Fraction: fraction, Rows: rows, RowsAll: rowsAll, At: at}
		if span := at.Sub(f.Since); done > 0 && done < 1 && span >= etaAfter {
			if left := time.Duration(float64(span) * (1 - done) / done); left < maxETA {
				j.Progress.ETA = at.Add(left).Truncate(time.Second)
			}
		}
	}
	f.States = states
	j.Family, j.TendAt = &f, at.Add(wait)
}
