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

// allow gives the answer that much time from now.
func (x *exchange) allow(d time.Duration) {
	// Not every writer has deadlines; those of a server do.
	_ = http.NewResponseController(x.echo.Response()).SetWriteDeadline(time.Now().Add(d))
}
