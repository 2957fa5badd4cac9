package job

import (
	"errors"
	"fmt"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/store"
)

// Drained is returned by a handler that saved its work and stopped because
// Task.Draining was closed: the job is handed over to another worker, and
// neither a failure nor a crash is counted.
var Drained = errors.New("job: handed over because the worker drains") //nolint:errname,staticcheck,gochecknoglobals // a verdict that reads "return nil, job.Drained"

// ErrLost is the cause of a handler's context when the job was given to
// somebody else: the record has another epoch, worker or state.
var ErrLost = errors.New("job: the attempt lost its job")

// ErrCancelled is the cause of a handler's context when the job's owner asked
// to cancel it.
var ErrCancelled = errors.New("job: cancelled by its owner")

// ErrTimedOut is the cause of a handler's context when the attempt ran longer
// than the job's timeout.
var ErrTimedOut = errors.New("job: the attempt took too long")

// ErrDraining is returned for a delivery that came while the worker drains;
// nothing was claimed.
var ErrDraining = errors.New("job: the worker drains and takes no more jobs")

// PermanentError is a failure that another attempt would only repeat.
type PermanentError struct{ Err error }

// Error implements error.
func (e *PermanentError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *PermanentError) Unwrap() error { return e.Err }

// Permanent makes err a failure that is not tried again. Errors of the classes
// invalid, not_found, conflict, too_large and unsupported are so by themselves.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &PermanentError{Err: err}
}

// SnoozeError asks for another attempt after a while.
type SnoozeError struct {
	For time.Duration
	Reason
}

// Error implements error.
func (e *SnoozeError) Error() string { return fmt.Sprintf("job: again in %s: %s", e.For, e.Message) }

// Snooze is returned by a handler that cannot go on yet: the job goes back to
// the line for the duration, and no failure is counted. The code and the
// sentence say what it waits for: they are on the record while it does, and in
// its log once for each code.
func Snooze(d time.Duration, code, format string, args ...any) error {
	return &SnoozeError{For: max(d, 0), Reason: Reason{Code: code, Message: fmt.Sprintf(format, args...)}}
}

// panicError is a recovered panic of a handler.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("handler panicked: %v\n%s", e.value, e.stack) }

// permanent reports whether another attempt would only repeat the failure.
func permanent(err error) bool {
	if _, ok := errors.AsType[*PermanentError](err); ok {
		return true
	}
	if e, ok := errors.AsType[*MemoryError](err); ok && e.hopeless() || beyondTime(err) {
		return true
	}
	switch fault.ClassOf(err) {
	case fault.ClassInvalid, fault.ClassNotFound, fault.ClassConflict, fault.ClassTooLarge, fault.ClassUnsupported:
		return true
	default:
		return false
	}
}

// failureOf returns what a client may see of err. The text of an internal
// error stays with the observer.
func failureOf(err error, j *Job) *Failure {
	if outOfTime(err) {
		return timeFailure(err, j)
	}
	if e, ok := errors.AsType[*MemoryError](err); ok {
		return e.failure()
	}
	e, ok := fault.As(err)
	if ok && fault.ClassOf(e) != fault.ClassInternal {
		return &Failure{Class: e.Class, Code: fault.CodeOf(e), Message: e.Message, Fields: e.Fields}
	}
	f := &Failure{
		Class: fault.ClassInternal, Code: string(fault.ClassInternal),
		Message: fmt.Sprintf("The job could not be finished because of an error on our side; please quote %s when you report it.", j.ID),
	}
	if ok && e.Code != "" {
		f.Code = e.Code
	}
	return f
}

func isNotFound(err error) bool { return fault.ClassOf(err) == fault.ClassNotFound }

// diedTooOften is the failure of a job that is given up after crashes.
func diedTooOften(j *Job) *Failure {
	times := fmt.Sprintf("%d times", j.crashesHere())
	if j.crashesHere() == 1 {
		times = "once"
	}
	if j.CrashesBefore > 0 {
		times += fmt.Sprintf(", %d times in all,", j.Crashes)
	}
	return &Failure{
		Class: fault.ClassInternal, Code: "worker_died",
		Message: fmt.Sprintf("The worker died %s while it ran this job, which was then given up; most often the data needs more memory than a worker has.", times),
	}
}

// unlessRaced returns nil for the errors that mean that somebody else was
// faster.
func unlessRaced(err error) error {
	if errors.Is(err, store.ErrStale) || errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}
