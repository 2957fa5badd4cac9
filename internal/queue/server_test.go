package queue_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"github.com/narrativeml/narrative/internal/queue"
)

func TestAHandlersReturnIsFinal(t *testing.T) {
	t.Parallel()
	for name, setup := range servers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			var calls atomic.Int64
			returns := map[string]func() error{
				"job_ok":      func() error { return nil },
				"job_dropped": func() error { return fmt.Errorf("stale epoch: %w", queue.ErrDropped) },
				"job_failed":  func() error { return errors.New("disk full" + strings.Repeat("!", 5000)) },
				"job_panic":   func() error { panic("boom") },
			}
			b.serve(t, 4, func(_ context.Context, d queue.Delivery) error {
				calls.Add(1)
				return returns[d.JobID]()
			})
			for job := range returns {
				if err := b.client.Enqueue(t.Context(), delivery(job)); err != nil {
					t.Fatal(err)
				}
			}
			eventually(t, "everything is over", func() bool {
				depths, err := b.client.Depths(t.Context())
				return err == nil && depths[0].Backlog() == 0 && depths[0].Completed == 1 && depths[0].Archived == 2
			})
			if calls.Load() != 4 {
				t.Errorf("the handler was called %d times for 4 deliveries", calls.Load())
			}
			i := b.inspect(t)
			if _, err := i.GetTaskInfo("data", "job_dropped:1"); !errors.Is(err, asynq.ErrTaskNotFound) {
				t.Errorf("a dropped delivery left a trace: %v", err)
			}
			if info, err := i.GetTaskInfo("data", "job_failed:1"); err != nil || !strings.HasPrefix(info.LastErr, "disk full") || len(info.LastErr) > 1100 {
				t.Errorf("a failed delivery shows %d characters, %v", len(info.LastErr), err)
			}
			if !strings.Contains(b.log.String(), "boom") || !strings.Contains(b.log.String(), "job_id=job_panic") {
				t.Errorf("the panic is not in the log: %s", b.log)
			}
		})
	}
}

func TestAnUnreadableTaskIsArchived(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.serve(t, 1, func(_ context.Context, d queue.Delivery) error {
		t.Errorf("handled %+v", d)
		return nil
	})
	client := asynq.NewClientFromRedisClient(b.raw)
	for id, body := range map[string]string{
		"nonsense": `{}`, "job_a:x": `{"job_id":"job_a"}`, "job_a:01": `{"job_id":"job_a"}`,
		"job_a:1": `not json`, "job_b:1": `{"job_id":"job_a"}`,
	} {
		if _, err := client.EnqueueContext(t.Context(), asynq.NewTask("ingest", []byte(body)), asynq.TaskID(id), asynq.Queue("data")); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all are archived", func() bool {
		depths, err := b.client.Depths(t.Context())
		return err == nil && depths[0].Archived == 5 && depths[0].Backlog() == 0
	})
}

func TestALostLeaseDoesNotEndTheWork(t *testing.T) {
	t.Parallel()
	b := setup(t)
	started, finish := make(chan struct{}, 10), make(chan struct{})
	ended := make(chan error, 10)
	s := b.serve(t, 1, func(ctx context.Context, _ queue.Delivery) error {
		started <- struct{}{}
		<-finish
		ended <- context.Cause(ctx)
		return nil
	})
	if err := b.client.Enqueue(t.Context(), delivery("job_a")); err != nil {
		t.Fatal(err)
	}
	receive(t, started, "the handler starts")
	// asynq's own cancellation frees its slot and sends the task again; the
	// handler goes on, keeps our slot, and the second copy waits for it.
	if err := b.inspect(t).CancelProcessing("job_a:1"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "asynq gives the task up", func() bool {
		depths, err := b.client.Depths(t.Context())
		return err == nil && depths[0].Active == 0 && depths[0].Retry == 1
	})
	if s.Running() != 1 {
		t.Errorf("%d are running", s.Running())
	}
	if alive, err := b.client.Alive(t.Context(), delivery("job_a")); err != nil || !alive {
		t.Errorf("alive is %v, %v", alive, err)
	}
	close(finish)
	if cause := receive(t, ended, "the handler ends"); cause != nil {
		t.Errorf("the handler's context was cancelled: %v", cause)
	}
	receive(t, started, "the second copy starts after the first one ended")
}

func TestAHintReachesTheWorker(t *testing.T) {
	t.Parallel()
	for name, setup := range servers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			started, finish, hinted := make(chan struct{}), make(chan struct{}), make(chan queue.Delivery, 100)
			s, err := queue.NewServer(b.config, "data", 2, func(ctx context.Context, d queue.Delivery) error {
				close(started)
				<-finish
				if ctx.Err() != nil {
					t.Error("a hint cancelled the handler")
				}
				return queue.ErrDropped
			}, b.logger())
			if err != nil {
				t.Fatal(err)
			}
			s.OnHint(func(d queue.Delivery) { hinted <- d })
			b.start(t, s)
			if err := b.client.Enqueue(t.Context(), delivery("job_a")); err != nil {
				t.Fatal(err)
			}
			receive(t, started, "the handler starts")
			stale := delivery("job_a")
			stale.Epoch = 2
			// A hint may be lost while the server subscribes.
			eventually(t, "the worker is told", func() bool {
				for _, d := range []queue.Delivery{stale, delivery("job_a")} {
					if err := b.client.HintCancel(t.Context(), d); err != nil {
						t.Fatal(err)
					}
				}
				return len(hinted) > 0
			})
			close(finish)
			if d := <-hinted; d != delivery("job_a") {
				t.Errorf("the worker was told about %+v", d)
			}
		})
	}
}

func TestABusyWorkerPassesOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var calls atomic.Int64
	done := make(chan struct{})
	b.serve(t, 1, func(context.Context, queue.Delivery) error {
		if calls.Add(1) == 1 {
			return fmt.Errorf("draining: %w", queue.ErrBusy)
		}
		close(done)
		return nil
	})
	if err := b.client.Enqueue(t.Context(), delivery("job_a")); err != nil {
		t.Fatal(err)
	}
	receive(t, done, "it is delivered again")
	info, err := b.inspect(t).GetTaskInfo("data", "job_a:1")
	if err != nil || info.Retried != 0 {
		t.Errorf("it was counted: %+v, %v", info, err)
	}
}

func TestShutdownWaitsAndStopsFetching(t *testing.T) {
	t.Parallel()
	b := setup(t)
	started, finish := make(chan string, 10), make(chan struct{})
	s := b.serve(t, 2, func(_ context.Context, d queue.Delivery) error {
		started <- d.JobID
		<-finish
		return nil
	})
	if err := b.client.Enqueue(t.Context(), delivery("job_a")); err != nil {
		t.Fatal(err)
	}
	receive(t, started, "the first starts")
	s.Drain()
	if err := b.client.Enqueue(t.Context(), delivery("job_b")); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	go func() { ended <- s.Shutdown(ctx) }()
	select {
	case err := <-ended:
		t.Fatalf("shut down under a running handler: %v", err)
	case job := <-started:
		t.Fatalf("%s was started while draining", job)
	case <-time.After(300 * time.Millisecond):
	}
	close(finish)
	if err := receive(t, ended, "it shuts down"); err != nil {
		t.Error(err)
	}
	depths, err := b.client.Depths(t.Context())
	if err != nil || depths[0].Completed != 1 || depths[0].Pending+depths[0].Retry != 1 {
		t.Errorf("depths are %+v, %v", depths, err)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Errorf("shutting down again gave %v", err)
	}
}

func TestShutdownCancelsAtItsDeadline(t *testing.T) {
	t.Parallel()
	b := setup(t)
	started, ended := make(chan struct{}), make(chan error, 1)
	s := b.serve(t, 1, func(ctx context.Context, _ queue.Delivery) error {
		close(started)
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return queue.ErrDropped
	})
	if err := b.client.Enqueue(t.Context(), delivery("job_a")); err != nil {
		t.Fatal(err)
	}
	receive(t, started, "the handler starts")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if cause := receive(t, ended, "the handler is cancelled"); !errors.Is(cause, queue.ErrShutdown) {
		t.Errorf("the cause is %v", cause)
	}
}

func TestADeafHandlerIsLeft(t *testing.T) {
	t.Parallel()
	b := setup(t)
	started, finish := make(chan struct{}), make(chan struct{})
	s, err := queue.NewServer(b.config, "data", 1, func(context.Context, queue.Delivery) error {
		close(started)
		<-finish
		return nil
	}, b.logger())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	if err := b.client.Enqueue(t.Context(), delivery("job_a")); err != nil {
		t.Fatal(err)
	}
	receive(t, started, "the handler starts")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	begin := time.Now()
	if err := s.Shutdown(ctx); err == nil || !strings.Contains(err.Error(), "1 handlers") {
		t.Errorf("got %v", err)
	}
	if elapsed := time.Since(begin); elapsed > 6*time.Second {
		t.Errorf("it took %s", elapsed)
	}
	depths, err := b.client.Depths(t.Context())
	if err != nil || depths[0].Pending != 1 {
		t.Errorf("the task did not go back: %+v, %v", depths, err)
	}
	close(finish)
}

func TestAServerStartsBeforeRedis(t *testing.T) {
	t.Parallel()
	b := setup(t)
	addr := b.memory.Addr()
	b.memory.Close()
	got := make(chan queue.Delivery, 1)
	b.serve(t, 1, func(_ context.Context, d queue.Delivery) error { got <- d; return nil })
	if err := b.memory.StartAddr(addr); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the task can be enqueued", func() bool { return b.client.Enqueue(t.Context(), delivery("job_a")) == nil })
	receive(t, got, "the task is delivered")
}

func TestKilledRedisLosesNoTask(t *testing.T) {
	t.Parallel()
	b := setupReal(t)
	if err := b.client.Enqueue(t.Context(), delivery("job_a")); err != nil {
		t.Fatal(err)
	}
	// It writes a moment later while the disk is busy with what came before.
	eventually(t, "Redis has written the task to its file", func() bool {
		info, err := b.raw.Info(t.Context(), "persistence").Result()
		return err == nil && strings.Contains(info, "aof_buffer_length:0\r\n") && strings.Contains(info, "aof_rewrite_in_progress:0\r\n")
	})
	first := b.child.PID()
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "Redis is back", func() bool {
		return b.child.PID() != first && b.client.Ping(t.Context()) == nil
	})
	if alive, err := b.client.Alive(t.Context(), delivery("job_a")); err != nil || !alive {
		t.Fatalf("after the kill alive is %v, %v", alive, err)
	}
	got := make(chan queue.Delivery, 1)
	b.serve(t, 1, func(_ context.Context, d queue.Delivery) error { got <- d; return nil })
	if d := receive(t, got, "the task is delivered"); d != delivery("job_a") {
		t.Errorf("delivered %+v", d)
	}
}

func TestRedisKilledUnderAHandler(t *testing.T) {
	t.Parallel()
	b := setupReal(t)
	started, finish, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	b.serve(t, 1, func(ctx context.Context, _ queue.Delivery) error {
		close(started)
		<-finish
		ended <- context.Cause(ctx)
		return nil
	})
	if err := b.client.Enqueue(t.Context(), delivery("job_a")); err != nil {
		t.Fatal(err)
	}
	receive(t, started, "the handler starts")
	first := b.child.PID()
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "Redis is back", func() bool {
		return b.child.PID() != first && b.client.Ping(t.Context()) == nil
	})
	close(finish)
	if cause := receive(t, ended, "the handler ends"); cause != nil {
		t.Errorf("the handler was cancelled: %v", cause)
	}
	eventually(t, "the task is completed", func() bool {
		depths, err := b.client.Depths(t.Context())
		return err == nil && depths[0].Completed == 1 && depths[0].Backlog() == 0
	})
}

// BenchmarkIdlePickup measures the time from the hand-over of one job to its
// handler on an idle server.
func BenchmarkIdlePickup(b *testing.B) {
	q := setupReal(b)
	picked := make(chan time.Time, 1)
	q.serve(b, 1, func(context.Context, queue.Delivery) error {
		picked <- time.Now()
		return nil
	})
	latencies := make([]time.Duration, 0, b.N)
	for i := range b.N {
		timer := time.NewTimer(time.Duration(7+i%23) * time.Millisecond) // out of step with the polls
		<-timer.C
		start := time.Now()
		if err := q.client.Enqueue(b.Context(), delivery(fmt.Sprintf("job_%d", i))); err != nil {
			b.Fatal(err)
		}
		latencies = append(latencies, receive(b, picked, "the job is picked up").Sub(start))
	}
	slices.Sort(latencies)
	b.ReportMetric(float64(latencies[len(latencies)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(latencies[len(latencies)*99/100].Microseconds())/1000, "p99-ms")
}

// BenchmarkThroughput measures no-op deliveries from hand-over to completion.
func BenchmarkThroughput(b *testing.B) {
	q := setupReal(b)
	q.config.Timeout = time.Minute
	var done atomic.Int64
	q.serve(b, 10, func(context.Context, queue.Delivery) error {
		done.Add(1)
		return nil
	})
	many := make([]queue.Delivery, b.N)
	for i := range many {
		many[i] = delivery(fmt.Sprintf("job_%d", i))
	}
	client, err := queue.New(q.config)
	if err != nil {
		b.Fatal(err)
	}
	defer closing(b, client)
	b.ResetTimer()
	if err := client.Enqueue(b.Context(), many...); err != nil {
		b.Fatal(err)
	}
	for done.Load() < int64(b.N) {
		timer := time.NewTimer(time.Millisecond)
		<-timer.C
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
}

func FuzzParse(f *testing.F) {
	f.Add("job_a:1", `{"job_id":"job_a","tenant":"acme"}`)
	f.Add("job_a", `{`)
	f.Fuzz(func(t *testing.T, id, body string) {
		d, err := queue.Parse(id, "data", "ingest", []byte(body))
		if err == nil && d.TaskID() != id {
			t.Errorf("task %q became %+v", id, d)
		}
	})
}

// TestARefusingRedisIsNotHammered checks that a fetcher waits between attempts
// while Redis answers with errors, as it does when it cannot write to its disk.
func TestARefusingRedisIsNotHammered(t *testing.T) {
	t.Parallel()
	b := setup(t)
	refused := make(chan time.Time, 1000)
	b.config.Observe = func(command string, _ time.Duration, err error) {
		if err != nil && strings.HasPrefix(err.Error(), "MISCONF") && strings.HasPrefix(command, "eval") {
			refused <- time.Now()
		}
	}
	handled := make(chan string, 1)
	b.serve(t, 1, func(_ context.Context, d queue.Delivery) error {
		handled <- d.JobID
		return nil
	})
	b.memory.SetError("MISCONF Redis cannot write to its disk")
	const attempts = 8
	first := <-refused
	for range attempts - 1 {
		<-refused
	}
	if took := time.Since(first); took < 500*time.Millisecond {
		t.Errorf("%d attempts to fetch were refused within %s", attempts, took)
	}
	b.memory.SetError("")
	if err := b.client.Enqueue(t.Context(), delivery("job_1")); err != nil {
		t.Fatal(err)
	}
	if got := <-handled; got != "job_1" {
		t.Errorf("%s was handled", got)
	}
}
