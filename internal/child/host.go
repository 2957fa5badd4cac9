package child

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
)

// Records reads records. It is a subset of store.Driver.
type Records interface {
	Get(ctx context.Context, collection, id string) (store.Record, error)
}

// Config is what a Host needs. All but the durations is required.
type Config struct {
	Program  string // that calls Serve
	Args     []string
	Env      []string
	Settings any // handed to Setup, as JSON
	Records  Records
	OnEvent  func(name string, body json.RawMessage) // what Link.Event told
	Logger   *slog.Logger

	WatchEvery time.Duration // how often a child's memory is looked at; default 5 ms
	Grace      time.Duration // for which a child that is to stop may take its time; default 5 s
}

// Host runs handlers in children of this process. It is safe for concurrent
// use.
type Host struct {
	config   Config
	settings json.RawMessage

	running           atomic.Int64
	exceeded, crashed atomic.Int64
}

// NewHost returns a host.
func NewHost(c Config) (*Host, error) {
	settings, err := json.Marshal(c.Settings)
	if err != nil {
		return nil, fmt.Errorf("encode settings: %w", err)
	}
	if c.WatchEvery <= 0 {
		c.WatchEvery = 5 * time.Millisecond
	}
	if c.Grace <= 0 {
		c.Grace = 5 * time.Second
	}
	return &Host{config: c, settings: settings}, nil
}

// Stats are what became of a host's children.
type Stats struct {
	Running  int64
	Exceeded int64 // killed since they used more memory than they may
	Crashed  int64 // died of themselves
}

// Stats counts the children.
func (h *Host) Stats() Stats {
	return Stats{Running: h.running.Load(), Exceeded: h.exceeded.Load(), Crashed: h.crashed.Load()}
}

// Handler returns a handler that runs what the given one would, in a child. The
// result is published here.
func (h *Host) Handler(inner job.Handler) job.Handler {
	if p, ok := inner.(job.Publisher); ok {
		return publisher{remote{h}, p}
	}
	return remote{h}
}

// remote runs jobs in children.
type remote struct{ host *Host }

// publisher also publishes their results.
type publisher struct {
	remote
	job.Publisher
}

var (
	_ job.Handler   = remote{}
	_ job.Publisher = publisher{}
)

// Run implements job.Handler.
func (r remote) Run(ctx context.Context, t *job.Task) (any, error) {
	h := r.host
	children, err := results(ctx, t)
	if err != nil {
		return nil, err
	}
	printed := &output{logger: h.config.Logger.With("job", t.Job.ID)}
	p, err := launch(h.config, printed)
	if err != nil {
		return nil, fault.Unavailable("process_unavailable", "The process of the job could not be started; it is tried again.").Because(err)
	}
	h.running.Add(1)
	defer h.running.Add(-1)
	v := &visit{host: h, task: t, process: p, out: &writer{out: p.in}, begun: make(chan struct{})}
	defer p.close()
	var watching sync.WaitGroup
	watching.Go(func() { v.watch(ctx) })
	told := v.out.write(message{Type: typeStart, Start: &start{
		Settings: h.settings, ID: t.Job.ID, Revision: t.Job.Revision, Job: t.Job, Prefix: t.Prefix, Memory: t.Memory.Bytes(), Children: children,
	}}, nil)
	close(v.begun)
	heard := v.hear(ctx)
	v.grant(ctx)
	watching.Wait()
	v.calls.Wait()
	end := printed.end()
	switch {
	case v.outcome != nil:
		return v.result()
	case v.over != nil:
		h.exceeded.Add(1)
		return nil, v.over
	case ctx.Err() != nil:
		return nil, context.Cause(ctx) //nolint:wrapcheck // why it was stopped is what counts
	}
	h.crashed.Add(1)
	if errors.Is(heard, io.EOF) {
		heard = nil
	}
	return nil, &job.CrashError{Err: errors.Join(fmt.Errorf("process %d: %w; it printed: %s", p.pid, stateOf(p.state), end), told, heard)}
}

// stateOf is how a process ended that did not say so.
func stateOf(err error) error {
	if err == nil {
		return errors.New("it ended without a result")
	}
	return err
}

// visit is one run of a child.
type visit struct {
	host    *Host
	task    *job.Task
	process *process
	out     *writer
	begun   chan struct{} // closed when the child was told which job
	calls   sync.WaitGroup

	outcome *message // what the handler returned; of the goroutine of Run
	over    error    // that it used too much memory; written before it is killed
}

// grant waits for the end of a child that has said all, for a while.
func (v *visit) grant(ctx context.Context) {
	timer := time.NewTimer(v.host.config.Grace)
	defer timer.Stop()
	select {
	case <-v.process.exited:
		return
	case <-ctx.Done():
	case <-timer.C:
	}
	v.process.kill()
	<-v.process.exited
}

// watch hands on what the job is told, and looks after the child's memory,
// until the child has ended.
func (v *visit) watch(ctx context.Context) {
	ticker := time.NewTicker(v.host.config.WatchEvery)
	defer ticker.Stop()
	draining, stopped := v.task.Draining, ctx.Done()
	var late <-chan time.Time
	for {
		select {
		case <-v.process.exited:
			return
		case <-ticker.C:
			if v.over = v.measure(); v.over != nil {
				v.process.kill()
				<-v.process.exited
				return
			}
		case <-draining:
			draining = nil
			v.tell(message{Type: typeDrain})
		case <-stopped:
			stopped = nil
			v.tell(message{Type: typeCancel, Text: context.Cause(ctx).Error()})
			timer := time.NewTimer(v.host.config.Grace)
			defer timer.Stop()
			late = timer.C
		case <-late:
			v.process.kill()
		}
	}
}

// tell writes to the child without waiting for one that does not read: whoever
// hangs is killed in the end.
func (v *visit) tell(m message) {
	v.calls.Go(func() {
		<-v.begun
		_ = v.out.write(m, nil) // a child that is gone is noticed elsewhere
	})
}

// growAt is the part of its memory at which a child is given more, and growBy
// how much it is to have then, by what it uses.
const (
	growAt = 0.9
	growBy = 1.25
)

// measure looks at the child's memory, and returns an error when it is too
// much.
func (v *visit) measure() error {
	memory := v.task.Memory
	used, had := v.process.memory.read(), memory.Bytes()
	memory.Used(used)
	if had == 0 || float64(used) < growAt*float64(had) {
		return nil
	}
	if grown := memory.Grow(int64(growBy * float64(max(used, had)))); grown > had {
		had = grown
		v.tell(message{Type: typeLimit, Bytes: had})
	}
	if used > had {
		return memory.Exceeded(used)
	}
	return nil
}

// hear does what the child says until it says no more.
func (v *visit) hear(ctx context.Context) error {
	r := bufio.NewReader(v.process.out)
	for {
		m, data, err := read(r)
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
				v.process.kill()
			}
			return err
		}
		switch m.Type {
		case typeProgress:
			if p := m.Progress; p != nil {
				v.task.Report.Progress(p.Stage, p.Fraction, p.Rows, p.RowsAll)
			}
		case typeLine:
			v.task.Report.Logf("%s", m.Text)
		case typeEvent:
			v.host.config.OnEvent(m.Name, m.Body)
		case typeLoad, typeSave, typeRecord:
			v.calls.Go(func() { v.answer(ctx, m, data) })
		case typeResult, typeFailure:
			v.outcome = &m
			return nil
		}
	}
}

// answer does what the child calls for.
func (v *visit) answer(ctx context.Context, m message, data []byte) {
	a := message{Type: typeAnswer, Call: m.Call}
	var found []byte
	var err error
	switch m.Type {
	case typeLoad:
		found, a.Found, err = v.task.Saved.Load(ctx, m.Name)
	case typeSave:
		err = v.task.Saved.Save(ctx, m.Name, data)
	default:
		var r store.Record
		r, err = v.host.config.Records.Get(ctx, m.Collection, m.Name)
		found, a.Revision = r.Body, r.Revision
	}
	a.Failure = pack(err)
	_ = v.out.write(a, found) // a child that is gone is noticed elsewhere
}

// result returns what the handler in the child did.
func (v *visit) result() (any, error) {
	if m := v.outcome; m.Type == typeResult {
		return &made{body: m.Body, files: m.Files, own: m.OwnFiles}, nil
	}
	if v.outcome.Failure == nil {
		return nil, errFrame
	}
	return nil, v.outcome.Failure.unpack()
}

// made is the result of a child.
type made struct {
	body  json.RawMessage
	files map[string]string
	own   []string
}

// MarshalJSON implements json.Marshaler.
func (m *made) MarshalJSON() ([]byte, error) { return m.body, nil }

// Files names what the job's owner may download.
func (m *made) Files() map[string]string { return m.files }

// OwnFiles names what belongs to the job alone.
func (m *made) OwnFiles() []string { return m.own }
