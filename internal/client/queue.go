package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// QueueSettings is what operators set for a queue.
type QueueSettings struct {
	Paused     bool           `json:"paused,omitempty"`
	KindLimits map[string]int `json:"kind_limits,omitempty"`
}

// Queue is a queue as operators see it.
type Queue struct {
	Queue string `json:"queue"`
	QueueSettings
	Waiting   int64     `json:"waiting"` // for other jobs
	Pending   int64     `json:"pending"`
	Queued    int64     `json:"queued"`
	Running   int64     `json:"running"`
	Slots     int       `json:"slots"`
	Workers   int       `json:"workers"`
	UpdatedAt time.Time `json:"updated_at,omitzero"`
	UpdatedBy string    `json:"updated_by,omitempty"`
}

// TenantSettings is what operators set for a tenant; nil is the configured
// default, 0 no limit.
type TenantSettings struct {
	Weight     int            `json:"weight,omitempty"`
	MaxRunning *int           `json:"max_running,omitempty"`
	KindLimits map[string]int `json:"kind_limits,omitempty"`
	RateLimit  *int           `json:"rate_limit,omitempty"`
	MaxWaiting *int           `json:"max_waiting,omitempty"`
	Paused     bool           `json:"paused,omitempty"`
}

// Tenant is a tenant as operators see it.
type Tenant struct {
	Tenant string `json:"tenant"`
	TenantSettings
	UpdatedAt time.Time `json:"updated_at,omitzero"`
	UpdatedBy string    `json:"updated_by,omitempty"`
}

// Prioritise changes the priority of a job that waits.
func (c *Client) Prioritise(ctx context.Context, id string, priority int) (*Job, error) {
	j := new(Job)
	if err := c.write(ctx, http.MethodPatch, "jobs/"+url.PathEscape(id), map[string]int{"priority": priority}, "", j); err != nil {
		return nil, err
	}
	return j, nil
}

// Queues returns all queues.
func (c *Client) Queues(ctx context.Context) ([]*Queue, error) {
	var all struct {
		Items []*Queue `json:"items"`
	}
	err := c.get(ctx, "queues", nil, &all)
	return all.Items, err
}

// ChangeQueue changes what is set for the queue; again when somebody else was
// faster. A change of nil only looks.
func (c *Client) ChangeQueue(ctx context.Context, name string, change func(*QueueSettings)) (*Queue, error) {
	return replace(ctx, c, "queues/"+url.PathEscape(name), func(q *Queue) any {
		if change == nil {
			return nil
		}
		change(&q.QueueSettings)
		return q.QueueSettings
	})
}

// Tenants lists the tenants for which something is set.
func (c *Client) Tenants(ctx context.Context, cursor string, limit int) (Page[*Tenant], error) {
	var page Page[*Tenant]
	err := c.get(ctx, "tenants", paging(cursor, limit), &page)
	return page, err
}

// ChangeTenant changes what is set for the tenant, as ChangeQueue does.
func (c *Client) ChangeTenant(ctx context.Context, name string, change func(*TenantSettings)) (*Tenant, error) {
	return replace(ctx, c, "tenants/"+url.PathEscape(name), func(t *Tenant) any {
		if change == nil {
			return nil
		}
		change(&t.TenantSettings)
		return t.TenantSettings
	})
}

// replaceTries is how often somebody else may be faster.
const replaceTries = 5

// replace reads what is there, and writes what change makes of it over the
// revision that was read; nothing when that is nil.
func replace[T any](ctx context.Context, c *Client, path string, change func(*T) any) (*T, error) {
	for try := 1; ; try++ {
		resp, err := c.do(ctx, call{method: http.MethodGet, path: path})
		if err != nil {
			return nil, err
		}
		v := new(T)
		err = decode(resp, v)
		_ = resp.Body.Close() // what was read is enough
		if err != nil {
			return nil, err
		}
		in := change(v)
		if in == nil {
			return v, nil
		}
		v = new(T)
		err = c.write(ctx, http.MethodPut, path, in, resp.Header.Get("ETag"), v)
		if err == nil {
			return v, nil
		}
		if e, ok := errors.AsType[*Error](err); !ok || e.Status != http.StatusPreconditionFailed || try == replaceTries {
			return nil, err
		}
	}
}

// write sends in as JSON, for the revision if there is one, and reads the answer
// into out.
func (c *Client) write(ctx context.Context, method, path string, in any, etag string, out any) error {
	data, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encode the request: %w", err)
	}
	header := http.Header{"Content-Type": {contentJSON}}
	if etag != "" {
		header.Set("If-Match", etag)
	}
	body := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
	return c.answer(ctx, call{method: method, path: path, header: header, body: body}, out)
}
