package pii

import (
	"math"
	"strings"
)

// token is the form of the keys of a service.
type token struct {
	prefix string
	least  int // characters behind the prefix, at least
	upper  bool
}

// tokens are those whose issuers mark them.
//
//nolint:gochecknoglobals // a constant table
var tokens = []token{
	{prefix: "AKIA", least: 16, upper: true},
	{prefix: "ASIA", least: 16, upper: true}, // AWS
	{prefix: "ghp_", least: 30},
	{prefix: "gho_", least: 30},
	{prefix: "ghs_", least: 30},
	{prefix: "ghu_", least: 30},
	{prefix: "ghr_", least: 30},
	{prefix: "github_pat_", least: 30},
	{prefix: "glpat-", least: 18},
	{prefix: "sk_live_", least: 16},
	{prefix: "sk_test_", least: 16},
	{prefix: "rk_live_", least: 16},
	{prefix: "pk_live_", least: 16},
	{prefix: "pk_test_", least: 16},
	{prefix: "whsec_", least: 20}, // Stripe
	{prefix: "xoxb-", least: 20},
	{prefix: "xoxp-", least: 20},
	{prefix: "xoxa-", least: 20},
	{prefix: "xapp-", least: 20}, // Slack
	{prefix: "AIza", least: 35},
	{prefix: "ya29.", least: 20}, // Google
	{prefix: "sk-ant-", least: 20},
	{prefix: "sk-proj-", least: 20},
	{prefix: "sk-", least: 32},
	{prefix: "npm_", least: 30},
	{prefix: "pypi-", least: 40},
	{prefix: "hf_", least: 30},
	{prefix: "dop_v1_", least: 40},
	{prefix: "shpat_", least: 30},
	{prefix: "SG.", least: 40},
	{prefix: "dckr_pat_", least: 20},
	{prefix: "lin_api_", least: 30},
}

// known reports whether a word of the text is a key whose issuer marks it.
func known(s string) bool {
	for word := range strings.FieldsFuncSeq(s, func(r rune) bool { return strings.ContainsRune(" \t\n\r\"'`=:,;<>()[]{}", r) }) {
		if marked(word) {
			return true
		}
	}
	return false
}

// marked reports whether the word begins as the keys of a service do.
func marked(s string) bool {
	for i := range tokens {
		t := &tokens[i]
		if len(s) < len(t.prefix)+t.least || !strings.HasPrefix(s, t.prefix) {
			continue
		}
		rest, n, kinds := s[len(t.prefix):], 0, 0
		for n < len(rest) && ofToken(rest[n]) && (!t.upper || !isLower(rest[n])) {
			if isDigit(rest[n]) {
				kinds |= 1
			} else {
				kinds |= 2
			}
			n++
		}
		if n >= t.least && kinds == 3 {
			return true
		}
	}
	return false
}

func ofToken(c byte) bool {
	return isDigit(c) || isLower(c) || isUpper(c) || c == '_' || c == '-' || c == '.' || c == '=' || c == '/' || c == '+'
}

// secretForms looks at a word without spaces; named says that the column is one of
// secrets, of which those without a mark are told by how little order they have.
func secretForms(s string, h shape, named bool) (f forms) {
	const longKey, jwtLength = 16, 30
	if len(s) >= longKey {
		switch {
		case h.dots == 2 && len(s) >= jwtLength && strings.HasPrefix(s, "eyJ"):
			f |= keyForm
		case s[0] == '$' && hashed(s):
			f |= keyForm
		case (h.letters() > 0 && h.digits > 0) && (marked(s) || strings.IndexByte(s, '=') > 0 && known(s)):
			f |= keyForm
		}
		if named && h.letters() > 0 && h.digits > 0 && h.at+h.colons+h.high == 0 && (h.slashes < 2 || h.dots == 0) && entropy(s) >= strongEntropy {
			f |= secretForm
		}
	}
	if named && h.digits < len(s) && len(s) >= 6 {
		f |= passwordForm
	}
	return f
}

// hashed reports whether the word is a password in the form in which programs keep it.
func hashed(s string) bool {
	const least = 30
	if len(s) < least {
		return false
	}
	for _, mark := range [...]string{"$2a$", "$2b$", "$2y$", "$argon2", "$6$", "$5$", "$1$", "$pbkdf2", "$scrypt$", "$y$"} {
		if strings.HasPrefix(s, mark) {
			return true
		}
	}
	return false
}

const strongEntropy = 3.2 // bits a character

// entropy returns the bits that a character of the text has, by how often each
// comes.
func entropy(s string) float64 {
	var counts [256]int
	for i := range len(s) {
		counts[s[i]]++
	}
	sum, n := 0.0, float64(len(s))
	for _, c := range counts {
		if c > 0 {
			p := float64(c) / n
			sum -= p * math.Log2(p)
		}
	}
	return sum
}
