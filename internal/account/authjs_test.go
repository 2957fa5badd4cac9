package account_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/secret"
)

// mintRequest asks mint.mjs for one token.
type mintRequest struct {
	Secret string         `json:"secret"`
	Salt   string         `json:"salt"`
	Token  map[string]any `json:"token"`
	MaxAge int            `json:"maxAge"`
	HS256  bool           `json:"hs256,omitempty"`
}

// authjs installs the pinned @auth/core once per lock file, in the user's
// cache, and returns the folder.
func authjs(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		if os.Getenv("CI") != "" { //nolint:forbidigo // a test asks where it runs
			t.Fatal("node is not on PATH, and a continuous integration run must not skip this test")
		}
		t.Skip("node is not on PATH")
	}
	source := filepath.Join("testdata", "authjs")
	lock, err := os.ReadFile(filepath.Join(source, "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = t.TempDir()
	}
	sum := sha256.Sum256(lock)
	folder := filepath.Join(cache, "narrative-test", "authjs-"+hex.EncodeToString(sum[:8]))
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"package.json", "package-lock.json", "mint.mjs"} {
		b, err := os.ReadFile(filepath.Join(source, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	done := filepath.Join(folder, "node_modules", ".package-lock.json")
	if _, err := os.Stat(done); err != nil {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
		cmd.Dir = folder
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("npm ci: %v\n%s", err, out)
		}
	}
	return folder
}

// mint has Auth.js make the tokens.
func mint(t *testing.T, requests ...mintRequest) []string {
	t.Helper()
	in, err := json.Marshal(requests)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "mint.mjs")
	cmd.Dir = authjs(t)
	cmd.Stdin = bytes.NewReader(in)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("node mint.mjs: %v\n%s", err, stderr.String())
	}
	var tokens []string
	if err := json.Unmarshal(stdout.Bytes(), &tokens); err != nil || len(tokens) != len(requests) {
		t.Fatalf("mint.mjs wrote %q (%v)", stdout.String(), err)
	}
	return tokens
}

func TestAuthjsTokens(t *testing.T) {
	t.Parallel()
	claims := map[string]any{"sub": "user-7", "name": "Ada", "email": "ada@example.org"}
	roles := map[string]any{"id": "u1", "tenant": "acme", "roles": []string{"operator", "analyst"}}
	tokens := mint(t,
		mintRequest{Secret: current, Salt: account.SessionCookie, Token: claims, MaxAge: 600},
		mintRequest{Secret: current, Salt: account.SecureSessionCookie, Token: claims, MaxAge: 600},
		mintRequest{Secret: previous, Salt: account.SessionCookie, Token: roles, MaxAge: 600},
		mintRequest{Secret: current, Token: roles, MaxAge: 600, HS256: true},
		mintRequest{Secret: current, Salt: account.SessionCookie, Token: claims, MaxAge: -60},
		mintRequest{Secret: current, Salt: "other.session-token", Token: claims, MaxAge: 600},
		mintRequest{Secret: strings.Repeat("x", 40), Salt: account.SessionCookie, Token: claims, MaxAge: 600},
	)
	v, err := account.NewVerifier(account.Config{
		Secrets: []secret.String{secret.New(current), secret.New(previous)},
		Issuer:  "", Audiences: nil,
	})
	if err != nil {
		t.Fatal(err)
	}
	ada := account.Caller{Tenant: "user-7", User: "user-7", Roles: []string{"analyst"}}
	both := account.Caller{Tenant: "acme", User: "u1", Roles: []string{"analyst", "operator"}}
	for i, want := range []account.Caller{ada, ada, both, both} {
		got, err := v.Verify(t.Context(), tokens[i])
		if err != nil {
			t.Errorf("token %d: %v", i, err)
			continue
		}
		if got.Tenant != want.Tenant || got.User != want.User || !slices.Equal(got.Roles, want.Roles) || got.Development {
			t.Errorf("token %d: got %+v, want %+v", i, got, want)
		}
	}
	for i, code := range map[int]string{4: "token_expired", 5: "token_signature", 6: "token_signature"} {
		_, err := v.Verify(t.Context(), tokens[i])
		wantRefusal(t, err, code, tokens[i])
	}
}
