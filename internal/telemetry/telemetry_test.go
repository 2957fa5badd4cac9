package telemetry_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/telemetry"
)

// family is what a scrape tells about a metric.
type family struct {
	kind, help string
	labels     []string
}

// sample matches a line with a value; a label's value holds no quotes here.
var sample = regexp.MustCompile(`^(narrative_[a-z0-9_]+?)(?:_bucket|_sum|_count)?(?:\{(.*)\})? [0-9.e+-]+$`)

// label matches one label of such a line.
var label = regexp.MustCompile(`([a-z_]+)="[^"]*"`)

// scrape returns the text that Prometheus gets, and our metrics in it.
func scrape(t *testing.T, m *telemetry.Metrics) (string, map[string]*family) {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
	if w.Code != http.StatusOK {
		t.Fatalf("scrape gave %d: %s", w.Code, w.Body)
	}
	text := w.Body.String()
	families := make(map[string]*family)
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "# HELP narrative_"):
			name, help, _ := strings.Cut(strings.TrimPrefix(line, "# HELP "), " ")
			families[name] = &family{help: help}
		case strings.HasPrefix(line, "# TYPE narrative_"):
			name, kind, _ := strings.Cut(strings.TrimPrefix(line, "# TYPE "), " ")
			families[name].kind = kind
		case strings.HasPrefix(line, "narrative_"):
			parts := sample.FindStringSubmatch(line)
			if parts == nil {
				t.Fatalf("not understood: %s", line)
			}
			f := families[parts[1]]
			if f == nil { // a name that itself ends in _count or the like
				t.Fatalf("no family for %s", line)
			}
			f.labels = nil
			for _, l := range label.FindAllStringSubmatch(parts[2], -1) {
				if l[1] != "le" {
					f.labels = append(f.labels, l[1])
				}
			}
		}
	}
	return text, families
}

// exercise calls everything once.
func exercise(t *testing.T, m *telemetry.Metrics) {
	t.Helper()
	m.HTTP.ObserveRequest("GET", "/api/v1/jobs/:id", 200, 3*time.Millisecond)
	m.Jobs.JobSubmitted("training")
	m.Jobs.JobStarted("training", 2*time.Second)
	m.Jobs.JobFinished("training", "succeeded", time.Minute)
	m.Jobs.JobFinished("training", "cancelled", 0)
	m.Jobs.JobParked("training", "newer_worker_needed")
	m.Jobs.JobDied("training", "crashes_exhausted")
	m.Jobs.JobRevived("training", "worker_died")
	m.Jobs.JobTrouble("heartbeat")
	m.Jobs.SetBacklog(map[string]int64{"training": 2}, map[string]telemetry.Waiting{"training": {Awaiting: 4, Pending: 3, Queued: 1, Oldest: time.Minute}})
	m.Jobs.JobsDispatched("training", telemetry.Dispatch{Jobs: 3, Room: 4, Tenants: 2, Error: 0.5})
	m.ML.Trained("binary", "gbdt", 12*time.Second)
	m.ML.Processed("ingest", 1000, time.Second)
	m.ML.Predicted("binary", 500)
	m.Sweep.SetWorkers(2, 1)
	m.Sweep.SetCheck("s3", false, time.Millisecond)
	m.Sweep.SetLeader(true)
	m.Sweep.Tick("cleanup", "done")
	m.Sweep.Missed("cleanup", 3)
	m.Cache.Asked("chart", "hit")
	breaker := m.Breakers.Of("s3")
	m.Breakers.Record(telemetry.Transition{Dependency: "s3", State: "open"})
	breaker.Changed("open")
	breaker.Refused("open")
	m.S3.Observe("get", time.Millisecond, nil)
	m.S3.Observe("get", time.Millisecond, errors.New("refused"))
	m.Redis.Observe("evalsha", time.Millisecond, context.DeadlineExceeded)
	d := m.Store(&driver{err: context.Canceled})
	if _, err := d.Get(t.Context(), "jobs", "job_1"); !errors.Is(err, context.Canceled) {
		t.Errorf("the driver's error became %v", err)
	}
	m.CollectSlots("training", 4, func() int { return 3 })
	m.CollectMemory(func() (used, total int64, waiting int) { return 3 << 30, 8 << 30, 2 })
	m.CollectChildren(func() telemetry.Children { return telemetry.Children{Running: 2, Exceeded: 5, Crashed: 1} })
	m.CollectQueues(func(context.Context) ([]telemetry.QueueDepth, error) {
		return []telemetry.QueueDepth{{Pool: "training", Pending: 7, Active: 1, OldestPending: 90 * time.Second, Paused: true}}, nil
	})
}

func TestEveryMetricIsServedAsDescribed(t *testing.T) {
	t.Parallel()
	m := telemetry.New("1.2.3")
	exercise(t, m)
	text, families := scrape(t, m)
	for _, e := range m.Entries() {
		f, found := families[e.Name]
		if !found {
			t.Errorf("%s is described and not served", e.Name)
			continue
		}
		if f.kind != e.Type || f.help != e.Help {
			t.Errorf("%s is a %s %q, described as a %s %q", e.Name, f.kind, f.help, e.Type, e.Help)
		}
		if want := slices.Sorted(slices.Values(e.Labels)); !slices.Equal(f.labels, want) {
			t.Errorf("%s has labels %q, described with %q", e.Name, f.labels, want)
		}
		delete(families, e.Name)
	}
	for name := range families {
		t.Errorf("%s is served and not described", name)
	}
	if !strings.Contains(text, "\ngo_goroutines ") || !strings.Contains(text, "\nprocess_cpu_seconds_total ") {
		t.Error("the runtime and the process are missing")
	}
	for _, line := range []string{
		`narrative_http_requests_total{method="GET",route="/api/v1/jobs/:id",status="200"} 1`,
		`narrative_jobs_submitted_total{kind="training"} 1`,
		`narrative_jobs_finished_total{kind="training",outcome="succeeded"} 1`,
		`narrative_jobs_finished_total{kind="training",outcome="cancelled"} 1`,
		`narrative_job_duration_seconds_sum{kind="training",outcome="succeeded"} 60`,
		`narrative_job_queue_wait_seconds_sum{kind="training"} 2`,
		`narrative_jobs_waiting{pool="training",state="pending"} 3`,
		`narrative_jobs_waiting{pool="training",state="waiting"} 4`,
		`narrative_jobs_oldest_waiting_seconds{pool="training"} 60`,
		`narrative_jobs_running{kind="training"} 2`,
		`narrative_dead_letters_total{cause="crashes_exhausted",kind="training"} 1`,
		`narrative_jobs_parked_total{kind="training",reason="newer_worker_needed"} 1`,
		`narrative_s3_operation_errors_total{operation="get",reason="failed"} 1`,
		`narrative_redis_operation_errors_total{operation="evalsha",reason="timeout"} 1`,
		`narrative_store_operation_errors_total{operation="get",reason="canceled"} 1`,
		`narrative_queue_tasks{pool="training",state="pending"} 7`,
		`narrative_queue_oldest_pending_seconds{pool="training"} 90`,
		`narrative_queue_paused{pool="training"} 1`,
		`narrative_queue_up 1`,
		`narrative_worker_slots{pool="training"} 4`,
		`narrative_worker_slots_busy{pool="training"} 3`,
		`narrative_workers{state="lost"} 1`,
		`narrative_check_up{check="s3"} 0`,
		`narrative_scheduler_leader 1`,
		`narrative_scheduler_ticks_total{outcome="done",task="cleanup"} 1`,
		`narrative_rows_per_second_sum{stage="ingest"} 1000`,
		`narrative_predictions_total{task="binary"} 500`,
		`narrative_training_seconds_count{algorithm="gbdt",task="binary"} 1`,
		`narrative_build_info{version="1.2.3"} 1`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("missing: %s", line)
		}
	}
	if strings.Contains(text, `narrative_job_duration_seconds_count{kind="training",outcome="cancelled"}`) {
		t.Error("an attempt that never began has a duration")
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("the linter of Prometheus says %v, %v", problems, err)
	}
}

func TestLabelsAreBounded(t *testing.T) {
	t.Parallel()
	m := telemetry.New("test")
	for i := range 1000 {
		m.HTTP.ObserveRequest("GET", fmt.Sprintf("/%d", i), 200, 0)
		m.HTTP.ObserveRequest(fmt.Sprintf("M%d", i), "/", 10000+i, 0)
		m.Jobs.JobSubmitted(fmt.Sprintf("kind_%d", i))
		m.Jobs.JobFinished("training", fmt.Sprintf("outcome_%d", i), time.Second)
		m.S3.Observe(fmt.Sprintf("operation_%d", i), 0, nil)
	}
	m.Jobs.JobSubmitted("")
	m.Jobs.JobSubmitted(strings.Repeat("x", 1000))
	text, _ := scrape(t, m)
	if n := strings.Count(text, "\n"); n > 12000 {
		t.Errorf("the scrape has %d lines", n)
	}
	// 63 kinds and "training" fill the 64 places; 937 and an overlong one do not fit.
	if !strings.Contains(text, `narrative_jobs_submitted_total{kind="other"} 938`) || !strings.Contains(text, `narrative_jobs_submitted_total{kind="none"} 1`) {
		t.Errorf("kinds beyond the bound are not counted as other: %s", find(text, `kind="other"`))
	}
	if !strings.Contains(text, `status="other"`) || strings.Contains(text, `status="10000"`) {
		t.Error("a status that is none is a label")
	}
}

func find(text, part string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			return line
		}
	}
	return "nothing"
}

func TestAQueueThatCannotBeMeasured(t *testing.T) {
	t.Parallel()
	m := telemetry.New("test")
	if text, _ := scrape(t, m); strings.Contains(text, "narrative_queue_up") {
		t.Error("a process without a queue tells about one")
	}
	m.CollectQueues(func(ctx context.Context) ([]telemetry.QueueDepth, error) {
		if _, bounded := ctx.Deadline(); !bounded {
			t.Error("the scrape waits for ever")
		}
		return nil, errors.New("redis is away")
	})
	text, _ := scrape(t, m)
	if !strings.Contains(text, "narrative_queue_up 0\n") || strings.Contains(text, "narrative_queue_tasks{") {
		t.Errorf("got %s", find(text, "narrative_queue_"))
	}
	m.CollectQueues(func(context.Context) ([]telemetry.QueueDepth, error) {
		many := make([]telemetry.QueueDepth, 100)
		for i := range many {
			many[i].Pool = fmt.Sprintf("pool_%d", i)
		}
		return many, nil
	})
	if text, _ := scrape(t, m); !strings.Contains(text, `pool="other"`) {
		t.Error("too many pools are not bounded")
	}
}

func TestASchedulerThatNoLongerLeadsIsSilent(t *testing.T) {
	t.Parallel()
	m := telemetry.New("test")
	exercise(t, m)
	m.Jobs.SetBacklog(nil, nil)
	m.Sweep.SetLeader(false)
	text, _ := scrape(t, m)
	for _, part := range []string{"narrative_jobs_running{", "narrative_jobs_waiting{", "narrative_jobs_oldest_waiting_seconds{", "narrative_workers{"} {
		if strings.Contains(text, part) {
			t.Errorf("still told: %s", find(text, part))
		}
	}
	if !strings.Contains(text, "narrative_scheduler_leader 0\n") {
		t.Error("it does not say that it does not lead")
	}
}

// driver answers everything with one error.
type driver struct{ err error }

func (d *driver) Ensure(context.Context, ...store.Collection) error { return d.err }

func (d *driver) Insert(context.Context, string, ...store.Record) ([]error, error) {
	return []error{store.ErrDuplicate}, d.err
}

func (d *driver) Get(context.Context, string, string) (store.Record, error) {
	return store.Record{ID: "job_1"}, d.err
}

func (d *driver) Peek(context.Context, string, string) (store.Record, error) {
	return store.Record{ID: "job_1"}, d.err
}

func (d *driver) Replace(context.Context, string, ...store.Record) ([]error, error) {
	return []error{store.ErrStale}, d.err
}

func (d *driver) Find(context.Context, string, store.Scan) ([]store.Record, error) {
	return []store.Record{{ID: "job_1"}}, d.err
}

func (d *driver) Count(context.Context, string, store.Scan, int64) (int64, error) { return 7, d.err }

func (d *driver) Delete(context.Context, string, string, int64) error { return d.err }

func (d *driver) Ping(context.Context) error { return d.err }

func (d *driver) Close(context.Context) error { return d.err }

func TestTheStoreIsMeasuredAndUnchanged(t *testing.T) {
	t.Parallel()
	for _, want := range []error{nil, errors.New("connection lost"), store.ErrNotFound} {
		m := telemetry.New("test")
		d := m.Store(&driver{err: want})
		ctx := t.Context()
		errs, err := d.Insert(ctx, "jobs", store.Record{})
		check(t, "insert", err, want)
		check(t, "insert of one", errs[0], store.ErrDuplicate)
		r, err := d.Get(ctx, "jobs", "job_1")
		check(t, "get", err, want)
		errs, err = d.Replace(ctx, "jobs", store.Record{})
		check(t, "replace", err, want)
		check(t, "replace of one", errs[0], store.ErrStale)
		found, err := d.Find(ctx, "jobs", store.Scan{})
		check(t, "find", err, want)
		n, err := d.Count(ctx, "jobs", store.Scan{}, 0)
		check(t, "count", err, want)
		if r.ID != "job_1" || len(found) != 1 || n != 7 {
			t.Errorf("the answers changed: %v, %v, %d", r, found, n)
		}
		check(t, "ensure", d.Ensure(ctx), want)
		check(t, "delete", d.Delete(ctx, "jobs", "job_1", 0), want)
		check(t, "ping", d.Ping(ctx), want)
		check(t, "close", d.Close(ctx), want)
		text, _ := scrape(t, m)
		for _, operation := range []string{"ensure", "insert", "get", "replace", "find", "count", "delete", "ping"} {
			if !strings.Contains(text, fmt.Sprintf(`narrative_store_operation_duration_seconds_count{operation=%q} 1`, operation)) {
				t.Errorf("%s is not measured", operation)
			}
			failed := strings.Contains(text, fmt.Sprintf(`narrative_store_operation_errors_total{operation=%q,reason="failed"} 1`, operation))
			if should := want != nil && !errors.Is(want, store.ErrNotFound); failed != should {
				t.Errorf("%s with %v counts as failed: %v", operation, want, failed)
			}
		}
	}
}

func check(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s gave %v, want %v", what, got, want)
	}
}
