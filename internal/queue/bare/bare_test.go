package bare_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/narrativeml/narrative/internal/queue/bare"
	"github.com/narrativeml/narrative/internal/secret"
)

func setup(t *testing.T) (*miniredis.Miniredis, bare.Load) {
	t.Helper()
	redis := miniredis.RunT(t)
	redis.RequireAuth("hidden")
	return redis, bare.Load{
		URL: secret.New("redis://:hidden@" + redis.Addr() + "/0"), Queue: "bare",
		Tasks: 50, Enqueuers: 4, Slots: 8, Poll: 10 * time.Millisecond,
	}
}

func TestRunWorksOnEveryTask(t *testing.T) {
	t.Parallel()
	redis, load := setup(t)
	for range 2 { // a second run finds nothing of the first
		took, err := load.Run(t.Context())
		if err != nil || took <= 0 {
			t.Fatalf("took %v, error %v", took, err)
		}
	}
	if n, err := redis.Get("asynq:{bare}:processed"); err != nil || n != "100" {
		t.Errorf("%q processed, error %v", n, err)
	}
	for _, key := range redis.Keys() {
		if strings.HasPrefix(key, "asynq:{bare}:t:") {
			t.Errorf("%s is left", key)
		}
	}
}

func TestRunFails(t *testing.T) {
	t.Parallel()
	_, load := setup(t)
	cases := map[string]func(l *bare.Load){
		"no tasks":      func(l *bare.Load) { l.Tasks = 0 },
		"no enqueuers":  func(l *bare.Load) { l.Enqueuers = 0 },
		"no slots":      func(l *bare.Load) { l.Slots = 0 },
		"URL":           func(l *bare.Load) { l.URL = secret.New("redis:/\x7f/:hidden@x") },
		"no such queue": func(l *bare.Load) { l.Queue = " " },
		"password":      func(l *bare.Load) { l.URL = secret.New(strings.Replace(l.URL.Reveal(), "hidden", "other", 1)) },
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := load
			change(&l)
			_, err := l.Run(t.Context())
			if err == nil {
				t.Fatal("no error")
			}
			if strings.Contains(err.Error(), "hidden") {
				t.Errorf("the password is in %v", err)
			}
		})
	}
}

func TestRunStops(t *testing.T) {
	t.Parallel()
	_, load := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := load.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
}
