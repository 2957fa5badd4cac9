package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
)

const (
	eventType   = "text/event-stream"
	linesAtTime = 500 // log lines read at a time
)

// position is how far a client has read an event stream: the revision of the
// job it has seen and the last line of its log.
type position struct {
	revision int64
	line     int
}

// String is the position as an event's id.
func (p position) String() string {
	return strconv.FormatInt(p.revision, 10) + "." + strconv.Itoa(p.line)
}

// parsePosition reads the header Last-Event-ID; empty means from the start.
func parsePosition(text string) (position, error) {
	if text == "" {
		return position{}, nil
	}
	first, second, ok := strings.Cut(text, ".")
	revision, err1 := strconv.ParseUint(first, 10, 63)
	line, err2 := strconv.ParseUint(second, 10, 31)
	p := position{revision: int64(revision), line: int(line)}
	if !ok || err1 != nil || err2 != nil || p.String() != text {
		return position{}, fault.Invalid("invalid_last_event_id", "Last-Event-ID is not the id of an event of this stream; leave it out to start from the beginning").
			With(fault.Field{Location: "header.Last-Event-ID", Message: "must look like 17.4", Value: shorten(text)})
	}
	return p, nil
}

type eventsInput struct {
	JobRef
	LastEventID string `header:"Last-Event-ID" maxLength:"64" doc:"The id of the last event that was read: go on after it" example:"17.4"`
}

// streamOutput writes its own answer.
type streamOutput struct {
	Body func(huma.Context)
}

func (s *server) registerEvents() {
	op := operation(tagJobs, "GET /jobs/{id}/events", "stream-job-events", "Follow a job",
		`A stream of server-sent events. An event "job" carries the job as GET /api/v1/jobs/{id} shows it, an event "log" one line of its log. Every id is "<revision>.<seq of the last line>"; send the last one as Last-Event-ID to go on after a break. Comments keep a silent stream alive. It ends after the event that shows a final state, and answers 204 when there is nothing left to tell. Browsers: use fetch, since EventSource cannot send a token.`,
		http.StatusNotFound, http.StatusTooManyRequests)
	op.Metadata[metaStreams] = true
	op.Responses = map[string]*huma.Response{
		"200": {Description: "The stream", Content: map[string]*huma.MediaType{eventType: {
			Schema:  &huma.Schema{Type: huma.TypeString, Description: "Server-sent events: \"job\" with a Job, \"log\" with a LogLine"},
			Example: "retry: 2000\n\nevent: log\nid: 16.4\ndata: {\"seq\":4,\"at\":\"2025-06-01T12:00:03Z\",\"attempt\":1,\"level\":\"info\",\"message\":\"fold 1 of 5\"}\n\nevent: job\nid: 17.4\ndata: {\"id\":\"job_0197290c5e5b7c3a9d0e1f2a3b4c5d6e\",\"state\":\"running\"}\n\n: keep-alive\n\n",
		}}},
		"204": {Description: "The job has ended and the client has seen all of it; do not connect again"},
	}
	register(s, op, s.streamEvents)
}

func (s *server) streamEvents(ctx context.Context, in *eventsInput) (*streamOutput, error) {
	seen, err := parsePosition(in.LastEventID)
	if err != nil {
		return nil, err
	}
	j, err := s.lookUp(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if j.State.Terminal() && seen.revision >= j.Revision && seen.line >= j.LogLines {
		return &streamOutput{Body: func(c huma.Context) { c.SetStatus(http.StatusNoContent) }}, nil
	}
	release, err := s.waits.acquire()
	if err != nil {
		return nil, err
	}
	return &streamOutput{Body: func(huma.Context) {
		defer release()
		s.stream(ctx, j, seen)
	}}, nil
}

// stream writes what is new about the job until it has ended, the client is
// gone, or the stream has lived long enough.
func (s *server) stream(ctx context.Context, j *job.Job, seen position) {
	x := exchangeOf(ctx)
	ctx, cancel := s.untilDrain(ctx, s.config.MaxStream)
	defer cancel()
	w := newEventWriter(x)
	w.begin()
	for {
		var err error
		if seen, err = s.tell(ctx, w, j, seen); err != nil || w.err != nil || j.State.Terminal() {
			x.cause = err // too late for a problem; the log shall know
			return
		}
		waiting, stop := context.WithTimeout(ctx, s.config.KeepAlive)
		next, err := s.jobs.Wait(waiting, j.Tenant, j.ID, j.Revision)
		silent := waiting.Err() != nil
		stop()
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !silent:
			x.cause = err
			return
		case err == nil:
			j = next
		}
		if silent {
			w.comment("keep-alive")
		}
	}
}

// tell writes the lines and the state that the client has not seen.
func (s *server) tell(ctx context.Context, w *eventWriter, j *job.Job, seen position) (position, error) {
	for seen.line < j.LogLines {
		lines, err := s.jobs.Logs(ctx, j.Tenant, j.ID, seen.line, linesAtTime)
		if err != nil {
			return seen, fmt.Errorf("read the log of job %s: %w", j.ID, err)
		}
		if len(lines) == 0 {
			break // expired or not yet visible
		}
		for _, line := range lines {
			seen.line = line.Seq
			w.event("log", seen, viewLine(line))
		}
	}
	if j.Revision > seen.revision {
		seen.revision = j.Revision
		w.event("job", seen, viewJob(callerOf(ctx), j))
	}
	w.flush()
	return seen, nil
}

// eventWriter writes server-sent events. It stops at its first error, which
// means that the client is gone.
type eventWriter struct {
	x       *exchange
	control *http.ResponseController
	err     error
}

func newEventWriter(x *exchange) *eventWriter {
	return &eventWriter{x: x, control: http.NewResponseController(x.echo.Response())}
}

func (w *eventWriter) begin() {
	h := w.x.echo.Response().Header()
	h.Set("Content-Type", eventType)
	h.Set("X-Accel-Buffering", "no") // asks proxies to pass events on at once
	w.x.allow(0)
	w.x.echo.Response().WriteHeader(http.StatusOK)
	w.write("retry: 2000\n\n")
	w.flush()
}

func (w *eventWriter) event(name string, id position, data any) {
	w.write("event: " + name + "\nid: " + id.String() + "\ndata: " + string(encode(data)) + "\n\n")
}

func (w *eventWriter) comment(text string) {
	w.write(": " + text + "\n\n")
	w.flush()
}

func (w *eventWriter) write(text string) {
	if w.err != nil {
		return
	}
	w.x.allow(0)
	_, w.err = w.x.echo.Response().Write([]byte(text))
}

func (w *eventWriter) flush() {
	if w.err == nil {
		w.err = w.control.Flush()
	}
}
