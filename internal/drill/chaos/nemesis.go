package chaos

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// nemesis carries out the steps of a plan.
type nemesis struct {
	*cluster
	users *users
	plan  Plan

	background sync.WaitGroup // what ends by itself later
	mu         sync.Mutex
	busy       map[string]bool // processes and proxies that are being hurt
	errs       []error
	done       int // steps
	hits       atomic.Int64
	skipped    atomic.Int64
	hunting    bool // it waits for a job to run, so that clients must not wait for it
	changed    chan struct{}
}

func newNemesis(u *users, plan Plan) *nemesis {
	return &nemesis{
		cluster: u.cluster, users: u, plan: plan,
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
	return n.roomy(ctx)
}

// roomy lets Redis use as much memory as it likes.
func (n *nemesis) roomy(ctx context.Context) error {
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
	case PauseQueue, PauseTenant:
		return n.hold(ctx, s)
	case KillRedis, ForgetRedis, FlushRedis, SleepRedis, FullRedis:
		return n.hurtRedis(ctx, s)
	case Hurt, AwayRedis, AwayFiles, AwayRecords, FailFiles, FailRecords, PartialPuts:
		return n.hurt(ctx, s)
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
const holderPatience = 3 * time.Minute

// killHolder kills a worker at a moment when it runs a job, and another one when
// the job had ended before the signal came. It spares a job that would be parked
// for it: that would be right, and no proof.
func (n *nemesis) killHolder(ctx context.Context, s Step) error {
	looking, cancel := context.WithTimeout(ctx, holderPatience)
	defer cancel()
	n.tell(func() { n.hunting = true })
	defer n.tell(func() { n.hunting = false })
	for {
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
		worker := n.witness.worker(victim.pid)
		held := n.witness.holding(worker)
		if err := n.endProcess(ctx, victim, syscall.SIGKILL, s); err != nil {
			return err
		}
		<-victim.ended
		wait(ctx, onTheWire)
		for _, e := range held {
			if last := n.witness.last(e.Job); last.Worker == worker && last.State == running {
				n.hits.Add(1)
				return nil
			}
		}
	}
}

// onTheWire is how long what a dead process wrote may take to be stored.
const onTheWire = 200 * time.Millisecond

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
	sig := syscall.SIGKILL
	if s.Action == TermWorker || s.Action == TermScheduler || s.Action == TermAPI {
		sig = syscall.SIGTERM
	}
	var victim *process
	if !n.await(ctx, func() bool { victim = n.pick(role, s.Target, true); return victim != nil }) {
		return n.skip(s)
	}
	return n.endProcess(ctx, victim, sig, s)
}

// pick takes a process of the role that is not being hurt, nil when all are.
// With sparing it runs no job that must not crash again.
func (n *nemesis) pick(role string, target int, sparing bool) *process {
	alive := n.of(role)
	for i := range alive {
		p := alive[(i+target)%len(alive)]
		if (!sparing || !n.spared(p)) && n.take(p.name) {
			return p
		}
	}
	return nil
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
		if err := n.respawn(ctx, p.name, clock); err != nil {
			n.fail(err)
		}
	})
	return nil
}

// respawn starts a process, again when it gives up, as whatever supervises
// processes does: it may find that a part is away.
func (n *nemesis) respawn(ctx context.Context, name string, s switches) error {
	const tries = 30
	ctx = context.WithoutCancel(ctx)
	for try := 1; ; try++ {
		p, err := n.spawnWith(ctx, name, s)
		if err == nil || try == tries {
			return err
		}
		if p != nil {
			_ = p.signal(syscall.SIGKILL) // it may have ended
			<-p.ended
		}
		n.history.Append(Event{What: Note, Process: name, Text: "it did not start"})
		wait(ctx, time.Second)
	}
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

// progress returns how many steps are done.
func (n *nemesis) progress() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.done
}

// pause stops a process for a time.
func (n *nemesis) pause(ctx context.Context, role string, s Step) error {
	var p *process
	if !n.await(ctx, func() bool { p = n.pick(role, s.Target, s.Action == FenceWorker); return p != nil }) {
		return n.skip(s)
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

// hurt changes the weather of a proxy, or of the record server, for a time.
func (n *nemesis) hurt(ctx context.Context, s Step) error {
	switch s.Action { //nolint:exhaustive // Hurt is any weather before anything
	case AwayRedis:
		return n.weather(ctx, s, n.toRedis, Weather{Mode: Refuse})
	case AwayFiles:
		return n.weather(ctx, s, n.toFiles, Weather{Mode: Refuse})
	case AwayRecords:
		return n.weather(ctx, s, n.toRecords, Weather{Mode: Refuse})
	case FailFiles:
		return n.weather(ctx, s, n.toFiles, Weather{Mode: Fail, Status: http.StatusServiceUnavailable})
	case PartialPuts:
		return n.weather(ctx, s, n.toFiles, Weather{Mode: Cut, Bytes: partialBytes})
	case FailRecords:
		return n.failRecords(ctx, s)
	}
	all := append([]*Proxy{n.toRedis, n.toRecords, n.toFiles}, n.apis...)
	kinds := weathers()
	return n.weather(ctx, s, all[s.Target%len(all)], kinds[(s.Target/len(all))%len(kinds)])
}

// partialBytes are more than the head of a request and less than most files.
const partialBytes = 6000

func (n *nemesis) weather(ctx context.Context, s Step, p *Proxy, w Weather) error {
	if !n.await(ctx, func() bool { return n.take("proxy " + p.name) }) {
		return n.skip(s)
	}
	fault := string(w.Mode)
	if s.Action != Hurt {
		fault = string(s.Action)
	}
	n.history.Append(Event{What: Fault, Fault: fault, Part: p.name, For: s.For})
	p.Set(w)
	n.background.Go(func() {
		defer n.giveBack("proxy " + p.name)
		if w.Mode == Refuse && s.Action != Hurt {
			n.watch(ctx, p.name, s.For)
		} else {
			wait(ctx, s.For)
		}
		p.Set(Weather{Mode: Calm})
	})
	return nil
}

// failShare is how many calls of failing records fail.
const failShare = 0.3

// failRecords lets the record server fail for a time.
func (n *nemesis) failRecords(ctx context.Context, s Step) error {
	if !n.await(ctx, func() bool { return n.take("record server") }) {
		return n.skip(s)
	}
	n.history.Append(Event{What: Fault, Fault: string(s.Action), Part: partRecords, For: s.For})
	n.witness.fail(failShare)
	n.background.Go(func() {
		defer n.giveBack("record server")
		wait(ctx, s.For)
		n.witness.fail(0)
	})
	return nil
}

// hurtRedis does what only Redis can be done to.
func (n *nemesis) hurtRedis(ctx context.Context, s Step) error {
	if !n.await(ctx, func() bool { return n.take(partRedis) }) {
		return n.skip(s)
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
			if err := n.roomy(ctx); err != nil {
				n.fail(err)
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
	partFiles   = "files"
)
