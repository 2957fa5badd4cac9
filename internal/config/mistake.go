package config

import (
	"fmt"
	"strings"
)

// Mistake is one thing that is wrong with the configuration.
type Mistake struct {
	Setting string // the place in the file, such as "s3.bucket"; empty for something unknown
	Origin  string // "default", "variable NARRATIVE_X", "file x.yaml, line 3" or "flag --x"
	Value   string // what was given, shortened; never a secret
	Want    string // what would be right
}

// String tells the mistake in one line.
func (m Mistake) String() string {
	var b strings.Builder
	if m.Setting != "" {
		b.WriteString(m.Setting + " ")
	}
	b.WriteString("(" + m.Origin + ")")
	if m.Value != "" {
		fmt.Fprintf(&b, " is %q", m.Value)
	}
	b.WriteString(": " + m.Want)
	return b.String()
}

// MistakesError is every mistake of a configuration. It is an error when it is not
// empty.
type MistakesError []Mistake

// Error lists the mistakes, one a line.
func (m MistakesError) Error() string {
	lines := make([]string, 0, len(m)+1)
	lines = append(lines, fmt.Sprintf("the configuration has %d mistake(s):", len(m)))
	for _, one := range m {
		lines = append(lines, "  "+one.String())
	}
	return strings.Join(lines, "\n")
}

// mistake is what is wrong with a value of the setting.
func mistake(s setting, origin, value, want string) Mistake {
	if s.secret {
		value = ""
	}
	if origin == "" || origin == byDefault {
		origin = "not set; variable " + strings.Join(s.env, " or ")
	}
	return Mistake{Setting: s.path, Origin: origin, Value: shorten(withoutUser(value)), Want: want}
}

func shorten(s string) string {
	if len(s) <= maxTextSeen {
		return s
	}
	return strings.ToValidUTF8(s[:maxTextSeen], "") + "…"
}
