package httpapi_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/account/accounttest"
	"github.com/narrativeml/narrative/internal/httpapi"
	"github.com/narrativeml/narrative/internal/secret"
)

// header is the cookies as a browser sends them.
func header(cookies []accounttest.Cookie) string {
	pairs := make([]string, len(cookies))
	for i, c := range cookies {
		pairs[i] = c.Name + "=" + c.Value
	}
	return strings.Join(pairs, "; ")
}

// changed returns the cookies after a change to a copy of them.
func changed(cookies []accounttest.Cookie, change func([]accounttest.Cookie) []accounttest.Cookie) []accounttest.Cookie {
	return change(slices.Clone(cookies))
}

// TestAuthjsCookies sends the cookies that Auth.js itself has a browser keep
// for a session whose token is longer than one cookie may be.
func TestAuthjsCookies(t *testing.T) {
	t.Parallel()
	const current = "the-secret-of-the-front-end-of-this-test"
	session := func(key, cookie, tenant string, filling int) accounttest.Session {
		return accounttest.Session{Key: key, Salt: cookie, MaxAge: 600, Token: map[string]any{
			"sub": "ada", "tenant": tenant, "roles": []string{"analyst", "operator"}, "picture": strings.Repeat("data:image/png;base64,", filling),
		}}
	}
	const long = 400 // about 12 kB as a token: several chunks
	minted := accounttest.Mint(t,
		session(current, account.SessionCookie, "acme", long),
		session(current, account.SecureSessionCookie, "acme", long),
		session(current, account.SessionCookie, "acme", 0),
		session(current, account.SessionCookie, "umbrella", long),
		session("another-secret-of-another-front-end-0001", account.SessionCookie, "acme", long),
	)
	plain, secure, short, umbrella, forged := minted[0], minted[1], minted[2], minted[3], minted[4]
	for _, m := range []accounttest.Minted{plain, secure, umbrella, forged} {
		if n := len(m.Cookies); n < 3 || len(m.Token) < 4096 || !strings.HasSuffix(m.Cookies[n-1].Name, "."+strconv.Itoa(n-1)) {
			t.Fatalf("a token of %d bytes is in %d cookies, want at least three named .0, .1, .2", len(m.Token), n)
		}
	}
	if len(short.Cookies) != 1 || short.Cookies[0].Name != account.SessionCookie {
		t.Fatalf("a short session is in %d cookies", len(short.Cookies))
	}

	v, err := account.NewVerifier(account.Config{Secrets: []secret.String{secret.New(current)}})
	if err != nil {
		t.Fatal(err)
	}
	b := withServices(t, func(b *bench) { b.deps.Verifier = v })
	jobsOf := func(cookies []accounttest.Cookie) int {
		r := b.get(t, jobsPath, "", "Cookie", header(cookies))
		if r.status != http.StatusOK {
			t.Fatalf("reading: status %d: %s", r.status, r.body)
		}
		return len(decode[httpapi.Page[httpapi.Job]](t, r).Items)
	}
	write := func(cookies []accounttest.Cookie, headers ...string) reply {
		return b.send(t, "/api/v1/cleanup", "", "{}", append(headers, "Cookie", header(cookies))...)
	}
	backwards := changed(plain.Cookies, func(c []accounttest.Cookie) []accounttest.Cookie { slices.Reverse(c); return c })
	written := 0
	for name, cookies := range map[string][]accounttest.Cookie{
		"chunks": plain.Cookies, "secure": secure.Cookies, "one cookie": short.Cookies, "sent in another order": backwards,
		"among others": append([]accounttest.Cookie{{Name: "authjs.csrf-token", Value: "x"}, {Name: account.SessionCookie + ".x", Value: "y"}}, plain.Cookies...),
	} {
		if got := jobsOf(cookies); got != written {
			t.Errorf("%s: the tenant has %d jobs, want %d", name, got, written)
		}
		wantProblem(t, write(cookies), http.StatusForbidden, "origin_required")
		wantProblem(t, write(cookies, "Origin", "https://evil.example.org"), http.StatusForbidden, "origin_not_allowed")
		wantProblem(t, write(cookies, "Origin", "null"), http.StatusForbidden, "origin_not_allowed")
		if got := jobsOf(cookies); got != written {
			t.Errorf("%s: a refused write left %d jobs, want %d", name, got, written)
		}
		for _, from := range []string{origin, b.url} {
			if r := write(cookies, "Origin", from); r.status != http.StatusAccepted {
				t.Errorf("%s: writing from %s: status %d: %s", name, from, r.status, r.body)
			}
			written++
		}
	}
	if got := jobsOf(umbrella.Cookies); got != 0 {
		t.Errorf("another tenant sees %d jobs", got)
	}

	last := len(plain.Cookies) - 1
	without := func(i int) []accounttest.Cookie {
		return changed(plain.Cookies, func(c []accounttest.Cookie) []accounttest.Cookie { return slices.Delete(c, i, i+1) })
	}
	for name, tt := range map[string]struct {
		cookies []accounttest.Cookie
		code    string
	}{
		"chunks out of order": {changed(plain.Cookies, func(c []accounttest.Cookie) []accounttest.Cookie {
			c[1].Value, c[2].Value = c[2].Value, c[1].Value
			return c
		}), "token_signature"},
		"the first is missing":     {without(0), "token_missing"},
		"one between is missing":   {without(1), "token_malformed"},
		"the last is missing":      {without(last), "token_malformed"},
		"one of another session":   {changed(plain.Cookies, func(c []accounttest.Cookie) []accounttest.Cookie { c[1] = umbrella.Cookies[1]; return c }), "token_signature"},
		"one too many":             {append(slices.Clone(plain.Cookies), accounttest.Cookie{Name: account.SessionCookie + "." + strconv.Itoa(last+1), Value: "AAAA"}), "token_signature"},
		"under another name":       {changed(secure.Cookies, func(c []accounttest.Cookie) []accounttest.Cookie { return renamed(c, "next-auth.session-token") }), "token_missing"},
		"of another secret":        {forged.Cookies, "token_signature"},
		"the first alone, renamed": {[]accounttest.Cookie{{Name: account.SessionCookie, Value: plain.Cookies[0].Value}}, "token_malformed"},
	} {
		wantProblem(t, b.get(t, jobsPath, "", "Cookie", header(tt.cookies)), http.StatusUnauthorized, tt.code)
		if r := write(tt.cookies, "Origin", origin); r.status != http.StatusUnauthorized {
			t.Errorf("%s: writing: status %d: %s", name, r.status, r.body)
		}
	}
}

// renamed gives the chunks another name before their number.
func renamed(cookies []accounttest.Cookie, name string) []accounttest.Cookie {
	for i := range cookies {
		cookies[i].Name = name + "." + strconv.Itoa(i)
	}
	return cookies
}
