package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
)

// Train submits a training job. The key, which may be empty, makes repeating
// the call harmless.
func (c *Client) Train(ctx context.Context, r TrainRequest, key string) (*Job, error) {
	return c.submit(ctx, "training", r, key)
}

// Tune submits a tuning job.
func (c *Client) Tune(ctx context.Context, r TuneRequest, key string) (*Job, error) {
	return c.submit(ctx, "tuning", r, key)
}

// Predict submits a prediction job.
func (c *Client) Predict(ctx context.Context, r PredictRequest, key string) (*Job, error) {
	return c.submit(ctx, "predictions", r, key)
}

// Cleanup submits a clean-up job.
func (c *Client) Cleanup(ctx context.Context, r CleanupRequest, key string) (*Job, error) {
	return c.submit(ctx, "cleanup", r, key)
}

func (c *Client) submit(ctx context.Context, path string, in any, key string) (*Job, error) {
	var a Accepted
	if err := c.post(ctx, path, in, key, &a); err != nil {
		return nil, err
	}
	if a.Job == nil || a.JobID == "" {
		return nil, fmt.Errorf("the server accepted %s but names no job", path)
	}
	return a.Job, nil
}

// Job returns the job as it is now.
func (c *Client) Job(ctx context.Context, id string) (*Job, error) {
	j := new(Job)
	if err := c.get(ctx, "jobs/"+url.PathEscape(id), nil, j); err != nil {
		return nil, err
	}
	return j, nil
}

// Cancel asks the job to stop.
func (c *Client) Cancel(ctx context.Context, id string) (*Job, error) {
	return c.change(ctx, id, "cancel")
}

// Retry starts a failed or cancelled job again.
func (c *Client) Retry(ctx context.Context, id string) (*Job, error) {
	return c.change(ctx, id, "retry")
}

func (c *Client) change(ctx context.Context, id, how string) (*Job, error) {
	j := new(Job)
	if err := c.post(ctx, "jobs/"+url.PathEscape(id)+"/"+how, nil, "", j); err != nil {
		return nil, err
	}
	return j, nil
}

// Logs returns all lines after the one with the number.
func (c *Client) Logs(ctx context.Context, id string, after int) ([]LogLine, error) {
	var all []LogLine
	for {
		var page struct {
			Items     []LogLine `json:"items"`
			NextAfter int       `json:"next_after"`
		}
		query := url.Values{"after": {strconv.Itoa(after)}}
		if err := c.get(ctx, "jobs/"+url.PathEscape(id)+"/logs", query, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if page.NextAfter <= after {
			return all, nil
		}
		after = page.NextAfter
	}
}

// Jobs lists jobs, newest first.
func (c *Client) Jobs(ctx context.Context, f JobFilter, cursor string, limit int) (Page[*Job], error) {
	query := paging(cursor, limit)
	for name, v := range map[string]string{"scope": f.Scope, "state": f.State, "kind": f.Kind, "subject": f.Subject, "parent": f.Parent} {
		if v != "" {
			query.Set(name, v)
		}
	}
	var page Page[*Job]
	err := c.get(ctx, "jobs", query, &page)
	return page, err
}

// Datasets lists data sets, newest first.
func (c *Client) Datasets(ctx context.Context, cursor string, limit int) (Page[*Dataset], error) {
	var page Page[*Dataset]
	err := c.get(ctx, "datasets", paging(cursor, limit), &page)
	return page, err
}

// Models lists models, newest first.
func (c *Client) Models(ctx context.Context, cursor string, limit int) (Page[*Model], error) {
	var page Page[*Model]
	err := c.get(ctx, "models", paging(cursor, limit), &page)
	return page, err
}

func paging(cursor string, limit int) url.Values {
	q := url.Values{}
	if cursor != "" {
		q.Set("cursor", cursor)
	}
	if limit > 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	return q
}

// Dataset returns the data set.
func (c *Client) Dataset(ctx context.Context, id string) (*Dataset, error) {
	d := new(Dataset)
	if err := c.get(ctx, "datasets/"+url.PathEscape(id), nil, d); err != nil {
		return nil, err
	}
	return d, nil
}

// Profile returns the profile of a version of a data set, 0 for the newest, as it is and
// decoded.
func (c *Client) Profile(ctx context.Context, id string, version int) (json.RawMessage, *Profile, error) {
	var raw json.RawMessage
	query := url.Values{}
	if version != 0 {
		query.Set("version", strconv.Itoa(version))
	}
	if err := c.get(ctx, "datasets/"+url.PathEscape(id)+"/profile", query, &raw); err != nil {
		return nil, nil, err
	}
	p := new(Profile)
	if err := json.Unmarshal(raw, p); err != nil {
		return nil, nil, fmt.Errorf("read the profile of %s: %w", id, err)
	}
	return raw, p, nil
}

// Model returns the model.
func (c *Client) Model(ctx context.Context, id string) (*Model, error) {
	m := new(Model)
	if err := c.get(ctx, "models/"+url.PathEscape(id), nil, m); err != nil {
		return nil, err
	}
	return m, nil
}

// Result opens a file of a job's result; the name may be empty when there is
// one file. The size is -1 when it is unknown. The caller closes the file.
func (c *Client) Result(ctx context.Context, id, name string) (file io.ReadCloser, size int64, err error) {
	query := url.Values{}
	if name != "" {
		query.Set("file", name)
	}
	resp, err := c.do(ctx, call{method: http.MethodGet, path: "jobs/" + url.PathEscape(id) + "/result", query: query})
	if err != nil {
		return nil, 0, err
	}
	_ = resp.Body.Close() // of the redirect
	where, err := resp.Location()
	if err != nil || resp.StatusCode != http.StatusSeeOther {
		return nil, 0, fmt.Errorf("the server answered %s instead of a link to the file", resp.Status)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, where.String(), http.NoBody)
	if err != nil {
		return nil, 0, fmt.Errorf("follow the link to the file: %w", err)
	}
	link, err := c.http.Do(req) // without the token: the link is signed
	if err != nil {
		return nil, 0, &UnreachableError{URL: where.Scheme + "://" + where.Host, Err: cause(err)}
	}
	if link.StatusCode != http.StatusOK {
		return nil, 0, fmt.Errorf("fetch the file from %s: %w", where.Host, failure(link))
	}
	return link.Body, link.ContentLength, nil
}
