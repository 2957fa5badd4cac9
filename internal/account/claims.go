package account

import (
	"encoding/json"
	"math"
	"slices"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/narrativeml/narrative/internal/fault"
)

// maxName is the longest user or tenant, in bytes, that a token may name.
const maxName = 200

// claims is what of a token's payload is looked at.
type claims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	ID        string   `json:"id"`
	Tenant    *string  `json:"tenant"`
	Roles     names    `json:"roles"`
	Audience  names    `json:"aud"`
	Expiry    *float64 `json:"exp"`
	NotBefore *float64 `json:"nbf"`
	IssuedAt  *float64 `json:"iat"`
}

// names is a list of strings that may also be written as one string.
type names []string

// UnmarshalJSON reads a string or a list of strings.
func (n *names) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*n = names{one}
		return nil
	}
	var many []string
	if err := json.Unmarshal(b, &many); err != nil {
		return err
	}
	if many == nil {
		many = []string{}
	}
	*n = many
	return nil
}

// refuse reports why a credential is not accepted.
func refuse(code, format string, args ...any) *fault.Error {
	return fault.New(fault.ClassUnauthenticated, code, format, args...)
}

func parseClaims(payload []byte) (*claims, error) {
	var c claims
	if len(payload) == 0 || payload[0] != '{' || json.Unmarshal(payload, &c) != nil {
		return nil, refuse("token_malformed", "the token's claims are not a JSON object of the expected types")
	}
	return &c, nil
}

// check compares the claims with the clock and the configuration. A session
// token need not name an issuer or an audience, since its key is derived for
// this use alone; those that it names must be right.
func (v *Verifier) check(c *claims, session bool) error {
	now := v.now()
	expiry, err := instant(c.Expiry, "exp")
	if err != nil {
		return err
	}
	if c.Expiry == nil {
		return refuse("token_malformed", "the token has no expiry (exp); tokens that never end are not accepted")
	}
	if !now.Before(expiry.Add(v.leeway)) {
		return refuse("token_expired", "the token has expired")
	}
	for name, value := range map[string]*float64{"nbf": c.NotBefore, "iat": c.IssuedAt} {
		start, err := instant(value, name)
		if err != nil {
			return err
		}
		if value != nil && start.After(now.Add(v.leeway)) {
			return refuse("token_not_yet_valid", "the token is not valid yet")
		}
	}
	if v.issuer != "" && c.Issuer != v.issuer && (!session || c.Issuer != "") {
		return refuse("token_issuer", "the token comes from another issuer")
	}
	if len(v.audiences) > 0 && (!session || c.Audience != nil) {
		if !slices.ContainsFunc(v.audiences, func(a string) bool { return slices.Contains(c.Audience, a) }) {
			return refuse("token_audience", "the token is meant for another audience")
		}
	}
	return nil
}

// instant returns the time of a claim that counts seconds since 1970.
func instant(seconds *float64, name string) (time.Time, error) {
	const last = 253402300799 // the end of the year 9999
	if seconds == nil {
		return time.Time{}, nil
	}
	if *seconds < 0 || *seconds > last {
		return time.Time{}, refuse("token_malformed", "the claim %s is not a time in seconds since 1970", name)
	}
	whole, part := math.Modf(*seconds)
	return time.Unix(int64(whole), int64(part*1e9)), nil
}

// caller returns who the claims speak of.
func (c *claims) caller() (Caller, error) {
	user := c.Subject
	if user == "" {
		user = c.ID
	}
	if !safe(user) {
		return Caller{}, refuse("token_user", "the token names no user (sub or id) of 1 to %d printable characters", maxName)
	}
	tenant := user
	if c.Tenant != nil {
		tenant = *c.Tenant
	}
	if !safe(tenant) {
		return Caller{}, refuse("token_tenant", "the tenant of the token is not 1 to %d printable characters", maxName)
	}
	encoded := EncodeTenant(tenant)
	if len(encoded) > maxName {
		return Caller{}, refuse("token_tenant", "the tenant of the token is too long; it may have %d letters and digits, and each other character counts thrice", maxName)
	}
	roles := []string{RoleAnalyst}
	if c.Roles != nil {
		roles = []string{}
		for _, role := range []string{RoleAnalyst, RoleOperator, RoleSteward} {
			if slices.Contains(c.Roles, role) {
				roles = append(roles, role)
			}
		}
	}
	return Caller{Tenant: encoded, User: user, Roles: roles}, nil
}

// safe reports whether the name is short printable text.
func safe(name string) bool {
	if name == "" || len(name) > maxName || !utf8.ValidString(name) {
		return false
	}
	for _, r := range name {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}

// EncodeTenant returns the tenant's name in letters, digits and "-._~" only,
// so that it is safe as one part of an object key: every other byte, and a
// leading dot, becomes "~" and two hexadecimal digits. Different names stay
// different.
func EncodeTenant(name string) string {
	const digits = "0123456789abcdef"
	out := make([]byte, 0, len(name))
	for i := range len(name) {
		b := name[i]
		plain := b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' ||
			b == '-' || b == '_' || b == '.' && i > 0
		if plain {
			out = append(out, b)
		} else {
			out = append(out, '~', digits[b>>4], digits[b&15])
		}
	}
	return string(out)
}
