package queue

import (
	"context"
	"log/slog"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

// Parse is how a task is read.
var Parse = parse

// TaskID is the name of a delivery's task.
func (d Delivery) TaskID() string { return d.taskID() }

// Share is how slots are divided among fetchers.
var Share = share

// NewLogger is what asynq writes to.
func NewLogger(l *slog.Logger, now func() time.Time) asynq.Logger { return newLogger(l, now) }

// Joined is how commands are sent whose scripts are joined, by pipelines that the
// function sends.
func Joined(timeout time.Duration, send func(context.Context, []redis.Cmder) error) func(redis.ProcessHook) redis.ProcessHook {
	j := &joiner{timeout: timeout, pipe: send}
	return j.ProcessHook
}

// SetNow sets the clock by which leases are watched.
func (c *Client) SetNow(now func() time.Time) { c.leases.now = now }
