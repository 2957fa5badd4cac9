package mongowire_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/store/mongostore"
	"github.com/narrativeml/narrative/internal/store/mongowire"
	"github.com/narrativeml/narrative/internal/store/sqlitestore"
	"github.com/narrativeml/narrative/internal/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bundle is a server and what it serves.
type bundle struct {
	driver *sqlitestore.Driver
	server *mongowire.Server
	addr   string
	served chan error
}

func setup(tb testing.TB, cfg mongowire.Config) *bundle {
	tb.Helper()
	driver, err := sqlitestore.Open(tb.Context(), sqlitestore.Config{Path: filepath.Join(tb.TempDir(), "records.db"), Durability: sqlitestore.Normal})
	if err != nil {
		tb.Fatal(err)
	}
	b := &bundle{driver: driver, server: mongowire.New(driver, cfg), served: make(chan error, 1)}
	listener := listen(tb, "127.0.0.1:0")
	b.addr = listener.Addr().String()
	first := b.server
	serving := context.WithoutCancel(tb.Context())
	go func() { b.served <- first.Serve(serving, listener) }()
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), 10*time.Second)
		defer cancel()
		for _, server := range []*mongowire.Server{first, b.server} {
			if err := server.Shutdown(ctx); err != nil {
				tb.Errorf("shut down: %v", err)
			}
		}
		if err := driver.Close(ctx); err != nil && !errors.Is(err, store.ErrClosed) {
			tb.Errorf("close: %v", err)
		}
	})
	return b
}

func listen(tb testing.TB, addr string) net.Listener {
	tb.Helper()
	listener, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", addr)
	if err != nil {
		tb.Fatal(err)
	}
	return listener
}

func (b *bundle) dial(tb testing.TB) net.Conn {
	tb.Helper()
	conn, err := new(net.Dialer).DialContext(tb.Context(), "tcp", b.addr)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		tb.Fatal(err)
	}
	return conn
}

// frame puts a header before the payload.
func frame(op uint32, payload ...[]byte) []byte {
	body := bytes.Join(payload, nil)
	message := binary.LittleEndian.AppendUint32(nil, uint32(16+len(body)))
	message = binary.LittleEndian.AppendUint32(message, 77)
	message = append(message, 0, 0, 0, 0)
	message = binary.LittleEndian.AppendUint32(message, op)
	return append(message, body...)
}

// msg is a command with perhaps a sequence of documents.
func msg(command []byte, sequence string, docs ...[]byte) []byte {
	payload := append([]byte{0, 0, 0, 0, 0}, command...)
	if sequence != "" {
		section := append([]byte(sequence), 0)
		section = append(section, bytes.Join(docs, nil)...)
		payload = append(payload, 1)
		payload = binary.LittleEndian.AppendUint32(payload, uint32(len(section)+4))
		payload = append(payload, section...)
	}
	return frame(2013, payload)
}

func command(name, target string) *mongowire.Doc {
	return mongowire.NewDoc().Text(name, target).Text("$db", "narrative")
}

func notes() store.Collection {
	return store.Collection{Name: "notes", Indexes: []store.Index{
		{Name: "by_owner", Fields: []store.IndexField{{Name: "owner"}, {Name: "stars", Type: store.Int}}},
	}}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) func(*testing.T) store.Driver {
		t.Helper()
		b := setup(t, mongowire.Config{})
		return func(t *testing.T) store.Driver {
			t.Helper()
			d, err := mongostore.Open(t.Context(), mongostore.Config{URI: "mongodb://" + b.addr, Database: "narrative", Timeout: 2 * time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
	})
}

// TestRestart checks that clients of an earlier server go on without another
// Ensure.
func TestRestart(t *testing.T) {
	t.Parallel()
	b := setup(t, mongowire.Config{})
	ctx := t.Context()
	d, err := mongostore.Open(ctx, mongostore.Config{URI: "mongodb://" + b.addr, Database: "narrative", Timeout: 2 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Ensure(ctx, notes()); err != nil {
		t.Fatal(err)
	}
	if err := b.server.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-b.served; err != nil {
		t.Fatal(err)
	}
	b.server = mongowire.New(b.driver, mongowire.Config{})
	listener := listen(t, b.addr)
	serving := context.WithoutCancel(t.Context())
	go func() { b.served <- b.server.Serve(serving, listener) }()
	r := store.Record{ID: "n", Keys: map[string]any{"owner": "ann", "stars": int64(1)}, Body: []byte(`{}`)}
	for errs, err := d.Insert(ctx, "notes", r); err != nil || errs[0] != nil; errs, err = d.Insert(ctx, "notes", r) {
		// The first call may find its connection closed.
		if ctx.Err() != nil || err == nil {
			t.Fatal(errs, err)
		}
	}
	if _, err := d.Get(ctx, "notes", "n"); err != nil {
		t.Error(err)
	}
	if err := d.Close(ctx); err != nil {
		t.Error(err)
	}
}

func TestGreeting(t *testing.T) {
	t.Parallel()
	conn := setup(t, mongowire.Config{}).dial(t)
	ask := func(command *mongowire.Doc) []byte {
		t.Helper()
		query := append([]byte{0, 0, 0, 0}, "admin.$cmd\x00\x00\x00\x00\x00\xff\xff\xff\xff"...)
		if _, err := conn.Write(frame(2004, query, command.Close().Raw())); err != nil {
			t.Fatal(err)
		}
		var header [36]byte
		if _, err := io.ReadFull(conn, header[:]); err != nil {
			t.Fatal(err)
		}
		op, to, documents := binary.LittleEndian.Uint32(header[12:]), binary.LittleEndian.Uint32(header[8:]), binary.LittleEndian.Uint32(header[32:])
		if op != 1 || to != 77 || documents != 1 {
			t.Errorf("reply of type %d to %d with %d documents", op, to, documents)
		}
		doc := make([]byte, binary.LittleEndian.Uint32(header[0:])-36)
		if _, err := io.ReadFull(conn, doc); err != nil {
			t.Fatal(err)
		}
		return doc
	}
	doc := ask(mongowire.NewDoc().Int("isMaster", 1).Bool("helloOk", true))
	if mongowire.Find(doc, "ismaster") != "\x01" || mongowire.Find(doc, "maxWireVersion") != "\x19\x00\x00\x00" {
		t.Errorf("greeting is %q", doc)
	}
	if code, _, err := mongowire.ReplyCode(ask(mongowire.NewDoc().Text("find", "notes"))); code != 59 || err != nil {
		t.Errorf("query of find was answered with code %d, %v", code, err)
	}
}

// lines collects what a logger writes.
type lines struct{ ch chan string }

func (l lines) Write(p []byte) (int, error) {
	select {
	case l.ch <- string(p):
	default:
	}
	return len(p), nil
}

func TestMalformedFrames(t *testing.T) {
	t.Parallel()
	logged := lines{make(chan string, 10)}
	b := setup(t, mongowire.Config{Logger: slog.New(slog.NewTextHandler(logged, nil))})
	ping := command("ping", "x").Close().Raw()
	broken := bytes.Clone(ping)
	broken[0]++
	cases := map[string][]byte{
		"length below a header": {5, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0xdd, 7, 0, 0},
		"endless length":        {0xff, 0xff, 0xff, 0x7f, 1, 0, 0, 0, 0, 0, 0, 0, 0xdd, 7, 0, 0},
		"another protocol":      []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
		"unknown type":          frame(2012, ping),
		"no flags":              frame(2013, []byte{0}),
		"checksum":              frame(2013, []byte{1, 0, 0, 0, 0}, ping, []byte{0, 0, 0, 0}),
		"more to come":          frame(2013, []byte{2, 0, 0, 0, 0}, ping),
		"no body":               frame(2013, []byte{0, 0, 0, 0}),
		"two bodies":            frame(2013, []byte{0, 0, 0, 0, 0}, ping, []byte{0}, ping),
		"unknown section":       frame(2013, []byte{0, 0, 0, 0, 9}, ping),
		"empty command":         frame(2013, []byte{0, 0, 0, 0, 0, 5, 0, 0, 0, 0}),
		"wrong length in it":    frame(2013, []byte{0, 0, 0, 0, 0}, broken),
		"cut sequence":          frame(2013, []byte{0, 0, 0, 0, 0}, ping, []byte{1, 99, 0, 0, 0, 'x', 0}),
		"nameless sequence":     frame(2013, []byte{0, 0, 0, 0, 0}, ping, []byte{1, 5, 0, 0, 0, 'x'}),
		"sequence of rubbish":   frame(2013, []byte{0, 0, 0, 0, 0}, ping, []byte{1, 10, 0, 0, 0, 'x', 0, 1, 2, 3}),
		"unknown value":         frame(2013, []byte{0, 0, 0, 0, 0}, []byte{8, 0, 0, 0, 0x20, 'x', 0, 0}),
		"short query":           frame(2004, []byte{0, 0}),
		"query of a collection": frame(2004, []byte("\x00\x00\x00\x00narrative.notes\x00\x00\x00\x00\x00\x00\x00\x00\x00"), ping),
	}
	for name, message := range cases {
		conn := b.dial(t)
		if _, err := conn.Write(message); err != nil {
			t.Fatal(err)
		}
		if answer, err := io.ReadAll(conn); len(answer) > 0 {
			t.Errorf("%s: answered with %q, %v", name, answer, err)
		}
		select {
		case line := <-logged.ch:
			if !strings.Contains(line, "read command: ") {
				t.Errorf("%s: logged %q", name, line)
			}
		case <-time.After(10 * time.Second):
			t.Errorf("%s: nothing was logged", name)
		}
	}
	conn := b.dial(t)
	if _, err := conn.Write(msg(ping, "")[:20]); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil { //nolint:forcetypeassert // a panic fails the test
		t.Fatal(err)
	}
	if line := <-logged.ch; !strings.Contains(line, "unexpected EOF") {
		t.Errorf("cut message: logged %q", line)
	}
}

func TestServeRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t, mongowire.Config{Connections: 1})
	if err := b.server.Serve(t.Context(), listen(t, "0.0.0.0:0")); err == nil || !strings.Contains(err.Error(), "loopback") {
		t.Errorf("serve on every address: %v", err)
	}
	first := b.dial(t)
	hello := msg(mongowire.NewDoc().Int("hello", 1).Text("$db", "admin").Close().Raw(), "")
	var header [16]byte
	if _, err := first.Write(hello); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(first, header[:]); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(b.dial(t)); len(answer) > 0 || err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("one connection too many: %q, %v", answer, err)
	}
	if err := b.server.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := b.server.Serve(t.Context(), listen(t, "127.0.0.1:0")); err == nil || !strings.Contains(err.Error(), "shut down") {
		t.Errorf("serve after Shutdown: %v", err)
	}
}

func TestServeContext(t *testing.T) {
	t.Parallel()
	b := setup(t, mongowire.Config{})
	server := mongowire.New(b.driver, mongowire.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	listener := listen(t, "127.0.0.1:0")
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, listener) }()
	other := bundle{addr: listener.Addr().String()}
	conn := other.dial(t)
	if _, err := conn.Write(msg(mongowire.NewDoc().Int("ping", 1).Text("$db", "admin").Close().Raw(), "")); err != nil {
		t.Fatal(err)
	}
	var header [16]byte
	if _, err := io.ReadFull(conn, header[:]); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-served; !errors.Is(err, context.Canceled) {
		t.Errorf("serve: %v", err)
	}
	if _, err := io.ReadAll(conn); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("the connection after the end: %v", err)
	}
	if err := server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// slow is a driver whose Ping takes until it is let go.
type slow struct {
	*sqlitestore.Driver
	begun, let chan struct{}
}

func (s *slow) Ping(ctx context.Context) error {
	close(s.begun)
	select {
	case <-s.let:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TestShutdown checks that a command under way is answered, and that it is not
// waited for beyond the context.
func TestShutdown(t *testing.T) {
	t.Parallel()
	for _, patient := range []bool{true, false} {
		b := setup(t, mongowire.Config{})
		driver := &slow{b.driver, make(chan struct{}), make(chan struct{})}
		server := mongowire.New(driver, mongowire.Config{})
		listener := listen(t, "127.0.0.1:0")
		serving := context.WithoutCancel(t.Context())
		go func() { b.served <- server.Serve(serving, listener) }()
		other := bundle{addr: listener.Addr().String()}
		conn, idle := other.dial(t), other.dial(t)
		if _, err := conn.Write(msg(mongowire.NewDoc().Int("ping", 1).Text("$db", "admin").Close().Raw(), "")); err != nil {
			t.Fatal(err)
		}
		<-driver.begun
		ctx, cancel := context.WithCancel(t.Context())
		down := make(chan error, 1)
		go func() { down <- server.Shutdown(ctx) }()
		if answer, err := io.ReadAll(idle); len(answer) > 0 || err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("idle connection: %q, %v", answer, err)
		}
		if err := <-b.served; err != nil {
			t.Errorf("serve: %v", err)
		}
		if patient {
			close(driver.let)
		} else {
			cancel()
		}
		err := <-down
		answer, _ := io.ReadAll(conn)
		if patient && (err != nil || len(answer) < 21 || mongowire.Find(answer[21:], "ok") == "") {
			t.Errorf("patient shutdown: %v, answer %q", err, answer)
		}
		if !patient && (!errors.Is(err, context.Canceled) || len(answer) > 0) {
			t.Errorf("impatient shutdown: %v, answer %q", err, answer)
		}
		if !patient {
			close(driver.let)
		}
		cancel()
	}
}
