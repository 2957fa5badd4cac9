package pii_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/pii"
)

func TestHash(t *testing.T) {
	t.Parallel()
	secret := strings.Repeat("s", pii.MinSecret)
	acme, again, globex, other := pii.NewKeys(secret).Of("acme"), pii.NewKeys(secret).Of("acme"), pii.NewKeys(secret).Of("globex"), pii.NewKeys(secret+"x").Of("acme")
	const value = "ann@example.org"
	hash := acme.Hash(value)
	if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(hash) || hash != again.Hash(value) {
		t.Errorf("the hash is %q, and then %q", hash, again.Hash(value))
	}
	if hash == globex.Hash(value) || hash == other.Hash(value) || hash == acme.Hash(value+" ") {
		t.Error("another tenant, another secret or another value has the same hash")
	}
	id := func(c *pii.Concealer) string {
		id, err := c.Key()
		if err != nil {
			t.Error(err)
		}
		return id
	}
	if id(acme) != id(again) || id(acme) == id(globex) || id(acme) == id(other) || strings.HasPrefix(acme.Hash(""), id(acme)) {
		t.Errorf("keys are %s, %s, %s, %s", id(acme), id(again), id(globex), id(other))
	}
	if got := acme.Mask("email", value); got != pii.Mask(pii.Email, value) || strings.Contains(got, "ann") {
		t.Errorf("masked as %q", got)
	}
}

// TestNoSecret: what is too short is no secret; masking needs none.
func TestNoSecret(t *testing.T) {
	t.Parallel()
	var none *pii.Keys
	for _, keys := range []*pii.Keys{none, pii.NewKeys(""), pii.NewKeys(strings.Repeat("s", pii.MinSecret-1))} {
		c := keys.Of("acme")
		if _, err := c.Key(); !errors.Is(err, pii.ErrNoSecret) || !strings.Contains(err.Error(), "pii.hash_secret") {
			t.Errorf("the error is %v", err)
		}
		if c.Mask("phone", "+49 30 123456") == "+49 30 123456" {
			t.Error("nothing is masked")
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Error("a value was hashed without a key")
				}
			}()
			c.Hash("x")
		}()
	}
}
