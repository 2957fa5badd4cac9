package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/secret"
)

// authSecret signs the tokens of these tests.
const authSecret = "a-secret-of-these-tests-only-and-long-enough"

// token returns a bearer token of the tenant with the roles.
func token(t *testing.T, tenant string, roles ...string) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: []byte(authSecret)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwt.Signed(signer).Claims(map[string]any{
		"sub": "ada", "tenant": tenant, "roles": roles,
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// cluster is every process by itself.
type cluster struct {
	env       []string
	parts     *process
	api       *process
	workers   []*process
	scheduler *process
	url       string   // of the API
	ops       []string // of workers and scheduler
}

// startCluster starts the parts, the API, two workers and the scheduler.
func startCluster(t *testing.T) *cluster {
	t.Helper()
	folder := t.TempDir()
	c := &cluster{}
	c.parts = start(t, nil, program(t, "narrative"), "parts", "--data-dir", folder, "--log-format", "json")
	c.parts.logged("parts are up")
	variables, err := os.ReadFile(filepath.Join(folder, "parts.env"))
	if err != nil {
		t.Fatal(err)
	}
	c.env = append(strings.Split(strings.TrimSpace(string(variables)), "\n"), "AUTH_SECRET="+authSecret)
	c.api = start(t, c.env, program(t, "api"), "--http-addr", "127.0.0.1:0")
	c.url = address(c.api)
	for range 2 {
		w := start(t, c.env, program(t, "worker"), "--ops-addr", "127.0.0.1:0", "--pool", "data=1", "--pool", "training=2", "--pool", "batch=2", "--pool", "maintenance=1")
		c.workers = append(c.workers, w)
		c.ops = append(c.ops, address(w))
	}
	c.scheduler = start(t, c.env, program(t, "scheduler"), "--ops-addr", "127.0.0.1:0", "--health-cron", "@every 1s", "--cleanup-cron", "@every 5s")
	c.ops = append(c.ops, address(c.scheduler))
	return c
}

// address waits until the process listens and returns its URL.
func address(p *process) string {
	p.t.Helper()
	addr, ok := p.logged("listening")["addr"].(string)
	if !ok {
		p.t.Fatalf("%s does not say where it listens", p.name)
	}
	return "http://" + addr
}

// get returns the status and body of an address.
func get(t *testing.T, url, bearer string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestSeparateProcesses(t *testing.T) {
	t.Parallel()
	cl := startCluster(t)
	analyst, operator := token(t, "acme", "analyst"), token(t, "acme", "operator")
	c, err := client.New(cl.url, client.Options{Token: secret.New(analyst)})
	if err != nil {
		t.Fatal(err)
	}

	for _, url := range append(slices.Clone(cl.ops), cl.url) {
		if code, body := get(t, url+"/health", ""); code != http.StatusOK {
			t.Errorf("%s/health: %d %s", url, code, body)
		}
		if code, body := get(t, url+"/health/ready", ""); code != http.StatusOK || !strings.Contains(body, `"status":"ok"`) {
			t.Errorf("%s/health/ready: %d %s", url, code, body)
		}
		if code, body := get(t, url+"/metrics", ""); code != http.StatusOK || !strings.Contains(body, "narrative_build_info") {
			t.Errorf("%s/metrics: %d, %d bytes", url, code, len(body))
		}
	}
	if code, _ := get(t, cl.url+"/monitoring", operator); code != http.StatusOK {
		t.Errorf("/monitoring for an operator: %d", code)
	}
	if code, _ := get(t, cl.url+"/monitoring", analyst); code != http.StatusForbidden {
		t.Errorf("/monitoring for an analyst: %d, want 403", code)
	}
	if code, _ := get(t, cl.url+"/api/v1/jobs", ""); code != http.StatusUnauthorized {
		t.Errorf("/api/v1/jobs without a token: %d, want 401", code)
	}

	data := upload(t, c, repeated(t, table(t, "insurance"), copies))
	a, err := c.Train(t.Context(), slow(data), "")
	if err != nil {
		t.Fatal(err)
	}
	at := midway(t, c, a.ID)
	victim, survivor := cl.runningOn(t, a.ID)
	victim.kill(syscall.SIGKILL)
	j, err := c.Wait(t.Context(), a.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("killed a worker at %.2f; attempt %d succeeded", at, j.Attempt)
	if j.Attempt != 2 {
		t.Errorf("the training succeeded in attempt %d, want 2", j.Attempt)
	}
	var result trained
	if err := json.Unmarshal(j.Result, &result); err != nil {
		t.Fatal(err)
	}
	cl.rest(t, c, data, result)
	cl.stranger(t, a.ID, data, result.ModelID)
	cl.system(t, c)
	cl.lost(t)
	if code := survivor.terminate(); code != 0 {
		t.Errorf("the worker's exit code after SIGTERM is %d, want 0", code)
	}
	for _, p := range []*process{cl.scheduler, cl.api, cl.parts} {
		if code := p.terminate(); code != 0 {
			t.Errorf("%s: exit code %d after SIGTERM, want 0", p.name, code)
		}
	}
}

// runningOn returns the worker that runs the job, and the other.
func (cl *cluster) runningOn(t *testing.T, job string) (victim, survivor *process) {
	t.Helper()
	for i, w := range cl.workers {
		w.mu.Lock()
		runs := slices.ContainsFunc(w.lines, func(line string) bool {
			return strings.Contains(line, "job started") && strings.Contains(line, job)
		})
		w.mu.Unlock()
		if runs {
			return w, cl.workers[1-i]
		}
	}
	t.Fatalf("no worker says that it runs %s", job)
	return nil, nil
}

// stranger looks at the tenant's things as somebody of another tenant.
func (cl *cluster) stranger(t *testing.T, job, data, model string) {
	t.Helper()
	c, err := client.New(cl.url, client.Options{Token: secret.New(token(t, "umbrella", "analyst", "operator"))})
	if err != nil {
		t.Fatal(err)
	}
	for thing, look := range map[string]func() error{
		"job":     func() error { _, err := c.Job(t.Context(), job); return err },
		"dataset": func() error { _, err := c.Dataset(t.Context(), data); return err },
		"profile": func() error { _, _, err := c.Profile(t.Context(), data); return err },
		"model":   func() error { _, err := c.Model(t.Context(), model); return err },
		"cancel":  func() error { _, err := c.Cancel(t.Context(), job); return err },
		"train":   func() error { _, err := c.Train(t.Context(), slow(data), ""); return err },
	} {
		if e, ok := errors.AsType[*client.Error](look()); !ok || e.Status != http.StatusNotFound {
			t.Errorf("%s of another tenant: %v, want 404", thing, e)
		}
	}
	jobs, err1 := c.Jobs(t.Context(), client.JobFilter{Scope: "tenant"}, "", 10)
	sets, err2 := c.Datasets(t.Context(), "", 10)
	models, err3 := c.Models(t.Context(), "", 10)
	if err := errors.Join(err1, err2, err3); err != nil || len(jobs.Items)+len(sets.Items)+len(models.Items) > 0 {
		t.Errorf("the lists show another tenant's things: %d jobs, %d data sets, %d models, error %v", len(jobs.Items), len(sets.Items), len(models.Items), err)
	}
}

// system looks at the clean-ups that the scheduler submits: operators of any
// tenant read them and change nothing; for the analyst there are none.
func (cl *cluster) system(t *testing.T, analyst *client.Client) {
	t.Helper()
	c, err := client.New(cl.url, client.Options{Token: secret.New(token(t, "umbrella", "operator"))})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	_, err = analyst.Jobs(ctx, client.JobFilter{Scope: "system"}, "", 10)
	refused(t, "an analyst's list of the system's jobs", err, http.StatusForbidden)
	found := systemJob(t, c)
	j, err := c.Watch(ctx, found.ID, client.Seen{})
	if err != nil || j.Kind != "cleanup" || len(j.Result) == 0 {
		t.Errorf("the clean-up is %+v, %v", j, err)
	}
	if lines, err := c.Logs(ctx, found.ID, 0); err != nil || len(lines) == 0 {
		t.Errorf("the clean-up's log has %d lines, %v", len(lines), err)
	}
	_, err = c.Cancel(ctx, found.ID)
	refused(t, "cancelling a job of the system", err, http.StatusForbidden)
	_, err = analyst.Job(ctx, found.ID)
	refused(t, "a system job for an analyst", err, http.StatusNotFound)
}

// systemJob waits until there is a job of the system's own and returns it.
func systemJob(t *testing.T, operator *client.Client) *client.Job {
	t.Helper()
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(patience)
	for {
		page, err := operator.Jobs(t.Context(), client.JobFilter{Scope: "system"}, "", 10)
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Items) > 0 {
			return page.Items[0]
		}
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatal("no scheduled clean-up was ever listed")
		}
	}
}

// refused checks that the API answered with the status.
func refused(t *testing.T, what string, err error, status int) {
	t.Helper()
	if e, ok := errors.AsType[*client.Error](err); !ok || e.Status != status {
		t.Errorf("%s: %v, want %d", what, err, status)
	}
}

// rest tunes and predicts with what is left of the cluster.
func (cl *cluster) rest(t *testing.T, c *client.Client, data string, result trained) {
	t.Helper()
	tuning, err := c.Tune(t.Context(), client.TuneRequest{ModelID: result.ModelID, Method: "threshold", Objective: "youden"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Wait(t.Context(), tuning.ID, nil); err != nil {
		t.Fatal(err)
	}
	prediction, err := c.Predict(t.Context(), client.PredictRequest{ModelID: result.ModelID, DatasetID: data, Rows: "holdout"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Wait(t.Context(), prediction.ID, nil); err != nil {
		t.Fatal(err)
	}
	file, _, err := c.Result(t.Context(), prediction.ID, "predictions")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	text, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	if lines := int64(strings.Count(string(text), "\n")) - 1; lines != result.HoldoutRows {
		t.Errorf("%d rows were predicted, want the %d held out", lines, result.HoldoutRows)
	}
}

// lost waits until the scheduler's metrics count the killed worker as lost.
func (cl *cluster) lost(t *testing.T) {
	t.Helper()
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(patience)
	for {
		_, body := get(t, cl.ops[len(cl.ops)-1]+"/metrics", "")
		if strings.Contains(body, fmt.Sprintf("narrative_workers{state=%q} 1", "lost")) {
			return
		}
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatal("the scheduler never counted the killed worker as lost")
		}
	}
}
