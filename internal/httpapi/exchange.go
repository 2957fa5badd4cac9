package httpapi

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/narrativeml/narrative/internal/account"
)

// exchange is what is known of one request while it is answered.
type exchange struct {
	id       string
	path     string
	start    time.Time
	echo     echo.Context
	caller   account.Caller
	code     string // of the problem it ended in
	cause    error  // of the problem, where the client is not told
	verified bool
}

type exchangeKey struct{}

// exchangeOf returns the exchange that the context belongs to. Every request
// has one: observe puts it there.
func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// callerOf returns who asks; admit has put it there.
func callerOf(ctx context.Context) account.Caller { return exchangeOf(ctx).caller }

// edge is what the API and the operations of the other processes share.
type edge struct {
	logger   *slog.Logger
	observer Observer
	now      func() time.Time
	timeout  time.Duration
	banner   bool // development: say so on every answer
}

// observe gives every request an exchange, answers its error or panic, and
// writes the one line about it.
func (e *edge) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		x := &exchange{id: requestID(r.Header.Get("X-Request-Id")), path: r.URL.EscapedPath(), start: e.now(), echo: c}
		c.SetRequest(r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x)))
		head := c.Response().Header()
		head.Set("X-Request-Id", x.id)
		if e.banner {
			head.Set("X-Narrative-Development", "true")
		}
		// A client that does not read its answer must not hold a connection;
		// what streams sets other deadlines. Not every writer has them.
		x.allow(e.timeout)
		broken := e.run(c, next)
		e.log(c, x)
		if broken {
			panic(http.ErrAbortHandler) // the answer had begun: cut it off so that nobody takes it for whole
		}
		return nil
	}
}

// run calls the handler and answers what it could not. It reports whether an
// answer was begun that cannot be finished.
func (e *edge) run(c echo.Context, next echo.HandlerFunc) (broken bool) {
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		if err, ok := r.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			broken = true
			return
		}
		broken = c.Response().Committed
		e.answer(c, fmt.Errorf("panic: %v\n%s", r, debug.Stack()))
	}()
	if err := next(c); err != nil {
		broken = c.Response().Committed
		e.answer(c, err)
	}
	return broken
}

// answer writes err as a problem, if nothing was written yet.
func (e *edge) answer(c echo.Context, err error) {
	p := exchangeOf(c.Request().Context()).problem(err)
	if c.Response().Committed {
		return
	}
	lingerFor(c.Response())
	head := c.Response().Header()
	maps.Copy(head, p.header)
	head.Set("Content-Type", problemType)
	head.Del("ETag")
	c.Response().WriteHeader(p.Status)
	if c.Request().Method != http.MethodHead {
		_, _ = c.Response().Write(encode(p)) // the client may be gone; there is nobody to tell
	}
}

// log writes the one line about the request and counts it.
func (e *edge) log(c echo.Context, x *exchange) {
	r, w := c.Request(), c.Response()
	duration := e.now().Sub(x.start)
	status := w.Status
	if !w.Committed && r.Context().Err() != nil {
		status = statusClosed
	}
	route := c.Path()
	if x.code == "route_not_found" || route == "" {
		route = "unmatched"
	}
	if e.observer != nil {
		e.observer.ObserveRequest(knownMethod(r.Method), route, status, duration)
	}
	level := slog.LevelInfo
	switch {
	case x.cause != nil:
		level = slog.LevelError
	case strings.HasPrefix(route, "/health") || route == "/metrics":
		level = slog.LevelDebug
	}
	attrs := []slog.Attr{
		slog.String("request_id", x.id), slog.String("method", r.Method), slog.String("path", x.path),
		slog.String("route", route), slog.Int("status", status), slog.Int64("bytes", w.Size),
		slog.Float64("duration_ms", float64(duration.Microseconds())/1000), slog.String("remote", r.RemoteAddr),
	}
	if x.verified {
		attrs = append(attrs, slog.String("tenant", x.caller.Tenant), slog.String("user", x.caller.User))
	}
	if x.code != "" {
		attrs = append(attrs, slog.String("code", x.code))
	}
	if x.cause != nil {
		attrs = append(attrs, slog.String("error", x.cause.Error()))
	}
	e.logger.LogAttrs(r.Context(), level, "request", attrs...)
}

// requestID takes over a harmless identifier of the client, or makes one.
func requestID(given string) string {
	const longest = 64
	if given == "" || len(given) > longest {
		return rand.Text()
	}
	for _, b := range []byte(given) {
		if (b < 'a' || b > 'z') && (b < 'A' || b > 'Z') && (b < '0' || b > '9') && b != '-' && b != '_' && b != '.' {
			return rand.Text()
		}
	}
	return given
}

// knownMethod keeps the number of label values small.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete, http.MethodOptions, http.MethodPut, http.MethodPatch:
		return method
	default:
		return "other"
	}
}
