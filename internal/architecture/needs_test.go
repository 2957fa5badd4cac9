package architecture_test

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// machine is a machine on which scripts/test-needs.sh is run, without what
// npm would install: a copy of the script, and the programs that it finds.
type machine struct {
	folder string
	env    []string
}

// newMachine returns a machine with these programs of testdata/machine beside
// those that every machine has. A dash begins what is special about one.
func newMachine(tb testing.TB, programs []string, env ...string) *machine {
	tb.Helper()
	m := &machine{folder: tb.TempDir()}
	bin := filepath.Join(m.folder, "bin")
	for _, dir := range []string{bin, filepath.Join(m.folder, "scripts")} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			tb.Fatal(err)
		}
	}
	for _, name := range []string{"bash", "cat", "dirname", "env", "find"} {
		at, err := exec.LookPath(name)
		if err != nil {
			tb.Fatal(err)
		}
		if err := os.Symlink(at, filepath.Join(bin, name)); err != nil {
			tb.Fatal(err)
		}
	}
	for _, program := range programs {
		at, err := filepath.Abs(filepath.Join("testdata", "machine", program))
		if err != nil {
			tb.Fatal(err)
		}
		name := program[:strings.LastIndex(program, "-")]
		if err := os.Symlink(at, filepath.Join(bin, name)); err != nil {
			tb.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(m.folder, "scripts", "test-needs.sh"), []byte(read(tb, "scripts/test-needs.sh")), 0o755); err != nil {
		tb.Fatal(err)
	}
	m.env = append([]string{"PATH=" + bin, "DONE=" + m.done()}, env...)
	return m
}

// done is the file in which the programs tell what they were told.
func (m *machine) done() string { return filepath.Join(m.folder, "done") }

func (m *machine) run(tb testing.TB) (output string, err error) {
	tb.Helper()
	bash, err := exec.LookPath("bash")
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.CommandContext(tb.Context(), bash, filepath.Join(m.folder, "scripts", "test-needs.sh"))
	cmd.Env = m.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestArchitectureTestNeedsInstallsOrSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	const needsRoot = "needs root, or sudo without a password"
	for name, tt := range map[string]struct {
		programs []string
		ci       bool
		fails    bool
		says     string // and nothing when empty
		installs bool
	}{
		"it is there":                 {programs: []string{"redis-server-there", "id-somebody"}},
		"it is there, in CI":          {programs: []string{"redis-server-there", "id-somebody"}, ci: true},
		"root":                        {programs: []string{"id-root", "apt-get-records"}, says: "installing redis-server", installs: true},
		"sudo":                        {programs: []string{"id-somebody", "sudo-obeys", "apt-get-records"}, ci: true, says: "installing redis-server", installs: true},
		"no sudo":                     {programs: []string{"id-somebody", "apt-get-records"}, says: needsRoot},
		"no sudo, in CI":              {programs: []string{"id-somebody", "apt-get-records"}, ci: true, fails: true, says: "must not skip tests"},
		"sudo with a password":        {programs: []string{"id-somebody", "sudo-refuses", "apt-get-records"}, says: needsRoot},
		"sudo with a password, in CI": {programs: []string{"id-somebody", "sudo-refuses", "apt-get-records"}, ci: true, fails: true, says: "must not skip tests"},
		"no apt-get":                  {programs: []string{"id-root"}, says: "there is no apt-get"},
		"no apt-get, in CI":           {programs: []string{"id-root"}, ci: true, fails: true, says: "must not skip tests"},
		"it cannot be had":            {programs: []string{"id-root", "apt-get-fails"}, fails: true, says: "installing redis-server"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var env []string
			if tt.ci {
				env = append(env, "CI=true")
			}
			m := newMachine(t, tt.programs, env...)
			out, err := m.run(t)
			if (err != nil) != tt.fails || !strings.Contains(out, tt.says) || tt.says == "" && out != "" {
				t.Errorf("error %v, output %q", err, out)
			}
			done, _ := os.ReadFile(m.done()) // none when nothing was done
			if installed := strings.Contains(string(done), "apt-get install") && strings.Contains(string(done), " redis-server"); installed != tt.installs {
				t.Errorf("installed: %v, by %q", installed, done)
			}
			if skips := strings.Contains(out, "these tests are skipped"); skips != (!tt.fails && !tt.installs && tt.says != "") {
				t.Errorf("tests are skipped: %v: %s", skips, out)
			}
		})
	}
}

// TestArchitectureTestNeedsNamesTheSkippedTests checks that the script names
// the packages whose tests are skipped without a redis-server, and that none
// is where CI is set.
func TestArchitectureTestNeedsNamesTheSkippedTests(t *testing.T) {
	t.Parallel()
	m := newMachine(t, []string{"id-somebody"})
	out, err := m.run(t)
	if err != nil {
		t.Fatal(err)
	}
	var named, skipping []string
	for line := range strings.Lines(out) {
		if first, _, _ := strings.Cut(strings.TrimSpace(line), " "); strings.HasPrefix(line, "  ") {
			named = append(named, first)
		}
	}
	sources(t, func(name string) {
		text := read(t, name)
		if !strings.HasSuffix(name, "_test.go") || path.Dir(name) == "internal/architecture" || !strings.Contains(text, `LookPath("redis-server")`) {
			return
		}
		skipping = append(skipping, path.Dir(name))
		if !strings.Contains(text, `os.Getenv("CI") != ""`) || !strings.Contains(text, "CI must install it") {
			t.Errorf("%s skips tests where CI is set", name)
		}
	})
	slices.Sort(named)
	slices.Sort(skipping)
	if len(skipping) == 0 || !slices.Equal(named, slices.Compact(skipping)) {
		t.Errorf("the script names %q; tests are skipped in %q", named, skipping)
	}
}
