package client

import (
	"context"
	"net/url"
	"strconv"
	"time"
)

// History returns every event in the life of the job.
func (c *Client) History(ctx context.Context, id string) ([]Transition, error) {
	var all []Transition
	for after := 0; ; {
		var page struct {
			Items     []Transition `json:"items"`
			NextAfter int          `json:"next_after"`
		}
		query := url.Values{"after": {strconv.Itoa(after)}}
		if err := c.get(ctx, "jobs/"+url.PathEscape(id)+"/history", query, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if page.NextAfter <= after {
			return all, nil
		}
		after = page.NextAfter
	}
}

// Schedule is something that the scheduler does at times.
type Schedule struct {
	Name     string    `json:"name"`
	Spec     string    `json:"spec"` // a cron expression in UTC
	LastAt   time.Time `json:"last_at,omitzero"`
	Done     bool      `json:"done"`  // what the newest tick was for
	Tries    int       `json:"tries"` // at it
	NextAt   time.Time `json:"next_at,omitzero"`
	Missed   int       `json:"missed"` // ticks, since ever
	MissedAt time.Time `json:"missed_at,omitzero"`
}

// Schedules lists what is done at times, by name.
func (c *Client) Schedules(ctx context.Context, cursor string, limit int) (Page[*Schedule], error) {
	var page Page[*Schedule]
	err := c.get(ctx, "schedules", paging(cursor, limit), &page)
	return page, err
}

// Worker is a process that runs jobs.
type Worker struct {
	Worker      string         `json:"worker"`
	State       string         `json:"state"` // alive, draining, stopped or lost
	Host        string         `json:"host"`
	PID         int            `json:"pid"`
	Running     int            `json:"running"`
	Slots       map[string]int `json:"slots"` // of each queue
	Busy        map[string]int `json:"busy,omitempty"`
	Memory      int64          `json:"memory_bytes,omitempty"` // 0: no limit
	MemoryUsed  int64          `json:"memory_used_bytes,omitempty"`
	StartedAt   time.Time      `json:"started_at"`
	HeartbeatAt time.Time      `json:"heartbeat_at"`
}

// Workers lists the processes that run jobs, those in the state or all if it is
// empty.
func (c *Client) Workers(ctx context.Context, state, cursor string, limit int) (Page[*Worker], error) {
	query := paging(cursor, limit)
	if state != "" {
		query.Set("state", state)
	}
	var page Page[*Worker]
	err := c.get(ctx, "workers", query, &page)
	return page, err
}

// HealthFinding is what was found out about a part at a time.
type HealthFinding struct {
	Check     string    `json:"check"`
	Status    string    `json:"status"`
	Breaker   string    `json:"breaker,omitempty"`
	LatencyMS float64   `json:"latency_ms"`
	Error     string    `json:"error,omitempty"`
	Changed   bool      `json:"changed"` // it was otherwise before
	At        time.Time `json:"at"`
}

// HealthHistory lists what was found out about the part, or about all if it is
// empty, newest first.
func (c *Client) HealthHistory(ctx context.Context, check, cursor string, limit int) (Page[*HealthFinding], error) {
	query := paging(cursor, limit)
	if check != "" {
		query.Set("check", check)
	}
	var page Page[*HealthFinding]
	err := c.get(ctx, "health/history", query, &page)
	return page, err
}
