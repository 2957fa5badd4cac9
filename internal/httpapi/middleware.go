package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"github.com/narrativeml/narrative/internal/fault"
)

// The policies of content security: what a browser may do with an answer.
const (
	policyData = "default-src 'none'; frame-ancestors 'none'"
	policyPage = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	// The monitoring page is another project's; it carries its own styles and a script in the page.
	policyMonitoring = "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; connect-src 'self'; img-src 'self' data:; font-src 'self' data:; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

// minGzip is the length, in bytes, from which on an answer is compressed.
const minGzip = 1024

// secure sets what every answer says to browsers.
func secure(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Content-Security-Policy", policyData)
		h.Set("Cache-Control", "no-store")
		return next(c)
	}
}

// crossOrigin lets the pages of the configured origins use the API.
func crossOrigin(origins []string) echo.MiddlewareFunc {
	return middleware.CORSWithConfig(middleware.CORSConfig{
		// A client of tus asks by OPTIONS, too.
		Skipper: func(c echo.Context) bool {
			r := c.Request()
			return r.Method == http.MethodOptions && r.Header.Get(echo.HeaderOrigin) == "" && strings.HasPrefix(r.URL.Path, root+"/uploads")
		},
		AllowOrigins:     origins,
		AllowMethods:     []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete},
		AllowHeaders:     []string{"Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "Last-Event-ID", "X-Request-Id", headerTus, headerLength, headerOffset, headerMetadata, headerOverride},
		ExposeHeaders:    []string{"Location", "ETag", "Retry-After", "Link", "Idempotency-Replayed", "X-Request-Id", "WWW-Authenticate", "X-Narrative-Development", headerTus, headerLength, headerOffset, headerMetadata, headerExpires, "Tus-Version", "Tus-Extension", "Tus-Max-Size", headerDataset, headerJob},
		AllowCredentials: true,
		MaxAge:           600,
	})
}

// compress compresses long answers, but neither event streams, which must not
// wait for more, nor the handlers of others, which compress themselves.
func compress() echo.MiddlewareFunc {
	skip := func(c echo.Context) bool {
		path := c.Path()
		return strings.HasSuffix(path, "/events") || strings.HasPrefix(path, root+"/uploads") && c.Request().Method != http.MethodGet || path == "/metrics" || strings.HasPrefix(path, "/monitoring")
	}
	zip := middleware.GzipWithConfig(middleware.GzipConfig{MinLength: minGzip, Skipper: skip})
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		zipped := zip(next)
		return func(c echo.Context) error {
			if !skip(c) {
				c.Response().Writer = weakening{c.Response().Writer}
			}
			return zipped(c)
		}
	}
}

// weakening makes the strong ETag of an answer that is compressed a weak one: its
// bytes are others (RFC 9110, 8.8.1).
type weakening struct{ http.ResponseWriter }

// WriteHeader implements http.ResponseWriter.
func (w weakening) WriteHeader(status int) {
	h := w.Header()
	if tag := h.Get("ETag"); h.Get("Content-Encoding") != "" && strings.HasPrefix(tag, `"`) {
		h.Set("ETag", "W/"+tag)
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap leads http.ResponseController to the connection.
func (w weakening) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// checkQuery refuses query strings that are malformed or name a parameter
// twice; huma would look at the first only.
func (s *server) checkQuery(ctx huma.Context, next func(huma.Context)) {
	c := humaecho.Unwrap(ctx)
	values, err := url.ParseQuery(c.Request().URL.RawQuery)
	if err != nil {
		s.answer(c, malformed("malformed_query", "the query string cannot be read; percent signs must be followed by two hexadecimal digits and semicolons be written as %%3B"))
		return
	}
	for name, v := range values {
		if len(v) > 1 {
			s.answer(c, fault.Invalid("invalid_request", "the parameter %q is given %d times; give it once", shorten(name), len(v)).
				With(fault.Field{Location: "query." + fmt.Sprint(shorten(name)), Message: "is given more than once"}))
			return
		}
	}
	next(ctx)
}

// readBody reads the JSON body of an operation that has one, within its
// limits, so that huma finds it in memory and sound.
func (s *server) readBody(ctx huma.Context, next func(huma.Context)) {
	op := ctx.Operation()
	if op.RequestBody == nil || streams(op) {
		next(ctx)
		return
	}
	c := humaecho.Unwrap(ctx)
	b, err := s.body(c)
	if err == nil && len(b) == 0 && op.RequestBody.Required {
		err = malformed("body_required", "the body is empty; it must be a JSON object")
	}
	if err == nil && len(b) > 0 {
		err = checkJSON(b)
	}
	if err != nil {
		s.answer(c, err)
		return
	}
	c.Request().Body = io.NopCloser(bytes.NewReader(b))
	next(ctx)
}

// body returns the whole body, checked for its type and length.
func (s *server) body(c echo.Context) ([]byte, error) {
	r := c.Request()
	if given := r.Header.Get("Content-Type"); given != "" {
		kind, params, err := mime.ParseMediaType(given)
		charset := params["charset"]
		if err != nil || kind != "application/json" || charset != "" && !strings.EqualFold(charset, "utf-8") {
			return nil, fault.New(fault.ClassUnsupported, "unsupported_media_type", "the body's media type is %q; send application/json in UTF-8", shorten(given))
		}
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return nil, fault.New(fault.ClassUnsupported, "unsupported_encoding", "the body's encoding is %q; send it as it is", shorten(encoding))
	}
	// Past its deadline a read deadline ends the request's context too, so it
	// is taken back as soon as the body is here. Not every writer has one.
	control := http.NewResponseController(c.Response())
	_ = control.SetReadDeadline(time.Now().Add(s.config.RequestTimeout))
	b, err := io.ReadAll(io.LimitReader(r.Body, s.config.MaxBodyBytes+1))
	if err != nil {
		return nil, unreadable(err)
	}
	_ = control.SetReadDeadline(time.Time{})
	if int64(len(b)) > s.config.MaxBodyBytes {
		return nil, fault.TooLarge("body_too_large", "the body has more than %d bytes", s.config.MaxBodyBytes)
	}
	return b, nil
}

// unreadable says why a body could not be read to its end.
func unreadable(err error) error {
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		p := malformed("body_timeout", "the body did not arrive in time")
		p.Status = http.StatusRequestTimeout
		return p
	}
	return malformed("body_unreadable", "the body broke off before its end")
}

// maxDepth is how deep a JSON body may be nested.
const maxDepth = 32

// checkJSON refuses what encoding/json would forgive: bytes that are not
// UTF-8, keys given twice, and endless nesting.
func checkJSON(b []byte) error {
	if !utf8.Valid(b) {
		return malformed("malformed_json", "the body is not UTF-8")
	}
	if err := json.Unmarshal(b, new(json.RawMessage)); err != nil {
		if e, ok := errors.AsType[*json.SyntaxError](err); ok {
			return malformed("malformed_json", "the body is not JSON: %s at byte %d", e.Error(), e.Offset)
		}
		return malformed("malformed_json", "the body is not JSON")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	return checkValue(d, "body", 0)
}

func checkValue(d *json.Decoder, path string, depth int) error {
	token, err := d.Token()
	if err != nil {
		return malformed("malformed_json", "the body is not JSON")
	}
	if number, ok := token.(json.Number); ok {
		if _, err := number.Float64(); err != nil {
			return fault.Invalid("invalid_request", "%s is a number that is too large", path).
				With(fault.Field{Location: path, Message: "is too large a number", Value: shorten(number.String())})
		}
	}
	open, ok := token.(json.Delim)
	if !ok {
		return nil
	}
	if depth == maxDepth {
		return malformed("malformed_json", "the body is nested more than %d deep", maxDepth)
	}
	seen := map[string]bool{}
	for i := 0; d.More(); i++ {
		inner := fmt.Sprintf("%s[%d]", path, i)
		if open == '{' {
			token, err := d.Token()
			name, ok := token.(string)
			if err != nil || !ok {
				return malformed("malformed_json", "the body is not JSON")
			}
			inner = path + "." + fmt.Sprint(shorten(name))
			folded := strings.ToLower(name)
			if seen[folded] {
				p := malformed("duplicate_field", "%s is given more than once", inner)
				p.Errors = []fault.Field{{Location: inner, Message: "is given more than once"}}
				return p
			}
			seen[folded] = true
		}
		if err := checkValue(d, inner, depth+1); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}

// limitTime ends the work for a request that takes too long; operations that
// stream or wait set their own limits.
func (s *server) limitTime(ctx huma.Context, next func(huma.Context)) {
	if streams(ctx.Operation()) {
		next(ctx)
		return
	}
	limited, cancel := context.WithTimeout(ctx.Context(), s.config.RequestTimeout)
	defer cancel()
	c := humaecho.Unwrap(ctx)
	c.SetRequest(c.Request().WithContext(limited))
	next(ctx)
}
