package job

import (
	"context"
	"errors"
)

// UntilDrained calls work with a context that ends when ctx ends or the worker
// wants to stop, and returns what work returns; Drained when work failed after
// the worker wanted to stop. What work does must be found again, or be worth
// doing again, by the next attempt.
func (t *Task) UntilDrained(ctx context.Context, work func(ctx context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-t.Draining:
			cancel(Drained)
		case <-ctx.Done():
		}
	}()
	err := work(ctx)
	if err != nil && errors.Is(context.Cause(ctx), Drained) {
		return Drained
	}
	return err
}
