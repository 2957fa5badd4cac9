package drill_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/client/clienttest"
	"github.com/narrativeml/narrative/internal/drill"
	"github.com/narrativeml/narrative/internal/sample"
	"github.com/narrativeml/narrative/ml/automl"
)

// TestMain lets the test's program stand in for narrative, as it is started for
// dev and for a trial, and for the Python and the Node.js of peers. The real
// BullMQ is found where make bench puts it.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) == 2 && (strings.HasSuffix(os.Args[1], "side_bullmq.cjs") || strings.HasSuffix(os.Args[1], "side_celery.py")):
		os.Exit(exit(pretendQueue(filepath.Base(os.Args[1]), os.Stdin, os.Stdout)))
	case len(os.Args) > 3 && os.Args[1] == "dev":
		os.Exit(pretend(os.Args[3]))
	case len(os.Args) == 2 && os.Args[1] == "bench-trial":
		os.Exit(exit(drill.PlayTrial(context.Background(), os.Stdin, os.Stdout)))
	case len(os.Args) == 2 && strings.HasSuffix(os.Args[1], ".py"):
		os.Exit(exit(pretendPeer(filepath.Base(os.Args[1]), os.Stdin, os.Stdout)))
	}
	packages, err := filepath.Abs("../../build/bullmq/node_modules")
	if err = errors.Join(err, os.Setenv("NODE_PATH", packages)); err != nil {
		os.Exit(exit(err))
	}
	os.Exit(m.Run())
}

func exit(err error) int {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// pretend answers as an empty platform until it is told to stop.
func pretend(addr string) int {
	if _, err := os.Stat(os.Args[5]); err == nil {
		return 1 // the data folder is not new
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	server := &http.Server{Addr: addr, ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"items":[]}`) // the client may be gone
	})}
	go func() {
		<-ctx.Done()
		_ = server.Close() // it ends with the process
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return 1
	}
	return 0
}

func TestMerge(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "build", "bench.json")
	first := []drill.Figure{drill.Alone("a", 1, "s", "one"), drill.Against(drill.Alone("b", 50, "rows/s", ""), "other", 25, false)}
	if err := drill.Merge(file, first); err != nil {
		t.Fatal(err)
	}
	if err := drill.Merge(file, []drill.Figure{drill.Against(drill.Alone("a", 2, "s", "two"), "other", 3, true), drill.Alone("c", 3, "s", "")}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		t.Fatal(err)
	}
	want := `[{"name":"a","value":2,"unit":"s","peer":"other","ratio":1.5,"note":"two"},` +
		`{"name":"b","value":50,"unit":"rows/s","peer":"other","ratio":2,"note":""},` +
		`{"name":"c","value":3,"unit":"s","peer":null,"ratio":null,"note":""}]`
	if compact.String() != want {
		t.Errorf("got  %s\nwant %s", compact.String(), want)
	}
	for _, bad := range []drill.Figure{drill.Alone("", 1, "s", ""), drill.Alone("x", 1, "", ""), drill.Alone("x", math.NaN(), "s", ""), drill.Against(drill.Alone("x", 1, "s", ""), "p", 0, false)} {
		if err := drill.Merge(file, []drill.Figure{bad}); err == nil {
			t.Errorf("%+v was merged", bad)
		}
	}
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := drill.Merge(file, first); err == nil {
		t.Error("a broken file was replaced")
	}
	if err := drill.Merge(filepath.Join(file, "below"), first); err == nil {
		t.Error("a file was made below a file")
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "bench.json")
	measured := 0
	area := func(name string, err error) drill.Area {
		return drill.Area{Name: name, Measure: func(context.Context, io.Writer) ([]drill.Figure, error) {
			measured++
			return []drill.Figure{drill.Against(drill.Alone(name, 2, "s", "how"), "peer", 1, false)}, err
		}}
	}
	var out bytes.Buffer
	areas := []drill.Area{area("one", nil), area("two", nil)}
	if err := drill.Run(t.Context(), areas, "two", file, &out); err != nil || measured != 1 || !strings.Contains(out.String(), "two         2  s     peer   2.00  how") {
		t.Errorf("%d measured, error %v, %s", measured, err, out.String())
	}
	if err := drill.Run(t.Context(), areas, drill.All, file, &out); err != nil || measured != 3 {
		t.Errorf("%d measured, error %v", measured, err)
	}
	if err := drill.Run(t.Context(), areas, "three", file, &out); err == nil {
		t.Error("an unknown area was measured")
	}
	broken := errors.New("broken")
	if err := drill.Run(t.Context(), []drill.Area{area("bad", broken)}, "bad", file, &out); !errors.Is(err, broken) {
		t.Errorf("error is %v", err)
	}
}

func TestDataArea(t *testing.T) {
	t.Parallel()
	server := clienttest.New()
	t.Cleanup(server.Close)
	c, err := client.New(server.URL, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	stopped := false
	start := func(context.Context) (drill.Target, func() error, error) {
		return drill.Target{Client: c, PID: os.Getpid()}, func() error { stopped = true; return nil }, nil
	}
	figures, err := drill.DataArea(drill.DataPlan{Start: start, Size: "tiny"}).Measure(t.Context(), io.Discard)
	if err != nil || len(figures) != 18 || !stopped {
		t.Fatalf("%d figures, stopped %v, error %v", len(figures), stopped, err)
	}
	if f := figures[0]; f.Name != "ingest-0k-rows-per-second" || f.Value != 150 || !strings.Contains(f.Note, "13 columns") {
		t.Errorf("the first figure is %+v", f)
	}
	if f := figures[11]; f.Name != "predict-3k-peak-memory" || f.Value < 1 || f.Unit != "MB" {
		t.Errorf("the last figure is %+v", f)
	}
	for _, kind := range []string{"training", "ingest", "prediction", "transform"} {
		server.Fail = kind
		_, err := drill.DataArea(drill.DataPlan{Start: start, Size: "tiny"}).Measure(t.Context(), io.Discard)
		if _, ok := errors.AsType[*client.JobError](err); !ok {
			t.Errorf("a platform whose %s fails was measured: %v", kind, err)
		}
	}
	server.Fail = ""
	gone := func(context.Context) (drill.Target, func() error, error) {
		return drill.Target{Client: c, PID: -1}, func() error { return nil }, nil
	}
	if _, err := drill.DataArea(drill.DataPlan{Start: gone, Size: "tiny"}).Measure(t.Context(), io.Discard); err == nil {
		t.Error("the memory of no process was measured")
	}
	broken := errors.New("broken")
	start = func(context.Context) (drill.Target, func() error, error) { return drill.Target{}, nil, broken }
	if _, err := drill.DataArea(drill.DataPlan{Start: start}).Measure(t.Context(), io.Discard); !errors.Is(err, broken) {
		t.Errorf("error is %v", err)
	}
}

func TestStartDev(t *testing.T) {
	t.Parallel()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	target, stop, err := drill.StartDev(program)(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(target.PID, 0); err != nil {
		t.Errorf("the process does not run: %v", err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(target.PID, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the process still runs: %v", err)
	}
	if _, _, err := drill.StartDev("/no/such/program")(t.Context()); err == nil {
		t.Error("a program that does not exist was started")
	}
}

// The best model reaches what scikit-learn reaches on the rows of the
// committed reference.
func TestReference(t *testing.T) {
	t.Parallel()
	reference, err := sample.ReadReference()
	if err != nil {
		t.Fatal(err)
	}
	set, _ := sample.Lookup("insurance")
	table, err := drill.Frame(t.Context(), set)
	if err != nil {
		t.Fatal(err)
	}
	params := automl.DefaultParams()
	params.Target, params.PositiveClass, params.Metric = set.Target, set.PositiveClass, "roc_auc"
	result, err := automl.Train(t.Context(), params, table, automl.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !reference.Holds(result.HoldoutRows) {
		t.Fatal("other rows are held out than those of the reference; run internal/sample/reference/reference.py for them")
	}
	name, want := reference.Best()
	if got := result.Leaderboard[0].Holdout["roc_auc"]; got < want-0.01 {
		t.Errorf("roc_auc is %.4f, that of %s %.4f", got, name, want)
	}
}

func TestProcessors(t *testing.T) {
	t.Parallel()
	for status, want := range map[string]string{
		"Name:\tx\nCpus_allowed_list:\t0-2,5\nMems_allowed:\t1": "[0 1 2 5]",
		"Cpus_allowed_list:\t7":                                 "[7]",
		"Cpus_allowed_list:\tx":                                 "[]",
		"Cpus_allowed_list:\t1-x":                               "[]",
		"":                                                      "[]",
	} {
		if got := fmt.Sprint(drill.Allowed(status)); got != want {
			t.Errorf("%q: %s, want %s", status, got, want)
		}
	}
	for want, cores := range map[string][]string{
		"[taskset -c 4 a b]": {"2", "4"},
		"[a b]":              {"2"},
	} {
		if got := fmt.Sprint(drill.Bound(cores, 3, "a", "b")); got != want {
			t.Errorf("on %v: %s, want %s", cores, got, want)
		}
	}
}
