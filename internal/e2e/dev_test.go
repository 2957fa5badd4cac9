package e2e_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/sample"
)

// trained is what the tests read of a training's result.
type trained struct {
	ModelID     string `json:"model_id"`
	SHA256      string `json:"sha256"`
	HoldoutRows int64  `json:"holdout_rows"`
}

// connect returns a client of the server.
func connect(t *testing.T, url string) *client.Client {
	t.Helper()
	c, err := client.New(url, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// table returns a bundled data set.
func table(t *testing.T, name string) []byte {
	t.Helper()
	set, ok := sample.Lookup(name)
	if !ok {
		t.Fatalf("no data set %s", name)
	}
	file, err := set.Open()
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// upload uploads the table and waits until it is ingested.
func upload(t *testing.T, c *client.Client, data []byte) (datasetID, jobID string) {
	t.Helper()
	a, err := c.Upload(t.Context(), client.Upload{Name: "table", Filename: "table.csv", Body: bytes.NewReader(data)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Wait(t.Context(), a.JobID, nil); err != nil {
		t.Fatal(err)
	}
	return a.DatasetID, a.JobID
}

// midway waits until GET /jobs shows the job at a fraction between 0.2 and 0.8.
func midway(t *testing.T, c *client.Client, id string) float64 {
	t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(patience)
	for {
		page, err := c.Jobs(t.Context(), client.JobFilter{Kind: "training"}, "", 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range page.Items {
			switch f := j.Progress.Fraction; {
			case j.ID != id:
			case j.Terminal() || f > 0.8:
				t.Fatalf("the training is %s at %.2f before it was seen midway; give it more to do", j.State, f)
			case j.State == "running" && f >= 0.2:
				return f
			}
		}
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("the training was not midway within %s", patience)
		}
	}
}

// slow is a training that takes a while.
func slow(datasetID string) client.TrainRequest {
	return client.TrainRequest{
		DatasetID: datasetID, Target: "insurance", PositiveClass: "no", Folds: 5, Seed: 7,
	}
}

// copies is how often the rows of a table are repeated for a slow training.
const copies = 12

func TestKilledDevGoesOn(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	p, url := dev(t, folder)
	c := connect(t, url)
	data, _ := upload(t, c, repeated(t, table(t, "insurance"), copies))
	a, err := c.Train(t.Context(), slow(data), "")
	if err != nil {
		t.Fatal(err)
	}
	at := midway(t, c, a.ID)
	heavy := children(t, p)
	p.kill(syscall.SIGKILL)
	gone(t, heavy)

	_, url = dev(t, folder)
	c = connect(t, url)
	again, err := c.Wait(t.Context(), a.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("killed at %.2f; attempt %d succeeded", at, again.Attempt)
	if again.State != client.Succeeded || again.Attempt != 2 {
		t.Errorf("after kill -9 the job is %s in attempt %d, want it succeeded in attempt 2", again.State, again.Attempt)
	}
	var killed, whole trained
	if err := json.Unmarshal(again.Result, &killed); err != nil {
		t.Fatal(err)
	}
	b, err := c.Train(t.Context(), slow(data), "")
	if err != nil {
		t.Fatal(err)
	}
	uninterrupted, err := c.Wait(t.Context(), b.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(uninterrupted.Result, &whole); err != nil {
		t.Fatal(err)
	}
	if killed.SHA256 == "" || killed.SHA256 != whole.SHA256 {
		t.Errorf("the model of the killed training is %q, of an uninterrupted one %q", killed.SHA256, whole.SHA256)
	}
}

// TestKilledDevGoesOnWithoutRedis kills the process where there is no
// redis-server: the stand-in forgets what waits and what runs, and both come
// back from the store.
func TestKilledDevGoesOnWithoutRedis(t *testing.T) {
	t.Parallel()
	folder, nothing := t.TempDir(), "PATH="+t.TempDir()
	p, url := dev(t, folder, nothing)
	const standIn = "redis-server is not installed; an in-memory stand-in is used, which is slower and forgets waiting tasks on exit"
	p.logged(standIn)
	c := connect(t, url)
	data, _ := upload(t, c, repeated(t, table(t, "insurance"), copies))
	running, err := c.Train(t.Context(), slow(data), "")
	if err != nil {
		t.Fatal(err)
	}
	// One training runs at a time, so that this one waits behind it.
	waiting, err := c.Train(t.Context(), client.TrainRequest{DatasetID: data, Target: "insurance", Algorithms: []string{"baseline"}, Folds: 2}, "")
	if err != nil {
		t.Fatal(err)
	}
	at := midway(t, c, running.ID)
	p.kill(syscall.SIGKILL)

	p, url = dev(t, folder, nothing)
	p.logged(standIn)
	c = connect(t, url)
	for one, attempt := range map[*client.Job]int{running: 2, waiting: 1} {
		j := finished(t, c, one)
		if j.State != client.Succeeded || j.Attempt != attempt || j.Failure != nil {
			t.Errorf("after kill -9 at %.2f the job is %s in attempt %d with failure %v, want it succeeded in attempt %d", at, j.State, j.Attempt, j.Failure, attempt)
		}
	}
}

func TestDevDrains(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	p, url := dev(t, folder)
	c := connect(t, url)
	data, _ := upload(t, c, repeated(t, table(t, "insurance"), copies))
	a, err := c.Train(t.Context(), slow(data), "")
	if err != nil {
		t.Fatal(err)
	}
	midway(t, c, a.ID)
	if code := p.terminate(); code != 0 {
		t.Errorf("after SIGTERM the exit code is %d, want 0", code)
	}
	_, url = dev(t, folder)
	j, err := connect(t, url).Wait(t.Context(), a.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	if j.State != client.Succeeded || j.Attempt != 2 || j.Failure != nil {
		t.Errorf("after SIGTERM the job is %s in attempt %d with failure %v", j.State, j.Attempt, j.Failure)
	}
}

// boosting is a training of nothing but trees, so many that a fit keeps several
// parts of its own.
func boosting(datasetID string) client.TrainRequest {
	return client.TrainRequest{
		DatasetID: datasetID, Target: "insurance", PositiveClass: "no", Folds: 2, Seed: 3,
		Algorithms: []string{"gbdt"}, Trees: 700,
	}
}

// kept waits until a part of the trees of the first fit is among the files in
// the folder, and fails if the fit is there in whole.
func kept(t *testing.T, folder string) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(patience)
	for {
		part, whole := false, false
		err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, _ error) error {
			// What is noted of a file is there before the file is.
			part = part || strings.Contains(path, "/objects/") && strings.Contains(path, "gbdt-fold-1.gbdt-trees-")
			whole = whole || strings.HasSuffix(path, "gbdt-fold-1")
			return nil // files come and go
		})
		switch {
		case err != nil:
			t.Fatal(err)
		case whole:
			t.Fatal("the first fit was done before a part of it was seen; give it more to do")
		case part:
			return
		}
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("no part of a fit was kept within %s", patience)
		}
	}
}

// TestKilledWhileBoosting kills the process between two trees of one fit: the
// next attempt goes on with the trees that were kept and ends with the bytes of a
// training that nobody disturbed.
func TestKilledWhileBoosting(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	p, url := dev(t, folder)
	c := connect(t, url)
	data, _ := upload(t, c, repeated(t, table(t, "insurance"), copies))
	a, err := c.Train(t.Context(), boosting(data), "")
	if err != nil {
		t.Fatal(err)
	}
	kept(t, folder)
	p.kill(syscall.SIGKILL)

	_, url = dev(t, folder)
	c = connect(t, url)
	again := finish(t, c, a.ID)
	lines, err := c.Logs(t.Context(), a.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	resumed := slices.ContainsFunc(lines, func(l client.LogLine) bool { return strings.Contains(l.Message, "goes on after") })
	if again.Attempt != 2 || !resumed {
		t.Errorf("attempt %d succeeded, want 2; that it went on with trees was said: %v in %v", again.Attempt, resumed, lines)
	}
	b, err := c.Train(t.Context(), boosting(data), "")
	if err != nil {
		t.Fatal(err)
	}
	var killed, whole trained
	if err := errors.Join(json.Unmarshal(again.Result, &killed), json.Unmarshal(finish(t, c, b.ID).Result, &whole)); err != nil {
		t.Fatal(err)
	}
	if killed.SHA256 == "" || killed.SHA256 != whole.SHA256 {
		t.Errorf("the model of the killed training is %q, of an uninterrupted one %q", killed.SHA256, whole.SHA256)
	}
}

// finish waits for a job to succeed.
func finish(t *testing.T, c *client.Client, id string) *client.Job {
	t.Helper()
	j, err := c.Wait(t.Context(), id, nil)
	if err != nil {
		t.Fatal(err)
	}
	if j.State != client.Succeeded {
		t.Fatalf("the job is %s: %+v", j.State, j)
	}
	return j
}
