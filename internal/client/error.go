package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"
)

// Error is an answer of the server that is not a success.
type Error struct {
	Status     int           // of HTTP
	Code       string        // stable, for example "job_not_found"
	Title      string        // of the problem
	Detail     string        // a sentence for a person
	Fields     []Field       // where it was wrong
	RetryAfter time.Duration // 0: not said
}

// Error implements error.
func (e *Error) Error() string {
	var b strings.Builder
	text := e.Detail
	if text == "" {
		text = e.Title
	}
	if text == "" {
		text = http.StatusText(e.Status)
	}
	b.WriteString(text)
	if e.Code != "" {
		fmt.Fprintf(&b, " (%s)", e.Code)
	}
	for _, f := range e.Fields {
		if strings.Contains(text, f.Message) && strings.Contains(text, bare(f.Location)) {
			continue // the sentence says it all
		}
		fmt.Fprintf(&b, "\n  %s: %s", f.Location, f.Message)
	}
	return b.String()
}

// bare is what a sentence calls the place, without the word column.
func bare(location string) string { return strings.TrimPrefix(location, "column ") }

// UnreachableError says that the server gave no answer.
type UnreachableError struct {
	URL string
	Err error
}

// Error implements error.
func (e *UnreachableError) Error() string { return "reach " + e.URL + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *UnreachableError) Unwrap() error { return e.Err }

// JobError says that a job ended without success.
type JobError struct{ Job *Job }

// Error implements error.
func (e *JobError) Error() string {
	if e.Job.State == Cancelled {
		return fmt.Sprintf("the %s job %s was cancelled", e.Job.Kind, e.Job.ID)
	}
	text := fmt.Sprintf("the %s job %s %s", e.Job.Kind, e.Job.ID, e.Job.State)
	f := e.Job.Failure
	if f == nil {
		return text
	}
	return text + ": " + (&Error{Code: f.Code, Detail: f.Message, Fields: f.Fields}).Error()
}

// maxProblem bounds what is read of an answer that is not a success.
const maxProblem = 1 << 20

// failure reads an answer that is not a success and closes it.
func failure(resp *http.Response) error {
	defer func() { _ = resp.Body.Close() }() // what was read is enough
	e := &Error{Status: resp.StatusCode, RetryAfter: retryAfter(resp.Header)}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxProblem))
	if err != nil {
		return errors.Join(e, err)
	}
	media, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || media != "application/problem+json" && media != "application/json" {
		return e
	}
	var problem struct {
		Code   string  `json:"code"`
		Title  string  `json:"title"`
		Detail string  `json:"detail"`
		Errors []Field `json:"errors"`
	}
	if err := json.Unmarshal(body, &problem); err != nil {
		return e
	}
	e.Code, e.Title, e.Detail, e.Fields = problem.Code, problem.Title, problem.Detail, problem.Errors
	return e
}
