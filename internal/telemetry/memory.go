package telemetry

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// Children are what became of the processes of jobs.
type Children struct {
	Running, Exceeded, Crashed int64
}

// memory asks a worker for its memory and its processes of jobs when it is
// collected.
type memory struct {
	budget, used, waiting      *prometheus.Desc
	running, exceeded, crashed *prometheus.Desc

	mu       sync.Mutex
	read     func() (used, total int64, waiting int)
	children func() Children
}

var _ prometheus.Collector = (*memory)(nil)

func newMemory(m *Metrics) *memory {
	c := &memory{
		budget:   m.desc("worker_memory_budget_bytes", "Memory for all jobs of this worker together; 0: no limit."),
		used:     m.desc("worker_memory_admitted_bytes", "Memory that the running jobs of this worker were given."),
		waiting:  m.desc("worker_memory_waiting", "Jobs that wait on this worker for memory."),
		running:  m.desc("job_processes", "Processes of jobs that this worker runs now."),
		exceeded: m.total("jobs_memory_exceeded_total", "Processes of jobs that were killed since they used more memory than they were given."),
		crashed:  m.total("job_processes_crashed_total", "Processes of jobs that died of themselves."),
	}
	m.registry.MustRegister(c)
	return c
}

// CollectMemory sets where a worker's memory is read at every scrape.
func (m *Metrics) CollectMemory(read func() (used, total int64, waiting int)) {
	m.memory.mu.Lock()
	defer m.memory.mu.Unlock()
	m.memory.read = read
}

// CollectChildren sets where a worker's processes of jobs are counted.
func (m *Metrics) CollectChildren(read func() Children) {
	m.memory.mu.Lock()
	defer m.memory.mu.Unlock()
	m.memory.children = read
}

// Describe implements prometheus.Collector.
func (c *memory) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.budget, c.used, c.waiting, c.running, c.exceeded, c.crashed} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *memory) Collect(ch chan<- prometheus.Metric) {
	c.mu.Lock()
	read, children := c.read, c.children
	c.mu.Unlock()
	tell := func(d *prometheus.Desc, t prometheus.ValueType, v float64) {
		ch <- prometheus.MustNewConstMetric(d, t, v)
	}
	if read != nil {
		used, total, waiting := read()
		tell(c.budget, prometheus.GaugeValue, float64(total))
		tell(c.used, prometheus.GaugeValue, float64(used))
		tell(c.waiting, prometheus.GaugeValue, float64(waiting))
	}
	if children != nil {
		n := children()
		tell(c.running, prometheus.GaugeValue, float64(n.Running))
		tell(c.exceeded, prometheus.CounterValue, float64(n.Exceeded))
		tell(c.crashed, prometheus.CounterValue, float64(n.Crashed))
	}
}
