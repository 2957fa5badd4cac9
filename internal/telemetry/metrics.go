package telemetry

import (
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics are the metrics of one process. Its parts are safe for concurrent
// use and return at once.
type Metrics struct {
	HTTP  *HTTP
	Jobs  *Jobs
	ML    *ML
	Sweep *Sweep
	S3    *Dependency
	Redis *Dependency
	Cache *Cache

	Breakers *Breakers

	records  *Dependency
	slots    *slots
	memory   *memory
	queues   *queues
	registry *prometheus.Registry
	entries  []Entry
}

// Entry describes one metric.
type Entry struct {
	Name   string
	Type   string // counter, gauge or histogram
	Labels []string
	Help   string
}

// namespace is the first part of every name.
const namespace = "narrative"

// New returns the metrics of a process; version is that of the program.
func New(version string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.gauge("build_info", "Always 1; the version of the program.", "version").WithLabelValues(version).Set(1)
	m.HTTP = newHTTP(m)
	m.Jobs = newJobs(m)
	m.ML = newML(m)
	m.Sweep = newSweep(m)
	m.records = newDependency(m, "store", "the store of records")
	m.S3 = newDependency(m, "s3", "the file storage")
	m.Redis = newDependency(m, "redis", "Redis")
	m.Cache = newCache(m)
	m.Breakers = newBreakers(m)
	m.slots = newSlots(m)
	m.memory = newMemory(m)
	m.queues = newQueues(m)
	return m
}

// Handler serves the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		// What can be collected is served when something cannot.
		ErrorHandling: promhttp.ContinueOnError,
	})
}

// Entries describes every metric of ours, by name.
func (m *Metrics) Entries() []Entry {
	entries := slices.Clone(m.entries)
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return entries
}

func (m *Metrics) enter(kind, name, help string, labels []string) string {
	m.entries = append(m.entries, Entry{Name: namespace + "_" + name, Type: kind, Labels: labels, Help: help})
	return name
}

func (m *Metrics) counter(name, help string, labels ...string) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: namespace, Name: m.enter("counter", name, help, labels), Help: help,
	}, labels)
	m.registry.MustRegister(v)
	return v
}

func (m *Metrics) gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	v := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: namespace, Name: m.enter("gauge", name, help, labels), Help: help,
	}, labels)
	m.registry.MustRegister(v)
	return v
}

func (m *Metrics) histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	v := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: namespace, Name: m.enter("histogram", name, help, labels), Help: help, Buckets: buckets,
	}, labels)
	m.registry.MustRegister(v)
	return v
}

// desc describes a metric that is made when it is collected.
func (m *Metrics) desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(namespace+"_"+m.enter("gauge", name, help, labels), help, labels, nil)
}

// total describes a counter that is made when it is collected.
func (m *Metrics) total(name, help string) *prometheus.Desc {
	return prometheus.NewDesc(namespace+"_"+m.enter("counter", name, help, nil), help, nil, nil)
}

// Buckets, in seconds unless said otherwise.
func latencyBuckets() []float64 {
	return []float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}
}

func durationBuckets() []float64 {
	return []float64{0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600}
}

// bound lets through a limited number of values of a label.
type bound struct {
	mu   sync.Mutex
	max  int
	seen map[string]struct{}
}

// Limits of label values.
const (
	maxValues = 64
	maxRoutes = 200
	maxLength = 100 // bytes of a value
)

// other stands for the values that came too late.
const other = "other"

func newBound(limit int) *bound { return &bound{max: limit, seen: make(map[string]struct{})} }

// value returns the value, or other when there were too many before it.
func (b *bound) value(v string) string {
	if v == "" {
		return "none"
	}
	if len(v) > maxLength {
		return other
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, found := b.seen[v]; found {
		return v
	}
	if len(b.seen) >= b.max {
		return other
	}
	b.seen[v] = struct{}{}
	return v
}
