package e2e_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/httpapi/tenanttest"
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
	api       *process
	workers   []*process
	scheduler *process
	url       string   // of the API
	ops       []string // of workers and scheduler
}

// startCluster starts the API, two workers and the scheduler on the parts to
// which the variables lead.
func startCluster(t *testing.T, variables []string) *cluster {
	t.Helper()
	c := &cluster{env: append(slices.Clone(variables), "AUTH_SECRET="+authSecret)}
	for _, v := range variables { // the clients of these tests reach what the processes reach
		if at, found := strings.CutPrefix(v, "NARRATIVE_S3_ENDPOINT="); found {
			c.env = append(c.env, "NARRATIVE_S3_PUBLIC_ENDPOINT="+at)
		}
	}
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

// client returns a client of the tenant's analyst.
func (cl *cluster) client(t *testing.T, bearer string) *client.Client {
	t.Helper()
	c, err := client.New(cl.url, client.Options{Token: secret.New(bearer)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// answers looks at what the processes say of themselves.
func (cl *cluster) answers(t *testing.T) {
	t.Helper()
	analyst, operator := token(t, "acme", "analyst"), token(t, "acme", "operator")
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
}

// work takes the main job through the processes, killing a worker on the way,
// looks at everything as another tenant, and ends the processes.
func (cl *cluster) work(t *testing.T) {
	t.Helper()
	cl.answers(t)
	// The store may be one that others have used.
	owner, another := "acme-"+strings.ToLower(rand.Text()), "umbrella-"+strings.ToLower(rand.Text())
	p := tenanttest.Party{Token: token(t, owner, "analyst", "operator", "steward"), Analyst: token(t, owner, "analyst"), Target: "insurance", Jobs: map[string]string{}}
	c := cl.client(t, p.Token)
	p.Dataset, p.Jobs["ingest"] = upload(t, c, repeated(t, table(t, "insurance"), copies))
	a, err := c.Train(t.Context(), slow(p.Dataset), "")
	if err != nil {
		t.Fatal(err)
	}
	p.Jobs["training"] = a.ID
	at := midway(t, c, a.ID)
	victim, survivor := cl.runningOn(t, a.ID)
	victim.kill(syscall.SIGKILL)
	j := finished(t, c, a)
	t.Logf("killed a worker at %.2f; attempt %d succeeded", at, j.Attempt)
	if j.Attempt != 2 {
		t.Errorf("the training succeeded in attempt %d, want 2", j.Attempt)
	}
	var result trained
	if err := json.Unmarshal(j.Result, &result); err != nil {
		t.Fatal(err)
	}
	p.Model, p.Recipe, p.Access = result.ModelID, saved(t, c, p.Dataset), accessed(t, c, p)
	p.Upload, p.Direct = begun(t, c.UploadResumable), begun(t, c.UploadPresigned)
	cl.rest(t, c, p, result.HoldoutRows)
	tenanttest.Walk(t, cl.url, p, cl.small(t, another))
	cl.system(t, cl.client(t, token(t, owner, "analyst")))
	cl.lost(t)
	for _, p := range []*process{survivor, cl.scheduler, cl.api} {
		if code := p.terminate(); code != 0 {
			t.Errorf("%s: exit code %d after SIGTERM, want 0", p.name, code)
		}
	}
}

// finished waits until the job has succeeded.
func finished(t *testing.T, c *client.Client, j *client.Job) *client.Job {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	done, err := c.Wait(ctx, j.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// small is a tenant that has little of its own.
func (cl *cluster) small(t *testing.T, tenant string) tenanttest.Party {
	t.Helper()
	p := tenanttest.Party{Token: token(t, tenant, "analyst", "operator", "steward"), Analyst: token(t, tenant, "analyst"), Target: "insurance", Jobs: map[string]string{}}
	c := cl.client(t, p.Token)
	p.Dataset, p.Jobs["ingest"] = upload(t, c, table(t, "insurance"))
	a, err := c.Train(t.Context(), client.TrainRequest{DatasetID: p.Dataset, Target: "insurance", Algorithms: []string{"baseline"}, Folds: 2}, "")
	if err != nil {
		t.Fatal(err)
	}
	var result trained
	if err := json.Unmarshal(finished(t, c, a).Result, &result); err != nil {
		t.Fatal(err)
	}
	p.Model, p.Jobs["training"], p.Recipe, p.Access = result.ModelID, a.ID, saved(t, c, p.Dataset), accessed(t, c, p)
	p.Upload, p.Direct = begun(t, c.UploadResumable), begun(t, c.UploadPresigned)
	return p
}

// accessed says that a column is no personal data, which is written down.
func accessed(t *testing.T, c *client.Client, p tenanttest.Party) string {
	t.Helper()
	if _, err := c.SetPolicies(t.Context(), p.Dataset, []client.PolicyChange{{Column: p.Target, Policy: "allow"}}); err != nil {
		t.Fatal(err)
	}
	page, err := c.Audit(t.Context(), p.Dataset, "", 10)
	if err != nil || len(page.Items) != 1 {
		t.Fatalf("the audit has %d records, %v", len(page.Items), err)
	}
	return page.Items[0].ID
}

// begun begins an upload and breaks it off.
func begun(t *testing.T, send func(context.Context, client.Resumable) (client.Accepted, error)) string {
	t.Helper()
	stop, made := errors.New("stop"), ""
	_, err := send(t.Context(), client.Resumable{
		Upload: client.Upload{Filename: "t.csv"}, File: strings.NewReader("a,b"), Size: 3,
		Begun: func(id string) error { made = id; return stop },
	})
	if !errors.Is(err, stop) {
		t.Fatal(err)
	}
	return made
}

// saved saves a recipe for the data set.
func saved(t *testing.T, c *client.Client, dataset string) string {
	t.Helper()
	r, err := c.CreateRecipe(t.Context(), client.RecipeDraft{Name: "clean", DatasetID: dataset, Steps: []client.Step{{Name: "remove_duplicates"}}}, "")
	if err != nil {
		t.Fatal(err)
	}
	return r.ID
}

// rest tunes, predicts and lists what a clean-up would delete, with what is
// system looks at the clean-ups that the scheduler submits: operators of any
// tenant read them and change nothing; for the analyst there are none.
func (cl *cluster) system(t *testing.T, analyst *client.Client) {
	t.Helper()
	c := cl.client(t, token(t, "umbrella", "operator"))
	ctx := t.Context()
	_, err := analyst.Jobs(ctx, client.JobFilter{Scope: "system"}, "", 10)
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

// left of the cluster.
func (cl *cluster) rest(t *testing.T, c *client.Client, p tenanttest.Party, heldOut int64) {
	t.Helper()
	keep := func(j *client.Job, err error) *client.Job {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		p.Jobs[j.Kind] = j.ID
		return finished(t, c, j)
	}
	keep(c.Tune(t.Context(), client.TuneRequest{ModelID: p.Model, Method: "threshold", Objective: "youden"}, ""))
	prediction := keep(c.Predict(t.Context(), client.PredictRequest{ModelID: p.Model, DatasetID: p.Dataset, Rows: "holdout"}, ""))
	keep(c.Transform(t.Context(), client.TransformRequest{RecipeUse: client.RecipeUse{DatasetID: p.Dataset, RecipeID: p.Recipe}}, ""))
	keep(c.Cleanup(t.Context(), client.CleanupRequest{DryRun: true}, ""))
	file, _, err := c.Result(t.Context(), prediction.ID, "predictions")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	text, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	if lines := int64(strings.Count(string(text), "\n")) - 1; lines != heldOut {
		t.Errorf("%d rows were predicted, want the %d held out", lines, heldOut)
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

// lost waits until the scheduler's metrics count the killed worker as lost.
func (cl *cluster) lost(t *testing.T) {
	t.Helper()
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(patience)
	some := regexp.MustCompile(`(?m)^narrative_workers\{state="lost"\} [1-9]`)
	for {
		_, body := get(t, cl.ops[len(cl.ops)-1]+"/metrics", "")
		if some.MatchString(body) {
			return
		}
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatal("the scheduler never counted the killed worker as lost")
		}
	}
}
