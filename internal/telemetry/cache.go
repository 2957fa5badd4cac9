package telemetry

import "github.com/prometheus/client_golang/prometheus"

// Cache counts what became of questions to the cache of answers.
type Cache struct {
	requests          *prometheus.CounterVec
	answers, outcomes *bound
}

func newCache(m *Metrics) *Cache {
	return &Cache{
		requests: m.counter("cache_requests_total", "Answers that were asked for, by what became of it: hit, miss, shared with another who asked at the same time, error of Redis, or off.", "answer", "outcome"),
		answers:  newBound(maxValues), outcomes: newBound(16),
	}
}

// Asked counts a question for an answer, such as "chart", and its outcome.
func (c *Cache) Asked(answer, outcome string) {
	c.requests.WithLabelValues(c.answers.value(answer), c.outcomes.value(outcome)).Inc()
}
