package chaos

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/narrativeml/narrative/internal/client"
)

// The processes of a cluster.
const (
	roleAPI       = "api"
	roleWorker    = "worker"
	roleScheduler = "scheduler"
)

// Pace is how quickly the platform notices things; the periods are settings of
// its processes.
type Pace struct {
	Heartbeat time.Duration
	DeadAfter time.Duration
	Lease     time.Duration
	Cleanup   string // cron expression
	Health    string // likewise
}

// unscheduled is the pace of a platform that cleans up only when it is asked to,
// so that a stage that has come to its end is quiet.
func (p Pace) unscheduled() Pace {
	p.Cleanup = "@every 24h"
	return p
}

// cluster is the platform: every process by itself, on the parts.
type cluster struct {
	*parts
	history *History
	starter *starter
	program string // of processes without switches
	tagged  string // built with the tag chaos
	logs    string // folder
	pace    Pace
	base    []string // variables of every process
	apis    []*Proxy // to each API
	listens []string // of each API, the same after a restart

	mu    sync.Mutex
	procs map[string]*process // by name
	gone  []*process
}

// newCluster prepares a cluster of so many APIs; nothing is started yet.
func newCluster(ctx context.Context, r *Run, p *parts, pace Pace, apis int) (*cluster, error) {
	env, err := p.env()
	if err != nil {
		return nil, err
	}
	c := &cluster{
		parts: p, history: r.history, starter: r.starter, program: r.Program, tagged: r.Tagged, logs: r.dir, pace: pace,
		procs: map[string]*process{},
		base: append(env, "AUTH_SECRET="+signingSecret, "NARRATIVE_LOG_FORMAT=json", "NARRATIVE_THREADS=1", "GOMAXPROCS=2",
			"NARRATIVE_HEARTBEAT="+pace.Heartbeat.String(), "NARRATIVE_DEAD_AFTER="+pace.DeadAfter.String(),
			"NARRATIVE_LEASE="+pace.Lease.String(), "NARRATIVE_CLEANUP_CRON="+pace.Cleanup, "NARRATIVE_HEALTH_CRON="+pace.Health,
			"NARRATIVE_OPS_ADDR=127.0.0.1:0"),
	}
	for i := range apis {
		port, err := freeAddress(ctx)
		if err != nil {
			return nil, err
		}
		c.listens = append(c.listens, port)
		proxy, err := NewProxy(ctx, fmt.Sprint("api ", i), port, nil)
		if err != nil {
			return nil, err
		}
		c.apis = append(c.apis, proxy)
	}
	return c, nil
}

// The ports that APIs listen on, below those that the system gives to outgoing
// connections: an API that is started again finds its own still free.
const (
	firstPort = 20_000
	lastPort  = 32_000
)

var ports atomic.Int64 //nolint:gochecknoglobals // that were given out, to all platforms of the process

// freeAddress returns an address on loopback where nobody listens, and that was
// not returned before.
func freeAddress(ctx context.Context) (string, error) {
	for range lastPort - firstPort {
		port := firstPort + (os.Getpid()*37+int(ports.Add(1)))%(lastPort-firstPort)
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", fmt.Sprint("127.0.0.1:", port))
		if err != nil {
			continue // somebody has it
		}
		return l.Addr().String(), l.Close()
	}
	return "", fmt.Errorf("find a free port: none of %d to %d is", firstPort, lastPort)
}

// number returns the number of the process in its name.
func number(name string) int {
	n := 0
	_, _ = fmt.Sscanf(name[strings.LastIndex(name, " ")+1:], "%d", &n) // names have one
	return n
}

// switches are variables that only the tagged program knows.
type switches []string

// spawn starts the process of that name, "worker 2", and waits until it is up.
// With switches it is the tagged program.
func (c *cluster) spawn(ctx context.Context, name string, extra ...string) (*process, error) {
	return c.spawnWith(ctx, name, nil, extra...)
}

func (c *cluster) spawnWith(ctx context.Context, name string, s switches, extra ...string) (*process, error) {
	role, _, _ := strings.Cut(name, " ")
	l := launch{
		name: name, role: role, program: c.program, args: []string{role}, dir: c.logs,
		env: append(append(append([]string{}, c.base...), s...), extra...), ready: role + " ready",
	}
	if len(s) > 0 {
		l.program = c.tagged
	}
	if role == roleAPI {
		l.ready = "listening"
		l.env = append(l.env, "NARRATIVE_HTTP_ADDR="+c.listens[number(name)])
	}
	p, err := l.start(c.starter)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	if old := c.procs[name]; old != nil {
		c.gone = append(c.gone, old)
	}
	c.procs[name] = p
	c.mu.Unlock()
	if err := p.up(ctx, l.ready); err != nil {
		return p, err
	}
	c.history.Append(Event{What: Up, Process: name, PID: p.pid})
	return p, nil
}

// start starts so many of each role.
func (c *cluster) start(ctx context.Context, workers, schedulers int) error {
	var names []string
	for i := range c.apis {
		names = append(names, fmt.Sprint("api ", i))
	}
	for i := range schedulers {
		names = append(names, fmt.Sprint("scheduler ", i))
	}
	for i := range workers {
		names = append(names, fmt.Sprint("worker ", i))
	}
	for _, name := range names { // the first one declares the collections
		if _, err := c.spawn(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// get returns the process of that name, nil before it was started.
func (c *cluster) get(name string) *process {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.procs[name]
}

// of returns the processes of the role that live, in the order of their names.
func (c *cluster) of(role string) []*process {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []*process
	for i := range len(c.procs) {
		if p := c.procs[fmt.Sprint(role, " ", i)]; p != nil && p.alive() {
			all = append(all, p)
		}
	}
	return all
}

// kill sends the signal to the process and writes it down, with what a worker
// was running.
func (c *cluster) kill(p *process, s syscall.Signal) error {
	e := Event{What: Kill, Process: p.name, PID: p.pid, Fault: signalName(s)}
	if p.role == roleWorker {
		e.Worker = c.witness.worker(p.pid)
	}
	for _, held := range c.witness.holding(e.Worker) {
		e.Holding = append(e.Holding, held.Job)
	}
	err := p.signal(s)
	c.history.Append(e)
	return err
}

func signalName(s syscall.Signal) string {
	switch s {
	case syscall.SIGKILL:
		return "SIGKILL"
	case syscall.SIGSTOP:
		return "SIGSTOP"
	case syscall.SIGCONT:
		return "SIGCONT"
	case syscall.SIGTERM:
		return "SIGTERM"
	default:
		return s.String()
	}
}

// fenced counts the attempts that workers say they lost.
func (c *cluster) fenced() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := int64(0)
	for _, p := range c.procs {
		n += p.lost.Load()
	}
	for _, p := range c.gone {
		n += p.lost.Load()
	}
	return n
}

// stop ends every process in good order, and the proxies to the APIs.
func (c *cluster) stop() error {
	c.mu.Lock()
	all := make([]*process, 0, len(c.procs))
	for _, p := range c.procs {
		all = append(all, p)
	}
	c.mu.Unlock()
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	for i, p := range all {
		wg.Go(func() { errs[i] = p.end() })
	}
	wg.Wait()
	for _, proxy := range c.apis {
		proxy.Close()
	}
	return errors.Join(errs...)
}

// abort kills every process.
func (c *cluster) abort() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.procs {
		_ = p.signal(syscall.SIGKILL) // it may have ended
	}
}

// client returns a client of the tenant that speaks to an API once, without
// repeating itself.
func (c *cluster) client(api int, tenant string) (*client.Client, error) {
	bearer, err := token(tenant)
	if err != nil {
		return nil, err
	}
	return client.New("http://"+c.apis[api].Addr(), client.Options{Token: bearer, Attempts: 1})
}
