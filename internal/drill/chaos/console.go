package chaos

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// console is where stages that run beside each other speak to a person: each
// all at once when it ends, but for how far it is.
type console struct {
	mu sync.Mutex
	to io.Writer
}

func (c *console) write(text []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, _ = c.to.Write(text) // who does not listen misses it
}

// printf says something: at once, or with everything else that the stage says.
func (r *Run) printf(format string, args ...any) {
	if r.name == "" {
		r.console.write(fmt.Appendf(nil, format, args...))
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	_, _ = fmt.Fprintf(&r.said, format, args...) // memory takes everything
}

// progress says at once how far the stage is.
func (r *Run) progress(format string, args ...any) {
	r.console.write(fmt.Appendf(nil, "[%s %s] %s\n", r.name, time.Since(r.began).Round(time.Second), fmt.Sprintf(format, args...)))
}

// left tells how long what is done for a part may still take, if it goes on as
// it did.
func left(began time.Time, done, all int) string {
	if done < 1 || all < 1 {
		return "nobody knows how long"
	}
	took := time.Since(began)
	return "about " + (took * time.Duration(max(all-done, 0)) / time.Duration(done)).Round(time.Second).String()
}

// broke notes what was found broken.
func (r *Run) broke(found ...Violation) {
	for _, v := range found {
		if r.name != "" {
			r.progress("VIOLATION %s", v)
		}
		r.printf("VIOLATION %s\n", v)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.outcome.Violations = append(r.outcome.Violations, found...)
}

// told returns what the stage said so far.
func (r *Run) told() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.said.Bytes()
}
