package app

import (
	"context"
	"time"

	"github.com/narrativeml/narrative/internal/resilience"
	"github.com/narrativeml/narrative/internal/telemetry"
)

// guards keep a part that is away from taking the process with it.
type guards struct {
	store, s3, redis, cache *resilience.Guard
}

// Bounds of the calls to the parts. Those of file storage last until the head
// of an answer, and a large part takes long to send: only the storage itself
// bounds them.
const (
	storeCall   = 15 * time.Second // a find in pieces takes several times storeTimeout
	redisCall   = 5 * time.Second
	probeCall   = time.Second // of the few calls that find out whether a part is back
	storageWait = 15 * time.Second
)

// The cache is given up sooner, for longer, and nobody waits for a place: what it
// has can be made.
const (
	cacheCalls = 3
	cacheDelay = 5 * time.Second
)

// watch is told of the circuit breaker of a part.
type watch interface {
	Changed(state string)
	Refused(reason string)
}

// counted has the process's own metrics count what its breakers do.
func counted(m *telemetry.Metrics) func(part string) watch {
	return func(part string) watch { return m.Breakers.Of(part) }
}

func newGuards(watched func(part string) watch) (guards, error) {
	var g guards
	for _, part := range []struct {
		at         **resilience.Guard
		name, code string
		change     func(*resilience.Config)
	}{
		{&g.store, "store", "store_unavailable", func(c *resilience.Config) { c.Timeout, c.ProbeTimeout = storeCall, probeCall }},
		{&g.s3, "s3", "storage_unavailable", func(c *resilience.Config) { c.Wait = storageWait }},
		{&g.redis, "redis", "queue_unavailable", func(c *resilience.Config) { c.Timeout, c.ProbeTimeout = redisCall, probeCall }},
		{&g.cache, "cache", "cache_unavailable", func(c *resilience.Config) { c.Calls, c.Delay, c.Probes, c.Wait = cacheCalls, cacheDelay, 1, 0 }},
	} {
		watching := watched(part.name)
		c := resilience.DefaultConfig()
		c.Name, c.Code = part.name, part.code
		c.OnChange = func(s resilience.State) { watching.Changed(string(s)) }
		c.OnRefused = watching.Refused
		part.change(&c)
		guard, err := resilience.New(c)
		if err != nil {
			return g, err
		}
		*part.at = guard
	}
	return g, nil
}

// probing makes a look at a part that is not kept from it by its breaker.
func probing(look func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error { return look(resilience.Probe(ctx)) }
}

// state tells that of the breaker.
func state(g *resilience.Guard) func() string {
	return func() string { return string(g.State()) }
}
