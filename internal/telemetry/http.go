package telemetry

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// HTTP counts requests.
type HTTP struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	methods  *bound
	routes   *bound
}

func newHTTP(m *Metrics) *HTTP {
	return &HTTP{
		requests: m.counter("http_requests_total", "Requests answered.", "method", "route", "status"),
		duration: m.histogram("http_request_duration_seconds", "Time from the request to the end of its answer.", latencyBuckets(), "method", "route"),
		methods:  newBound(16),
		routes:   newBound(maxRoutes),
	}
}

// ObserveRequest counts a request. The route is a pattern with few values.
func (h *HTTP) ObserveRequest(method, route string, status int, duration time.Duration) {
	method, route = h.methods.value(method), h.routes.value(route)
	code := other
	if status >= 100 && status < 600 {
		code = strconv.Itoa(status)
	}
	h.requests.WithLabelValues(method, route, code).Inc()
	h.duration.WithLabelValues(method, route).Observe(duration.Seconds())
}
