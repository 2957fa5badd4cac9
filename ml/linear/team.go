package linear

import (
	"sync"
	"sync/atomic"
)

// team runs the items of a loop on several goroutines.
type team struct {
	size int
	stop *atomic.Bool // once true, no further item is begun
}

// each calls fn for every item below n and returns when all are done.
func (t team) each(n int, fn func(item int)) {
	workers := min(t.size, n)
	if workers <= 1 {
		for i := 0; i < n && !t.stop.Load(); i++ {
			fn(i)
		}
		return
	}
	var next atomic.Int64
	loop := func() {
		for !t.stop.Load() {
			i := int(next.Add(1)) - 1
			if i >= n {
				return
			}
			fn(i)
		}
	}
	var wait sync.WaitGroup
	for range workers - 1 {
		wait.Go(loop)
	}
	loop()
	wait.Wait()
}
