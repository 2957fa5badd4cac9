package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Jobs counts what happens to jobs. The methods beginning with Job are called
// as it happens, by whatever process does it; SetBacklog by the scheduler.
type Jobs struct {
	submitted *prometheus.CounterVec
	started   *prometheus.CounterVec
	finished  *prometheus.CounterVec
	parked    *prometheus.CounterVec
	dead      *prometheus.CounterVec
	revived   *prometheus.CounterVec
	troubles  *prometheus.CounterVec
	wait      *prometheus.HistogramVec
	duration  *prometheus.HistogramVec
	running   *prometheus.GaugeVec
	waiting   *prometheus.GaugeVec
	oldest    *prometheus.GaugeVec

	dispatched *prometheus.CounterVec
	room       *prometheus.GaugeVec
	tenants    *prometheus.GaugeVec
	unfair     *prometheus.GaugeVec

	kinds, outcomes, reasons, operations, pools *bound
}

func newJobs(m *Metrics) *Jobs {
	return &Jobs{
		submitted:  m.counter("jobs_submitted_total", "Jobs accepted and stored.", "kind"),
		started:    m.counter("jobs_started_total", "Attempts begun by a worker.", "kind"),
		finished:   m.counter("jobs_finished_total", "Attempts ended, by how.", "kind", "outcome"),
		parked:     m.counter("jobs_parked_total", "Jobs that a worker took up and sent back to wait, by what for: a part that is away, a newer worker.", "kind", "reason"),
		dead:       m.counter("dead_letters_total", "Jobs that were given up though their owners made no mistake, by why.", "kind", "cause"),
		revived:    m.counter("jobs_revived_total", "Jobs handed over again, because a worker died or the queue forgot them.", "kind", "reason"),
		troubles:   m.counter("job_troubles_total", "Errors around jobs that their owners do not see; the log has them.", "operation"),
		wait:       m.histogram("job_queue_wait_seconds", "Time from handing a job over to its start.", durationBuckets(), "kind"),
		duration:   m.histogram("job_duration_seconds", "Time an attempt took.", durationBuckets(), "kind", "outcome"),
		running:    m.gauge("jobs_running", "Jobs that are running, by the records; told by the leading scheduler.", "kind"),
		waiting:    m.gauge("jobs_waiting", "Jobs that wait: waiting for other jobs, pending in the store, or queued; told by the leading scheduler.", "pool", "state"),
		oldest:     m.gauge("jobs_oldest_waiting_seconds", "How long the longest waiting job has waited; told by the leading scheduler.", "pool"),
		dispatched: m.counter("jobs_dispatched_total", "Jobs that the dispatcher handed to the queue, not counting those that went there at once.", "pool"),
		room:       m.gauge("dispatch_room", "Jobs that the queue had room for when the dispatcher last looked at the pool.", "pool"),
		tenants:    m.gauge("dispatch_tenants_waiting", "Tenants with jobs of the pool that waited for their turn when the dispatcher last looked.", "pool"),
		unfair:     m.gauge("dispatch_share_error_jobs", "By how many jobs what a waiting tenant was handed differs from its share, at most.", "pool"),
		kinds:      newBound(maxValues),
		outcomes:   newBound(16),
		reasons:    newBound(maxValues),
		operations: newBound(maxValues),
		pools:      newBound(maxValues),
	}
}

// JobSubmitted counts a job that was stored.
func (j *Jobs) JobSubmitted(kind string) {
	j.submitted.WithLabelValues(j.kinds.value(kind)).Inc()
}

// JobStarted counts an attempt that a worker began this long after the job was
// handed over.
func (j *Jobs) JobStarted(kind string, wait time.Duration) {
	kind = j.kinds.value(kind)
	j.started.WithLabelValues(kind).Inc()
	j.wait.WithLabelValues(kind).Observe(max(0, wait.Seconds()))
}

// JobFinished counts the end of an attempt that took d, 0 when none had begun.
func (j *Jobs) JobFinished(kind, outcome string, d time.Duration) {
	kind, outcome = j.kinds.value(kind), j.outcomes.value(outcome)
	j.finished.WithLabelValues(kind, outcome).Inc()
	if d > 0 {
		j.duration.WithLabelValues(kind, outcome).Observe(d.Seconds())
	}
}

// JobParked counts a job that was sent back to wait for what the reason, a code,
// says.
func (j *Jobs) JobParked(kind, reason string) {
	j.parked.WithLabelValues(j.kinds.value(kind), j.reasons.value(reason)).Inc()
}

// JobDied counts a job that became a dead letter.
func (j *Jobs) JobDied(kind, cause string) {
	j.dead.WithLabelValues(j.kinds.value(kind), j.reasons.value(cause)).Inc()
}

// JobRevived counts a job that was handed over again.
func (j *Jobs) JobRevived(kind, reason string) {
	j.revived.WithLabelValues(j.kinds.value(kind), j.reasons.value(reason)).Inc()
}

// JobTrouble counts an error around jobs.
func (j *Jobs) JobTrouble(operation string) {
	j.troubles.WithLabelValues(j.operations.value(operation)).Inc()
}

// Waiting is the line of one pool.
type Waiting struct {
	Awaiting int64         // for other jobs
	Pending  int64         // in the store
	Queued   int64         // with the queue
	Oldest   time.Duration // how long the first that is not waiting for others has waited
}

// SetBacklog replaces the gauges of running jobs, by kind, and of waiting ones,
// by pool. A scheduler that no longer leads sets nil and nil: its figures must
// not stay beside those of the next one.
func (j *Jobs) SetBacklog(running map[string]int64, waiting map[string]Waiting) {
	j.running.Reset()
	for kind, n := range running {
		j.running.WithLabelValues(j.kinds.value(kind)).Set(float64(n))
	}
	j.waiting.Reset()
	j.oldest.Reset()
	for pool, w := range waiting {
		pool = j.pools.value(pool)
		j.waiting.WithLabelValues(pool, "waiting").Set(float64(w.Awaiting))
		j.waiting.WithLabelValues(pool, "pending").Set(float64(w.Pending))
		j.waiting.WithLabelValues(pool, "queued").Set(float64(w.Queued))
		j.oldest.WithLabelValues(pool).Set(w.Oldest.Seconds())
	}
}

// Dispatch is what one pass of the dispatcher has done for one pool.
type Dispatch struct {
	Jobs    int     // handed over
	Room    int     // for how many the queue had room before
	Tenants int     // that wait
	Error   float64 // by how many jobs a tenant's part differs from its share, at most
}

// JobsDispatched notes what the dispatcher has done for a pool. Where there was
// no room it has not looked at the tenants.
func (j *Jobs) JobsDispatched(pool string, d Dispatch) {
	pool = j.pools.value(pool)
	j.dispatched.WithLabelValues(pool).Add(float64(d.Jobs))
	j.room.WithLabelValues(pool).Set(float64(d.Room))
	if d.Room > 0 {
		j.tenants.WithLabelValues(pool).Set(float64(d.Tenants))
		j.unfair.WithLabelValues(pool).Set(d.Error)
	}
}

// ForgetDispatch removes the gauges of a dispatcher that no longer leads.
func (j *Jobs) ForgetDispatch() {
	j.room.Reset()
	j.tenants.Reset()
	j.unfair.Reset()
}
