package telemetry_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/telemetry"
)

// What one process notes another one counts: at intervals, and the rest at the
// end.
func TestCallsOfAnotherProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := telemetry.New("test")
		times := 0
		tally := telemetry.NewTally(func(calls []telemetry.Call) {
			times++
			m.S3.Record(calls...)
		})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			tally.Run(ctx, time.Second)
		}()
		<-time.After(1500 * time.Millisecond) // nothing is not told
		tally.Observe("put", 2*time.Second, nil)
		tally.Observe("get", time.Second, fmt.Errorf("get: %w", context.DeadlineExceeded))
		synctest.Wait()
		if text, _ := scrape(t, m); times != 0 || strings.Contains(text, `operation="put"`) {
			t.Errorf("told %d times too early", times)
		}
		<-time.After(time.Second)
		synctest.Wait()
		for range 2500 {
			tally.Observe("get_range", time.Millisecond, errors.New("refused"))
		}
		stop()
		<-done
		text, _ := scrape(t, m)
		for _, line := range []string{
			`narrative_s3_operation_duration_seconds_count{operation="put"} 1`,
			`narrative_s3_operation_duration_seconds_sum{operation="put"} 2`,
			`narrative_s3_operation_errors_total{operation="get",reason="timeout"} 1`,
			`narrative_s3_operation_duration_seconds_count{operation="get_range"} 2500`,
			`narrative_s3_operation_errors_total{operation="get_range",reason="failed"} 2500`,
		} {
			if !strings.Contains(text, line+"\n") {
				t.Errorf("missing: %s", line)
			}
		}
		if times != 4 {
			t.Errorf("told %d times, want once, and three times a thousand at most", times)
		}
		m.S3.Record(telemetry.Call{Operation: "get", Reason: "made up"})
		if text, _ := scrape(t, m); !strings.Contains(text, `narrative_s3_operation_errors_total{operation="get",reason="failed"} 1`) {
			t.Errorf("a reason that is none of ours: %s", find(text, "made up"))
		}
	})
}
