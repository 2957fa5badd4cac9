package architecture_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// rules are the import rules of .golangci.yml, the one place where they are
// written down, read as depguard reads them.
type rules map[string]*rule

type rule struct {
	ListMode string   `yaml:"list-mode"`
	Files    []string `yaml:"files"`
	Allow    []string `yaml:"allow"`
	Deny     []struct {
		Pkg  string `yaml:"pkg"`
		Desc string `yaml:"desc"`
	} `yaml:"deny"`

	in, out []*regexp.Regexp // of Files
	denied  []string         // of Deny
}

// readRules reads the rules, and refuses what depguard knows and these tests
// do not.
func readRules(tb testing.TB) rules {
	tb.Helper()
	var file struct {
		Linters struct {
			Enable   []string `yaml:"enable"`
			Settings struct {
				Depguard struct {
					Rules rules `yaml:"rules"`
				} `yaml:"depguard"`
			} `yaml:"settings"`
			Exclusions struct {
				Rules []struct {
					Linters []string `yaml:"linters"`
				} `yaml:"rules"`
			} `yaml:"exclusions"`
		} `yaml:"linters"`
	}
	if err := yaml.Unmarshal([]byte(read(tb, ".golangci.yml")), &file); err != nil {
		tb.Fatal(err)
	}
	if !slices.Contains(file.Linters.Enable, "depguard") {
		tb.Error("the linter does not look at imports")
	}
	for _, r := range file.Linters.Exclusions.Rules {
		if len(r.Linters) == 0 || slices.Contains(r.Linters, "depguard") {
			tb.Error("the linter keeps findings about imports to itself")
		}
	}
	all := file.Linters.Settings.Depguard.Rules
	if len(all) == 0 {
		tb.Fatal(".golangci.yml has no import rules")
	}
	for name, r := range all {
		if err := r.prepare(); err != nil {
			tb.Errorf("the list %s: %v", name, err)
		}
	}
	return all
}

func (r *rule) prepare() error {
	if r.ListMode != "strict" && (r.ListMode != "" || len(r.Allow) > 0) {
		return fmt.Errorf("the mode is %q; write strict, or no mode and nothing allowed", r.ListMode)
	}
	for _, pattern := range r.Files {
		matcher, negated := strings.CutPrefix(pattern, "!")
		glob, err := regexp.Compile("^" + strings.NewReplacer(
			"$all", `.*\.go`, "$test", `.*_test\.go`, "**", ".*", "*", "[^/]*", ".", `\.`, "{", "(?:", "}", ")", ",", "|",
		).Replace(matcher) + "$")
		if err != nil {
			return err
		}
		if negated {
			r.out = append(r.out, glob)
		} else {
			r.in = append(r.in, glob)
		}
	}
	if len(r.in) == 0 {
		return fmt.Errorf("%q names no files; write $all", r.Files)
	}
	for _, d := range r.Deny {
		r.denied = append(r.denied, d.Pkg)
	}
	// depguard looks at one entry only, the last one that is not behind the
	// import in the alphabet.
	for _, list := range [][]string{r.Allow, r.denied} {
		for _, a := range list {
			for _, b := range list {
				if a != b && !strings.HasSuffix(a, "$") && strings.HasPrefix(b, a) {
					return fmt.Errorf("%s hides what %s says", b, a)
				}
			}
		}
	}
	return nil
}

// applies reports whether the list is about the file.
func (r *rule) applies(file string) bool {
	matches := func(g *regexp.Regexp) bool { return g.MatchString(file) }
	return slices.ContainsFunc(r.in, matches) && !slices.ContainsFunc(r.out, matches)
}

// allows reports whether the list lets a package be imported.
func (r *rule) allows(path string) bool {
	allowed, denied := longest(r.Allow, path), longest(r.denied, path)
	if r.ListMode == "strict" {
		return allowed > denied
	}
	return denied == 0
}

// longest returns the length of the longest entry that fits the import; 0 when
// none does.
func longest(entries []string, path string) int {
	length := 0
	for _, entry := range entries {
		exact, whole := strings.CutSuffix(entry, "$")
		first, _, _ := strings.Cut(path, "/")
		standard := !strings.Contains(first, ".")
		switch {
		case entry == "$gostd":
			if standard {
				length = max(length, len(first))
			}
		case whole && path == exact:
			length = max(length, len(exact))
		case !whole && strings.HasPrefix(path, entry) && (standard || strings.Contains(entry, ".")):
			length = max(length, len(entry))
		}
	}
	return length
}

// refusing returns the lists that do not let the file import the package, each
// with its reason.
func (all rules) refusing(file, path string) []string {
	var by []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		r := all[name]
		if !r.applies("/src/narrative/"+file) || r.allows(path) { // linters see absolute paths
			continue
		}
		reason := "not on the list"
		for _, d := range r.Deny {
			if longest([]string{d.Pkg}, path) > 0 {
				reason = d.Desc
			}
		}
		by = append(by, name+": "+reason)
	}
	return by
}
