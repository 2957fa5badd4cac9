package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// ML counts the work on tables and models.
type ML struct {
	training    *prometheus.HistogramVec
	rows        *prometheus.CounterVec
	speed       *prometheus.HistogramVec
	predictions *prometheus.CounterVec

	tasks, algorithms, stages *bound
}

func newML(m *Metrics) *ML {
	return &ML{
		training:    m.histogram("training_seconds", "Time it took to fit one algorithm, cross-validation included.", durationBuckets(), "task", "algorithm"),
		rows:        m.counter("rows_processed_total", "Rows of tables worked on.", "stage"),
		speed:       m.histogram("rows_per_second", "Rows worked on in each second of a job, one observation a job.", prometheus.ExponentialBuckets(100, 4, 10), "stage"),
		predictions: m.counter("predictions_total", "Rows predicted.", "task"),
		tasks:       newBound(16),
		algorithms:  newBound(maxValues),
		stages:      newBound(maxValues),
	}
}

// Trained counts the fit of one algorithm.
func (l *ML) Trained(task, algorithm string, d time.Duration) {
	l.training.WithLabelValues(l.tasks.value(task), l.algorithms.value(algorithm)).Observe(d.Seconds())
}

// Processed counts the rows that a job of the stage, such as "ingest",
// "training" or "prediction", worked on in that time.
func (l *ML) Processed(stage string, rows int64, d time.Duration) {
	stage = l.stages.value(stage)
	l.rows.WithLabelValues(stage).Add(float64(max(0, rows)))
	if rows > 0 && d > 0 {
		l.speed.WithLabelValues(stage).Observe(float64(rows) / d.Seconds())
	}
}

// Predicted counts predicted rows.
func (l *ML) Predicted(task string, rows int64) {
	l.predictions.WithLabelValues(l.tasks.value(task)).Add(float64(max(0, rows)))
}
