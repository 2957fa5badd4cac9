package mongowire

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/narrativeml/narrative/internal/store"
)

// Driver is what a Server serves: a driver that also knows what was declared
// to it, as sqlitestore does.
type Driver interface {
	store.Driver
	// Collections returns what was declared, now or by an earlier process.
	Collections() []store.Collection
}

// Config says how a Server answers.
type Config struct {
	Database    string       // the one that is served; "narrative" when empty
	WireVersion int32        // how new a server to claim; 25 (MongoDB 8.0, with bulkWrite) when 0
	Connections int          // at most; 1024 when 0
	Logger      *slog.Logger // told of connections that were ended for their mistakes; nobody when nil
}

// Server answers clients on loopback addresses.
type Server struct {
	driver      Driver
	database    string
	wireVersion int32
	limit       int
	logger      *slog.Logger
	replies     atomic.Uint32 // counts

	schema   schema
	cursors  cursors
	mu       sync.Mutex
	stopped  bool
	serving  map[net.Listener]bool
	open     map[net.Conn]bool
	sessions sync.WaitGroup
}

const bulkWriteVersion = 25

// New returns a server of the driver, which stays the caller's to close.
func New(driver Driver, cfg Config) *Server {
	s := &Server{
		driver: driver, database: cfg.Database, wireVersion: cfg.WireVersion, limit: cfg.Connections, logger: cfg.Logger,
		serving: map[net.Listener]bool{}, open: map[net.Conn]bool{},
	}
	if s.database == "" {
		s.database = "narrative"
	}
	if s.wireVersion == 0 {
		s.wireVersion = bulkWriteVersion
	}
	if s.limit == 0 {
		s.limit = 1024
	}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	s.schema.load(driver.Collections())
	return s
}

// Serve answers the clients of the listener until Shutdown, then it returns
// nil, or until the context ends, then it ends every connection and returns the
// context's error. It closes the listener.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	if !loopback(listener.Addr()) {
		return errors.Join(fmt.Errorf("serve records on %s: only loopback addresses are served", listener.Addr()), listener.Close())
	}
	if !s.begin(listener) {
		return errors.Join(errors.New("serve records: the server was shut down"), listener.Close())
	}
	defer s.endListener(listener)
	stop := context.AfterFunc(ctx, s.abort)
	defer stop()
	for {
		conn, err := listener.Accept()
		switch {
		case err == nil:
			s.accept(ctx, conn)
		case ctx.Err() != nil:
			return ctx.Err()
		case s.isStopped():
			return nil
		default:
			return fmt.Errorf("serve records: %w", err)
		}
	}
}

// Shutdown stops listening, lets the commands under way be answered and returns
// when all connections are closed. When the context ends first it closes them
// at once and returns the context's error.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.stopped = true
	var errs []error
	for listener := range s.serving {
		errs = append(errs, ignoreClosed(listener.Close()))
	}
	for conn := range s.open {
		errs = append(errs, ignoreClosed(conn.SetReadDeadline(time.Unix(1, 0)))) // ends the wait for the next command
	}
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		s.sessions.Wait()
		close(done)
	}()
	select {
	case <-done:
		return errors.Join(errs...)
	case <-ctx.Done():
		s.abort()
		return ctx.Err()
	}
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// abort closes everything at once.
func (s *Server) abort() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	for listener := range s.serving {
		_ = listener.Close()
	}
	for conn := range s.open {
		_ = conn.Close()
	}
}

func (s *Server) isStopped() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopped
}

func (s *Server) begin(listener net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return false
	}
	s.serving[listener] = true
	return true
}

func (s *Server) endListener(listener net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.serving, listener)
	_ = listener.Close()
}

// accept starts to answer the connection, unless there are too many.
func (s *Server) accept(ctx context.Context, conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped || len(s.open) >= s.limit || !loopback(conn.RemoteAddr()) {
		_ = conn.Close()
		return
	}
	s.open[conn] = true
	s.sessions.Go(func() {
		err := s.converse(ctx, conn)
		s.mu.Lock()
		stopped := s.stopped
		delete(s.open, conn)
		s.mu.Unlock()
		_ = conn.Close()
		if err != nil && !stopped {
			s.logger.WarnContext(ctx, "record connection ended", "error", err.Error(), "remote_address", conn.RemoteAddr().String())
		}
	})
}

// converse answers one command after another. It returns nil when the client
// has gone.
func (s *Server) converse(ctx context.Context, conn net.Conn) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	reader := bufio.NewReaderSize(conn, eagerRead)
	for {
		req, err := readRequest(reader)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed), isReset(err):
			return nil
		case err != nil:
			return fmt.Errorf("read command: %w", err)
		}
		reply := s.answer(ctx, req)
		if err := writeReply(conn, req, s.replies.Add(1), reply); err != nil {
			return nil
		}
	}
}

func isReset(err error) bool {
	_, ok := errors.AsType[*net.OpError](err)
	return ok
}

func loopback(addr net.Addr) bool {
	switch addr := addr.(type) {
	case *net.TCPAddr:
		return addr.IP.IsLoopback()
	case *net.UnixAddr:
		return true
	default:
		return false
	}
}
