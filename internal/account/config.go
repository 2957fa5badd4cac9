package account

import (
	"errors"
	"fmt"
	"time"

	"github.com/narrativeml/narrative/internal/secret"
)

// MinSecret is the shortest secret, in bytes, that HS256 may use.
const MinSecret = 32

// DefaultLeeway is how far the clocks of the issuer and of this process may
// be apart.
const DefaultLeeway = 15 * time.Second

// maxLeeway bounds what may be configured.
const maxLeeway = 5 * time.Minute

// Config says which tokens are accepted.
type Config struct {
	// Secrets are the signing secrets, the current one first; the others are
	// those before it, while their tokens live on. Each has at least MinSecret bytes.
	Secrets []secret.String
	// Issuer is what the claim iss of a signed token must be; empty: anything.
	Issuer string
	// Audiences are those of which the claim aud of a signed token must name
	// one; empty: anything.
	Audiences []string
	// Leeway is allowed on exp, nbf and iat; 0 means DefaultLeeway.
	Leeway time.Duration
	// Now returns the time; nil means time.Now.
	Now func() time.Time
}

// Validate reports every mistake in the configuration, joined.
func (c Config) Validate() error {
	var errs []error
	if len(c.Secrets) == 0 {
		errs = append(errs, errors.New("account: no secret is set; set AUTH_SECRET or NEXTAUTH_SECRET, for example to the output of `openssl rand -base64 32`"))
	}
	for i, s := range c.Secrets {
		if n := len(s.Reveal()); n < MinSecret {
			errs = append(errs, fmt.Errorf("account: secret %d has %d bytes; it must have at least %d", i+1, n, MinSecret))
		}
	}
	for i, a := range c.Audiences {
		if a == "" {
			errs = append(errs, fmt.Errorf("account: audience %d is empty", i+1))
		}
	}
	if c.Leeway < 0 || c.Leeway > maxLeeway {
		errs = append(errs, fmt.Errorf("account: leeway is %s; it must lie between 0 and %s", c.Leeway, maxLeeway))
	}
	return errors.Join(errs...)
}
