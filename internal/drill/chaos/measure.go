package chaos

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/narrativeml/narrative/internal/job"
)

// Figures are what a run measured.
type Figures struct {
	Jobs     int            // accepted
	ByKind   map[string]int // likewise
	States   map[job.State]int
	Kills    map[string]int // role and signal → how many; only those that end a process
	Hits     int            // kills of workers that held running jobs, which others took over
	Faults   map[string]int
	Attempts int             // claims
	Resumed  int             // claims of a later attempt
	Fenced   int             // writes of stale attempts that were refused
	Recovery []time.Duration // of jobs whose worker was killed while nothing else that they need was hurt
	Hindered []time.Duration // of the others
	Cancel   []time.Duration // of running jobs whose worker lived and reached the records
	Held     int             // cancels that are not among them
	Crowd    int             // most jobs of one tenant with the queue and the workers at a time
}

// ends reports whether the signal ended a process.
func (e Event) ends() bool {
	return e.What == Kill && (e.Fault == "SIGKILL" || e.Fault == "SIGTERM")
}

// Total is how many processes were killed.
func (f *Figures) Total() int {
	n := 0
	for _, k := range f.Kills {
		n += k
	}
	return n
}

// Measure counts and times what the history tells.
func Measure(events []Event, final Final) *Figures {
	l := newLedger(events, final)
	f := &Figures{ByKind: map[string]int{}, States: map[job.State]int{}, Kills: map[string]int{}, Faults: map[string]int{}}
	seen := map[string]bool{}
	for _, e := range l.of(Accepted) {
		if !seen[e.Job] {
			seen[e.Job] = true
			f.Jobs++
			f.ByKind[e.Kind]++
		}
	}
	for _, j := range final.Jobs {
		f.States[j.State]++
	}
	for _, writes := range l.writes {
		f.claims(writes)
	}
	f.refused(l)
	for _, e := range events {
		switch {
		case e.ends():
			f.Kills[role(e.Process)+" "+e.Fault]++
			f.recovery(l, e)
		case e.What == Kill:
			f.Faults[e.Fault+" of "+role(e.Process)]++
		case e.What == Fault:
			f.Faults[e.Fault+" of "+e.Part]++
		}
	}
	f.cancels(l)
	for _, c := range l.crowds() {
		f.Crowd = max(f.Crowd, c.most)
	}
	return f
}

func role(process string) string {
	name, _, _ := strings.Cut(process, " ")
	return name
}

func (f *Figures) claims(writes []Event) {
	for i, w := range writes {
		if w.State == string(job.Running) && (i == 0 || writes[i-1].State != string(job.Running)) {
			f.Attempts++
			if w.Attempt > 1 {
				f.Resumed++
			}
		}
	}
}

// refused counts the writes of attempts that somebody had taken the job from.
func (f *Figures) refused(l *ledger) {
	for _, e := range l.of(Refused) {
		if e.Worker == "" {
			continue
		}
		for _, w := range l.writes[e.Job] {
			if w.At > e.At {
				break
			}
			if w.Epoch > e.Epoch || w.Epoch == e.Epoch && w.Attempt == e.Attempt && w.Worker != e.Worker {
				f.Fenced++
				break
			}
		}
	}
}

// recovery times how long the jobs of a killed worker had to wait for another,
// and counts the kill if there were any. After any other kill it is how long it
// took until any job was claimed. When the scheduler, Redis or the records were
// hurt meanwhile as well, it is told apart.
func (f *Figures) recovery(l *ledger, e Event) {
	hit := false
	for _, id := range e.Holding {
		writes := l.writes[id]
		i := slices.IndexFunc(writes, func(w Event) bool { return w.At > e.At && w.Worker != e.Worker })
		if i < 1 || job.State(writes[i-1].State).Terminal() || writes[i-1].Worker != e.Worker {
			continue // it had ended before the signal came
		}
		hit = true
		if at, ok := l.claim(id, e.At, writes[i-1].Attempt); ok {
			f.recovered(l, e, at)
		}
	}
	if hit && e.Fault == "SIGKILL" {
		f.Hits++
	}
	if role(e.Process) == roleWorker {
		return
	}
	first := time.Duration(math.MaxInt64)
	for _, writes := range l.writes {
		for i, w := range writes {
			if w.At > e.At && w.State == string(job.Running) && (i == 0 || writes[i-1].State != string(job.Running)) {
				first = min(first, w.At)
				break
			}
		}
	}
	if first != math.MaxInt64 {
		f.recovered(l, e, first)
	}
}

// recovered notes that what the kill interrupted went on at the time.
func (f *Figures) recovered(l *ledger, e Event, at time.Duration) {
	if l.hindered(e, at) {
		f.Hindered = append(f.Hindered, at-e.At)
		return
	}
	f.Recovery = append(f.Recovery, at-e.At)
}

// hindered reports whether something that notices and revives was hurt between
// the kill and the time.
func (l *ledger) hindered(kill Event, to time.Duration) bool {
	const settle = 5 * time.Second
	stopped := map[string]time.Duration{} // schedulers
	for _, e := range l.events {
		switch {
		case e.What == Fault && (e.Part == partRedis || e.Part == partRecords || e.Part == partFiles && role(kill.Process) != roleWorker), e.What == Held:
			if e.At <= to && e.At+e.For+settle >= kill.At {
				return true
			}
		case e.What != Kill || e.PID == kill.PID && e.At == kill.At || role(e.Process) != roleScheduler && e.Process != partRedis:
		case e.Fault == "SIGSTOP":
			stopped[e.Process] = e.At
		case e.Fault == "SIGCONT":
			if at, ok := stopped[e.Process]; ok && at <= to && e.At+settle >= kill.At {
				return true
			}
			delete(stopped, e.Process)
		case e.At <= to && e.At+3*settle >= kill.At: // until another one leads
			return true
		}
	}
	for _, at := range stopped {
		if at <= to {
			return true
		}
	}
	return false
}

// cancels times how long running jobs took to stop after their cancel was
// acknowledged. Not counted are those whose worker was stopped or killed
// meanwhile, and those that met a fault of the records: nobody can see a record
// that cannot be reached.
func (f *Figures) cancels(l *ledger) {
	for _, e := range l.of(Cancelled) {
		writes := l.writes[e.Job]
		i := slices.IndexFunc(writes, func(w Event) bool { return w.Cancel })
		end := slices.IndexFunc(writes, func(w Event) bool { return job.State(w.State).Terminal() })
		if i < 0 || end < 0 || writes[i].State != string(job.Running) {
			continue
		}
		if l.disturbed(writes[i].Worker, writes[i].At, writes[end].At) {
			f.Held++
			continue
		}
		f.Cancel = append(f.Cancel, max(writes[end].At-writes[i].At, 0))
	}
}

// disturbed reports whether the worker could not be expected to act.
func (l *ledger) disturbed(worker string, from, to time.Duration) bool {
	const settle = 2 * time.Second // until connections are up again
	stopped := time.Duration(-1)
	for _, e := range l.events {
		switch {
		case e.What == Fault && e.Part == partRecords && e.At <= to && e.At+e.For+settle >= from:
			return true
		case e.What != Kill || e.Worker != worker:
		case e.Fault == "SIGSTOP":
			stopped = e.At
		case e.Fault == "SIGCONT":
			if stopped >= 0 && stopped <= to && e.At+settle >= from {
				return true
			}
			stopped = -1
		case e.At <= to && e.At+settle >= from:
			return true
		}
	}
	return stopped >= 0 && stopped <= to
}

// Percentile returns the smallest of the values that is no less than the share
// of them, 0 of none.
func Percentile(values []time.Duration, share float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	rank := int(math.Ceil(share*float64(len(sorted)))) - 1
	return sorted[min(max(rank, 0), len(sorted)-1)]
}
