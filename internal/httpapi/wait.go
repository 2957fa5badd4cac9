package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
)

// slots bounds how many may do a thing at once.
type slots struct {
	taken chan struct{}
	what  string
}

func newSlots(n int, what string) *slots { return &slots{taken: make(chan struct{}, n), what: what} }

// acquire takes a slot or refuses at once.
func (s *slots) acquire() (release func(), err error) {
	select {
	case s.taken <- struct{}{}:
		return func() { <-s.taken }, nil
	default:
		return nil, fault.New(fault.ClassExhausted, "too_many_requests", "there are %d %s already; try again soon", cap(s.taken), s.what)
	}
}

// untilDrain returns a context that ends after d, or when the process wants
// to stop.
func (s *server) untilDrain(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, d)
	if s.draining != nil {
		go func() {
			select {
			case <-s.draining:
				cancel()
			case <-ctx.Done():
			}
		}()
	}
	return ctx, cancel
}

const (
	// writeWithin is how long a client may take to read what is written.
	writeWithin = 20 * time.Second
	// linger is how long the rest of a refused body is waited for.
	linger = 5 * time.Second
)

// allow gives the work on the answer that much time from now, and its client
// some more to read it.
func (x *exchange) allow(d time.Duration) {
	// Not every writer has deadlines; those of a server do.
	_ = http.NewResponseController(x.echo.Response()).SetWriteDeadline(time.Now().Add(d + writeWithin))
}

// lingerFor bounds how long the server reads the rest of a body that nobody
// wants, before it answers.
func lingerFor(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(linger))
}
