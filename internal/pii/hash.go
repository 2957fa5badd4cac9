package pii

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/narrativeml/narrative/internal/secret"
)

// MinSecret is the shortest secret, in bytes, that keys are derived from.
const MinSecret = 32

// hashLength is how many hexadecimal digits of a hash are kept: 128 bits.
const hashLength = 32

// Hasher replaces values by hashes with the key of a tenant: the same value becomes
// the same text in every table of the tenant, so that tables can still be joined,
// and other texts in those of other tenants. It is safe for concurrent use.
type Hasher struct{ key []byte }

// ErrNoSecret says that there is no secret to derive keys from.
var ErrNoSecret = errors.New("pii: no secret is configured")

// NewHasher returns the Hasher of a tenant, with a key that is derived from the
// secret by HKDF.
func NewHasher(s secret.String, tenant string) (*Hasher, error) {
	if len(s.Reveal()) < MinSecret {
		return nil, ErrNoSecret
	}
	const length = 32
	key, err := hkdf.Key(sha256.New, []byte(s.Reveal()), nil, "narrative pii "+tenant, length)
	if err != nil {
		return nil, fmt.Errorf("derive the key of a tenant: %w", err)
	}
	return &Hasher{key}, nil
}

// Hash returns the HMAC-SHA-256 of the value, shortened, behind a mark. What is a
// hash already stays.
func (h *Hasher) Hash(value string) string {
	if len(value) == len(hashPrefix)+hashLength && value[:len(hashPrefix)] == hashPrefix {
		return value
	}
	m := hmac.New(sha256.New, h.key)
	_, _ = m.Write([]byte(value)) // it never fails
	return hashPrefix + hex.EncodeToString(m.Sum(nil))[:hashLength]
}
