package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/narrativeml/narrative/internal/fault"
)

// ErrShutdown is the cause for which a handler's context is cancelled: the
// worker's time to finish is over.
var ErrShutdown = errors.New("queue: the worker is shutting down")

// What a handler returns, wrapped or bare, about a delivery that it did not
// work on.
var (
	// ErrDropped means that nobody needs to: a stale epoch, a cancelled job.
	// The task leaves no trace.
	ErrDropped = errors.New("queue: delivery dropped")
	// ErrBusy means that somebody else should: the worker drains, or has no
	// room. The task is delivered again in a moment, to whoever has a slot; it
	// is no failure and does not count as a delivery.
	ErrBusy = errors.New("queue: no room for the delivery")
)

// Handler works on a delivery. It obeys its context within milliseconds.
// When it returns ErrBusy, or a fault of class unavailable, since a part that it
// needs is away, the task is delivered again. Else it is over: nil shows it to
// operators as completed, ErrDropped removes it, any other error archives it.
type Handler func(ctx context.Context, d Delivery) error

// Server fetches the tasks of one pool and hands them to a handler, at most
// as many together as it has slots.
//
// A handler runs to its end even when Redis goes away, when its lease is lost
// or its task was flushed: only Shutdown's deadline and the handler itself end
// it. Its slot is taken until then.
type Server struct {
	pool   string
	handle Handler
	logger *slog.Logger
	redis  *redis.Client
	joiner *joiner
	slots  int

	fetchers []*asynq.Server

	onHint func(Delivery)

	timeout time.Duration // of a call to Redis
	freed   chan struct{} // something has ended

	mu       sync.Mutex
	running  map[string]*run // by task identifier
	draining bool
	idle     chan struct{} // closed when draining and nothing runs

	fetching  sync.WaitGroup // the end of fetching
	listening sync.WaitGroup
	stop      context.CancelFunc // ends listening
	drained   sync.Once
}

// run is a handler at work.
type run struct {
	delivery Delivery
	cancel   context.CancelCauseFunc
}

// Redelivery and the looks for it; a task comes back within about two seconds.
const (
	redeliveryDelay    = time.Second
	redeliveryInterval = time.Second
)

// requeueTimeout is how long asynq waits for handlers when Shutdown has
// already waited for them; it then puts their tasks back.
const requeueTimeout = 500 * time.Millisecond

// NewServer returns a server for the pool; it does not talk to Redis yet.
func NewServer(c Config, pool string, slots int, handle Handler, l *slog.Logger) (*Server, error) {
	if err := (Delivery{JobID: "job", Kind: "kind", Pool: pool}).validate(c.Pools); err != nil {
		return nil, err
	}
	if slots < 1 {
		return nil, fault.Invalid("invalid_slots", "pool %s has %d slots; it needs at least one", pool, slots)
	}
	client, err := c.connect()
	if err != nil {
		return nil, err
	}
	client.AddHook(patient{})
	joiner, err := c.join(client)
	if err != nil {
		return nil, errors.Join(err, client.Close())
	}
	s := &Server{
		pool: pool, handle: handle, slots: slots, redis: client, joiner: joiner, logger: l.With("pool", pool),
		timeout: c.Timeout, freed: make(chan struct{}, 1),
		running: make(map[string]*run), idle: make(chan struct{}),
	}
	for _, n := range share(slots) {
		s.fetchers = append(s.fetchers, s.fetcher(c, n))
	}
	return s, nil
}

// A fetcher asks for one task after another, so that the time of the round
// trip bounds it; a pool of many slots has several. Each polls when idle and
// shows as a server of its own to operators, so a pool of few slots has one.
const (
	slotsPerFetcher = 16
	maxFetchers     = 4
)

// share divides the slots among fetchers.
func share(slots int) []int {
	parts := make([]int, min(max(slots/slotsPerFetcher, 1), maxFetchers))
	for i := range parts {
		parts[i] = (slots + i) / len(parts)
	}
	return parts
}

// fetcher returns one that fetches for so many slots.
func (s *Server) fetcher(c Config, slots int) *asynq.Server {
	return asynq.NewServerFromRedisClient(s.redis, asynq.Config{
		Concurrency:              slots,
		Queues:                   map[string]int{s.pool: 1},
		TaskCheckInterval:        c.PollInterval,
		DelayedTaskCheckInterval: redeliveryInterval,
		ShutdownTimeout:          requeueTimeout,
		RetryDelayFunc:           func(int, error, *asynq.Task) time.Duration { return redeliveryDelay },
		IsFailure:                func(err error) bool { return !errors.Is(err, ErrBusy) },
		Logger:                   newLogger(s.logger, time.Now),
		LogLevel:                 asynq.WarnLevel,
	})
}

// OnHint sets what is done when somebody asks the worker of a running delivery
// to look at the record now. Call it before Start. It must be quick.
func (s *Server) OnHint(f func(Delivery)) { s.onHint = f }

// Start begins to fetch and returns. Redis may come up later.
func (s *Server) Start() error {
	for i, f := range s.fetchers {
		if err := f.Start(asynq.HandlerFunc(s.process)); err != nil {
			for _, started := range s.fetchers[:i] {
				started.Shutdown()
			}
			return fmt.Errorf("start pool %s: %w", s.pool, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	s.listening.Go(func() { s.listen(ctx) })
	s.listening.Go(func() { s.announce(ctx) })
	return nil
}

// Running returns how many deliveries the server works on now.
func (s *Server) Running() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.running)
}

// process runs the handler of a task.
func (s *Server) process(ctx context.Context, t *asynq.Task) error {
	d, err := decode(ctx, t)
	if err != nil {
		s.logger.ErrorContext(ctx, "delivery unreadable", "kind", t.Type(), "error", err)
		return fmt.Errorf("%w: %w", err, asynq.SkipRetry)
	}
	// asynq cancels its context when it loses the lease and frees the slot
	// under the running handler; neither is a reason to stop working.
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	if !s.enter(&run{delivery: d, cancel: cancel}) {
		return ErrBusy
	}
	defer s.leave(d.taskID())
	err = s.call(ctx, d)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrBusy):
		return ErrBusy
	case fault.ClassOf(err) == fault.ClassUnavailable:
		s.logger.WarnContext(ctx, "delivery comes again", "job_id", d.JobID, "epoch", d.Epoch, "kind", d.Kind, "error", err)
		return ErrBusy
	case errors.Is(err, ErrDropped):
		return fmt.Errorf("%w: %w", err, asynq.RevokeTask)
	default:
		s.logger.ErrorContext(ctx, "delivery failed", "job_id", d.JobID, "epoch", d.Epoch, "kind", d.Kind, "error", err)
		return fmt.Errorf("%s: %w", shorten(err.Error()), asynq.SkipRetry)
	}
}

// call runs the handler and turns a panic into an error.
func (s *Server) call(ctx context.Context, d Delivery) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("queue: handler of %s panicked: %v\n%s", d.Kind, v, debug.Stack())
		}
	}()
	return s.handle(ctx, d)
}

// maxText bounds what is kept in Redis of an error.
const maxText = 1000

func shorten(text string) string {
	if len(text) > maxText {
		return text[:maxText] + "…"
	}
	return text
}

// enter takes a slot for the task, unless there is none, the server drains or
// the same task is being worked on.
func (s *Server) enter(r *run) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := r.delivery.taskID()
	if _, twice := s.running[id]; twice || s.draining || len(s.running) >= s.slots {
		return false
	}
	s.running[id] = r
	return true
}

func (s *Server) leave(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.ended()
	delete(s.running, id)
	if s.draining && len(s.running) == 0 {
		close(s.idle)
	}
}

// listen takes the hints until ctx ends. The client subscribes again by
// itself when the connection is lost.
func (s *Server) listen(ctx context.Context) {
	sub := s.redis.Subscribe(ctx, hints)
	defer func() {
		if err := sub.Close(); err != nil {
			s.logger.DebugContext(ctx, "hints not closed", "error", err)
		}
	}()
	messages := sub.Channel()
	for {
		select {
		case <-ctx.Done():
			return
		case m, open := <-messages:
			if !open {
				return
			}
			s.hint(m.Payload)
		}
	}
}

func (s *Server) hint(id string) {
	s.mu.Lock()
	r, ours := s.running[id]
	s.mu.Unlock()
	if ours && s.onHint != nil {
		s.onHint(r.delivery)
	}
}

// Drain stops fetching and returns at once; what runs goes on.
func (s *Server) Drain() {
	s.drained.Do(func() {
		s.mu.Lock()
		s.draining = true
		if len(s.running) == 0 {
			close(s.idle)
		}
		s.mu.Unlock()
		for _, f := range s.fetchers {
			s.fetching.Go(f.Stop)
		}
	})
}

// abortGrace is how long handlers get after their context was cancelled.
const abortGrace = 2 * time.Second

// Shutdown stops fetching, waits for the handlers until ctx ends, then
// cancels their contexts and gives them two seconds more. It returns an error
// when a handler was left running; its task goes back to the queue.
func (s *Server) Shutdown(ctx context.Context) error {
	s.Drain()
	select {
	case <-s.idle:
	case <-ctx.Done():
		s.abort()
		timer := time.NewTimer(abortGrace)
		defer timer.Stop()
		select {
		case <-s.idle:
		case <-timer.C:
		}
	}
	left := s.Running()
	s.fetching.Wait()
	var ending sync.WaitGroup
	for _, f := range s.fetchers {
		ending.Go(f.Shutdown)
	}
	ending.Wait()
	if s.stop != nil {
		s.stop()
	}
	s.listening.Wait()
	var err error
	if left > 0 {
		err = fmt.Errorf("shut down pool %s: %d handlers did not stop", s.pool, left)
	}
	for _, closing := range []error{s.redis.Close(), s.joiner.close()} {
		if closing != nil && !errors.Is(closing, redis.ErrClosed) {
			err = errors.Join(err, fmt.Errorf("shut down pool %s: %w", s.pool, closing))
		}
	}
	return err
}

func (s *Server) abort() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.running {
		r.cancel(ErrShutdown)
	}
}
