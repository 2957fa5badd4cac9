package queue_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/narrativeml/narrative/internal/queue"
)

// TestScriptsAreJoined checks that scripts wait for company while others are
// under way, and that each has its own reply.
func TestScriptsAreJoined(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var (
			mu      sync.Mutex
			sent    []int // scripts of each pipeline
			release = make(chan struct{})
		)
		process := queue.Joined(time.Minute, func(ctx context.Context, cmds []redis.Cmder) error {
			mu.Lock()
			sent = append(sent, len(cmds))
			mu.Unlock()
			for _, cmd := range cmds {
				if cmd.Args()[1] == "bad" {
					cmd.SetErr(redis.Nil)
				}
			}
			return ctx.Err()
		})
		alone := process(func(context.Context, redis.Cmder) error {
			<-release
			return nil
		})
		script := func(ctx context.Context, sha string) error { return alone(ctx, redis.NewCmd(ctx, "evalsha", sha)) }
		results := make(chan error, 200)
		for i := range 2 + 70 {
			go func() { results <- script(t.Context(), fmt.Sprint(i)) }()
			synctest.Wait()
		}
		gone, cancel := context.WithCancel(t.Context())
		for ctx, sha := range map[context.Context]string{gone: "late", t.Context(): "bad"} {
			go func() { results <- script(ctx, sha) }()
		}
		synctest.Wait()
		cancel()
		if err := <-results; !errors.Is(err, context.Canceled) {
			t.Errorf("a script whose context ended before it was sent: %v", err)
		}
		other := process(func(context.Context, redis.Cmder) error { return errors.New("as it comes") })
		if err := other(t.Context(), redis.NewCmd(t.Context(), "get", "x")); err == nil || len(results) > 0 {
			t.Errorf("another command: %v; %d scripts have ended", err, len(results))
		}
		close(release)
		synctest.Wait()
		bad := 0
		for range 2 + 70 + 1 {
			switch err := <-results; {
			case errors.Is(err, redis.Nil):
				bad++
			case err != nil:
				t.Error(err)
			}
		}
		if bad != 1 {
			t.Errorf("%d scripts found nothing, want one", bad)
		}
		total := 0
		for _, n := range sent {
			total += n
		}
		if len(sent) > 3 || total != 71 {
			t.Errorf("%v scripts were sent together", sent)
		}
		if err := script(t.Context(), "last"); err != nil {
			t.Error(err)
		}
	})
}
