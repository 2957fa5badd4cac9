package chaos

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// Order is one job that a client submits.
type Order struct {
	Index  int
	Kind   string // ingest, training, prediction, sharded (a divided one), tuning, slow (a longer training), heavy (one without the memory)
	Tenant int
	Seed   uint64
	Twice  bool          // submitted again under its key once it was accepted
	Cancel time.Duration // after it was accepted; 0: never
	After  bool          // it comes after the last job that the tenant submitted
	Rank   int           // the priority that it gets when it was accepted; -1: none
}

// Step is one thing that the nemesis does, when so many jobs were submitted.
type Step struct {
	After  int
	Action Action
	Target int           // which of several, modulo their number
	For    time.Duration // of what lasts; of a kill, until the process is started again
}

// Action names what a step does.
type Action string

// The actions of the nemesis.
const (
	KillHolder    Action = "kill a worker that runs a job"
	KillWorker    Action = "kill a worker"
	TermWorker    Action = "drain a worker"
	PauseWorker   Action = "pause a worker"
	FenceWorker   Action = "pause a worker until it counts as dead"
	KillScheduler Action = "kill a scheduler"
	TermScheduler Action = "end a scheduler"
	PauseLeader   Action = "pause a scheduler"
	KillAPI       Action = "kill an API"
	TermAPI       Action = "end an API"
	KillRedis     Action = "kill Redis"
	ForgetRedis   Action = "kill Redis and its file"
	FlushRedis    Action = "FLUSHALL"
	SleepRedis    Action = "DEBUG SLEEP"
	FullRedis     Action = "Redis out of memory"
	AwayRedis     Action = "no way to Redis"
	SkewWorker    Action = "a worker whose clock is wrong"
	AwayFiles     Action = "no way to the files"
	AwayRecords   Action = "no way to the records"
	FailFiles     Action = "the files fail"
	FailRecords   Action = "the records fail"
	PartialPuts   Action = "files are cut off while they are stored"
	PauseQueue    Action = "an operator pauses a queue"
	PauseTenant   Action = "an operator pauses a tenant"
	Hurt          Action = "hurt a connection"
)

// Kills reports whether the action ends a process.
func (a Action) Kills() bool {
	return slices.Contains([]Action{
		KillHolder, KillWorker, TermWorker, KillScheduler, TermScheduler, KillAPI, TermAPI, KillRedis, ForgetRedis, SkewWorker,
	}, a)
}

// Actions returns all of them.
func Actions() []Action {
	return []Action{
		KillHolder, KillWorker, TermWorker, PauseWorker, FenceWorker, KillScheduler, TermScheduler, PauseLeader, KillAPI, TermAPI,
		KillRedis, ForgetRedis, FlushRedis, SleepRedis, FullRedis, AwayRedis, SkewWorker,
		AwayFiles, AwayRecords, FailFiles, FailRecords, PartialPuts, PauseQueue, PauseTenant, Hurt,
	}
}

// Plan is what a run does, decided by its seed and its number of jobs alone.
type Plan struct {
	Orders []Order
	Steps  []Step
	Target int // hits: kills of workers that run a job
}

const (
	jobsPerKill = 40  // of all kinds; 250 for 10,000 jobs
	jobsPerHit  = 60  // kills of workers that hold a running job; 167 for 10,000
	jobsPerHurt = 100 // faults of connections and of parts, and pauses
	fewestHurts = 8   // of a short run
	heavyEvery  = 100 // one of so many jobs gets less memory than it needs
	heavyFirst  = 20  // is the first of them
	heavyTenant = 0   // has the data for it
	tenants     = 3   // that submit
	fewestKills = 6   // of a short run
	cancelShare = 0.1 // of the jobs
	twiceShare  = 0.1 // likewise

	slowCancelShare = 0.4  // of the slow jobs
	rankShare       = 0.15 // of the jobs get another priority
	afterShare      = 0.15 // come after another one
)

// NewPlan decides on a run of so many jobs, at least one hit included.
func NewPlan(jobs int, seed uint64, pace Pace) Plan {
	dice := rand.New(rand.NewPCG(seed, 0x6368616f73))
	p := Plan{Orders: make([]Order, jobs)}
	for i := range p.Orders {
		p.Orders[i] = order(dice, i)
	}
	hits := max(jobs/jobsPerHit, fewestKills/2)
	others := max(jobs/jobsPerKill, fewestKills) - hits
	p.Target = hits
	var actions []Action
	for range hits {
		actions = append(actions, KillHolder)
	}
	kills := []Action{KillScheduler, KillAPI, KillRedis, TermWorker, KillAPI, KillScheduler, ForgetRedis, KillWorker, TermAPI, SkewWorker, TermScheduler}
	for i := range others {
		actions = append(actions, kills[i%len(kills)])
	}
	hurts := []Action{
		FlushRedis, PauseQueue, AwayFiles, FailRecords, PauseTenant, Hurt, SleepRedis, FailFiles, AwayRecords, AwayRedis,
		FenceWorker, Hurt, PartialPuts, FullRedis, PauseWorker, Hurt, PauseLeader, Hurt, PauseQueue, Hurt,
	}
	for i := range max(jobs/jobsPerHurt, fewestHurts) {
		actions = append(actions, hurts[i%len(hurts)])
	}
	// Half of the hits come in a row of their own, at the end, so that it is seen
	// how long a job waits for another worker when nothing else is hurt.
	alone := hits / 2
	dice.Shuffle(len(actions)-alone, func(i, j int) {
		actions[alone+i], actions[alone+j] = actions[alone+j], actions[alone+i]
	})
	actions = append(actions[alone:len(actions):len(actions)], actions[:alone]...)
	first, last := jobs/20+1, jobs*9/10
	for i, a := range actions {
		at := first + (last-first)*i/len(actions)
		p.Steps = append(p.Steps, Step{After: at, Action: a, Target: dice.IntN(1000), For: lasting(dice, a, pace)})
	}
	return p
}

// order decides on one job.
func order(dice *rand.Rand, i int) Order {
	o := Order{Index: i, Tenant: dice.IntN(tenants), Seed: dice.Uint64() >> 12, Twice: dice.Float64() < twiceShare}
	switch p := dice.Float64(); {
	case p < 0.40:
		o.Kind = kindIngest
	case p < 0.68:
		o.Kind = kindPrediction
	case p < 0.88:
		o.Kind = kindTraining
	case p < 0.92:
		o.Kind = kindTuning
	case p < 0.95:
		o.Kind = kindSharded
	default:
		o.Kind = kindSlow
	}
	share, most := cancelShare, 1500
	if o.Kind == kindSlow { // they are cancelled when they run
		share, most = slowCancelShare, 400
	}
	cancel := dice.Float64() < share
	wait := time.Duration(1+dice.IntN(most)) * time.Millisecond
	if cancel {
		o.Cancel = wait
	}
	o.Rank = -1
	if rank := dice.IntN(10); dice.Float64() < rankShare {
		o.Rank = rank
	}
	o.After = dice.Float64() < afterShare && o.Kind != kindIngest // an upload comes when it comes
	if i%heavyEvery == heavyFirst {
		o = Order{Index: i, Kind: kindHeavy, Tenant: heavyTenant, Seed: o.Seed, Twice: o.Twice, Rank: -1}
	}
	return o
}

// lasting decides for how long.
func lasting(dice *rand.Rand, a Action, pace Pace) time.Duration {
	between := func(low, high time.Duration) time.Duration {
		return low + time.Duration(dice.Int64N(int64(high-low)+1))
	}
	switch a {
	case PauseWorker:
		return between(pace.Heartbeat, pace.DeadAfter*2/3)
	case FenceWorker:
		return between(pace.DeadAfter*3/2, pace.DeadAfter*2)
	case PauseLeader:
		return between(pace.Lease, 2*pace.Lease)
	case SleepRedis:
		return between(time.Second, 4*time.Second)
	case AwayRedis, FullRedis, AwayFiles, AwayRecords:
		return between(pace.DeadAfter/2, pace.DeadAfter*3/2)
	case FailFiles, FailRecords, PartialPuts, PauseQueue, PauseTenant:
		return between(2*time.Second, max(4*time.Second, pace.DeadAfter/2))
	case Hurt:
		return between(time.Second, max(2*time.Second, pace.DeadAfter/3))
	default:
		return between(0, 2*time.Second)
	}
}

// weathers are what Hurt chooses from.
func weathers() []Weather {
	return []Weather{
		{Mode: Slow, Delay: 100 * time.Millisecond},
		{Mode: DropRequests},
		{Mode: DropReplies},
		{Mode: Refuse},
		{Mode: Cut, Bytes: 900}, // in the middle of a request
		{Mode: Slow, Delay: 300 * time.Millisecond},
	}
}

// String implements fmt.Stringer.
func (s Step) String() string {
	text := fmt.Sprintf("after %d jobs: %s", s.After, s.Action)
	if s.For > 0 {
		text += fmt.Sprintf(" (%s)", s.For.Round(time.Millisecond))
	}
	return text
}
