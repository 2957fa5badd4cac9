package telemetry

import (
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/secret"
)

// NewLogger returns a logger that writes lines of the level (debug, info,
// warn, error) and above to w, as json or text. The value of an attribute
// whose name speaks of a secret is not written, nor are passwords in URLs,
// bearer tokens and signatures in texts. It returns a fault of class invalid
// for another level or format.
func NewLogger(w io.Writer, level, format string) (*slog.Logger, error) {
	var l slog.Level
	switch strings.ToLower(level) {
	case "debug":
		l = slog.LevelDebug
	case "info":
		l = slog.LevelInfo
	case "warn":
		l = slog.LevelWarn
	case "error":
		l = slog.LevelError
	default:
		return nil, fault.Invalid("invalid_log_level", "there is no log level %q; choose debug, info, warn or error", level)
	}
	options := &slog.HandlerOptions{Level: l, ReplaceAttr: redact}
	switch strings.ToLower(format) {
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	case "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	default:
		return nil, fault.Invalid("invalid_log_format", "there is no log format %q; choose json or text", format)
	}
}

// secretKey matches names of attributes that hold secrets.
var secretKey = regexp.MustCompile(`(?i)passw|secret|token|credential|cookie|authorization|api_?key|access_?key|private_?key|signature|\bjwt\b|session_?id`)

// secretText matches secrets inside texts; the first group is kept.
var secretText = regexp.MustCompile(
	`(?i)(://)[^/?#\s@"']+@` + // user and password of a URL
		`|(bearer\s+)[A-Za-z0-9._~+/=-]+` +
		`|(X-Amz-(?:Signature|Credential|Security-Token)=)[^&\s"']+`)

// redact hides secrets of an attribute and shows durations with their unit; it
// is a ReplaceAttr.
func redact(_ []string, a slog.Attr) slog.Attr {
	switch a.Value.Kind() {
	case slog.KindDuration: // JSON would show nanoseconds without a unit
		return slog.String(a.Key, a.Value.Duration().String())
	case slog.KindString, slog.KindAny:
	default: // numbers, times and groups, whose attributes come one by one
		return a
	}
	if secretKey.MatchString(a.Key) {
		if a.Value.Kind() == slog.KindString && a.Value.String() == "" {
			return a
		}
		return slog.String(a.Key, secret.Redacted)
	}
	switch v := a.Value.Any().(type) {
	case string:
		return slog.String(a.Key, Redact(v))
	case error:
		return slog.String(a.Key, Redact(v.Error()))
	case fmt.Stringer:
		return slog.String(a.Key, Redact(v.String()))
	default:
		return a
	}
}

// Redact hides what looks like a secret in a text.
func Redact(text string) string {
	if !strings.Contains(text, "://") && !strings.ContainsAny(text, "bBxX") {
		return text
	}
	return secretText.ReplaceAllStringFunc(text, func(match string) string {
		groups := secretText.FindStringSubmatch(match)
		switch {
		case groups[1] != "":
			return groups[1] + secret.Redacted + "@"
		case groups[2] != "":
			return groups[2] + secret.Redacted
		default:
			return groups[3] + secret.Redacted
		}
	})
}
