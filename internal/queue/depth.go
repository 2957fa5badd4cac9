package queue

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// Depth is how much stands in the queue of one pool.
type Depth struct {
	Pool          string
	Pending       int64         // ready for a worker
	Active        int64         // with a worker
	Scheduled     int64         // for later
	Retry         int64         // delivered again soon
	Archived      int64         // given up; says nothing about the load
	Completed     int64         // kept for operators; says nothing about the load
	OldestPending time.Duration // how long the longest waiting one has waited
	Paused        bool
}

// Backlog is how many tasks stand before or at the workers.
func (d Depth) Backlog() int64 { return d.Pending + d.Active + d.Scheduled + d.Retry }

// counts are the replies of one pool.
type counts struct {
	pending, active                       *redis.IntCmd
	scheduled, retry, archived, completed *redis.IntCmd
	oldest                                *redis.StringCmd
	paused                                *redis.IntCmd
	since                                 *redis.StringCmd
}

// Depths returns the depth of every configured pool, in that order. It asks
// Redis for the keys of these pools rather than for the queues Redis knows,
// so that it is right after Redis was flushed.
func (c *Client) Depths(ctx context.Context) ([]Depth, error) {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	replies := make([]counts, len(c.config.Pools))
	_, err := c.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, pool := range c.config.Pools {
			replies[i] = counts{
				pending:   p.LLen(ctx, key(pool, "pending")),
				active:    p.LLen(ctx, key(pool, "active")),
				scheduled: p.ZCard(ctx, key(pool, "scheduled")),
				retry:     p.ZCard(ctx, key(pool, "retry")),
				archived:  p.ZCard(ctx, key(pool, "archived")),
				completed: p.ZCard(ctx, key(pool, "completed")),
				oldest:    p.LIndex(ctx, key(pool, "pending"), -1),
				paused:    p.Exists(ctx, key(pool, "paused")),
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, unavailable(fmt.Errorf("measure queues: %w", err))
	}
	_, err = c.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, pool := range c.config.Pools {
			replies[i].since = p.HGet(ctx, key(pool, "t:"+replies[i].oldest.Val()), "pending_since")
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, unavailable(fmt.Errorf("measure queues: %w", err))
	}
	now := time.Now()
	depths := make([]Depth, len(replies))
	for i, r := range replies {
		depths[i] = Depth{
			Pool: c.config.Pools[i], Pending: r.pending.Val(), Active: r.active.Val(),
			Scheduled: r.scheduled.Val(), Retry: r.retry.Val(),
			Archived: r.archived.Val(), Completed: r.completed.Val(), Paused: r.paused.Val() > 0,
		}
		if ns, err := strconv.ParseInt(r.since.Val(), 10, 64); err == nil {
			depths[i].OldestPending = max(0, now.Sub(time.Unix(0, ns)))
		}
	}
	return depths, nil
}

// Backlog returns how many tasks of the pool wait and are with a worker, and how
// many have ended since Redis began to count.
func (c *Client) Backlog(ctx context.Context, pool string) (waiting, active, ended int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	var r counts
	var processed *redis.StringCmd
	_, err = c.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		r.pending, r.active = p.LLen(ctx, key(pool, "pending")), p.LLen(ctx, key(pool, "active"))
		r.scheduled, r.retry = p.ZCard(ctx, key(pool, "scheduled")), p.ZCard(ctx, key(pool, "retry"))
		processed = p.Get(ctx, key(pool, "processed"))
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return 0, 0, 0, unavailable(fmt.Errorf("measure queue %s: %w", pool, err))
	}
	if n, err := processed.Int64(); err == nil { // else nothing has ended yet
		ended = n
	}
	return r.pending.Val() + r.scheduled.Val() + r.retry.Val(), r.active.Val(), ended, nil
}
