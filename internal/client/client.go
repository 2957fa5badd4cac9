package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/narrativeml/narrative/internal/secret"
)

// Options are what a client may be told.
type Options struct {
	Token    secret.String                              // bearer token; may be empty
	HTTP     *http.Client                               // nil: one without a time limit, since uploads and downloads may be long
	Attempts int                                        // at one request; 0: 6
	Wait     func(context.Context, time.Duration) error // between attempts; nil: a timer
}

// Client is a client of one server. It is safe for concurrent use.
type Client struct {
	base     *url.URL
	token    secret.String
	http     *http.Client
	attempts int
	wait     func(context.Context, time.Duration) error
}

const (
	apiPath        = "/api/v1/"
	defaultTries   = 6
	firstPause     = 250 * time.Millisecond
	longestPause   = 30 * time.Second
	headerKey      = "Idempotency-Key"
	contentJSON    = "application/json"
	maxAnswer      = 64 << 20 // bytes of a JSON answer
	idempotencyLen = 16
)

// New returns a client of the server at the URL, such as
// http://127.0.0.1:8080.
func New(base string, opts Options) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("the server's address %q is no URL such as http://127.0.0.1:8080", base)
	}
	c := &Client{base: u, token: opts.Token, attempts: opts.Attempts, wait: opts.Wait}
	if c.attempts == 0 {
		c.attempts = defaultTries
	}
	if c.wait == nil {
		c.wait = pause
	}
	client := http.Client{}
	if opts.HTTP != nil {
		client = *opts.HTTP
	}
	// A redirect is followed by hand: it leads to another server, which must
	// not see the token.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.http = &client
	return c, nil
}

// Address is where the server is.
func (c *Client) Address() string { return c.base.String() }

// NewKey returns a random idempotency key.
func NewKey() string {
	var b [idempotencyLen]byte
	_, _ = rand.Read(b[:]) // it never fails
	return hex.EncodeToString(b[:])
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// call is one request, which can be made again while body can be.
type call struct {
	method string
	path   string // below /api/v1/
	query  url.Values
	header http.Header
	body   func() (io.ReadCloser, error) // nil: none
	once   bool                          // the body can be read only once
	length int64                         // of the body; 0: not known
}

// do makes the request, again while the server says that it is away or, for
// requests that may be repeated, cannot be reached. The caller closes the
// body of the answer; answers of 400 and more are errors.
func (c *Client) do(ctx context.Context, r call) (*http.Response, error) {
	delay := firstPause
	for try := 1; ; try++ {
		resp, err := c.send(ctx, r)
		if err == nil && resp.StatusCode < http.StatusBadRequest {
			return resp, nil
		}
		if err == nil {
			err = failure(resp)
		}
		if r.once || try >= c.attempts || !again(err) || ctx.Err() != nil {
			return nil, err
		}
		d := delay
		if e, ok := errors.AsType[*Error](err); ok && e.RetryAfter > 0 {
			d = min(e.RetryAfter, longestPause)
		}
		if errWait := c.wait(ctx, d); errWait != nil {
			return nil, err
		}
		delay = min(2*delay, longestPause)
	}
}

// again reports whether the same request may succeed later. All requests of
// this client may be repeated: those that make something carry a key.
func again(err error) bool {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Status == http.StatusServiceUnavailable || e.Status == http.StatusTooManyRequests && e.RetryAfter > 0
	}
	_, ok := errors.AsType[*UnreachableError](err)
	return ok
}

func (c *Client) send(ctx context.Context, r call) (*http.Response, error) {
	u := c.base.JoinPath(apiPath, r.path)
	u.RawQuery = r.query.Encode()
	var body io.ReadCloser
	if r.body != nil {
		var err error
		if body, err = r.body(); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, r.method, u.String(), body)
	if err != nil {
		return nil, fmt.Errorf("make a request: %w", err)
	}
	if r.length > 0 {
		req.ContentLength = r.length
	}
	maps.Copy(req.Header, r.header)
	if req.Header.Get("Accept") == "" {
		req.Header.Set("Accept", contentJSON)
	}
	if !c.token.IsZero() {
		req.Header.Set("Authorization", "Bearer "+c.token.Reveal())
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &UnreachableError{URL: c.base.String(), Err: cause(err)}
	}
	return resp, nil
}

// cause drops the method and the URL that net/http puts before an error.
func cause(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// get reads a JSON answer into v.
func (c *Client) get(ctx context.Context, path string, query url.Values, v any) error {
	return c.answer(ctx, call{method: http.MethodGet, path: path, query: query}, v)
}

// post sends in as JSON with an idempotency key and reads the answer into out.
func (c *Client) post(ctx context.Context, path string, in any, key string, out any) error {
	r, err := posting(path, in, key)
	if err != nil {
		return err
	}
	return c.answer(ctx, r, out)
}

// posting is a request that sends in as JSON with an idempotency key.
func posting(path string, in any, key string) (call, error) {
	r := call{method: http.MethodPost, path: path, header: http.Header{}}
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return call{}, fmt.Errorf("encode the request: %w", err)
		}
		r.header.Set("Content-Type", contentJSON)
		r.body = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil }
	}
	if key == "" {
		key = NewKey()
	}
	r.header.Set(headerKey, key)
	return r, nil
}

// answer makes the request and reads its JSON answer into v.
func (c *Client) answer(ctx context.Context, r call, v any) error {
	resp, err := c.do(ctx, r)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // what was read is enough
	return decode(resp, v)
}

func decode(resp *http.Response, v any) error {
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(v); err != nil {
		return fmt.Errorf("read the answer to %s %s: %w", resp.Request.Method, resp.Request.URL.Path, err)
	}
	return nil
}

// retryAfter reads the header in its form of seconds.
func retryAfter(h http.Header) time.Duration {
	n, err := strconv.Atoi(strings.TrimSpace(h.Get("Retry-After")))
	if err != nil || n < 0 {
		return 0
	}
	return time.Duration(min(n, 86_400)) * time.Second
}
