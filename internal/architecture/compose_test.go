package architecture_test

import (
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/goccy/go-yaml"

	"github.com/narrativeml/narrative/internal/config"
)

const authSecret = "a secret for a test with more than 32 bytes"

// compose reads the text as docker compose does with the environment.
func compose(tb testing.TB, text string, environ map[string]string) (*types.Project, error) {
	tb.Helper()
	return loader.LoadWithContext(tb.Context(), types.ConfigDetails{
		WorkingDir:  root,
		ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(root, "docker-compose.yml"), Content: []byte(text)}},
		Environment: environ,
	}, func(o *loader.Options) { o.SetProjectName("narrative", true) })
}

func environ(service types.ServiceConfig) []string {
	var all []string
	for name, value := range service.Environment {
		if value != nil {
			all = append(all, name+"="+*value)
		}
	}
	return all
}

// roles are the services that are processes of ours.
func roles() map[string]config.Role {
	return map[string]config.Role{"api": config.RoleAPI, "worker": config.RoleWorker, "scheduler": config.RoleScheduler}
}

// given are values for every variable that the file takes from outside.
func given() map[string]string {
	return map[string]string{
		"AUTH_SECRET":                    authSecret,
		"NARRATIVE_CORS_ORIGINS":         "https://front.example.org",
		"NARRATIVE_S3_PUBLIC_ENDPOINT":   "https://files.example.org",
		"NARRATIVE_S3_ACCESS_KEY_ID":     "a-key-of-this-test",
		"NARRATIVE_S3_SECRET_ACCESS_KEY": "a-secret-key-of-this-test",
	}
}

// composeMistakes returns what is wrong with the services of ours, and
// between them and their parts.
func composeMistakes(tb testing.TB, text string) []string {
	tb.Helper()
	mistakes := nameMistakes(tb, text)
	for which, environ := range map[string]map[string]string{"by default": {"AUTH_SECRET": authSecret}, "with everything given": given()} {
		project, err := compose(tb, text, environ)
		if err != nil {
			mistakes = append(mistakes, err.Error())
			continue
		}
		for name, role := range roles() {
			for _, m := range serviceMistakes(project, name, role) {
				mistakes = append(mistakes, fmt.Sprintf("%s, %s: %s", name, which, m))
			}
		}
	}
	return mistakes
}

// nameMistakes looks at the names inside ${…}: a variable is set from the one
// of its own name; that of a part from one of ours; and there is no other.
func nameMistakes(tb testing.TB, text string) []string {
	tb.Helper()
	var file struct {
		Environment map[string]string `yaml:"x-environment"`
		Services    map[string]struct {
			Environment map[string]any `yaml:"environment"`
		} `yaml:"services"`
	}
	if err := yaml.Unmarshal([]byte(text), &file); err != nil {
		tb.Fatal(err)
	}
	var mistakes []string
	ours := map[string]bool{}
	name := regexp.MustCompile(`\$\{?([A-Za-z_][A-Za-z0-9_]*)`)
	for service := range roles() {
		for key, value := range file.Services[service].Environment {
			ours[key] = true
			for _, m := range name.FindAllStringSubmatch(fmt.Sprint(value), -1) {
				if m[1] != key {
					mistakes = append(mistakes, fmt.Sprintf("%s: %s is set from ${%s}", service, key, m[1]))
				}
			}
		}
	}
	for _, m := range name.FindAllStringSubmatch(text, -1) {
		if outside := given(); !ours[m[1]] || outside[m[1]] == "" {
			mistakes = append(mistakes, fmt.Sprintf("${%s} is no variable of the configuration that this file takes from outside", m[1]))
		}
	}
	return mistakes
}

// serviceMistakes looks at one of our services.
func serviceMistakes(project *types.Project, name string, role config.Role) []string {
	var mistakes []string
	wrong := func(format string, args ...any) { mistakes = append(mistakes, fmt.Sprintf(format, args...)) }
	service, ok := project.Services[name]
	if !ok {
		return []string{"there is no such service"}
	}
	// An unknown variable, a missing one or a wrong value is an error.
	c, err := config.Load(role, config.Source{Environ: environ(service)})
	if err != nil {
		return []string{err.Error()}
	}
	if c.Mode != config.Production {
		wrong("the mode is %s", c.Mode)
	}
	addr := c.Ops.Addr
	if role == config.RoleAPI {
		addr = c.API.Addr
	}
	if !strings.HasPrefix(addr, ":") {
		wrong("it listens at %s, where no other container reaches it", addr)
	}
	for _, part := range []string{"mongodb", "redis", "s3"} {
		if service.DependsOn[part].Condition != types.ServiceConditionHealthy {
			wrong("it does not wait for %s", part)
		}
	}
	return append(mistakes, partMistakes(project, c)...)
}

// partMistakes looks whether the parts are where our services look for them,
// and accept the keys that our services have.
func partMistakes(project *types.Project, c config.Config) []string {
	var mistakes []string
	wrong := func(format string, args ...any) { mistakes = append(mistakes, fmt.Sprintf(format, args...)) }
	for part, address := range map[string]string{"mongodb": c.Store.URI.Reveal(), "redis": c.Redis.URL.Reveal(), "s3": c.S3.Endpoint} {
		if u, err := url.Parse(address); err != nil || u.Hostname() != part {
			wrong("%s is looked for at %s", part, address)
		}
	}
	s3 := project.Services["s3"]
	command := strings.Join(s3.Command, " ")
	u, err := url.Parse(c.S3.Endpoint)
	if err != nil || !strings.Contains(command, "--port :"+u.Port()+" ") {
		wrong("the S3 server does not listen where it is looked for, at %s: %s", c.S3.Endpoint, command)
	}
	if !strings.Contains(command, "--region "+c.S3.Region+" ") {
		wrong("the S3 server does not serve the region %s: %s", c.S3.Region, command)
	}
	// The processes do not create the bucket, so that somebody else has to.
	if !strings.Contains(command, "mkdir -p /objects/"+c.S3.Bucket+" ") {
		wrong("nobody creates the bucket %s: %s", c.S3.Bucket, command)
	}
	for variable, key := range map[string]string{"ROOT_ACCESS_KEY": c.S3.AccessKeyID, "ROOT_SECRET_KEY": c.S3.SecretAccessKey.Reveal()} {
		if value := s3.Environment[variable]; value == nil || *value != key {
			wrong("the S3 server's %s is not the key that the clients have", variable)
		}
	}
	// Links to files lead to the server's port on this machine, unless another
	// address was given.
	if public, err := url.Parse(c.S3.PublicEndpoint); err != nil || public.Hostname() == "localhost" &&
		!slices.ContainsFunc(s3.Ports, func(p types.ServicePortConfig) bool {
			return p.Published == public.Port() && fmt.Sprint(p.Target) == u.Port()
		}) {
		wrong("links lead to %s, where no port is published", c.S3.PublicEndpoint)
	}
	return mistakes
}

func TestArchitectureComposeFitsTheConfiguration(t *testing.T) {
	t.Parallel()
	text := read(t, "docker-compose.yml")
	for _, mistake := range composeMistakes(t, text) {
		t.Error(mistake)
	}
	project, err := compose(t, text, given())
	if err != nil {
		t.Fatal(err)
	}
	dockerfile, prometheus := read(t, "deploy/Dockerfile"), read(t, "deploy/prometheus/prometheus.yml")
	for name, role := range roles() {
		service := project.Services[name]
		if service.Build == nil || service.Build.Dockerfile != "deploy/Dockerfile" {
			t.Errorf("%s is not built by deploy/Dockerfile", name)
		}
		program := strings.TrimPrefix(strings.Join(service.Command, " "), "/usr/local/bin/")
		if program != name || !strings.Contains(dockerfile, "./cmd/"+program) {
			t.Errorf("%s runs %q, which the image does not have", name, service.Command)
		}
		c, err := config.Load(role, config.Source{Environ: environ(service)})
		if err != nil {
			t.Fatal(err)
		}
		scraped := "port: " + strings.TrimPrefix(c.Ops.Addr, ":")
		if role == config.RoleAPI {
			scraped = "api" + c.API.Addr
			if o, p := c.API.CORSOrigins, c.S3.PublicEndpoint; !slices.Equal(o, []string{given()["NARRATIVE_CORS_ORIGINS"]}) || p != given()["NARRATIVE_S3_PUBLIC_ENDPOINT"] {
				t.Errorf("what was given does not arrive: origins %q, links to %s", o, p)
			}
		}
		if !strings.Contains(prometheus, scraped) || !strings.Contains(prometheus, "narrative-"+name) {
			t.Errorf("Prometheus does not scrape %s at %s", name, scraped)
		}
	}
}

// TestArchitectureComposeMistakesAreFound plants mistakes in the file.
func TestArchitectureComposeMistakesAreFound(t *testing.T) {
	t.Parallel()
	text := read(t, "docker-compose.yml")
	for name, tt := range map[string]struct{ old, planted, found string }{
		"a client's misspelt name":       {"${NARRATIVE_S3_ACCESS_KEY_ID:-narrative}\n  NARRATIVE", "${NARRATIVE_S3_ACESS_KEY_ID:-narrative}\n  NARRATIVE", "${NARRATIVE_S3_ACESS_KEY_ID}"},
		"the server's misspelt name":     {"ROOT_ACCESS_KEY: ${NARRATIVE_S3_ACCESS_KEY_ID", "ROOT_ACCESS_KEY: ${NARRATIVE_S3_ACCESS_KEY", "${NARRATIVE_S3_ACCESS_KEY} is no variable"},
		"a name without braces":          {"AUTH_SECRET: ${AUTH_SECRET:?give the front end's secret, at least 32 bytes}", "AUTH_SECRET: $AUTHSECRET", "${AUTHSECRET} is no variable"},
		"another variable's name":        {"CORS_ORIGINS: ${NARRATIVE_CORS_ORIGINS", "CORS_ORIGINS: ${NARRATIVE_S3_PUBLIC_ENDPOINT", "NARRATIVE_CORS_ORIGINS is set from"},
		"a name that nothing takes":      {"ports: [\"9090:9090\"]", "ports: [\"${PROMETHEUS_PORT:-9090}:9090\"]", "${PROMETHEUS_PORT}"},
		"another default of the key":     {"ROOT_ACCESS_KEY: ${NARRATIVE_S3_ACCESS_KEY_ID:-narrative}", "ROOT_ACCESS_KEY: ${NARRATIVE_S3_ACCESS_KEY_ID:-minio}", "by default: the S3 server's ROOT_ACCESS_KEY"},
		"another default of the secret":  {"ROOT_SECRET_KEY: ${NARRATIVE_S3_SECRET_ACCESS_KEY:-narrative-on-one-machine}", "ROOT_SECRET_KEY: ${NARRATIVE_S3_SECRET_ACCESS_KEY:-another}", "by default: the S3 server's ROOT_SECRET_KEY"},
		"a key that cannot be given":     {"ROOT_SECRET_KEY: ${NARRATIVE_S3_SECRET_ACCESS_KEY:-narrative-on-one-machine}", "ROOT_SECRET_KEY: narrative-on-one-machine", "with everything given: the S3 server's ROOT_SECRET_KEY"},
		"a server without a key":         {"      ROOT_SECRET_KEY: ${NARRATIVE_S3_SECRET_ACCESS_KEY:-narrative-on-one-machine}\n", "", "ROOT_SECRET_KEY"},
		"the key in place of the secret": {"ROOT_SECRET_KEY: ${NARRATIVE_S3_SECRET_ACCESS_KEY:-narrative-on-one-machine}", "ROOT_SECRET_KEY: ${NARRATIVE_S3_ACCESS_KEY_ID:-narrative}", "ROOT_SECRET_KEY"},
		"an unknown setting":             {"NARRATIVE_POOLS: data=2", "NARRATIVE_POOL: data=2", "NARRATIVE_POOL"},
		"a wrong value":                  {"NARRATIVE_MODE: production", "NARRATIVE_MODE: prod", "prod"},
		"development":                    {"NARRATIVE_MODE: production", "NARRATIVE_MODE: development", "development"},
		"another host":                   {"redis://redis:6379/0", "redis://localhost:6379/0", "redis is looked for"},
		"another port":                   {"--port :7070", "--port :9000", "does not listen"},
		"another region":                 {"NARRATIVE_S3_REGION: us-east-1", "NARRATIVE_S3_REGION: eu-central-1", "region"},
		"another bucket":                 {"NARRATIVE_S3_BUCKET: narrative", "NARRATIVE_S3_BUCKET: files", "nobody creates"},
		"links to a port of nobody":      {"ports: [\"7070:7070\"]", "ports: [\"7071:7070\"]", "no port is published"},
		"loopback in a container":        {"NARRATIVE_HTTP_ADDR: :8080", "NARRATIVE_HTTP_ADDR: 127.0.0.1:8080", "no other container"},
		"a start before the store":       {"mongodb: {condition: service_healthy}", "mongodb: {condition: service_started}", "does not wait"},
		"no secret asked for":            {"      AUTH_SECRET: ${AUTH_SECRET:?give the front end's secret, at least 32 bytes}\n", "", "auth.secrets"},
	} {
		changed := strings.Replace(text, tt.old, tt.planted, 1)
		if changed == text {
			t.Errorf("%s: the file does not have %q", name, tt.old)
			continue
		}
		if said := strings.Join(composeMistakes(t, changed), "\n"); !strings.Contains(said, tt.found) {
			t.Errorf("%s is not found; what is found: %q", name, said)
		}
	}
}
