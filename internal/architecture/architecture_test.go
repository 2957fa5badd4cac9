package architecture_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	module   = "github.com/narrativeml/narrative"
	root     = "../.."
	maxLines = 500
)

// pkg is what go list tells about a package.
type pkg struct {
	ImportPath string
	Name       string
	Doc        string
	Deps       []string
}

// short is the path within the module.
func (p pkg) short() string { return strings.TrimPrefix(p.ImportPath, module+"/") }

func list(tb testing.TB) []pkg {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), "go", "list", "-json=ImportPath,Name,Doc,Deps", "./...")
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		tb.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var all []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, p)
	}
}

// within reports whether the path is the prefix or lies below it.
func within(path, prefix string) bool { return path == prefix || strings.HasPrefix(path, prefix+"/") }

// TestArchitectureTheCoreStandsAlone looks at what comes with the numeric
// core, not only at what it names: nothing but what gonum brings.
func TestArchitectureTheCoreStandsAlone(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, p := range list(t) {
		if !within(p.short(), "ml") || strings.HasSuffix(p.Name, "test") {
			continue
		}
		for _, dep := range p.Deps {
			first, _, _ := strings.Cut(dep, "/")
			seen++
			if strings.Contains(first, ".") && !within(dep, module+"/ml") && !within(dep, "gonum.org/v1/gonum") && dep != "golang.org/x/tools/container/intsets" {
				t.Errorf("%s brings %s with it", p.short(), dep)
			}
		}
	}
	if seen < 500 {
		t.Errorf("only %d imports were looked at", seen)
	}
}

// TestArchitectureProgramsCannotBeBroken sees to it that failpoints and the
// switches that turn off what keeps jobs safe are in no program that is built
// without the tag chaos.
func TestArchitectureProgramsCannotBeBroken(t *testing.T) {
	t.Parallel()
	const failpoint = module + "/internal/drill/failpoint"
	programs := 0
	for _, p := range list(t) {
		if p.Name != "main" {
			continue
		}
		programs++
		if slices.Contains(p.Deps, failpoint) {
			t.Errorf("%s brings %s with it", p.short(), failpoint)
		}
	}
	if programs < 4 {
		t.Errorf("only %d programs were looked at", programs)
	}
}

func TestArchitectureEveryPackageSaysWhatItIsFor(t *testing.T) {
	t.Parallel()
	for _, p := range list(t) {
		if p.Doc == "" {
			t.Errorf("%s has no package comment", p.short())
		}
		if p.Name == "main" {
			continue
		}
		doc := filepath.Join(root, p.short(), "doc.go")
		if p.ImportPath == module {
			doc = filepath.Join(root, "doc.go")
		}
		if _, err := os.Stat(doc); err != nil {
			t.Errorf("%s has no doc.go", p.short())
		}
	}
}

func TestArchitectureFilesAreShort(t *testing.T) {
	t.Parallel()
	seen := 0
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := entry.Name(); entry.IsDir() && path != root && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "build" || name == "bin" || name == "data") {
			return fs.SkipDir
		}
		if filepath.Ext(path) != ".go" {
			return nil
		}
		seen++
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if n := codeLines(text); n > maxLines {
			t.Errorf("%s has %d lines of code, more than %d", path, n, maxLines)
		}
		return nil
	})
	if err != nil || seen < 50 {
		t.Errorf("%d files seen, error %v", seen, err)
	}
}

// codeLines counts the lines that are neither empty nor a comment, as the
// linter does.
func codeLines(text []byte) int {
	n := 0
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSpace(line); len(line) > 0 && !bytes.HasPrefix(line, []byte("//")) {
			n++
		}
	}
	return n
}
