package drill_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/drill"
	"github.com/narrativeml/narrative/internal/drill/peer"
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

// pretendQueue answers as the peer of that script would. There is no Celery;
// BullMQ runs 100 tasks a second, but knows no more than 40.
func pretendQueue(script string, in io.Reader, out io.Writer) error {
	var l struct {
		URL                   string
		Tasks, Callers, Slots int
	}
	if err := json.NewDecoder(in).Decode(&l); err != nil {
		return err
	}
	if !strings.HasPrefix(l.URL, "redis://:") || l.Callers != 8 || l.Slots != 40 {
		return fmt.Errorf("the load is %+v", l)
	}
	if script == "side_celery.py" {
		return json.NewEncoder(out).Encode(map[string]any{"absent": "Celery: it is not there"})
	}
	if l.Tasks > 40 {
		return errors.New("too many tasks")
	}
	return json.NewEncoder(out).Encode(map[string]any{"version": "BullMQ 0", "how": "kept for ever", "seconds": float64(l.Tasks) / 100})
}

// measureJobs measures the jobs area and returns its figures by name, and what
// was printed.
func measureJobs(tb testing.TB, plan drill.JobPlan) (figures map[string]drill.Figure, out string) {
	tb.Helper()
	needRedis(tb)
	var text bytes.Buffer
	all, err := drill.JobsArea(plan).Measure(tb.Context(), &text)
	if err != nil {
		tb.Fatalf("%v\n%s", err, &text)
	}
	figures = map[string]drill.Figure{}
	for _, f := range all {
		figures[f.Name] = f
	}
	if len(figures) != len(all) {
		tb.Errorf("%d figures have %d names", len(all), len(figures))
	}
	return figures, text.String()
}

// pretended are peers that the test's program plays.
func pretended(tb testing.TB) peer.Programs {
	tb.Helper()
	program, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	return peer.Programs{Python: program, Node: program}
}

func TestJobsArea(t *testing.T) {
	t.Parallel()
	got, out := measureJobs(t, drill.JobPlan{Rounds: 2, Jobs: 40, Samples: 3, Callers: 8, Slots: 40, Flood: 200, Shares: 240, Listed: 1200, Peers: pretended(t)})
	if n := strings.Count(out, "round"); n != 6 {
		t.Errorf("%d lines about rounds:\n%s", n, out)
	}
	if n := strings.Count(out, "left out: Celery: it is not there\n"); n != 1 {
		t.Errorf("%d times it was said that there is no Celery:\n%s", n, out)
	}
	for _, f := range got {
		if f.Value < 0 || f.Value == 0 && !strings.HasPrefix(f.Name, "jobs-f") || !strings.Contains(f.Note, "redis-server") || !strings.Contains(f.Note, "SQLite") {
			t.Errorf("figure %+v", f)
		}
	}
	if size := got["jobs-record-bytes"]; size.Unit != "B" || size.Value < 500 || !strings.Contains(size.Note, "mean of 1200; its indexes take ") {
		t.Errorf("the bytes of a record are %+v", size)
	}
	for name, what := range map[string]string{"jobs-list-p99": "50 newest", "jobs-list-deep-p99": "ten pages", "jobs-poll-p99": "nothing new", "jobs-list-dead-p99": "dead letters", "jobs-get-p99": "one job"} {
		if f := got[name]; f.Unit != "ms" || !strings.Contains(f.Note, what) || !strings.Contains(f.Note, "a store of 1200 jobs of 20 tenants") {
			t.Errorf("%s is %+v", name, f)
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
		if note := speed.Note; !strings.HasSuffix(note, "; without Celery: it is not there") || strings.Contains(note, "BullMQ") {
			t.Errorf("the note is %s", note)
		}
		beside := got["jobs-end-to-end"+suffix+"-bullmq"]
		if beside.Value != speed.Value || beside.Peer == nil || *beside.Peer != "BullMQ 0" || math.Abs(*beside.Ratio/(speed.Value/100)-1) > 1e-9 {
			t.Errorf("beside BullMQ: %+v", beside)
		}
		if !strings.Contains(beside.Note, "BullMQ 0, without records, did 100/s: kept for ever; 40 no-op jobs by 8 callers, 40 slots") {
			t.Errorf("beside BullMQ: %s", beside.Note)
		}
		if f, ok := got["jobs-end-to-end"+suffix+"-celery"]; ok {
			t.Errorf("beside nobody: %+v", f)
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

// TestJobsAreaWithoutPeers checks that a queue that fails is left out, and said
// to be.
func TestJobsAreaWithoutPeers(t *testing.T) {
	t.Parallel()
	figures, out := measureJobs(t, drill.JobPlan{Rounds: 2, Jobs: 41, Samples: 1, Callers: 8, Slots: 40, Flood: 20, Shares: 20, Listed: 100, Peers: pretended(t)})
	const why = "run BullMQ: exit status 1: too many tasks"
	if strings.Count(out, "left out: "+why+"\n") != 1 || !strings.Contains(figures["jobs-end-to-end"].Note, "; without "+why) {
		t.Errorf("%s\n%s", figures["jobs-end-to-end"].Note, out)
	}
	if f, ok := figures["jobs-end-to-end-bullmq"]; ok {
		t.Errorf("beside nobody: %+v", f)
	}
	if _, err := drill.JobsArea(drill.JobPlan{Peers: peer.Programs{Node: "/no/such/node"}}).Measure(t.Context(), io.Discard); err == nil || !strings.Contains(err.Error(), "find the Node.js of the peers: /no/such/node") {
		t.Errorf("error is %v", err)
	}
}

// TestJobsAreaAgainstPeers measures beside every queue that is found here; of
// others it is said what to install.
func TestJobsAreaAgainstPeers(t *testing.T) {
	t.Parallel()
	figures, out := measureJobs(t, drill.JobPlan{Rounds: 1, Jobs: 40, Samples: 1, Callers: 3, Slots: 4, Flood: 20, Shares: 20, Listed: 100})
	for name, says := range map[string]struct{ install, how string }{
		"BullMQ": {"scripts/bench-needs.sh", "acknowledged after a task ran"},
		"Celery": {"python3-celery", "acknowledged before a task runs"},
	} {
		f, found := figures["jobs-end-to-end-"+strings.ToLower(name)]
		switch _, why, without := strings.Cut(out, "left out: "+name+": "); {
		case found == without:
			t.Errorf("of %s it is said:\n%s", name, out)
		case without && !strings.Contains(why, says.install) && !strings.HasPrefix(why, "install "):
			t.Errorf("of %s it is not said what to install:\n%s", name, out)
		case found && (!strings.HasPrefix(*f.Peer, name+" ") || *f.Ratio <= 0 || !strings.Contains(f.Note, says.how)):
			t.Errorf("beside %s: %+v", name, f)
		}
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
	if _, err := drill.JobsArea(drill.JobPlan{Jobs: 5, Samples: 1, Callers: 8, Slots: 40, Peers: pretended(t)}).Measure(ctx, stopped); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	broken := errors.New("broken pipe")
	full := writer(func([]byte) (int, error) { return 0, broken })
	if _, err := drill.JobsArea(drill.JobPlan{Jobs: 5, Samples: 1, Callers: 8, Slots: 40, Peers: pretended(t)}).Measure(t.Context(), full); !errors.Is(err, broken) {
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
		figures, err := drill.JobsArea(drill.JobPlan{Rounds: 1, Samples: 20, Callers: together, Slots: together, Listed: 1000}).Measure(b.Context(), io.Discard)
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
