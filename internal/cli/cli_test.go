package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/cli"
	"github.com/narrativeml/narrative/internal/client/clienttest"
	"github.com/narrativeml/narrative/internal/config"
)

const table = "color,size,label\nred,1,a\nblue,2,a\nred,3,b\nblue,4,a\nred,5,b\nblue,6,b\nred,7,b\nred,8,a\nblue,9,a\nred,10,b\nred,11,a\n"

// shell runs commands against one fake server.
type shell struct {
	server  *clienttest.Server
	servers cli.Servers
	dir     string
	in      io.Reader
}

func setup(t *testing.T, change func(*clienttest.Server)) *shell {
	t.Helper()
	server := clienttest.New()
	t.Cleanup(server.Close)
	if change != nil {
		change(server)
	}
	sh := &shell{server: server, dir: t.TempDir()}
	sh.servers = cli.Servers{Environ: []string{"NARRATIVE_URL=" + server.URL, "NARRATIVE_TOKEN=secret-token"}, Version: "1.2.3"}
	if err := os.WriteFile(sh.path("t.csv"), []byte(table), 0o600); err != nil {
		t.Fatal(err)
	}
	return sh
}

func (sh *shell) path(name string) string { return filepath.Join(sh.dir, name) }

func (sh *shell) run(ctx context.Context, args ...string) (code int, out, errs string) {
	root := cli.NewRoot(sh.servers)
	var stdout, stderr bytes.Buffer
	root.SetOut(&stdout)
	root.SetErr(&stderr)
	root.SetIn(sh.in)
	root.SetArgs(args)
	code = cli.Run(ctx, root)
	return code, stdout.String(), stderr.String()
}

func TestTheMainJob(t *testing.T) {
	t.Parallel()
	sh := setup(t, func(s *clienttest.Server) { s.Token = "secret-token" })
	sh.in = strings.NewReader(table)
	if err := os.WriteFile(sh.path("long.csv"), bytes.Repeat([]byte("a,b\n"), 1<<19), 0o600); err != nil {
		t.Fatal(err)
	}
	file, curve := sh.path("predictions.csv"), sh.path("curve.csv")
	for _, test := range []struct {
		args string
		want string // in standard output
		errs string // in standard error
	}{
		{"upload " + sh.path("t.csv") + " --name colors --header yes", "data set ds_1: colors, ready, 11 rows\nread as csv, delimiter \",\", with a header, in utf-8, of the sheets a, b\ncolumn  type", "upload"},
		{"upload - --detach", "ds_2 job_2", ""},
		{"sniff " + sh.path("t.csv"), "csv, with a header\ncolumn  type", ""},
		{"sniff " + sh.path("t.csv") + " --kind csv --encoding latin-1 --compression gzip --delimiter ; --quote ' --header no", "csv, delimiter \";\", quote ', without a header, in latin-1, compressed by gzip\n", ""},
		{"sniff " + sh.path("t.csv") + " --kind xlsx --sheet Two", "xlsx, sheet \"Two\", with a header\nwhat is in it shows", ""},
		{"sniff " + sh.path("long.csv"), "row 1, line 2: long.csv has 1048576 bytes and more\n", ""},
		{"sniff " + sh.path("t.csv") + " --json", `"kind": "csv"`, ""},
		{"profile ds_1", "column  type", ""},
		{"profile ds_1 --json", `"top": [`, ""},
		{"train ds_1 --target label --detach", "job_3", ""},
		{"train ds_1 --target label", "model mdl_1: binary of label", "half of training"},
		{"train ds_1 -t label --json -q", `"leaderboard": [`, ""},
		{"tune mdl_1", "f1 by threshold, from 0 to 1: ", "tuning"},
		{"tune mdl_1 -d", "job_7", ""},
		{"download job_6", "threshold,precision,recall\n1,1,0\n", ""},
		{"show job_6", "file curve", ""},
		{"show mdl_1", "threshold 0.2500 by f1", ""},
		{"predict mdl_1 ds_1 --rows holdout", "3 rows predicted, 0 bad", "prediction"},
		{"predict mdl_1 ds_1 -d", "job_9", ""},
		{"predict mdl_1 ds_1 --output " + file, file + ", ", "download"},
		{"download job_8", "row_id,prediction,", ""},
		{"download job_8 --file predictions -o " + sh.path("again.csv") + " --json", `"size": `, ""},
		{"cleanup --dry-run", "mark   tmp/left", ""},
		{"cleanup -d", "job_12", ""},
		{"watch job_12 --logs", "cleanup job_12 is succeeded, attempt 1", "info  a line"},
		{"watch job_12 --json", `"state": "succeeded"`, ""},
		{"import https://files.example.com/far.csv --delimiter \\t --header no --name far", "data set ds_3: far, ready, 1 rows\nread as csv", "import"},
		{"import s3://landing/acme/x.csv -d", "ds_4 job_14", ""},
		{"logs job_1 --after 1", "2025-01-02T03:04:05Z info  line 3\n", ""},
		{"list jobs --kind tuning", "tuning  succeeded", ""},
		{"list jobs --scope system --json", `"items": []`, ""},
		{"list datasets", "data set", ""},
		{"list models --json", `"items": [`, ""},
		{"list models", "roc_auc", ""},
		{"show ds_1", "color", ""},
		{"show job_8", "file predictions", ""},
		{"cancel job_2", "ingest job_2 is cancelled, attempt 1", ""},
		{"retry job_2 --json", `"state": "pending"`, ""},
		{"dead-letters list --kind training", "job_dead  acme    training  crashes_exhausted  worker_died  2025-01-02 03:04:05\n", ""},
		{"dead-letters list --code other --json", `"items": []`, ""},
		{"dead-letters show job_dead", "2  2025-01-02 03:04:06  failed       3  worker_died by ops\n", ""},
		{"dead-letters show job_dead --json", `"target": "y"`, ""},
		{"dead-letters requeue job_dead job_1 --rate 2", "1 requeued, 1 skipped\njob_dead\nskipped job_1, dead_letter_not_found: it is none\n", ""},
		{"dead-letters requeue --all --dry-run --limit 5", "1 would be requeued, 0 skipped\njob_dead\nthere are more", ""},
		{"dead-letters requeue --code worker_died --json", `"requeued": 1`, ""},
		{"dead-letters", "Run them again", ""},
		{"workflow ds_1", "● 1 load               done\n    job_1  ingest\n    version 1  11 rows, 3 columns\n○ 2 prepare            ready\n· 3 train              locked\n    needs: features are made; make some\n\nnext: 2 steps would clean the table\n  narrative recipe clean ds_1 --yes\n", ""},
		{"workflow ds_1 --skip prepare --note enough", "● 2 prepare            done, left out\n", ""},
		{"workflow ds_1 --resume prepare --json", `"state": "ready"`, ""},
		{"tune mdl_1 --output " + curve, curve + ", ", "download"},
	} {
		code, out, errs := sh.run(t.Context(), strings.Fields(test.args)...)
		if code != 0 || !strings.Contains(out, test.want) || !strings.Contains(errs, test.errs) {
			t.Fatalf("narrative %s: exit code %d, want %q and %q; got\n%s%s", test.args, code, test.want, test.errs, out, errs)
		}
		if strings.Contains(out+errs, "secret-token") {
			t.Errorf("narrative %s shows the token", test.args)
		}
		if strings.Contains(test.args, "--json") && !json.Valid([]byte(out)) {
			t.Errorf("narrative %s is no JSON: %s", test.args, out)
		}
		if strings.Contains(test.args, "-q") && errs != "" {
			t.Errorf("narrative %s is not quiet: %s", test.args, errs)
		}
	}
	one, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	two, err := os.ReadFile(sh.path("again.csv"))
	if err != nil || !bytes.Equal(one, two) || !bytes.HasPrefix(one, []byte("row_id,")) {
		t.Errorf("the files are %q and %q, %v", one, two, err)
	}
	if text, err := os.ReadFile(curve); err != nil || !bytes.HasPrefix(text, []byte("threshold,")) {
		t.Errorf("the curve is %q, %v", text, err)
	}
	if left, err := filepath.Glob(sh.path(".narrative-*")); err != nil || len(left) > 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
}

func TestAJobThatWaits(t *testing.T) {
	t.Parallel()
	sh := setup(t, func(s *clienttest.Server) {
		s.Refuse = func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Type", "application/json")
			_, err := io.WriteString(w, `{"id":"job_1","kind":"tuning","state":"pending","attempt":3,"waiting":{"code":"newer_worker_needed","message":"it is of version 2"}}`)
			return err == nil
		}
	})
	if code, out, errs := sh.run(t.Context(), "show", "job_1"); code != 0 || !strings.Contains(out, "waiting newer_worker_needed: it is of version 2\n") {
		t.Errorf("exit code %d, %s%s", code, out, errs)
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	away := clienttest.New()
	away.Close()
	for _, test := range []struct {
		args   string
		change func(*clienttest.Server)
		code   int
		want   string
	}{
		{"show job_404", nil, cli.ExitNotFound, "job_not_found"},
		{"watch job_404", nil, cli.ExitNotFound, "job_not_found"},
		{"list jobs", func(s *clienttest.Server) { s.Token = "another" }, cli.ExitUnauthorized, "send a bearer token"},
		{"list jobs", func(s *clienttest.Server) {
			s.Refuse = func(w http.ResponseWriter, _ *http.Request) bool {
				clienttest.Problem(w, http.StatusConflict, "busy", "not now")
				return true
			}
		}, cli.ExitFailure, "not now"},
		{"upload T", func(s *clienttest.Server) { s.Fail = "ingest" }, cli.ExitJobFailed, "the target never changes"},
		{"list trees", nil, cli.ExitUsage, "invalid argument"},
		{"list", nil, cli.ExitUsage, "accepts 1 arg"},
		{"fly", nil, cli.ExitUsage, `unknown command "fly"`},
		{"list jobs --nothing", nil, cli.ExitUsage, "unknown flag"},
		{"list jobs --url nowhere", nil, cli.ExitUsage, "is no URL"},
		{"dead-letters requeue --limit 3", nil, cli.ExitUsage, "--all"},
		{"dead-letters show job_1", nil, cli.ExitNotFound, "no such dead letter"},
		{"show something", nil, cli.ExitUsage, "is no identifier"},
		{"train ds_1", nil, cli.ExitUsage, "--target"},
		{"workflow ds_1 --skip prepare --resume prepare", nil, cli.ExitUsage, "say one of them"},
		{"workflow ds_1 --note why", nil, cli.ExitUsage, "--skip"},
		{"workflow", nil, cli.ExitUsage, "accepts 1 arg"},
		{"upload no-such-file", nil, cli.ExitUsage, "no such file"},
		{"import https://x --header maybe", nil, cli.ExitUsage, "write auto, yes or no"},
		{"import", nil, cli.ExitUsage, ""},
		{"upload T --header maybe", nil, cli.ExitUsage, "write auto, yes or no"},
		{"sniff T --header maybe", nil, cli.ExitUsage, "write auto, yes or no"},
		{"sniff no-such-file", nil, cli.ExitUsage, "no such file"},
		{"predict mdl_1 ds_1 -d -o x", nil, cli.ExitUsage, "leave out --detach"},
		{"tune mdl_1 -d -o x", nil, cli.ExitUsage, "leave out --detach"},
		{"config --role cook", nil, cli.ExitUsage, "--role"},
		{"config --role api", nil, cli.ExitUsage, "give the address of MongoDB"},
		{"config --config /no/such/file", nil, cli.ExitFailure, "no such file"},
		{"download job_1", nil, cli.ExitNotFound, "job_not_found"},
		{"download job_1 --file predictions", nil, cli.ExitNotFound, "file_not_found"},
	} {
		t.Run(test.args, func(t *testing.T) {
			t.Parallel()
			sh := setup(t, test.change)
			args := strings.Fields(test.args)
			for i, a := range args {
				if a == "T" {
					args[i] = sh.path("t.csv")
				}
			}
			code, out, errs := sh.run(t.Context(), args...)
			if code != test.code || !strings.Contains(errs, test.want) {
				t.Errorf("exit code %d, want %d and %q; got\n%s%s", code, test.code, test.want, out, errs)
			}
		})
	}
	t.Run("interrupted", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if code, _, errs := setup(t, nil).run(ctx, "list", "jobs"); code != cli.ExitInterrupted || errs != "" {
			t.Errorf("exit code %d, %s", code, errs)
		}
	})
}

func TestADownloadThatBreaksLeavesNothing(t *testing.T) {
	t.Parallel()
	sh := setup(t, nil)
	for _, args := range []string{"upload " + sh.path("t.csv"), "train ds_1 -t label", "predict mdl_1 ds_1"} {
		if code, _, errs := sh.run(t.Context(), strings.Fields(args)...); code != 0 {
			t.Fatal(errs)
		}
	}
	if code, _, _ := sh.run(t.Context(), "download", "job_3", "-o", sh.path("no/such/folder")); code != cli.ExitFailure {
		t.Errorf("exit code %d", code)
	}
	if err := os.Mkdir(sh.path("folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := sh.run(t.Context(), "download", "job_3", "-o", sh.path("folder")); code != cli.ExitFailure || !strings.Contains(errs, "write "+sh.path("folder")) {
		t.Errorf("exit code %d, %s", code, errs)
	}
	if left, err := filepath.Glob(sh.path(".narrative-*")); err != nil || len(left) > 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
}

func TestProcesses(t *testing.T) {
	t.Parallel()
	var got config.Config
	serve := func(_ context.Context, c config.Config) error { got = c; return nil }
	broken := errors.New("port taken")
	sh := setup(t, nil)
	sh.servers.Dev, sh.servers.Parts, sh.servers.API, sh.servers.Worker, sh.servers.Demo = serve, serve, serve, serve, serve
	sh.servers.Scheduler = func(context.Context, config.Config) error { return broken }
	var measured cli.Measurement
	sh.servers.Bench = func(_ context.Context, m cli.Measurement, _ io.Writer) error { measured = m; return nil }
	sh.servers.BenchTrial = func(_ context.Context, _ io.Reader, out io.Writer) error {
		_, err := io.WriteString(out, "played")
		return err
	}
	if code, _, errs := sh.run(t.Context(), "dev", "--http-addr", "127.0.0.1:0"); code != 0 || got.API.Addr != "127.0.0.1:0" || got.Role() != config.RoleDev {
		t.Errorf("dev: exit code %d, %+v, %s", code, got.API, errs)
	}
	if code, _, errs := sh.run(t.Context(), "demo", "--data-dir", "x"); code != 0 || got.Dev.DataDir != "x" {
		t.Errorf("demo: exit code %d, %+v, %s", code, got.Dev, errs)
	}
	if code, _, errs := sh.run(t.Context(), "demo", "--url", sh.server.URL); code != 0 {
		t.Errorf("demo: exit code %d, %s", code, errs)
	}
	sh.servers.Environ = []string{"NARRATIVE_MONGODB_URI=mongodb://a", "NARRATIVE_REDIS_URL=redis://a", "NARRATIVE_S3_ACCESS_KEY_ID=a", "NARRATIVE_S3_SECRET_ACCESS_KEY=b"}
	if code, _, errs := sh.run(t.Context(), "worker", "--pool", "training=2", "--pool", "batch=4"); code != 0 || len(got.Worker.Pools) != 2 {
		t.Errorf("worker: exit code %d, %+v, %s", code, got.Worker, errs)
	}
	if code, _, errs := sh.run(t.Context(), "scheduler"); code != cli.ExitFailure || !strings.Contains(errs, "port taken") {
		t.Errorf("scheduler: exit code %d, %s", code, errs)
	}
	if code, _, errs := sh.run(t.Context(), "api"); code != cli.ExitUsage || !strings.Contains(errs, "without a secret no token can be checked") {
		t.Errorf("api: exit code %d, %s", code, errs)
	}
	if code, out, errs := sh.run(t.Context(), "config", "--role", "worker"); code != 0 || !strings.Contains(out, "[redacted]") || !strings.Contains(out, "variable NARRATIVE_REDIS_URL") {
		t.Errorf("config: exit code %d, %s%s", code, out, errs)
	}
	if code, out, errs := sh.run(t.Context(), "config", "--json"); code != 0 || !json.Valid([]byte(out)) {
		t.Errorf("config: exit code %d, %s%s", code, out, errs)
	}
	want := cli.Measurement{Area: "data", Size: "full", File: "build/bench.json"}
	if code, _, errs := sh.run(t.Context(), "bench", "data"); code != 0 || measured != want {
		t.Errorf("bench: exit code %d, %+v, %s", code, measured, errs)
	}
	sh.servers.Environ = []string{"NARRATIVE_BENCH_PYTHON=/a/python"}
	want = cli.Measurement{Area: "ml", Size: "small", Python: "/a/python", File: "f"}
	if code, _, errs := sh.run(t.Context(), "bench", "ml", "--size", "small", "--out", "f"); code != 0 || measured != want {
		t.Errorf("bench: exit code %d, %+v, %s", code, measured, errs)
	}
	if code, _, errs := sh.run(t.Context(), "bench", "jobs", "--python", "/b/python", "--node", "/b/node"); code != 0 || measured.Python != "/b/python" || measured.Node != "/b/node" {
		t.Errorf("bench: exit code %d, %+v, %s", code, measured, errs)
	}
	if code, out, errs := sh.run(t.Context(), "bench-trial"); code != 0 || out != "played" {
		t.Errorf("bench-trial: exit code %d, %s%s", code, out, errs)
	}
	if code, out, _ := sh.run(t.Context(), "--version"); code != 0 || !strings.Contains(out, "1.2.3") {
		t.Errorf("version: exit code %d, %s", code, out)
	}
	if code, out, _ := sh.run(t.Context()); code != 0 || !strings.Contains(out, "Exit codes:") {
		t.Errorf("help: exit code %d, %s", code, out)
	}
}

func TestNewProcess(t *testing.T) {
	t.Parallel()
	cmd := cli.NewProcess(config.RoleParts, func(context.Context, config.Config) error { return nil }, "9")
	cmd.SetArgs([]string{"--no-such-flag"})
	cmd.SetErr(io.Discard)
	if code := cli.Main(cmd); code != cli.ExitUsage {
		t.Errorf("exit code %d", code)
	}
	if cli.Code(nil) != 0 || cli.Code(io.EOF) != cli.ExitFailure {
		t.Error("codes are wrong")
	}
}

// Bad rows are told wherever the predictions go.
func TestBadRowsAreTold(t *testing.T) {
	t.Parallel()
	sh := setup(t, func(s *clienttest.Server) { s.BadRows = 1200 })
	for _, args := range [][]string{
		{"upload", sh.path("t.csv"), "-q"},
		{"train", "ds_1", "-t", "label", "-q"},
		{"predict", "mdl_1", "ds_1", "-q", "-o", sh.path("p.csv")},
		{"predict", "mdl_1", "ds_1", "-q", "--json"},
	} {
		code, out, errs := sh.run(t.Context(), args...)
		if code != cli.ExitOK {
			t.Fatalf("%v: exit code %d\n%s%s", args, code, out, errs)
		}
		if told := strings.Contains(errs, "could not be predicted: 1,200; narrative download job_"); told != (args[0] == "predict") {
			t.Errorf("%v told %q", args, errs)
		}
	}
}
