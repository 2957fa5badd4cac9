package client_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/client/clienttest"
	"github.com/narrativeml/narrative/internal/secret"
)

const table = "color,size,label\nred,1,a\nblue,2,a\nred,3,b\nblue,4,a\nred,5,b\nblue,6,b\nred,7,b\nred,8,a\nblue,9,a\nred,10,b\nred,11,a\n"

func setup(t *testing.T, change func(*clienttest.Server)) (*client.Client, *clienttest.Server) {
	t.Helper()
	server := clienttest.New()
	t.Cleanup(server.Close)
	if change != nil {
		change(server)
	}
	c, err := client.New(server.URL, client.Options{
		Token: secret.New("right"),
		Wait:  func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	})
	if err != nil {
		t.Fatal(err)
	}
	return c, server
}

func TestTheMainJob(t *testing.T) {
	t.Parallel()
	c, server := setup(t, func(s *clienttest.Server) { s.Token, s.Cut = "right", true })
	ctx := t.Context()

	header := true
	a, err := c.Upload(ctx, client.Upload{
		Name: "colors", Filename: "c.csv", FileFormat: client.FileFormat{Delimiter: ",", Quote: `"`, Header: &header}, Body: strings.NewReader(table),
	})
	if err != nil {
		t.Fatal(err)
	}
	form := server.Form(a.DatasetID)
	if form["name"] != "colors" || form["filename"] != "c.csv" || form["delimiter"] != "," || form["quote"] != `"` || form["header"] != "true" {
		t.Errorf("the form was %v", form)
	}
	var states []string
	j, err := c.Wait(ctx, a.JobID, func(j *client.Job) { states = append(states, j.State) })
	if err != nil || !j.Terminal() || !slices.Equal(states, []string{"running", "succeeded"}) {
		t.Fatalf("job %+v, states %v, error %v", j, states, err)
	}
	d, err := c.Dataset(ctx, a.DatasetID)
	if err != nil || d.Rows != 11 || d.Columns[2].Name != "label" {
		t.Fatalf("data set %+v, error %v", d, err)
	}
	if raw, p, err := c.Profile(ctx, a.DatasetID, 0); err != nil || p.Rows != 11 || len(p.Columns) != 3 || !bytes.Contains(raw, []byte(`"top"`)) {
		t.Fatalf("profile %+v, error %v", p, err)
	}

	logged := 0
	key := client.NewKey()
	first, err := c.Train(ctx, client.TrainRequest{DatasetID: a.DatasetID, Target: "label"}, key)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := c.Train(ctx, client.TrainRequest{DatasetID: a.DatasetID, Target: "label"}, key); err != nil || again.ID != first.ID {
		t.Fatalf("the same key made %v, error %v", again, err)
	}
	if j, err = c.Watch(ctx, first.ID, client.Seen{Log: func(client.LogLine) { logged++ }}); err != nil || j.State != client.Succeeded || logged == 0 || len(j.Result) == 0 {
		t.Fatalf("watched %+v, error %v", j, err)
	}
	m, err := c.Model(ctx, "mdl_1")
	if err != nil || m.PositiveClass != "b" || len(m.Leaderboard) != 2 {
		t.Fatalf("model %+v, error %v", m, err)
	}
	if _, err := c.Tune(ctx, client.TuneRequest{ModelID: m.ID, Method: "threshold"}, ""); err != nil {
		t.Fatal(err)
	}
	p, err := c.Predict(ctx, client.PredictRequest{ModelID: m.ID, DatasetID: a.DatasetID}, "")
	if err != nil {
		t.Fatal(err)
	}
	file, size, err := c.Result(ctx, p.ID, "predictions")
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(file)
	if err = errors.Join(err, file.Close()); err != nil || !strings.HasPrefix(string(got), "row_id,prediction,") || size != int64(len(got)) {
		t.Fatalf("file %q of %d, error %v", got, size, err)
	}
	if _, err := c.Cleanup(ctx, client.CleanupRequest{DryRun: true}, ""); err != nil {
		t.Fatal(err)
	}
}

func TestListsAndChanges(t *testing.T) {
	t.Parallel()
	c, _ := setup(t, nil)
	ctx := t.Context()
	if _, err := c.Upload(ctx, client.Upload{Filename: "c.csv", Body: strings.NewReader(table)}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Train(ctx, client.TrainRequest{DatasetID: "ds_1", Target: "label"}, ""); err != nil {
		t.Fatal(err)
	}
	p, err := c.Tune(ctx, client.TuneRequest{ModelID: "mdl_1", Method: "threshold"}, "")
	if err != nil {
		t.Fatal(err)
	}
	lines, err := c.Logs(ctx, p.ID, 0)
	if err != nil || len(lines) != 3 || lines[2].Seq != 3 {
		t.Fatalf("lines %v, error %v", lines, err)
	}
	jobs, err := c.Jobs(ctx, client.JobFilter{Kind: "tuning"}, "", 10)
	if err != nil || len(jobs.Items) != 1 || jobs.Items[0].Kind != "tuning" {
		t.Fatalf("jobs %+v, error %v", jobs, err)
	}
	if sets, err := c.Datasets(ctx, "", 0); err != nil || len(sets.Items) != 1 {
		t.Fatalf("data sets %+v, error %v", sets, err)
	}
	if models, err := c.Models(ctx, "x", 1); err != nil || len(models.Items) != 1 {
		t.Fatalf("models %+v, error %v", models, err)
	}
	if j, err := c.Cancel(ctx, p.ID); err != nil || j.State != "cancelled" {
		t.Fatalf("cancelled %+v, error %v", j, err)
	}
	if j, err := c.Retry(ctx, p.ID); err != nil || j.State != "pending" {
		t.Fatalf("retried %+v, error %v", j, err)
	}
	if j, err := c.Job(ctx, p.ID); err != nil || j.ID != p.ID {
		t.Fatalf("job %+v, error %v", j, err)
	}
}

func TestAJobThatFails(t *testing.T) {
	t.Parallel()
	for name, watch := range map[string]func(*client.Client, context.Context, string) (*client.Job, error){
		"wait": func(c *client.Client, ctx context.Context, id string) (*client.Job, error) {
			return c.Wait(ctx, id, nil)
		},
		"watch": func(c *client.Client, ctx context.Context, id string) (*client.Job, error) {
			return c.Watch(ctx, id, client.Seen{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := setup(t, func(s *clienttest.Server) { s.Fail = "ingest" })
			a, err := c.Upload(t.Context(), client.Upload{Filename: "c.csv", Body: strings.NewReader(table)})
			if err != nil {
				t.Fatal(err)
			}
			_, err = watch(c, t.Context(), a.JobID)
			e, ok := errors.AsType[*client.JobError](err)
			if !ok || e.Job.Failure.Code != "constant_target" {
				t.Fatalf("error is %v", err)
			}
			for _, want := range []string{"the ingest job " + a.JobID + " failed", "the target never changes", "body.target: choose another", "(constant_target)"} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in %q", want, err)
				}
			}
		})
	}
	if got := (&client.JobError{Job: &client.Job{ID: "job_1", Kind: "training", State: client.Cancelled}}).Error(); got != "the training job job_1 was cancelled" {
		t.Errorf("got %q", got)
	}
}

// A place that the sentence names already is not told twice.
func TestErrorsSayThingsOnce(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]*client.Error{
		`line 2, column "b": there is a NUL byte (csv_nul_byte)`: {
			Code: "csv_nul_byte", Detail: `line 2, column "b": there is a NUL byte`,
			Fields: []client.Field{{Location: `line 2, column "b"`, Message: "there is a NUL byte"}},
		},
		`the target "sex" is constant (target_constant)`: {
			Code: "target_constant", Detail: `the target "sex" is constant`,
			Fields: []client.Field{{Location: `column "sex"`, Message: `the target "sex" is constant`}},
		},
		"The request is not valid. (invalid_request)\n  body.folds: must be at least 2": {
			Code: "invalid_request", Detail: "The request is not valid.",
			Fields: []client.Field{{Location: "body.folds", Message: "must be at least 2"}},
		},
	} {
		if got := e.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestErrorsAreTyped(t *testing.T) {
	t.Parallel()
	c, _ := setup(t, func(s *clienttest.Server) { s.Token = "another" })
	_, err := c.Job(t.Context(), "job_1")
	e, ok := errors.AsType[*client.Error](err)
	if !ok || e.Status != http.StatusUnauthorized || e.Code != "token_missing" || err.Error() != "send a bearer token (token_missing)\n  body: look here" {
		t.Errorf("error is %#v", err)
	}
	if strings.Contains(err.Error(), "right") {
		t.Error("the token is shown")
	}

	html := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/broken") {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadGateway)
			_, _ = w.Write([]byte("{")) // the client reads it
			return
		}
		w.WriteHeader(http.StatusTeapot)
	}))
	t.Cleanup(html.Close)
	c, err = client.New(html.URL, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Job(t.Context(), "x"); err == nil || err.Error() != "I'm a teapot" {
		t.Errorf("error is %v", err)
	}
	if _, err := c.Job(t.Context(), "broken"); err == nil || err.Error() != "Bad Gateway" {
		t.Errorf("error is %v", err)
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	url := server.URL
	server.Close()
	waits := 0
	c, err := client.New(url, client.Options{Attempts: 3, Wait: func(context.Context, time.Duration) error { waits++; return nil }})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Job(t.Context(), "job_1")
	e, ok := errors.AsType[*client.UnreachableError](err)
	if !ok || e.URL != url || waits != 2 {
		t.Errorf("error is %v after %d waits", err, waits)
	}
	if !strings.HasPrefix(err.Error(), "reach "+url) || errors.Unwrap(err) == nil {
		t.Errorf("error is %v", err)
	}
	for _, bad := range []string{"", "localhost:8080", "ftp://x", "http://", "http://[::1"} {
		if _, err := client.New(bad, client.Options{}); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestRetriesWhileTheServerIsAway(t *testing.T) {
	t.Parallel()
	var calls, keys atomic.Int32
	seen := map[string]bool{}
	server := clienttest.New()
	t.Cleanup(server.Close)
	server.Refuse = func(w http.ResponseWriter, r *http.Request) bool {
		if key := r.Header.Get("Idempotency-Key"); key != "" && !seen[key] {
			seen[key] = true
			keys.Add(1)
		}
		if calls.Add(1) > 2 {
			return false
		}
		_, _ = io.Copy(io.Discard, r.Body) // what was sent does not matter
		w.Header().Set("Retry-After", "7")
		clienttest.Problem(w, http.StatusServiceUnavailable, "store_unavailable", "later")
		return true
	}
	var waits []time.Duration
	c, err := client.New(server.URL, client.Options{Wait: func(_ context.Context, d time.Duration) error { waits = append(waits, d); return nil }})
	if err != nil {
		t.Fatal(err)
	}
	a, err := c.Upload(t.Context(), client.Upload{Filename: "c.csv", Body: strings.NewReader(table)})
	if err != nil {
		t.Fatal(err)
	}
	if calls.Load() != 3 || keys.Load() != 1 || !slices.Equal(waits, []time.Duration{7 * time.Second, 7 * time.Second}) {
		t.Errorf("%d calls with %d keys, waits %v", calls.Load(), keys.Load(), waits)
	}
	if d, err := c.Dataset(t.Context(), a.DatasetID); err != nil || d.Rows != 11 {
		t.Errorf("the file did not arrive whole: %+v, %v", d, err)
	}

	// What can be read only once is sent only once.
	calls.Store(0)
	_, err = c.Upload(t.Context(), client.Upload{Filename: "c.csv", Body: io.MultiReader(strings.NewReader(table))})
	if e, ok := errors.AsType[*client.Error](err); !ok || e.Status != http.StatusServiceUnavailable || calls.Load() != 1 {
		t.Errorf("error is %v after %d calls", err, calls.Load())
	}

	// Whoever stops waiting sees why.
	calls.Store(0)
	c, err = client.New(server.URL, client.Options{Wait: func(context.Context, time.Duration) error { return context.Canceled }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = c.Job(t.Context(), "x"); err == nil || !strings.Contains(err.Error(), "later") {
		t.Errorf("error is %v", err)
	}
}

func TestCancelledCalls(t *testing.T) {
	t.Parallel()
	c, _ := setup(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Wait(ctx, "job_1", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait: %v", err)
	}
	if _, err := c.Watch(ctx, "job_1", client.Seen{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Watch: %v", err)
	}
	if _, err := c.Upload(ctx, client.Upload{Filename: "x", Body: strings.NewReader(table)}); !errors.Is(err, context.Canceled) {
		t.Errorf("Upload: %v", err)
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Path {
		case "/api/v1/jobs/no-etag":
			_, _ = w.Write([]byte(`{"id":"no-etag","state":"running"}`)) // the client reads it
		case "/api/v1/jobs/ends/events", "/api/v1/jobs/no-link/result":
		case "/api/v1/jobs/bad/events":
			_, _ = w.Write([]byte("event: job\ndata: {\n\n")) // the client reads it
		case "/api/v1/jobs/away/result":
			w.Header().Set("Location", "http://"+r.Host+"/gone")
			w.WriteHeader(http.StatusSeeOther)
		case "/gone":
			w.WriteHeader(http.StatusNotFound)
		default:
			_, _ = w.Write([]byte("{}")) // the client reads it
		}
	}))
	t.Cleanup(server.Close)
	c, err := client.New(server.URL, client.Options{Attempts: 2, Wait: func(context.Context, time.Duration) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	for name, call := range map[string]func() error{
		"sent no ETag":          func() error { _, err := c.Wait(ctx, "no-etag", nil); return err },
		"again and again":       func() error { _, err := c.Watch(ctx, "ends", client.Seen{}); return err },
		"read an event of job":  func() error { _, err := c.Watch(ctx, "bad", client.Seen{}); return err },
		"instead of a link":     func() error { _, _, err := c.Result(ctx, "no-link", ""); return err },
		"fetch the file":        func() error { _, _, err := c.Result(ctx, "away", ""); return err },
		"names no job":          func() error { _, err := c.Train(ctx, client.TrainRequest{}, ""); return err },
		"read the answer to GE": func() error { _, err := c.Job(ctx, "ends/events"); return err },
	} {
		if err := call(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
}

func TestReadEvents(t *testing.T) {
	t.Parallel()
	stream := ": a comment\r\n\r\nid: 1\r\nevent: job\r\ndata: {\r\ndata: }\r\n\r\nid:2\ndata:plain\n\nid: 3\n\ndata: cut"
	var got []client.Event
	if err := client.ReadEvents(strings.NewReader(stream), func(e client.Event) error { got = append(got, e); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].ID != "1" || got[0].Name != "job" || string(got[0].Data) != "{\n}" || got[1].Name != "message" || string(got[1].Data) != "plain" {
		t.Errorf("got %q", got)
	}
	stop := errors.New("stop")
	if err := client.ReadEvents(strings.NewReader(stream), func(client.Event) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("error is %v", err)
	}
	if err := client.ReadEvents(strings.NewReader(strings.Repeat("x", 9<<20)), nil); err == nil {
		t.Error("an endless line was accepted")
	}
}

func FuzzReadEvents(f *testing.F) {
	f.Add("id: 1\ndata: {}\n\n")
	f.Add("data\n\r\n:\n\n")
	f.Fuzz(func(t *testing.T, stream string) {
		total := 0
		if err := client.ReadEvents(strings.NewReader(stream), func(e client.Event) error {
			total += len(e.Data)
			return nil
		}); err != nil && len(stream) < 1<<20 {
			t.Fatalf("error is %v", err)
		}
		if total > len(stream) {
			t.Fatalf("%d bytes of data from a stream of %d", total, len(stream))
		}
	})
}
