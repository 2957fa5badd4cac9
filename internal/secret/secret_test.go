package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/secret"
)

const value = "p4ss-w0rd-that-nobody-sees"

func TestNothingShowsTheValue(t *testing.T) {
	t.Parallel()
	s := secret.New(value)
	type config struct {
		Name     string        `json:"name"`
		Password secret.String `json:"password"`
		hidden   secret.String
		Pointer  *secret.String `json:"pointer"`
	}
	c := config{Name: "shown", Password: s, hidden: s, Pointer: &s}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%T %v"} {
		args := []any{s}
		if verb == "%T %v" {
			args = []any{s, s}
		}
		for _, text := range []string{fmt.Sprintf(verb, args...), fmt.Sprintf("%v %+v", c, &c)} {
			if strings.Contains(text, value) || strings.Contains(text, fmt.Sprintf("%x", value)) {
				t.Errorf("%s shows the secret: %s", verb, text)
			}
		}
	}
	if got := fmt.Sprintf("%v|%q|%#v", s, s, s); got != `[redacted]|"[redacted]"|secret.String("[redacted]")` {
		t.Errorf("got %s", got)
	}
	encoded, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"name":"shown","password":"[redacted]","pointer":"[redacted]"}`; string(encoded) != want {
		t.Errorf("JSON is %s, want %s", encoded, want)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("start", "password", s, "config", c)
	slog.New(slog.NewTextHandler(&log, nil)).Info("start", "password", s)
	if strings.Contains(log.String(), value) || !strings.Contains(log.String(), secret.Redacted) {
		t.Errorf("log is %s", log.String())
	}
}

func TestTheValueCanBeHad(t *testing.T) {
	t.Parallel()
	var c struct {
		Password secret.String `json:"password"`
	}
	if !c.Password.IsZero() || c.Password.String() != "" {
		t.Errorf("the zero value is %q", c.Password)
	}
	if err := json.Unmarshal([]byte(`{"password":"`+value+`"}`), &c); err != nil {
		t.Fatal(err)
	}
	if c.Password.IsZero() || c.Password.Reveal() != value || c.Password != secret.New(value) {
		t.Error("the decoded secret is another")
	}
	var s secret.String
	if err := s.Set(value); err != nil || s.Reveal() != value || s.Type() != "secret" {
		t.Errorf("Set gave %q, %v, type %s", s.Reveal(), err, s.Type())
	}
}
