package job

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
)

// Limits are what a request says its job may take. What it leaves out is not
// limited, or estimated. They are no part of the payload: a worker that does
// not know them runs the job all the same.
type Limits struct {
	Memory     string     `json:"memory,omitempty" maxLength:"40" doc:"The memory that an attempt may use, such as 2GiB or 1536MiB; default: an estimate. A job that needs more fails with memory_exceeded" example:"2GiB"`
	Deadline   *time.Time `json:"deadline,omitempty" doc:"A job that has not ended by then fails with deadline_exceeded; default: none"`
	TimeBudget *int64     `json:"time_budget,omitempty" doc:"For how many seconds its attempts may run in all before it fails with time_budget_exceeded; default: no limit" example:"3600"`
}

// The bounds of what may be asked for.
const (
	minMemory     = 32 << 20
	maxMemory     = 1 << 50
	maxAhead      = 10 * 366 * 24 * time.Hour
	maxTimeBudget = int64(10 * 366 * 24 * time.Hour / time.Second)
)

const codeDeadlinePassed = "deadline_passed"

// bounds are Limits that were checked.
type bounds struct {
	memory     int64 // 0: not said
	deadline   time.Time
	timeBudget time.Duration
}

// check refuses limits that cannot be kept, all of them at once.
func (l Limits) check(at time.Time) (b bounds, err error) {
	code := ""
	var wrong []fault.Field
	add := func(c, field, message string, value any) {
		if code == "" {
			code = c
		}
		wrong = append(wrong, fault.Field{Location: "body." + field, Message: message, Value: value})
	}
	if l.Memory != "" {
		n, ok := parseMemory(l.Memory)
		switch {
		case !ok:
			add("invalid_memory", "memory", "write a number of bytes such as 2GiB, 1536MiB or 2147483648", l.Memory)
		case n < minMemory || n > maxMemory:
			add("memory_out_of_range", "memory", "must lie between "+Size(minMemory)+" and "+Size(maxMemory), l.Memory)
		}
		b.memory = n
	}
	if l.Deadline != nil {
		b.deadline = l.Deadline.UTC().Truncate(time.Microsecond)
		switch {
		case !b.deadline.After(at):
			add(codeDeadlinePassed, "deadline", "must lie in the future; it is now "+at.UTC().Format(time.RFC3339), l.Deadline)
		case b.deadline.Sub(at) > maxAhead:
			add("deadline_out_of_range", "deadline", "must lie within the next ten years", l.Deadline)
		}
	}
	if l.TimeBudget != nil {
		if n := *l.TimeBudget; n < 1 || n > maxTimeBudget {
			add("time_budget_out_of_range", "time_budget", fmt.Sprintf("must be a number of seconds from 1 to %d", maxTimeBudget), n)
		} else {
			b.timeBudget = time.Duration(n) * time.Second
		}
	}
	if len(wrong) > 0 {
		return bounds{}, fault.Invalid(code, "The job cannot be limited so: %s %s.", strings.TrimPrefix(wrong[0].Location, "body."), wrong[0].Message).With(wrong...)
	}
	return b, nil
}

// fingerprint is what tells limits apart, nothing for none: so that records
// from before there were any keep theirs.
func (b bounds) fingerprint() string {
	if b == (bounds{}) {
		return ""
	}
	return fmt.Sprintf("\n%d %d %d", b.memory, nanos(b.deadline), b.timeBudget)
}

// sizeUnits are the units of memory, the longest name first.
func sizeUnits() []struct {
	name  string
	bytes int64
} {
	return []struct {
		name  string
		bytes int64
	}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}, {"", 1}}
}

// parseMemory reads a number of bytes, which may be negative.
func parseMemory(s string) (int64, bool) {
	for _, u := range sizeUnits() {
		number, ok := strings.CutSuffix(strings.TrimSpace(s), u.name)
		if !ok {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		v *= float64(u.bytes)
		if err != nil || math.IsNaN(v) || math.Abs(v) >= math.MaxInt64/2 || number == "" {
			return 0, false
		}
		return int64(v), true
	}
	return 0, false
}

// Size shows a number of bytes to a person.
func Size(n int64) string {
	for _, u := range sizeUnits()[:4] {
		if n >= u.bytes {
			return strconv.FormatFloat(math.Round(float64(n)/float64(u.bytes)*100)/100, 'f', -1, 64) + " " + u.name
		}
	}
	return strconv.FormatInt(n, 10) + " B"
}

// limit notes on the job what it may take.
func (j *Job) limit(b bounds, estimate int64) {
	j.Memory, j.MemoryAsked = estimate, b.memory > 0
	if j.MemoryAsked {
		j.Memory = b.memory
	}
	j.Deadline, j.TimeBudget = b.deadline, b.timeBudget
}
