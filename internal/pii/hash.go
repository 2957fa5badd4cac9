package pii

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// MinSecret is the shortest secret, in bytes, that keys are derived from.
const MinSecret = 32

// ErrNoSecret says that there is no secret to derive keys from.
var ErrNoSecret = errors.New("there is no secret to hash values with: set pii.hash_secret (NARRATIVE_PII_HASH_SECRET), the same for the API and the workers")

// Keys makes the keys that values are hashed with, one for each tenant.
type Keys struct{ secret []byte }

// NewKeys returns the keys that are derived from the secret. Without one nothing can
// be hashed; masking needs none.
func NewKeys(secret string) *Keys { return &Keys{[]byte(secret)} }

// Of returns what hides values of the tenant. The Keys may be nil.
func (k *Keys) Of(tenant string) *Concealer {
	c := &Concealer{}
	if k == nil || len(k.secret) < MinSecret {
		return c
	}
	const size = 32
	key, err := hkdf.Key(sha256.New, k.secret, []byte("narrative pii"), "hash "+tenant, size)
	if err != nil {
		panic("pii: derive a key of 32 bytes: " + err.Error()) // only of more than 8,160
	}
	c.key = key
	c.id = hex.EncodeToString(c.mac("identifier", ""))[:keyDigits]
	return c
}

// keyDigits and hashDigits are how many hexadecimal digits of the identifier of a
// key and of a hash are kept: 64 and 128 bits.
const (
	keyDigits  = 16
	hashDigits = 32
)

// Concealer hides values of one tenant. It is safe for concurrent use.
type Concealer struct {
	key []byte
	id  string
}

// Mask shows a value of a kind so that nobody learns it, see [Mask].
func (c *Concealer) Mask(kind, value string) string { return Mask(Kind(kind), value) }

// Key identifies the key, without telling it. It returns [ErrNoSecret] when there is
// none.
func (c *Concealer) Key() (string, error) {
	if c.key == nil {
		return "", ErrNoSecret
	}
	return c.id, nil
}

// Hash returns the HMAC-SHA-256 of the value, shortened to 128 bits: the same for the
// same value of the tenant, so that tables can be joined. Without a key it panics.
func (c *Concealer) Hash(value string) string {
	if c.key == nil {
		panic(fmt.Sprintf("pii: hash: %v", ErrNoSecret))
	}
	return hex.EncodeToString(c.mac("value", value))[:hashDigits]
}

// mac is the code of a text that is used for one purpose.
func (c *Concealer) mac(purpose, text string) []byte {
	m := hmac.New(sha256.New, c.key)
	_, _ = m.Write([]byte(purpose)) // it never fails
	_, _ = m.Write([]byte{0})
	_, _ = m.Write([]byte(text))
	return m.Sum(nil)
}
