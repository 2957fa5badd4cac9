package queue_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/queue"
	"github.com/narrativeml/narrative/internal/secret"
)

// gate is a guard that refuses while it is shut, and counts what it is told.
type gate struct {
	shut             bool
	answered, failed int
}

var errShut = fault.Unavailable("queue_unavailable", "the gate is shut")

func (g *gate) Do(ctx context.Context, call func(context.Context) error) error {
	if g.shut {
		return errShut
	}
	err := call(ctx)
	if err == nil {
		g.answered++
	} else {
		g.failed++
	}
	return err
}

func TestTheClientIsGuarded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	g := &gate{}
	b.config.Guard = g
	client, err := queue.New(b.config)
	if err != nil {
		t.Fatal(err)
	}
	defer closing(t, client)
	calls := map[string]func() error{
		"enqueue": func() error { return client.Enqueue(t.Context(), delivery("job_a")) },
		"alive":   func() error { _, err := client.Alive(t.Context(), delivery("job_none")); return err },
		"hint":    func() error { return client.HintCancel(t.Context(), delivery("job_a")) },
		"depths":  func() error { _, err := client.Depths(t.Context()); return err },
		"ping":    func() error { return client.Ping(t.Context()) },
	}
	for name, call := range calls {
		before := g.answered
		if err := call(); err != nil || g.answered == before || g.failed != 0 {
			t.Errorf("%s: %v, %d answers, %d failures", name, err, g.answered-before, g.failed)
		}
	}
	g.shut = true
	for name, call := range calls {
		if err := call(); fault.ClassOf(err) != fault.ClassUnavailable {
			t.Errorf("a refused %s: %v", name, err)
		}
	}
}

func TestTheGuardIsToldThatRedisIsAway(t *testing.T) {
	t.Parallel()
	g := &gate{}
	c := queue.DefaultConfig()
	c.URL, c.Pools, c.Guard, c.Timeout = secret.New("redis://127.0.0.1:1"), []string{"data"}, g, 200*time.Millisecond
	client, err := queue.New(c)
	if err != nil {
		t.Fatal(err)
	}
	defer closing(t, client)
	for range 2 {
		if err := client.Ping(t.Context()); fault.ClassOf(err) != fault.ClassUnavailable {
			t.Error(err)
		}
	}
	if _, err := client.Alive(t.Context(), delivery("job_a")); fault.ClassOf(err) != fault.ClassUnavailable {
		t.Error(err)
	}
	if g.failed != 3 || g.answered != 0 {
		t.Errorf("%d failures and %d answers were told", g.failed, g.answered)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := client.HintCancel(gone, delivery("job_a")); err == nil || errors.Is(err, errShut) {
		t.Error(err)
	}
}
