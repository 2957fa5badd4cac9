package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// nemesis carries out the steps of a plan.
type nemesis struct {
	*cluster
	plan    Plan
	dice    *rand.Rand
	workers int

	background sync.WaitGroup // what ends by itself later
	mu         sync.Mutex
	busy       map[string]bool // processes and proxies that are being hurt
	errs       []error
	done       int  // steps
	hunting    bool // it waits for a job to run, so that clients must not wait for it
	changed    chan struct{}
}

func newNemesis(c *cluster, plan Plan, seed uint64, workers int) *nemesis {
	return &nemesis{
		cluster: c, plan: plan, dice: rand.New(rand.NewPCG(seed, 0x6e656d)), workers: workers,
		busy: map[string]bool{}, changed: make(chan struct{}),
	}
}

// slack is by how many jobs clients may be ahead of the plan.
const slack = 20

// admit waits until the plan has come so far that the job may be submitted:
// the same jobs meet the same faults, however quick the machine is.
func (n *nemesis) admit(ctx context.Context, index int) error {
	for {
		n.mu.Lock()
		changed, done, hunting := n.changed, n.done, n.hunting
		n.mu.Unlock()
		if hunting || done >= len(n.plan.Steps) || n.plan.Steps[done].After+slack >= index {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// run carries out every step when its time has come, heals what was hurt and
// returns.
func (n *nemesis) run(ctx context.Context, submitted func(ctx context.Context, jobs int) error) error {
	for _, s := range n.plan.Steps {
		if err := submitted(ctx, s.After); err != nil {
			break
		}
		if err := n.act(ctx, s); err != nil {
			n.fail(fmt.Errorf("%s: %w", s, err))
		}
		n.tell(func() { n.done++ })
	}
	n.background.Wait()
	if err := n.heal(ctx); err != nil {
		n.fail(err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return errors.Join(append(n.errs, ctx.Err())...)
}

// tell changes what clients wait for.
func (n *nemesis) tell(change func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change()
	close(n.changed)
	n.changed = make(chan struct{})
}

func (n *nemesis) fail(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.errs = append(n.errs, err)
}

// heal ends every fault that lasts.
func (n *nemesis) heal(ctx context.Context) error {
	n.calm()
	for _, proxy := range n.apis {
		proxy.Set(Weather{Mode: Calm})
	}
	for _, r := range []string{roleAPI, roleWorker, roleScheduler} {
		for _, p := range n.of(r) {
			if p.paused.Load() {
				_ = n.kill(p, syscall.SIGCONT) // it may have ended
			}
		}
	}
	return n.insist(context.WithoutCancel(ctx), func(ctx context.Context) error {
		return n.redis.Do(ctx, "CONFIG", "SET", "maxmemory", "0")
	})
}

// insist does something to Redis until it succeeds: Redis may be asleep, on its
// way up again or loading its file.
func (n *nemesis) insist(ctx context.Context, do func(ctx context.Context) error) error {
	const tries = 30
	for try := 1; ; try++ {
		err := do(ctx)
		if err == nil || try == tries || ctx.Err() != nil {
			return err
		}
		wait(ctx, 500*time.Millisecond)
	}
}

// act carries out one step.
func (n *nemesis) act(ctx context.Context, s Step) error {
	switch s.Action {
	case KillHolder:
		return n.killHolder(ctx, s)
	case KillWorker, TermWorker, SkewWorker:
		return n.endOne(ctx, roleWorker, s)
	case KillScheduler, TermScheduler:
		return n.endOne(ctx, roleScheduler, s)
	case KillAPI, TermAPI:
		return n.endOne(ctx, roleAPI, s)
	case PauseWorker, FenceWorker:
		return n.pause(ctx, roleWorker, s)
	case PauseLeader:
		return n.pause(ctx, roleScheduler, s)
	case Hurt:
		n.hurt(ctx, s)
		return nil
	case KillRedis, ForgetRedis, FlushRedis, SleepRedis, FullRedis, AwayRedis:
		return n.hurtRedis(ctx, s)
	default:
		return fmt.Errorf("there is no action %q", s.Action)
	}
}

// take marks something as being hurt, so that nobody hurts it twice at once.
func (n *nemesis) take(name string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.busy[name] {
		return false
	}
	n.busy[name] = true
	return true
}

func (n *nemesis) giveBack(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.busy, name)
}

// holderPatience is how long the nemesis waits for a worker that runs a job.
const holderPatience = 90 * time.Second

// killHolder kills a worker at a moment when it runs a job. It spares a job
// that would be parked for it: that would be right, and no proof.
func (n *nemesis) killHolder(ctx context.Context, s Step) error {
	looking, cancel := context.WithTimeout(ctx, holderPatience)
	defer cancel()
	n.tell(func() { n.hunting = true })
	defer n.tell(func() { n.hunting = false })
	var victim *process
	err := n.witness.until(looking, func() bool {
		alive := n.of(roleWorker)
		for i := range alive {
			p := alive[(i+s.Target)%len(alive)]
			if n.mayDie(p) && n.take(p.name) {
				victim = p
				return true
			}
		}
		return false
	})
	if err != nil {
		return fmt.Errorf("no worker runs a job: %w", err)
	}
	return n.endProcess(ctx, victim, syscall.SIGKILL, s)
}

// mayDie reports whether the worker runs jobs and none of them was the victim
// of too many crashes already.
func (n *nemesis) mayDie(p *process) bool {
	if p.paused.Load() {
		return false
	}
	held := n.witness.holding(n.witness.worker(p.pid))
	for _, e := range held {
		if e.Crashes >= mostCrashes {
			return false
		}
	}
	return len(held) > 0
}

// mostCrashes is how many crashes of a job the nemesis causes at most; kinds
// are given up at 5.
const mostCrashes = 3

// endOne kills or ends one process of the role.
func (n *nemesis) endOne(ctx context.Context, role string, s Step) error {
	alive := n.of(role)
	sig := syscall.SIGKILL
	if s.Action == TermWorker || s.Action == TermScheduler || s.Action == TermAPI {
		sig = syscall.SIGTERM
	}
	for i := range alive {
		p := alive[(i+s.Target)%len(alive)]
		if n.spared(p) || !n.take(p.name) {
			continue
		}
		return n.endProcess(ctx, p, sig, s)
	}
	return nil // all are being hurt
}

// spared reports whether the process runs a job that must not crash again.
func (n *nemesis) spared(p *process) bool {
	if p.role != roleWorker {
		return false
	}
	for _, e := range n.witness.holding(n.witness.worker(p.pid)) {
		if e.Crashes >= mostCrashes {
			return true
		}
	}
	return false
}

// endProcess ends the process and starts another one of its name later.
func (n *nemesis) endProcess(ctx context.Context, p *process, sig syscall.Signal, s Step) error {
	if err := n.kill(p, sig); err != nil {
		n.giveBack(p.name)
		return err
	}
	n.background.Go(func() {
		defer n.giveBack(p.name)
		select {
		case <-p.ended:
		case <-time.After(upWithin):
			n.fail(fmt.Errorf("%s did not end after %s", p.name, signalName(sig)))
			_ = n.kill(p, syscall.SIGKILL) // whatever holds it
			<-p.ended
		}
		wait(ctx, s.For)
		var clock switches
		if s.Action == SkewWorker {
			clock = skew(s.Target)
			n.history.Append(Event{What: Fault, Fault: "clock " + clock[0], Part: "worker"})
		}
		if _, err := n.spawnWith(context.WithoutCancel(ctx), p.name, clock); err != nil {
			n.fail(err)
		}
	})
	return nil
}

// skew is a clock that is late or early by up to two seconds: less than a
// renewal of the leader's lease, as docs/jobs.md asks for.
func skew(target int) switches {
	offset := time.Duration(target%4001-2000) * time.Millisecond
	return switches{"CHAOS_CLOCK=" + offset.String()}
}

// wait returns after the time, or when the context ends.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// pause stops a process for a time.
func (n *nemesis) pause(ctx context.Context, role string, s Step) error {
	alive := n.of(role)
	for i := range alive {
		p := alive[(i+s.Target)%len(alive)]
		if s.Action == FenceWorker && n.spared(p) || !n.take(p.name) {
			continue
		}
		if err := n.kill(p, syscall.SIGSTOP); err != nil {
			n.giveBack(p.name)
			return err
		}
		n.background.Go(func() {
			defer n.giveBack(p.name)
			wait(ctx, s.For)
			if err := n.kill(p, syscall.SIGCONT); err != nil {
				n.fail(err)
			}
		})
		return nil
	}
	return nil
}

// hurt changes the weather of a proxy for a time.
func (n *nemesis) hurt(ctx context.Context, s Step) {
	all := append([]*Proxy{n.toRedis, n.toRecords, n.toFiles}, n.apis...)
	kinds := weathers()
	w := kinds[(s.Target/len(all))%len(kinds)]
	n.weather(ctx, all[s.Target%len(all)], w, s.For)
}

func (n *nemesis) weather(ctx context.Context, p *Proxy, w Weather, d time.Duration) {
	if !n.take("proxy " + p.name) {
		return
	}
	n.history.Append(Event{What: Fault, Fault: string(w.Mode), Part: p.name, For: d})
	p.Set(w)
	n.background.Go(func() {
		defer n.giveBack("proxy " + p.name)
		wait(ctx, d)
		p.Set(Weather{Mode: Calm})
	})
}

// hurtRedis does what only Redis can be done to.
func (n *nemesis) hurtRedis(ctx context.Context, s Step) error {
	if s.Action == AwayRedis {
		n.weather(ctx, n.toRedis, Weather{Mode: Refuse}, s.For)
		return nil
	}
	if !n.take(partRedis) {
		return nil
	}
	defer n.giveBack(partRedis)
	switch s.Action {
	case KillRedis, ForgetRedis:
		pid := 0
		if err := n.insist(ctx, func(context.Context) error {
			pid = n.redis.PID()
			return n.killRedis(s.Action == ForgetRedis)
		}); err != nil {
			return err
		}
		n.history.Append(Event{What: Kill, Process: partRedis, PID: pid, Fault: "SIGKILL", Text: string(s.Action)})
		return nil
	case FlushRedis:
		n.history.Append(Event{What: Fault, Fault: "FLUSHALL", Part: partRedis})
		return n.insist(ctx, func(ctx context.Context) error { return n.redis.Do(ctx, "FLUSHALL") })
	case SleepRedis:
		n.history.Append(Event{What: Fault, Fault: "DEBUG SLEEP", Part: partRedis, For: s.For})
		n.background.Go(func() {
			// The reply comes when it is awake; the conversation may end before.
			_ = n.redis.Do(ctx, "DEBUG", "SLEEP", strconv.FormatFloat(s.For.Seconds(), 'f', 3, 64))
		})
		return nil
	case FullRedis:
		n.history.Append(Event{What: Fault, Fault: "out of memory", Part: partRedis, For: s.For})
		if err := n.insist(ctx, func(ctx context.Context) error {
			return n.redis.Do(ctx, "CONFIG", "SET", "maxmemory", "1")
		}); err != nil {
			return err
		}
		n.background.Go(func() {
			wait(ctx, s.For)
			// A server that was killed meanwhile has its limits from its file.
			if err := n.redis.Do(context.WithoutCancel(ctx), "CONFIG", "SET", "maxmemory", "0"); err != nil {
				n.history.Append(Event{What: Note, Text: err.Error()})
			}
		})
		return nil
	default:
		return fmt.Errorf("there is no action %q on Redis", s.Action)
	}
}

// The parts, as the history names them.
const (
	partRedis   = "redis"
	partRecords = "records"
)
