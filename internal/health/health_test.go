package health_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/health"
)

func ok(context.Context) error { return nil }

func failing(err error) func(context.Context) error {
	return func(context.Context) error { return err }
}

func TestTheWholeFollowsItsParts(t *testing.T) {
	t.Parallel()
	away := fault.Unavailable("storage_unavailable", "the file storage does not answer").Because(errors.New("dial https://user:hunter2@s3"))
	off := fault.New(fault.ClassUnavailable, health.CodeNotConfigured, "no endpoint")
	for name, test := range map[string]struct {
		checks []health.Check
		status health.Status
		part   map[string]health.Result
	}{
		"nothing":  {nil, health.OK, nil},
		"all well": {[]health.Check{{Name: "a", Critical: true, Func: ok}, {Name: "b", Func: ok}}, health.OK, map[string]health.Result{"a": {Status: health.OK}}},
		"critical away": {
			[]health.Check{{Name: "a", Critical: true, Func: failing(away)}, {Name: "b", Func: failing(away)}},
			health.Unavailable,
			map[string]health.Result{"a": {Status: health.Unavailable, Error: "the file storage does not answer"}},
		},
		"another away": {
			[]health.Check{{Name: "b", Func: failing(away)}, {Name: "a", Critical: true, Func: ok}},
			health.Degraded,
			map[string]health.Result{"a": {Status: health.OK}, "b": {Status: health.Unavailable, Error: "the file storage does not answer"}},
		},
		"not configured": {
			[]health.Check{{Name: "llm", Critical: true, Func: failing(off)}},
			health.OK,
			map[string]health.Result{"llm": {Status: health.NotConfigured}},
		},
		"plain error": {
			[]health.Check{{Name: "a", Func: failing(errors.New("password hunter2 is wrong"))}},
			health.Degraded,
			map[string]health.Result{"a": {Status: health.Unavailable, Error: "it does not work; the log has the reason"}},
		},
		"internal fault": {
			[]health.Check{{Name: "a", Func: failing(fault.New(fault.ClassInternal, "x", "hunter2"))}},
			health.Degraded,
			map[string]health.Result{"a": {Status: health.Unavailable, Error: "it does not work; the log has the reason"}},
		},
		"panic": {
			[]health.Check{{Name: "a", Func: func(context.Context) error { panic("hunter2") }}},
			health.Degraded,
			map[string]health.Result{"a": {Status: health.Unavailable, Error: "it does not work; the log has the reason"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := health.New(health.DefaultConfig(), test.checks...).Run(t.Context())
			if r.Status != test.status || len(r.Checks) != len(test.checks) {
				t.Errorf("report is %+v", r)
			}
			for name, want := range test.part {
				got := r.Checks[name]
				got.LatencyMS = 0
				if got != want {
					t.Errorf("%s is %+v, want %+v", name, got, want)
				}
			}
			text, err := json.Marshal(r)
			if err != nil || strings.Contains(string(text), "hunter2") {
				t.Errorf("report is %s, %v", text, err)
			}
		})
	}
}

func TestChecksRunTogetherAndInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		obedient := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		release := make(chan struct{})
		deaf := func(context.Context) error { <-release; return nil }
		var failures sync.Map
		c := health.DefaultConfig()
		c.OnFailure = func(_ context.Context, check string, err error) { failures.Store(check, err) }
		checker := health.New(c,
			health.Check{Name: "slow", Func: obedient},
			health.Check{Name: "deaf", Func: deaf},
			health.Check{Name: "short", Timeout: time.Second, Func: obedient},
			health.Check{Name: "late", Func: func(context.Context) error {
				timer := time.NewTimer(3 * time.Second)
				<-timer.C
				return nil
			}},
		)
		start := time.Now()
		r := checker.Run(t.Context())
		if elapsed := time.Since(start); elapsed != 5*time.Second {
			t.Errorf("it took %s", elapsed)
		}
		if r.Checks["short"].LatencyMS != 1000 || r.Checks["short"].Error != "no answer in time" || r.Checks["late"].Status != health.OK || r.Checks["late"].LatencyMS != 3000 {
			t.Errorf("report is %+v", r)
		}
		for _, name := range []string{"slow", "deaf", "short"} {
			if _, told := failures.Load(name); !told {
				t.Errorf("the failure of %s was not told", name)
			}
		}
		wait(2 * time.Second)
		r = checker.Run(t.Context())
		if r.Checks["deaf"].Error != "no answer to an earlier question" {
			t.Errorf("deaf is %+v", r.Checks["deaf"])
		}
		close(release)
		synctest.Wait()
		wait(2 * time.Second)
		if r = checker.Run(t.Context()); r.Checks["deaf"].Status != health.OK {
			t.Errorf("deaf is %+v after it answered", r.Checks["deaf"])
		}
	})
}

// wait lets the time of a bubble pass.
func wait(d time.Duration) {
	timer := time.NewTimer(d)
	<-timer.C
}

func TestManyWhoAskShareOneLook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var looks atomic.Int64
		checker := health.New(health.DefaultConfig(), health.Check{Name: "a", Func: func(context.Context) error {
			looks.Add(1)
			wait(100 * time.Millisecond)
			return nil
		}})
		ask := func() {
			var wg sync.WaitGroup
			for range 50 {
				wg.Go(func() {
					if r := checker.Run(t.Context()); r.Status != health.OK {
						t.Errorf("report is %+v", r)
					}
				})
			}
			wg.Wait()
		}
		ask()
		ask()
		if looks.Load() != 1 {
			t.Errorf("%d looks for many questions", looks.Load())
		}
		wait(time.Second)
		ask()
		if looks.Load() != 2 {
			t.Errorf("%d looks after the report grew old", looks.Load())
		}
	})
}

func TestACallerWhoGoesAwayEndsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		checker := health.New(health.DefaultConfig(), health.Check{Name: "a", Critical: true, Func: func(ctx context.Context) error {
			wait(time.Second)
			return ctx.Err()
		}})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if r := checker.Run(ctx); r.Status != health.Unavailable || r.Checks["a"].Error == "" {
			t.Errorf("report is %+v", r)
		}
		if r := checker.Run(t.Context()); r.Status != health.OK {
			t.Errorf("report is %+v", r)
		}
	})
}

func TestAReportIsTheCallersOwn(t *testing.T) {
	t.Parallel()
	checker := health.New(health.DefaultConfig(), health.Check{Name: "a", Func: ok})
	checker.Run(t.Context()).Checks["a"] = health.Result{Status: "changed"}
	if r := checker.Run(t.Context()); r.Checks["a"].Status != health.OK {
		t.Errorf("report is %+v", r)
	}
}
