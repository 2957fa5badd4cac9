package account_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/account/accounttest"
	"github.com/narrativeml/narrative/internal/secret"
)

func TestAuthjsTokens(t *testing.T) {
	t.Parallel()
	claims := map[string]any{"sub": "user-7", "name": "Ada", "email": "ada@example.org"}
	roles := map[string]any{"id": "u1", "tenant": "acme", "roles": []string{"operator", "analyst"}}
	minted := accounttest.Mint(t,
		accounttest.Session{Key: current, Salt: account.SessionCookie, Token: claims, MaxAge: 600},
		accounttest.Session{Key: current, Salt: account.SecureSessionCookie, Token: claims, MaxAge: 600},
		accounttest.Session{Key: previous, Salt: account.SessionCookie, Token: roles, MaxAge: 600},
		accounttest.Session{Key: current, Token: roles, MaxAge: 600, HS256: true},
		accounttest.Session{Key: current, Salt: account.SessionCookie, Token: claims, MaxAge: -60},
		accounttest.Session{Key: current, Salt: "other.session-token", Token: claims, MaxAge: 600},
		accounttest.Session{Key: strings.Repeat("x", 40), Salt: account.SessionCookie, Token: claims, MaxAge: 600},
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
		got, err := v.Verify(t.Context(), minted[i].Token)
		if err != nil {
			t.Errorf("token %d: %v", i, err)
			continue
		}
		if got.Tenant != want.Tenant || got.User != want.User || !slices.Equal(got.Roles, want.Roles) || got.Development {
			t.Errorf("token %d: got %+v, want %+v", i, got, want)
		}
	}
	for i, code := range map[int]string{4: "token_expired", 5: "token_signature", 6: "token_signature"} {
		_, err := v.Verify(t.Context(), minted[i].Token)
		wantRefusal(t, err, code, minted[i].Token)
	}
}
