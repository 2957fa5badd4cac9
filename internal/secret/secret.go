package secret

import (
	"fmt"
	"log/slog"
	"unique"
)

// Redacted is what is shown instead of a secret that is set.
const Redacted = "[redacted]"

// String is a secret text. The zero value means that none is set, and shows
// as the empty text. It compares with ==, decodes from plain text, and does
// not encode to it.
//
// The handle keeps the text behind a pointer: fmt prints unexported fields
// without asking their methods, and must find an address there.
type String struct{ handle unique.Handle[string] }

// New returns the secret.
func New(value string) String {
	if value == "" {
		return String{}
	}
	return String{handle: unique.Make(value)}
}

// Reveal returns the secret itself, for handing it to the part that needs it.
func (s String) Reveal() string {
	if s.IsZero() {
		return ""
	}
	return s.handle.Value()
}

// IsZero reports whether no secret is set.
func (s String) IsZero() bool { return s == String{} }

// String implements fmt.Stringer; it shows only whether a secret is set.
func (s String) String() string {
	if s.IsZero() {
		return ""
	}
	return Redacted
}

// GoString implements fmt.GoStringer; it hides the secret from %#v.
func (s String) GoString() string { return fmt.Sprintf("secret.String(%q)", s.String()) }

// Format implements fmt.Formatter, so that no verb shows the secret.
func (s String) Format(f fmt.State, verb rune) {
	text := s.String()
	switch {
	case verb == 'v' && f.Flag('#'):
		text = s.GoString()
	case verb == 'q':
		text = fmt.Sprintf("%q", text)
	}
	_, _ = f.Write([]byte(text)) // a Formatter has nowhere to report an error
}

// LogValue implements slog.LogValuer.
func (s String) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText implements encoding.TextMarshaler, and so JSON and YAML; it
// never gives the secret.
func (s String) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler; the text is the secret.
func (s *String) UnmarshalText(text []byte) error {
	*s = New(string(text))
	return nil
}

// Set implements the flag interfaces together with String and Type.
func (s *String) Set(value string) error {
	*s = New(value)
	return nil
}

// Type names the type in the help of a flag.
func (s *String) Type() string { return "secret" }
