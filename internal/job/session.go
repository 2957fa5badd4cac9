package job

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/narrativeml/narrative/internal/store"
)

// errWritten means that the record already shows an outcome that this very
// attempt wrote: a write whose reply was lost.
var errWritten = errors.New("job: the outcome is recorded already")

// session is one attempt of a job on this worker. Everything it writes goes
// through write, which is fenced: the record must still be running under the
// attempt's epoch and worker.
type session struct {
	*Runner
	id      string
	epoch   int
	attempt int
	report  *report
	saved   *checkpoints
	memory  *Allowance
	base    context.Context //nolint:containedctx // the life of the attempt: calls of several goroutines end with it
	stop    context.CancelCauseFunc
	hint    chan struct{}
	late    <-chan answer // of a handler that ignored the end of its context

	turn   chan struct{} // held by the one goroutine that reads or writes the record
	logged int           // lines of the job that are rows already; of whoever has the turn
	beat   time.Time     // when the record was last written; likewise

	mu      sync.Mutex
	job     *Job      // as last read or written
	contact time.Time // when the fence was last seen to hold
}

func newSession(ctx context.Context, r *Runner, j *Job, memory *Allowance) *session {
	base, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	s := &session{
		Runner: r, memory: memory, id: j.ID, epoch: j.Epoch, attempt: j.Attempt, base: base, stop: stop,
		report: newReport(r.cfg.Now, j, r.cfg.MaxLogLines), hint: make(chan struct{}, 1),
		turn: make(chan struct{}, 1), job: j, logged: j.LogLines, contact: r.cfg.Now(), beat: r.cfg.Now(),
	}
	s.saved = &checkpoints{
		files: r.cfg.Files, job: j.ID, epoch: j.Epoch, max: r.cfg.MaxCheckpoint, fence: s.holds,
		saved: s.report.checkpointed,
		trouble: func(ctx context.Context, operation string, err error) {
			r.cfg.Observer.Trouble(ctx, operation, s.seen(), err)
		},
	}
	s.saved.used.Store(j.Attempt > 1)
	return s
}

// seen returns a copy of the record as last read or written.
func (s *session) seen() *Job {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.job.copy()
}

// note keeps the record as it is now known to be. Who calls it has the turn.
func (s *session) note(j *Job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.job, s.contact = j, s.cfg.Now()
}

// take waits for the turn.
func (s *session) take(ctx context.Context) (release func(), err error) {
	select {
	case s.turn <- struct{}{}:
		return func() { <-s.turn }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the record of job %s: %w", s.id, context.Cause(ctx))
	}
}

// nudge makes watch look at the record now.
func (s *session) nudge() {
	select {
	case s.hint <- struct{}{}:
	default:
	}
}

// watch heartbeats and looks for a cancellation and for a lost fence until ctx
// ends. It calls cancel when the handler has to stop but the attempt goes on.
func (s *session) watch(ctx context.Context, delivery <-chan struct{}, cancel context.CancelCauseFunc) {
	ticker := time.NewTicker(s.cfg.LookEvery)
	defer ticker.Stop()
	aborting := s.aborting
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-s.hint:
		case <-s.report.wake:
		case <-delivery:
			delivery = nil
			if s.isDraining() {
				s.stop(Drained)
			}
		case <-aborting:
			aborting = nil
			s.stop(Drained)
		}
		j, err := s.look(ctx)
		switch {
		case errors.Is(err, ErrLost), errors.Is(err, errWritten):
			s.stop(ErrLost)
			return
		case err != nil && ctx.Err() == nil:
			s.cfg.Observer.Trouble(ctx, "heartbeat", s.seen(), err)
		case err == nil && j.CancelRequested && !j.Committed:
			cancel(ErrCancelled)
		}
	}
}

// look writes a heartbeat when one is due or there is something to report, and
// only reads the record otherwise.
func (s *session) look(ctx context.Context) (*Job, error) {
	call, cancel := context.WithTimeout(store.Vital(ctx), s.cfg.CallTimeout)
	defer cancel()
	release, err := s.take(call)
	if err != nil {
		return nil, err
	}
	defer release()
	age := s.cfg.Now().Sub(s.beat)
	if age < s.cfg.HeartbeatEvery && (age < s.cfg.ReportEvery || !s.report.waiting()) {
		err = s.glance(call)
		return s.seen(), err
	}
	err = s.writeInTurn(call, func(j *Job) error {
		j.HeartbeatAt = stamp(s.cfg.Now)
		return nil
	})
	return s.seen(), err
}

// write changes the record if the attempt still has the job.
func (s *session) write(ctx context.Context, change func(*Job) error) error {
	call, cancel := context.WithTimeout(store.Vital(ctx), s.cfg.CallTimeout)
	defer cancel()
	release, err := s.take(call)
	if err != nil {
		return err
	}
	defer release()
	return s.writeInTurn(call, change)
}

// writeInTurn writes the lines that wait, then the record with its progress.
// When somebody else changed the record, to ask for a cancellation, it is read
// again and change is applied to what it is now.
func (s *session) writeInTurn(ctx context.Context, change func(*Job) error) error {
	for {
		if err := s.flush(ctx); err != nil {
			return err
		}
		next := s.seen()
		if next.State != Running {
			return errWritten // its reply was lost, and a look at the record found it
		}
		reached := next.Progress.Fraction
		next.Progress = s.report.snapshot()
		next.Progress.Fraction = max(next.Progress.Fraction, reached)
		next.Saved = max(next.Saved, s.report.savedAt())
		next.LogLines = s.logged
		if err := change(next); err != nil {
			return err
		}
		err := s.jobs.Replace(ctx, next)
		switch {
		case err == nil:
			s.note(next)
			s.beat = s.cfg.Now()
			return nil
		case errors.Is(err, store.ErrStale), errors.Is(err, store.ErrNotFound):
			if err := s.refresh(ctx); err != nil {
				return err
			}
		default:
			return fmt.Errorf("write job %s: %w", s.id, err)
		}
	}
}

// glance checks the fence without reading the record, unless somebody changed
// it.
func (s *session) glance(ctx context.Context) error {
	meta, _, err := s.jobs.Peek(ctx, s.id)
	s.mu.Lock()
	same := err == nil && meta.Revision == s.job.Revision
	if same {
		s.contact = s.cfg.Now()
	}
	s.mu.Unlock()
	if same {
		return nil
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("look at job %s: %w", s.id, storeFault(err))
	}
	return s.refresh(ctx)
}

// refresh reads the record and checks the fence.
func (s *session) refresh(ctx context.Context) error {
	j, err := s.jobs.Get(ctx, s.id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return ErrLost
	case err != nil:
		return fmt.Errorf("read job %s: %w", s.id, storeFault(err))
	case j.Epoch != s.epoch || j.Worker != s.cfg.Worker || j.Attempt != s.attempt:
		return ErrLost
	}
	s.note(j)
	if j.State != Running {
		return errWritten // who takes a job away also takes the worker off it
	}
	return nil
}

// holds returns nil when the attempt has its job, and asks the record if it
// has not been seen for a heartbeat.
func (s *session) holds(ctx context.Context) error {
	if s.base.Err() != nil {
		return context.Cause(s.base)
	}
	s.mu.Lock()
	age := s.cfg.Now().Sub(s.contact)
	s.mu.Unlock()
	if age < s.cfg.HeartbeatEvery {
		return nil
	}
	call, cancel := context.WithTimeout(ctx, s.cfg.CallTimeout)
	defer cancel()
	release, err := s.take(call)
	if err != nil {
		return err
	}
	defer release()
	err = s.refresh(call)
	if errors.Is(err, ErrLost) || errors.Is(err, errWritten) {
		s.stop(ErrLost)
		return ErrLost
	}
	return err
}

// flush writes the lines that wait as rows. The number of the first line makes
// a row's identifier; a row that exists already was written by this attempt,
// if its reply was lost, or by one that died before it noted it on the record.
// Both are taken into the count, so that numbers have no gaps.
func (s *session) flush(ctx context.Context) error {
	for {
		lines := s.report.batch()
		if len(lines) == 0 {
			return nil
		}
		first := s.logged + 1
		for i := range lines {
			lines[i].Seq = first + i
		}
		row := &logRow{
			Meta: store.Meta{ID: logID(s.id, first)},
			Job:  s.id, First: first, Epoch: s.epoch, Worker: s.cfg.Worker, Lines: lines,
		}
		err := s.logs.Insert(ctx, row)
		if errors.Is(err, store.ErrDuplicate) {
			found, err := s.logs.Get(ctx, row.ID)
			if err != nil {
				return err
			}
			s.logged += len(found.Lines)
			if found.Epoch == s.epoch && found.Worker == s.cfg.Worker {
				s.report.drop(len(found.Lines))
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("write lines of job %s: %w", s.id, err)
		}
		s.logged += len(lines)
		s.report.drop(len(lines))
	}
}
