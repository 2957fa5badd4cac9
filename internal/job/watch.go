package job

import (
	"context"
	"time"
)

// watch is the one poller of a job that any number of callers wait for.
type watch struct {
	waiters int
	stop    context.CancelFunc
	changed chan struct{} // closed and replaced whenever job or err changes
	job     *Job
	err     error
}

// tell wakes everyone who waits. The caller holds the service's lock.
func (w *watch) tell(j *Job) {
	w.job = j
	close(w.changed)
	w.changed = make(chan struct{})
}

const watchTimeout = 5 * time.Second // of one read by the poller

// Wait returns the tenant's job as soon as its revision is greater than the
// one given or it has ended. When ctx ends first it returns the job as it was
// last seen, without an error. However many wait for a job, it is read once
// per interval.
func (s *Service) Wait(ctx context.Context, tenant, id string, revision int64) (*Job, error) {
	seen, err := s.Get(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	if seen.Revision > revision || seen.State.Terminal() {
		return seen, nil
	}
	w := s.join(ctx, seen)
	defer s.leave(id, w)
	for {
		s.mu.Lock()
		j, err, changed := w.job, w.err, w.changed
		s.mu.Unlock()
		switch {
		case err != nil:
			return nil, err
		case j.Revision > revision || j.State.Terminal():
			return j.copy(), nil
		}
		select {
		case <-ctx.Done():
			return j.copy(), nil
		case <-changed:
		}
	}
}

// join returns the job's watch with one more waiter, and starts it if there is
// none.
func (s *Service) join(ctx context.Context, seen *Job) *watch {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.watches[seen.ID]
	if w == nil {
		poll, stop := context.WithCancel(context.WithoutCancel(ctx))
		w = &watch{stop: stop, changed: make(chan struct{}), job: seen}
		s.watches[seen.ID] = w
		go s.poll(poll, seen.ID, w)
	} else if seen.Revision > w.job.Revision {
		w.tell(seen)
	}
	w.waiters++
	return w
}

// leave takes one waiter off; the last one ends the watch.
func (s *Service) leave(id string, w *watch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.waiters--; w.waiters > 0 {
		return
	}
	w.stop()
	if s.watches[id] == w {
		delete(s.watches, id)
	}
}

// poll reads the job until nobody waits, it has ended, or it is gone. While
// nothing changes it slows down to a quarter of the pace. A store that does
// not answer is waited for, as long as somebody does.
func (s *Service) poll(ctx context.Context, id string, w *watch) {
	every := s.cfg.WatchEvery
	timer := time.NewTimer(every)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		j, err := s.newer(ctx, id, w)
		s.mu.Lock()
		switch {
		case err == nil && j != nil && j.Revision > w.job.Revision:
			w.tell(j)
			every = s.cfg.WatchEvery
		case isNotFound(err):
			w.err = err
			w.tell(w.job)
		default:
			every = min(every*3/2, 4*s.cfg.WatchEvery)
			s.mu.Unlock()
			timer.Reset(every)
			continue
		}
		over := w.err != nil || w.job.State.Terminal()
		if over && s.watches[id] == w {
			delete(s.watches, id) // whoever comes later looks for himself
		}
		s.mu.Unlock()
		if over {
			return
		}
		timer.Reset(every)
	}
}

// newer returns the job when it has changed since it was last read, nil when
// it has not; only then is its record read.
func (s *Service) newer(ctx context.Context, id string, w *watch) (*Job, error) {
	read, cancel := context.WithTimeout(ctx, watchTimeout)
	defer cancel()
	s.mu.Lock()
	known := w.job.Revision
	s.mu.Unlock()
	meta, _, err := s.peek(read, id)
	if err != nil || meta.Revision <= known {
		return nil, err
	}
	return s.Lookup(read, id)
}
