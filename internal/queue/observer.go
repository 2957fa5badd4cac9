package queue

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// observer measures the commands of a Redis client.
type observer struct {
	observe func(command string, elapsed time.Duration, err error)
}

var _ redis.Hook = observer{}

// DialHook implements redis.Hook.
func (o observer) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements redis.Hook.
func (o observer) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		start := time.Now()
		err := next(ctx, cmd)
		o.observe(cmd.Name(), time.Since(start), failure(err))
		return err
	}
}

// ProcessPipelineHook implements redis.Hook.
func (o observer) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		start := time.Now()
		err := next(ctx, cmds)
		o.observe("pipeline", time.Since(start), failure(err))
		return err
	}
}

// failure drops the errors that are answers: nothing there, and a script that
// Redis does not know yet.
func failure(err error) error {
	if err == nil || errors.Is(err, redis.Nil) || strings.HasPrefix(err.Error(), "NOSCRIPT") {
		return nil
	}
	return err
}

// refusedPause is how long a fetcher waits after Redis refused a script.
const refusedPause = 250 * time.Millisecond

// patient waits after a script that Redis refused, as it does when its disk or
// its memory is full. A fetcher asks again at once otherwise: asynq pauses only
// when there is nothing to fetch.
type patient struct{}

var _ redis.Hook = patient{}

// DialHook implements redis.Hook.
func (patient) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements redis.Hook.
func (patient) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if name := cmd.Name(); failure(err) == nil || name != "evalsha" && name != "eval" {
			return err
		}
		pause := time.NewTimer(refusedPause)
		defer pause.Stop()
		select {
		case <-pause.C:
		case <-ctx.Done():
		}
		return err
	}
}

// ProcessPipelineHook implements redis.Hook.
func (patient) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
