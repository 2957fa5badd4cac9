package queue_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/queue"
	"github.com/narrativeml/narrative/internal/secret"
)

func TestEnqueueTwiceIsOneTask(t *testing.T) {
	t.Parallel()
	for name, setup := range servers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			for range 2 {
				if err := b.client.Enqueue(t.Context(), delivery("job_a")); err != nil {
					t.Fatal(err)
				}
			}
			info, err := b.inspect(t).GetTaskInfo("data", "job_a:1")
			if err != nil {
				t.Fatal(err)
			}
			if info.Type != "ingest" || string(info.Payload) != `{"job_id":"job_a","tenant":"acme"}` {
				t.Errorf("task is %s with %s", info.Type, info.Payload)
			}
			if info.MaxRetry < 3 || info.Timeout < 24*time.Hour || info.Retention != time.Hour {
				t.Errorf("task has %d retries, timeout %s, retention %s", info.MaxRetry, info.Timeout, info.Retention)
			}
			depths, err := b.client.Depths(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if depths[0].Pool != "data" || depths[0].Pending != 1 || depths[0].Backlog() != 1 || depths[1].Pool != "training" || depths[1].Pending != 0 {
				t.Errorf("depths are %+v", depths)
			}
		})
	}
}

func TestEnqueueRefusesWhatItCannotDeliver(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, change := range []func(*queue.Delivery){
		func(d *queue.Delivery) { d.JobID = "" },
		func(d *queue.Delivery) { d.JobID = "job:{1}" },
		func(d *queue.Delivery) { d.Epoch = -1 },
		func(d *queue.Delivery) { d.Kind = "In gest" },
		func(d *queue.Delivery) { d.Pool = "unknown" },
	} {
		d := delivery("job_a")
		change(&d)
		if err := b.client.Enqueue(t.Context(), d); fault.ClassOf(err) != fault.ClassInvalid {
			t.Errorf("%+v gave %v", d, err)
		}
	}
}

func TestEnqueueManyAtOnce(t *testing.T) {
	t.Parallel()
	for name, setup := range servers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			many := make([]queue.Delivery, 500)
			for i := range many {
				many[i] = delivery(fmt.Sprintf("job_%d", i))
			}
			if err := b.client.Enqueue(t.Context(), many...); err != nil {
				t.Fatal(err)
			}
			if err := b.client.Enqueue(t.Context()); err != nil {
				t.Errorf("nothing to do gave %v", err)
			}
			depths, err := b.client.Depths(t.Context())
			if err != nil || depths[0].Pending != 500 {
				t.Errorf("depths are %+v, %v", depths, err)
			}
		})
	}
}

func TestRedisAway(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.memory.Close()
	start := time.Now()
	calls := map[string]func(context.Context) error{
		"enqueue": func(ctx context.Context) error { return b.client.Enqueue(ctx, delivery("job_a")) },
		"enqueue many": func(ctx context.Context) error {
			return b.client.Enqueue(ctx, delivery("job_a"), delivery("job_b"), delivery("job_c"))
		},
		"alive":      func(ctx context.Context) error { _, err := b.client.Alive(ctx, delivery("job_a")); return err },
		"hint":       func(ctx context.Context) error { return b.client.HintCancel(ctx, delivery("job_a")) },
		"depths":     func(ctx context.Context) error { _, err := b.client.Depths(ctx); return err },
		"durability": func(ctx context.Context) error { _, err := b.client.Durability(ctx); return err },
		"ping":       b.client.Ping,
	}
	for name, call := range calls {
		err := call(t.Context())
		if fault.CodeOf(err) != "queue_unavailable" || !fault.Transient(err) {
			t.Errorf("%s gave %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "pass@") {
			t.Errorf("%s shows the password: %v", name, err)
		}
	}
	if elapsed := time.Since(start); elapsed > time.Duration(len(calls))*b.config.Timeout+time.Second {
		t.Errorf("the calls took %s", elapsed)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.client.Enqueue(ctx, delivery("job_a")); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled call gave %v", err)
	}
}

// A task that is active is as alive as the server that renews its lease,
// whatever that server's clock says.
func TestAliveWhileTheLeaseIsRenewed(t *testing.T) {
	t.Parallel()
	const step = 5 * time.Second // between two looks, and between two renewals
	for _, tt := range []struct {
		name  string
		clock time.Duration // by how much the server's is ahead
		last  time.Duration // when the lease was renewed last, from the first look on
		pause time.Duration // before the second look
		dead  int           // the look at which it is dead; 0: at none
	}{
		{"it lives", 0, time.Hour, 0, 0},
		{"it lives, and its clock is late", -time.Hour, time.Hour, 0, 0},
		{"it lives, and its clock is ahead", time.Hour, time.Hour, 0, 0},
		{"it died", 0, 0, 0, 3},
		{"it died before", 0, -10 * time.Second, 0, 2},
		{"it died, and its clock was late", -time.Hour, 0, 0, 2},
		{"it died, and its clock was ahead", time.Hour, 0, 0, 3},
		{"it died, and who looks was paused", time.Hour, 0, time.Minute, 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			if err := b.raw.HSet(t.Context(), "asynq:{data}:t:job_a:1", "state", "active").Err(); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			at := began
			b.client.SetNow(func() time.Time { return at })
			for look := range 40 {
				renewed := began.Add(min(at.Sub(began), tt.last)).Add(tt.clock)
				if err := b.raw.ZAdd(t.Context(), "asynq:{data}:lease", redis.Z{Score: float64(renewed.Add(30 * time.Second).Unix()), Member: "job_a:1"}).Err(); err != nil {
					t.Fatal(err)
				}
				alive, err := b.client.Alive(t.Context(), delivery("job_a"))
				if want := tt.dead == 0 || look < tt.dead; err != nil || alive != want {
					t.Errorf("alive %v, %v, at look %d", alive, err, look)
				}
				at = at.Add(step)
				if look == 0 {
					at = at.Add(tt.pause)
				}
			}
		})
	}
}

func TestAliveFollowsATask(t *testing.T) {
	t.Parallel()
	for name, setup := range servers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			alive := func() bool {
				t.Helper()
				ok, err := b.client.Alive(t.Context(), delivery("job_a"))
				if err != nil {
					t.Fatal(err)
				}
				return ok
			}
			if alive() {
				t.Error("alive before it was enqueued")
			}
			if err := b.client.Enqueue(t.Context(), delivery("job_a")); err != nil {
				t.Fatal(err)
			}
			if !alive() {
				t.Error("not alive while it waits")
			}
			started, finish := make(chan struct{}), make(chan struct{})
			b.serve(t, 1, func(context.Context, queue.Delivery) error {
				close(started)
				<-finish
				return nil
			})
			receive(t, started, "the handler starts")
			if !alive() {
				t.Error("not alive while it is worked on")
			}
			// A worker that lost its lease.
			if err := b.raw.ZRem(t.Context(), "asynq:{data}:lease", "job_a:1").Err(); err != nil {
				t.Fatal(err)
			}
			if alive() {
				t.Error("alive without a lease")
			}
			if err := b.raw.ZAdd(t.Context(), "asynq:{data}:lease", redis.Z{Score: float64(time.Now().Add(30 * time.Second).Unix()), Member: "job_a:1"}).Err(); err != nil {
				t.Fatal(err)
			}
			close(finish)
			eventually(t, "it is kept as completed", func() bool {
				depths, err := b.client.Depths(t.Context())
				return err == nil && depths[0].Completed == 1 && depths[0].Backlog() == 0
			})
			if alive() {
				t.Error("alive after it was completed")
			}
		})
	}
}

func TestDepthsAgreeWithAsynq(t *testing.T) {
	t.Parallel()
	for name, setup := range servers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			for i := range 5 {
				if err := b.client.Enqueue(t.Context(), delivery(fmt.Sprintf("job_%d", i))); err != nil {
					t.Fatal(err)
				}
			}
			i := b.inspect(t)
			if err := i.ArchiveTask("data", "job_4:1"); err != nil {
				t.Fatal(err)
			}
			if err := i.PauseQueue("data"); err != nil {
				t.Fatal(err)
			}
			want, err := i.GetQueueInfo("data")
			if err != nil {
				t.Fatal(err)
			}
			depths, err := b.client.Depths(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got := depths[0]
			if got.Pending != int64(want.Pending) || got.Active != int64(want.Active) || got.Archived != int64(want.Archived) ||
				got.Scheduled != int64(want.Scheduled) || got.Retry != int64(want.Retry) || got.Completed != int64(want.Completed) || got.Paused != want.Paused {
				t.Errorf("depth is %+v, asynq says %+v", got, want)
			}
			if got.Pending != 4 || got.Archived != 1 || !got.Paused {
				t.Errorf("depth is %+v", got)
			}
			if difference := got.OldestPending - want.Latency; got.OldestPending <= 0 || difference < 0 || difference > 5*time.Second {
				t.Errorf("oldest waits %s, asynq says %s", got.OldestPending, want.Latency)
			}
		})
	}
}

func TestAFlushIsSurvived(t *testing.T) {
	t.Parallel()
	for name, setup := range servers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			if err := b.client.Enqueue(t.Context(), delivery("job_a")); err != nil {
				t.Fatal(err)
			}
			if err := b.raw.FlushAll(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
			if depths, err := b.client.Depths(t.Context()); err != nil || depths[0].Pending != 0 {
				t.Fatalf("depths are %+v, %v", depths, err)
			}
			if alive, err := b.client.Alive(t.Context(), delivery("job_a")); err != nil || alive {
				t.Errorf("a flushed task is alive: %v, %v", alive, err)
			}
			got := make(chan queue.Delivery, 1)
			b.serve(t, 1, func(_ context.Context, d queue.Delivery) error { got <- d; return nil })
			if err := b.client.Enqueue(t.Context(), delivery("job_a")); err != nil {
				t.Fatal(err)
			}
			if d := receive(t, got, "the task is delivered after the flush"); d != delivery("job_a") {
				t.Errorf("delivered %+v", d)
			}
			if _, err := b.client.Depths(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestDurabilityWarns(t *testing.T) {
	t.Parallel()
	b := setupReal(t)
	if warnings, err := b.client.Durability(t.Context()); err != nil || len(warnings) != 0 {
		t.Errorf("our own server gave %q, %v", warnings, err)
	}
	for name, value := range map[string]string{"appendonly": "no", "maxmemory-policy": "allkeys-lru"} {
		if err := b.raw.ConfigSet(t.Context(), name, value).Err(); err != nil {
			t.Fatal(err)
		}
	}
	warnings, err := b.client.Durability(t.Context())
	if err != nil || len(warnings) != 2 || !strings.Contains(warnings[1], "allkeys-lru") {
		t.Errorf("got %q, %v", warnings, err)
	}
}

func TestObserveSeesCommandsAndErrors(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var mu sync.Mutex
	calls, failures := map[string]int{}, 0
	b.config.Observe = func(command string, elapsed time.Duration, err error) {
		mu.Lock()
		defer mu.Unlock()
		calls[command]++
		if elapsed < 0 {
			t.Errorf("%s took %s", command, elapsed)
		}
		if err != nil {
			failures++
		}
	}
	client, err := queue.New(b.config)
	if err != nil {
		t.Fatal(err)
	}
	defer closing(t, client)
	if err := client.Enqueue(t.Context(), delivery("job_a")); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Depths(t.Context()); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	if calls["evalsha"] == 0 || calls["pipeline"] != 2 || failures != 0 {
		t.Errorf("calls are %v with %d failures", calls, failures)
	}
	mu.Unlock()
	b.memory.SetError("LOADING")
	if err := client.Ping(t.Context()); err == nil {
		t.Error("a loading server answers")
	}
	mu.Lock()
	defer mu.Unlock()
	if calls["ping"] == 0 || failures == 0 {
		t.Errorf("calls are %v with %d failures", calls, failures)
	}
}

func TestAWrongPasswordIsNotShown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.config
	c.URL = secret.New("redis://:wrong-hunter2@" + b.memory.Addr())
	client, err := queue.New(c)
	if err != nil {
		t.Fatal(err)
	}
	defer closing(t, client)
	if err := client.Ping(t.Context()); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}
