package config

import (
	"fmt"
	"io"
	"strings"

	"github.com/narrativeml/narrative/internal/secret"
)

// Entry is one setting that is in force.
type Entry struct {
	Path     string   // place in the file
	Variable []string // names in the environment
	Flag     string   // with dashes; empty: none
	Value    string   // a secret shows only whether it is set
	Origin   string   // who set it
	Doc      string
}

// Entries returns every setting that is in force, without secrets, section by
// section.
func (c Config) Entries() []Entry {
	var all []Entry
	for _, s := range settings(&c) {
		e := Entry{Path: s.path, Variable: s.env, Value: s.shown(), Origin: c.origins[s.path], Doc: s.doc}
		if e.Origin == "" {
			e.Origin = byDefault
		}
		if s.flag != noFlag {
			e.Flag = "--" + s.flag
		}
		all = append(all, e)
	}
	return all
}

// shown is the value without what must not be seen.
func (s setting) shown() string {
	if s.secret {
		return s.value.format()
	}
	return withoutUser(s.value.format())
}

// withoutUser hides the user and the password in a URL.
func withoutUser(text string) string {
	i := strings.Index(text, "://")
	if i < 0 {
		return text
	}
	i += len("://")
	end := len(text)
	if n := strings.IndexAny(text[i:], "/?#"); n >= 0 {
		end = i + n
	}
	if at := strings.LastIndexByte(text[i:end], '@'); at >= 0 {
		return text[:i] + secret.Redacted + text[i+at:]
	}
	return text
}

// Document writes the table of all settings and their defaults, as Markdown.
func Document(w io.Writer) error {
	c := Default(RoleAPI)
	var b strings.Builder
	b.WriteString("| setting | variable | flag | default | meaning |\n|---|---|---|---|---|\n")
	for _, e := range c.Entries() {
		variables := make([]string, len(e.Variable))
		for i, v := range e.Variable {
			variables[i] = code(v)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", code(e.Path), strings.Join(variables, ", "), code(e.Flag), code(e.Value), e.Doc)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write the table of settings: %w", err)
	}
	return nil
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}
