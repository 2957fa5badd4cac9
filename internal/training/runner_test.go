package training_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/job/jobtest"
	"github.com/narrativeml/narrative/internal/model"
	"github.com/narrativeml/narrative/internal/sample"
	"github.com/narrativeml/narrative/internal/training"
	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/automl"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/metric"
)

// stored reads a file of predictions.
func (b *bundle) stored(t *testing.T, key string) *automl.Predictions {
	t.Helper()
	r, size, err := b.files.OpenAt(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	p, err := model.ReadPredictions(t.Context(), r, size)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestTheBundledDataSets(t *testing.T) {
	t.Parallel()
	for _, set := range sample.Sets() {
		t.Run(set.Name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			_, req := b.sample(t, set.Name)
			made, task := b.train(t, req)

			if made.Task != set.Task || made.Metric != metric.Names(ml.Task(set.Task))[0] || made.Algorithm == "baseline" {
				t.Errorf("task %s by %s, best %s", made.Task, made.Metric, made.Algorithm)
			}
			checkLeaderboard(t, made)
			checkRecord(t, b, set, made, task.Job)
			checkPredictions(t, b, made)
			checkProgress(t, task.Report)
		})
	}
}

func checkLeaderboard(t *testing.T, made *training.Result) {
	t.Helper()
	var names []string
	for i, c := range made.Leaderboard {
		names = append(names, c.Algorithm)
		if i == 0 {
			continue
		}
		before := made.Leaderboard[i-1].CV[made.Metric]
		if better := c.CV[made.Metric] > before; before != c.CV[made.Metric] && better == metric.HigherIsBetter(made.Metric) {
			t.Errorf("%s is behind a worse candidate: %v", c.Algorithm, made.Leaderboard)
		}
	}
	slices.Sort(names)
	if !slices.Equal(names, []string{"baseline", "forest", "gbdt", "linear"}) || made.Leaderboard[0].Algorithm != made.Algorithm {
		t.Errorf("the leaderboard holds %v, the best is %s", names, made.Algorithm)
	}
}

func checkRecord(t *testing.T, b *bundle, set sample.Set, made *training.Result, j *job.Job) {
	t.Helper()
	m := made.Record
	if m.ID != model.IDOf(j.ID) || m.ID != made.ModelID || m.Tenant != ann.Tenant || m.User != ann.User || m.JobID != j.ID ||
		m.Target != set.Target || m.PositiveClass != set.PositiveClass || m.Seed != 1 || m.Name != set.Target+" of people" || !m.CreatedAt.Equal(b.now) || !m.ExpiresAt.IsZero() {
		t.Errorf("record %+v", m)
	}
	if _, ok := m.Inputs.Lookup(set.Target); ok || len(m.Inputs) == 0 || len(m.Inputs) >= set.Columns {
		t.Errorf("inputs %+v", m.Inputs)
	}
	if int(m.Rows) > set.Rows || m.Rows != made.Rows || m.HoldoutRows != made.HoldoutRows || math.Abs(float64(m.HoldoutRows)/float64(m.Rows)-0.2) > 0.01 {
		t.Errorf("%d rows, %d of them held out", m.Rows, m.HoldoutRows)
	}
	file, err := b.files.Get(m.FileKey)
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(file); hex.EncodeToString(sum[:]) != m.SHA256 || made.SHA256 != m.SHA256 {
		t.Error("the checksum is of another file")
	}
	for name, key := range made.Files() {
		if _, err := b.files.Get(key); err != nil || !strings.HasPrefix(key, j.Prefix()) {
			t.Errorf("file %s: %v", name, err)
		}
	}
	loaded, err := b.models.Load(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	if string(loaded.Task()) != set.Task || loaded.Target() != set.Target || !slices.Equal(loaded.Classes(), m.Classes) {
		t.Errorf("the file holds a %s model of %s with the classes %q", loaded.Task(), loaded.Target(), loaded.Classes())
	}
}

func checkPredictions(t *testing.T, b *bundle, made *training.Result) {
	t.Helper()
	m := made.Record
	seen := map[int]bool{}
	for key, rows := range map[string]int64{m.OutOfFoldKey: m.Rows - m.HoldoutRows, m.HoldoutKey: m.HoldoutRows} {
		p := b.stored(t, key)
		if int64(len(p.Rows)) != rows || !slices.IsSorted(p.Rows) {
			t.Errorf("%s has %d rows, want %d in order", key, len(p.Rows), rows)
		}
		for _, row := range p.Rows {
			if seen[row] || row < 0 {
				t.Fatalf("row %d was both trained on and held out, or is there twice", row)
			}
			seen[row] = true
		}
	}
	p := b.stored(t, m.HoldoutKey)
	for name, want := range made.Leaderboard[0].Holdout {
		got, err := metric.Score(name, ml.Target{Task: ml.Task(m.Task), Values: p.Labels, Classes: m.Classes}, p.Outputs)
		if err != nil || math.Abs(got-want) > 1e-12*max(1, math.Abs(want)) {
			t.Errorf("%s of the stored predictions is %v, %v; the leaderboard says %v", name, got, err, want)
		}
	}
}

func checkProgress(t *testing.T, report *jobtest.Report) {
	t.Helper()
	steps := report.Steps()
	for i, s := range steps {
		if s.Fraction < 0 || s.Fraction > 1 || i > 0 && s.Fraction < steps[i-1].Fraction {
			t.Fatalf("progress %+v after %+v", s, steps[max(i-1, 0)])
		}
	}
	if len(steps) < 12 || steps[0].Stage != "load" || steps[len(steps)-1].Stage != "done" {
		t.Errorf("progress %+v", steps)
	}
	if lines := strings.Join(report.Lines(), "\n"); !strings.Contains(lines, "fold 3 of 3") {
		t.Errorf("lines\n%s", lines)
	}
}

func TestThreadsDoNotChangeTheModel(t *testing.T) {
	t.Parallel()
	for _, set := range sample.Sets() {
		t.Run(set.Name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			_, req := b.sample(t, set.Name)
			req.Folds, req.Trees, req.Seed = 2, 15, 42
			var sums []string
			for _, threads := range []int{1, 4} {
				b.config.Threads = threads
				made, _ := b.train(t, req)
				if made.Record.Seed != 42 {
					t.Errorf("seed %d", made.Record.Seed)
				}
				sums = append(sums, made.SHA256)
			}
			if sums[0] != sums[1] {
				t.Errorf("1 thread gives %s, 4 threads give %s", sums[0], sums[1])
			}
		})
	}
}

// comparableModel is a result without what may differ from attempt to attempt.
func comparableModel(t *testing.T, made *training.Result) string {
	t.Helper()
	c, m := *made, *made.Record
	m.FileKey, m.OutOfFoldKey, m.HoldoutKey = "", "", ""
	c.Record = &m
	return string(encode(t, c))
}

func TestAResumedTrainingGivesTheSameModel(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, req := b.sample(t, "penguins")
	want, whole := b.train(t, req)
	all := whole.Saved.Saves()
	if all < 9 {
		t.Fatalf("%d checkpoints of a training in 3 folds", all)
	}
	for n := 1; n <= all; n++ {
		// The first attempt stops after n checkpoints, by drain or by death.
		j := *whole.Job
		saved := jobtest.NewCheckpoints()
		first := jobtest.NewTask(&j, saved)
		ctx, die := context.WithCancel(t.Context())
		stop := die
		verdict := context.Canceled
		if n%2 == 0 {
			stop, verdict = first.Drain, job.Drained
		}
		saved.OnSave(func(saves int) {
			if saves == n {
				stop()
			}
		})
		if n < all || n%2 == 1 { // a drain after the last one may come too late
			if made, err := b.run(ctx, first); err == nil && n < all-1 || err != nil && !errors.Is(err, verdict) {
				t.Fatalf("stopped after %d checkpoints: %+v, %v", n, made, err)
			}
		}
		die()
		saved.OnSave(func(int) {})
		j.Epoch = 2
		second := jobtest.NewTask(&j, saved)
		got, err := b.run(t.Context(), second)
		if err != nil {
			t.Fatal(err)
		}
		if comparableModel(t, got) != comparableModel(t, want) {
			t.Errorf("after %d checkpoints\n%s\nwant\n%s", n, comparableModel(t, got), comparableModel(t, want))
		}
		if found := saved.Found(); n < all && found < n {
			t.Errorf("%d of %d checkpoints were found again", found, n)
		}
		if !strings.HasPrefix(got.Record.FileKey, "jobs/"+j.ID+"/2/") {
			t.Errorf("the second attempt wrote %s", got.Record.FileKey)
		}
	}
}

// waiting loads no table before the end of its context.
type waiting struct{ *dataset.Service }

func (waiting) Frame(ctx context.Context, _ *dataset.Dataset, _ []string) (*frame.Frame, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// slow ends no write before its context.
type slow struct{ started chan struct{} }

func (f slow) Open(context.Context, string) (io.ReadCloser, error) { return nil, io.EOF }

func (f slow) Put(ctx context.Context, _, _ string, _ io.Reader) (int64, error) {
	close(f.started)
	<-ctx.Done()
	return 0, ctx.Err()
}

func TestDrain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, req := b.sample(t, "penguins")
	req.Algorithms = []string{"baseline"}
	j := b.submit(t, req)

	early := jobtest.NewTask(j, nil)
	early.Drain()
	b.config.Tables = waiting{b.datasets}
	if _, err := b.run(t.Context(), early); !errors.Is(err, job.Drained) {
		t.Errorf("drained at the beginning: %v", err)
	}

	// Also a drain in the middle of a write is one, not a failure.
	files := slow{make(chan struct{})}
	b.config.Tables, b.config.Files = b.datasets, files
	late := jobtest.NewTask(j, nil)
	go func() {
		<-files.started
		late.Drain()
	}()
	if _, err := b.run(t.Context(), late); !errors.Is(err, job.Drained) {
		t.Errorf("drained while saving: %v", err)
	}
	if keys := b.files.Keys(j.Prefix()); len(keys) > 0 {
		t.Errorf("files %q", keys)
	}
}

func TestPublish(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, req := b.sample(t, "penguins")
	req.Name, req.Algorithms, req.Exclude = "birds", []string{"linear"}, []string{"island", "year"}
	b.config.Retention = time.Hour
	var told []training.Trained
	b.config.Observe = func(tr training.Trained) { told = append(told, tr) }
	made, task := b.train(t, req)
	if len(told) != 1 || told[0].Task != "multiclass" || told[0].Rows != made.Rows || len(told[0].Fits) != 1 {
		t.Errorf("observed %+v", told)
	}
	runner := training.NewRunner(b.config)
	result := encode(t, made)
	for range 2 {
		if err := runner.Publish(t.Context(), task.Job, result); err != nil {
			t.Fatal(err)
		}
	}
	m, err := b.models.Get(t.Context(), ann.Tenant, made.ModelID)
	if err != nil {
		t.Fatal(err)
	}
	if m.Revision != 1 || m.Name != "birds" || !m.ExpiresAt.Equal(b.now.Add(time.Hour)) || len(m.Leaderboard) != 1 {
		t.Errorf("published %+v", m)
	}
	for _, name := range []string{"island", "year"} {
		if _, ok := m.Inputs.Lookup(name); ok {
			t.Errorf("the model reads column %s, which was left out", name)
		}
	}
	m.Meta, made.Record.Meta = made.Record.Meta, m.Meta // identifiers and revisions are not in the JSON
	if !bytes.Equal(encode(t, m), encode(t, made.Record)) {
		t.Errorf("published %+v, trained %+v", m, made.Record)
	}
	for _, broken := range []string{`{`, `{"model_id":"mdl_1"}`} {
		if err := runner.Publish(t.Context(), task.Job, json.RawMessage(broken)); err == nil {
			t.Errorf("published %s", broken)
		}
	}
}

func TestResultShape(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, req := b.sample(t, "penguins")
	req.Algorithms = []string{"baseline"}
	made, _ := b.train(t, req)
	var back training.Result
	if err := json.Unmarshal(encode(t, made), &back); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(encode(t, back), encode(t, made)) {
		t.Errorf("result %+v, decoded %+v", made, back)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(encode(t, made), &members); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"model_id", "task", "algorithm", "metric", "leaderboard", "rows", "holdout_rows", "notes", "sha256", "record"} {
		if _, ok := members[name]; !ok {
			t.Errorf("no member %s in %s", name, encode(t, made))
		}
	}
}

func TestRequestReachesTheTraining(t *testing.T) {
	t.Parallel()
	b := setup(t)
	set, req := b.sample(t, "insurance")
	req.Task, req.PositiveClass, req.Metric, req.Encoding = "binary", "yes", "log_loss", "ordinal"
	req.Algorithms, req.Features = []string{"linear"}, []string{"age", "health", "limit"}
	req.Folds, req.TestFraction = 2, 0.5
	made, task := b.train(t, req)
	m := made.Record
	if m.PositiveClass != "yes" || m.PositiveClass == set.PositiveClass || m.Metric != "log_loss" || len(m.Inputs) != 3 || m.HoldoutRows*2 != m.Rows {
		t.Errorf("record %+v", m)
	}
	if saves := task.Saved.Saves(); saves != 3 {
		t.Errorf("%d fits, want 2 folds and the last one", saves)
	}
}

func TestFailuresOfParts(t *testing.T) {
	t.Parallel()
	down := fault.Unavailable("storage_unavailable", "the file store does not answer")
	for _, ending := range []string{"table.parquet", "model.bin", "out_of_fold.parquet", "holdout.parquet"} {
		t.Run(ending, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			_, req := b.sample(t, "penguins")
			req.Algorithms = []string{"baseline"}
			j := b.submit(t, req)
			for _, key := range b.files.Keys("") {
				if strings.HasSuffix(key, ".parquet") && ending == "table.parquet" {
					b.files.Fail(key, down)
				}
			}
			b.files.Fail(ending, down)
			_, err := b.run(t.Context(), jobtest.NewTask(j, nil))
			checkFault(t, err, fault.ClassUnavailable, "storage_unavailable", "")
		})
	}
	t.Run("gone", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		_, req := b.sample(t, "penguins")
		j := b.submit(t, req)
		j.State = job.Succeeded // nothing is in the way of the deletion
		if err := b.datasets.Delete(t.Context(), ann.Tenant, req.DatasetID); err != nil {
			t.Fatal(err)
		}
		_, err := b.run(t.Context(), jobtest.NewTask(j, nil))
		checkFault(t, err, fault.ClassNotFound, "dataset_not_found", "")
	})
}

func TestIdempotency(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, req := b.sample(t, "penguins")
	first, created, err := b.Submit(t.Context(), ann, req, "k")
	if err != nil || !created {
		t.Fatalf("created %v, %v", created, err)
	}
	again, created, err := b.Submit(t.Context(), ann, req, "k")
	if err != nil || created || again.ID != first.ID {
		t.Errorf("the second time: %+v, created %v, %v", again, created, err)
	}
	if first.Kind != "training" || first.Pool != "training" || first.Subject != req.DatasetID || first.Version != 1 || first.User != "ann" {
		t.Errorf("job %+v", first)
	}
	b.line.Fail(fault.Unavailable("store_unavailable", "the store does not answer"))
	if _, _, err := b.Submit(t.Context(), ann, req, "l"); fault.CodeOf(err) != "store_unavailable" {
		t.Errorf("error %v", err)
	}
}
