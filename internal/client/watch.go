package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// pollWait is how long the server may hold a request open while nothing
// changes.
const pollWait = "30s"

// Wait polls the job until it ends and tells every change to seen, which may
// be nil. A job that ended without success is a *JobError.
func (c *Client) Wait(ctx context.Context, id string, seen func(*Job)) (*Job, error) {
	etag := ""
	path := "jobs/" + url.PathEscape(id)
	for {
		r := call{method: http.MethodGet, path: path, header: http.Header{}}
		if etag != "" {
			r.header.Set("If-None-Match", etag)
			r.query = url.Values{"wait": {pollWait}}
		}
		j, next, err := c.poll(ctx, r)
		if err != nil {
			return nil, err
		}
		if j == nil {
			continue
		}
		if etag = next; etag == "" {
			return nil, fmt.Errorf("the server sent no ETag with job %s", id)
		}
		if seen != nil {
			seen(j)
		}
		if j.Terminal() {
			return j, j.err()
		}
	}
}

// poll returns the job and its entity tag, or nil when it did not change.
func (c *Client) poll(ctx context.Context, r call) (*Job, string, error) {
	resp, err := c.do(ctx, r)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = resp.Body.Close() }() // what was read is enough
	if resp.StatusCode == http.StatusNotModified {
		return nil, "", nil
	}
	j := new(Job)
	if err := decode(resp, j); err != nil {
		return nil, "", err
	}
	return j, resp.Header.Get("ETag"), nil
}

func (j *Job) err() error {
	if j.State == Succeeded {
		return nil
	}
	return &JobError{Job: j}
}

// Event is one server-sent event.
type Event struct {
	ID   string
	Name string // "message" when the server named none
	Data []byte
}

// errEnd is returned by a handler of events that has seen enough.
var errEnd = errors.New("end of events")

// Watch follows the events of the job until it ends, tells every change to
// seen, and connects again where it was when the connection breaks. A job that
// ended without success is a *JobError.
func (c *Client) Watch(ctx context.Context, id string, seen func(*Job)) (*Job, error) {
	var last *Job
	lastID := ""
	path := "jobs/" + url.PathEscape(id) + "/events"
	for broken := 0; broken < c.attempts; {
		header := http.Header{"Accept": {"text/event-stream"}}
		if lastID != "" {
			header.Set("Last-Event-ID", lastID)
		}
		resp, err := c.do(ctx, call{method: http.MethodGet, path: path, header: header})
		if err != nil {
			return nil, err
		}
		before := lastID
		var unreadable error
		err = ReadEvents(resp.Body, func(e Event) error {
			if e.ID != "" {
				lastID = e.ID
			}
			j := new(Job)
			if err := json.Unmarshal(e.Data, j); err != nil {
				unreadable = fmt.Errorf("read an event of job %s: %w", id, err)
				return unreadable
			}
			if j.ID != id {
				return nil // an event about something else than the record
			}
			last = j
			if seen != nil {
				seen(j)
			}
			if j.Terminal() {
				return errEnd
			}
			return nil
		})
		_ = resp.Body.Close() // it was read to its end or is broken
		switch {
		case errors.Is(err, errEnd):
			return last, last.err()
		case unreadable != nil:
			return nil, unreadable
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case lastID != before:
			broken = 0
		}
		broken++
		if err := c.wait(ctx, firstPause); err != nil {
			return nil, err
		}
	}
	return nil, &UnreachableError{URL: c.base.String(), Err: errors.New("the events end again and again")}
}

// maxEvent bounds one line of an event stream.
const maxEvent = 8 << 20

// ReadEvents reads server-sent events until the stream ends, or fn or the
// stream gives an error, which it returns.
func ReadEvents(r io.Reader, fn func(Event) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxEvent)
	event, some := Event{Name: "message"}, false
	for lines.Scan() {
		line := strings.TrimSuffix(lines.Text(), "\r")
		if line == "" {
			if some {
				event.Data = bytes.TrimSuffix(event.Data, []byte("\n"))
				if err := fn(event); err != nil {
					return err
				}
			}
			event, some = Event{Name: "message"}, false
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "id":
			event.ID = value
		case "event":
			event.Name = value
		case "data":
			event.Data = append(append(event.Data, value...), '\n')
			some = true
			if len(event.Data) > maxEvent {
				return bufio.ErrTooLong
			}
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read events: %w", err)
	}
	return nil
}
