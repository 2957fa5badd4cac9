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
	Standard   bool
	Imports    []string
	Deps       []string
}

// short is the path within the module.
func (p pkg) short() string { return strings.TrimPrefix(p.ImportPath, module+"/") }

func list(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Name,Doc,Standard,Imports,Deps", "./...")
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var all []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// external reports whether the import is neither ours nor the standard
// library's.
func external(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return strings.Contains(first, ".") && !ours(path)
}

func ours(path string) bool { return path == module || strings.HasPrefix(path, module+"/") }

// within reports whether the path is the prefix or lies below it.
func within(path, prefix string) bool { return path == prefix || strings.HasPrefix(path, prefix+"/") }

func anyWithin(path string, prefixes []string) bool {
	for _, p := range prefixes {
		if within(path, p) {
			return true
		}
	}
	return false
}

// rule says what some packages may import of ours and of others'.
type rule struct {
	packages []string // and what lies below them
	ours     []string // within the module; a trailing ! means this package only
	vendors  []string
	never    []string // of the standard library, and below
}

// store, and so on, are the short names of hubs in the rules.
func rules() []rule {
	noIO := []string{"net/http", "log"}
	hubs := func(more ...string) []string {
		return append([]string{"ml", "internal/fault!", "internal/store!", "internal/job!", "internal/tabular!"}, more...)
	}
	return []rule{
		{packages: []string{"ml"}, ours: []string{"ml"}, vendors: []string{"gonum.org/v1/gonum"}, never: []string{"os", "net", "log", "database", "testing"}},
		{packages: []string{"internal/fault", "internal/secret"}, never: []string{"net", "os", "database"}},
		{packages: []string{"internal/job"}, ours: []string{"internal/fault!", "internal/store!", "internal/job!"}, vendors: []string{"github.com/robfig/cron"}, never: noIO},
		{packages: []string{"internal/account"}, ours: []string{"internal/fault!", "internal/secret!", "internal/job!", "internal/store!"}, vendors: []string{"github.com/go-jose/go-jose", "golang.org/x/crypto"}, never: noIO},
		{packages: []string{"internal/tabular"}, ours: []string{"internal/fault!", "ml/frame!"}, vendors: []string{"github.com/parquet-go/parquet-go"}, never: noIO},
		{packages: []string{"internal/dataset"}, ours: hubs("internal/account!", "internal/dataset"), vendors: []string{"github.com/axiomhq/hyperloglog", "github.com/DataDog/sketches-go", "github.com/cespare/xxhash"}, never: noIO},
		{packages: []string{"internal/model"}, ours: hubs("internal/account!", "internal/dataset!"), never: noIO},
		{packages: []string{"internal/training", "internal/tuning", "internal/prediction", "internal/retention"}, ours: hubs("internal/account!", "internal/dataset!", "internal/model!"), never: noIO},
		{packages: []string{"jobs"}, ours: []string{"internal/fault!", "internal/job!", "internal/dataset!", "internal/training!", "internal/tuning!", "internal/prediction!", "internal/retention!", "internal/model!"}, never: noIO},
		{packages: []string{"internal/store"}, ours: []string{"internal/fault!", "internal/secret!", "internal/store"}, vendors: []string{"go.mongodb.org/mongo-driver", "modernc.org/sqlite", "github.com/google/uuid", "golang.org/x/sync"}, never: []string{"net/http"}},
		{packages: []string{"internal/queue"}, ours: []string{"internal/fault!", "internal/secret!"}, vendors: []string{"github.com/hibiken", "github.com/redis/go-redis"}},
		{packages: []string{"internal/cache"}, ours: []string{"internal/fault!", "internal/secret!"}, vendors: []string{"github.com/redis/go-redis"}},
		{packages: []string{"internal/blob"}, ours: []string{"internal/fault!", "internal/secret!"}, vendors: []string{"github.com/aws", "golang.org/x"}},
		{packages: []string{"internal/telemetry"}, ours: []string{"internal/fault!", "internal/secret!", "internal/store!"}, vendors: []string{"github.com/prometheus", "go.opentelemetry.io"}},
		{packages: []string{"internal/health"}, ours: []string{"internal/fault!", "internal/secret!"}, vendors: []string{"golang.org/x/sync"}},
		{packages: []string{"internal/config"}, ours: []string{"internal/secret!"}, vendors: []string{"github.com/goccy/go-yaml", "github.com/robfig/cron", "github.com/spf13/pflag"}},
		{packages: []string{"internal/client"}, ours: []string{"internal/secret!", "internal/client"}},
		{packages: []string{"internal/sample"}},
		{packages: []string{"internal/terminal"}, vendors: []string{"github.com/vbauerster/mpb", "golang.org/x/term"}},
		{packages: []string{"internal/demo"}, ours: []string{"internal/client!", "internal/sample!", "internal/secret!", "internal/terminal!"}},
		{packages: []string{"internal/drill"}, ours: []string{"internal/drill", "internal/client!", "internal/sample!", "internal/tabular!", "internal/terminal!", "ml", "internal/embedded!", "internal/job!", "internal/queue", "internal/secret!", "internal/store"}},
		{packages: []string{"internal/cli"}, ours: []string{"internal/client!", "internal/config!", "internal/demo!", "internal/secret!", "internal/terminal!"}, vendors: []string{"github.com/spf13/cobra", "golang.org/x/term"}},
		{packages: []string{"cmd"}, ours: []string{"internal/app!", "internal/cli!", "internal/config!"}},
	}
}

// homes says which packages may import a vendor.
func homes() map[string][]string {
	return map[string][]string{
		"github.com/labstack/echo":         {"internal/httpapi"},
		"github.com/danielgtaylor/huma":    {"internal/httpapi"},
		"github.com/hibiken":               {"internal/queue"},
		"github.com/redis/go-redis":        {"internal/queue", "internal/cache"},
		"go.mongodb.org/mongo-driver":      {"internal/store/mongostore", "internal/store/mongowire"},
		"modernc.org/sqlite":               {"internal/store/sqlitestore"},
		"github.com/aws":                   {"internal/blob"},
		"github.com/prometheus":            {"internal/telemetry"},
		"github.com/parquet-go/parquet-go": {"internal/tabular"},
		"github.com/go-jose/go-jose":       {"internal/account"},
		"github.com/vbauerster/mpb":        {"internal/terminal"},
		"github.com/versity/versitygw":     {"internal/embedded"},
		"github.com/alicebob/miniredis":    {"internal/embedded"},
	}
}

func TestArchitectureImports(t *testing.T) {
	t.Parallel()
	packages := list(t)
	if len(packages) < 20 {
		t.Fatalf("go list found %d packages", len(packages))
	}
	for _, p := range packages {
		for _, r := range rules() {
			if anyWithin(p.short(), r.packages) {
				r.check(t, p)
			}
		}
		checkEverywhere(t, p)
	}
}

// suite reports whether the package exists for tests.
func suite(p pkg) bool { return strings.HasSuffix(p.Name, "test") }

func (r rule) check(t *testing.T, p pkg) {
	t.Helper()
	if suite(p) {
		r.never = nil
	}
	for _, path := range p.Imports {
		switch {
		case ours(path):
			if !r.allows(strings.TrimPrefix(path, module+"/")) {
				t.Errorf("%s imports %s; of ours it may import %v", p.short(), path, r.ours)
			}
		case external(path):
			if !anyWithin(path, r.vendors) {
				t.Errorf("%s imports %s; of others' it may import %v", p.short(), path, r.vendors)
			}
		case anyWithin(path, r.never):
			t.Errorf("%s imports %s", p.short(), path)
		}
	}
}

func (r rule) allows(path string) bool {
	for _, allowed := range r.ours {
		if exact, ok := strings.CutSuffix(allowed, "!"); ok && path == exact || !ok && within(path, allowed) {
			return true
		}
	}
	return false
}

func checkEverywhere(t *testing.T, p pkg) {
	t.Helper()
	short := p.short()
	for _, path := range p.Imports {
		for vendor, at := range homes() {
			if within(path, vendor) && !anyWithin(short, at) {
				t.Errorf("%s imports %s; its home is %v", short, path, at)
			}
		}
		switch strings.TrimPrefix(path, module+"/") {
		case "internal/app":
			if !within(short, "cmd") {
				t.Errorf("%s imports internal/app; only cmd may", short)
			}
		case "internal/config":
			if !anyWithin(short, []string{"cmd", "internal/app", "internal/cli"}) {
				t.Errorf("%s imports internal/config; settings arrive by argument", short)
			}
		case "testing", "ml/mltest", "internal/store/storetest", "internal/client/clienttest":
			if !suite(p) {
				t.Errorf("%s imports %s; test suites stay in tests", short, path)
			}
		}
	}
	// The numeric core is a library of its own: nothing else comes with it but
	// what gonum brings.
	if within(short, "ml") && !suite(p) {
		for _, dep := range p.Deps {
			if (external(dep) || ours(dep)) && !anyWithin(dep, []string{"gonum.org/v1/gonum", "golang.org/x/tools/container/intsets", module + "/ml"}) {
				t.Errorf("%s brings %s with it", short, dep)
			}
		}
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
