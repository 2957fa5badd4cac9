package httpapi

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/fault"
)

// maxChunks bounds how many cookies one session token may be spread over.
const maxChunks = 16

// authenticate admits the callers of operations that have a security
// requirement, before anything of the request is looked at.
func (s *server) authenticate(ctx huma.Context, next func(huma.Context)) {
	op := ctx.Operation()
	if len(op.Security) == 0 {
		next(ctx)
		return
	}
	c := humaecho.Unwrap(ctx)
	if err := s.admit(c, rolesOf(op)...); err != nil {
		s.answer(c, err)
		return
	}
	next(ctx)
}

// admit finds out who asks and whether they have one of the roles.
func (s *server) admit(c echo.Context, roles ...string) error {
	r := c.Request()
	token, cookie, err := credential(r)
	if err != nil {
		return err
	}
	caller, err := s.verifier.Verify(r.Context(), token)
	if err != nil {
		return err
	}
	if err := s.checkOrigin(r, cookie, caller.Development); err != nil {
		return err
	}
	x := exchangeOf(r.Context())
	x.caller, x.verified = caller, true
	if !slices.ContainsFunc(roles, caller.Has) {
		return fault.New(fault.ClassForbidden, "role_required", "this needs the role %s", strings.Join(roles, " or "))
	}
	return nil
}

// credential returns the bearer token, else the session token of the cookies.
func credential(r *http.Request) (token string, cookie bool, err error) {
	switch values := r.Header.Values("Authorization"); len(values) {
	case 0:
		token = sessionToken(r)
		return token, token != "", nil
	case 1:
		scheme, rest, _ := strings.Cut(values[0], " ")
		if !strings.EqualFold(scheme, "Bearer") || rest == "" {
			return "", false, fault.New(fault.ClassUnauthenticated, "token_malformed", "the header Authorization must be Bearer and a token")
		}
		return strings.TrimLeft(rest, " "), false, nil
	default:
		return "", false, fault.New(fault.ClassUnauthenticated, "token_malformed", "there are several headers Authorization; send one")
	}
}

// sessionToken returns the token that Auth.js keeps in a cookie, or in
// cookies named .0, .1 … where it is long.
func sessionToken(r *http.Request) string {
	for _, name := range []string{account.SecureSessionCookie, account.SessionCookie} {
		if c, err := r.Cookie(name); err == nil && c.Value != "" {
			return c.Value
		}
		var token strings.Builder
		for i := range maxChunks {
			c, err := r.Cookie(name + "." + strconv.Itoa(i))
			if err != nil {
				break
			}
			token.WriteString(c.Value)
		}
		if token.Len() > 0 {
			return token.String()
		}
	}
	return ""
}

// checkOrigin protects those whom the browser identifies without being asked:
// by a cookie, or because nobody is authenticated at all. Another site's page
// must not act for them.
func (s *server) checkOrigin(r *http.Request, cookie, development bool) error {
	if !cookie && !development {
		return nil
	}
	if development && !s.localHost(r.Host) {
		return fault.New(fault.ClassForbidden, "host_not_allowed", "in development mode the server answers only to localhost, addresses and names without a dot")
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions {
		return nil
	}
	origin := r.Header.Get("Origin")
	switch {
	case origin == "" && development && !cookie:
		return nil // a program, not a page
	case origin == "":
		return fault.New(fault.ClassForbidden, "origin_required", "a write that is authenticated by a cookie needs the header Origin")
	case slices.Contains(s.config.Origins, origin) || sameOrigin(r, origin):
		return nil
	}
	return fault.New(fault.ClassForbidden, "origin_not_allowed", "writes from this origin are not allowed")
}

// sameOrigin reports whether the origin is the address the request was sent to.
func sameOrigin(r *http.Request, origin string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || !strings.EqualFold(u.Host, r.Host) {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && r.TLS == nil
}

// localHost reports whether no public name can lead to the host: a page of
// another site could otherwise have its own name point here.
func (s *server) localHost(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	if _, err := netip.ParseAddr(name); err == nil || !strings.Contains(name, ".") || strings.HasSuffix(name, ".localhost") {
		return true
	}
	return slices.ContainsFunc(s.config.Origins, func(origin string) bool {
		u, err := url.Parse(origin)
		return err == nil && strings.EqualFold(u.Hostname(), name)
	})
}
