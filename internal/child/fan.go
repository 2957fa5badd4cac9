package child

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/narrativeml/narrative/internal/job"
)

// fan is a job.Fan on its way to the worker, with the payloads as they are to
// be stored.
type fan struct {
	Specs    []spec  `json:"specs"`
	Tolerate int     `json:"tolerate"`
	Until    float64 `json:"until"`
}

type spec struct {
	Name    string          `json:"name"`
	Kind    job.Kind        `json:"kind"`
	Weight  float64         `json:"weight"`
	Payload json.RawMessage `json:"payload"`
	Memory  int64           `json:"memory"`
}

// childResult is a job.ChildResult on its way to the process of its parent.
type childResult struct {
	ID      string          `json:"id"`
	Name    string          `json:"name"`
	Number  int             `json:"number"`
	State   job.State       `json:"state"`
	Result  json.RawMessage `json:"result,omitempty"`
	Failure *job.Failure    `json:"failure,omitempty"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// packFan makes what is handed over of a verdict that asks for children.
func packFan(f job.Fan) (*fan, error) {
	packed := &fan{Tolerate: f.Tolerate, Until: f.Until}
	for _, c := range f.Children {
		payload, err := json.Marshal(c.Payload)
		if err != nil {
			return nil, job.Permanent(fmt.Errorf("encode payload of child %s: %w", c.Name, err))
		}
		packed.Specs = append(packed.Specs, spec{Name: c.Name, Kind: c.Kind, Weight: c.Weight, Payload: payload, Memory: c.Memory})
	}
	return packed, nil
}

func (f *fan) unpack() error {
	if f == nil {
		return errFrame
	}
	unpacked := job.Fan{Tolerate: f.Tolerate, Until: f.Until}
	for _, c := range f.Specs {
		unpacked.Children = append(unpacked.Children, job.ChildSpec{Name: c.Name, Kind: c.Kind, Weight: c.Weight, Payload: c.Payload, Memory: c.Memory})
	}
	return job.FanOut(unpacked)
}

// results reads what became of the job's children, for the process that goes on
// with it.
func results(ctx context.Context, t *job.Task) ([]childResult, error) {
	if t.Job.Family == nil || t.Children == nil {
		return nil, nil
	}
	children, err := t.Children(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the children of job %s: %w", t.Job.ID, err)
	}
	packed := make([]childResult, len(children))
	for i, c := range children {
		packed[i] = childResult(c)
	}
	return packed, nil
}

// children gives the handler the results that were handed over.
func (s *start) children(context.Context) ([]job.ChildResult, error) {
	if s.Job.Family != nil && len(s.Children) != s.Job.Family.Children {
		return nil, errors.New("child: the results of the job's children were not handed over")
	}
	out := make([]job.ChildResult, len(s.Children))
	for i, c := range s.Children {
		out[i] = job.ChildResult(c)
	}
	return out, nil
}
