package fault_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/narrativeml/narrative/internal/fault"
)

func TestClasses(t *testing.T) {
	t.Parallel()
	wrap := func(err error) error { return fmt.Errorf("load data set ds_1: %w", err) }
	tests := []struct {
		name      string
		err       error
		class     fault.Class
		code      string
		transient bool
	}{
		{"invalid", fault.Invalid("bad", "x"), fault.ClassInvalid, "bad", false},
		{"not found", fault.NotFound("gone", "x"), fault.ClassNotFound, "gone", false},
		{"conflict", fault.Conflict("busy", "x"), fault.ClassConflict, "busy", false},
		{"too large", fault.TooLarge("big", "x"), fault.ClassTooLarge, "big", false},
		{"unavailable", fault.Unavailable("down", "x"), fault.ClassUnavailable, "down", true},
		{"exhausted", fault.New(fault.ClassExhausted, "quota", "x"), fault.ClassExhausted, "quota", true},
		{"internal", fault.New(fault.ClassInternal, "model_damaged", "x"), fault.ClassInternal, "model_damaged", true},
		{"without a class", &fault.Error{Code: "odd"}, fault.ClassInternal, "odd", true},
		{"without a code", &fault.Error{Class: fault.ClassConflict}, fault.ClassConflict, "conflict", false},
		{"wrapped", wrap(fault.Invalid("bad", "x")), fault.ClassInvalid, "bad", false},
		{"the outer of two", fault.Unavailable("down", "x").Because(fault.Invalid("bad", "x")), fault.ClassUnavailable, "down", true},
		{"joined", errors.Join(io.EOF, fault.Conflict("busy", "x")), fault.ClassConflict, "busy", false},
		{"cancelled", wrap(context.Canceled), fault.ClassCanceled, "canceled", false},
		{"fault of a cancelled call", fault.Unavailable("down", "x").Because(context.Canceled), fault.ClassUnavailable, "down", true},
		{"too late", wrap(context.DeadlineExceeded), fault.ClassInternal, "internal", true},
		{"any other", io.EOF, fault.ClassInternal, "internal", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := fault.ClassOf(tt.err); got != tt.class {
				t.Errorf("class %s, want %s", got, tt.class)
			}
			if got := fault.CodeOf(tt.err); got != tt.code {
				t.Errorf("code %s, want %s", got, tt.code)
			}
			if got := fault.Transient(tt.err); got != tt.transient {
				t.Errorf("transient %v, want %v", got, tt.transient)
			}
		})
	}
}

func TestAs(t *testing.T) {
	t.Parallel()
	e := fault.Invalid("bad", "the limit is %d; it must be at least %d", 0, 1)
	if got, ok := fault.As(fmt.Errorf("list: %w", e)); !ok || got != e || got.Message != "the limit is 0; it must be at least 1" {
		t.Errorf("As gives %+v, %v", got, ok)
	}
	for _, err := range []error{nil, io.EOF} {
		if got, ok := fault.As(err); ok {
			t.Errorf("As(%v) gives %+v", err, got)
		}
	}
}

func TestCopiesDoNotShare(t *testing.T) {
	t.Parallel()
	base := fault.Invalid("bad", "two things are wrong").With(fault.Field{Location: "body.a", Message: "a"})
	base.Fields = append(make([]fault.Field, 0, 8), base.Fields...) // with room that two copies could write to
	left := base.With(fault.Field{Location: "body.b", Message: "b"})
	right := base.With(fault.Field{Location: "body.c", Message: "c"}).Because(io.EOF)
	if len(base.Fields) != 1 || base.Err != nil {
		t.Errorf("the original became %+v", base)
	}
	if len(left.Fields) != 2 || left.Fields[1].Location != "body.b" || len(right.Fields) != 2 || right.Fields[1].Location != "body.c" {
		t.Errorf("the copies are %+v and %+v", left, right)
	}
	if !errors.Is(right, io.EOF) || errors.Is(left, io.EOF) {
		t.Error("the cause is on the wrong copy")
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	e := fault.NotFound("job_not_found", "there is no job %s", "job_1")
	if got := e.Error(); got != "job_not_found: there is no job job_1" {
		t.Errorf("text %q", got)
	}
	if got := e.Because(io.ErrUnexpectedEOF).Error(); got != "job_not_found: there is no job job_1: unexpected EOF" {
		t.Errorf("text with a cause %q", got)
	}
	b, err := json.Marshal(fault.Field{Location: "row 17", Message: "no number", Value: "x"})
	if err != nil || string(b) != `{"location":"row 17","message":"no number","value":"x"}` {
		t.Errorf("a field is %s, %v", b, err)
	}
}
