package fault

import (
	"context"
	"errors"
	"fmt"
)

// Class says what kind of mistake an error is and so what may be done about
// it. The zero class is Internal.
type Class string

// The classes of error.
const (
	ClassInternal        Class = "internal"        // a defect of ours; the text stays in the log
	ClassInvalid         Class = "invalid"         // the request or the data is wrong
	ClassUnauthenticated Class = "unauthenticated" // nobody we know is asking
	ClassForbidden       Class = "forbidden"       // somebody we know may not do this
	ClassNotFound        Class = "not_found"       // no such thing, or not for this tenant
	ClassConflict        Class = "conflict"        // the thing is in a state that does not allow this
	ClassTooLarge        Class = "too_large"       // a limit on size was passed
	ClassUnsupported     Class = "unsupported"     // a media type or format we do not read
	ClassExhausted       Class = "exhausted"       // a quota or rate was passed; later may work
	ClassUnavailable     Class = "unavailable"     // a part we depend on is away; later may work
	ClassCanceled        Class = "canceled"        // the caller went away or asked to stop
)

// Error is an error with a class and a stable code.
type Error struct {
	Class   Class
	Code    string  // stable, snake_case, for example "csv_unclosed_quote"
	Message string  // one sentence for a person: what was wrong and what would be right
	Fields  []Field // where it was wrong, when that is known
	Err     error   // the cause; never shown to a client
}

// Field is one place that was wrong.
type Field struct {
	Location string `json:"location"`        // "body.target", "row 17, column \"age\"", "query.cursor"
	Message  string `json:"message"`         // what was wrong there and what would be right
	Value    any    `json:"value,omitempty"` // the offending value, shortened
}

// Error implements error.
func (e *Error) Error() string {
	if e.Err != nil {
		return e.Code + ": " + e.Message + ": " + e.Err.Error()
	}
	return e.Code + ": " + e.Message
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// With returns a copy of e that also names the places given.
func (e *Error) With(fields ...Field) *Error {
	c := *e
	c.Fields = append(append([]Field(nil), e.Fields...), fields...)
	return &c
}

// Because returns a copy of e with err as its cause.
func (e *Error) Because(err error) *Error {
	c := *e
	c.Err = err
	return &c
}

// New returns an error of the class with the code; the message is formatted
// as by fmt.Sprintf.
func New(class Class, code, format string, args ...any) *Error {
	return &Error{Class: class, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Invalid reports a mistake in a request or in the data.
func Invalid(code, format string, args ...any) *Error {
	return New(ClassInvalid, code, format, args...)
}

// NotFound reports that a thing does not exist or belongs to somebody else.
func NotFound(code, format string, args ...any) *Error {
	return New(ClassNotFound, code, format, args...)
}

// Conflict reports that a thing is in a state that does not allow the request.
func Conflict(code, format string, args ...any) *Error {
	return New(ClassConflict, code, format, args...)
}

// TooLarge reports that a limit on size was passed.
func TooLarge(code, format string, args ...any) *Error {
	return New(ClassTooLarge, code, format, args...)
}

// Unavailable reports that a part we depend on does not answer.
func Unavailable(code, format string, args ...any) *Error {
	return New(ClassUnavailable, code, format, args...)
}

// As returns the first Error in err's chain.
func As(err error) (*Error, bool) { return errors.AsType[*Error](err) }

// ClassOf returns the class of err: that of the first Error in its chain,
// ClassCanceled for a cancelled context, ClassInternal for the rest.
func ClassOf(err error) Class {
	if e, ok := As(err); ok {
		if e.Class == "" {
			return ClassInternal
		}
		return e.Class
	}
	if errors.Is(err, context.Canceled) {
		return ClassCanceled
	}
	return ClassInternal
}

// CodeOf returns the code of the first Error in err's chain, or "internal".
func CodeOf(err error) string {
	if e, ok := As(err); ok && e.Code != "" {
		return e.Code
	}
	return string(ClassOf(err))
}

// Transient reports whether the same call may succeed later.
func Transient(err error) bool {
	switch ClassOf(err) {
	case ClassUnavailable, ClassExhausted, ClassInternal:
		return true
	default:
		return false
	}
}
