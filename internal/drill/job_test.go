package drill_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/drill"
	"github.com/narrativeml/narrative/internal/secret"
)

// needRedis skips a test that needs a redis-server where there is none.
func needRedis(tb testing.TB) {
	tb.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("CI") != "" { //nolint:forbidigo // set by every CI service
			tb.Fatal("redis-server is not on PATH; CI must install it")
		}
		tb.Skip("redis-server is not on PATH; install it to run this test")
	}
}

func TestJobsArea(t *testing.T) {
	t.Parallel()
	needRedis(t)
	area := drill.JobsArea(drill.JobPlan{Rounds: 2, Jobs: 40, Samples: 3, Callers: 8, Slots: 40, Flood: 200, Shares: 100})
	var out bytes.Buffer
	figures, err := area.Measure(t.Context(), &out)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "round"); n != 4 {
		t.Errorf("%d lines about rounds:\n%s", n, &out)
	}
	got := map[string]drill.Figure{}
	for _, f := range figures {
		got[f.Name] = f
		if f.Value < 0 || f.Value == 0 && !strings.HasPrefix(f.Name, "jobs-f") || !strings.Contains(f.Note, "redis-server") || !strings.Contains(f.Note, "SQLite") {
			t.Errorf("figure %+v", f)
		}
	}
	if delay := got["jobs-flood-delay"]; delay.Unit != "slots" || delay.Value > 5 {
		t.Errorf("the delay by a flood is %+v", delay)
	}
	if share := got["jobs-fair-share-error"]; share.Unit != "%" || share.Value > 15 {
		t.Errorf("the error of the shares is %+v", share)
	}
	for _, suffix := range []string{"", "-wire"} {
		speed := got["jobs-end-to-end"+suffix]
		if speed.Unit != "jobs/s" || speed.Peer == nil || *speed.Peer != "bare asynq" || *speed.Ratio <= 0 {
			t.Errorf("speed %+v", speed)
		}
		for _, name := range []string{"pick-up-p50", "pick-up-p99", "submit-p99", "submit-loaded-p99"} {
			if got[name+suffix].Unit != "ms" {
				t.Errorf("%s is %+v", name+suffix, got[name+suffix])
			}
		}
		if got["pick-up-p50"+suffix].Value > got["pick-up-p99"+suffix].Value {
			t.Errorf("p50 %v above p99 %v", got["pick-up-p50"+suffix].Value, got["pick-up-p99"+suffix].Value)
		}
	}
	if !strings.Contains(got["jobs-end-to-end-wire"].Note, "MongoDB") || strings.Contains(got["jobs-end-to-end"].Note, "MongoDB") {
		t.Error("the notes do not tell the ways apart")
	}
}

func TestJobsAreaStops(t *testing.T) {
	t.Parallel()
	needRedis(t)
	ctx, cancel := context.WithCancel(t.Context())
	stopped := writer(func(p []byte) (int, error) { // after the first round
		cancel()
		return len(p), nil
	})
	if _, err := drill.JobsArea(drill.JobPlan{Jobs: 5, Samples: 1}).Measure(ctx, stopped); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	broken := errors.New("broken pipe")
	full := writer(func([]byte) (int, error) { return 0, broken })
	if _, err := drill.JobsArea(drill.JobPlan{Jobs: 5, Samples: 1}).Measure(t.Context(), full); !errors.Is(err, broken) {
		t.Errorf("error is %v", err)
	}
}

// TestFloodTellsOfTrouble checks that nothing is measured where jobs cannot run
// as they should.
func TestFloodTellsOfTrouble(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := secret.New("redis://" + l.Addr().String() + "/0")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	err = drill.Flood(t.Context(), filepath.Join(dir, "records.db"), nobody, 3)
	if err == nil || !strings.Contains(err.Error(), "enqueue_job") {
		t.Errorf("without Redis: %v", err)
	}
	if err := drill.Flood(t.Context(), filepath.Join(dir, "records.db"), secret.New("nowhere"), 3); err == nil {
		t.Error("Redis is nowhere, and it did not matter")
	}
	if err := drill.Flood(t.Context(), dir, nobody, 3); err == nil {
		t.Error("the records are a folder, and it did not matter")
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

// BenchmarkJobs is the jobs area with room for a profile.
func BenchmarkJobs(b *testing.B) {
	needRedis(b)
	for _, n := range []int{32, 128} {
		b.Run(strconv.Itoa(n), func(b *testing.B) { benchmarkJobs(b, n) })
	}
}

func benchmarkJobs(b *testing.B, together int) {
	b.Helper()
	for b.Loop() {
		figures, err := drill.JobsArea(drill.JobPlan{Rounds: 1, Samples: 20, Callers: together, Slots: together}).Measure(b.Context(), io.Discard)
		if err != nil {
			b.Fatal(err)
		}
		for _, f := range figures {
			b.ReportMetric(f.Value, f.Name+"-"+f.Unit)
			if f.Ratio != nil {
				b.ReportMetric(*f.Ratio, f.Name+"-ratio")
			}
		}
	}
}
