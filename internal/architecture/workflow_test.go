package architecture_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/narrativeml/narrative/internal/config"
)

// job is what the tests read of a job of the workflow.
type job struct {
	Services map[string]struct {
		Image string            `yaml:"image"`
		Ports []string          `yaml:"ports"`
		Env   map[string]string `yaml:"env"`
	} `yaml:"services"`
	Env   map[string]string `yaml:"env"`
	Steps []step            `yaml:"steps"`
}

type step struct {
	Run string            `yaml:"run"`
	Env map[string]string `yaml:"env"`
}

// wanted are the variables without which the end-to-end test on servers is
// skipped, as it declares them.
func wanted(tb testing.TB) []string {
	tb.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "server_test.go", read(tb, "internal/e2e/server_test.go"), 0)
	if err != nil {
		tb.Fatal(err)
	}
	var names []string
	for _, declared := range file.Decls {
		block, ok := declared.(*ast.GenDecl)
		if !ok || block.Tok != token.VAR {
			continue
		}
		for _, spec := range block.Specs {
			v, ok := spec.(*ast.ValueSpec)
			if !ok || len(v.Names) != 1 || v.Names[0].Name != "servers" || len(v.Values) != 1 {
				continue
			}
			ast.Inspect(v.Values[0], func(n ast.Node) bool {
				if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
					name, err := strconv.Unquote(l.Value)
					if err != nil {
						tb.Error(err)
					}
					names = append(names, name)
				}
				return true
			})
		}
	}
	if len(names) < 3 {
		tb.Fatalf("internal/e2e/server_test.go asks for %q; its list of servers is not found", names)
	}
	return names
}

// workflowMistakes returns what keeps the tests of the workflow from meeting
// the servers that it starts.
func workflowMistakes(tb testing.TB, text string) []string {
	tb.Helper()
	var workflow struct {
		Jobs map[string]job `yaml:"jobs"`
	}
	if err := yaml.Unmarshal([]byte(text), &workflow); err != nil {
		tb.Fatal(err)
	}
	var mistakes []string
	wrong := func(format string, args ...any) { mistakes = append(mistakes, fmt.Sprintf(format, args...)) }
	served := workflow.Jobs["real-parts"]
	names := wanted(tb)
	for _, name := range names {
		if served.Env[name] == "" {
			wrong("%s is not set, and the tests that need it are skipped", name)
		}
	}
	var env []string
	for name, value := range served.Env {
		if !slices.Contains(names, name) {
			wrong("%s is set, and no test asks for it", name)
		}
		env = append(env, name+"="+value)
	}
	if !slices.ContainsFunc(served.Steps, func(s step) bool { return s.Run == "make test" && len(s.Env) == 0 }) {
		wrong("the job with the servers does not run make test with their addresses")
	}
	c, err := config.Load(config.RoleWorker, config.Source{Environ: env})
	if err != nil {
		return append(mistakes, err.Error())
	}
	for name, address := range map[string]string{"mongodb": c.Store.URI.Reveal(), "redis": c.Redis.URL.Reveal(), "s3": c.S3.Endpoint} {
		service, ok := served.Services[name]
		if !ok || len(service.Ports) == 0 {
			wrong("there is no service container %s", name)
			continue
		}
		port, _, _ := strings.Cut(service.Ports[0], ":")
		if !regexp.MustCompile(`127\.0\.0\.1:` + port + `($|/)`).MatchString(address) {
			wrong("%s is at port %s, the tests look at %s", name, port, address)
		}
		if _, tag, ok := strings.Cut(service.Image, ":"); !ok || tag == "latest" {
			wrong("%s uses %s, which may change at any time", name, service.Image)
		}
	}
	s3 := served.Services["s3"].Env
	if s3["ROOT_ACCESS_KEY"] != c.S3.AccessKeyID || s3["ROOT_SECRET_KEY"] != c.S3.SecretAccessKey.Reveal() {
		wrong("the S3 server has other keys than the tests")
	}
	return mistakes
}

func TestArchitectureWorkflowUsesRealParts(t *testing.T) {
	t.Parallel()
	text := read(t, ".github/workflows/test.yml")
	for _, mistake := range workflowMistakes(t, text) {
		t.Error(mistake)
	}
	if !strings.Contains(text, "- run: .ci/run\n") {
		t.Error("the workflow does not run .ci/run")
	}
	// The suites of store, queue and file storage ask for nothing else.
	asked := map[string]bool{}
	for _, file := range []string{"internal/store/mongostore/driver_test.go", "internal/queue/real_test.go", "internal/blob/server_test.go"} {
		names := regexp.MustCompile(`"(NARRATIVE_[A-Z0-9_]+)"`).FindAllStringSubmatch(read(t, file), -1)
		if len(names) == 0 {
			t.Errorf("%s asks for no server", file)
		}
		for _, m := range names {
			asked[m[1]] = true
		}
	}
	if got, want := slices.Sorted(maps.Keys(asked)), slices.Sorted(slices.Values(wanted(t))); !slices.Equal(got, want) {
		t.Errorf("the suites ask for %q, the end-to-end test for %q", got, want)
	}
}

// TestArchitectureWorkflowMistakesAreFound plants mistakes in the workflow.
func TestArchitectureWorkflowMistakesAreFound(t *testing.T) {
	t.Parallel()
	text := read(t, ".github/workflows/test.yml")
	for name, tt := range map[string]struct{ old, planted, found string }{
		"a misspelt name":       {"NARRATIVE_MONGODB_URI:", "NARRATIVE_MONGO_URI:", "NARRATIVE_MONGODB_URI is not set"},
		"a name of no test":     {"NARRATIVE_S3_REGION:", "NARRATIVE_LLM_URL: http://127.0.0.1\n      NARRATIVE_S3_REGION:", "NARRATIVE_LLM_URL is set"},
		"a name left out":       {"      NARRATIVE_S3_PATH_STYLE: \"true\"\n", "", "NARRATIVE_S3_PATH_STYLE is not set"},
		"another port":          {"mongodb://127.0.0.1:27017", "mongodb://127.0.0.1:27018", "mongodb is at port"},
		"a port that begins so": {"redis://127.0.0.1:6379/0", "redis://127.0.0.1:63790/0", "redis is at port"},
		"no server":             {"      s3:\n", "      minio:\n", "no service container s3"},
		"other keys":            {"ROOT_SECRET_KEY: narrative-in-a-workflow", "ROOT_SECRET_KEY: another", "other keys"},
		"any version":           {"mongo:8.0", "mongo:latest", "may change"},
		"no tests":              {"- run: make test", "- run: make check", "does not run make test"},
	} {
		changed := strings.Replace(text, tt.old, tt.planted, 1)
		if changed == text {
			t.Errorf("%s: the workflow does not have %q", name, tt.old)
			continue
		}
		if said := strings.Join(workflowMistakes(t, changed), "\n"); !strings.Contains(said, tt.found) {
			t.Errorf("%s is not found; what is found: %q", name, said)
		}
	}
}
