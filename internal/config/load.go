package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/narrativeml/narrative/internal/secret"
)

// byDefault is the origin of what nobody set.
const byDefault = "default"

// noFlag marks a setting that has no flag, since what is typed in a command
// line is seen by everybody on the machine.
const noFlag = "-"

// Source is where settings are read from.
type Source struct {
	Flags    *pflag.FlagSet                    // parsed, with the flags of Register; nil: none
	Environ  []string                          // as os.Environ
	ReadFile func(name string) ([]byte, error) // as os.ReadFile
}

// Register adds --config and a flag for every setting that may be given by a
// flag.
func Register(flags *pflag.FlagSet, role Role) {
	flags.String("config", "", "YAML file of settings (variable NARRATIVE_CONFIG)")
	c := Default(role)
	for _, s := range settings(&c) {
		switch s.flag {
		case noFlag:
		case "pool":
			flags.StringArray(s.flag, nil, s.doc+" Repeatable. (default "+s.value.format()+")")
		default:
			flags.String(s.flag, "", s.doc+" (default "+quoted(s.value.format())+")")
		}
	}
}

func quoted(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// Load reads the settings of a process. The error is MistakesError, with all of
// them, or says why the file cannot be read.
func Load(role Role, src Source) (Config, error) {
	c := Default(role)
	c.origins = map[string]string{}
	l := &loader{all: settings(&c), origins: c.origins, unread: map[string]bool{}}
	env := environment(src.Environ)

	name, origin := env["NARRATIVE_CONFIG"], "variable NARRATIVE_CONFIG"
	if src.Flags != nil && src.Flags.Changed("config") {
		name, origin = src.Flags.Lookup("config").Value.String(), "flag --config"
	}
	if name != "" {
		data, err := src.ReadFile(name)
		if err != nil {
			return Config{}, fmt.Errorf("read the settings file of %s: %w", origin, withoutTwice(err, name))
		}
		l.file(name, data)
	}
	l.environment(env)
	if src.Flags != nil {
		l.flags(src.Flags)
	}
	measureMemory(&c, src.ReadFile)
	checkAll(&c, &l.mistakes, l.unread)
	if len(l.mistakes) > 0 {
		slices.SortStableFunc(l.mistakes, func(a, b Mistake) int { return strings.Compare(a.Setting, b.Setting) })
		return Config{}, l.mistakes
	}
	return c, nil
}

// withoutTwice makes sure that the error names the file.
func withoutTwice(err error, name string) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok && pathErr.Path == name {
		return err
	}
	return fmt.Errorf("%s: %w", name, err)
}

type loader struct {
	all      []setting
	origins  map[string]string
	unread   map[string]bool // settings whose text could not be understood
	mistakes MistakesError
}

// set gives the setting a value.
func (l *loader) set(s setting, text, origin string) {
	l.origins[s.path] = origin
	if err := s.value.parse(text); err != nil {
		l.unread[s.path] = true
		l.mistakes = append(l.mistakes, mistake(s, origin, text, err.Error()))
		return
	}
	delete(l.unread, s.path)
}

func (l *loader) environment(env map[string]string) {
	known := map[string]bool{"NARRATIVE_CONFIG": true, envURL: true, envToken: true, envBenchPython: true}
	for _, s := range l.all {
		var values, names []string
		for _, name := range s.env {
			known[name] = true
			if v, ok := env[name]; ok && v != "" {
				values, names = append(values, v), append(names, name)
			}
		}
		if len(values) > 0 {
			l.set(s, strings.Join(slices.Compact(values), ","), "variable "+strings.Join(names, " and "))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if strings.HasPrefix(name, prefix) && !known[name] {
			l.mistakes = append(l.mistakes, Mistake{
				Origin: "variable " + name,
				Want:   "no setting has this variable" + nearest(name, slices.Collect(maps.Keys(known))),
			})
		}
	}
}

func (l *loader) flags(flags *pflag.FlagSet) {
	for _, s := range l.all {
		f := flags.Lookup(s.flag)
		if f == nil || !f.Changed {
			continue
		}
		text := f.Value.String()
		if many, ok := f.Value.(pflag.SliceValue); ok {
			text = strings.Join(many.GetSlice(), ",")
		}
		l.set(s, text, "flag --"+s.flag)
	}
}

func environment(list []string) map[string]string {
	env := make(map[string]string, len(list))
	for _, entry := range list {
		if name, v, ok := strings.Cut(entry, "="); ok {
			env[name] = v
		}
	}
	return env
}

// nearest proposes the known name that differs least, when it is near enough.
func nearest(name string, known []string) string {
	best, least := "", 4
	slices.Sort(known)
	for _, k := range known {
		if d := distance(name, k); d < least {
			best, least = k, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// distance counts the insertions, deletions and replacements between two
// texts.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}

// Client is what the client commands need to know.
type Client struct {
	URL   string
	Token secret.String
}

const (
	envURL         = "NARRATIVE_URL"
	envToken       = "NARRATIVE_TOKEN"
	envBenchPython = "NARRATIVE_BENCH_PYTHON"
)

// LoadClient reads the variables of the client commands: NARRATIVE_URL and
// NARRATIVE_TOKEN.
func LoadClient(environ []string) Client {
	env := environment(environ)
	c := Client{URL: env[envURL], Token: secret.New(env[envToken])}
	if c.URL == "" {
		c.URL = "http://127.0.0.1:8080"
	}
	return c
}

// BenchPython reads the variable of the benchmarks, NARRATIVE_BENCH_PYTHON: the
// Python that runs the peers, empty for the system's.
func BenchPython(environ []string) string { return environment(environ)[envBenchPython] }
