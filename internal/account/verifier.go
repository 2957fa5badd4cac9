package account

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// MaxCredential is the longest credential, in bytes, that is looked at.
const MaxCredential = 16 << 10

// SessionCookie and SecureSessionCookie are the names of the cookies in which
// Auth.js keeps its session token; the name salts the token's key.
const (
	SessionCookie       = "authjs.session-token"
	SecureSessionCookie = "__Secure-authjs.session-token"
)

// sessionKeyBytes is the length of a key of A256CBC-HS512.
const sessionKeyBytes = 64

// Verifier makes callers of credentials. It is immutable and safe for
// concurrent use.
type Verifier struct {
	signing   [][]byte // one a secret
	session   [][]byte // two a secret, one a cookie name
	issuer    string
	audiences []string
	leeway    time.Duration
	now       func() time.Time
}

// NewVerifier returns a Verifier, or every mistake in the configuration.
func NewVerifier(c Config) (*Verifier, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	v := &Verifier{issuer: c.Issuer, audiences: c.Audiences, leeway: c.Leeway, now: c.Now}
	if v.leeway == 0 {
		v.leeway = DefaultLeeway
	}
	if v.now == nil {
		v.now = time.Now
	}
	for _, s := range c.Secrets {
		value := s.Reveal()
		v.signing = append(v.signing, []byte(value))
		for _, salt := range []string{SecureSessionCookie, SessionCookie} {
			info := "Auth.js Generated Encryption Key (" + salt + ")"
			key, err := hkdf.Key(sha256.New, []byte(value), []byte(salt), info, sessionKeyBytes)
			if err != nil {
				return nil, fmt.Errorf("derive the key of %s: %w", salt, err)
			}
			v.session = append(v.session, key)
		}
	}
	return v, nil
}

// Verify returns who the credential stands for. Every refusal is a fault of
// class Unauthenticated, whose message says what was wrong without repeating
// the credential.
func (v *Verifier) Verify(_ context.Context, credential string) (Caller, error) {
	switch {
	case credential == "":
		return Caller{}, refuse("token_missing", "this needs a bearer token or a session cookie")
	case len(credential) > MaxCredential:
		return Caller{}, refuse("token_malformed", "the token is longer than %d bytes", MaxCredential)
	}
	h, err := parseHeader(credential)
	if err != nil {
		return Caller{}, err
	}
	var payload []byte
	encrypted := strings.Count(credential, ".") == 4
	if encrypted {
		payload, err = v.decrypt(credential, h)
	} else {
		payload, err = v.authenticate(credential, h)
	}
	if err != nil {
		return Caller{}, err
	}
	c, err := parseClaims(payload)
	if err != nil {
		return Caller{}, err
	}
	if err := v.check(c, encrypted); err != nil {
		return Caller{}, err
	}
	return c.caller()
}

// header is the protected header of a token. Anything that would change how
// the token is read is named here, so that it can be refused.
type header struct {
	Alg  string          `json:"alg"`
	Enc  string          `json:"enc"`
	Type string          `json:"typ"`
	Crit json.RawMessage `json:"crit"`
	B64  json.RawMessage `json:"b64"`
	Zip  json.RawMessage `json:"zip"`
}

// parseHeader checks the outer form of a token in compact serialisation and
// returns its header.
func parseHeader(credential string) (header, error) {
	var h header
	parts := strings.Split(credential, ".")
	if len(parts) != 3 && len(parts) != 5 {
		return h, refuse("token_malformed", "the token has %d parts separated by dots; a signed one has 3 and an encrypted one 5", len(parts))
	}
	for i, part := range parts {
		// The decoder skips line ends; a token must not have two spellings.
		if _, err := base64.RawURLEncoding.Strict().DecodeString(part); err != nil || strings.ContainsAny(part, "\r\n") {
			return h, refuse("token_malformed", "part %d of the token is not base64url without padding", i+1)
		}
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(parts[0])
	if err != nil {
		return h, refuse("token_malformed", "the token's header is not base64url without padding")
	}
	if err := json.Unmarshal(b, &h); err != nil {
		return h, refuse("token_malformed", "the token's header is not a JSON object")
	}
	if h.Type != "" && !strings.EqualFold(h.Type, "JWT") && !strings.EqualFold(h.Type, "at+jwt") {
		return h, refuse("token_malformed", "the token's type is not JWT")
	}
	if h.Crit != nil || h.B64 != nil || h.Zip != nil {
		return h, refuse("token_malformed", "the token's header has extensions (crit, b64 or zip) that are not accepted")
	}
	return h, nil
}

// authenticate returns the payload of a signed token.
func (v *Verifier) authenticate(credential string, h header) ([]byte, error) {
	if h.Alg != string(jose.HS256) {
		return nil, refuse("token_algorithm", "the token's algorithm is not HS256")
	}
	if strings.HasSuffix(credential, ".") {
		return nil, refuse("token_unsigned", "the token has no signature")
	}
	token, err := jose.ParseSignedCompact(credential, []jose.SignatureAlgorithm{jose.HS256})
	if err != nil {
		return nil, refuse("token_malformed", "the token cannot be read").Because(err)
	}
	for _, key := range v.signing {
		if payload, err := token.Verify(key); err == nil {
			return payload, nil
		}
	}
	return nil, refuse("token_signature", "the token's signature does not match; it was changed, or signed with another secret")
}

// decrypt returns the payload of an encrypted session token.
func (v *Verifier) decrypt(credential string, h header) ([]byte, error) {
	if h.Alg != string(jose.DIRECT) || h.Enc != string(jose.A256CBC_HS512) {
		return nil, refuse("token_algorithm", "the token's encryption is not dir with A256CBC-HS512")
	}
	if strings.Split(credential, ".")[1] != "" {
		return nil, refuse("token_malformed", "the token carries a key, which direct encryption does not have")
	}
	token, err := jose.ParseEncryptedCompact(credential, []jose.KeyAlgorithm{jose.DIRECT}, []jose.ContentEncryption{jose.A256CBC_HS512})
	if err != nil {
		return nil, refuse("token_malformed", "the token cannot be read").Because(err)
	}
	for _, key := range v.session {
		if payload, err := token.Decrypt(key); err == nil {
			return payload, nil
		}
	}
	return nil, refuse("token_signature", "the token cannot be decrypted; it was changed, or encrypted with another secret")
}
