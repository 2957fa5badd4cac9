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

// Why a call failed, in few words.
const (
	reasonCanceled = "canceled"
	reasonTimeout  = "timeout"
	reasonFailed   = "failed"
)

func reason(err error) string {
	switch {
	case errors.Is(err, context.Canceled):
		return reasonCanceled
	case errors.Is(err, context.DeadlineExceeded):
		return reasonTimeout
	default:
		return reasonFailed
	}
}

// known is the reason, if it is one of ours.
func known(reason string) string {
	if reason == reasonCanceled || reason == reasonTimeout {
		return reason
	}
	return reasonFailed
}
