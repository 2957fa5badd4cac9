package app_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/app"
	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/config"
)

// running is a process of the platform inside this one.
type running struct {
	stop  context.CancelFunc
	ended chan error
	lines chan map[string]any
}

// launch runs the process until the test ends or stop is called.
func launch(t *testing.T, run func(context.Context, config.Config, app.Program) error, c config.Config) *running {
	t.Helper()
	log, written := io.Pipe()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	r := &running{stop: stop, ended: make(chan error, 1), lines: make(chan map[string]any, 1000)}
	go func() {
		lines := bufio.NewScanner(log)
		for lines.Scan() {
			var line map[string]any
			if json.Unmarshal(lines.Bytes(), &line) == nil {
				select {
				case r.lines <- line:
				default: // nobody waits for a line any more
				}
			}
		}
	}()
	go func() {
		err := run(ctx, c, app.Program{Version: "test", Stdout: io.Discard, Stderr: written})
		_ = written.Close()
		r.ended <- err
	}()
	t.Cleanup(func() {
		stop()
		if err := <-r.ended; err != nil {
			t.Errorf("stop %s: %v", c.Role(), err)
		}
	})
	return r
}

// end stops the process and waits for it.
func (r *running) end(t *testing.T) {
	t.Helper()
	r.stop()
	select {
	case err := <-r.ended:
		r.ended <- err // the cleanup looks at it
	case <-time.After(patience):
		t.Fatal("it did not end")
	}
}

// logged waits for a line with the message.
func (r *running) logged(t *testing.T, message string) map[string]any {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case line := <-r.lines:
			if line["msg"] == message {
				return line
			}
		case err := <-r.ended:
			r.ended <- nil
			t.Fatalf("it ended without having logged %q: %v", message, err)
		case <-deadline:
			t.Fatalf("it did not log %q", message)
		}
	}
}

func TestProcessesTogether(t *testing.T) { //nolint:paralleltest // one platform at a time
	dir := t.TempDir()
	parts := launch(t, app.Parts, load(t, config.RoleParts, "NARRATIVE_DATA_DIR="+dir, "NARRATIVE_LOG_FORMAT=json"))
	parts.logged(t, "parts are up")
	file := filepath.Join(dir, app.PartsFile)
	variables, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%s: %v, error %v; only its owner may read it", app.PartsFile, info.Mode(), err)
	}
	environ := append(strings.Fields(string(variables)),
		"NARRATIVE_MODE=development", "NARRATIVE_HTTP_ADDR=127.0.0.1:0", "NARRATIVE_OPS_ADDR=127.0.0.1:0")
	scheduler := launch(t, app.Scheduler, load(t, config.RoleScheduler, environ...))
	worker := launch(t, app.Worker, load(t, config.RoleWorker, environ...))
	api := launch(t, app.API, load(t, config.RoleAPI, environ...))

	b := &bench{url: "http://" + api.logged(t, "listening")["addr"].(string)}
	if b.client, err = client.New(b.url, client.Options{}); err != nil {
		t.Fatal(err)
	}
	set, id := b.sampled(t, "wages")
	a, err := b.client.Train(t.Context(), client.TrainRequest{DatasetID: id, Target: set.Target}, "")
	if err != nil {
		t.Fatal(err)
	}
	if j, failure := b.wait(t, a.ID); failure != nil || j.Attempt != 1 {
		t.Errorf("the training: attempt %d, failure %v", j.Attempt, failure)
	}
	for _, r := range []*running{scheduler, worker} {
		url := "http://" + r.logged(t, "listening")["addr"].(string)
		for _, path := range []string{"/health", "/health/ready", "/metrics"} {
			if status := status(t, url+path); status != http.StatusOK {
				t.Errorf("%s: %d", path, status)
			}
		}
		if status := status(t, url+"/api/v1/jobs"); status != http.StatusNotFound {
			t.Errorf("a process that is not the API answers /api/v1/jobs with %d", status)
		}
	}
	if status := status(t, b.url+"/monitoring"); status != http.StatusOK {
		t.Errorf("/monitoring: %d", status)
	}
}

func TestReadinessTellsWhatIsAway(t *testing.T) { //nolint:paralleltest // one platform at a time
	dir := t.TempDir()
	parts := launch(t, app.Parts, load(t, config.RoleParts, "NARRATIVE_DATA_DIR="+dir, "NARRATIVE_LOG_FORMAT=json"))
	parts.logged(t, "parts are up")
	variables, err := os.ReadFile(filepath.Join(dir, app.PartsFile))
	if err != nil {
		t.Fatal(err)
	}
	const nowhere = "127.0.0.1:1"
	for _, tt := range []struct {
		name, away    string // the variable of the part that is away
		part          string // its name in the report
		api, worker   int
		apiSays, says string
	}{
		{"redis", "NARRATIVE_REDIS_URL=redis://" + nowhere, "redis", http.StatusOK, http.StatusServiceUnavailable, "degraded", "unavailable"},
		{"cache", "NARRATIVE_CACHE_URL=redis://" + nowhere, "cache", http.StatusOK, 0, "degraded", ""},
		{"s3", "NARRATIVE_S3_ENDPOINT=http://" + nowhere, "s3", http.StatusServiceUnavailable, http.StatusServiceUnavailable, "unavailable", "unavailable"},
		{"llm", "NARRATIVE_LLM_URL=http://" + nowhere + "/v1", "llm", http.StatusOK, http.StatusOK, "degraded", "degraded"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			environ := without(strings.Fields(string(variables)), tt.away)
			environ = append(environ, tt.away, "NARRATIVE_MODE=development", "NARRATIVE_HTTP_ADDR=127.0.0.1:0", "NARRATIVE_OPS_ADDR=127.0.0.1:0")
			if tt.part == "redis" {
				environ = append(environ, "NARRATIVE_CACHE_BYTES=0") // else that would be away, too
			}
			api := launch(t, app.API, load(t, config.RoleAPI, environ...))
			ready(t, api, tt.part, tt.api, tt.apiSays)
			if tt.worker == 0 {
				return // it does not use the part
			}
			worker := launch(t, app.Worker, load(t, config.RoleWorker, environ...))
			ready(t, worker, tt.part, tt.worker, tt.says)
		})
	}
	t.Run("store", func(t *testing.T) { theStoreGoesAway(t, strings.Fields(string(variables))) })
}

// theStoreGoesAway ends the server of records under processes that were ready,
// since none starts without it. Redis and S3 are those of the variables.
func theStoreGoesAway(t *testing.T, variables []string) {
	t.Helper()
	dir := t.TempDir()
	others := append(without(variables, "NARRATIVE_MONGODB_URI"), "NARRATIVE_DATA_DIR="+dir, "NARRATIVE_LOG_FORMAT=json")
	launchRecords := func() *running {
		r := launch(t, app.Parts, load(t, config.RoleParts, others...))
		r.logged(t, "parts are up")
		return r
	}
	records := launchRecords()
	text, err := os.ReadFile(filepath.Join(dir, app.PartsFile))
	if err != nil {
		t.Fatal(err)
	}
	environ := append(strings.Fields(string(text)), "NARRATIVE_MODE=development", "NARRATIVE_HTTP_ADDR=127.0.0.1:0", "NARRATIVE_OPS_ADDR=127.0.0.1:0")
	api := launch(t, app.API, load(t, config.RoleAPI, environ...))
	worker := launch(t, app.Worker, load(t, config.RoleWorker, environ...))
	processes := map[string]string{"api": address(t, api), "worker": address(t, worker)}
	for name, url := range processes {
		if code, report := readiness(t, url); code != http.StatusOK || report.Status != "ok" || report.Checks["store"].Status != "ok" {
			t.Errorf("%s, with everything there: %d %+v", name, code, report)
		}
	}
	records.end(t)
	t.Run("away", func(t *testing.T) {
		for name, url := range processes {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				turns(t, url, http.StatusServiceUnavailable)
				unready(t, url, "store", http.StatusServiceUnavailable, "unavailable")
			})
		}
	})
	launchRecords() // on the same folder, and so at the same address
	for _, url := range processes {
		turns(t, url, http.StatusOK)
	}
	worker.end(t) // before the records, to which it says goodbye
	api.end(t)
}

// without drops the variable that the setting sets.
func without(environ []string, setting string) []string {
	name, _, _ := strings.Cut(setting, "=")
	return slices.DeleteFunc(slices.Clone(environ), func(v string) bool { return strings.HasPrefix(v, name+"=") })
}

// turns waits until the readiness at the address has the status; a report is
// good for a while.
func turns(t *testing.T, url string, status int) {
	t.Helper()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(patience)
	for {
		code, report := readiness(t, url)
		if code == status {
			return
		}
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("the readiness is still %d: %+v", code, report)
		}
	}
}

// address returns where the process listens.
func address(t *testing.T, r *running) string {
	t.Helper()
	return "http://" + r.logged(t, "listening")["addr"].(string)
}

// ready checks the readiness of a process whose part is away.
func ready(t *testing.T, r *running, part string, code int, says string) {
	t.Helper()
	unready(t, address(t, r), part, code, says)
}

// unready checks that the process at the address is alive, and says which part
// is away.
func unready(t *testing.T, url, part string, code int, says string) {
	t.Helper()
	got, report := readiness(t, url)
	if c := report.Checks[part]; got != code || report.Status != says || c.Status != "unavailable" || c.Error == "" {
		t.Errorf("%d %+v, want %d %s with %s unavailable", got, report, code, says, part)
	}
	for name, c := range report.Checks {
		if name != part && c.Status == "unavailable" {
			t.Errorf("%s is away too: %s", name, c.Error)
		}
	}
	if status := status(t, url+"/health"); status != http.StatusOK {
		t.Errorf("/health: %d", status)
	}
}

// report is what /health/ready answers.
type report struct {
	Status string `json:"status"`
	Checks map[string]struct {
		Status    string  `json:"status"`
		LatencyMS float64 `json:"latency_ms"`
		Error     string  `json:"error"`
	} `json:"checks"`
}

func readiness(t *testing.T, url string) (int, report) {
	t.Helper()
	started := time.Now()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/health/ready", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var r report
	if err := json.NewDecoder(resp.Body).Decode(&r); err != nil {
		t.Fatal(err)
	}
	// Five seconds for all checks, and some for a machine that is busy.
	if took := time.Since(started); took > 10*time.Second {
		t.Errorf("readiness took %s", took)
	}
	return resp.StatusCode, r
}

func status(t *testing.T, url string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}
