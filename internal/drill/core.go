package drill

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/narrativeml/narrative/internal/drill/generator"
	"github.com/narrativeml/narrative/internal/drill/peer"
)

// cores returns the processors that this process may use, by the system's
// numbers, if processes can be bound to them.
func cores() []string {
	if _, err := exec.LookPath("taskset"); err != nil {
		return nil
	}
	list, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return nil
	}
	return allowed(string(list))
}

// allowed reads the list of processors, such as 0-2,5, from a process's status.
func allowed(status string) (all []string) {
	_, list, _ := strings.Cut(status, "Cpus_allowed_list:")
	list, _, _ = strings.Cut(list, "\n")
	for part := range strings.SplitSeq(strings.TrimSpace(list), ",") {
		from, to, ranges := strings.Cut(part, "-")
		if !ranges {
			to = from
		}
		first, err := strconv.Atoi(from)
		if err != nil {
			return nil
		}
		last, err := strconv.Atoi(to)
		if err != nil {
			return nil
		}
		for n := first; n <= last; n++ {
			all = append(all, strconv.Itoa(n))
		}
	}
	return all
}

// bound returns the command bound to the n-th of the cores, unless there is
// only one.
func bound(cores []string, n int, command []string) []string {
	if len(cores) < 2 {
		return command
	}
	return append([]string{"taskset", "-c", cores[n%len(cores)]}, command...)
}

// usage is how much of the processors each kind of process has used.
type usage map[string]time.Duration

// busy returns what the processes have used, with their children that have
// ended.
func (f *fleet) busy() (usage, error) {
	all := usage{}
	for _, m := range f.processes {
		used, err := processorTime(m.cmd.Process.Pid)
		if err != nil {
			return nil, err
		}
		all[m.role] += used
	}
	return all, nil
}

// since tells the share of two processors that was used meanwhile.
func (u usage) since(before usage, took time.Duration) string {
	var parts []string
	for _, role := range []string{"worker", "parts", "api", "scheduler"} {
		parts = append(parts, fmt.Sprintf("%s %.1f %%", role, 100*(u[role]-before[role]).Seconds()/took.Seconds()/2))
	}
	return strings.Join(parts, ", ") + " of two processors"
}

// processorTime returns what the process has used, and its children that have
// ended.
func processorTime(pid int) (time.Duration, error) {
	line, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, fmt.Errorf("read the processor time of process %d: %w", pid, err)
	}
	const (
		first = 11                    // field of the user's time, counted after the name
		tick  = 10 * time.Millisecond // the system's unit on every Linux
	)
	fields := bytes.Fields(line[bytes.LastIndexByte(line, ')')+1:])
	if len(fields) < first+4 {
		return 0, fmt.Errorf("read the processor time of process %d: %q is no status", pid, line)
	}
	var sum int64
	for _, f := range fields[first : first+4] { // user and system, its own and its children's
		n, err := strconv.ParseInt(string(f), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read the processor time of process %d: %w", pid, err)
		}
		sum += n
	}
	return time.Duration(sum) * tick, nil
}

// pair is two processes that train without a platform.
type pair struct {
	trial peer.Trial
	sides [2]peer.Side
}

// prepare makes the table that a pair learns from.
func (p WorkerPlan) prepare(ctx context.Context, dir string) (*pair, error) {
	table := generator.Table{Kind: generator.Hard, Rows: p.Rows}
	files, err := generator.Write(ctx, table, dir, "pair")
	if err != nil {
		return nil, err
	}
	a := &pair{trial: peer.Trial{
		Steps: []peer.Step{peer.Train}, Train: files, Test: files, Categories: table.Categories(), Classes: 2,
		Trees: p.Trees, Leaves: leaves, Bins: bins, MinChild: minChild, Rate: rate, Threads: 1, Seed: 1,
	}}
	for i := range a.sides {
		a.sides[i] = peer.Program(bound(cores(), i, []string{p.Program, "bench-trial"})...)
	}
	return a, nil
}

// share returns what both take beside each other, as a share of what they take
// one after the other.
func (a *pair) share(ctx context.Context) (float64, error) {
	var alone, beside [2]float64
	for i := range a.sides {
		took, err := a.train(ctx, i)
		if err != nil {
			return 0, err
		}
		alone[i] = took
	}
	var group sync.WaitGroup
	var errs [2]error
	for i := range a.sides {
		group.Go(func() { beside[i], errs[i] = a.train(ctx, i) })
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return 0, err
		}
	}
	return max(beside[0], beside[1]) / (alone[0] + alone[1]), nil
}

func (a *pair) train(ctx context.Context, i int) (seconds float64, err error) {
	o, err := a.sides[i].Run(ctx, a.trial)
	return o.Train, err
}
