package bare

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"

	"github.com/narrativeml/narrative/internal/secret"
)

// Load is how many tasks are run, and by how many.
type Load struct {
	URL       secret.String // of Redis
	Queue     string        // must be nobody else's
	Tasks     int
	Enqueuers int           // that enqueue one task after another
	Slots     int           // tasks that are worked on together
	Poll      time.Duration // how often an idle server asks for work
}

// kind is the type of the tasks.
const kind = "noop"

// payload is as long as that of a job's task.
const payload = `{"job_id":"job_00000000000000000000000000000000","tenant":"bench"}`

// Run enqueues the tasks while a server works on them and returns the time
// from the first enqueue to the last task. Finished tasks are not kept, as by
// asynq's default.
func (l Load) Run(ctx context.Context) (time.Duration, error) {
	if l.Tasks < 1 || l.Enqueuers < 1 || l.Slots < 1 {
		return 0, fmt.Errorf("run %d tasks of %d enqueuers in %d slots: all three must be positive", l.Tasks, l.Enqueuers, l.Slots)
	}
	options, err := asynq.ParseRedisURI(l.URL.Reveal())
	if err != nil {
		return 0, errors.New("bare: the URL of Redis cannot be read") // its own words repeat the password
	}
	var left atomic.Int64
	left.Store(int64(l.Tasks))
	done := make(chan struct{})
	server := asynq.NewServer(options, asynq.Config{
		Concurrency: l.Slots, Queues: map[string]int{l.Queue: 1}, TaskCheckInterval: l.Poll, LogLevel: asynq.FatalLevel,
	})
	err = server.Start(asynq.HandlerFunc(func(context.Context, *asynq.Task) error {
		if left.Add(-1) == 0 {
			close(done)
		}
		return nil
	}))
	if err != nil {
		return 0, fmt.Errorf("start bare server: %w", err)
	}
	defer server.Shutdown()
	client := asynq.NewClient(options)
	start := time.Now()
	if err := errors.Join(l.enqueue(ctx, client), client.Close()); err != nil {
		return 0, err
	}
	select {
	case <-done:
		return time.Since(start), nil
	case <-ctx.Done():
		return 0, fmt.Errorf("wait for %d bare tasks: %w", left.Load(), ctx.Err())
	}
}

// enqueue returns when every task is with Redis.
func (l Load) enqueue(ctx context.Context, client *asynq.Client) error {
	var (
		wg   sync.WaitGroup
		next atomic.Int64
		errs = make([]error, l.Enqueuers)
	)
	for i := range errs {
		wg.Go(func() {
			for errs[i] == nil && next.Add(1) <= int64(l.Tasks) {
				_, errs[i] = client.EnqueueContext(ctx, asynq.NewTask(kind, []byte(payload)), asynq.Queue(l.Queue))
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("enqueue bare tasks: %w", err)
	}
	return nil
}
