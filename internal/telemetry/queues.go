package telemetry

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// QueueDepth is how much stands in the queue of one pool.
type QueueDepth struct {
	Pool                                                   string
	Pending, Active, Scheduled, Retry, Archived, Completed int64
	OldestPending                                          time.Duration
	Paused                                                 bool
}

// queues asks for the depth of the queues when it is collected.
type queues struct {
	tasks, oldest, paused, up *prometheus.Desc
	pools                     *bound

	mu   sync.Mutex
	read func(context.Context) ([]QueueDepth, error)
}

var _ prometheus.Collector = (*queues)(nil)

func newQueues(m *Metrics) *queues {
	q := &queues{
		tasks:  m.desc("queue_tasks", "Tasks in the queue. Scale workers on pending, active and retry; archived and completed are history.", "pool", "state"),
		oldest: m.desc("queue_oldest_pending_seconds", "How long the longest waiting task has waited.", "pool"),
		paused: m.desc("queue_paused", "1 when the queue is paused.", "pool"),
		up:     m.desc("queue_up", "1 when the queue could be measured, else 0 and its other metrics are missing."),
		pools:  newBound(maxValues),
	}
	m.registry.MustRegister(q)
	return q
}

// CollectQueues sets where the depth of the queues is read at every scrape.
func (m *Metrics) CollectQueues(read func(context.Context) ([]QueueDepth, error)) {
	m.queues.mu.Lock()
	defer m.queues.mu.Unlock()
	m.queues.read = read
}

// Describe implements prometheus.Collector.
func (q *queues) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{q.tasks, q.oldest, q.paused, q.up} {
		ch <- d
	}
}

// collectTimeout bounds what a scrape waits for.
const collectTimeout = 2 * time.Second

// Collect implements prometheus.Collector.
func (q *queues) Collect(ch chan<- prometheus.Metric) {
	q.mu.Lock()
	read := q.read
	q.mu.Unlock()
	if read == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), collectTimeout)
	defer cancel()
	depths, err := read(ctx)
	if err != nil {
		ch <- prometheus.MustNewConstMetric(q.up, prometheus.GaugeValue, 0)
		return
	}
	ch <- prometheus.MustNewConstMetric(q.up, prometheus.GaugeValue, 1)
	done := make(map[string]bool)
	for _, d := range depths {
		pool := q.pools.value(d.Pool)
		if done[pool] {
			continue // a metric may be told once
		}
		done[pool] = true
		for state, n := range map[string]int64{
			"pending": d.Pending, "active": d.Active, "scheduled": d.Scheduled,
			"retry": d.Retry, "archived": d.Archived, "completed": d.Completed,
		} {
			ch <- prometheus.MustNewConstMetric(q.tasks, prometheus.GaugeValue, float64(n), pool, state)
		}
		ch <- prometheus.MustNewConstMetric(q.oldest, prometheus.GaugeValue, d.OldestPending.Seconds(), pool)
		ch <- prometheus.MustNewConstMetric(q.paused, prometheus.GaugeValue, truth(d.Paused), pool)
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// slots asks a worker's pools how busy they are when it is collected.
type slots struct {
	all, busy *prometheus.Desc

	mu    sync.Mutex
	pools map[string]pool
}

type pool struct {
	slots int
	busy  func() int
}

var _ prometheus.Collector = (*slots)(nil)

func newSlots(m *Metrics) *slots {
	s := &slots{
		all:   m.desc("worker_slots", "Jobs of the pool that this worker runs together at most.", "pool"),
		busy:  m.desc("worker_slots_busy", "Jobs of the pool that this worker runs now.", "pool"),
		pools: make(map[string]pool),
	}
	m.registry.MustRegister(s)
	return s
}

// CollectSlots names a pool of this worker, its slots and how many of them
// are busy.
func (m *Metrics) CollectSlots(name string, slots int, busy func() int) {
	m.slots.mu.Lock()
	defer m.slots.mu.Unlock()
	m.slots.pools[name] = pool{slots: slots, busy: busy}
}

// Describe implements prometheus.Collector.
func (s *slots) Describe(ch chan<- *prometheus.Desc) {
	ch <- s.all
	ch <- s.busy
}

// Collect implements prometheus.Collector.
func (s *slots) Collect(ch chan<- prometheus.Metric) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, p := range s.pools {
		ch <- prometheus.MustNewConstMetric(s.all, prometheus.GaugeValue, float64(p.slots), name)
		ch <- prometheus.MustNewConstMetric(s.busy, prometheus.GaugeValue, float64(p.busy()), name)
	}
}
