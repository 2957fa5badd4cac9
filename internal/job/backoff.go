package job

import (
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"time"
)

// Backoff is how long a job waits before it is tried again: First after one
// failure, twice as long after each further one, at most Max, and of that a
// random part between one half and the whole, so that many do not come at
// once.
type Backoff struct {
	First time.Duration // default 2 s
	Max   time.Duration // default 5 min
}

func (b Backoff) withDefaults() Backoff {
	if b.First <= 0 {
		b.First = 2 * time.Second
	}
	if b.Max <= 0 {
		b.Max = 5 * time.Minute
	}
	return b
}

// after returns the wait after the n-th failure; jitter lies in [0, 1).
func (b Backoff) after(n int, jitter float64) time.Duration {
	d := b.First
	for ; n > 1 && d < b.Max; n-- {
		d *= 2
	}
	d = min(d, b.Max)
	return d/2 + time.Duration(jitter*float64(d-d/2))
}

// dice is a source of randomness that many goroutines share.
type dice struct {
	mu   sync.Mutex
	rand *rand.Rand
}

// newDice seeds with the number, or with the name when it is 0.
func newDice(seed uint64, name string) *dice {
	if seed == 0 {
		h := fnv.New64a()
		_, _ = h.Write([]byte(name))
		seed = h.Sum64()
	}
	return &dice{rand: rand.New(rand.NewPCG(seed, 0x6a6f62))}
}

func (d *dice) roll() float64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rand.Float64()
}
