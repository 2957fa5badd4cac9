package architecture_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/goccy/go-yaml"
)

func TestArchitectureComposePartsKeepTheirPromises(t *testing.T) {
	t.Parallel()
	project, err := compose(t, read(t, "docker-compose.yml"), map[string]string{"AUTH_SECRET": authSecret})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"mongodb", "redis", "s3", "prometheus"} {
		service, ok := project.Services[name]
		if !ok {
			t.Fatalf("there is no service %s", name)
		}
		if _, tag, ok := strings.Cut(service.Image, ":"); !ok || tag == "latest" {
			t.Errorf("%s uses %s, which may change at any time", name, service.Image)
		}
		if !slices.ContainsFunc(service.Volumes, func(v types.ServiceVolumeConfig) bool { return v.Type == types.VolumeTypeVolume }) {
			t.Errorf("%s forgets everything when its container goes", name)
		}
	}
	redis := strings.Join(project.Services["redis"].Command, " ")
	for _, want := range []string{"--appendonly yes", "--maxmemory-policy noeviction"} {
		if !strings.Contains(redis, want) {
			t.Errorf("redis lacks %s: %s", want, redis)
		}
	}
	if strings.Contains(read(t, "deploy/Dockerfile"), ":latest") || !strings.Contains(read(t, "deploy/Dockerfile"), "distroless/static") {
		t.Error("the image is not built on a pinned distroless/static")
	}
	var alerts struct {
		Groups []struct {
			Rules []struct {
				Alert string `yaml:"alert"`
				Expr  string `yaml:"expr"`
			} `yaml:"rules"`
		} `yaml:"groups"`
	}
	if err := yaml.Unmarshal([]byte(read(t, "deploy/prometheus/alerts.yml")), &alerts); err != nil {
		t.Fatal(err)
	}
	if len(alerts.Groups) != 1 || len(alerts.Groups[0].Rules) == 0 {
		t.Fatalf("the alerts are %+v", alerts)
	}
	// Every metric of an alert is one that the code exposes.
	names := regexp.MustCompile(`narrative_[a-z_]+`)
	code := telemetryNames(t)
	for _, r := range alerts.Groups[0].Rules {
		for _, name := range names.FindAllString(r.Expr, -1) {
			if !slices.Contains(code, strings.TrimPrefix(name, "narrative_")) {
				t.Errorf("the alert %s watches %s, which no code exposes", r.Alert, name)
			}
		}
	}
}

// telemetryNames returns the texts in internal/telemetry that could be names
// of metrics.
func telemetryNames(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "internal/telemetry/*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("internal/telemetry has %d files, error %v", len(files), err)
	}
	quoted := regexp.MustCompile(`"([a-z][a-z_]+)"`)
	var all []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range quoted.FindAllStringSubmatch(string(text), -1) {
			all = append(all, m[1])
		}
	}
	return all
}

func read(tb testing.TB, name string) string {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

func TestArchitectureMakeHelpListsTheTargets(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "make", "--no-print-directory", "help")
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, target := range []string{"help", "run", "demo", "test", "check", "bench", "fmt", "tidy", "fuzz"} {
		if !regexp.MustCompile(`(?m)^  make ` + target + ` +\S`).Match(out) {
			t.Errorf("make help does not list %s:\n%s", target, out)
		}
	}
	if !strings.Contains(read(t, ".ci/run"), "make check test") {
		t.Error(".ci/run does not run make check test")
	}
	if info, err := os.Stat(filepath.Join(root, ".ci/run")); err != nil || info.Mode()&0o111 == 0 {
		t.Errorf(".ci/run cannot be run: %v", err)
	}
}
