package queue

import (
	"sync"
	"time"
)

// A lease lasts for leaseTime from its last renewal, which a server that lives
// makes every five seconds. One that is renewed no longer is that of a dead
// server after leaseSilence: to wait for the end of the lease would cost the
// better part of a minute. A server that was only slow loses nothing but the
// delivery.
const (
	leaseTime    = 30 * time.Second
	leaseSilence = 13 * time.Second
)

// forgetAfter is after what time a lease is forgotten that nobody asks about.
const forgetAfter = time.Minute

// leases remembers since when leases have stood still before this process's own
// eyes. Their ends are times of the servers' clocks, which may be wrong.
type leases struct {
	now func() time.Time

	mu    sync.Mutex
	seen  map[string]lease // by task
	swept time.Time
}

type lease struct {
	end    float64
	since  time.Time
	looked time.Time
}

// renewed reports whether the lease is taken to be renewed. It is not when it has
// stood still for leaseSilence; or for half of that, more than a renewal takes,
// if it is as old by its end. After a look that was long ago, as when this
// process was paused, it is watched afresh.
func (l *leases) renewed(task string, end float64) bool {
	at := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sweep(at)
	seen, ok := l.seen[task]
	if !ok || seen.end != end || at.Sub(seen.looked) > leaseSilence {
		seen = lease{end: end, since: at}
	}
	seen.looked = at
	l.seen[task] = seen
	still := at.Sub(seen.since)
	old := at.Sub(time.Unix(int64(end), 0).Add(-leaseTime)) >= leaseSilence
	return still < leaseSilence && (!old || still < leaseSilence/2)
}

// sweep forgets what nobody asks about any more. The lock is held.
func (l *leases) sweep(at time.Time) {
	if at.Sub(l.swept) < forgetAfter {
		return
	}
	l.swept = at
	for task, seen := range l.seen {
		if at.Sub(seen.looked) >= forgetAfter {
			delete(l.seen, task)
		}
	}
}
