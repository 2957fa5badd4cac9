package httpapi

import (
	"context"
	"strconv"

	"github.com/narrativeml/narrative/internal/job"
)

type historyQuery struct {
	JobRef
	After int `query:"after" minimum:"0" maximum:"1000000000" default:"0" doc:"Only events after this seq"`
	Limit int `query:"limit" minimum:"1" maximum:"500" default:"200" doc:"How many events to return at most"`
}

// Event is one event in the life of a job.
type Event struct {
	Seq int `json:"seq" doc:"From 1, without gaps within a job"`
	Transition
}

// History is a part of a job's history.
type History struct {
	Items     []Event `json:"items" nullable:"false" doc:"The events, oldest first"`
	NextAfter int     `json:"next_after,omitempty" doc:"Send it as after for the next events; missing at the end"`
}

type historyOutput struct {
	Link string `header:"Link" doc:"The address of the next events, with rel=\"next\"; missing at the end"`
	Body History
}

func (s *server) getHistory(ctx context.Context, in *historyQuery) (*historyOutput, error) {
	events, err := readJob(ctx, func(tenant string) ([]job.Event, error) {
		return s.jobs.History(ctx, tenant, in.ID, in.After, in.Limit)
	})
	if err != nil {
		return nil, err
	}
	out := &historyOutput{Body: History{Items: make([]Event, 0, len(events))}}
	for _, e := range events {
		out.Body.Items = append(out.Body.Items, Event{Seq: e.Seq, Transition: viewTransition(callerOf(ctx), e.Transition)})
	}
	if n := len(events); n > 0 && n == in.Limit {
		out.Body.NextAfter = events[n-1].Seq
		out.Link = nextLink(ctx, "after", strconv.Itoa(events[n-1].Seq))
	}
	return out, nil
}
