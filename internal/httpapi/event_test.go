package httpapi_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/httpapi"
	"github.com/narrativeml/narrative/internal/job"
)

// stream reads an event stream.
type stream struct {
	status int
	header http.Header
	lines  *bufio.Scanner
	close  context.CancelFunc
}

// event is one event, or a comment, of a stream.
type event struct{ name, id, data, comment string }

func (b *bench) follow(t *testing.T, id, last string) *stream {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.url+jobsPath+"/"+id+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+ada)
	req.Header.Set("Accept-Encoding", "gzip")
	if last != "" {
		req.Header.Set("Last-Event-Id", last)
	}
	res, err := b.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = res.Body.Close() })
	return &stream{status: res.StatusCode, header: res.Header, lines: bufio.NewScanner(res.Body), close: cancel}
}

// next returns the next event, or false at the end of the stream.
func (s *stream) next() (event, bool) {
	var e event
	for s.lines.Scan() {
		name, value, _ := strings.Cut(s.lines.Text(), ": ")
		switch {
		case s.lines.Text() == "" && e != event{}:
			return e, true
		case s.lines.Text() == "" || name == "retry":
		case name == "event":
			e.name = value
		case name == "id":
			e.id = value
		case name == "data":
			e.data = value
		case name == "":
			e.comment = value
		}
	}
	return e, false
}

// want reads the next event that is no comment and checks its name and id.
func (s *stream) want(t *testing.T, name, id string) event {
	t.Helper()
	for {
		e, ok := s.next()
		if !ok {
			t.Fatalf("the stream ended before %s %s", name, id)
		}
		if e.comment != "" {
			continue
		}
		if e.name != name || e.id != id {
			t.Fatalf("got %+v, want %s %s", e, name, id)
		}
		return e
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	b := setup(t)
	j := b.jobs.add("ada", "training", "")
	b.jobs.say(j.ID, "one", "two")
	b.jobs.change(j.ID, func(j *job.Job) { j.State = job.Running })
	s := b.follow(t, j.ID, "")
	if s.status != http.StatusOK || s.header.Get("Content-Type") != "text/event-stream" || s.header.Get("Content-Encoding") != "" || s.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("status %d, %v", s.status, s.header)
	}
	var line httpapi.LogLine
	if err := json.Unmarshal([]byte(s.want(t, "log", "0.1").data), &line); err != nil || line.Message != "one" || line.Seq != 1 {
		t.Errorf("line %+v, %v", line, err)
	}
	s.want(t, "log", "0.2")
	s.want(t, "job", "2.2")
	b.jobs.say(j.ID, "three")
	b.jobs.change(j.ID, func(j *job.Job) { j.Progress.Fraction = 0.5 })
	s.want(t, "log", "2.3")
	var got httpapi.Job
	if err := json.Unmarshal([]byte(s.want(t, "job", "3.3").data), &got); err != nil || got.Progress.Fraction != 0.5 || got.Links.Self == "" {
		t.Errorf("job %+v, %v", got, err)
	}
	s.close()

	b.jobs.say(j.ID, "four")
	b.jobs.change(j.ID, func(j *job.Job) { j.State, j.Result = job.Succeeded, []byte(`{"output_key":"jobs/secret","rows":1}`) })
	s = b.follow(t, j.ID, "3.3")
	s.want(t, "log", "3.4")
	if e := s.want(t, "job", "4.4"); strings.Contains(e.data, "secret") || !strings.Contains(e.data, `"rows":1`) {
		t.Errorf("data is %s", e.data)
	}
	if e, ok := s.next(); ok {
		t.Errorf("after the end: %+v", e)
	}
	if s = b.follow(t, j.ID, "4.4"); s.status != http.StatusNoContent {
		t.Errorf("nothing left: status %d", s.status)
	}
}

func TestEventsOfManyLines(t *testing.T) {
	t.Parallel()
	b := setup(t)
	j := b.jobs.add("ada", "training", "")
	const lines = 1234
	for range lines {
		b.jobs.say(j.ID, "line\nwith a break: \"quoted\"")
	}
	b.jobs.change(j.ID, func(j *job.Job) { j.State = job.Failed })
	s := b.follow(t, j.ID, "")
	n := 0
	for e, ok := s.next(); ok; e, ok = s.next() {
		if e.name == "log" {
			n++
		}
	}
	if n != lines {
		t.Errorf("%d lines, want %d", n, lines)
	}
}

func TestEventsKeepAlive(t *testing.T) {
	t.Parallel()
	b := setup(t, func(b *bench) { b.config.KeepAlive = 10 * time.Millisecond })
	j := b.jobs.add("ada", "training", "")
	s := b.follow(t, j.ID, "")
	s.want(t, "job", "1.0")
	for range 2 {
		if e, ok := s.next(); !ok || e.comment != "keep-alive" {
			t.Fatalf("got %+v, %v", e, ok)
		}
	}
	b.jobs.change(j.ID, func(j *job.Job) { j.State = job.Cancelled })
	s.want(t, "job", "2.0")
	for e, ok := s.next(); ok; e, ok = s.next() {
		if e.comment == "" {
			t.Errorf("after the end: %+v", e)
		}
	}
}

// TestEventsEnd ends streams in every other way than by the job's end.
func TestEventsEnd(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(b *bench){
		"draining":   func(b *bench) { close(b.draining) },
		"store away": func(b *bench) { b.jobs.fail(fault.Unavailable("store_unavailable", "the store does not answer")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(b *bench) { b.config.MaxWaits = 1 })
			j := b.jobs.add("ada", "training", "")
			s := b.follow(t, j.ID, "")
			s.want(t, "job", "1.0")
			<-b.jobs.waiting
			end(b)
			if e, ok := s.next(); ok {
				t.Errorf("got %+v", e)
			}
		})
	}
	t.Run("too old", func(t *testing.T) {
		t.Parallel()
		b := setup(t, func(b *bench) { b.config.MaxStream = 20 * time.Millisecond })
		s := b.follow(t, b.jobs.add("ada", "training", "").ID, "")
		s.want(t, "job", "1.0")
		if e, ok := s.next(); ok {
			t.Errorf("got %+v", e)
		}
	})
	t.Run("client gone", func(t *testing.T) {
		t.Parallel()
		b := setup(t, func(b *bench) { b.config.MaxWaits = 1 })
		j := b.jobs.add("ada", "training", "")
		s := b.follow(t, j.ID, "")
		s.want(t, "job", "1.0")
		s.close()
		// The slot comes back once the server has noticed.
		deadline := time.Now().Add(10 * time.Second)
		for {
			if s := b.follow(t, j.ID, ""); s.status == http.StatusOK {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("the slot was not given back")
			}
			tick(t)
		}
	})
}

func TestEventsRefuse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	j := b.jobs.add("ada", "training", "")
	for _, last := range []string{"1", "1.", ".1", "a.b", "-1.0", "1.-1", "01.0", "1.0.0", "99999999999999999999.1", "+1.0", "1.0 x"} {
		s := b.get(t, jobsPath+"/"+j.ID+"/events", ada, "Last-Event-ID", last)
		wantProblem(t, s, http.StatusUnprocessableEntity, "invalid_last_event_id")
	}
	wantProblem(t, b.get(t, jobsPath+"/"+j.ID+"/events", bob), http.StatusNotFound, "job_not_found")
}

func FuzzLastEventID(f *testing.F) {
	b := newBench()
	j := b.jobs.add("ada", "training", "")
	b.jobs.say(j.ID, "one", "two")
	b.jobs.change(j.ID, func(j *job.Job) { j.State = job.Succeeded })
	h, err := httpapi.New(b.config, b.deps)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"", "2.2", "1.1", "0.0", "-1.0", "2.", ".", "9223372036854775808.1", "1.2147483648", "\x00"} {
		f.Add(seed)
	}
	valid := regexp.MustCompile(`^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)$`)
	f.Fuzz(func(t *testing.T, last string) {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, jobsPath+"/"+j.ID+"/events", nil)
		req.Header["Authorization"] = []string{"Bearer " + ada}
		req.Header["Last-Event-Id"] = []string{last}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		body, err := io.ReadAll(w.Result().Body)
		if err != nil {
			t.Fatal(err)
		}
		switch w.Code {
		case http.StatusOK, http.StatusNoContent:
			if last != "" && !valid.MatchString(last) {
				t.Fatalf("%q was accepted: %s", last, body)
			}
		case http.StatusUnprocessableEntity:
		default:
			t.Fatalf("%q: status %d: %s", last, w.Code, body)
		}
	})
}
