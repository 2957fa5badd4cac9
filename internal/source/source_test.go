package source_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/source"
)

// site is a server of files, and a reader that may read from it.
type site struct {
	url    string
	reader *source.Reader
}

// setup starts a server with TLS; change may alter what the reader may read.
func setup(t *testing.T, handler http.HandlerFunc, change ...func(*source.Config)) *site {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	c := source.Config{
		Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Ports: []uint16{portOf(t, server.URL)}, Timeout: 5 * time.Second,
		Transport: func(tr *http.Transport) {
			pool := x509.NewCertPool()
			pool.AddCert(server.Certificate())
			tr.TLSClientConfig.RootCAs = pool
			tr.TLSHandshakeTimeout, tr.ResponseHeaderTimeout = time.Minute, time.Minute // of a machine that is busy
		},
	}
	for _, f := range change {
		f(&c)
	}
	r, err := source.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return &site{url: server.URL, reader: r}
}

func portOf(t *testing.T, address string) uint16 {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	return uint16(n)
}

func (s *site) open(t *testing.T, path string, from int64, version string) (*source.File, string, error) {
	t.Helper()
	f, err := s.reader.Open(t.Context(), "acme", s.url+path, from, version)
	if err != nil {
		return nil, "", err
	}
	defer f.Body.Close()
	b, err := io.ReadAll(f.Body)
	return f, string(b), err
}

// checkRefused checks the code, and that nothing is told that must not be.
func checkRefused(t *testing.T, err error, class fault.Class, code string) {
	t.Helper()
	f, ok := fault.As(err)
	if !ok || f.Class != class || f.Code != code {
		t.Errorf("error %v, want %s %s", err, class, code)
		return
	}
	said := f.Message + fmt.Sprint(f.Fields)
	for _, hidden := range []string{"secret", "127.0.0.1", "169.254", "10.0.0", "internal.corp", "connection refused", "certificate signed"} {
		if strings.Contains(said, hidden) {
			t.Errorf("it says %q: %s", hidden, said)
		}
	}
}

func TestOpenAndGoOn(t *testing.T) {
	t.Parallel()
	const text = "a,b\n1,2\n3,4\n"
	tag := `"v1"`
	s := setup(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "identity" || r.Header.Get("Authorization") != "" {
			t.Errorf("headers %v", r.Header)
		}
		w.Header().Set("ETag", tag)
		w.Header().Set("Content-Type", "text/csv")
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(text))
	})
	f, got, err := s.open(t, "/x.csv?token=secret", 0, "")
	if err != nil || got != text || f.At != 0 || f.Size != int64(len(text)) || f.Version != `"v1"` {
		t.Fatalf("%+v %q: %v", f, got, err)
	}
	if f, got, err := s.open(t, "/x.csv", 4, `"v1"`); err != nil || got != text[4:] || f.At != 4 || f.Size != int64(len(text)) || f.Version != `"v1"` {
		t.Errorf("from the middle: %+v %q: %v", f, got, err)
	}
	for name, from := range map[string]int64{"from its end": int64(len(text)), "from behind it": 100} {
		if f, got, err := s.open(t, "/x.csv", from, `"v1"`); err != nil || got != text || f.At != 0 {
			t.Errorf("%s: %+v %q: %v", name, f, got, err)
		}
	}
	if f, got, err := s.open(t, "/x.csv", 4, ""); err != nil || got != text || f.At != 0 {
		t.Errorf("of no version: %+v %q: %v", f, got, err)
	}
	tag = `"v2"`
	if f, got, err := s.open(t, "/x.csv", 4, `"v1"`); err != nil || got != text || f.At != 0 || f.Version != `"v2"` {
		t.Errorf("of another version: %+v %q: %v", f, got, err)
	}
}

// TestServersThatDoNotGoOn checks what is made of answers to a question for a
// part that are not what was asked for.
func TestServersThatDoNotGoOn(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(w http.ResponseWriter){
		"the whole": func(w http.ResponseWriter) { _, _ = io.WriteString(w, "0123456789") },
		"another part": func(w http.ResponseWriter) {
			w.Header().Set("Content-Range", "bytes 3-9/10")
			w.WriteHeader(http.StatusPartialContent)
		},
		"not to the end": func(w http.ResponseWriter) {
			w.Header().Set("Content-Range", "bytes 4-5/10")
			w.WriteHeader(http.StatusPartialContent)
		},
		"no range": func(w http.ResponseWriter) { w.WriteHeader(http.StatusPartialContent) },
		"of another file": func(w http.ResponseWriter) {
			w.Header().Set("ETag", `"v2"`)
			w.Header().Set("Content-Range", "bytes 4-9/10")
			w.WriteHeader(http.StatusPartialContent)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Range") != "" {
					answer(w)
					return
				}
				_, _ = io.WriteString(w, "0123456789")
			})
			if f, got, err := s.open(t, "/", 4, `"v1"`); err != nil || f.At != 0 || got != "0123456789" {
				t.Errorf("%+v %q: %v", f, got, err)
			}
		})
	}
}

func TestAnswersThatAreRefused(t *testing.T) {
	t.Parallel()
	status := func(n int, headers ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(headers); i += 2 {
				w.Header().Set(headers[i], headers[i+1])
			}
			w.WriteHeader(n)
		}
	}
	raw := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_, _ = io.WriteString(conn, text)
				_ = conn.Close()
			}
		}
	}
	tests := []struct {
		name    string
		handler http.HandlerFunc
		class   fault.Class
		code    string
	}{
		{"not found", status(404), fault.ClassInvalid, "source_not_found"},
		{"gone", status(410), fault.ClassInvalid, "source_not_found"},
		{"unauthorized", status(401), fault.ClassInvalid, "source_unauthorized"},
		{"forbidden", status(403), fault.ClassInvalid, "source_unauthorized"},
		{"too many", status(429), fault.ClassUnavailable, "source_unavailable"},
		{"broken", status(500), fault.ClassUnavailable, "source_unavailable"},
		{"away", status(503, "Retry-After", "7"), fault.ClassUnavailable, "source_unavailable"},
		{"not implemented", status(501), fault.ClassInvalid, "source_answer"},
		{"nothing", status(204), fault.ClassInvalid, "source_answer"},
		{"a teapot", status(418), fault.ClassInvalid, "source_answer"},
		{"a part of it", status(206, "Content-Range", "bytes 0-1/10"), fault.ClassInvalid, "source_answer"},
		{"a page", status(200, "Content-Type", "text/html; charset=utf-8"), fault.ClassInvalid, "source_web_page"},
		{"an encoding", status(200, "Content-Encoding", "br"), fault.ClassInvalid, "source_encoding"},
		{"two encodings", status(200, "Content-Encoding", "gzip, gzip"), fault.ClassInvalid, "source_encoding"},
		{"leads nowhere", status(302), fault.ClassInvalid, "source_answer"},
		{"leads to plain http", status(302, "Location", "http://example.com/secret"), fault.ClassInvalid, "source_scheme"},
		{"leads to a file", status(302, "Location", "file:///etc/passwd"), fault.ClassInvalid, "source_scheme"},
		{"leads inside", status(302, "Location", "https://10.0.0.7/secret"), fault.ClassInvalid, "source_port"},
		{"leads to metadata", status(302, "Location", "http://169.254.169.254/latest/secret"), fault.ClassInvalid, "source_scheme"},
		{"leads to a user", status(302, "Location", "https://me:secret@internal.corp/"), fault.ClassInvalid, "source_credentials"},
		{"no http", raw("SSH-2.0-secret\r\n"), fault.ClassInvalid, "source_answer"},
		{"a head without an end", raw("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 200_000)), fault.ClassInvalid, "source_answer"},
		{"closes", raw(""), fault.ClassUnavailable, "source_unavailable"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := setup(t, tt.handler).open(t, "/x?token=secret", 0, "")
			checkRefused(t, err, tt.class, tt.code)
			if strings.Contains(fmt.Sprint(err), "token") {
				t.Errorf("the log says %v", err)
			}
			wait, ok := errors.AsType[interface {
				error
				RetryAfter() time.Duration
			}](err)
			if (tt.name == "away") != ok || ok && wait.RetryAfter() != 7*time.Second {
				t.Errorf("come again: %v", wait)
			}
		})
	}
	for name, encoding := range map[string]string{"identity": "identity", "packed": "gzip"} {
		if _, _, err := setup(t, status(200, "Content-Encoding", encoding)).open(t, "/", 0, ""); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	s := setup(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Referer") != "" {
			t.Errorf("it says where it comes from: %s", r.Header.Get("Referer"))
		}
		n, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
		if err != nil {
			t.Error(err)
		}
		if n > 0 {
			http.Redirect(w, r, fmt.Sprintf("/%d?token=secret", n-1), http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, "a\n1\n")
	})
	if _, got, err := s.open(t, "/5?token=secret", 0, ""); err != nil || got != "a\n1\n" {
		t.Errorf("five: %q, %v", got, err)
	}
	_, _, err := s.open(t, "/6", 0, "")
	checkRefused(t, err, fault.ClassInvalid, "source_redirects")
}

func TestBodiesThatBreakOff(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s := setup(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
		if r.URL.Path == "/silent" {
			<-release
		}
	}, func(c *source.Config) { c.Timeout = 300 * time.Millisecond })
	defer close(release)
	for _, path := range []string{"/short", "/silent"} {
		f, got, err := s.open(t, path, 0, "")
		if got != "half" && f != nil {
			t.Errorf("%s: %q", path, got)
		}
		checkRefused(t, err, fault.ClassUnavailable, "source_interrupted")
	}
	ctx, cancel := context.WithCancel(t.Context())
	f, err := s.reader.Open(ctx, "acme", s.url+"/silent", 0, "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Body.Close()
	cancel()
	if _, err := io.ReadAll(f.Body); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := s.reader.Open(ctx, "acme", s.url, 0, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before: %v", err)
	}
}

func TestBodiesThatTrickle(t *testing.T) {
	t.Parallel()
	s := setup(t, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			_, _ = io.WriteString(w, "1")
			_ = http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done():
			case <-time.After(5 * time.Millisecond):
			}
		}
	}, func(c *source.Config) { c.Timeout = 200 * time.Millisecond })
	_, _, err := s.open(t, "/", 0, "")
	checkRefused(t, err, fault.ClassUnavailable, "source_interrupted")
}

func TestServersThatAreNotTrusted(t *testing.T) {
	t.Parallel()
	s := setup(t, func(http.ResponseWriter, *http.Request) {}, func(c *source.Config) { c.Transport = nil })
	_, _, err := s.open(t, "/", 0, "")
	checkRefused(t, err, fault.ClassInvalid, "source_tls")
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "a\n1\n") }))
	t.Cleanup(plain.Close)
	c := source.Config{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Ports: []uint16{portOf(t, plain.URL)}}
	r, err := source.New(c)
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Open(t.Context(), "acme", "https"+strings.TrimPrefix(plain.URL, "http"), 0, "")
	checkRefused(t, err, fault.ClassInvalid, "source_tls")
	// Plain HTTP, where it is allowed.
	c.HTTP = true
	if r, err = source.New(c); err != nil {
		t.Fatal(err)
	}
	f, err := r.Open(t.Context(), "acme", plain.URL, 0, "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Body.Close()
	if b, err := io.ReadAll(f.Body); err != nil || string(b) != "a\n1\n" {
		t.Errorf("%q, %v", b, err)
	}
}

// TestNamesAreJudgedByTheirAddress checks that a name that is resolved to an
// address of this machine is refused when it is dialled, which is after it has
// passed Check.
func TestNamesAreJudgedByTheirAddress(t *testing.T) {
	t.Parallel()
	reached := false
	s := setup(t, func(http.ResponseWriter, *http.Request) { reached = true }, func(c *source.Config) { c.Networks = nil })
	address := strings.Replace(s.url, "127.0.0.1", "localhost", 1)
	if err := s.reader.Check("acme", address); err != nil {
		t.Fatal(err)
	}
	_, err := s.reader.Open(t.Context(), "acme", address, 0, "")
	checkRefused(t, err, fault.ClassInvalid, "source_address")
	if reached {
		t.Error("the server was reached")
	}
}

// TestNamesThatAreNotKnown checks that a name that leads nowhere is refused as one
// that leads inside is.
func TestNamesThatAreNotKnown(t *testing.T) {
	t.Parallel()
	r, err := source.New(source.Config{Transport: func(tr *http.Transport) {
		tr.DialContext = func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "db.internal.corp", IsNotFound: true}}
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Open(t.Context(), "acme", "https://db.internal.corp/x", 0, "")
	checkRefused(t, err, fault.ClassInvalid, "source_address")
}
