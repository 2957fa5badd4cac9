package child_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
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
		"divided": func(ctx context.Context, t *job.Task) (any, error) {
			if t.Job.Family == nil {
				f := job.Fan{Tolerate: 1}
				for i := range 4 {
					f.Children = append(f.Children, job.ChildSpec{Name: strconv.Itoa(i), Kind: job.Kind{Name: "piece", Pool: "batch"}, Payload: i})
				}
				return nil, job.FanOut(f)
			}
			results, err := t.Children(ctx)
			text := ""
			for _, r := range results {
				text += fmt.Sprintf("%s %s %s;", r.Name, r.State, r.Result)
			}
			return answer{Text: text}, err
		},
		"undividable": func(context.Context, *job.Task) (any, error) {
			return nil, job.FanOut(job.Fan{Children: []job.ChildSpec{{Name: "a", Kind: job.Kind{Name: "piece", Pool: "batch"}, Payload: make(chan int)}}})
		},
		"piece": func(_ context.Context, t *job.Task) (any, error) {
			var n int
			if err := t.Decode(&n); err != nil || n == 2 {
				return nil, job.Permanent(fmt.Errorf("no 2: %w", err))
			}
			return n * n, nil
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

// Backlog implements job.Queue: nothing ever waits.
func (w *world) Backlog(context.Context, string) (waiting, active, ended int64, err error) {
	return 0, int64(w.runner.Running()), 0, nil
}

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

// run submits a job that says nothing of its memory, and waits for its end.
func (w *world) run(kind string, n int) *job.Job {
	w.t.Helper()
	return w.finish(w.submit(kind, n, 0, ""))
}

// halfway submits a job and waits until it is half done.
func (w *world) halfway(kind string, estimate int64) *job.Job {
	w.t.Helper()
	return w.until(w.submit(kind, 0, estimate, "").ID, func(j *job.Job) bool { return j.Progress.Fraction == 0.5 })
}

// cancel cancels the job and waits for its end.
func (w *world) cancel(j *job.Job) *job.Job {
	w.t.Helper()
	if _, err := w.service.Cancel(w.t.Context(), "acme", j.ID); err != nil {
		w.t.Fatal(err)
	}
	return w.finish(j)
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
