package chaos

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Mode is how a proxy treats what goes through it.
type Mode string

// The modes of a proxy.
const (
	Calm         Mode = "calm"          // everything passes
	Slow         Mode = "slow"          // everything is held for a while
	DropRequests Mode = "drop_requests" // nothing reaches the server; clients wait in vain
	DropReplies  Mode = "drop_replies"  // the server does what it is asked; nobody hears of it
	Refuse       Mode = "refuse"        // connections are reset, new ones at once
	Cut          Mode = "cut"           // a connection is reset after so many bytes of requests
	Fail         Mode = "fail"          // requests of HTTP are answered with a status, and reach nobody
)

// Weather is what a proxy does to its connections.
type Weather struct {
	Mode   Mode
	Delay  time.Duration // of Slow, for each piece and direction
	Bytes  int64         // of Cut
	Status int           // of Fail
}

// Proxy passes connections on to a server and hurts them on demand.
type Proxy struct {
	name     string
	target   string
	listener net.Listener
	observe  func() sniffer // of a new connection; nil: nobody looks

	mu      sync.Mutex
	weather Weather
	links   map[*link]struct{}
	closed  bool
	wg      sync.WaitGroup
}

// sniffer looks at what passes on one connection.
type sniffer interface {
	request(piece []byte)
	reply(piece []byte)
}

// link is one connection through the proxy.
type link struct {
	client, server net.Conn
	sniffer        sniffer

	mu     sync.Mutex
	sent   int64 // bytes of requests while they are counted
	doomed bool  // something was dropped: it cannot go on
}

// NewProxy listens on a free address of loopback for the server.
func NewProxy(ctx context.Context, name, target string, observe func() sniffer) (*Proxy, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for %s: %w", name, err)
	}
	p := &Proxy{name: name, target: target, listener: l, observe: observe, weather: Weather{Mode: Calm}, links: map[*link]struct{}{}}
	p.wg.Go(p.accept)
	return p, nil
}

// Addr is where clients connect.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Set changes the weather. Connections of which something was dropped end with
// the weather that dropped it.
func (p *Proxy) Set(w Weather) {
	p.mu.Lock()
	p.weather = w
	var over []*link
	for l := range p.links {
		l.mu.Lock()
		if l.doomed || w.Mode == Refuse {
			over = append(over, l)
		}
		l.sent = 0
		l.mu.Unlock()
	}
	p.mu.Unlock()
	for _, l := range over {
		l.reset()
	}
}

// Reset ends every connection at once.
func (p *Proxy) Reset() {
	p.mu.Lock()
	var all []*link
	for l := range p.links {
		all = append(all, l)
	}
	p.mu.Unlock()
	for _, l := range all {
		l.reset()
	}
}

// Close ends the proxy and all its connections.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	_ = p.listener.Close() // nobody is left to be told
	p.Reset()
	p.wg.Wait()
}

func (p *Proxy) now() Weather {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.weather
}

func (p *Proxy) accept() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.wg.Go(func() { p.serve(conn) })
	}
}

func (p *Proxy) serve(client net.Conn) {
	if p.now().Mode == Refuse {
		reset(client)
		return
	}
	server, err := net.DialTimeout("tcp", p.target, 5*time.Second) //nolint:noctx // it has a limit, and Close waits for it
	if err != nil {
		reset(client)
		return
	}
	l := &link{client: client, server: server}
	if p.observe != nil {
		l.sniffer = p.observe()
	}
	if !p.enter(l) {
		l.reset()
		return
	}
	defer p.leave(l)
	var pumps sync.WaitGroup
	pumps.Go(func() { p.pump(l, true) })
	pumps.Go(func() { p.pump(l, false) })
	pumps.Wait()
}

func (p *Proxy) enter(l *link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.links[l] = struct{}{}
	return true
}

func (p *Proxy) leave(l *link) {
	p.mu.Lock()
	delete(p.links, l)
	p.mu.Unlock()
	_ = l.client.Close() // both are over
	_ = l.server.Close()
}

// pump passes one direction on until it ends.
func (p *Proxy) pump(l *link, requests bool) {
	from, to := l.client, l.server
	if !requests {
		from, to = to, from
	}
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && !p.pass(l, to, buffer[:n], requests) {
			return
		}
		if err != nil {
			l.finish(err, to)
			return
		}
	}
}

// finish hands the end of one direction on to the other side.
func (l *link) finish(err error, to net.Conn) {
	half, ok := to.(*net.TCPConn)
	if err == io.EOF && ok { //nolint:errorlint // a connection's end is the bare value
		_ = half.CloseWrite() // it may be gone
		return
	}
	l.reset()
}

// pass hands a piece on as the weather allows, and reports whether the
// connection goes on.
func (p *Proxy) pass(l *link, to net.Conn, piece []byte, requests bool) bool {
	w := p.now()
	switch {
	case w.Mode == Slow:
		time.Sleep(w.Delay) //nolint:forbidigo // it is what this does
	case w.Mode == Refuse:
		l.reset()
		return false
	case w.Mode == Fail && requests && l.answer(piece, w.Status):
		return true
	case w.Mode == Cut && requests:
		if left := l.allow(len(piece), w.Bytes); left < len(piece) {
			_, _ = to.Write(piece[:left]) // it ends in any case
			l.reset()
			return false
		}
	}
	if l.sniffer != nil && !requests { // what was done was done, heard or not
		l.sniffer.reply(piece)
	}
	if l.drop(w.Mode == DropRequests && requests || w.Mode == DropReplies && !requests) {
		return true
	}
	if l.sniffer != nil && requests {
		l.sniffer.request(piece)
	}
	if _, err := to.Write(piece); err != nil {
		l.reset()
		return false
	}
	return true
}

// answer answers the request that begins the piece in place of the server, and
// reports whether it did; what else comes on the connection is dropped.
func (l *link) answer(piece []byte, status int) bool {
	if !begins(piece) {
		return false
	}
	l.drop(true)
	const body = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>%s</Message></Error>`
	text := http.StatusText(status)
	said := fmt.Sprintf(body, strings.ReplaceAll(text, " ", ""), text)
	_, _ = fmt.Fprintf(l.client, "HTTP/1.1 %d %s\r\nContent-Type: application/xml\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", status, text, len(said), said) // who asked may be gone
	return true
}

// begins reports whether a request of HTTP begins the piece.
func begins(piece []byte) bool {
	return slices.ContainsFunc(methods, func(m string) bool { return bytes.HasPrefix(piece, []byte(m)) })
}

// allow returns how many of n bytes may still go through.
func (l *link) allow(n int, limit int64) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	left := max(limit-l.sent, 0)
	l.sent += int64(n)
	return int(min(left, int64(n)))
}

// drop reports whether a piece is dropped; after one, all are.
func (l *link) drop(now bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.doomed = l.doomed || now
	return l.doomed
}

func (l *link) reset() {
	reset(l.client)
	reset(l.server)
}

// reset ends a connection without saying goodbye.
func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // it may be closed
	}
	_ = c.Close() // likewise
}
