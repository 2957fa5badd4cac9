package child

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime/debug"
	"sync"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
)

// Setup makes the handlers of a child from the settings that its worker hands
// over. The link leads to the worker. Clean-up is called at the end.
type Setup func(ctx context.Context, settings json.RawMessage, link *Link) (handlers map[string]job.Handler, cleanup func(), err error)

// ErrOrphaned is returned by Serve when the worker is gone: the process is to
// end at once, whatever still runs in it.
var ErrOrphaned = errors.New("child: the worker is gone")

// headroom is the part of a child's memory within which Go's collector tries to
// stay; the rest is for what it does not count, and to grow before it thrashes.
const headroom = 0.8

// Serve runs one job in a child. It reads what the worker says from in and
// writes to out: first the worker says which job, and whenever it likes to
// drain, to stop, or how much memory there is; the child tells progress, lines
// and events, calls for checkpoints and records, which the worker answers, and
// at last tells what the handler returned.
func Serve(ctx context.Context, in io.Reader, out io.Writer, setup Setup) error {
	r := bufio.NewReader(in)
	first, _, err := read(r)
	if err != nil {
		return fmt.Errorf("read the job: %w", err)
	}
	if first.Type != typeStart || first.Start == nil || first.Start.Job == nil {
		return errFrame
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	l := &Link{out: &writer{out: out}, calls: map[uint64]chan reply{}, drain: make(chan struct{}), stop: stop}
	limit(first.Start.Memory)
	orphaned := make(chan error, 1)
	go func() { orphaned <- l.listen(r) }()
	done := make(chan error, 1)
	go func() { done <- l.work(ctx, first.Start, setup) }()
	select {
	case err := <-done:
		return err
	case err := <-orphaned:
		stop(ErrOrphaned)
		return fmt.Errorf("%w: %w", ErrOrphaned, err)
	}
}

// limit tells Go's collector how much memory there is.
func limit(bytes int64) {
	const least = 32 << 20 // below, the collector would do nothing else
	if bytes > 0 {
		bytes = max(bytes, least)
		debug.SetMemoryLimit(int64(headroom * float64(bytes)))
	}
}

// work runs the handler and tells what it returned.
func (l *Link) work(ctx context.Context, s *start, setup Setup) error {
	j := s.Job
	j.Meta = store.Meta{ID: s.ID, Revision: s.Revision}
	t := &job.Task{Job: j, Prefix: s.Prefix, Report: l, Saved: l, Draining: l.drain, Children: s.children}
	m, err := l.run(ctx, s.Settings, t, setup)
	if err != nil {
		m = message{Type: typeFailure, Failure: pack(err)}
	}
	err = l.out.write(m, nil)
	if e, ok := fault.As(err); ok { // a result of a size that nobody takes
		err = l.out.write(message{Type: typeFailure, Failure: pack(job.Permanent(e))}, nil)
	}
	return err
}

// run calls the handler; a panic is an error.
func (l *Link) run(ctx context.Context, settings json.RawMessage, t *job.Task, setup Setup) (m message, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("handler panicked: %v\n%s", v, debug.Stack())
		}
	}()
	handlers, cleanup, err := setup(ctx, settings, l)
	if err != nil {
		return m, fmt.Errorf("set up the process of a job: %w", err)
	}
	defer cleanup()
	h := handlers[t.Job.Kind]
	if h == nil {
		return m, job.Permanent(fmt.Errorf("no handler for jobs of kind %s in a process of their own", t.Job.Kind))
	}
	result, err := h.Run(ctx, t)
	if err != nil {
		return m, err
	}
	m.Type = typeResult
	if m.Body, err = json.Marshal(result); err != nil {
		return m, job.Permanent(fmt.Errorf("encode result of job %s: %w", t.Job.ID, err))
	}
	if named, ok := result.(interface{ Files() map[string]string }); ok {
		m.Files = named.Files()
	}
	if named, ok := result.(interface{ OwnFiles() []string }); ok {
		m.OwnFiles = named.OwnFiles()
	}
	return m, nil
}

// Link is the child's way to its worker. It is safe for concurrent use.
type Link struct {
	out   *writer
	drain chan struct{}
	once  sync.Once
	stop  context.CancelCauseFunc

	mu    sync.Mutex
	last  uint64
	calls map[uint64]chan reply
}

// reply is the answer to a call.
type reply struct {
	message
	data []byte
}

var (
	_ job.Reporter   = (*Link)(nil)
	_ job.Checkpoint = (*Link)(nil)
)

// listen hears the worker until it is gone.
func (l *Link) listen(r io.Reader) error {
	for {
		m, data, err := read(r)
		if err != nil {
			return err
		}
		switch m.Type {
		case typeDrain:
			l.once.Do(func() { close(l.drain) })
		case typeCancel:
			l.stop(fmt.Errorf("%w: %s", context.Canceled, m.Text))
		case typeLimit:
			limit(m.Bytes)
		case typeAnswer:
			l.mu.Lock()
			waiting := l.calls[m.Call]
			delete(l.calls, m.Call)
			l.mu.Unlock()
			if waiting != nil {
				waiting <- reply{m, data}
			}
		}
	}
}

// call asks the worker and waits for its answer.
func (l *Link) call(ctx context.Context, m message, data []byte) (reply, error) {
	if ctx.Err() != nil {
		return reply{}, context.Cause(ctx) //nolint:wrapcheck // the caller's own
	}
	waiting := make(chan reply, 1)
	l.mu.Lock()
	l.last++
	m.Call = l.last
	l.calls[m.Call] = waiting
	l.mu.Unlock()
	if err := l.out.write(m, data); err != nil {
		return reply{}, err
	}
	select {
	case got := <-waiting:
		return got, got.Failure.unpack()
	case <-ctx.Done():
		return reply{}, context.Cause(ctx) //nolint:wrapcheck // the caller's own
	}
}

// Progress implements job.Reporter. When the worker is gone there is nobody to
// tell; Serve ends then.
func (l *Link) Progress(stage string, fraction float64, rows, rowsAll int64) {
	_ = l.out.write(message{Type: typeProgress, Progress: &progress{Stage: stage, Fraction: number(fraction), Rows: rows, RowsAll: rowsAll}}, nil)
}

// number makes of a number one that JSON knows.
func number(f float64) float64 {
	if math.IsNaN(f) {
		return 0
	}
	return min(max(f, 0), 1)
}

// Logf implements job.Reporter.
func (l *Link) Logf(format string, args ...any) {
	_ = l.out.write(message{Type: typeLine, Text: fmt.Sprintf(format, args...)}, nil)
}

// Load implements job.Checkpoint.
func (l *Link) Load(ctx context.Context, name string) ([]byte, bool, error) {
	got, err := l.call(ctx, message{Type: typeLoad, Name: name}, nil)
	return got.data, got.Found, err
}

// Save implements job.Checkpoint.
func (l *Link) Save(ctx context.Context, name string, data []byte) error {
	_, err := l.call(ctx, message{Type: typeSave, Name: name}, data)
	return err
}

// Event tells the worker about something that it counts.
func (l *Link) Event(name string, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode event %s: %w", name, err)
	}
	return l.out.write(message{Type: typeEvent, Name: name, Body: body}, nil)
}

// Records returns the worker's store, for reading records by their identifiers:
// a child writes none.
func (l *Link) Records() store.Driver { return records{l} }

// records implements store.Driver as far as a child needs it.
type records struct{ link *Link }

var _ store.Driver = records{}

var errReadOnly = errors.New("child: the process of a job reads records by their identifiers, and does nothing else with them")

// Get implements store.Driver. It leaves out the index values.
func (r records) Get(ctx context.Context, collection, id string) (store.Record, error) {
	got, err := r.link.call(ctx, message{Type: typeRecord, Collection: collection, Name: id}, nil)
	if err != nil {
		return store.Record{}, err
	}
	return store.Record{ID: id, Revision: got.Revision, Body: got.data}, nil
}

// Peek implements store.Driver.
func (records) Peek(context.Context, string, string) (store.Record, error) {
	return store.Record{}, errReadOnly
}

// Ensure implements store.Driver.
func (records) Ensure(context.Context, ...store.Collection) error { return errReadOnly }

// Insert implements store.Driver.
func (records) Insert(context.Context, string, ...store.Record) ([]error, error) {
	return nil, errReadOnly
}

// Replace implements store.Driver.
func (records) Replace(context.Context, string, ...store.Record) ([]error, error) {
	return nil, errReadOnly
}

// Find implements store.Driver.
func (records) Find(context.Context, string, store.Scan) ([]store.Record, error) {
	return nil, errReadOnly
}

// Count implements store.Driver.
func (records) Count(context.Context, string, store.Scan, int64) (int64, error) {
	return 0, errReadOnly
}

// Delete implements store.Driver.
func (records) Delete(context.Context, string, string, int64) error { return errReadOnly }

// Ping implements store.Driver.
func (records) Ping(context.Context) error { return nil }

// Close implements store.Driver.
func (records) Close(context.Context) error { return nil }
