package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Sweep holds what a scheduler finds out about the whole.
type Sweep struct {
	workers *prometheus.GaugeVec
	up      *prometheus.GaugeVec
	latency *prometheus.GaugeVec
	leader  prometheus.Gauge
	ticks   *prometheus.CounterVec
	missed  *prometheus.CounterVec

	checks, names, outcomes *bound
}

func newSweep(m *Metrics) *Sweep {
	return &Sweep{
		workers:  m.gauge("workers", "Workers by their heartbeat, alive or lost; told by the leading scheduler.", "state"),
		up:       m.gauge("check_up", "1 when the part answered the last health sweep, else 0.", "check"),
		latency:  m.gauge("check_latency_seconds", "How long the part took to answer the last health sweep.", "check"),
		leader:   m.gauge("scheduler_leader", "1 in the scheduler that leads, else 0.").WithLabelValues(),
		ticks:    m.counter("scheduler_ticks_total", "Ticks of scheduled tasks, by what came of them.", "task", "outcome"),
		missed:   m.counter("schedule_missed_ticks_total", "Ticks of a schedule that no scheduler was there for.", "schedule"),
		checks:   newBound(maxValues),
		names:    newBound(maxValues),
		outcomes: newBound(16),
	}
}

// SetWorkers says how many workers send heartbeats and how many stopped.
func (s *Sweep) SetWorkers(alive, lost int) {
	s.workers.WithLabelValues("alive").Set(float64(alive))
	s.workers.WithLabelValues("lost").Set(float64(lost))
}

// SetCheck says whether a part answered, and how fast.
func (s *Sweep) SetCheck(check string, up bool, latency time.Duration) {
	check = s.checks.value(check)
	s.up.WithLabelValues(check).Set(truth(up))
	s.latency.WithLabelValues(check).Set(latency.Seconds())
}

// SetLeader says whether this scheduler leads. One that does not tells nothing
// about workers.
func (s *Sweep) SetLeader(leads bool) {
	s.leader.Set(truth(leads))
	if !leads {
		s.workers.Reset()
	}
}

// Tick counts a tick of a scheduled task; the outcome is a word such as
// "done", "failed" or "skipped".
func (s *Sweep) Tick(task, outcome string) {
	s.ticks.WithLabelValues(s.names.value(task), s.outcomes.value(outcome)).Inc()
}

// Missed counts ticks of a schedule that nobody was there for.
func (s *Sweep) Missed(schedule string, n int) {
	s.missed.WithLabelValues(s.names.value(schedule)).Add(float64(n))
}
