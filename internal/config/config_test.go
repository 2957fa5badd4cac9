package config_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/narrativeml/narrative/internal/config"
)

var update = flag.Bool("update", false, "write docs/configuration.md again")

const (
	strong  = "0123456789abcdef0123456789abcdef-first"
	strong2 = "0123456789abcdef0123456789abcdef-second"
)

// complete is an environment with all that production needs.
func complete(more ...string) []string {
	return append([]string{
		"PATH=/bin", "EMPTY",
		"NARRATIVE_MONGODB_URI=mongodb://user:hunter2@a:27017,b:27017/?replicaSet=rs",
		"NARRATIVE_REDIS_URL=redis://:hunter2@cache:6379",
		"NARRATIVE_S3_ACCESS_KEY_ID=key",
		"NARRATIVE_S3_SECRET_ACCESS_KEY=hunter2",
		"NEXTAUTH_SECRET=" + strong,
	}, more...)
}

func load(t *testing.T, role config.Role, files map[string]string, environ []string, args ...string) (config.Config, error) {
	t.Helper()
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	config.Register(flags, role)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return config.Load(role, config.Source{Flags: flags, Environ: environ, ReadFile: func(name string) ([]byte, error) {
		data, ok := files[name]
		if !ok {
			return nil, &os.PathError{Op: "open", Path: name, Err: os.ErrNotExist}
		}
		return []byte(data), nil
	}})
}

func TestLaterSourcesWin(t *testing.T) {
	t.Parallel()
	files := map[string]string{"n.yaml": "s3:\n  bucket: from-file\n  region: from-file\n  path_style: true\n  presign_ttl: 1h\n  part_size: 16MiB\napi:\n  cors_origins:\n    - https://a.example\n    - http://localhost:3000\nworker:\n  pools: {training: 3, data: 1}\nmode: production\nretention:\n"}
	c, err := load(t, config.RoleAPI, files,
		complete("NARRATIVE_CONFIG=n.yaml", "NARRATIVE_S3_REGION=from-env", "NARRATIVE_S3_BUCKET=from-env", "NARRATIVE_URL=http://x", "NARRATIVE_BENCH_PYTHON=python3", "NARRATIVE_LIMIT_UPLOAD_BYTES=5 MiB"),
		"--s3-bucket=from-flag", "--retention-results=1d12h")
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(c.S3.Bucket, c.S3.Region, c.S3.PathStyle, c.S3.PresignTTL, c.S3.PartSize, c.API.CORSOrigins, c.Worker.Pools, c.Limits.UploadBytes, c.Retention.Results)
	want := fmt.Sprint("from-flag", "from-env", true, time.Hour, 16<<20, []string{"https://a.example", "http://localhost:3000"}, map[string]int{"training": 3, "data": 1}, 5<<20, 36*time.Hour)
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	origins := map[string]string{}
	for _, e := range c.Entries() {
		origins[e.Path] = e.Origin
	}
	for path, want := range map[string]string{
		"s3.bucket": "flag --s3-bucket", "s3.region": "variable NARRATIVE_S3_REGION",
		"s3.path_style": "file n.yaml, line 4", "s3.endpoint": "default", "auth.secrets": "variable NEXTAUTH_SECRET",
	} {
		if origins[path] != want {
			t.Errorf("origin of %s is %q, want %q", path, origins[path], want)
		}
	}
	if c.Role() != config.RoleAPI || c.Embedded() {
		t.Errorf("role %s, embedded %v", c.Role(), c.Embedded())
	}
}

func TestPoolFlagIsRepeatable(t *testing.T) {
	t.Parallel()
	c, err := load(t, config.RoleWorker, nil, complete("NARRATIVE_POOLS=data=9"), "--pool", "training=2", "--pool=batch=4")
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(c.Worker.Pools); got != "map[batch:4 training:2]" {
		t.Errorf("pools are %s", got)
	}
}

func TestSecretsRotate(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		environ []string
		want    []string
	}{
		{"one", []string{"AUTH_SECRET=" + strong}, []string{strong}},
		{"separated by a comma", []string{"NEXTAUTH_SECRET=" + strong + ", " + strong2}, []string{strong, strong2}},
		{"both variables", []string{"NEXTAUTH_SECRET=" + strong, "AUTH_SECRET=" + strong2}, []string{strong2, strong}},
		{"both the same", []string{"NEXTAUTH_SECRET=" + strong, "AUTH_SECRET=" + strong}, []string{strong}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			environ := slices.Concat(complete()[:6], test.environ)
			c, err := load(t, config.RoleAPI, nil, environ)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range c.Auth.Secrets {
				got = append(got, s.Reveal())
			}
			if fmt.Sprint(got) != fmt.Sprint(test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestEveryMistakeIsListedAtOnce(t *testing.T) {
	t.Parallel()
	files := map[string]string{"bad.yaml": "s3:\n  bukket: x\nlimits: 3\nworker:\n  pools:\n    training: many\n  heartbeat: [1s, [2s]]\nauth:\n  secrets: [short-hunter2]\n"}
	_, err := load(t, config.RoleAPI, files, []string{
		"NARRATIVE_CONFIG=bad.yaml",
		"NARRATIVE_LOG_LEVL=debug", "NARRATIVE_LOG_FORMAT=xml",
		"NARRATIVE_MONGODB_URI=postgres://user:hunter2@db/x",
		"NARRATIVE_REDIS_URL=:hunter2@x", "NARRATIVE_S3_ENDPOINT=https://user:hunter2@s3/x",
		"NARRATIVE_HTTP_ADDR=8080", "NARRATIVE_CORS_ORIGINS=*", "NARRATIVE_DEAD_AFTER=soon",
		"NARRATIVE_CLEANUP_CRON=daily", "NARRATIVE_S3_PATH_STYLE=maybe", "NARRATIVE_THREADS=two",
		"NARRATIVE_LIMIT_UPLOAD_BYTES=1 GB", "NARRATIVE_RETENTION_GRACE=-3h", "NARRATIVE_LLM_API_KEY=hunter2",
		"NARRATIVE_LIMIT_COLUMNS=0", "NARRATIVE_RETENTION_MODELS=1ms", "NARRATIVE_MONGODB_DATABASE=a b",
		"NARRATIVE_S3_BUCKET=X", "NARRATIVE_S3_REGION= ", "NARRATIVE_S3_PART_SIZE=1MiB", "NARRATIVE_LIMIT_BODY_BYTES=1KiB",
		"NARRATIVE_IMPORT_ALLOW_HOSTS=https://example.com", "NARRATIVE_IMPORT_ALLOW_ADDRESSES=10.0.0.1/8", "NARRATIVE_IMPORT_PORTS=https",
		"NARRATIVE_IMPORT_S3_BUCKETS=landing/{user}/",
	}, "--mode=prod")
	if _, ok := errors.AsType[config.MistakesError](err); !ok {
		t.Fatalf("error is %v", err)
	}
	text := err.Error()
	for _, want := range []string{
		`(file bad.yaml, line 2): there is no setting "s3.bukket"; did you mean s3.bucket?`,
		"(file bad.yaml, line 3): limits is a section",
		`worker.pools (file bad.yaml, line 5) is "training=many": write pools`,
		"worker.heartbeat (file bad.yaml, line 7): write one value",
		"auth.secrets (file bad.yaml, line 9): secret 1 of 1 has 13 bytes; it must have at least 32",
		"(variable NARRATIVE_LOG_LEVL): no setting has this variable; did you mean NARRATIVE_LOG_LEVEL?",
		`logging.format (variable NARRATIVE_LOG_FORMAT) is "xml": write json or text`,
		"store.uri (variable NARRATIVE_MONGODB_URI): write a URL that begins with mongodb://",
		"redis.url (variable NARRATIVE_REDIS_URL): write a URL that begins with redis://",
		`s3.endpoint (variable NARRATIVE_S3_ENDPOINT) is "https://[redacted]@s3/x": write a URL`,
		`api.addr (variable NARRATIVE_HTTP_ADDR) is "8080": write host:port`,
		"api.cors_origins", "scheduler.cleanup_cron", "s3.path_style", "worker.threads",
		`scheduler.dead_after (variable NARRATIVE_DEAD_AFTER) is "soon": write a period`,
		"limits.upload_bytes", "retention.grace", "limits.columns", "retention.models", "store.database",
		`s3.part_size (variable NARRATIVE_S3_PART_SIZE) is "1MiB": write a size between 5MiB and 5GiB, or 0`,
		"s3.bucket", "s3.region", "limits.body_bytes (variable NARRATIVE_LIMIT_BODY_BYTES)",
		`import.allow_hosts (variable NARRATIVE_IMPORT_ALLOW_HOSTS) is "https://example.com": write names of hosts`,
		`import.allow_addresses (variable NARRATIVE_IMPORT_ALLOW_ADDRESSES) is "10.0.0.1/8": write networks`,
		"import.ports (variable NARRATIVE_IMPORT_PORTS)", `import.s3_buckets (variable NARRATIVE_IMPORT_S3_BUCKETS) is "landing/{user}/": write a bucket`,
		"llm.api_key (variable NARRATIVE_LLM_API_KEY): give llm.url too",
		"s3.access_key_id (not set; variable NARRATIVE_S3_ACCESS_KEY_ID)", "s3.secret_access_key (not set",
		`mode (flag --mode) is "prod": write production or development`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("not listed: %s", want)
		}
	}
	if strings.Contains(text, "hunter2") {
		t.Error("a secret is shown")
	}
	if t.Failed() {
		t.Log(text)
	}
}

func TestProductionNeedsASecret(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		role    config.Role
		environ []string
		want    string
	}{
		{"api", config.RoleAPI, complete()[:6], "without a secret no token can be checked"},
		{"dev in production", config.RoleDev, []string{"NARRATIVE_MODE=production"}, "without a secret no token can be checked"},
		{"api in development", config.RoleAPI, slices.Concat(complete()[:6], []string{"NARRATIVE_MODE=development"}), ""},
		{"dev for everybody", config.RoleDev, []string{"NARRATIVE_HTTP_ADDR=0.0.0.0:8080"}, "listen on loopback"},
		{"api in development for everybody", config.RoleAPI, slices.Concat(complete()[:6], []string{"NARRATIVE_MODE=development", "NARRATIVE_HTTP_ADDR=:8080"}), "listen on loopback"},
		{"dev on localhost", config.RoleDev, []string{"NARRATIVE_HTTP_ADDR=localhost:8080"}, ""},
		{"dev on the other loopback", config.RoleDev, []string{"NARRATIVE_HTTP_ADDR=[::1]:8080"}, ""},
		{"production for everybody", config.RoleAPI, complete("NARRATIVE_HTTP_ADDR=:8080"), ""},
		{"worker", config.RoleWorker, complete()[:6], ""},
		{"scheduler", config.RoleScheduler, complete()[:6], ""},
		{"dev", config.RoleDev, nil, ""},
		{"parts", config.RoleParts, nil, ""},
		{"dev with an endpoint but no key", config.RoleDev, []string{"NARRATIVE_S3_ENDPOINT=http://127.0.0.1:9000"}, "leave the endpoint empty"},
		{"worker without parts", config.RoleWorker, nil, "give the address of MongoDB"},
		{"a schedule that is none", config.RoleDev, []string{"NARRATIVE_CLEANUP_CRON=TZ="}, "write the schedule in UTC"},
		{"dead before the third heartbeat", config.RoleDev, []string{"NARRATIVE_HEARTBEAT=6s"}, "wait for at least 3 heartbeats of 6s"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, test.role, nil, test.environ)
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("error is %v, want %q", err, test.want)
			}
		})
	}
}

func TestImportsThatMayBe(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ variable, want string }{
		{"ALLOW_HOSTS=files.example.com,*.example.org", ""},
		{"ALLOW_HOSTS=*", "write names of hosts"},
		{"ALLOW_HOSTS=example.com:443", "write names of hosts"},
		{"ALLOW_ADDRESSES=10.20.0.0/16,fd00:1::/32,10.1.2.3/32", ""},
		{"ALLOW_ADDRESSES=10.1.2.3", "write networks"},
		{"ALLOW_ADDRESSES=::ffff:10.0.0.0/104", "write networks"},
		{"PORTS=443,8443", ""},
		{"PORTS=0", "write ports"},
		{"PORTS=,", "write at least one port"},
		{"S3_BUCKETS=landing,landing2/in/,{tenant}-data,shared/{tenant}/out/", ""},
		{"S3_BUCKETS=landing/{tenant}", "write a bucket"},
		{"S3_BUCKETS=landing/../x/", "write a bucket"},
		{"S3_BUCKETS=landing//", "write a bucket"},
		{"S3_BUCKETS=landing/*/", "write a bucket"},
		{"S3_BUCKETS=narrative/x/", "the files of all tenants are in it"},
		{"HTTP=true", ""},
	} {
		_, err := load(t, config.RoleDev, nil, []string{"NARRATIVE_IMPORT_" + test.variable})
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", test.variable, err, test.want)
		}
	}
	if _, err := load(t, config.RoleAPI, nil, complete("NARRATIVE_IMPORT_HTTP=true")); err == nil || !strings.Contains(err.Error(), "read over https only") {
		t.Errorf("plain in production: %v", err)
	}
}

func TestFilesThatAreNone(t *testing.T) {
	t.Parallel()
	if _, err := load(t, config.RoleDev, nil, nil, "--config", "gone.yaml"); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "gone.yaml") {
		t.Errorf("error is %v", err)
	}
	for name, data := range map[string]string{
		"a list":     "- a\n- b\n",
		"a word":     "production\n",
		"broken":     "s3: {bucket: hunter2\nmode production",
		"duplicates": "mode: production\nmode: development\n",
		"nested":     "mode: {a: {b: c}}\n",
	} {
		if _, err := load(t, config.RoleDev, map[string]string{"f": data}, nil, "--config=f"); err == nil {
			t.Errorf("%s was accepted", name)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the file is quoted: %v", name, err)
		}
	}
	for name, data := range map[string]string{"empty": "", "comment": "# nothing\n", "null": "~\n", "block": "logging:\n  level: |\n    warn\n", "quoted": "logging: {level: \"warn\"}\n"} {
		if _, err := load(t, config.RoleDev, map[string]string{"f": data}, nil, "--config=f"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNothingInForceShowsASecret(t *testing.T) {
	t.Parallel()
	c, err := load(t, config.RoleAPI, nil, complete("NARRATIVE_S3_ENDPOINT=http://s3:9000", "NARRATIVE_LLM_URL=http://llm/v1", "NARRATIVE_LLM_API_KEY=hunter2"))
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("%v %+v %#v", c, c, c.Entries())
	if strings.Contains(text, "hunter2") || strings.Contains(text, strong) {
		t.Error("a secret is shown")
	}
	if !strings.Contains(text, "http://s3:9000") {
		t.Errorf("the endpoint is not shown: %s", text)
	}
}

// Every value that is printed can be read again.
func TestValuesRoundTrip(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"24h": "1d", "90m": "1h30m", "2h": "2h", "15s": "15s", "250ms": "250ms", "60s": "1m", "1d12h": "36h", "30d": "30d"} {
		c, err := load(t, config.RoleDev, nil, nil, "--retention-grace="+text)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range c.Entries() {
			if e.Path == "retention.grace" && e.Value != want {
				t.Errorf("%s is shown as %s, want %s", text, e.Value, want)
			}
		}
	}
	for _, bad := range []string{"d", "xd", "99999999d", "1x", "1d1x"} {
		if _, err := load(t, config.RoleDev, nil, nil, "--retention-grace="+bad); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
	for _, bad := range []string{"a=1,a=2", "a", "A=1", "a=0", "a=5000", ",", "a=x"} {
		if _, err := load(t, config.RoleDev, nil, nil, "--pool="+bad); err == nil {
			t.Errorf("pools %q were accepted", bad)
		}
	}
	for _, bad := range []string{"9999999TiB", "-1", "1.5MiB", "GiB", ""} {
		if _, err := load(t, config.RoleDev, nil, nil, "--limit-upload-bytes="+bad); err == nil {
			t.Errorf("size %q was accepted", bad)
		}
	}
}

func TestLoadClient(t *testing.T) {
	t.Parallel()
	c := config.LoadClient(nil)
	if c.URL != "http://127.0.0.1:8080" || !c.Token.IsZero() {
		t.Errorf("defaults are %+v", c)
	}
	c = config.LoadClient([]string{"NARRATIVE_URL=https://n.example", "NARRATIVE_TOKEN=abc"})
	if c.URL != "https://n.example" || c.Token.Reveal() != "abc" {
		t.Errorf("got %+v", c)
	}
	if got := config.BenchPython([]string{"NARRATIVE_BENCH_PYTHON=/a/python"}); got != "/a/python" {
		t.Errorf("the Python of the benchmarks is %q", got)
	}
}

func TestDocumentIsUpToDate(t *testing.T) {
	t.Parallel()
	const begin, end = "<!-- begin: generated by make docs -->\n", "<!-- end -->\n"
	path := filepath.Join("..", "..", "docs", "configuration.md")
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(old), begin)
	_, tail, okEnd := strings.Cut(rest, end)
	if !ok || !okEnd {
		t.Fatalf("%s has no place for the table", path)
	}
	var table bytes.Buffer
	if err := config.Document(&table); err != nil {
		t.Fatal(err)
	}
	want := head + begin + table.String() + end + tail
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(old) != want {
		t.Errorf("%s is out of date: run make docs", path)
	}
}

func FuzzFile(f *testing.F) {
	f.Add("s3:\n  bucket: x\n")
	f.Add("worker: {pools: {training: 1}}\n---\nmode: development")
	f.Add("a: &x [*x]\n")
	f.Add("? - a\n: b\n")
	f.Fuzz(func(t *testing.T, data string) {
		_, err := config.Load(config.RoleDev, config.Source{
			Environ:  []string{"NARRATIVE_CONFIG=f"},
			ReadFile: func(string) ([]byte, error) { return []byte(data), nil },
		})
		if _, ok := errors.AsType[config.MistakesError](err); err != nil && !ok {
			t.Fatalf("error is %v", err)
		}
	})
}
