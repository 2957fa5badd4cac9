package terminal

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// Screen is where progress is shown.
type Screen struct {
	Out  io.Writer
	Live bool             // a terminal: bars that move; otherwise plain lines
	Now  func() time.Time // nil: time.Now
}

// Progress is how far something is.
type Progress struct {
	Stage    string
	Fraction float64 // 0 to 1
	Rows     int64
	RowsAll  int64     // 0: unknown
	Unit     string    // of what Rows counts; empty: rows
	ETA      time.Time // zero: unknown
}

// Step is one thing that takes a while.
type Step struct {
	screen Screen
	label  string
	start  time.Time

	mu   sync.Mutex
	last Progress
	said int // tenths, of plain lines

	bars *mpb.Progress
	bar  *mpb.Bar
}

const (
	barUnits   = 1000
	barWidth   = 30
	lineWidth  = 110
	labelWidth = 12
	stageWidth = 40
	refresh    = 100 * time.Millisecond
	sayEvery   = 4 // plain lines in a step whose stage does not change
)

// Start begins a step. End it with Done or Fail.
func (s Screen) Start(label string) *Step {
	if s.Now == nil {
		s.Now = time.Now
	}
	step := &Step{screen: s, label: label, start: s.Now()}
	if !s.Live {
		return step
	}
	step.bars = mpb.New(mpb.WithOutput(s.Out), mpb.WithWidth(lineWidth), mpb.WithAutoRefresh(), mpb.WithRefreshRate(refresh))
	// A bar that begins without a total does not end by itself when it is full:
	// only Done and Fail end it, with their own last words.
	step.bar = step.bars.New(0,
		mpb.BarStyle().Lbound("").Rbound("").Filler("█").Tip("█").Padding("░"),
		mpb.BarWidth(barWidth),
		mpb.PrependDecorators(decor.Name(label, decor.WC{W: labelWidth, C: decor.DindentRight})),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return step.text() })),
	)
	step.bar.SetTotal(barUnits, false)
	return step
}

// Update shows how far the step is.
func (t *Step) Update(p Progress) {
	t.mu.Lock()
	before := t.last
	t.last = p
	t.mu.Unlock()
	if t.bar != nil {
		t.bar.SetCurrent(int64(math.Round(barUnits * clamp(p.Fraction))))
		return
	}
	part := int(sayEvery * clamp(p.Fraction))
	if p.Stage != before.Stage || part > t.said {
		t.said = part
		t.line(t.text())
	}
}

// Done ends the step with a note; an empty one stands for what was counted.
func (t *Step) Done(note string) {
	took := t.screen.Now().Sub(t.start).Round(10 * time.Millisecond)
	if note == "" {
		t.mu.Lock()
		note = t.last.counted()
		t.mu.Unlock()
	}
	if t.bar != nil {
		t.mu.Lock()
		t.last = Progress{Stage: join(note, "in "+took.String()), Fraction: 1}
		t.mu.Unlock()
		t.bar.SetTotal(barUnits, true)
		t.bars.Wait()
		return
	}
	t.line(join("done", note, "in "+took.String()))
}

// Fail ends the step where it is.
func (t *Step) Fail() {
	if t.bar != nil {
		t.bar.Abort(false)
		t.bars.Wait()
		return
	}
	t.line("failed")
}

func (t *Step) line(text string) {
	_, _ = fmt.Fprintf(t.screen.Out, "%-*s%s\n", labelWidth, t.label, text) // nobody is left to be told
}

// text tells the progress in words.
func (t *Step) text() string {
	t.mu.Lock()
	p := t.last
	t.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, " %3.0f %%  %s", 100*clamp(p.Fraction), clip(p.Stage, stageWidth))
	if counted := p.counted(); counted != "" {
		b.WriteString("  " + counted)
	}
	if left := p.ETA.Sub(t.screen.Now()); !p.ETA.IsZero() && left > 0 {
		fmt.Fprintf(&b, "  %s left", left.Round(time.Second))
	}
	return b.String()
}

// counted tells how many rows, or other things, are done.
func (p Progress) counted() string {
	unit := p.Unit
	if unit == "" {
		unit = "rows"
	}
	switch {
	case p.RowsAll > 0 && p.Rows < p.RowsAll:
		return fmt.Sprintf("%s of %s %s", Count(p.Rows), Count(p.RowsAll), unit)
	case p.Rows > 0:
		return Count(p.Rows) + " " + unit
	default:
		return ""
	}
}

func join(parts ...string) string {
	var all []string
	for _, p := range parts {
		if p != "" {
			all = append(all, p)
		}
	}
	return strings.Join(all, ", ")
}

func clamp(f float64) float64 {
	if !(f > 0) { // also for what is not a number
		return 0
	}
	return min(f, 1)
}

// clip shortens the text to so many characters.
func clip(s string, width int) string {
	r := []rune(s)
	if len(r) <= width {
		return s
	}
	return string(r[:width-1]) + "…"
}

// Count writes a number with a comma between thousands.
func Count(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// Size writes a number of bytes for a person.
func Size(n int64) string {
	const step = 1024
	v := float64(n)
	for _, u := range []string{"B", "KiB", "MiB", "GiB"} {
		if v < step {
			return trim(v) + " " + u
		}
		v /= step
	}
	return trim(v) + " TiB"
}

func trim(v float64) string { return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0") }
