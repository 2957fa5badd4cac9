package job_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/narrativeml/narrative/internal/job"
)

func TestUntilDrained(t *testing.T) {
	t.Parallel()
	wrong := errors.New("wrong")
	stopped := func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}
	tests := []struct {
		name         string
		drain, leave bool // before the work begins
		work         func(ctx context.Context) error
		want         error
	}{
		{name: "done", work: func(context.Context) error { return nil }},
		{name: "failed", work: func(context.Context) error { return wrong }, want: wrong},
		{name: "drained", drain: true, work: stopped, want: job.Drained},
		{name: "done though drained", drain: true, work: func(ctx context.Context) error {
			<-ctx.Done()
			return nil
		}},
		{name: "cancelled", leave: true, work: stopped, want: context.Canceled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { // also finds a goroutine that stays behind
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				task := &job.Task{}
				draining := make(chan struct{})
				task.Draining = draining
				if tt.drain {
					close(draining)
				}
				if tt.leave {
					cancel()
				}
				if err := task.UntilDrained(ctx, tt.work); !errors.Is(err, tt.want) || tt.want == nil && err != nil {
					t.Errorf("error %v, want %v", err, tt.want)
				}
			})
		})
	}
}

func TestUntilDrainedWithoutAWorker(t *testing.T) {
	t.Parallel()
	if err := (&job.Task{}).UntilDrained(t.Context(), func(ctx context.Context) error { return ctx.Err() }); err != nil {
		t.Errorf("a task that is never drained: %v", err)
	}
}

// A runner that gives up waiting ends the handler's context with the cause
// Drained.
func TestUntilDrainedKnowsTheCause(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(job.Drained)
	err := (&job.Task{}).UntilDrained(ctx, func(ctx context.Context) error { return ctx.Err() })
	if !errors.Is(err, job.Drained) {
		t.Errorf("error %v, want %v", err, job.Drained)
	}
}
