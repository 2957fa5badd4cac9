package app

import (
	"encoding/json"
	"log/slog"

	"github.com/narrativeml/narrative/internal/config"
	"github.com/narrativeml/narrative/internal/resilience"
	"github.com/narrativeml/narrative/internal/telemetry"
)

// Reached reports whether clients of the API reach the file storage.
func Reached(c config.Config) bool { return reached(c) }

// EventBreaker is what a job's process tells of its circuit breakers under.
const EventBreaker = eventBreaker

// JobProcess returns the guard of the file storage in a job's process, and what
// its worker, with these metrics and this log, does with an event.
func JobProcess(m *telemetry.Metrics, l *slog.Logger) (*resilience.Guard, func(name string, body json.RawMessage), error) {
	worker := &platform{metrics: m, logger: l}
	g, err := newGuards(reported(func(t telemetry.Transition) {
		body, err := json.Marshal(t)
		if err != nil {
			panic(err)
		}
		worker.onEvent(eventBreaker, body)
	}))
	return g.s3, worker.onEvent, err
}
