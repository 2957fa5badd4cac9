package chaos

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/terminal"
)

// The limits that a long run is held to.
const (
	recoveryLimit = 20 * time.Second
	cancelLimit   = 2 * time.Second
	strictKills   = 200
	strictHits    = 150
)

// judge checks the main stage and prints its tables.
func (r *Run) judge(c *cluster, plan Plan, f Final) {
	events := r.history.Events()
	r.broke(Check(events, f)...)
	m := Measure(events, f)
	r.outcome.Jobs, r.outcome.Kills, r.outcome.Hits = m.Jobs, m.Total(), m.Hits
	r.outcome.Recovery, r.outcome.Cancel = m.Recovery, m.Cancel
	r.table("fault", m.Kills, m.Faults)
	r.table("job", m.ByKind)
	states := map[string]int{}
	for s, n := range m.States {
		states[string(s)] = n
	}
	r.table("state", states)
	r.printf("\nattempts %d, resumed %d; writes of stale attempts refused %d, attempts that found their job taken %d\n", m.Attempts, m.Resumed, m.Fenced, c.fenced())
	r.printf("kills that hit a worker with a running job %d (planned %d)\n", m.Hits, plan.Target)
	r.printf("recovery after a kill   %s\n", percentiles(m.Recovery))
	r.printf("  with the scheduler, Redis or the records hurt as well: %s\n", percentiles(m.Hindered))
	r.printf("cancel of a running job %s (%d met a fault of their worker or of the records)\n", percentiles(m.Cancel), m.Held)
	r.printf("most jobs of one tenant with the queue and the workers at a time: %d, of %d that it may have\n", m.Crowd, f.Limit)
	r.orders(events, f)
	if m.Hits*10 < plan.Target*9 {
		r.broke(Violation{Promise: EnoughKills, What: fmt.Sprintf("%d kills hit a running job, of %d that were planned", m.Hits, plan.Target)})
	}
	if !r.Tier.Strict {
		return
	}
	if p := Percentile(m.Recovery, 0.99); p > recoveryLimit {
		r.broke(Violation{Promise: QuickRecovery, What: p.String()})
	}
	if p := Percentile(m.Cancel, 0.99); p > cancelLimit {
		r.broke(Violation{Promise: QuickCancel, What: p.String()})
	}
	if m.Total() < strictKills || m.Hits < strictHits {
		r.broke(Violation{Promise: EnoughKills, What: fmt.Sprintf("%d kills, %d of them hit a running job", m.Total(), m.Hits)})
	}
}

// orders prints what was asked for beside plain jobs, and which circuit breakers
// were told to be open.
func (r *Run) orders(events []Event, f Final) {
	counts := map[string]int{}
	for _, j := range f.Jobs {
		if len(j.After) > 0 {
			counts["jobs that came after others"]++
		}
		if j.Outages > 0 {
			counts["jobs that waited for a part"]++
		}
	}
	opened := map[string]int{}
	for _, e := range events {
		switch e.What { //nolint:exhaustive // the others have their own tables
		case Expected:
			counts["jobs that were to need too much memory"]++
		case Ranked:
			counts["priorities that were changed"]++
		case Held:
			counts["pauses of queues and tenants"]++
		case Breaker:
			opened[e.Part]++
		}
	}
	r.table("asked for", counts)
	r.table("breaker told to be open", opened)
	for _, part := range []string{partRedis, partRecords, partFiles} {
		if r.Tier.Strict && opened[part] == 0 {
			r.broke(Violation{Promise: BreakersWork, What: "nobody told that the breaker of " + part + " was open"})
		}
	}
}

func percentiles(values []time.Duration) string {
	at := func(share float64) time.Duration { return Percentile(values, share).Round(10 * time.Millisecond) }
	return fmt.Sprintf("p50 %s, p90 %s, p99 %s, most %s, of %d", at(0.5), at(0.9), at(0.99), at(1), len(values))
}

// table prints counts by name.
func (r *Run) table(of string, counts ...map[string]int) {
	var rows [][]string
	for _, some := range counts {
		for _, name := range slices.Sorted(maps.Keys(some)) {
			rows = append(rows, []string{name, strconv.Itoa(some[name])})
		}
	}
	var b bytes.Buffer
	_ = terminal.Table(&b, []string{of, "count"}, rows) // memory takes everything
	r.printf("\n%s", b.String())
}

// conclude prints the violations by promise and the last line.
func (r *Run) conclude() error {
	broken := map[string]int{}
	for _, v := range r.outcome.Violations {
		broken[v.Promise]++
	}
	if len(broken) == 0 {
		broken["none"] = 0
	}
	r.table("violation", broken)
	r.printf("\nchaos: %d jobs, %d kills, %d lost, %d doubled, %d stuck\n",
		r.outcome.Jobs, r.outcome.Kills, broken[NoneLost], broken[NoneDoubled], broken[NoneStuck])
	if len(r.outcome.Violations) > 0 {
		return fmt.Errorf("%w: %s", ErrViolated, r.outcome.Violations[0])
	}
	return nil
}

// loadAverage is what else the machine does.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	fields := strings.Fields(string(text))
	return strings.Join(fields[:min(3, len(fields))], " ")
}

// running is the name of the state, for those who compare events.
const running = string(job.Running)
