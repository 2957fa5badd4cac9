package queue

import (
	"context"
	"errors"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Guard makes calls, or refuses to while Redis is away. The error of a call is
// nil, or a fault of class unavailable when Redis did not answer.
type Guard interface {
	Do(ctx context.Context, call func(context.Context) error) error
}

// guarded sends the commands of a Redis client under a guard.
type guarded struct{ guard Guard }

var _ redis.Hook = guarded{}

// DialHook implements redis.Hook.
func (guarded) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements redis.Hook.
func (g guarded) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err, refused := g.send(ctx, func(ctx context.Context) error { return next(ctx, cmd) })
		if refused != nil {
			cmd.SetErr(refused)
			return refused
		}
		return err
	}
}

// ProcessPipelineHook implements redis.Hook.
func (g guarded) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err, refused := g.send(ctx, func(ctx context.Context) error { return next(ctx, cmds) })
		if refused == nil {
			return err
		}
		for _, cmd := range cmds {
			cmd.SetErr(refused)
		}
		return refused
	}
}

// send returns the error of the call, or why it was not made.
func (g guarded) send(ctx context.Context, call func(context.Context) error) (err, refused error) {
	made := false
	failed := g.guard.Do(ctx, func(ctx context.Context) error {
		made = true
		err = call(ctx)
		return away(err)
	})
	if !made {
		return nil, failed
	}
	return err, nil
}

// away returns nil when Redis answered, be it that it will not do it, and a
// fault when it did not or cannot do anything yet.
func away(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	reply, ok := errors.AsType[redis.Error](err)
	if !ok {
		return unavailable(err)
	}
	for _, not := range []string{"LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN"} {
		if strings.HasPrefix(reply.Error(), not) {
			return unavailable(err)
		}
	}
	return nil
}
