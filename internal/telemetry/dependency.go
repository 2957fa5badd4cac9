package telemetry

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Dependency measures the calls to a part that the process depends on.
type Dependency struct {
	duration   *prometheus.HistogramVec
	errors     *prometheus.CounterVec
	operations *bound
}

func newDependency(m *Metrics, name, what string) *Dependency {
	return &Dependency{
		duration:   m.histogram(name+"_operation_duration_seconds", "Time a call to "+what+" took.", latencyBuckets(), "operation"),
		errors:     m.counter(name+"_operation_errors_total", "Calls to "+what+" that failed, by why.", "operation", "reason"),
		operations: newBound(maxValues),
	}
}

// Observe counts a call that took that long; err is nil when it was answered.
func (d *Dependency) Observe(operation string, elapsed time.Duration, err error) {
	operation = d.operations.value(operation)
	d.duration.WithLabelValues(operation).Observe(elapsed.Seconds())
	if err != nil {
		d.errors.WithLabelValues(operation, reason(err)).Inc()
	}
}

// reason names why a call failed, in few words.
func reason(err error) string {
	switch {
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	default:
		return "failed"
	}
}
