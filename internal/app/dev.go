package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/narrativeml/narrative/internal/config"
	"github.com/narrativeml/narrative/internal/telemetry"
)

// Dev runs API, worker and scheduler in one process, with an embedded part for
// every one whose address was not given, until ctx ends. Everything it keeps
// is in the data folder, so that a restart finds it again.
func Dev(ctx context.Context, c config.Config, program Program) error {
	l, err := listen(ctx, c.API.Addr)
	if err != nil {
		return err
	}
	return dev(ctx, c, program, l, func(string) {})
}

// dev is Dev on a listener; ready is told the address once requests are
// answered.
func dev(ctx context.Context, c config.Config, program Program, l net.Listener, ready func(url string)) (err error) {
	defer l.Close() //nolint:errcheck // the server has closed it by then
	logger, err := telemetry.NewLogger(program.Stderr, c.Logging.Level, c.Logging.Format)
	if err != nil {
		return err
	}
	parts, c, err := startParts(ctx, c, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, parts.stop(ctx)) }()
	p, err := openPlatform(ctx, c, program, parts.driver())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close(ctx)) }()

	s := p.services()
	url := "http://" + l.Addr().String()
	running := &processes{ctx: ctx}
	// Stopped in this order: first nothing new comes in, then what runs is
	// saved, then the rest.
	running.start("api", func(ctx context.Context) error { return p.serveAPI(ctx, l, s) })
	running.start("worker", func(ctx context.Context) error { return p.work(ctx, s, parts.worker) })
	running.start("scheduler", func(ctx context.Context) error { return p.schedule(ctx, s) })
	running.start("parts", func(ctx context.Context) error {
		select {
		case <-ctx.Done():
			return nil
		case <-parts.failed():
			return errFilesEnded
		}
	})
	p.logger.InfoContext(ctx, "narrative is up", "url", url, "docs", url+"/docs", "data", parts.folder.Path())
	ready(url)
	return running.wait()
}

// processes are run beside each other and stopped one after the other.
type processes struct {
	ctx   context.Context //nolint:containedctx // of whoever waits
	tasks []*process
	once  sync.Once
	ended chan struct{} // closed when one ended by itself
}

type process struct {
	name string
	stop context.CancelFunc
	done chan struct{}
	err  error
}

func (p *processes) start(name string, run func(context.Context) error) {
	if p.ended == nil {
		p.ended = make(chan struct{})
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(p.ctx))
	t := &process{name: name, stop: cancel, done: make(chan struct{})}
	p.tasks = append(p.tasks, t)
	go func() {
		defer close(t.done)
		t.err = run(ctx)
		p.once.Do(func() { close(p.ended) })
	}()
}

// wait returns when the context has ended, or one process has, and all are
// stopped.
func (p *processes) wait() error {
	select {
	case <-p.ctx.Done():
	case <-p.ended:
	}
	var errs []error
	for _, t := range p.tasks {
		t.stop()
		<-t.done
		if t.err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", t.name, t.err))
		}
	}
	return errors.Join(errs...)
}
