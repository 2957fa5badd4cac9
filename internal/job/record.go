package job

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/narrativeml/narrative/internal/store"
)

// The indexes of the collection jobs.
const (
	indexKey       = "key"
	indexCreated   = "created"
	indexState     = "state"
	indexKind      = "kind"
	indexKindState = "kind_rest"
	indexSubject   = "subjects"
	indexAlso      = "alsos"
	indexAbout     = "abouts"
	indexAlsoAbout = "also_abouts"
	indexDue       = "due"
	indexLine      = "lines"
	indexTurn      = "turns"
	indexHeld      = "holds"
)

// Collections returns what the job layer keeps in the store: jobs, their log
// lines and long histories, leases, ticks, schedules, workers, deadlines, what comes
// after what, and dead letters. The program ensures them at its start.
func Collections() []store.Collection {
	return []store.Collection{
		jobCollection(), logCollection(), leaseCollection(), tickCollection(), workerCollection(),
		tenantPolicyCollection(), queuePolicyCollection(), placeCollection(), edgeCollection(), deadlineCollection(),
		batchCollection(), historyCollection(), deadCollection(), scheduleCollection(),
	}
}

// jobCollection declares the orders in which jobs are found. What a transition
// costs is mostly what it moves in them, so those that only some jobs are looked
// up by hold no others: of what jobs are about, nothing of those that are about
// nothing; of the line and the places, no job that has ended; of a kind by
// state, none that moves on in a moment.
//
// The field due_at is the time that matters in the job's state: not_before of a
// pending job, queued_at of a queued one, heartbeat_at of a running one,
// finished_at of one that ended; so one index serves the whole scheduler. The
// field also is what the job is about beside its subject; records from before
// there was one have none. Children are found as if their siblings were a tenant
// and their number the time of creation, so that they are in no list but their
// own.
func jobCollection() store.Collection {
	text := func(names ...string) []store.IndexField {
		fields := make([]store.IndexField, len(names))
		for i, name := range names {
			fields[i] = store.IndexField{Name: name}
		}
		return fields
	}
	named := func(field string) store.Only { return store.Only{Field: field} }
	in := func(states ...State) store.Only {
		only := store.Only{Field: "state"}
		for _, state := range states {
			only.Values = append(only.Values, string(state))
		}
		return only
	}
	created := store.IndexField{Name: "created_at", Type: store.Int}
	due := store.IndexField{Name: "due_at", Type: store.Int}
	turn := store.IndexField{Name: "turn_at", Type: store.Int}
	before := []string{"subject", "also", "about", "also_about", "kind_state", "line", "turn", "held"} // which held every job
	return store.Collection{Name: "jobs", Retired: before, Indexes: []store.Index{
		{Name: indexKey, Fields: text("tenant", "kind", "idempotency_key"), Unique: true},
		{Name: indexCreated, Fields: append(text("tenant"), created)},
		{Name: indexState, Fields: append(text("tenant", "state"), created)},
		{Name: indexKind, Fields: append(text("tenant", "kind"), created)},
		{Name: indexKindState, Fields: append(text("tenant", "kind", "state"), created), Only: in(restStates()...)},
		{Name: indexSubject, Fields: append(text("tenant", "subject"), created), Only: named("subject")},
		{Name: indexAlso, Fields: append(text("tenant", "also"), created), Only: named("also")},
		{Name: indexAbout, Fields: text("subject", "state"), Only: named("subject")},
		{Name: indexAlsoAbout, Fields: text("also", "state"), Only: named("also")},
		{Name: indexDue, Fields: append(text("state"), due)},
		{Name: indexLine, Fields: append(text("state", "pool", "kind"), due), Only: in(Awaiting, Pending, Queued, Running)},
		{Name: indexTurn, Fields: append(text("state", "pool", "owner", "kind"), turn), Only: in(Pending)},
		{Name: indexHeld, Fields: text("owner", "state", "kind"), Only: in(Queued, Running)},
	}}
}

// restStates are the states in which a job stays for longer than a moment, or
// for good, though others stand before the workers or with them.
func restStates() []State { return []State{Awaiting, Succeeded, Failed, Cancelled} }

// table is the typed view of the jobs.
type table = store.Table[Job, *Job]

// newTable returns the view. What a job's record no longer holds is written
// elsewhere before the record is.
func newTable(driver store.Driver) *table {
	histories, dead := newHistoryTable(driver), newDeadTable(driver)
	return store.NewTable[Job](driver, jobCollection()).Before(func(ctx context.Context, jobs []*Job) error {
		if err := spill(ctx, histories, jobs); err != nil {
			return err
		}
		return mourn(ctx, dead, jobs)
	})
}

// Keys implements store.Entity.
func (j *Job) Keys() map[string]any {
	also := ""
	if len(j.Also) > 0 {
		also = j.Also[0]
	}
	owner, order := j.lister()
	return map[string]any{
		"tenant": owner, "kind": j.Kind, "idempotency_key": j.IdempotencyKey, "state": string(j.State),
		"subject": j.Subject, "also": also, "pool": j.Pool, "created_at": order, "due_at": nanos(j.due()),
		"owner": j.Tenant, "turn_at": j.turn(),
	}
}

// due returns the time that matters in the job's state.
func (j *Job) due() time.Time {
	switch j.State {
	case Pending:
		return j.NotBefore
	case Queued:
		return j.QueuedAt
	case Running:
		return j.HeartbeatAt
	case Awaiting:
		return j.TendAt
	default:
		return j.FinishedAt
	}
}

// Delivery returns what the queue is told about the job in its present epoch.
func (j *Job) Delivery() Delivery {
	return Delivery{JobID: j.ID, Epoch: j.Epoch, Kind: j.Kind, Tenant: j.Tenant, Pool: j.Pool}
}

// move changes the state and notes it in the history.
func (j *Job) move(at time.Time, to State, reason string) {
	if j.State == Running && to != Running {
		j.TimeSpent += max(at.Sub(j.StartedAt), 0)
	}
	j.State = to
	if to != Awaiting {
		j.Awaits, j.TendAt = "", time.Time{}
	}
	t := Transition{At: at, State: to, Epoch: j.Epoch, Reason: reason}
	if to == Running || to.Terminal() {
		t.Worker = j.Worker
	}
	j.remember(t)
}

// queue hands the job over under a new epoch.
func (j *Job) queue(at time.Time, reason string) {
	j.Epoch++
	j.Worker = ""
	j.QueuedAt, j.NotBefore = at, time.Time{}
	j.move(at, Queued, reason)
}

// wait sends the job back to the line, in which its turn can come from the time
// given on. Without a worker
// and not running, it is fenced off from whoever had it; the event names them.
func (j *Job) wait(at, until time.Time, reason string) {
	worker := ""
	if j.State == Running {
		worker = j.Worker
	}
	j.Worker = ""
	j.NotBefore = time.Time{}
	if until.After(at) {
		j.NotBefore = until
	}
	j.move(at, Pending, reason)
	j.sentBackBy(worker)
}

// sentBackBy names the worker of which the last event, which was just added,
// tells that it sent the job back to the line.
func (j *Job) sentBackBy(worker string) { j.History[len(j.History)-1].Worker = worker }

// end moves the job to a terminal state. A job that waits for its children
// goes on waiting until they are told.
func (j *Job) end(at time.Time, to State, reason string) {
	if j.detain(at, to, reason) {
		return
	}
	j.FinishedAt, j.NotBefore, j.Waiting = at, time.Time{}, nil
	j.Progress.ETA = time.Time{}
	j.move(at, to, reason)
}

// copy returns a job that can be changed without changing j.
func (j *Job) copy() *Job {
	c := *j
	c.History, c.spill = slices.Clip(c.History), slices.Clip(c.spill)
	c.Files = maps.Clone(j.Files)
	return &c
}

// stamp returns the time as records keep it: UTC, to the microsecond.
func stamp(now func() time.Time) time.Time { return now().UTC().Truncate(time.Microsecond) }

// nanos returns the time as index values keep it; 0 is no time.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}
