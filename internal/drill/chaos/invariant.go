package chaos

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/narrativeml/narrative/internal/job"
)

// accepted: what was accepted is there, and every key is one job.
func accepted(l *ledger) {
	jobs := map[string]string{} // by the client's key, of a tenant and a kind
	for _, e := range l.of(Accepted) {
		if l.found[e.Job] == nil {
			l.breaks(NoneLost, e.Job, "it was accepted under the key %s, and there is no record of it", e.Key)
		}
		key := e.Tenant + "/" + e.Kind + "/" + e.Key
		if first, known := jobs[key]; known && first != e.Job {
			l.breaks(OneKeyOneJob, e.Job, "the key %s was accepted as job %s before", key, first)
		}
		jobs[key] = e.Job
	}
	keys := map[string]string{}
	for _, j := range l.final.Jobs {
		key := j.Tenant + "/" + j.Kind + "/" + j.IdempotencyKey
		if j.Child != nil { // its siblings have other names
			key += "/" + j.Parent + "/" + j.Child.Fan + "/" + j.Child.Name
		}
		if other, known := keys[key]; known {
			l.breaks(OneKeyOneJob, j.ID, "it has the key of job %s", other)
		}
		keys[key] = j.ID
	}
}

// answers: what clients saw of ends is what is recorded.
func answers(l *ledger) {
	for _, e := range l.of(Ended) {
		if j := l.found[e.Job]; j != nil && string(j.State) != e.State {
			l.breaks(ClientsRight, e.Job, "a client was told that it %s, and it is %s", e.State, j.State)
		}
	}
}

// ends: every job has ended, once, and not for a fault of the platform.
func ends(l *ledger) {
	wanted := l.wanted()
	for _, j := range l.final.Jobs {
		switch {
		case !j.State.Terminal():
			l.breaks(NoneStuck, j.ID, "the %s job is %s in attempt %d, epoch %d", j.Kind, j.State, j.Attempt, j.Epoch)
		case j.State == job.Failed && j.Crashes < j.MaxCrashes && wanted[j.ID] == "" && !l.forlorn(j):
			l.breaks(NoneFailed, j.ID, "the %s job failed: %s", j.Kind, failureOf(j))
		}
	}
	for id, writes := range l.writes {
		n := 0
		for i, w := range writes {
			if job.State(w.State).Terminal() && (i == 0 || !job.State(writes[i-1].State).Terminal() || writes[i-1].Epoch != w.Epoch) {
				n++
			}
		}
		if n > 1 {
			l.breaks(NoneDoubled, id, "it ended %d times", n)
		}
	}
}

// legal are the ways from state to state; a run retries nothing, so that an end
// is one. What is not named here may go anywhere, so that states that come later
// are judged by the other invariants.
func legal(from, to job.State) bool {
	ways := map[job.State][]job.State{
		job.Awaiting:  {job.Awaiting, job.Pending, job.Failed, job.Cancelled},
		job.Pending:   {job.Pending, job.Queued, job.Failed, job.Cancelled},
		job.Queued:    {job.Running, job.Queued, job.Pending, job.Failed, job.Cancelled},
		job.Running:   {job.Running, job.Awaiting, job.Pending, job.Succeeded, job.Failed, job.Cancelled},
		job.Succeeded: {}, job.Failed: {}, job.Cancelled: {},
	}
	next, known := ways[from]
	_, knownToo := ways[to]
	return !known || !knownToo || slices.Contains(next, to)
}

// steps: every change of a record follows from the one before.
func steps(l *ledger) {
	for _, id := range slices.Sorted(maps.Keys(l.writes)) {
		writes := l.writes[id]
		for i := 1; i < len(writes); i++ {
			if writes[i].Revision == writes[i-1].Revision {
				l.breaks(Fenced, id, "two writes made revision %d", writes[i].Revision)
			}
			if writes[i].Revision == writes[i-1].Revision+1 {
				l.step(id, writes[i-1], writes[i])
			}
		}
	}
}

// step judges one change.
func (l *ledger) step(id string, was, is Event) {
	before, after := job.State(was.State), job.State(is.State)
	claimed := before != job.Running && after == job.Running
	handed := after == job.Queued && before != job.Queued
	forgotten := after == job.Queued && before == job.Queued // by the queue, unless something else is noted
	switch {
	case is.Epoch < was.Epoch || is.Attempt < was.Attempt:
		l.breaks(Fenced, id, "epoch %d, attempt %d were written over epoch %d, attempt %d", is.Epoch, is.Attempt, was.Epoch, was.Attempt)
	case !legal(before, after):
		l.breaks(LegalSteps, id, "from %s to %s, epoch %d", before, after, is.Epoch)
	case handed && is.Epoch != was.Epoch+1, forgotten && is.Epoch > was.Epoch+1, !handed && !forgotten && is.Epoch != was.Epoch:
		l.breaks(EpochsGrow, id, "from %s epoch %d to %s epoch %d", before, was.Epoch, after, is.Epoch)
	case claimed && is.Attempt != was.Attempt+1, !claimed && is.Attempt != was.Attempt:
		l.breaks(EpochsGrow, id, "from %s attempt %d to %s attempt %d", before, was.Attempt, after, is.Attempt)
	case before == job.Running && after == job.Running && is.Worker != was.Worker:
		l.breaks(Fenced, id, "worker %s wrote to the attempt of %s", is.Worker, was.Worker)
	case before == job.Running && after == job.Succeeded && is.Worker != was.Worker:
		l.breaks(Fenced, id, "worker %s committed the attempt of %s", is.Worker, was.Worker)
	case before == job.Running && after == job.Running && is.Fraction < was.Fraction:
		l.breaks(EpochsGrow, id, "its progress fell from %v to %v", was.Fraction, is.Fraction)
	case was.Cancel && !is.Cancel && !before.Terminal():
		l.breaks(CancelsHold, id, "its cancel was taken back")
	case was.Cancel && !was.Committed && (is.Committed || after == job.Succeeded):
		l.breaks(CancelsHold, id, "it was committed after its cancel was recorded")
	case was.Committed && !is.Committed && after != job.Failed, was.Committed && is.Committed && was.Result != is.Result:
		l.breaks(CommitsStay, id, "a committed result changed or was taken back")
	}
}

// cancels: a cancel that was acknowledged is kept.
func cancels(l *ledger) {
	for _, e := range l.of(Cancelled) {
		if j := l.found[e.Job]; j != nil && j.State != job.Cancelled && j.State.Terminal() {
			l.breaks(CancelsHold, e.Job, "a client was told that it is cancelled, and it %s", j.State)
		}
	}
}

// families: a parent goes on once, after the last of its children has ended.
func families(l *ledger) {
	last := map[string]Event{} // of each parent, the last end of a child
	children := map[string]int{}
	for id, writes := range l.writes {
		parent := writes[0].Parent
		if parent == "" {
			continue
		}
		children[parent]++
		if l.found[parent] == nil {
			l.breaks(NoneLost, id, "it is a child of %s, of which there is no record", parent)
		}
		for _, w := range writes {
			if job.State(w.State).Terminal() && w.At > last[parent].At {
				last[parent] = w
			}
		}
	}
	for parent, n := range children {
		j := l.found[parent]
		if j == nil {
			continue
		}
		if j.Family != nil && j.Family.Children != n {
			l.breaks(FanInOnce, parent, "it has %d children, and %d were stored", j.Family.Children, n)
		}
		l.fanIn(parent, j, last[parent])
	}
}

// fanIn judges when the parent went on.
func (l *ledger) fanIn(parent string, j *job.Job, last Event) {
	times := 0
	writes := l.writes[parent]
	for i := 1; i < len(writes); i++ {
		was := writes[i-1]
		if job.State(was.State) != job.Awaiting || was.Attempt == 0 || job.State(writes[i].State) == job.Awaiting {
			continue // before its first attempt it waits for those that it comes after
		}
		times++
		if j.State == job.Succeeded && writes[i].At < last.At {
			l.breaks(FanInOnce, parent, "it went on before its child %s had ended", last.Job)
		}
	}
	if times > 1 {
		l.breaks(FanInOnce, parent, "it went on %d times", times)
	}
}

// rows: what clients counted is right.
func rows(l *ledger) {
	for _, e := range l.of(Rows) {
		if e.Text != "" {
			l.breaks(RowsOnce, e.Job, "%s", e.Text)
		}
	}
}

// limits: a tenant never has more jobs with the queue and the workers than it
// may.
func limits(l *ledger) {
	if l.final.Limit == 0 {
		return
	}
	for tenant, c := range l.crowds() {
		if c.most > l.final.Limit {
			l.breaks(LimitsHold, c.job, "it was the job number %d of tenant %s, which may have %d", c.most, tenant, l.final.Limit)
		}
	}
}

// crowd is the most jobs of a tenant that were with the queue and the workers at
// a time, and the last of them to come.
type crowd struct {
	most int
	job  string
}

// crowds finds them for every tenant. A job counts from when its record said so
// until it was asked to say otherwise, so that who is a moment late in writing
// it down makes no crowd.
func (l *ledger) crowds() map[string]crowd {
	type change struct {
		at  time.Duration
		by  int
		job string
	}
	of := map[string][]change{}
	active := func(e Event) bool { return e.State == string(job.Queued) || e.State == string(job.Running) }
	for id, writes := range l.writes {
		was := false
		for _, w := range writes {
			switch is := active(w); {
			case is && !was:
				of[w.Tenant] = append(of[w.Tenant], change{w.At, 1, id})
			case was && !is:
				of[w.Tenant] = append(of[w.Tenant], change{w.Since, -1, id})
			}
			was = active(w)
		}
	}
	all := map[string]crowd{}
	for tenant, changes := range of {
		slices.SortFunc(changes, func(a, b change) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.by, b.by)) })
		n := 0
		for _, c := range changes {
			if n += c.by; n > all[tenant].most {
				all[tenant] = crowd{n, c.job}
			}
		}
	}
	return all
}

// ticks: a tick is one row, and a scheduled clean-up is one job.
func ticks(l *ledger) {
	seen := map[string]bool{}
	for _, e := range l.of(Ticked) {
		if seen[e.Key] {
			l.breaks(TicksOnce, "", "the tick %s was inserted twice", e.Key)
		}
		seen[e.Key] = true
	}
	fired := map[string]string{}
	for _, j := range l.final.Jobs {
		if !strings.Contains(j.IdempotencyKey, "@") || j.Kind != "cleanup" {
			continue
		}
		if other := fired[j.IdempotencyKey]; other != "" {
			l.breaks(TicksOnce, j.ID, "the tick %s fired job %s too", j.IdempotencyKey, other)
		}
		if !seen[j.IdempotencyKey] {
			l.breaks(TicksOnce, j.ID, "no tick %s was inserted", j.IdempotencyKey)
		}
		fired[j.IdempotencyKey] = j.ID
	}
}

// models: a training that succeeded made one model, any other none.
func models(l *ledger) {
	for _, j := range l.final.Jobs {
		made := l.final.Models[j.ID]
		if len(made) > 1 {
			l.breaks(NoneDoubled, j.ID, "it made %d models", len(made))
		}
		if j.Kind != "training" || !j.State.Terminal() {
			continue
		}
		if j.State == job.Succeeded && len(made) == 0 {
			l.breaks(NoneMissing, j.ID, "it succeeded and there is no model")
		}
		if j.State == job.Cancelled && len(made) > 0 {
			l.breaks(CancelsHold, j.ID, "it was cancelled and published a model")
		}
	}
	for id := range l.final.Models {
		if l.found[id] == nil {
			l.breaks(NoneLost, id, "it made a model and there is no record of it")
		}
	}
}

// files: the files are those that records name.
func files(l *ledger) {
	if l.final.Files == nil || l.final.Named == nil {
		return
	}
	there := map[string]bool{}
	for _, key := range l.final.Files {
		there[key] = true
		if !l.final.Named[key] {
			l.breaks(NoOrphans, "", "%s", key)
		}
	}
	for _, j := range l.final.Jobs {
		if parent := l.found[j.Parent]; j.State != job.Succeeded || parent != nil && parent.State.Terminal() {
			continue // the files of a child are kept until its parent has ended
		}
		for name, key := range j.Files {
			if !there[key] {
				l.breaks(NoneMissing, j.ID, "its file %s, %s, is not there", name, key)
			}
		}
	}
}

// whole: the history ends where the records do.
func whole(l *ledger) {
	for _, j := range l.final.Jobs {
		writes := l.writes[j.ID]
		if len(writes) == 0 {
			l.breaks(WholeHistory, j.ID, "nothing is written of it")
			continue
		}
		if last := writes[len(writes)-1]; last.Revision != j.Revision || int64(len(writes)) != j.Revision {
			l.breaks(WholeHistory, j.ID, "%d changes are written, the last of revision %d; the record has revision %d", len(writes), last.Revision, j.Revision)
		}
	}
}
