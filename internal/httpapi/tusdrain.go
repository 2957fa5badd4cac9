package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/tus/tusd/v2/pkg/handler"

	"github.com/narrativeml/narrative/internal/fault"
)

// untilDrain ends the request's reading when the process wants to stop: what has
// arrived is kept, and the client goes on with another process. The request is
// over when what it returns has been called.
func (t *tus) untilDrain(ctx context.Context, w http.ResponseWriter) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-t.server.draining: // nil: never
			cancel(handler.ErrServerShutdown)
			hurry(w, done)
		case <-done:
		}
	}()
	return ctx, func() {
		close(done)
		<-ended
		cancel(nil)
	}
}

const hurryEvery = 50 * time.Millisecond

// hurry ends the reading of a request, again and again until it is done: the
// library does not end what it has not begun with, and moves the deadline when
// bytes have just arrived.
func hurry(w http.ResponseWriter, done <-chan struct{}) {
	control := http.NewResponseController(w)
	again := time.NewTicker(hurryEvery)
	defer again.Stop()
	for {
		_ = control.SetReadDeadline(time.Now()) // not every writer has deadlines
		select {
		case <-done:
			return
		case <-again.C:
		}
	}
}

// stopping reports whether the process wants to stop.
func (t *tus) stopping() bool {
	select {
	case <-t.server.draining:
		return true
	default:
		return false
	}
}

func errStopping() error {
	return fault.Unavailable("draining", "the process stops; what has arrived is kept: ask where the upload is and go on")
}
