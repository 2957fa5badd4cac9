package account_test

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/secret"
)

const (
	current  = "the-current-secret-of-these-tests-0001"
	previous = "the-secret-before-it-of-these-tests-02"
	issuer   = "https://id.example.org"
	audience = "narrative"
)

var noon = time.Date(2025, 6, 1, 12, 0, 0, 0, time.UTC)

func setup(t *testing.T) *account.Verifier {
	t.Helper()
	v, err := account.NewVerifier(account.Config{
		Secrets: []secret.String{secret.New(current), secret.New(previous)},
		Issuer:  issuer, Audiences: []string{"other", audience},
		Now: func() time.Time { return noon },
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

type set map[string]any

// good returns claims that are accepted, with changes; a nil value removes one.
func good(changes set) set {
	c := set{"sub": "ada", "iss": issuer, "aud": audience, "iat": noon.Unix(), "exp": noon.Add(time.Hour).Unix()}
	for k, v := range changes {
		if v == nil {
			delete(c, k)
		} else {
			c[k] = v
		}
	}
	return c
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func sign(t *testing.T, alg jose.SignatureAlgorithm, key string, extra map[jose.HeaderKey]any, payload []byte) string {
	t.Helper()
	options := (&jose.SignerOptions{}).WithType("JWT")
	for k, v := range extra {
		options.WithHeader(k, v)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: []byte(key)}, options)
	if err != nil {
		t.Fatal(err)
	}
	object, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	token, err := object.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func hs256(t *testing.T, claims set) string {
	t.Helper()
	return sign(t, jose.HS256, current, nil, encode(t, claims))
}

func seal(t *testing.T, enc jose.ContentEncryption, key []byte, options *jose.EncrypterOptions, payload []byte) string {
	t.Helper()
	encrypter, err := jose.NewEncrypter(enc, jose.Recipient{Algorithm: jose.DIRECT, Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	object, err := encrypter.Encrypt(payload)
	if err != nil {
		t.Fatal(err)
	}
	token, err := object.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func sessionKey(t *testing.T, from, salt string, size int) []byte {
	t.Helper()
	key, err := hkdf.Key(sha256.New, []byte(from), []byte(salt), "Auth.js Generated Encryption Key ("+salt+")", size)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func session(t *testing.T, claims set) string {
	t.Helper()
	return seal(t, jose.A256CBC_HS512, sessionKey(t, current, account.SessionCookie, 64), nil, encode(t, claims))
}

// raw joins parts as the compact serialisation does.
func raw(parts ...string) string {
	out := make([]string, len(parts))
	for i, p := range parts {
		out[i] = base64.RawURLEncoding.EncodeToString([]byte(p))
	}
	return strings.Join(out, ".")
}

func wantRefusal(t *testing.T, err error, code, token string) {
	t.Helper()
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		t.Errorf("accepted, or refused without a code: %v", err)
		return
	}
	if f.Class != fault.ClassUnauthenticated || f.Code != code || f.Message == "" {
		t.Errorf("got %s %s (%s), want %s", f.Class, f.Code, f.Message, code)
	}
	if len(token) > 20 && strings.Contains(err.Error(), token) {
		t.Errorf("the refusal repeats the token: %v", err)
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	v := setup(t)
	long := strings.Repeat("a", 200)
	cases := map[string]struct {
		token string
		want  account.Caller
	}{
		"signed":              {hs256(t, good(nil)), account.Caller{Tenant: "ada", User: "ada", Roles: []string{"analyst"}}},
		"former secret":       {sign(t, jose.HS256, previous, nil, encode(t, good(nil))), account.Caller{Tenant: "ada", User: "ada", Roles: []string{"analyst"}}},
		"id":                  {hs256(t, good(set{"sub": nil, "id": "u 1"})), account.Caller{Tenant: "u~201", User: "u 1", Roles: []string{"analyst"}}},
		"tenant and roles":    {hs256(t, good(set{"tenant": "acme", "roles": []string{"operator"}})), account.Caller{Tenant: "acme", User: "ada", Roles: []string{"operator"}}},
		"one role as text":    {hs256(t, good(set{"roles": "operator"})), account.Caller{Tenant: "ada", User: "ada", Roles: []string{"operator"}}},
		"unknown roles":       {hs256(t, good(set{"roles": []string{"root"}})), account.Caller{Tenant: "ada", User: "ada", Roles: []string{}}},
		"no roles":            {hs256(t, good(set{"roles": []string{}})), account.Caller{Tenant: "ada", User: "ada", Roles: []string{}}},
		"several audiences":   {hs256(t, good(set{"aud": []string{"x", audience}})), account.Caller{Tenant: "ada", User: "ada", Roles: []string{"analyst"}}},
		"within the leeway":   {hs256(t, good(set{"exp": noon.Add(-14 * time.Second).Unix(), "nbf": noon.Add(15 * time.Second).Unix(), "iat": noon.Add(15 * time.Second).Unix()})), account.Caller{Tenant: "ada", User: "ada", Roles: []string{"analyst"}}},
		"tenant encoded":      {hs256(t, good(set{"tenant": "../a/b~é"})), account.Caller{Tenant: "~2e.~2fa~2fb~7e~c3~a9", User: "ada", Roles: []string{"analyst"}}},
		"tenant of no one":    {hs256(t, good(set{"tenant": account.SystemTenant, "roles": []string{"operator"}})), account.Caller{Tenant: "~3asystem", User: "ada", Roles: []string{"operator"}}},
		"longest":             {hs256(t, good(set{"sub": long})), account.Caller{Tenant: long, User: long, Roles: []string{"analyst"}}},
		"session":             {session(t, good(nil)), account.Caller{Tenant: "ada", User: "ada", Roles: []string{"analyst"}}},
		"session without iss": {session(t, good(set{"iss": nil, "aud": nil})), account.Caller{Tenant: "ada", User: "ada", Roles: []string{"analyst"}}},
		"secure session":      {seal(t, jose.A256CBC_HS512, sessionKey(t, previous, account.SecureSessionCookie, 64), nil, encode(t, good(nil))), account.Caller{Tenant: "ada", User: "ada", Roles: []string{"analyst"}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := v.Verify(t.Context(), c.token)
			if err != nil {
				t.Fatal(err)
			}
			if got.Tenant != c.want.Tenant || got.User != c.want.User || !slices.Equal(got.Roles, c.want.Roles) || got.Development {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

// flip changes a character in the middle.
func flip(s string) string {
	i := len(s) / 2
	c := "A"
	if s[i] == 'A' {
		c = "B"
	}
	return s[:i] + c + s[i+1:]
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	ok := hs256(t, good(nil))
	parts := strings.Split(ok, ".")
	sealed := session(t, good(nil))
	body := string(encode(t, good(nil)))
	cases := map[string][2]string{ // name → token, code
		"nothing":                 {"", "token_missing"},
		"a word":                  {"secret", "token_malformed"},
		"dots":                    {"..", "token_malformed"},
		"four dots":               {"....", "token_malformed"},
		"two parts":               {parts[0] + "." + parts[1], "token_malformed"},
		"four parts":              {ok + "." + parts[2], "token_malformed"},
		"six parts":               {sealed + ".x", "token_malformed"},
		"white space":             {" " + ok, "token_malformed"},
		"a line feed":             {ok + "\n", "token_malformed"},
		"padding":                 {parts[0] + "=." + parts[1] + "." + parts[2], "token_malformed"},
		"standard base64":         {strings.Join([]string{parts[0], parts[1], "+/+/"}, "."), "token_malformed"},
		"not utf-8":               {"\xff\xfe." + parts[1] + "." + parts[2], "token_malformed"},
		"endless":                 {strings.Repeat("a", account.MaxCredential+1), "token_malformed"},
		"header is text":          {raw("hello", body, "sig"), "token_malformed"},
		"header is a list":        {raw("[]", body, "sig"), "token_malformed"},
		"header of another type":  {raw(`{"alg":"HS256","typ":"JWE"}`, body, "sig"), "token_malformed"},
		"alg none":                {raw(`{"alg":"none"}`, body) + ".", "token_algorithm"},
		"alg None":                {raw(`{"alg":"None"}`, body) + ".", "token_algorithm"},
		"alg none with signature": {raw(`{"alg":"none"}`, body) + "." + parts[2], "token_algorithm"},
		"no alg":                  {raw(`{"typ":"JWT"}`, body, "sig"), "token_algorithm"},
		"alg RS256":               {raw(`{"alg":"RS256","typ":"JWT"}`, body, "sig"), "token_algorithm"},
		"alg HS512":               {sign(t, jose.HS512, strings.Repeat(current, 2), nil, []byte(body)), "token_algorithm"},
		"alg HS384":               {sign(t, jose.HS384, strings.Repeat(current, 2), nil, []byte(body)), "token_algorithm"},
		"no signature":            {parts[0] + "." + parts[1] + ".", "token_unsigned"},
		"short signature":         {parts[0] + "." + parts[1] + "." + parts[2][:8], "token_signature"},
		"other secret":            {sign(t, jose.HS256, strings.Repeat("z", 40), nil, []byte(body)), "token_signature"},
		"key is the empty text":   {sign(t, jose.HS256, strings.Repeat("\x00", 32), nil, []byte(body)), "token_signature"},
		"claims changed":          {parts[0] + "." + flip(parts[1]) + "." + parts[2], "token_signature"},
		"claims exchanged":        {parts[0] + "." + raw(string(encode(t, good(set{"sub": "eve"})))) + "." + parts[2], "token_signature"},
		"signature changed":       {parts[0] + "." + parts[1] + "." + flip(parts[2]), "token_signature"},
		"signature of another":    {parts[0] + "." + parts[1] + "." + strings.Split(hs256(t, good(set{"sub": "eve"})), ".")[2], "token_signature"},
		"header changed":          {raw(`{"alg":"HS256","typ":"JWT","kid":"1"}`) + "." + parts[1] + "." + parts[2], "token_signature"},
		"own key in the header":   {sign(t, jose.HS256, strings.Repeat("k", 32), map[jose.HeaderKey]any{"jwk": map[string]string{"kty": "oct", "k": "a2tr"}}, []byte(body)), "token_malformed"},
		"critical extension":      {raw(`{"alg":"HS256","crit":["exp"],"exp":1}`, body, "sig"), "token_malformed"},
		"unencoded payload":       {raw(`{"alg":"HS256","b64":false}`, body, "sig"), "token_malformed"},
	}
	refuseAll(t, cases)
}

func TestVerifyRefusesClaims(t *testing.T) {
	t.Parallel()
	at := func(d time.Duration) int64 { return noon.Add(d).Unix() }
	signed := func(changes set) string { return hs256(t, good(changes)) }
	refuseAll(t, map[string][2]string{
		"expired":                     {signed(set{"exp": at(-time.Hour)}), "token_expired"},
		"expired past the leeway":     {signed(set{"exp": at(-15 * time.Second)}), "token_expired"},
		"expired in 1970":             {signed(set{"exp": 0}), "token_expired"},
		"no expiry":                   {signed(set{"exp": nil}), "token_malformed"},
		"expiry is text":              {signed(set{"exp": "tomorrow"}), "token_malformed"},
		"expiry is negative":          {signed(set{"exp": -1}), "token_malformed"},
		"expiry is beyond all time":   {signed(set{"exp": 1e300}), "token_malformed"},
		"not yet valid":               {signed(set{"nbf": at(16 * time.Second)}), "token_not_yet_valid"},
		"issued in the future":        {signed(set{"iat": at(time.Hour)}), "token_not_yet_valid"},
		"other issuer":                {signed(set{"iss": "https://evil.example.org"}), "token_issuer"},
		"no issuer":                   {signed(set{"iss": nil}), "token_issuer"},
		"other audience":              {signed(set{"aud": "somebody"}), "token_audience"},
		"no audience":                 {signed(set{"aud": nil}), "token_audience"},
		"empty audiences":             {signed(set{"aud": []string{}}), "token_audience"},
		"audience is a number":        {signed(set{"aud": 5}), "token_malformed"},
		"no user":                     {signed(set{"sub": nil}), "token_user"},
		"empty user":                  {signed(set{"sub": ""}), "token_user"},
		"user is a number":            {signed(set{"sub": 5}), "token_malformed"},
		"user with a line feed":       {signed(set{"sub": "a\nb"}), "token_user"},
		"user with NUL":               {signed(set{"sub": "a\x00"}), "token_user"},
		"user too long":               {signed(set{"sub": strings.Repeat("u", 201)}), "token_user"},
		"empty tenant":                {signed(set{"tenant": ""}), "token_tenant"},
		"tenant is a list":            {signed(set{"tenant": []string{"a"}}), "token_malformed"},
		"tenant turns the text round": {signed(set{"tenant": "a\u202eb"}), "token_tenant"},
		"tenant too long encoded":     {signed(set{"tenant": strings.Repeat("/", 100)}), "token_tenant"},
		"roles are a number":          {signed(set{"roles": 1}), "token_malformed"},
		"claims are a list":           {sign(t, jose.HS256, current, nil, []byte(`["ada"]`)), "token_malformed"},
		"claims are empty":            {sign(t, jose.HS256, current, nil, nil), "token_malformed"},
		"claims are null":             {sign(t, jose.HS256, current, nil, []byte("null")), "token_malformed"},
	})
}

// refuseAll wants every token refused with its code.
func refuseAll(t *testing.T, cases map[string][2]string) {
	t.Helper()
	if len(cases) < 15 {
		t.Fatalf("only %d cases", len(cases))
	}
	v := setup(t)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := v.Verify(t.Context(), c[0])
			wantRefusal(t, err, c[1], c[0])
		})
	}
}

func TestVerifyRefusesSessions(t *testing.T) {
	t.Parallel()
	body := string(encode(t, good(nil)))
	parts := strings.Split(hs256(t, good(nil)), ".")
	sealedParts := strings.Split(session(t, good(nil)), ".")
	key64 := sessionKey(t, current, account.SessionCookie, 64)
	refuseAll(t, map[string][2]string{
		"session expired":             {session(t, good(set{"exp": noon.Add(-time.Hour).Unix()})), "token_expired"},
		"session of another issuer":   {session(t, good(set{"iss": "x"})), "token_issuer"},
		"session of another audience": {session(t, good(set{"aud": "x"})), "token_audience"},
		"session changed":             {strings.Join([]string{sealedParts[0], "", sealedParts[2], flip(sealedParts[3]), sealedParts[4]}, "."), "token_signature"},
		"session tag changed":         {strings.Join([]string{sealedParts[0], "", sealedParts[2], sealedParts[3], flip(sealedParts[4])}, "."), "token_signature"},
		"session without tag":         {strings.Join([]string{sealedParts[0], "", sealedParts[2], sealedParts[3], ""}, "."), "token_signature"},
		"session iv changed":          {strings.Join([]string{sealedParts[0], "", flip(sealedParts[2]), sealedParts[3], sealedParts[4]}, "."), "token_signature"},
		"session with a wrapped key":  {strings.Join([]string{sealedParts[0], "AAAA", sealedParts[2], sealedParts[3], sealedParts[4]}, "."), "token_malformed"},
		"session of another secret":   {seal(t, jose.A256CBC_HS512, sessionKey(t, strings.Repeat("q", 40), account.SessionCookie, 64), nil, []byte(body)), "token_signature"},
		"session of another salt":     {seal(t, jose.A256CBC_HS512, sessionKey(t, current, "next-auth.session-token", 64), nil, []byte(body)), "token_signature"},
		"session with GCM":            {seal(t, jose.A256GCM, key64[:32], nil, []byte(body)), "token_algorithm"},
		"session compressed":          {seal(t, jose.A256CBC_HS512, key64, &jose.EncrypterOptions{Compression: jose.DEFLATE}, []byte(body)), "token_malformed"},
		"session with alg none":       {raw(`{"alg":"none","enc":"A256CBC-HS512"}`, "", "i", "c", "t"), "token_algorithm"},
		"session with key wrapping":   {raw(`{"alg":"A256KW","enc":"A256CBC-HS512"}`, "k", "i", "c", "t"), "token_algorithm"},
		"signed header, five parts":   {parts[0] + "..." + parts[1] + "." + parts[2], "token_algorithm"},
	})
}

func TestEncodeTenantKeepsNamesApart(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, name := range []string{"a", "A", "a.b", ".a", "..", ".", "~2e", "a/b", "a~2fb", "a b", "a+b", "é", "a-b_c.d", account.SystemTenant} {
		got := account.EncodeTenant(name)
		if other, taken := seen[got]; taken {
			t.Errorf("%q and %q both become %q", name, other, got)
		}
		seen[got] = name
		if got == account.SystemTenant {
			t.Errorf("%q is the system's tenant", name)
		}
		if strings.ContainsAny(got, "/\\ %?#\x00") || strings.HasPrefix(got, ".") {
			t.Errorf("%q becomes %q", name, got)
		}
	}
}

func TestConfigNamesEveryMistake(t *testing.T) {
	t.Parallel()
	_, err := account.NewVerifier(account.Config{
		Secrets: []secret.String{secret.New("short"), secret.New(current)}, Audiences: []string{""}, Leeway: time.Hour,
	})
	for _, want := range []string{"secret 1 has 5 bytes", "audience 1", "leeway is 1h0m0s"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	if _, err := account.NewVerifier(account.Config{}); err == nil || !strings.Contains(err.Error(), "AUTH_SECRET") {
		t.Errorf("no secret: %v", err)
	}
}

func TestDeveloper(t *testing.T) {
	t.Parallel()
	c, err := account.Developer{}.Verify(t.Context(), "")
	if err != nil || !c.Development || !c.Has(account.RoleAnalyst) || !c.Has(account.RoleOperator) || c.Has("root") {
		t.Errorf("got %+v, %v", c, err)
	}
}

func FuzzVerify(f *testing.F) {
	v, err := account.NewVerifier(account.Config{Secrets: []secret.String{secret.New(current)}, Now: func() time.Time { return noon }})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("a.b.c")
	f.Add("a.b.c.d.e")
	f.Add(raw(`{"alg":"none"}`, `{"sub":"a"}`) + ".")
	f.Add(raw(`{"alg":"dir","enc":"A256CBC-HS512"}`, "", "0123456789abcdef", "0123456789abcdef", "0123456789abcdef0123456789abcdef"))
	f.Add(raw(`{"alg":"HS256"}`, `{"sub":"a","exp":1e300}`, "0123456789abcdef0123456789abcdef"))
	f.Fuzz(func(t *testing.T, token string) {
		c, err := v.Verify(t.Context(), token)
		if err == nil {
			t.Fatalf("%q was accepted as %+v, without the secret", token, c)
		}
		if fault.ClassOf(err) != fault.ClassUnauthenticated {
			t.Fatalf("%q: %v", token, err)
		}
	})
}

func FuzzClaims(f *testing.F) {
	v, err := account.NewVerifier(account.Config{Secrets: []secret.String{secret.New(current)}, Now: func() time.Time { return noon }})
	if err != nil {
		f.Fatal(err)
	}
	for _, c := range []string{`{"sub":"a","exp":1748783600}`, `{"exp":1e400}`, `{"roles":[null]}`, `{"sub":"\ud800","exp":1748783600}`, ""} {
		f.Add(c)
	}
	f.Fuzz(func(t *testing.T, payload string) {
		c, err := v.Verify(t.Context(), sign(t, jose.HS256, current, nil, []byte(payload)))
		if err != nil {
			if fault.ClassOf(err) != fault.ClassUnauthenticated {
				t.Fatalf("%q: %v", payload, err)
			}
			return
		}
		if c.User == "" || c.Tenant == "" || len(c.Tenant) > 200 || strings.ContainsAny(c.Tenant, "/\\\x00 ") {
			t.Fatalf("%q gave %s", payload, c.Tenant)
		}
	})
}
