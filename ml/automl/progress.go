package automl

import (
	"sync"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/artifact"
)

// effort is how long a fit of an algorithm takes, relative to the others.
func effort(algorithm string) float64 {
	switch algorithm {
	case artifact.Baseline:
		return 0.05
	case artifact.Linear:
		return 1
	case artifact.Forest:
		return 2
	default:
		return 4
	}
}

// progress turns the progress of single fits into that of the call. It never
// goes back.
type progress struct {
	recorder ml.Recorder
	total    float64 // effort of all fits

	mu   sync.Mutex
	done float64 // effort of the finished ones
	last float64
}

// newProgress counts that many fits of each algorithm.
func newProgress(recorder ml.Recorder, algorithms []string, fits int) *progress {
	if recorder == nil {
		recorder = ml.Discard
	}
	p := &progress{recorder: recorder}
	for _, a := range algorithms {
		p.total += effort(a) * float64(fits)
	}
	return p
}

// within returns the Recorder of a single fit.
func (p *progress) within(algorithm, stage string) ml.Recorder {
	return ml.RecorderFunc(func(q ml.Progress) {
		p.record(stage, effort(algorithm)*max(0, min(q.Fraction, 1)), q.Message)
	})
}

// finish counts a fit as done.
func (p *progress) finish(algorithm, stage, message string) {
	p.mu.Lock()
	p.done += effort(algorithm)
	p.mu.Unlock()
	p.record(stage, 0, message)
}

func (p *progress) record(stage string, part float64, message string) {
	p.mu.Lock()
	p.last = max(p.last, min((p.done+part)/p.total, 1))
	fraction := p.last
	p.mu.Unlock()
	p.recorder.Record(ml.Progress{Stage: stage, Fraction: fraction, Message: message})
}
