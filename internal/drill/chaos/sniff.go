package chaos

import (
	"bytes"
	"net/url"
	"strconv"
	"strings"
	"sync"
)

// puts is a sniffer of the file server's connections: it writes down every file
// that was stored. A request begins a piece, and so does its reply.
type puts struct {
	history *History
	bucket  string
	stored  func(key string) // may be nil

	mu    sync.Mutex
	asked []string // keys of the requests that wait for their replies, "" for others
}

var _ sniffer = (*puts)(nil)

var methods = []string{"PUT ", "GET ", "HEAD ", "POST ", "DELETE "} //nolint:gochecknoglobals // a list

// request implements sniffer.
func (p *puts) request(piece []byte) {
	for _, m := range methods {
		if !bytes.HasPrefix(piece, []byte(m)) {
			continue
		}
		line, _, _ := strings.Cut(string(piece[:min(len(piece), 4096)]), "\r\n")
		fields := strings.Fields(line)
		if len(fields) != 3 || !strings.HasPrefix(fields[2], "HTTP/1.") {
			return
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.asked = append(p.asked, p.key(fields[0], fields[1]))
		return
	}
}

// key returns what a request stores, "" when it stores no whole file.
func (p *puts) key(method, target string) string {
	u, err := url.ParseRequestURI(target)
	if err != nil || method != "PUT" && method != "POST" {
		return ""
	}
	key, ok := strings.CutPrefix(u.Path, "/"+p.bucket+"/")
	parts := u.Query()
	switch {
	case !ok:
		return ""
	case method == "PUT" && !parts.Has("partNumber"):
		return key
	case method == "POST" && parts.Has("uploadId"): // the end of an upload in parts
		return key
	default:
		return ""
	}
}

// reply implements sniffer.
func (p *puts) reply(piece []byte) {
	const version = "HTTP/1.1 "
	if !bytes.HasPrefix(piece, []byte(version)) || len(piece) < len(version)+3 {
		return
	}
	status, err := strconv.Atoi(string(piece[len(version) : len(version)+3]))
	if err != nil || status < 200 {
		return
	}
	p.mu.Lock()
	if len(p.asked) == 0 {
		p.mu.Unlock()
		return
	}
	key := p.asked[0]
	p.asked = p.asked[1:]
	p.mu.Unlock()
	if key == "" {
		return
	}
	p.history.Add(Event{What: Put, Key: key, Status: status})
	if status == 200 && p.stored != nil {
		p.stored(key)
	}
}
