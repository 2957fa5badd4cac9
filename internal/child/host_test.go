package child_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/child"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/job/jobtest"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/store/memstore"
)

// The commands of this test's program beside the tests: a child, and a worker
// that has one.
const (
	cmdChild  = "test-child"
	cmdWorker = "test-worker"
)

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == cmdChild {
		in, out, err := child.Files()
		if err == nil {
			err = child.Serve(context.Background(), in, out, open)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if len(os.Args) == 2 && os.Args[1] == cmdWorker {
		work()
	}
	os.Exit(m.Run())
}

const patience = time.Minute

type settings struct {
	Greeting string
}

// answer is the result of a test's job.
type answer struct {
	PID   int    `json:"pid"`
	Text  string `json:"text"`
	Named map[string]string
}

func (a answer) Files() map[string]string { return a.Named }

func (a answer) OwnFiles() []string {
	if a.Named == nil {
		return nil
	}
	return []string{"own"}
}

// open makes the handlers of a child, each a kind of behaviour.
func open(_ context.Context, raw json.RawMessage, link *child.Link) (map[string]job.Handler, func(), error) {
	var s settings
	if err := json.Unmarshal(raw, &s); err != nil || s.Greeting == "" {
		return nil, nil, errors.Join(errors.New("no settings"), err)
	}
	if s.Greeting == "refuse" {
		return nil, nil, fault.Unavailable("storage_away", "the storage is away")
	}
	all := map[string]job.Handler{}
	for name, f := range map[string]func(ctx context.Context, t *job.Task) (any, error){
		"whole": func(ctx context.Context, t *job.Task) (any, error) { return whole(ctx, t, link, s.Greeting) },
		"invalid": func(context.Context, *job.Task) (any, error) {
			return nil, fmt.Errorf("load: %w", fault.Invalid("bad_target", "the target is constant").With(fault.Field{Location: "body.target", Message: "take another"}))
		},
		"permanent": func(context.Context, *job.Task) (any, error) { return nil, job.Permanent(errors.New("never")) },
		"internal":  func(context.Context, *job.Task) (any, error) { return nil, errors.New("who knows why") },
		"panic":     func(context.Context, *job.Task) (any, error) { panic("out of luck") },
		"chan":      func(context.Context, *job.Task) (any, error) { return make(chan int), nil },
		"large":     func(context.Context, *job.Task) (any, error) { return strings.Repeat("x", 41<<20), nil },
		"snooze": func(_ context.Context, t *job.Task) (any, error) {
			if t.Job.Attempt == 1 {
				return nil, job.Snooze(time.Millisecond, "not_yet", "100%% not yet")
			}
			return answer{}, nil
		},
		"eat":   eat,
		"abort": abort,
		"exit":  func(context.Context, *job.Task) (any, error) { os.Exit(0); return nil, nil },
		"obey": func(ctx context.Context, t *job.Task) (any, error) {
			t.Report.Progress("obey", 0.5, 1, 2)
			<-ctx.Done()
			_, _, err := t.Saved.Load(ctx, "any")
			return nil, errors.Join(ctx.Err(), err)
		},
		"hang": func(_ context.Context, t *job.Task) (any, error) {
			t.Report.Logf("%d", os.Getpid())
			t.Report.Progress("hang", 0.5, 1, 2)
			select {}
		},
		"drain": func(ctx context.Context, t *job.Task) (any, error) {
			if b, ok, err := t.Saved.Load(ctx, "half"); ok || err != nil {
				return answer{Text: string(b)}, err
			}
			t.Report.Progress("drain", 0.5, 1, 2)
			<-t.Draining
			if err := t.Saved.Save(ctx, "half", []byte("the first half")); err != nil {
				return nil, err
			}
			return nil, job.Drained
		},
	} {
		all[name] = job.HandlerFunc(f)
	}
	return all, func() {}, nil
}

// whole does everything that a handler may do.
func whole(ctx context.Context, t *job.Task, link *child.Link, greeting string) (any, error) {
	var payload struct{ N int }
	if err := t.Decode(&payload); err != nil {
		return nil, err
	}
	t.Report.Progress("whole", 0.25, 1, 4)
	t.Report.Logf("100%% %s", "sure")
	if _, ok, err := t.Saved.Load(ctx, "part"); ok || err != nil {
		return nil, fmt.Errorf("found a checkpoint that nobody saved: %w", err)
	}
	data := bytes.Repeat([]byte{0, 1, 254, 255}, 1<<19) // more than a pipe holds
	var saving sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	for i := range 8 { // handlers save from several goroutines
		saving.Go(func() {
			err := t.Saved.Save(ctx, "part"+strconv.Itoa(i), append(data, byte(i)))
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
	}
	saving.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for i := range 8 {
		if b, ok, err := t.Saved.Load(ctx, "part"+strconv.Itoa(i)); !ok || err != nil || !bytes.Equal(b, append(data, byte(i))) {
			return nil, fmt.Errorf("loaded %d bytes, %v: %w", len(b), ok, err)
		}
	}
	if err := t.Saved.Save(ctx, "a/b", nil); err == nil {
		return nil, errors.New("a bad name was taken")
	}
	records := link.Records()
	r, err := records.Get(ctx, "notes", "note_1")
	if err != nil || r.ID != "note_1" || r.Revision != 1 {
		return nil, fmt.Errorf("record %+v: %w", r, err)
	}
	if _, err := records.Get(ctx, "notes", "note_2"); !errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("a record that is not there: %w", err)
	}
	if err := link.Event("counted", payload.N); err != nil {
		return nil, err
	}
	return answer{
		PID: os.Getpid(), Text: greeting + " " + string(r.Body) + " " + t.Job.ID + " <&>",
		Named: map[string]string{"model": t.Prefix + "model", "own": t.Prefix + "own"},
	}, nil
}

// eat takes as much memory as the payload says, a bit at a time.
func eat(ctx context.Context, t *job.Task) (any, error) {
	var payload struct{ N int }
	if err := t.Decode(&payload); err != nil {
		return nil, err
	}
	var held [][]byte
	ticker := time.NewTicker(3 * time.Millisecond)
	defer ticker.Stop()
	for range payload.N {
		b := make([]byte, 1<<20)
		for i := 0; i < len(b); i += 512 {
			b[i] = 1
		}
		held = append(held, b)
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-ticker.C:
		}
	}
	for range 10 { // so that it is seen
		<-ticker.C
	}
	return answer{Text: strconv.Itoa(len(held))}, nil
}

// abort dies like a process that the kernel kills.
func abort(ctx context.Context, t *job.Task) (any, error) {
	fmt.Fprintln(os.Stderr, "last words", strings.Repeat("x", 5000))
	fmt.Fprint(os.Stderr, "and the very last")
	if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
		return nil, err
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

// local is the worker's side of a kind: what runs in the child, and publishing.
type local struct {
	job.Handler
	published func(json.RawMessage)
}

func (l local) Publish(_ context.Context, _ *job.Job, result json.RawMessage) error {
	l.published(result)
	return nil
}

// world is a worker with children.
type world struct {
	t       *testing.T
	driver  store.Driver
	files   *jobtest.Files
	service *job.Service
	runner  *job.Runner
	host    *child.Host
	log     *lockedBuffer

	mu        sync.Mutex
	events    []string
	published []string
	running   sync.WaitGroup
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

var notes = store.Collection{Name: "notes"}

func setup(t *testing.T, change ...func(*child.Config, *job.RunnerConfig)) *world {
	t.Helper()
	w := &world{t: t, driver: memstore.New(), files: jobtest.NewFiles(), log: &lockedBuffer{}}
	if err := w.driver.Ensure(t.Context(), append(job.Collections(), notes)...); err != nil {
		t.Fatal(err)
	}
	if _, err := w.driver.Insert(t.Context(), "notes", store.Record{ID: "note_1", Body: []byte(`{"a":1}`), Keys: map[string]any{}}); err != nil {
		t.Fatal(err)
	}
	c := child.Config{
		Program: must(child.Self()), Args: []string{cmdChild}, Env: child.Environ(os.Environ()), Settings: settings{"hello"},
		Records: w.driver, Logger: slog.New(slog.NewTextHandler(w.log, nil)), OnEvent: func(name string, body json.RawMessage) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.events = append(w.events, name+" "+string(body))
		},
	}
	rc := job.RunnerConfig{Worker: "wkr_a", Driver: w.driver, Files: w.files, Backoff: job.Backoff{First: time.Millisecond, Max: time.Millisecond}}
	for _, f := range change {
		f(&c, &rc)
	}
	var err error
	if w.host, err = child.NewHost(c); err != nil {
		t.Fatal(err)
	}
	rc.Handlers = map[string]job.Handler{}
	inner, _, err := open(t.Context(), json.RawMessage(`{"Greeting":"x"}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, h := range inner {
		rc.Handlers[name] = w.host.Handler(h)
	}
	rc.Handlers["unknown"] = w.host.Handler(inner["whole"])
	rc.Handlers["whole"] = w.host.Handler(local{inner["whole"], func(result json.RawMessage) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.published = append(w.published, string(result))
	}})
	w.runner = job.NewRunner(rc)
	w.service = job.NewService(job.ServiceConfig{Driver: w.driver, Queue: w, Files: nil, WatchEvery: 5 * time.Millisecond})
	ctx, stop := context.WithCancel(context.Background())
	keeper := job.NewKeeper(job.KeeperConfig{Driver: w.driver, Queue: w, RelayEvery: 5 * time.Millisecond})
	w.running.Go(func() { keeper.Run(ctx) })
	t.Cleanup(func() {
		stop()
		w.running.Wait()
		if n := w.host.Stats().Running; n != 0 {
			t.Errorf("%d children are left", n)
		}
		if t.Failed() {
			t.Log(w.log.String())
		}
	})
	return w
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Enqueue implements job.Queue: what is handed over runs at once.
func (w *world) Enqueue(_ context.Context, deliveries ...job.Delivery) error {
	for _, d := range deliveries {
		w.running.Go(func() {
			if err := w.runner.Handle(context.Background(), d); err != nil && !errors.Is(err, job.ErrDraining) {
				w.t.Errorf("delivery %v: %v", d, err)
			}
		})
	}
	return nil
}

// Alive implements job.Queue.
func (w *world) Alive(context.Context, job.Delivery) (bool, error) { return true, nil }

// HintCancel implements job.Queue.
func (w *world) HintCancel(_ context.Context, d job.Delivery) error {
	w.runner.Hint(d.JobID)
	return nil
}

// submission is a job of the kind that eats n MiB.
func (w *world) submit(kind string, n int, estimate int64, asked string) *job.Job {
	w.t.Helper()
	j, _, err := w.service.Submit(w.t.Context(), job.Submission{
		Kind: job.Kind{Name: kind, Pool: "batch"}, Tenant: "acme", User: "ann", Payload: map[string]int{"N": n},
		Memory: estimate, Limits: job.Limits{Memory: asked},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return j
}

func (w *world) until(id string, ok func(*job.Job) bool) *job.Job {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	j, err := w.service.Get(ctx, "acme", id)
	for err == nil && !ok(j) && ctx.Err() == nil {
		j, err = w.service.Wait(ctx, "acme", id, j.Revision)
	}
	if err != nil || ctx.Err() != nil {
		w.t.Fatalf("job %+v did not get there: %v", j, err)
	}
	return j
}

func (w *world) finish(j *job.Job) *job.Job {
	w.t.Helper()
	return w.until(j.ID, func(j *job.Job) bool { return j.State.Terminal() })
}

func (w *world) lines(id string) []string {
	w.t.Helper()
	lines, err := w.service.Logs(w.t.Context(), "acme", id, 0, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	var all []string
	for _, l := range lines {
		all = append(all, l.Message)
	}
	return all
}

func TestAWholeJob(t *testing.T) {
	t.Parallel()
	w := setup(t)
	j := w.finish(w.submit("whole", 7, 0, ""))
	if j.State != job.Succeeded {
		t.Fatalf("it %s: %+v", j.State, j.Failure)
	}
	var got answer
	if err := json.Unmarshal(j.Result, &got); err != nil {
		t.Fatal(err)
	}
	if got.PID == os.Getpid() || got.PID == 0 || got.Text != `hello {"a":1} `+j.ID+" <&>" {
		t.Errorf("result %s", j.Result)
	}
	if j.Files["model"] != j.Prefix()+"model" || !slices.Equal(j.OwnFiles, []string{"own"}) || j.MemoryPeak == 0 {
		t.Errorf("job %+v", j)
	}
	if lines := w.lines(j.ID); !slices.Equal(lines, []string{"100% sure"}) {
		t.Errorf("lines %q", lines)
	}
	if !slices.Equal(w.events, []string{"counted 7"}) || len(w.published) != 1 || w.published[0] != string(j.Result) {
		t.Errorf("events %q, published %q", w.events, w.published)
	}
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	w := setup(t)
	tests := []struct {
		kind     string
		state    job.State
		code     string
		message  string
		attempts int
	}{
		{"invalid", job.Failed, "bad_target", "the target is constant", 1},
		{"permanent", job.Failed, "internal", "on our side", 1},
		{"internal", job.Failed, "internal", "on our side", 3},
		{"panic", job.Failed, "internal", "on our side", 3},
		{"chan", job.Failed, "internal", "on our side", 1},
		{"large", job.Failed, "message_too_large", "on our side", 1},
		{"unknown", job.Failed, "internal", "on our side", 1},
		{"snooze", job.Succeeded, "", "", 2},
	}
	for _, test := range tests {
		t.Run(test.kind, func(t *testing.T) {
			t.Parallel()
			j := w.finish(w.submit(test.kind, 1, 0, ""))
			if j.State != test.state || j.Attempt != test.attempts {
				t.Errorf("it %s after %d attempts: %+v", j.State, j.Attempt, j.Failure)
			}
			if test.state == job.Failed && (j.Failure.Code != test.code || !strings.Contains(j.Failure.Message, test.message)) {
				t.Errorf("failure %+v", j.Failure)
			}
			if test.kind == "invalid" && (len(j.Failure.Fields) != 1 || j.Failure.Fields[0].Location != "body.target") {
				t.Errorf("fields %+v", j.Failure.Fields)
			}
			if test.kind == "snooze" && !slices.Contains(w.lines(j.ID), "100% not yet") {
				t.Errorf("lines %q", w.lines(j.ID))
			}
		})
	}
}

// What cannot be set up, or not be started, is no fault of the job's.
func TestNoChildToBeHad(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*child.Config, *job.RunnerConfig){
		"set up":  func(c *child.Config, _ *job.RunnerConfig) { c.Settings = settings{"refuse"} },
		"started": func(c *child.Config, _ *job.RunnerConfig) { c.Program = filepath.Join(t.TempDir(), "none") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, change)
			j := w.submit("whole", 1, 0, "")
			j = w.until(j.ID, func(j *job.Job) bool { return j.Outages >= 2 })
			if j.Failures+j.Crashes != 0 || j.Failure.Class != fault.ClassUnavailable {
				t.Errorf("job %+v", j)
			}
			if _, err := w.service.Cancel(t.Context(), "acme", j.ID); err != nil {
				t.Fatal(err)
			}
			w.finish(j)
		})
	}
}

// TestTooMuchMemory is the promise: a job that needs more than it has fails
// alone and says so, and the one beside it goes on.
func TestTooMuchMemory(t *testing.T) {
	t.Parallel()
	if !child.Supported {
		t.Skip("memory is watched on Linux only")
	}
	w := setup(t, func(_ *child.Config, c *job.RunnerConfig) { c.Memory = 1 << 30 })
	beside := w.submit("obey", 0, 64<<20, "")
	w.until(beside.ID, func(j *job.Job) bool { return j.Progress.Fraction == 0.5 })
	j := w.finish(w.submit("eat", 2000, 64<<20, "128MiB"))
	if j.State != job.Failed || j.Failure.Code != "memory_exceeded" || j.Attempt != 1 || j.Crashes != 0 {
		t.Fatalf("it %s: %+v", j.State, j.Failure)
	}
	if !strings.Contains(j.Failure.Message, "had 128 MiB") || !strings.Contains(j.Failure.Message, "ask for more with memory") || j.MemoryPeak <= 128<<20 || j.MemoryPeak > 512<<20 {
		t.Errorf("it used %d and says %q", j.MemoryPeak, j.Failure.Message)
	}
	if now := must(w.service.Get(t.Context(), "acme", beside.ID)); now.State != job.Running || now.Attempt != 1 {
		t.Errorf("the job beside it is %s", now.State)
	}
	if s := w.host.Stats(); s.Exceeded != 1 || s.Crashed != 0 || s.Running != 1 {
		t.Errorf("children %+v", s)
	}
	if _, err := w.service.Cancel(t.Context(), "acme", beside.ID); err != nil {
		t.Fatal(err)
	}
	w.finish(beside)
}

// An estimate that was too low grows into what the worker has.
func TestAnEstimateGrows(t *testing.T) {
	t.Parallel()
	if !child.Supported {
		t.Skip("memory is watched on Linux only")
	}
	w := setup(t, func(_ *child.Config, c *job.RunnerConfig) { c.Memory = 512 << 20 })
	j := w.finish(w.submit("eat", 150, 64<<20, ""))
	if j.State != job.Succeeded || j.MemoryPeak < 150<<20 || j.Attempt != 1 {
		t.Fatalf("it %s with %d: %+v", j.State, j.MemoryPeak, j.Failure)
	}
	if used, _, _ := w.runner.Memory(); used != 0 {
		t.Errorf("%d bytes are taken at the end", used)
	}
	j = w.finish(w.submit("eat", 2000, 64<<20, ""))
	if j.Failure == nil || j.Failure.Code != "memory_exceeded" || !strings.Contains(j.Failure.Message, "had 512 MiB, all that its worker may give") {
		t.Errorf("it %s: %+v", j.State, j.Failure)
	}
}

func TestAChildThatDies(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"abort", "exit"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			j := w.finish(w.submit(kind, 0, 0, ""))
			if j.State != job.Failed || j.Failure.Code != "job_crashed" || j.Crashes != 3 || j.Failures != 0 || w.host.Stats().Crashed != 3 {
				t.Errorf("it %s after %d crashes: %+v", j.State, j.Crashes, j.Failure)
			}
			if log := w.log.String(); kind == "abort" && (!strings.Contains(log, "last words") || !strings.Contains(log, "and the very last") || !strings.Contains(log, "job="+j.ID)) {
				t.Errorf("the log has not what it printed: %s", log)
			}
		})
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"obey", "hang"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			w := setup(t, func(c *child.Config, _ *job.RunnerConfig) { c.Grace = 200 * time.Millisecond })
			j := w.submit(kind, 0, 0, "")
			w.until(j.ID, func(j *job.Job) bool { return j.Progress.Fraction == 0.5 })
			if _, err := w.service.Cancel(t.Context(), "acme", j.ID); err != nil {
				t.Fatal(err)
			}
			if j = w.finish(j); j.State != job.Cancelled || j.Crashes != 0 {
				t.Errorf("it %s: %+v", j.State, j.Failure)
			}
			if kind == "hang" { // its process is gone, too
				pid, err := strconv.Atoi(w.lines(j.ID)[0])
				if err != nil {
					t.Fatal(err)
				}
				if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
					t.Errorf("process %d: %v", pid, err)
				}
			}
		})
	}
}

func TestDrain(t *testing.T) {
	t.Parallel()
	w := setup(t)
	j := w.submit("drain", 0, 0, "")
	w.until(j.ID, func(j *job.Job) bool { return j.Progress.Fraction == 0.5 })
	w.runner.Drain()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := w.runner.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	j = must(w.service.Get(t.Context(), "acme", j.ID))
	if j.Failures+j.Crashes+j.Outages != 0 || j.Attempt != 1 || !slices.ContainsFunc(j.History, func(h job.Transition) bool { return h.Reason == "worker_drained" }) {
		t.Errorf("job %+v", j)
	}
	if keys := w.files.Keys(job.CheckpointPrefix(j.ID)); len(keys) != 1 {
		t.Errorf("checkpoints %q", keys)
	}
}

// work is a worker whose job hangs. It prints the process of the job.
func work() {
	h := must(child.NewHost(child.Config{
		Program: must(child.Self()), Args: []string{cmdChild}, Env: child.Environ(os.Environ()), Settings: settings{"hello"},
		Records: memstore.New(), Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)), OnEvent: func(string, json.RawMessage) {},
	}))
	j := &job.Job{Kind: "hang", Tenant: "acme", Payload: json.RawMessage("{}")}
	j.ID = "job_0123456789abcdef0123456789abcdef"
	t := jobtest.NewTask(j, nil)
	t.Report.On(func(jobtest.Step) { fmt.Println(t.Report.Lines()[0]) })
	_, err := h.Handler(job.HandlerFunc(nil)).Run(context.Background(), t.Task)
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// However a worker ends, its children end with it.
func TestChildrenEndWithTheirWorker(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(must(os.Executable()), cmdWorker) //nolint:noctx // it is killed below
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = io.Discard
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscan(out, &pid); err != nil || pid == 0 {
		t.Fatalf("pid %d: %v", pid, err)
	}
	if err := syscall.Kill(pid, 0); err != nil {
		t.Fatalf("the child is not there: %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(patience)
	for {
		if !alive(pid) {
			return
		}
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("process %d is still there", pid)
		}
	}
}

// alive reports whether the process runs. One that has ended stays until who
// adopted it takes notice.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}
