package resume

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// wire passes connections on to an address, and can cut them all.
type wire struct {
	listener net.Listener
	to       string
	wg       sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]bool
}

func newWire(ctx context.Context, to string) (*wire, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the upload: %w", err)
	}
	w := &wire{listener: l, to: to, conns: map[net.Conn]bool{}}
	w.wg.Go(func() { w.accept(ctx) })
	return w, nil
}

// url is where a client connects.
func (w *wire) url() string { return "http://" + w.listener.Addr().String() }

func (w *wire) accept(ctx context.Context) {
	for {
		from, err := w.listener.Accept()
		if err != nil {
			return // it was closed
		}
		w.wg.Go(func() { w.pass(ctx, from) })
	}
}

func (w *wire) pass(ctx context.Context, from net.Conn) {
	defer w.close(from)
	w.keep(from)
	to, err := new(net.Dialer).DialContext(ctx, "tcp", w.to)
	if err != nil {
		return // the client sees that the connection ends
	}
	defer w.close(to)
	w.keep(to)
	var wg sync.WaitGroup
	for _, pair := range [][2]net.Conn{{from, to}, {to, from}} {
		wg.Go(func() {
			_, _ = io.Copy(pair[0], pair[1]) // either end may break
			w.close(pair[0])
			w.close(pair[1])
		})
	}
	wg.Wait()
}

func (w *wire) keep(c net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns[c] = true
}

func (w *wire) close(c net.Conn) {
	w.mu.Lock()
	delete(w.conns, c)
	w.mu.Unlock()
	_ = c.Close() // it may be closed already
}

// cut resets every connection, as when a network fails.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // so that nothing that was sent arrives afterwards
		}
		_ = c.Close()
	}
}

// end stops passing connections on.
func (w *wire) end() error {
	err := w.listener.Close()
	w.cut()
	w.wg.Wait()
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	return err
}
