package chaos_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/drill/chaos"
)

// soon is when what must come is late.
const soon = 20 * time.Second

// echo is a server that answers every line with itself and counts them.
type echo struct {
	addr  string
	lines atomic.Int64
	bytes atomic.Int64
}

func startEcho(t *testing.T) *echo {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := &echo{addr: l.Addr().String()}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go e.serve(conn)
		}
	}()
	return e
}

func (e *echo) serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for {
		line, err := in.ReadString('\n')
		e.bytes.Add(int64(len(line)))
		if err != nil {
			return
		}
		e.lines.Add(1)
		if _, err := io.WriteString(conn, line); err != nil {
			return
		}
	}
}

// dial connects to the proxy.
func dial(t *testing.T, p *chaos.Proxy) net.Conn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// ask sends a line and reads its answer until the limit.
func ask(conn net.Conn, line string, limit time.Duration) (string, error) {
	if err := conn.SetDeadline(time.Now().Add(limit)); err != nil {
		return "", err
	}
	if _, err := io.WriteString(conn, line+"\n"); err != nil {
		return "", err
	}
	answer := make([]byte, len(line)+1)
	_, err := io.ReadFull(conn, answer)
	return string(answer), err
}

// attempt asks on a connection of its own, which may not even come about.
func attempt(t *testing.T, p *chaos.Proxy) error {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", p.Addr())
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = ask(conn, "hello", soon)
	return err
}

// until waits for what must come.
func until(t *testing.T, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("it never came")
		}
	}
}

func newProxy(t *testing.T, target string) *chaos.Proxy {
	t.Helper()
	p, err := chaos.NewProxy(t.Context(), "test", target, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func TestProxyPasses(t *testing.T) {
	t.Parallel()
	p := newProxy(t, startEcho(t).addr)
	for _, w := range []chaos.Weather{{Mode: chaos.Calm}, {Mode: chaos.Slow, Delay: time.Millisecond}, {Mode: chaos.Cut, Bytes: 1000}} {
		p.Set(w)
		if got, err := ask(dial(t, p), "hello", soon); err != nil || got != "hello\n" {
			t.Errorf("%s: %q, %v", w.Mode, got, err)
		}
	}
}

// A dropped request never reaches the server; of a dropped reply the server has
// done what it was asked.
func TestProxyDropsRequestsAndRepliesApart(t *testing.T) {
	t.Parallel()
	for mode, reached := range map[chaos.Mode]int64{chaos.DropRequests: 0, chaos.DropReplies: 1} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			e := startEcho(t)
			p := newProxy(t, e.addr)
			conn := dial(t, p)
			p.Set(chaos.Weather{Mode: mode})
			var timeout net.Error
			if _, err := ask(conn, "hello", 200*time.Millisecond); !errors.As(err, &timeout) || !timeout.Timeout() {
				t.Errorf("want silence, got %v", err)
			}
			if reached > 0 {
				until(t, func() bool { return e.lines.Load() == reached })
			}
			p.Set(chaos.Weather{Mode: chaos.Calm})
			if _, err := ask(conn, "again", soon); err == nil || errors.As(err, &timeout) && timeout.Timeout() {
				t.Errorf("a connection that lost something goes on: %v", err)
			}
			if got, err := ask(dial(t, p), "new", soon); err != nil || got != "new\n" {
				t.Errorf("%q, %v", got, err)
			}
			if got := e.lines.Load(); got != reached+1 {
				t.Errorf("%d lines reached the server, want %d", got, reached+1)
			}
		})
	}
}

// What fails is answered in the server's place, and the server hears nothing of
// it.
func TestProxyFails(t *testing.T) {
	t.Parallel()
	var served atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { served.Add(1) }))
	t.Cleanup(server.Close)
	p := newProxy(t, server.Listener.Addr().String())
	put := func() (int, error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+p.Addr()+"/bucket/key", strings.NewReader("text"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return 0, err
		}
		return resp.StatusCode, resp.Body.Close()
	}
	for i, status := range []int{http.StatusServiceUnavailable, http.StatusInsufficientStorage} {
		p.Set(chaos.Weather{Mode: chaos.Fail, Status: status})
		if got, err := put(); got != status || err != nil || served.Load() != int64(i) {
			t.Errorf("status %d, %v; %d requests reached the server", got, err, served.Load())
		}
		p.Set(chaos.Weather{Mode: chaos.Calm})
		if got, err := put(); got != http.StatusOK || err != nil || served.Load() != int64(i+1) {
			t.Errorf("status %d, %v; %d requests reached the server", got, err, served.Load())
		}
	}
}

func TestProxyCutsAndRefuses(t *testing.T) {
	t.Parallel()
	e := startEcho(t)
	p := newProxy(t, e.addr)
	p.Set(chaos.Weather{Mode: chaos.Cut, Bytes: 3})
	if _, err := ask(dial(t, p), "hello", soon); err == nil {
		t.Error("what was cut was answered")
	}
	until(t, func() bool { return e.bytes.Load() <= 3 })
	open := dial(t, p)
	p.Set(chaos.Weather{Mode: chaos.Refuse})
	if _, err := ask(open, "hello", soon); err == nil {
		t.Error("an open connection goes on")
	}
	if err := attempt(t, p); err == nil {
		t.Error("a new connection goes on")
	}
	p.Set(chaos.Weather{Mode: chaos.Calm})
	held := dial(t, p)
	if _, err := ask(held, "hello", soon); err != nil {
		t.Error(err)
	}
	p.Reset()
	if _, err := ask(held, "hello", soon); err == nil {
		t.Error("a connection that was reset goes on")
	}
	if e.lines.Load() != 1 {
		t.Errorf("%d lines reached the server", e.lines.Load())
	}
}

// A proxy before a server that is not there ends connections.
func TestProxyWithoutServer(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := l.Addr().String()
	l.Close()
	if err := attempt(t, newProxy(t, gone)); err == nil {
		t.Error("nobody answered")
	}
}

// The files that are stored are written down, with what the server said.
func TestPutsAreWrittenDown(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if strings.Contains(r.URL.Path, "refused") {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(server.Close)
	h, err := chaos.NewHistory(filepath.Join(t.TempDir(), "history.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var stored []string
	p, err := chaos.NewProxy(t.Context(), "files", server.Listener.Addr().String(), chaos.Puts(h, "bucket", func(key string) { stored = append(stored, key) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	client := &http.Client{}
	for _, r := range []struct{ method, path string }{
		{"PUT", "/bucket/jobs/a/1/model.bin"},
		{"GET", "/bucket/jobs/a/1/model.bin"},
		{"PUT", "/bucket/refused"},
		{"PUT", "/other/file"},
		{"PUT", "/bucket/big?partNumber=1&uploadId=u"},
		{"POST", "/bucket/big?uploadId=u"},
		{"DELETE", "/bucket/x"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), r.method, "http://"+p.Addr()+r.path, strings.NewReader("PUT /bucket/no HTTP/1.1\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	client.CloseIdleConnections()
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, e := range h.Events() {
		said = append(said, fmt.Sprint(e.What, " ", e.Key, " ", e.Status))
	}
	want := "[put jobs/a/1/model.bin 200 put refused 503 put big 200]"
	if fmt.Sprint(said) != want || fmt.Sprint(stored) != "[jobs/a/1/model.bin big]" {
		t.Errorf("%v, stored %v, want %s", said, stored, want)
	}
}

// A history is a file that is never written over, and can be read again.
func TestHistory(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "history.jsonl")
	h, err := chaos.NewHistory(path)
	if err != nil {
		t.Fatal(err)
	}
	h.Append(chaos.Event{What: chaos.Asked, Key: "k"})
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), `"asked"`) {
		t.Errorf("what was appended is not on disk: %q, %v", text, err)
	}
	h.Add(chaos.Event{What: chaos.Accepted, Key: "k", Job: "job_1"})
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	events, err := chaos.ReadHistory(path)
	if err != nil || len(events) != 2 || events[1].Job != "job_1" || events[1].At < events[0].At {
		t.Errorf("%+v, %v", events, err)
	}
	if _, err := chaos.NewHistory(path); err == nil {
		t.Error("a history was begun over another one")
	}
	if err := os.WriteFile(path, []byte("{\"at\":1}\n{\"at\":"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := chaos.ReadHistory(path); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("a broken history: %v", err)
	}
}
