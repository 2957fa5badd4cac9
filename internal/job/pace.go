package job

import (
	"context"
	"time"
)

// waiting is what a pass of the dispatcher has left.
type waiting int

const (
	nothingWaits waiting = iota // that could be handed over
	waitsForSlot                // all that waits does so until some job ends
	waitsForTurn                // jobs that may be handed over soon
)

// restShare is for which part of the time that a pass took the dispatcher rests at
// least.
const restShare = 4

// pace says when the dispatcher looks again.
type pace struct {
	often, seldom time.Duration
	quiet         time.Duration // the last pause while nothing became free
}

// pause returns the time until the next pass after one that took so long. While
// every slot is taken it doubles from pass to pass: whoever ends a job says so,
// and a worker that comes anew need not be seen at once.
func (p *pace) pause(left waiting, worked time.Duration) time.Duration {
	soon := min(max(p.often-worked, worked/restShare), p.seldom)
	switch left {
	case waitsForTurn:
		p.quiet = 0
		return soon
	case waitsForSlot:
		p.quiet = min(max(2*p.quiet, p.often), p.seldom)
		return max(p.quiet, soon)
	default:
		p.quiet = 0
		return p.seldom
	}
}

// dispatchJobs relays until ctx ends: at DispatchEvery while jobs wait for their
// turn, or after a short rest when a pass takes longer than that, seldom and
// when something has become free while they wait for slots, and at the interval
// of the relay when none waits.
func (k *Keeper) dispatchJobs(ctx context.Context) {
	tell := telling{now: k.cfg.Now, trouble: func(err error) { k.cfg.Observer.Trouble(ctx, "relay_jobs", nil, err) }}
	pace := pace{often: k.cfg.DispatchEvery, seldom: k.cfg.RelayEvery}
	timer := time.NewTimer(0)
	defer timer.Stop()
	left, passed := nothingWaits, time.Time{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.cfg.Freed:
			if left == waitsForSlot { // soon, and not at once for each of many
				pace.quiet = 0
				timer.Reset(max(pace.often-time.Since(passed), 0))
				left = waitsForTurn
			}
			continue
		case <-timer.C:
		}
		began := k.cfg.Now()
		var err error
		_, left, err = k.relay(ctx)
		if ctx.Err() != nil {
			return
		}
		tell.error(err)
		if err != nil {
			left = nothingWaits
		}
		passed = time.Now()
		timer.Reset(pace.pause(left, k.cfg.Now().Sub(began)))
	}
}
