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
	"github.com/narrativeml/narrative/internal/store"
)

// answer is what a handler returned.
type answer struct {
	result json.RawMessage
	files  map[string]string
	own    []string
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
	if j := s.seen(); j.Committed {
		err = s.publish(j)
	} else {
		err = s.attemptOnce(work, j)
	}
	unwatch()
	<-over
	if s.late != nil {
		<-s.late // the slot is taken as long as the handler runs
	}
	return err
}

// attemptOnce runs the handler and records what came of it.
func (s *session) attemptOnce(work context.Context, j *Job) error {
	work, cancel := s.bound(work, j)
	defer cancel()
	a := s.await(work, guard(func() answer { return s.call(work, j) }))
	if cause := context.Cause(work); a.err != nil && cause != nil && (!outOfTime(cause) || !permanent(a.err)) {
		a.err = because(cause, a.err) // it stopped because it was told to, whatever it calls that
	}
	return s.conclude(a)
}

// await returns the answer, or the cause of ctx when it does not come within
// StopGrace of the end of ctx.
func (s *session) await(ctx context.Context, answers <-chan answer) answer {
	select {
	case a := <-answers:
		return a
	case <-ctx.Done():
	}
	grace := s.cfg.StopGrace
	if s.base.Err() != nil {
		grace = min(grace, s.cfg.HeartbeatEvery) // nobody heartbeats any more
	}
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case a := <-answers:
		return a
	case <-timer.C:
		s.late = answers
		err := context.Cause(ctx)
		s.cfg.Observer.Trouble(ctx, "handler_ignores_context", s.seen(), err)
		return answer{err: err}
	}
}

// because joins a cause to what a handler returned on account of it.
func because(cause, err error) error {
	if errors.Is(err, cause) {
		return err
	}
	return errors.Join(cause, err)
}

// guard calls fn in a goroutine of its own and answers what it returned, or
// that it panicked or ended its goroutine.
func guard(fn func() answer) <-chan answer {
	answers := make(chan answer, 1)
	go func() {
		var a answer
		returned := false
		defer func() {
			if v := recover(); v != nil || !returned {
				a = answer{err: &panicError{value: v, stack: debug.Stack()}}
			}
			answers <- a
		}()
		a = fn()
		returned = true
	}()
	return answers
}

// call runs the handler.
func (s *session) call(ctx context.Context, j *Job) answer {
	t := &Task{
		Job: j, Prefix: j.Prefix(), Report: s.report, Saved: s.saved, Draining: s.draining, Memory: s.memory,
		Children: s.children,
	}
	result, err := s.cfg.Handlers[j.Kind].Run(ctx, t)
	if err != nil {
		return answer{err: err}
	}
	return s.encode(j, result)
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
		if !strings.HasPrefix(key, Prefix(j.ID)) {
			a.err = Permanent(fmt.Errorf("file %s of job %s: key %q is not below %s", name, j.ID, key, Prefix(j.ID)))
		}
	}
	if named, ok := result.(interface{ OwnFiles() []string }); ok {
		a.own = named.OwnFiles()
	}
	for _, name := range a.own {
		if _, ok := a.files[name]; !ok {
			a.err = Permanent(fmt.Errorf("file %s of job %s: the result does not name it", name, j.ID))
		}
	}
	return a
}

// conclude records what came of the handler, and publishes its result.
func (s *session) conclude(a answer) error {
	if fan, ok := errors.AsType[*FanOutError](a.err); ok {
		return s.fanOut(fan.Fan)
	}
	j := s.seen()
	_, publishes := s.cfg.Handlers[j.Kind].(Publisher)
	if a.err != nil || !publishes {
		return s.settle(a)
	}
	err := s.insist(func(j *Job) error {
		if j.CancelRequested {
			return ErrCancelled
		}
		j.Committed, j.Result, j.Files, j.OwnFiles = true, a.result, a.files, a.own
		j.Progress.Fraction, j.Progress.ETA = 1, time.Time{}
		j.HeartbeatAt = stamp(s.cfg.Now)
		return nil
	})
	switch {
	case errors.Is(err, ErrCancelled):
		return s.settle(answer{err: err})
	case errors.Is(err, store.ErrTooLarge):
		return s.settle(answer{err: tooLarge(err)})
	case err != nil:
		return s.gone(err)
	}
	return s.publish(s.seen())
}

// tooLarge is the failure of a job whose result does not fit into its record.
func tooLarge(err error) error {
	return Permanent(fault.New(fault.ClassInternal, "result_too_large", "the job's record would take more than %d bytes with its result", store.MaxBody).Because(err))
}

// publish makes a committed result visible and ends the job.
func (s *session) publish(j *Job) error {
	ctx, cancel := context.WithTimeout(s.base, s.cfg.PublishTimeout)
	defer cancel()
	a := answer{result: j.Result, files: j.Files, own: j.OwnFiles}
	if p, ok := s.cfg.Handlers[j.Kind].(Publisher); ok {
		a.err = s.await(ctx, guard(func() answer { return answer{err: p.Publish(ctx, j, j.Result)} })).err
	}
	if a.err != nil && s.base.Err() != nil {
		a.err = because(context.Cause(s.base), a.err)
	}
	return s.settle(a)
}

// settle records the outcome of the attempt.
func (s *session) settle(a answer) error {
	if errors.Is(a.err, ErrLost) {
		return s.gone(ErrLost)
	}
	if err := s.measure(a.err); err != nil {
		return s.gone(err)
	}
	if a.err != nil {
		s.explain(a.err)
	}
	var outcome string
	err := s.insist(func(j *Job) error {
		s.account(j, a.err)
		outcome = s.decide(j, a)
		return nil
	})
	if a.err == nil && errors.Is(err, store.ErrTooLarge) {
		return s.settle(answer{err: tooLarge(err)})
	}
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
	s.tender.ended(s.base, j)
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
	return s.persist(func(ctx context.Context) (bool, error) {
		var refused error
		err := s.write(ctx, func(j *Job) error {
			refused = change(j)
			return refused
		})
		final := err == nil || refused != nil || errors.Is(err, ErrLost) || errors.Is(err, errWritten) || errors.Is(err, store.ErrTooLarge)
		return final, err
	})
}

// persist tries again until what came of it is final, for FinishPatience at most.
func (s *session) persist(try func(context.Context) (final bool, err error)) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.base), s.cfg.FinishPatience)
	defer cancel()
	wait := 100 * time.Millisecond
	for {
		final, err := try(ctx)
		if final {
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
