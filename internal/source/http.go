package source

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"code.dny.dev/ssrf"

	"github.com/narrativeml/narrative/internal/fault"
)

const (
	maxRedirects = 5
	maxHead      = 64 << 10 // bytes of an answer's head
)

// errRedirects ends a chain of redirects that is too long.
var errRedirects = errors.New("source: too many redirects")

// newClient returns a client that connects only to where the guard lets it, and
// follows redirects only to addresses that check accepts.
func newClient(c Config, g guard, check func(*url.URL) error) *http.Client {
	dialer := &net.Dialer{Timeout: c.Timeout, Control: g.control}
	transport := &http.Transport{
		Proxy:                  nil, // the guard would see the proxy's address instead
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    c.Timeout,
		ResponseHeaderTimeout:  c.Timeout,
		MaxResponseHeaderBytes: maxHead,
		DisableCompression:     true, // what is compressed is unpacked with limits, later
		DisableKeepAlives:      true,
	}
	if c.Transport != nil {
		c.Transport(transport)
	}
	return &http.Client{Transport: transport, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects {
			return errRedirects
		}
		r.Header.Del("Referer") // an address may hold a secret
		return check(r.URL)
	}}
}

// openURL asks for the file from a byte on.
func (r *Reader) openURL(ctx context.Context, u *url.URL, from int64, version string) (*File, error) {
	ctx, cancel := context.WithCancel(ctx)
	file, err := r.request(ctx, cancel, u, from, version)
	if err != nil {
		cancel()
		return nil, err
	}
	if file != nil {
		return file, nil
	}
	if file, err = r.request(ctx, cancel, u, 0, ""); err != nil {
		cancel()
	}
	return file, err
}

// request makes one request. It returns nothing when a part was asked for that
// the server does not give, or not of the same file.
func (r *Reader) request(ctx context.Context, cancel context.CancelFunc, u *url.URL, from int64, version string) (*File, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return nil, refuse("invalid_source", "the source cannot be asked for")
	}
	req.Header.Set("User-Agent", "Narrative")
	req.Header.Set("Accept", "*/*")
	req.Header.Set("Accept-Encoding", "identity")
	if from > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", from))
		req.Header.Set("If-Range", version)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, r.unreached(ctx, err)
	}
	file, err := readHead(resp, from, version)
	if err != nil || file == nil {
		_ = resp.Body.Close() // it is of no use
		return nil, err
	}
	file.Body = newBody(ctx, cancel, resp.Body, r.config.Timeout)
	return file, nil
}

// readHead says what the answer holds.
func readHead(resp *http.Response, from int64, version string) (*File, error) {
	if resp.StatusCode == http.StatusRequestedRangeNotSatisfiable && from > 0 {
		return nil, nil //nolint:nilnil // it has to be read anew
	}
	if err := refused(resp); err != nil {
		return nil, err
	}
	file := &File{Size: resp.ContentLength, Version: versionOf(resp)}
	if resp.StatusCode == http.StatusPartialContent {
		size, ok := rangeFrom(resp.Header.Get("Content-Range"), from)
		switch {
		case from == 0 || !ok:
			if from > 0 {
				return nil, nil //nolint:nilnil // likewise
			}
			return nil, refuse("source_answer", "the source's server sends a part of the file, and was asked for the whole")
		case file.Version != "" && file.Version != version:
			return nil, nil //nolint:nilnil // likewise
		}
		file.At, file.Size, file.Version = from, size, version
	}
	if err := checkContent(resp.Header); err != nil {
		return nil, err
	}
	return file, nil
}

// refused explains a status that is no success.
func refused(resp *http.Response) error {
	status := resp.StatusCode
	switch {
	case status == http.StatusOK, status == http.StatusPartialContent:
		return nil
	case status == http.StatusNotFound, status == http.StatusGone:
		return refuse("source_not_found", "the source's server answers %d: there is no such file", status)
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusProxyAuthRequired:
		return refuse("source_unauthorized", "the source's server answers %d: it wants to know who asks, or the link is no longer good; use a link that carries its own signature", status)
	case status == http.StatusTooManyRequests, status == http.StatusRequestTimeout, status >= http.StatusInternalServerError && status != http.StatusNotImplemented:
		return unavailable("source_unavailable", "the source's server answers %d", status).Because(later(resp.Header.Get("Retry-After")))
	default:
		return refuse("source_answer", "the source's server answers %d and sends no file", status)
	}
}

// unavailable is a failure that may be gone later.
func unavailable(code, format string, args ...any) *fault.Error {
	return fault.Unavailable(code, format, args...)
}

// delayError says when to come again.
type delayError time.Duration

// Error implements error.
func (e delayError) Error() string { return "come again in " + time.Duration(e).String() }

// RetryAfter is after what time to come again.
func (e delayError) RetryAfter() time.Duration { return time.Duration(e) }

// maxDelay bounds what a server may ask for.
const maxDelay = time.Hour

// later reads seconds of a Retry-After; dates, which need clocks that agree, and
// nonsense are nothing.
func later(text string) error {
	if n, err := strconv.ParseUint(text, 10, 31); err == nil {
		return delayError(min(time.Duration(n)*time.Second, maxDelay))
	}
	return nil
}

// versionOf returns what tells whether the file is still the same: a strong tag.
func versionOf(resp *http.Response) string {
	if strings.EqualFold(resp.Header.Get("Accept-Ranges"), "none") {
		return ""
	}
	if tag := resp.Header.Get("ETag"); len(tag) > 2 && len(tag) < 1024 && tag[0] == '"' && tag[len(tag)-1] == '"' {
		return tag
	}
	return ""
}

// rangeFrom reads "bytes 5-9/10", which must begin at from and go on to the end.
func rangeFrom(header string, from int64) (size int64, ok bool) {
	span, all, _ := strings.Cut(strings.TrimPrefix(header, "bytes "), "/")
	first, last, _ := strings.Cut(span, "-")
	if first != strconv.FormatInt(from, 10) {
		return 0, false
	}
	if all == "*" {
		return -1, true
	}
	size, err := strconv.ParseInt(all, 10, 64)
	return size, err == nil && last == strconv.FormatInt(size-1, 10)
}

// checkContent refuses what is surely not the file.
func checkContent(h http.Header) error {
	encodings := strings.FieldsFunc(strings.ToLower(strings.Join(h.Values("Content-Encoding"), ",")), func(r rune) bool { return r == ',' || r == ' ' })
	encodings = slices.DeleteFunc(encodings, func(e string) bool { return e == "identity" })
	if len(encodings) > 1 || len(encodings) == 1 && !slices.Contains([]string{"gzip", "x-gzip", "zstd"}, encodings[0]) {
		return refuse("source_encoding", "the source's server sends the file in the encoding %.40q, though it was asked for none; gzip and zstd can be read", strings.Join(encodings, ", "))
	}
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err == nil && (kind == "text/html" || kind == "application/xhtml+xml") {
		return refuse("source_web_page", "the source is a web page (%s) and no file: a page to sign in, or one that shows the file; use the address of the file itself", kind)
	}
	return nil
}

// unreached explains why there is no answer. The cause goes to the log, without
// the address, which may hold a secret.
func (r *Reader) unreached(ctx context.Context, err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx) //nolint:wrapcheck // the caller knows its context
	}
	if f, ok := fault.As(err); ok { // of a redirect
		return fault.Invalid(f.Code, "the source leads on to another address, which is not read: %s", f.Message).With(f.Fields...)
	}
	switch {
	case errors.Is(err, errRedirects):
		return refuse("source_redirects", "the source leads on more than %d times", maxRedirects)
	case errors.Is(err, ssrf.ErrProhibitedIP), errors.Is(err, ssrf.ErrProhibitedPort), errors.Is(err, ssrf.ErrProhibitedNetwork), errors.Is(err, ssrf.ErrInvalidHostPort):
		return errNotPublic()
	case untrusted(err):
		return refuse("source_tls", "the source's server does not speak TLS as it should, or its certificate cannot be trusted").Because(err)
	}
	if garbled(err) {
		return refuse("source_answer", "the source's server does not speak HTTP as it should").Because(err)
	}
	if e, ok := errors.AsType[*net.DNSError](err); ok && e.IsNotFound {
		return errNotPublic()
	}
	return unavailable("source_unavailable", "the source's server cannot be reached or does not answer").Because(err)
}

// untrusted reports whether TLS failed for what will not be better later.
func untrusted(err error) bool {
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	_, header := errors.AsType[tls.RecordHeaderError](err)
	_, alert := errors.AsType[tls.AlertError](err)
	_, host := errors.AsType[x509.HostnameError](err)
	_, authority := errors.AsType[x509.UnknownAuthorityError](err)
	return certificate || header || alert || host || authority || errors.Is(err, http.ErrSchemeMismatch)
}

// garbled reports whether the head of an answer is none, or too long. net/http
// has no errors for that.
func garbled(err error) bool {
	_, line := errors.AsType[textproto.ProtocolError](err)
	return line || slices.ContainsFunc([]string{"malformed HTTP", "response headers exceeded", "bad Content-Length", "transfer encoding"}, func(sign string) bool {
		return strings.Contains(err.Error(), sign)
	})
}

// body is a download that ends when it stands still.
type body struct {
	ctx     context.Context //nolint:containedctx // io.Reader has no place for it
	cancel  context.CancelFunc
	source  io.ReadCloser
	timeout time.Duration
	timer   *time.Timer

	waited time.Duration // for the source, in this span
	got    int64         // bytes in it
}

// A source has to send so much in a span of so many timeouts, or it holds a worker
// for next to nothing. Time in which nobody reads does not count.
const (
	slowSpan = 4
	slowRate = 1 << 10 // bytes a second
)

func newBody(ctx context.Context, cancel context.CancelFunc, source io.ReadCloser, timeout time.Duration) *body {
	b := &body{ctx: ctx, cancel: cancel, source: source, timeout: timeout, timer: time.AfterFunc(timeout, cancel)}
	b.timer.Stop()
	return b
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	b.timer.Reset(b.timeout)
	began := time.Now()
	n, err := b.source.Read(p)
	silent := !b.timer.Stop()
	b.waited += time.Since(began)
	b.got += int64(n)
	if b.waited >= slowSpan*b.timeout {
		if err == nil && float64(b.got) < b.waited.Seconds()*slowRate {
			return n, unavailable("source_interrupted", "the source's server sends less than %d bytes a second", slowRate)
		}
		b.waited, b.got = 0, 0
	}
	switch {
	case err == nil, err == io.EOF: // a wrapped one means the contrary
		return n, err //nolint:wrapcheck // io.EOF must stay bare
	case silent:
		return n, unavailable("source_interrupted", "the source's server has sent nothing for %s", b.timeout).Because(err)
	case b.ctx.Err() != nil:
		return n, context.Cause(b.ctx) //nolint:wrapcheck // the caller knows its context
	default:
		return n, unavailable("source_interrupted", "the source broke off").Because(err)
	}
}

// Close implements io.Closer.
func (b *body) Close() error {
	b.timer.Stop()
	b.cancel()
	return b.source.Close() //nolint:wrapcheck // nothing depends on it
}
