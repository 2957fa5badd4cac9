package child

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
)

// What is kept of what a child prints: it says little unless it breaks.
const (
	maxPrinted = 200  // lines in the log
	maxPrint   = 1000 // bytes of one
	maxTail    = 4096 // bytes that explain its end
)

// output takes what a child prints to the worker's log, and remembers its end.
type output struct {
	logger *slog.Logger

	mu    sync.Mutex
	rest  []byte // of a line
	lines int
	tail  []byte
}

// Write implements io.Writer.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tail = append(o.tail, b...)
	if more := len(o.tail) - maxTail; more > 0 {
		o.tail = append(o.tail[:0], o.tail[more:]...)
	}
	o.rest = append(o.rest, b...)
	for {
		line, rest, ok := bytes.Cut(o.rest, []byte("\n"))
		if !ok && len(o.rest) < maxPrint {
			return len(b), nil
		}
		if !ok {
			line, rest = o.rest[:maxPrint], o.rest[maxPrint:]
		}
		o.print(line)
		o.rest = append([]byte(nil), rest...)
	}
}

// print logs a line. The lock is held.
func (o *output) print(line []byte) {
	o.lines++
	switch text := string(bytes.ToValidUTF8(line[:min(len(line), maxPrint)], []byte("?"))); {
	case o.lines < maxPrinted:
		o.logger.WarnContext(context.Background(), "process of a job printed", "text", text)
	case o.lines == maxPrinted:
		o.logger.WarnContext(context.Background(), "process of a job prints more than is kept", "text", text)
	}
}

// end returns what was printed last.
func (o *output) end() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.rest) > 0 {
		o.print(o.rest)
		o.rest = nil
	}
	return string(bytes.TrimSpace(bytes.ToValidUTF8(o.tail, []byte("?"))))
}
