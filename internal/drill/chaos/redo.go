package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/narrativeml/narrative/internal/job"
)

// redoneKills is how often the worker of one training is killed.
const redoneKills = 3

// redone is the budget of work that is done again: a training whose worker is
// killed after every other checkpoint saves each of them once, but for one that
// was on its way when the signal came, and ends with the model of a training
// that nobody disturbed.
func (r *Run) redone(ctx context.Context) error {
	pace := quick()
	pace.DeadAfter *= 2 // a false alarm on a busy machine would be work done twice
	return r.with(ctx, pace, 1, func(ctx context.Context, c *cluster) error {
		if err := c.start(ctx, 1, 1); err != nil {
			return err
		}
		u, err := newUsers(ctx, c, "redone", 1)
		if err != nil {
			return err
		}
		counted := &saved{changed: make(chan struct{}, 1), times: map[string]int{}}
		c.onStored(counted.store)
		defer c.onStored(nil)
		id, err := u.slow(ctx, 0)
		if err != nil {
			return err
		}
		kills := 0
		for kills < redoneKills {
			if !counted.grown(ctx, c, id, 2) {
				break // it has ended
			}
			if err := c.kill(c.get("worker 0"), syscall.SIGKILL); err != nil {
				return err
			}
			<-c.get("worker 0").ended
			kills++
			if _, err := c.spawn(ctx, "worker 0"); err != nil {
				return err
			}
			if err := u.runs(ctx, id, kills+1); err != nil {
				return err
			}
		}
		if err := u.succeed(ctx, tenantName(0), id); err != nil {
			return err
		}
		again, all := counted.twice(id)
		r.printf("%d kills of the worker of one training: %d checkpoints, %d of them saved again\n", kills, all, again)
		if again > kills {
			r.broke(Violation{Promise: LittleRedone, Job: id, What: fmt.Sprintf("%d of %d checkpoints were made again after %d kills", again, all, kills)})
		}
		if kills == 0 {
			r.broke(Violation{Promise: EnoughKills, Job: id, What: "the training ended before its worker could be killed"})
		}
		return r.sameModel(ctx, u, id)
	})
}

// sameModel trains the same again, in peace, and compares.
func (r *Run) sameModel(ctx context.Context, u *users, killed string) error {
	tenant := tenantName(0)
	_, do, err := u.call(tenant, Order{Kind: kindSlow, Seed: 1})
	if err != nil {
		return err
	}
	a, err := u.submit(ctx, tenant, u.prefix+"-in-peace", kindTraining, do)
	if err != nil {
		return err
	}
	if err := u.succeed(ctx, tenant, a.job); err != nil {
		return err
	}
	_, f, err := r.quietly(ctx, u.cluster)
	if err != nil {
		return err
	}
	sums := map[string]string{}
	for _, j := range f.Jobs {
		var made struct {
			SHA256 string `json:"sha256"`
		}
		if json.Unmarshal(j.Result, &made) == nil {
			sums[j.ID] = made.SHA256
		}
	}
	if sums[killed] == "" || sums[killed] != sums[a.job] {
		r.broke(Violation{Promise: LittleRedone, Job: killed, What: fmt.Sprintf("its model is %s, that of an undisturbed training %s", sums[killed], sums[a.job])})
	}
	return nil
}

// saved counts how often each checkpoint was stored.
type saved struct {
	mu      sync.Mutex
	times   map[string]int
	changed chan struct{}
}

func (s *saved) store(key string) {
	if !strings.Contains(key, "/checkpoint/") {
		return
	}
	s.mu.Lock()
	s.times[key]++
	s.mu.Unlock()
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// grown waits until so many more checkpoints of the job are stored, and returns
// false when the job ends before.
func (s *saved) grown(ctx context.Context, c *cluster, id string, more int) bool {
	_, from := s.twice(id)
	for {
		if job.State(c.witness.last(id).State).Terminal() || ctx.Err() != nil {
			return false
		}
		if _, now := s.twice(id); now >= from+more {
			return true
		}
		select {
		case <-s.changed:
		case <-time.After(betweenAsking):
		}
	}
}

// twice returns how many checkpoints of the job were stored more than once, and
// how many there were.
func (s *saved) twice(id string) (again, all int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, n := range s.times {
		if strings.HasPrefix(key, job.CheckpointPrefix(id)) {
			all++
			if n > 1 {
				again++
			}
		}
	}
	return again, all
}
