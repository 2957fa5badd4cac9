package job

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"time"
	"unicode"
)

const (
	maxLine   = 4096    // bytes of one log line
	maxBatch  = 1 << 20 // and of those of one row: JSON may write six for each
	maxStage  = 100
	rateSpan  = 30 * time.Second // over which the rate of progress is smoothed
	etaAfter  = time.Second      // of progress before its rate says anything
	levelInfo = "info"
	levelWarn = "warn"
)

// report keeps the progress and the lines of one attempt until they are
// written with the next heartbeat.
type report struct {
	now     func() time.Time
	attempt int
	wake    chan struct{} // many lines are waiting

	mu       sync.Mutex
	progress Progress
	changed  bool    // progress, since it was last taken
	saved    float64 // the fraction at the newest checkpoint
	rate     rate
	lines    []LogLine // without numbers
	room     int       // lines that may still be added before the limit
	limit    int
}

var _ Reporter = (*report)(nil)

// newReport starts the report of an attempt of a job that has so many lines
// already.
func newReport(now func() time.Time, j *Job, limit int) *report {
	return &report{
		now: now, attempt: j.Attempt, wake: make(chan struct{}, 1),
		progress: j.Progress, room: limit - j.LogLines, limit: limit,
	}
}

// Progress implements Reporter.
func (r *report) Progress(stage string, fraction float64, rows, rowsAll int64) {
	at := stamp(r.now)
	r.mu.Lock()
	defer r.mu.Unlock()
	p := &r.progress
	if math.IsNaN(fraction) {
		fraction = p.Fraction
	}
	p.Stage = shorten(clean(stage), maxStage)
	p.Fraction = min(1, max(p.Fraction, fraction, 0))
	p.Rows, p.RowsAll = max(rows, 0), max(rowsAll, 0)
	p.At = at
	p.ETA = r.rate.eta(at, p.Fraction)
	r.changed = true
}

// Logf implements Reporter.
func (r *report) Logf(format string, args ...any) { r.log(levelInfo, fmt.Sprintf(format, args...)) }

func (r *report) log(level, message string) {
	at := stamp(r.now)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.room < 0:
		return
	case r.room == 0:
		level, message = levelWarn, fmt.Sprintf("The limit of %d lines is reached; further lines are not kept.", r.limit)
	}
	r.room--
	r.lines = append(r.lines, LogLine{At: at, Attempt: r.attempt, Level: level, Message: shorten(clean(message), maxLine)})
	if len(r.lines) == logBatch {
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
}

// clean makes one line of valid UTF-8 of a message.
func clean(s string) string {
	return strings.TrimSpace(strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(s, "�")))
}

// waiting reports whether there is anything that is not written yet.
func (r *report) waiting() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changed || len(r.lines) > 0
}

// snapshot returns the progress and takes note that it is being written.
func (r *report) snapshot() Progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.changed = false
	return r.progress
}

// checkpointed takes note that what was done so far is saved.
func (r *report) checkpointed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.progress.Fraction > r.saved {
		r.saved, r.changed = r.progress.Fraction, true
	}
}

// savedAt returns the fraction at the newest checkpoint of this attempt.
func (r *report) savedAt() float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.saved
}

// batch returns the oldest lines, at most one row of them, without removing
// them.
func (r *report) batch() []LogLine {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, size := 0, 0
	for n < min(len(r.lines), logBatch) && (n == 0 || size+len(r.lines[n].Message) <= maxBatch) {
		size += len(r.lines[n].Message)
		n++
	}
	return append([]LogLine(nil), r.lines[:n]...)
}

// drop removes the n oldest lines: they are written.
func (r *report) drop(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = r.lines[min(n, len(r.lines)):]
}

// rate is the smoothed speed of progress since its first report: what was done
// before, by an earlier attempt, does not make it look faster.
type rate struct {
	first, last time.Time
	fraction    float64 // at last
	perSecond   float64
}

// eta notes that the fraction was reached and returns when all will be done,
// or no time while that cannot be said.
func (r *rate) eta(at time.Time, fraction float64) time.Time {
	if r.first.IsZero() {
		r.first, r.last, r.fraction = at, at, fraction
	}
	if span := at.Sub(r.last).Seconds(); span > 0 {
		speed := (fraction - r.fraction) / span
		weight := 1 - math.Exp(-span/rateSpan.Seconds())
		if r.perSecond == 0 {
			weight = 1
		}
		r.perSecond += weight * (speed - r.perSecond)
		r.last, r.fraction = at, fraction
	}
	left := (1 - fraction) / r.perSecond
	if fraction >= 1 || r.perSecond <= 0 || at.Sub(r.first) < etaAfter || left > maxETA.Seconds() {
		return time.Time{}
	}
	return at.Add(time.Duration(left * float64(time.Second))).Truncate(time.Second)
}

const maxETA = 30 * 24 * time.Hour // nobody believes a later one
