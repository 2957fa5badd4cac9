package job_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
)

// auditor is a driver that looks at every change of a job's record that was
// written, and notes what must never happen.
type auditor struct {
	store.Driver
	mu     sync.Mutex
	jobs   map[string]*job.Job
	found  []string
	writes int // to jobs
	ended  map[string]int
	active map[string]int // jobs with the queue or a worker, by tenant
	most   map[string]int // the most of them at a time
}

func newAuditor(d store.Driver) *auditor {
	return &auditor{Driver: d, jobs: map[string]*job.Job{}, ended: map[string]int{}, active: map[string]int{}, most: map[string]int{}}
}

func (a *auditor) violations() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]string(nil), a.found...)
}

// ids returns all jobs that were ever stored.
func (a *auditor) ids() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Sorted(maps.Keys(a.jobs))
}

func (a *auditor) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.writes
}

// Insert implements store.Driver.
func (a *auditor) Insert(ctx context.Context, collection string, records ...store.Record) ([]error, error) {
	if collection != "jobs" {
		return a.Driver.Insert(ctx, collection, records...)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	errs, err := a.Driver.Insert(ctx, collection, records...)
	for i, r := range records {
		if err == nil && errs[i] == nil {
			a.jobs[r.ID] = decode(r)
			a.weigh(nil, a.jobs[r.ID])
			a.writes++
		}
	}
	return errs, err
}

// Replace implements store.Driver.
func (a *auditor) Replace(ctx context.Context, collection string, records ...store.Record) ([]error, error) {
	if collection != "jobs" {
		return a.Driver.Replace(ctx, collection, records...)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	errs, err := a.Driver.Replace(ctx, collection, records...)
	for i, r := range records {
		if err == nil && errs[i] == nil {
			next := decode(r)
			a.check(r.ID, a.jobs[r.ID], next)
			a.weigh(a.jobs[r.ID], next)
			a.jobs[r.ID] = next
			a.writes++
		}
	}
	return errs, err
}

// weigh counts the jobs of each tenant that are with the queue or a worker.
func (a *auditor) weigh(was, is *job.Job) {
	active := func(j *job.Job) bool { return j != nil && (j.State == job.Queued || j.State == job.Running) }
	if active(was) {
		a.active[is.Tenant]--
	}
	if active(is) {
		a.active[is.Tenant]++
	}
	a.most[is.Tenant] = max(a.most[is.Tenant], a.active[is.Tenant])
}

// mostActive is how many jobs of the tenant were with the queue or a worker at
// a time.
func (a *auditor) mostActive(tenant string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.most[tenant]
}

func decode(r store.Record) *job.Job {
	j := &job.Job{}
	if err := json.Unmarshal(r.Body, j); err != nil {
		panic(err)
	}
	return j
}

var legal = map[job.State][]job.State{
	job.Awaiting:  {job.Awaiting, job.Pending, job.Failed, job.Cancelled},
	job.Pending:   {job.Pending, job.Queued, job.Failed, job.Cancelled},
	job.Queued:    {job.Running, job.Queued, job.Pending, job.Failed, job.Cancelled},
	job.Running:   {job.Running, job.Awaiting, job.Pending, job.Succeeded, job.Failed, job.Cancelled},
	job.Succeeded: {job.Succeeded, job.Awaiting}, // taken over by a retry of its parent, with its files or without
	job.Failed:    {job.Queued, job.Pending, job.Awaiting},
	job.Cancelled: {job.Queued, job.Pending, job.Awaiting},
}

// unrun is what a job may fail with that does not run.
var unrun = []string{"deadline_exceeded", "time_budget_exceeded", "memory_budget_too_small", job.CodeNewerWorker}

func (a *auditor) check(id string, was, is *job.Job) {
	bad := func(format string, args ...any) {
		a.found = append(a.found, fmt.Sprintf("job %s, %s epoch %d to %s epoch %d: %s", id, was.State, was.Epoch, is.State, is.Epoch, fmt.Sprintf(format, args...)))
	}
	ok := false
	for _, s := range legal[was.State] {
		ok = ok || s == is.State
	}
	claimed := was.State == job.Queued && is.State == job.Running
	noted := was.State == job.Queued && is.Waiting != nil && (was.Waiting == nil || *was.Waiting != *is.Waiting)
	noted = noted || was.State == job.Queued && is.Followed != was.Followed
	handed := is.State == job.Queued && !noted
	retried := was.State.Terminal()
	switch {
	case !ok:
		bad("no such transition")
	case handed && is.Epoch != was.Epoch+1, !handed && is.Epoch != was.Epoch:
		bad("the epoch counts hand-overs")
	case was.State != job.Running && was.State != job.Awaiting && is.State == job.Failed && !slices.Contains(unrun, is.Failure.Code):
		bad("it failed with %s though it did not run", is.Failure.Code)
	case claimed && is.Attempt != was.Attempt+1, !claimed && is.Attempt != was.Attempt:
		bad("the attempt counts claims")
	case is.LogLines < was.LogLines:
		bad("lines vanished")
	case was.CancelRequested && !was.Committed && !retried && (is.Committed || is.State == job.Succeeded || is.State == job.Failed):
		bad("went on after an acknowledged cancel")
	case was.Committed && !is.Committed && is.State != job.Failed && !retried:
		bad("a commit was taken back")
	case was.Committed && is.Committed && string(was.Result) != string(is.Result):
		bad("a committed result changed")
	case was.State == job.Running && is.State == job.Running && is.Worker != was.Worker:
		bad("the worker changed under way")
	case was.State == job.Running && is.State == job.Running && is.Progress.Fraction < was.Progress.Fraction:
		bad("progress fell from %v to %v", was.Progress.Fraction, is.Progress.Fraction)
	}
	if is.State.Terminal() {
		a.ended[fmt.Sprint(id, "/", is.Epoch)]++
	}
}
