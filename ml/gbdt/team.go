package gbdt

import (
	"sync"
	"sync/atomic"
)

// team runs the items of a loop on several goroutines.
type team struct {
	size int
	stop *atomic.Bool // once true, no further item is begun
}

// each calls fn for every item below n, with the number of the worker that runs
// it, below size. It returns when all are done.
func (t team) each(n int, fn func(worker, item int)) {
	workers := min(t.size, n)
	if workers <= 1 {
		for i := 0; i < n && !t.stop.Load(); i++ {
			fn(0, i)
		}
		return
	}
	var next atomic.Int64
	loop := func(worker int) {
		for !t.stop.Load() {
			i := int(next.Add(1)) - 1
			if i >= n {
				return
			}
			fn(worker, i)
		}
	}
	var wait sync.WaitGroup
	for w := 1; w < workers; w++ {
		wait.Go(func() { loop(w) })
	}
	loop(0)
	wait.Wait()
}

// golden is 2^64 divided by the golden ratio.
const golden = 0x9E3779B97F4A7C15

// mix scrambles a number (Steele et al., "Fast Splittable Pseudorandom Number
// Generators", 2014).
func mix(x uint64) uint64 {
	x += golden
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	x = (x ^ x>>27) * 0x94D049BB133111EB
	return x ^ x>>31
}

// unit maps the high bits of x to [0,1).
func unit(x uint64) float64 { return float64(x>>11) * 0x1p-53 }
