package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

// Client hands jobs over to the workers and asks about them. It is safe for
// concurrent use. Its calls last Config.Timeout at most and return fault
// errors: unavailable when Redis does not answer, invalid for a delivery that
// cannot be made.
type Client struct {
	config Config
	redis  *redis.Client
	joiner *joiner
	asynq  *asynq.Client
	leases *leases
}

// New returns a client. It does not talk to Redis yet, so that a process can
// start before Redis does. Close it.
func New(c Config) (*Client, error) {
	client, err := c.connect()
	if err != nil {
		return nil, err
	}
	if c.Guard != nil {
		client.AddHook(guarded{c.Guard})
	}
	joiner, err := c.join(client)
	if err != nil {
		return nil, errors.Join(err, client.Close())
	}
	return &Client{
		config: c, redis: client, joiner: joiner, asynq: asynq.NewClientFromRedisClient(client),
		leases: &leases{now: time.Now, seen: map[string]lease{}},
	}, nil
}

// Close releases the connections.
func (c *Client) Close() error {
	if err := errors.Join(c.redis.Close(), c.joiner.close()); err != nil {
		return fmt.Errorf("close queue: %w", err)
	}
	return nil
}

// enqueuers is how many hand-overs of one call are under way together. They share
// pipelines: see joiner.
const enqueuers = 64

// Enqueue hands over the deliveries; one that is already there is a success.
// When it returns an error, some may have been handed over: call it again.
func (c *Client) Enqueue(ctx context.Context, deliveries ...Delivery) error {
	for _, d := range deliveries {
		if err := d.validate(c.config.Pools); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	if len(deliveries) == 1 {
		return c.enqueue(ctx, deliveries[0])
	}
	var (
		wg   sync.WaitGroup
		next = make(chan Delivery)
		errs = make([]error, min(enqueuers, len(deliveries)))
	)
	for i := range errs {
		wg.Go(func() {
			for d := range next {
				if errs[i] == nil {
					errs[i] = c.enqueue(ctx, d)
				}
				if errs[i] != nil {
					cancel() // the others would wait for the same
				}
			}
		})
	}
	for _, d := range deliveries {
		next <- d
	}
	close(next)
	wg.Wait()
	return first(errs)
}

// first returns the first error that is not the echo of another one.
func first(errs []error) error {
	var echo error
	for _, err := range errs {
		if err != nil && !errors.Is(err, context.Canceled) {
			return err
		}
		if echo == nil {
			echo = err
		}
	}
	return echo
}

func (c *Client) enqueue(ctx context.Context, d Delivery) error {
	task, err := encode(d, c.config)
	if err != nil {
		return err
	}
	_, err = c.asynq.EnqueueContext(ctx, task)
	switch {
	case err == nil, errors.Is(err, asynq.ErrTaskIDConflict):
		return nil
	case errors.Is(ctx.Err(), context.Canceled):
		return fmt.Errorf("enqueue %s: %w", d.taskID(), context.Canceled)
	default:
		return unavailable(fmt.Errorf("enqueue %s: %w", d.taskID(), err))
	}
}

// Alive reports whether the delivery is still waiting or being worked on. A
// task whose worker stopped renewing its lease is not, although asynq will
// deliver it again some minute. Whether it did shows when Alive is asked about
// the task every few seconds.
func (c *Client) Alive(ctx context.Context, d Delivery) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	var state *redis.StringCmd
	var lease *redis.FloatCmd
	_, err := c.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		state = p.HGet(ctx, key(d.Pool, "t:"+d.taskID()), "state")
		lease = p.ZScore(ctx, key(d.Pool, "lease"), d.taskID())
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return false, unavailable(fmt.Errorf("look for %s: %w", d.taskID(), err))
	}
	switch state.Val() {
	case "pending", "scheduled", "retry":
		return true, nil
	case "active":
		if lease.Err() != nil { // it has none
			return false, nil
		}
		return c.leases.renewed(d.taskID(), lease.Val()), nil
	default: // nothing there, completed or archived
		return false, nil
	}
}

// HintCancel tells the worker that runs the delivery to look at the record
// now: see Server.OnHint. It may be lost.
func (c *Client) HintCancel(ctx context.Context, d Delivery) error {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	if err := c.redis.Publish(ctx, hints, d.taskID()).Err(); err != nil {
		return unavailable(fmt.Errorf("hint %s: %w", d.taskID(), err))
	}
	return nil
}

// Ping returns nil when Redis answers.
func (c *Client) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	if err := c.redis.Ping(ctx).Err(); err != nil {
		return unavailable(err)
	}
	return nil
}

// Durability returns a sentence for everything about the configuration of
// Redis that loses tasks. Nothing of it loses a job, since the record is
// elsewhere, but each loss costs the time until it is noticed.
func (c *Client) Durability(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	persistence, err := c.redis.Info(ctx, "persistence").Result()
	if err != nil {
		return nil, unavailable(err)
	}
	memory, err := c.redis.Info(ctx, "memory").Result()
	if err != nil {
		return nil, unavailable(err)
	}
	var warnings []string
	if strings.Contains(persistence, "aof_enabled:0") {
		warnings = append(warnings, "Redis keeps no append-only file and forgets tasks when it dies; set appendonly yes")
	}
	if policy := field(memory, "maxmemory_policy"); policy != "" && policy != "noeviction" {
		warnings = append(warnings, "Redis may evict tasks under the policy "+policy+"; set maxmemory-policy noeviction")
	}
	return warnings, nil
}

// field returns the value of a line "name:value" of an INFO reply.
func field(info, name string) string {
	for line := range strings.Lines(info) {
		if value, found := strings.CutPrefix(line, name+":"); found {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
