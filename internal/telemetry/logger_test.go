package telemetry_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/secret"
	"github.com/narrativeml/narrative/internal/telemetry"
)

func TestTheLoggerHidesSecrets(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"json", "text"} {
		var b bytes.Buffer
		l, err := telemetry.NewLogger(&b, "debug", format)
		if err != nil {
			t.Fatal(err)
		}
		link := &url.URL{Scheme: "redis", User: url.UserPassword("u", "hunter2"), Host: "h:6379"}
		l.With("api_key", "hunter2").WithGroup("group").InfoContext(t.Context(), "dial mongodb://u:hunter2@h/db",
			"password", "hunter2", "secret_access_key", []byte("hunter2"), "authorization", errors.New("hunter2"),
			"typed", secret.New("hunter2"), "uri", "mongodb://user:hunter2@host:1/x?y=z", "link", link,
			"error", errors.New(`Get "https://x/y?X-Amz-Signature=hunter2&X-Amz-Credential=hunter2": refused`),
			"header", "Bearer hunter2hunter2", slog.Group("inner", "cookie", "hunter2"),
			"job_id", "job_1", "n", 7, "took", 1500*time.Millisecond, "list", []string{"a"}, "empty_token", "")
		line := b.String()
		if strings.Contains(line, "hunter2") {
			t.Errorf("%s: a secret is shown: %s", format, line)
		}
		for _, part := range []string{"job_1", "host:1/x?y=z", "mongodb://[redacted]@h/db", "redis://[redacted]@h:6379", "refused", "Bearer [redacted]", "1.5s"} {
			if !strings.Contains(line, part) {
				t.Errorf("%s: %q is not shown: %s", format, part, line)
			}
		}
	}
}

func TestTheLoggersLevels(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]slog.Level{"debug": slog.LevelDebug, "INFO": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError} {
		l, err := telemetry.NewLogger(&bytes.Buffer{}, name, "TEXT")
		if err != nil {
			t.Fatal(err)
		}
		if !l.Enabled(context.Background(), want) || l.Enabled(context.Background(), want-1) {
			t.Errorf("level %s is another", name)
		}
	}
	if _, err := telemetry.NewLogger(&bytes.Buffer{}, "loud", "json"); fault.CodeOf(err) != "invalid_log_level" {
		t.Errorf("got %v", err)
	}
	if _, err := telemetry.NewLogger(&bytes.Buffer{}, "info", "xml"); fault.CodeOf(err) != "invalid_log_format" {
		t.Errorf("got %v", err)
	}
}

func FuzzRedact(f *testing.F) {
	f.Add("see ", " for more")
	f.Add("\"", "'")
	f.Fuzz(func(t *testing.T, before, after string) {
		const password = "correct-horse-battery"
		if strings.Contains(before+after, password) {
			t.Skip()
		}
		if text := telemetry.Redact(before + "redis://:" + password + "@host:6379/0" + after); strings.Contains(text, password) {
			t.Errorf("shown: %s", text)
		}
	})
}
