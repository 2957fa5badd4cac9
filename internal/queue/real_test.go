package queue_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/queue"
)

// TestOnServer delivers a job by the Redis server that the environment names,
// in a pool of its own.
func TestOnServer(t *testing.T) {
	t.Parallel()
	url, set := os.LookupEnv("NARRATIVE_REDIS_URL")
	if !set || url == "" {
		t.Skip("NARRATIVE_REDIS_URL is not set")
	}
	pool := "test-" + time.Now().UTC().Format("20060102t150405")
	b := open(t, url)
	b.config.Pools = []string{pool}
	client, err := queue.New(b.config)
	if err != nil {
		t.Fatal(err)
	}
	defer closing(t, client)
	d := queue.Delivery{JobID: "job_1", Epoch: 1, Kind: "ingest", Tenant: "acme", Pool: pool}
	for range 2 { // the second one changes nothing
		if err := client.Enqueue(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	if alive, err := client.Alive(t.Context(), d); err != nil || !alive {
		t.Errorf("a waiting delivery: %v, %v", alive, err)
	}
	handled, hints := make(chan queue.Delivery, 2), make(chan queue.Delivery, 1)
	s, err := queue.NewServer(b.config, pool, 1, func(ctx context.Context, d queue.Delivery) error {
		handled <- d
		select {
		case <-ctx.Done():
		case h := <-hints:
			hints <- h
		}
		return nil
	}, b.logger())
	if err != nil {
		t.Fatal(err)
	}
	s.OnHint(func(d queue.Delivery) {
		select {
		case hints <- d:
		default:
		}
	})
	b.start(t, s)
	if got := receive(t, handled, "the job is delivered"); got != d {
		t.Errorf("delivered %+v", got)
	}
	eventually(t, "the hint reaches the worker", func() bool {
		if err := client.HintCancel(t.Context(), d); err != nil {
			t.Error(err)
		}
		return len(hints) == 1 || s.Running() == 0
	})
	eventually(t, "the task is completed", func() bool {
		depths, err := client.Depths(t.Context())
		return err == nil && len(depths) == 1 && depths[0].Completed == 1
	})
	if len(handled) != 0 {
		t.Error("it was delivered twice")
	}
	if err := b.inspect(t).DeleteQueue(pool, true); err != nil {
		t.Error(err)
	}
}
