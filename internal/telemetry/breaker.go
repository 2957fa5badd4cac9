package telemetry

import "github.com/prometheus/client_golang/prometheus"

// Breakers tells the states of circuit breakers.
type Breakers struct {
	state       *prometheus.GaugeVec
	transitions *prometheus.CounterVec
	refused     *prometheus.CounterVec
}

func newBreakers(m *Metrics) *Breakers {
	return &Breakers{
		state:       m.gauge("circuit_breaker_state", "State of the circuit breaker of a part: 0 closed, 1 half open, 2 open.", "dependency"),
		transitions: m.counter("circuit_breaker_transitions_total", "Changes of a circuit breaker to the state.", "dependency", "state"),
		refused:     m.counter("circuit_breaker_refused_total", "Calls that were not made, since the breaker was open or too many were under way.", "dependency", "reason"),
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
