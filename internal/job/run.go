package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
)

// answer is what a handler returned.
type answer struct {
	result json.RawMessage
	files  map[string]string
	err    error
}

// run takes the attempt from its claim to its recorded outcome.
func (s *session) run(delivery context.Context) error {
	work, cancel := context.WithCancelCause(s.base)
	defer cancel(nil)
	watching, unwatch := context.WithCancel(s.base)
	over := make(chan struct{})
	go func() {
		defer close(over)
		s.watch(watching, delivery.Done(), cancel)
	}()
	defer func() { unwatch(); <-over }()

	var err error
	returned := closed()
	if j := s.seen(); j.Committed {
		err = s.publish(j)
	} else {
		err, returned = s.attemptOnce(work, j)
	}
	unwatch()
	<-over
	<-returned // the slot is taken as long as the handler runs
	return err
}

func closed() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// attemptOnce runs the handler and records what came of it. The channel is
// closed when the handler has returned, which may be later.
func (s *session) attemptOnce(work context.Context, j *Job) (error, chan struct{}) { //nolint:revive,staticcheck // the channel outlives the error
	work, cancel := context.WithTimeoutCause(work, j.Timeout, ErrTimedOut)
	defer cancel()
	answers, returned := make(chan answer, 1), make(chan struct{})
	go func() {
		defer close(returned)
		answers <- s.call(work, j)
	}()
	var a answer
	select {
	case a = <-answers:
	case <-work.Done():
		grace := s.cfg.StopGrace
		if s.base.Err() != nil {
			grace = min(grace, s.cfg.HeartbeatEvery) // nobody heartbeats any more
		}
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case a = <-answers:
		case <-timer.C:
			a.err = context.Cause(work)
			s.cfg.Observer.Trouble(work, "handler_ignores_context", s.seen(), a.err)
		}
	}
	if cause := context.Cause(work); a.err != nil && cause != nil && !(errors.Is(cause, ErrTimedOut) && permanent(a.err)) {
		a.err = because(cause, a.err) // it stopped because it was told to, whatever it calls that
	}
	return s.conclude(a), returned
}

// because joins a cause to what a handler returned on account of it.
func because(cause, err error) error {
	if errors.Is(err, cause) {
		return err
	}
	return errors.Join(cause, err)
}

// call runs the handler and turns a panic into an error.
func (s *session) call(ctx context.Context, j *Job) (a answer) {
	finished := false
	defer func() {
		if v := recover(); v != nil || !finished {
			a = answer{err: &panicError{value: v, stack: debug.Stack()}}
		}
	}()
	t := &Task{Job: j, Prefix: j.Prefix(), Report: s.report, Saved: s.saved, Draining: s.draining}
	result, err := s.cfg.Handlers[j.Kind].Run(ctx, t)
	if err != nil {
		a.err = err
	} else {
		a = s.encode(j, result)
	}
	finished = true
	return a
}

// encode makes what is kept of a result.
func (s *session) encode(j *Job, result any) (a answer) {
	if a.result, a.err = json.Marshal(result); a.err != nil {
		a.err = Permanent(fmt.Errorf("encode result of job %s: %w", j.ID, a.err))
		return a
	}
	if len(a.result) > s.cfg.MaxResult {
		a.err = Permanent(fault.New(fault.ClassInternal, "result_too_large", "the result takes %d bytes; at most %d are kept", len(a.result), s.cfg.MaxResult))
	}
	if named, ok := result.(interface{ Files() map[string]string }); ok {
		a.files = named.Files()
	}
	for name, key := range a.files {
		if !strings.HasPrefix(key, JobPrefix(j.ID)) {
			a.err = Permanent(fmt.Errorf("file %s of job %s: key %q is not below %s", name, j.ID, key, JobPrefix(j.ID)))
		}
	}
	return a
}

// conclude records what came of the handler, and publishes its result.
func (s *session) conclude(a answer) error {
	j := s.seen()
	_, publishes := s.cfg.Handlers[j.Kind].(Publisher)
	if a.err != nil || !publishes {
		return s.settle(a)
	}
	err := s.insist(func(j *Job) error {
		if j.CancelRequested {
			return ErrCancelled
		}
		j.Committed, j.Result, j.Files = true, a.result, a.files
		j.Progress.Fraction, j.Progress.ETA = 1, time.Time{}
		j.HeartbeatAt = stamp(s.cfg.Now)
		return nil
	})
	switch {
	case errors.Is(err, ErrCancelled):
		return s.settle(answer{err: err})
	case err != nil:
		return s.gone(err)
	}
	return s.publish(s.seen())
}

// publish makes a committed result visible and ends the job.
func (s *session) publish(j *Job) error {
	ctx, cancel := context.WithTimeout(s.base, s.cfg.PublishTimeout)
	defer cancel()
	a := answer{result: j.Result, files: j.Files}
	if p, ok := s.cfg.Handlers[j.Kind].(Publisher); ok {
		a.err = s.callPublish(ctx, p, j)
	}
	if a.err != nil && s.base.Err() != nil {
		a.err = because(context.Cause(s.base), a.err)
	}
	return s.settle(a)
}

func (s *session) callPublish(ctx context.Context, p Publisher, j *Job) (err error) {
	finished := false
	defer func() {
		if v := recover(); v != nil || !finished {
			err = &panicError{value: v, stack: debug.Stack()}
		}
	}()
	err = p.Publish(ctx, j, j.Result)
	finished = true
	return err
}

// settle records the outcome of the attempt.
func (s *session) settle(a answer) error {
	if errors.Is(a.err, ErrLost) {
		return s.gone(ErrLost)
	}
	if a.err != nil {
		s.explain(a.err)
	}
	var outcome string
	err := s.insist(func(j *Job) error {
		outcome = s.decide(j, a)
		return nil
	})
	if err != nil && !errors.Is(err, errWritten) {
		return s.gone(err)
	}
	j := s.seen()
	s.cfg.Observer.Finished(j, outcome, stamp(s.cfg.Now).Sub(j.StartedAt))
	if j.State == Succeeded || j.State == Cancelled {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(s.base), s.cfg.CallTimeout)
		defer cancel()
		s.saved.clear(ctx)
	}
	return nil
}

// gone ends an attempt whose outcome is not recorded by it.
func (s *session) gone(err error) error {
	if errors.Is(err, ErrLost) {
		j := s.seen()
		s.cfg.Observer.Finished(j, OutcomeLost, stamp(s.cfg.Now).Sub(j.StartedAt))
		return nil
	}
	return fmt.Errorf("record outcome of job %s: %w", s.id, err)
}

// insist writes until the store answers, for FinishPatience at most: the work
// is done, and to lose it to a pause of the store would be a pity.
func (s *session) insist(change func(*Job) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.base), s.cfg.FinishPatience)
	defer cancel()
	wait := 100 * time.Millisecond
	for {
		var refused error
		err := s.write(ctx, func(j *Job) error {
			refused = change(j)
			return refused
		})
		if err == nil || refused != nil || errors.Is(err, ErrLost) || errors.Is(err, errWritten) {
			return err
		}
		s.cfg.Observer.Trouble(ctx, "record_outcome", s.seen(), err)
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
		wait = min(2*wait, s.cfg.CallTimeout)
	}
}
