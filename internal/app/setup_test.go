package app_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/app"
	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/config"
	"github.com/narrativeml/narrative/internal/sample"
)

// folder is that of this package; the embedded file server changes the working
// directory.
var folder string

func TestMain(m *testing.M) {
	// Workers of these tests run heavy jobs in processes of this program.
	if len(os.Args) == 2 && os.Args[1] == app.RunJobCommand {
		if err := app.RunJob(context.Background(), app.Program{Version: "test"}); err != nil {
			_, _ = io.WriteString(os.Stderr, err.Error()+"\n")
			os.Exit(1)
		}
		os.Exit(0)
	}
	var err error
	if folder, err = os.Getwd(); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// patience is how long a test waits for what must come.
const patience = 2 * time.Minute

// bench is a platform of its own, all in this process. The embedded file
// server changes the working directory and there can be one at a time, so the
// tests of this package that start one are not parallel.
type bench struct {
	url    string
	client *client.Client
}

// load returns the configuration of the role, with these variables.
func load(t *testing.T, role config.Role, environ ...string) config.Config {
	t.Helper()
	c, err := config.Load(role, config.Source{Environ: environ, ReadFile: os.ReadFile})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// setup starts everything in one process, with these variables, and stops it when
// the test ends.
func setup(t *testing.T, environ ...string) *bench {
	t.Helper()
	log, written := io.Pipe()
	url := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(log)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var line struct {
				Msg string `json:"msg"`
				URL string `json:"url"`
			}
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "narrative is up" {
				url <- line.URL
			}
		}
	}()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	c := load(t, config.RoleDev, append(environ, "NARRATIVE_DATA_DIR="+t.TempDir(), "NARRATIVE_HTTP_ADDR=127.0.0.1:0", "NARRATIVE_LOG_FORMAT=json")...)
	go func() {
		ended <- app.Dev(ctx, c, app.Program{Version: "test", Stdout: io.Discard, Stderr: written})
	}()
	b := &bench{}
	select {
	case b.url = <-url:
	case err := <-ended:
		stop()
		t.Fatal(err)
	case <-time.After(patience):
		stop()
		t.Fatal("narrative did not come up")
	}
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("stop: %v", err)
		}
		_ = written.Close()
	})
	var err error
	if b.client, err = client.New(b.url, client.Options{}); err != nil {
		t.Fatal(err)
	}
	return b
}

// ingest uploads the file and waits for its ingest job, which may fail.
func (b *bench) ingest(t *testing.T, filename string, file io.Reader) (datasetID string, failure *client.Failure) {
	t.Helper()
	a, err := b.client.Upload(t.Context(), client.Upload{Name: filename, Filename: filename, Body: file})
	if err != nil {
		t.Fatal(err)
	}
	_, failure = b.wait(t, a.JobID)
	return a.DatasetID, failure
}

// wait waits for the job, which may fail.
func (b *bench) wait(t *testing.T, id string) (*client.Job, *client.Failure) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	j, err := b.client.Wait(ctx, id, nil)
	if failed, ok := errors.AsType[*client.JobError](err); ok {
		if failed.Job.Failure == nil {
			t.Fatalf("job %s is %s and does not say why", id, failed.Job.State)
		}
		return failed.Job, failed.Job.Failure
	}
	if err != nil {
		t.Fatal(err)
	}
	return j, nil
}

// result waits for the job, which must succeed, and decodes its result.
func (b *bench) result(t *testing.T, id string, into any) *client.Job {
	t.Helper()
	j, failure := b.wait(t, id)
	if failure != nil {
		t.Fatalf("the %s job failed: %s: %s", j.Kind, failure.Code, failure.Message)
	}
	if err := json.Unmarshal(j.Result, into); err != nil {
		t.Fatal(err)
	}
	return j
}

// sampled ingests a bundled data set.
func (b *bench) sampled(t *testing.T, name string) (sample.Set, string) {
	t.Helper()
	set, ok := sample.Lookup(name)
	if !ok {
		t.Fatalf("no data set %s", name)
	}
	file, err := set.Open()
	if err != nil {
		t.Fatal(err)
	}
	id, failure := b.ingest(t, set.Filename, file)
	if failure != nil {
		t.Fatalf("ingest %s: %s", name, failure.Message)
	}
	return set, id
}

// download returns a file of a job's result.
func (b *bench) download(t *testing.T, job, name string) string {
	t.Helper()
	file, _, err := b.client.Result(t.Context(), job, name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	text, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// problem checks that err is the API's, with the status and code.
func problem(t *testing.T, err error, status int, code string) {
	t.Helper()
	e, ok := errors.AsType[*client.Error](err)
	if !ok {
		t.Errorf("error %v, want the code %s", err, code)
		return
	}
	if e.Status != status || e.Code != code || e.Detail == "" {
		t.Errorf("status %d, code %s, detail %q; want %d %s", e.Status, e.Code, e.Detail, status, code)
	}
}

// table joins lines to a file.
func table(lines ...string) io.Reader { return strings.NewReader(strings.Join(lines, "\n") + "\n") }
