package telemetry

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// Breakers tells the states of circuit breakers.
type Breakers struct {
	state       *prometheus.GaugeVec
	transitions *prometheus.CounterVec
	refused     *prometheus.CounterVec
	elsewhere   *prometheus.CounterVec
}

func newBreakers(m *Metrics) *Breakers {
	return &Breakers{
		state:       m.gauge("circuit_breaker_state", "State of the circuit breaker of a part: 0 closed, 1 half open, 2 open.", "dependency"),
		transitions: m.counter("circuit_breaker_transitions_total", "Changes of a circuit breaker to the state.", "dependency", "state"),
		refused:     m.counter("circuit_breaker_refused_total", "Calls that were not made, since the breaker was open or too many were under way.", "dependency", "reason"),
		elsewhere:   m.counter("job_process_breaker_transitions_total", "Changes to the state of circuit breakers in the processes of jobs, each of which has its own.", "dependency", "state"),
	}
}

// Breaker is the circuit breaker of one part.
type Breaker struct {
	breakers *Breakers
	name     string
}

// Of returns the metrics of the breaker of the part, which starts closed.
func (b *Breakers) Of(dependency string) Breaker {
	b.state.WithLabelValues(dependency).Set(0)
	return Breaker{breakers: b, name: dependency}
}

// Changed says that the breaker is in the state now: "closed", "half_open" or
// "open".
func (b Breaker) Changed(state string) {
	number := map[string]float64{"half_open": 1, "open": 2}[state]
	b.breakers.state.WithLabelValues(b.name).Set(number)
	b.breakers.transitions.WithLabelValues(b.name, state).Inc()
}

// Refused counts a call that was not made: "open" or "full".
func (b Breaker) Refused(reason string) {
	b.breakers.refused.WithLabelValues(b.name, reason).Inc()
}

// Transition is a change of a circuit breaker, on its way from the process of a
// job, which has its own, to the one whose metrics it counts in.
type Transition struct {
	Dependency string `json:"dependency"`
	State      string `json:"state"`
}

// Record counts a change of a circuit breaker in another process. It returns
// false, and counts nothing, when there is no such part or state.
func (b *Breakers) Record(t Transition) bool {
	known := slices.Contains([]string{"store", "s3", "redis"}, t.Dependency) && slices.Contains([]string{"closed", "half_open", "open"}, t.State)
	if known {
		b.elsewhere.WithLabelValues(t.Dependency, t.State).Inc()
	}
	return known
}
