package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"github.com/narrativeml/narrative/internal/fault"
)

// Problem is an error as a client sees it: RFC 9457 with a stable code.
type Problem struct { //nolint:errname // the name of RFC 9457, and of the schema that clients see
	Type      string        `json:"type" doc:"Where the class of the problem is described" example:"/docs#problem-invalid"`
	Title     string        `json:"title" doc:"The class of the problem" example:"The request or the data is wrong"`
	Status    int           `json:"status" doc:"The HTTP status" example:"422"`
	Detail    string        `json:"detail" doc:"What was wrong and what would be right" example:"The request is not valid: body.targt is not a known field."`
	Instance  string        `json:"instance" doc:"The path that was asked for" example:"/api/v1/training"`
	Code      string        `json:"code" pattern:"^[a-z][a-z0-9_]*$" doc:"Stable; a program may match on it" example:"unknown_field"`
	Errors    []fault.Field `json:"errors,omitempty" nullable:"false" doc:"The places that were wrong"`
	RequestID string        `json:"request_id" doc:"Names the request in the server's log" example:"4XJ2WQ7M5VPZK3RT6NHB8DYC9A"`

	header http.Header
	cause  error // for the log; nil when the detail says it all
}

var (
	_ huma.StatusError       = (*Problem)(nil)
	_ huma.HeadersError      = (*Problem)(nil)
	_ huma.ContentTypeFilter = (*Problem)(nil)
)

// Error implements error.
func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// GetStatus returns the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders returns the headers that go with the status.
func (p *Problem) GetHeaders() http.Header { return p.header }

// ContentType returns the media type of a problem.
func (p *Problem) ContentType(string) string { return problemType }

const problemType = "application/problem+json"

// retryAfterSeconds is what a client is asked to wait before it tries again.
const retryAfterSeconds = 5

// statusClosed is what the log says when the client has gone away.
const statusClosed = 499

// meaning is what a class of fault means to a client of HTTP.
type meaning struct {
	class  fault.Class
	status int
	title  string
	advice string
}

// meanings maps every class of fault to a status; nothing else does.
func meanings() []meaning {
	return []meaning{
		{fault.ClassInvalid, http.StatusUnprocessableEntity, "The request or the data is wrong", "Read detail and errors, correct the request and send it again. The status is 400 when the request could not even be read."},
		{fault.ClassUnauthenticated, http.StatusUnauthorized, "Nobody we know is asking", "Send a valid token: Authorization: Bearer. The header WWW-Authenticate says what was wrong with this one."},
		{fault.ClassForbidden, http.StatusForbidden, "You may not do this", "Ask for the role, or send the request from an allowed origin."},
		{fault.ClassNotFound, http.StatusNotFound, "There is no such thing", "It never existed, has been deleted, or belongs to somebody else; these look the same."},
		{fault.ClassConflict, http.StatusConflict, "The present state does not allow this", "Look at the thing again; wait for it, or choose another."},
		{fault.ClassTooLarge, http.StatusRequestEntityTooLarge, "A limit on size was passed", "Send less. The detail names the limit."},
		{fault.ClassUnsupported, http.StatusUnsupportedMediaType, "This format is not read", "Send one of the formats that the detail names."},
		{fault.ClassExhausted, http.StatusTooManyRequests, "Too much at once", "Wait as long as Retry-After says and try again."},
		{fault.ClassUnavailable, http.StatusServiceUnavailable, "A part of the system does not answer", "Wait as long as Retry-After says and try again. Nothing was lost; use an Idempotency-Key to be sure that nothing is done twice."},
		{fault.ClassCanceled, http.StatusServiceUnavailable, "The request was cut short", "Try again."},
		{fault.ClassInternal, http.StatusInternalServerError, "Something went wrong on our side", "Try again; if it goes on, tell the operator the request_id."},
	}
}

func meaningOf(class fault.Class) meaning {
	all := meanings()
	for _, m := range all {
		if m.class == class {
			return m
		}
	}
	return all[len(all)-1]
}

// problem returns how err looks to the client of the exchange.
func (x *exchange) problem(err error) *Problem {
	p := describe(err)
	p.RequestID = x.id
	p.Instance = x.path
	if p.Status == http.StatusUnauthorized {
		p.header.Set("WWW-Authenticate", challenge(p.Code, p.Detail))
	}
	if p.Status == http.StatusServiceUnavailable || p.Status == http.StatusTooManyRequests {
		p.header.Set("Retry-After", strconv.Itoa(retryAfterSeconds))
	}
	if p.Status == http.StatusRequestTimeout || p.Status == http.StatusRequestEntityTooLarge {
		p.header.Set("Connection", "close") // nobody waits for the rest of the body
	}
	x.code = p.Code
	if p.cause != nil {
		x.cause = p.cause
	}
	return p
}

// describe turns any error into a problem without the parts that depend on
// the request.
func describe(err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		if p.header == nil {
			p.header = http.Header{}
		}
		return p
	}
	if f, ok := fault.As(err); ok {
		return faultProblem(f, err)
	}
	if e, ok := errors.AsType[*echo.HTTPError](err); ok {
		return echoProblem(e)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		p := newProblem(fault.ClassUnavailable, "deadline_exceeded", "The answer took too long.")
		p.cause = err
		return p
	}
	if fault.ClassOf(err) == fault.ClassCanceled {
		return newProblem(fault.ClassCanceled, "canceled", "The request was cut short.")
	}
	p := newProblem(fault.ClassInternal, "internal", "Something went wrong on our side. The request_id finds it in the log.")
	p.cause = err
	return p
}

func newProblem(class fault.Class, code, detail string) *Problem {
	m := meaningOf(class)
	return &Problem{
		Type: "/docs#problem-" + string(m.class), Title: m.title, Status: m.status,
		Detail: detail, Code: code, header: http.Header{},
	}
}

// malformed is a problem of a request that could not be read at all.
func malformed(code, format string, args ...any) *Problem {
	p := newProblem(fault.ClassInvalid, code, sentence(fmt.Sprintf(format, args...)))
	p.Status = http.StatusBadRequest
	return p
}

func faultProblem(f *fault.Error, err error) *Problem {
	class := fault.ClassOf(err)
	if class == fault.ClassInternal {
		p := newProblem(class, "internal", "Something went wrong on our side. The request_id finds it in the log.")
		p.cause = err
		return p
	}
	p := newProblem(class, fault.CodeOf(err), sentence(f.Message))
	for _, field := range f.Fields {
		field.Value = shorten(field.Value)
		p.Errors = append(p.Errors, field)
	}
	if class == fault.ClassUnavailable {
		p.cause = err
	}
	return p
}

func echoProblem(e *echo.HTTPError) *Problem {
	switch e.Code {
	case http.StatusNotFound:
		return newProblem(fault.ClassNotFound, "route_not_found", "There is nothing at this address; /docs lists what there is.")
	case http.StatusMethodNotAllowed:
		p := newProblem(fault.ClassConflict, "method_not_allowed", "This address does not answer to that method; the header Allow lists those it does.")
		p.Status, p.Title = e.Code, http.StatusText(e.Code)
		return p
	case http.StatusRequestEntityTooLarge:
		return newProblem(fault.ClassTooLarge, "body_too_large", "The body is too large.")
	case http.StatusUnsupportedMediaType:
		return newProblem(fault.ClassUnsupported, "unsupported_media_type", "The body's media type is not read here.")
	}
	if e.Code >= http.StatusInternalServerError {
		p := newProblem(fault.ClassInternal, "internal", "Something went wrong on our side. The request_id finds it in the log.")
		p.cause = e
		return p
	}
	p := newProblem(fault.ClassInvalid, "bad_request", sentence(http.StatusText(e.Code)))
	p.Status = e.Code
	return p
}

// humaProblem turns what huma found wrong with a request into a problem.
func humaProblem(e *huma.ErrorModel) *Problem {
	if e.Status >= http.StatusInternalServerError {
		return describe(e)
	}
	p := newProblem(fault.ClassInvalid, "invalid_request", "")
	unknown := len(e.Errors) > 0
	for _, d := range e.Errors {
		if d == nil {
			continue
		}
		place, message := reword(d.Location, d.Message)
		switch message {
		case "unexpected property", "unknown query parameter":
			message = "is not a known field"
		default:
			unknown = false
		}
		p.Errors = append(p.Errors, fault.Field{Location: place, Message: message, Value: shorten(d.Value)})
	}
	if unknown {
		p.Code = "unknown_field"
		for i := range p.Errors {
			p.Errors[i].Value = nil
		}
	}
	p.Status = e.Status
	p.Detail = summary(p.Errors, e.Detail)
	return p
}

// summary says in one sentence what the fields say.
func summary(fields []fault.Field, otherwise string) string {
	const shown = 3
	if len(fields) == 0 {
		return sentence(otherwise)
	}
	var parts []string
	for _, f := range fields[:min(shown, len(fields))] {
		parts = append(parts, strings.TrimSpace(f.Location+" "+f.Message))
	}
	more := ""
	if len(fields) > shown {
		more = fmt.Sprintf("; and %d more", len(fields)-shown)
	}
	return "The request is not valid: " + strings.Join(parts, "; ") + more + "."
}

// sentence gives the text a capital letter and a full stop.
func sentence(text string) string {
	if text == "" {
		return "The request is not valid."
	}
	r, size := utf8.DecodeRuneInString(text)
	text = strings.ToUpper(string(r)) + text[size:]
	if !strings.ContainsAny(text[len(text)-1:], ".?!") {
		text += "."
	}
	return text
}

// shorten makes a value fit to be shown back to the client.
func shorten(value any) any {
	const longest = 100
	switch v := value.(type) {
	case nil, bool, float64, int, int64, uint64, json.Number:
		return v
	case string:
		if v = strings.ToValidUTF8(v, "\uFFFD"); utf8.RuneCountInString(v) > longest {
			return string([]rune(v)[:longest]) + "…"
		}
		return v
	case []any, map[string]any:
		return nil // the location names the part; repeating the whole helps nobody
	default:
		return shorten(fmt.Sprint(v))
	}
}

// challenge is the value of WWW-Authenticate (RFC 6750): without an error when
// no credential was sent.
func challenge(code, detail string) string {
	const realm = `Bearer realm="narrative"`
	if code == "token_missing" {
		return realm
	}
	clean := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return -1
		}
		return r
	}, detail)
	return realm + `, error="invalid_token", error_description="` + clean + `"`
}
