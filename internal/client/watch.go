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

// Seen is told what happens to a job; both may be nil.
type Seen struct {
	Job func(*Job)    // every change of the record
	Log func(LogLine) // every line of the log
}

// Watch follows the events of the job until it ends, and connects again where
// it was when the connection breaks. A job that ended without success is a
// *JobError.
func (c *Client) Watch(ctx context.Context, id string, seen Seen) (*Job, error) {
	w := &watcher{id: id, seen: seen}
	for broken := 0; broken < c.attempts; broken++ {
		before := w.lastID
		ended, err := c.follow(ctx, w)
		switch {
		case err != nil:
			return nil, err
		case ended:
			// The last look also has what events leave out.
			j, err := c.Job(ctx, id)
			if err != nil {
				return nil, err
			}
			return j, j.err()
		case w.lastID != before:
			broken = 0
		}
		if err := c.wait(ctx, firstPause); err != nil {
			return nil, err
		}
	}
	return nil, &UnreachableError{URL: c.base.String(), Err: errors.New("the events end again and again")}
}

// watcher is where one caller of Watch is.
type watcher struct {
	id     string
	seen   Seen
	lastID string
}

// follow reads one connection's events; ended tells that the job has ended.
func (c *Client) follow(ctx context.Context, w *watcher) (ended bool, err error) {
	header := http.Header{"Accept": {"text/event-stream"}}
	if w.lastID != "" {
		header.Set("Last-Event-ID", w.lastID)
	}
	path := "jobs/" + url.PathEscape(w.id) + "/events"
	resp, err := c.do(ctx, call{method: http.MethodGet, path: path, header: header})
	if err != nil {
		return false, err
	}
	defer func() { _ = resp.Body.Close() }() // it was read to its end or is broken
	if resp.StatusCode == http.StatusNoContent {
		return true, nil
	}
	var unreadable error
	// A stream that breaks, for whatever reason, is taken up again.
	_ = ReadEvents(resp.Body, func(e Event) error {
		ended, unreadable = w.take(e)
		if ended {
			return errEnd
		}
		return unreadable
	})
	switch {
	case ended, unreadable != nil:
		return ended, unreadable
	case ctx.Err() != nil:
		return false, ctx.Err()
	default:
		return false, nil
	}
}

// take handles one event; ended tells that it is the job's last.
func (w *watcher) take(e Event) (ended bool, err error) {
	switch e.Name {
	case "job":
		j := new(Job)
		if err := json.Unmarshal(e.Data, j); err != nil {
			return false, fmt.Errorf("read an event of job %s: %w", w.id, err)
		}
		if w.seen.Job != nil {
			w.seen.Job(j)
		}
		ended = j.Terminal()
	case "log":
		var line LogLine
		if err := json.Unmarshal(e.Data, &line); err != nil {
			return false, fmt.Errorf("read an event of job %s: %w", w.id, err)
		}
		if w.seen.Log != nil {
			w.seen.Log(line)
		}
	}
	if e.ID != "" {
		w.lastID = e.ID
	}
	return ended, nil
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
