package drill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/queue"
	"github.com/narrativeml/narrative/internal/secret"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/store/mongostore"
	"github.com/narrativeml/narrative/internal/store/mongowire"
	"github.com/narrativeml/narrative/internal/store/sqlitestore"
)

// recordsWay is a way to the records and what was measured on it.
type recordsWay struct {
	suffix  string // of its figures' names
	note    string
	open    func(ctx context.Context, path string) (*records, error)
	records *records
	rounds  []jobRound
}

// records is an open store.
type records struct {
	driver  store.Driver
	closers []func(context.Context) error // in this order
}

func (r *records) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), jobPatience)
	defer cancel()
	var errs []error
	for _, c := range r.closers {
		errs = append(errs, c(ctx))
	}
	return errors.Join(errs...)
}

// openDirect opens the file as `dev` does.
func openDirect(ctx context.Context, path string) (*records, error) {
	return openWith(ctx, path, job.Collections())
}

// openWith opens the file with these collections.
func openWith(ctx context.Context, path string, collections []store.Collection) (*records, error) {
	driver, err := sqlitestore.Open(ctx, sqlitestore.Config{Path: path, Durability: sqlitestore.Full})
	if err != nil {
		return nil, err
	}
	r := &records{driver: driver, closers: []func(context.Context) error{driver.Close}}
	if err := driver.Ensure(ctx, collections...); err != nil {
		return nil, errors.Join(err, r.close(ctx))
	}
	return r, nil
}

// openWire serves the file by the MongoDB protocol and connects to that.
func openWire(ctx context.Context, path string) (*records, error) {
	file, err := sqlitestore.Open(ctx, sqlitestore.Config{Path: path, Durability: sqlitestore.Full})
	if err != nil {
		return nil, err
	}
	r := &records{closers: []func(context.Context) error{file.Close}}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("serve records: %w", err), r.close(ctx))
	}
	const database = "narrative"
	server := mongowire.New(file, mongowire.Config{Database: database})
	served := make(chan error, 1)
	serving := context.WithoutCancel(ctx)
	go func() { served <- server.Serve(serving, l) }()
	r.closers = append([]func(context.Context) error{func(ctx context.Context) error {
		return errors.Join(server.Shutdown(ctx), <-served)
	}}, r.closers...)
	driver, err := mongostore.Open(ctx, mongostore.Config{URI: "mongodb://" + l.Addr().String() + "/?directConnection=true", Database: database})
	if err != nil {
		return nil, errors.Join(err, r.close(ctx))
	}
	r.driver = driver
	r.closers = append([]func(context.Context) error{driver.Close}, r.closers...)
	if err := driver.Ensure(ctx, job.Collections()...); err != nil {
		return nil, errors.Join(err, r.close(ctx))
	}
	return r, nil
}

const (
	jobPool   = "bench"
	jobTenant = "bench"
	jobPoll   = 20 * time.Millisecond // as a worker has it by default
	kindNoop  = "noop"
	kindMark  = "mark"
)

// errNoFiles is what a job of the drill would get that touched a file.
var errNoFiles = errors.New("drill: jobs that do nothing have no files")

// noFiles stands where a worker keeps checkpoints; nothing asks it.
type noFiles struct{}

var (
	_ job.CheckpointFiles = noFiles{}
	_ job.Presigner       = noFiles{}
)

func (noFiles) Put(context.Context, string, string, io.Reader) (int64, error) { return 0, errNoFiles }

func (noFiles) Open(context.Context, string) (io.ReadCloser, error) { return nil, errNoFiles }

func (noFiles) Delete(context.Context, ...string) error { return errNoFiles }

func (noFiles) Each(context.Context, string, func(string, int64, time.Time) error) error {
	return errNoFiles
}

func (noFiles) Stat(context.Context, string) (int64, time.Time, error) {
	return 0, time.Time{}, errNoFiles
}

func (noFiles) Presign(context.Context, string, string, time.Duration) (string, error) {
	return "", errNoFiles
}

// jobQueue makes a job.Queue of the client.
type jobQueue struct{ *queue.Client }

var _ job.Queue = jobQueue{}

// Enqueue implements job.Queue.
func (q jobQueue) Enqueue(ctx context.Context, deliveries ...job.Delivery) error {
	out := make([]queue.Delivery, len(deliveries))
	for i, d := range deliveries {
		out[i] = queue.Delivery(d)
	}
	return q.Client.Enqueue(ctx, out...)
}

// Alive implements job.Queue.
func (q jobQueue) Alive(ctx context.Context, d job.Delivery) (bool, error) {
	return q.Client.Alive(ctx, queue.Delivery(d))
}

// Backlog implements job.Queue.
func (q jobQueue) Backlog(ctx context.Context, pool string) (waiting, active, ended int64, err error) {
	return q.Client.Backlog(ctx, pool)
}

// HintCancel implements job.Queue.
func (q jobQueue) HintCancel(ctx context.Context, d job.Delivery) error {
	return q.Client.HintCancel(ctx, queue.Delivery(d))
}

// jobWatch counts the ends of jobs. Anything but a success ends the drill.
type jobWatch struct {
	job.Unobserved
	left atomic.Int64
	done chan struct{}
	bad  chan error
}

// Finished implements job.Observer.
func (w *jobWatch) Finished(j *job.Job, outcome string, _ time.Duration) {
	if outcome != job.OutcomeSucceeded {
		w.fail(fmt.Errorf("job %s: %s", j.ID, outcome))
	}
	if w.left.Add(-1) == 0 {
		w.done <- struct{}{}
	}
}

// Trouble implements job.Observer.
func (w *jobWatch) Trouble(_ context.Context, operation string, _ *job.Job, err error) {
	w.fail(fmt.Errorf("%s: %w", operation, err))
}

func (w *jobWatch) fail(err error) {
	select {
	case w.bad <- err:
	default:
	}
}

// wait returns when every job has ended well.
func (w *jobWatch) wait(ctx context.Context) error {
	select {
	case <-w.done:
	case err := <-w.bad:
		return err
	case <-ctx.Done():
		return fmt.Errorf("wait for %d jobs: %w", w.left.Load(), ctx.Err())
	}
	select {
	case err := <-w.bad:
		return err
	default:
		return nil
	}
}

// jobPlatform is everything that a job needs: service, worker and keeper.
type jobPlatform struct {
	watch   *jobWatch
	client  *queue.Client
	service *job.Service
	keeper  *job.Keeper
	runner  *job.Runner
	server  *queue.Server
	started chan time.Time // when a handler of kindMark did
	naps    started

	unkeep  context.CancelFunc
	keeping sync.WaitGroup
}

// startJobs starts a platform on the records and on Redis.
func startJobs(driver store.Driver, url secret.String, slots int) (*jobPlatform, error) {
	c := queue.DefaultConfig()
	c.URL, c.Pools, c.PollInterval = url, []string{jobPool}, jobPoll
	client, err := queue.New(c)
	if err != nil {
		return nil, err
	}
	p := &jobPlatform{
		client: client, started: make(chan time.Time, 1),
		watch: &jobWatch{done: make(chan struct{}, 1), bad: make(chan error, 1)},
	}
	p.service = job.NewService(job.ServiceConfig{Driver: driver, Queue: jobQueue{client}, Files: noFiles{}, Observer: p.watch})
	ctx, cancel := context.WithCancel(context.Background())
	p.unkeep = cancel
	p.keeper = job.NewKeeper(job.KeeperConfig{Driver: driver, Queue: jobQueue{client}, Observer: p.watch, Freed: client.Freed(ctx)})
	p.runner = job.NewRunner(job.RunnerConfig{
		Worker: store.NewID("wkr"), Driver: driver, Files: noFiles{}, Slots: map[string]int{jobPool: slots}, Observer: p.watch,
		Handlers: map[string]job.Handler{
			kindNoop: job.HandlerFunc(func(context.Context, *job.Task) (any, error) { return nil, nil }),
			kindNap:  job.HandlerFunc(p.naps.run),
			kindMark: job.HandlerFunc(func(context.Context, *job.Task) (any, error) {
				p.started <- time.Now()
				return nil, nil
			}),
		},
	})
	handle := func(ctx context.Context, d queue.Delivery) error { return p.runner.Handle(ctx, job.Delivery(d)) }
	if p.server, err = queue.NewServer(c, jobPool, slots, handle, slog.New(slog.DiscardHandler)); err == nil {
		err = p.server.Start()
	}
	if err != nil {
		cancel()
		return nil, errors.Join(err, client.Close())
	}
	p.keeping.Go(func() { p.keeper.Run(ctx) })
	p.keeping.Go(func() { p.runner.Register(ctx, "drill", os.Getpid()) })
	return p, nil
}

// stop ends the platform in good order.
func (p *jobPlatform) stop(ctx context.Context) error {
	p.unkeep()
	p.keeping.Wait()
	p.runner.Drain()
	return errors.Join(p.server.Shutdown(ctx), p.client.Close())
}

func (p *jobPlatform) submit(ctx context.Context, kind string) (time.Duration, error) {
	start := time.Now()
	_, _, err := p.service.Submit(ctx, job.Submission{
		Kind: job.Kind{Name: kind, Pool: jobPool}, Tenant: jobTenant, User: "bench", Payload: struct{}{},
	})
	return time.Since(start), err
}

// flood submits so many jobs and returns how long it took until the last one's
// end was recorded, and how long each submission took.
func (p *jobPlatform) flood(ctx context.Context, jobs, callers int) (took time.Duration, submits []time.Duration, err error) {
	p.watch.left.Store(int64(jobs))
	var (
		wg   sync.WaitGroup
		next atomic.Int64
		errs = make([]error, callers)
	)
	submits = make([]time.Duration, jobs)
	start := time.Now()
	for i := range errs {
		wg.Go(func() {
			for at := next.Add(1); errs[i] == nil && at <= int64(jobs); at = next.Add(1) {
				submits[at-1], errs[i] = p.submit(ctx, kindNoop)
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return 0, nil, err
	}
	if err := p.watch.wait(ctx); err != nil {
		return 0, nil, err
	}
	took = time.Since(start)
	return took, submits, p.check(ctx)
}

// check asks the records whether every job has ended.
func (p *jobPlatform) check(ctx context.Context) error {
	stats, err := p.keeper.Stats(ctx)
	if err != nil {
		return err
	}
	if open := stats.Running[kindNoop] + stats.Waiting[jobPool].Pending + stats.Waiting[jobPool].Queued; open != 0 {
		return fmt.Errorf("%d jobs are recorded as unfinished", open)
	}
	return nil
}

// sample submits one job and returns how long that took, and how long it took
// from there until its handler ran.
func (p *jobPlatform) sample(ctx context.Context) (submit, pickUp time.Duration, err error) {
	p.watch.left.Store(1)
	start := time.Now()
	if submit, err = p.submit(ctx, kindMark); err != nil {
		return 0, 0, err
	}
	select {
	case at := <-p.started:
		pickUp = at.Sub(start)
	case err := <-p.watch.bad:
		return 0, 0, err
	case <-ctx.Done():
		return 0, 0, fmt.Errorf("wait for a job: %w", ctx.Err())
	}
	return submit, pickUp, p.watch.wait(ctx)
}
