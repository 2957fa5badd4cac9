package client

import (
	"context"
	"encoding/json"
	"net/url"
	"time"
)

// DeadLetter is a job that was given up though its owner made no mistake.
type DeadLetter struct {
	ID       string    `json:"id"` // of the job
	Tenant   string    `json:"tenant"`
	User     string    `json:"user"`
	Kind     string    `json:"kind"`
	Pool     string    `json:"pool"`
	Cause    string    `json:"cause"`
	Code     string    `json:"code"`
	Message  string    `json:"message"`
	Attempt  int       `json:"attempt"`
	Failures int       `json:"failures"`
	Crashes  int       `json:"crashes"`
	Outages  int       `json:"outages"`
	At       time.Time `json:"at"`

	// Of one that was asked for by itself.
	Payload json.RawMessage `json:"payload,omitempty"`
	History []Transition    `json:"history,omitempty"`
	Log     []LogLine       `json:"log,omitempty"`
}

// Transition is one event in the life of a job.
type Transition struct {
	Seq    int       `json:"seq"`
	At     time.Time `json:"at"`
	State  string    `json:"state"`
	Epoch  int       `json:"epoch"`
	Event  string    `json:"event,omitempty"`
	By     string    `json:"by,omitempty"`
	Worker string    `json:"worker,omitempty"` // for operators
	Reason string    `json:"reason,omitempty"`
}

// DeadFilter chooses dead letters; empty fields choose all.
type DeadFilter struct {
	Kind   string `json:"kind,omitempty"`
	Pool   string `json:"pool,omitempty"`
	Tenant string `json:"tenant,omitempty"`
	Code   string `json:"code,omitempty"`
}

// RequeueRequest asks for dead letters to be run again: by identifier, by
// filter, or all.
type RequeueRequest struct {
	DeadFilter
	IDs    []string `json:"ids,omitempty"`
	All    bool     `json:"all,omitempty"`
	DryRun bool     `json:"dry_run,omitempty"`
	Limit  int      `json:"limit,omitempty"`
	Rate   float64  `json:"rate,omitempty"` // jobs a second
}

// Requeued is what became of them.
type Requeued struct {
	DryRun   bool     `json:"dry_run"`
	Requeued int      `json:"requeued"`
	IDs      []string `json:"ids"`
	Skipped  []struct {
		ID      string `json:"id"`
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"skipped"`
	More bool `json:"more"` // ask again
}

// DeadLetters lists the jobs of all tenants that were given up, newest first.
func (c *Client) DeadLetters(ctx context.Context, f DeadFilter, cursor string, limit int) (Page[*DeadLetter], error) {
	query := paging(cursor, limit)
	for name, v := range map[string]string{"kind": f.Kind, "pool": f.Pool, "tenant": f.Tenant, "code": f.Code} {
		if v != "" {
			query.Set(name, v)
		}
	}
	var page Page[*DeadLetter]
	err := c.get(ctx, "dead-letters", query, &page)
	return page, err
}

// DeadLetter returns one, with its history, its log and what was asked for.
func (c *Client) DeadLetter(ctx context.Context, id string) (*DeadLetter, error) {
	d := new(DeadLetter)
	if err := c.get(ctx, "dead-letters/"+url.PathEscape(id), nil, d); err != nil {
		return nil, err
	}
	return d, nil
}

// Requeue runs dead letters again.
func (c *Client) Requeue(ctx context.Context, r RequeueRequest) (*Requeued, error) {
	done := new(Requeued)
	if err := c.post(ctx, "dead-letters/requeue", r, "", done); err != nil {
		return nil, err
	}
	return done, nil
}
