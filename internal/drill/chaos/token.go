package chaos

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/narrativeml/narrative/internal/secret"
)

// signingSecret signs the tokens of the run's clients; its API is told it.
const signingSecret = "a-secret-of-a-chaos-run-and-of-nothing-else" //nolint:gosec // it guards nothing

// tokenLife is longer than any run.
const tokenLife = 24 * time.Hour

// token returns a bearer token of the tenant's analyst and operator.
func token(tenant string) (secret.String, error) {
	now := time.Now()
	claims, err := json.Marshal(map[string]any{
		"sub": "chaos", "tenant": tenant, "roles": []string{"analyst", "operator"},
		"iat": now.Add(-time.Minute).Unix(), "exp": now.Add(tokenLife).Unix(),
	})
	if err != nil {
		return secret.String{}, fmt.Errorf("make a token: %w", err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + encode(claims)
	mac := hmac.New(sha256.New, []byte(signingSecret))
	_, _ = mac.Write([]byte(text)) // it never fails
	return secret.New(text + "." + encode(mac.Sum(nil))), nil
}
