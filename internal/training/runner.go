package training

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/model"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/artifact"
	"github.com/narrativeml/narrative/ml/automl"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/pipeline"
)

// Tables loads data sets.
type Tables interface {
	Datasets
	// Use notes that a model was made of a version, whose files are kept then.
	Use(ctx context.Context, tenant, id string, number int, by string) error
	// Frame returns the named columns of the data set's typed table.
	Frame(ctx context.Context, d *dataset.Dataset, columns []string) (*frame.Frame, error)
	// Lineage says what made a version: the one that was read from the file, and
	// those that recipes made of it, the oldest first.
	Lineage(ctx context.Context, tenant, id string, number int) (root *dataset.Revision, made []*dataset.Revision, err error)
}

// Models makes the records of models.
type Models interface {
	Publish(ctx context.Context, m *model.Model) error
}

// Files keeps what a training makes.
type Files interface {
	Put(ctx context.Context, key, contentType string, r io.Reader) (size int64, err error)
	Open(ctx context.Context, key string) (io.ReadCloser, error)
}

// Trained is what an Observer is told about one training.
type Trained struct {
	Task string
	Rows int64
	Took time.Duration
	Fits map[string]time.Duration // algorithm → time of all its fits
}

// Result is what a training job made.
type Result struct {
	ModelID     string            `json:"model_id"`
	Task        string            `json:"task"`
	Algorithm   string            `json:"algorithm"`
	Metric      string            `json:"metric"`
	Leaderboard []model.Candidate `json:"leaderboard"`
	Rows        int64             `json:"rows"`
	HoldoutRows int64             `json:"holdout_rows"`
	Notes       []string          `json:"notes,omitempty"` // what was left out or decided on the way
	SHA256      string            `json:"sha256"`          // of the model file

	Record *model.Model `json:"record"` // what is published; not shown to clients
}

// Files names what the job's owner may download.
func (r *Result) Files() map[string]string {
	return map[string]string{
		"model":       r.Record.FileKey,
		"out_of_fold": r.Record.OutOfFoldKey,
		"holdout":     r.Record.HoldoutKey,
	}
}

// Runner runs training jobs.
type Runner struct {
	tables    Tables
	models    Models
	files     Files
	threads   int
	foldRows  int64
	budget    int64
	retention time.Duration
	observe   func(Trained)
	now       func() time.Time
}

// RunnerConfig is what a Runner needs.
type RunnerConfig struct {
	Tables    Tables
	Models    Models
	Files     Files
	Threads   int              // of one training; 0 means all
	FoldRows  int64            // from which on the fits of a cross-validation are jobs of their own; 0: only when asked
	Budget    int64            // bytes that a step of a recipe may hold; 0: the default
	Retention time.Duration    // after which a model expires; 0 means never
	Observe   func(Trained)    // may be nil
	Now       func() time.Time // default time.Now
}

// NewRunner returns a Runner.
func NewRunner(c RunnerConfig) *Runner {
	r := &Runner{tables: c.Tables, models: c.Models, files: c.Files, threads: c.Threads, foldRows: c.FoldRows, budget: c.Budget, retention: c.Retention, observe: c.Observe, now: c.Now}
	if r.observe == nil {
		r.observe = func(Trained) {}
	}
	if r.now == nil {
		r.now = time.Now
	}
	return r
}

// The shares of a training's progress.
const (
	loadedAt  = 0.05
	trainedAt = 0.97
)

// Run trains once. What it has finished when it is interrupted is found again
// by the next attempt, which ends with the same model file.
func (r *Runner) Run(ctx context.Context, t *job.Task, req Request) (*Result, error) {
	started := r.now()
	d, err := r.tables.Fixed(ctx, t.Job.Tenant, req.DatasetID, req.Version)
	if err != nil {
		return nil, err
	}
	if err := check(d, req); err != nil {
		return nil, err
	}
	if t.Job.Family == nil && r.divides(d, req) {
		return nil, divide(d, req)
	}
	var trained *trained
	var record *model.Model
	err = t.UntilDrained(ctx, func(ctx context.Context) error {
		if trained, err = r.train(ctx, t, d, req); err != nil {
			return err
		}
		t.Report.Progress("save", trainedAt, d.Version.Rows, d.Version.Rows)
		record, err = r.save(ctx, t, r.record(t.Job, d, req, trained), trained)
		return err
	})
	if err != nil {
		return nil, err
	}
	t.Report.Progress("done", 1, d.Version.Rows, d.Version.Rows)
	fits := make(map[string]time.Duration, len(record.Leaderboard))
	for _, c := range record.Leaderboard {
		fits[c.Algorithm] = time.Duration(c.FitSeconds * float64(time.Second))
	}
	r.observe(Trained{Task: record.Task, Rows: record.Rows, Took: r.now().Sub(started), Fits: fits})
	return &Result{
		ModelID: record.ID, Task: record.Task, Algorithm: record.Algorithm, Metric: record.Metric,
		Leaderboard: record.Leaderboard, Rows: record.Rows, HoldoutRows: record.HoldoutRows,
		Notes: trained.Notes, SHA256: record.SHA256, Record: record,
	}, nil
}

// train loads the table and learns from it.
func (r *Runner) train(ctx context.Context, t *job.Task, d *dataset.Dataset, req Request) (*trained, error) {
	p, err := r.params(ctx, d, req)
	if err != nil {
		return nil, err
	}
	from, err := r.lineage(ctx, d, p)
	if err != nil {
		return nil, err
	}
	t.Report.Progress("load", 0, 0, d.Version.Rows)
	table, err := r.tables.Frame(ctx, d, columns(p))
	if err != nil {
		return nil, fmt.Errorf("load data set %s: %w", d.ID, err)
	}
	t.Report.Progress("load", loadedAt, d.Version.Rows, d.Version.Rows)
	saved, err := r.saved(ctx, t)
	if err != nil {
		return nil, err
	}
	found, err := automl.Train(ctx, p, table, automl.Options{
		Recorder:   recorder(t.Report, d.Version.Rows),
		Checkpoint: saved,
		Threads:    r.threads,
		Now:        r.now,
	})
	if err != nil {
		return nil, invalid(d, p.Recipe, err)
	}
	made, err := from.carry(d, p, found)
	if err != nil {
		return nil, err
	}
	for _, note := range made.Notes {
		t.Report.Logf("%s", note)
	}
	return made, nil
}

// Publish makes the model's record from the committed result.
func (r *Runner) Publish(ctx context.Context, j *job.Job, result json.RawMessage) error {
	var made Result
	if err := json.Unmarshal(result, &made); err != nil {
		return fmt.Errorf("decode result of job %s: %w", j.ID, err)
	}
	if made.Record == nil {
		return fmt.Errorf("result of job %s holds no model", j.ID)
	}
	made.Record.Meta = store.Meta{ID: model.IDOf(j.ID)}
	if m := made.Record; m.DatasetVersion > 1 {
		err := r.tables.Use(ctx, m.Tenant, m.DatasetID, m.DatasetVersion, m.ID)
		if err != nil && fault.ClassOf(err) != fault.ClassNotFound { // the data set may be deleted meanwhile
			return fmt.Errorf("keep version %d of data set %s: %w", m.DatasetVersion, m.DatasetID, err)
		}
	}
	return r.models.Publish(ctx, made.Record)
}

// record describes the trained model; save adds where its files are.
func (r *Runner) record(j *job.Job, d *dataset.Dataset, req Request, trained *trained) *model.Model {
	schema := d.Version.Schema
	m := &model.Model{
		Meta:   store.Meta{ID: model.IDOf(j.ID)},
		Tenant: j.Tenant, User: j.User, Name: req.Name,
		DatasetID: d.ID, DatasetVersion: max(d.Version.Number, 1), JobID: j.ID,
		Task: string(trained.Task), Target: req.Target, Classes: trained.Model.Classes(),
		Inputs: trained.inputs, Prepared: trained.prepared, Recipe: trained.recipe,
		Algorithm: trained.Model.Algorithm(), Metric: trained.Metric,
		Leaderboard: leaderboard(trained.Leaderboard),
		Rows:        int64(len(trained.TrainRows) + len(trained.HoldoutRows)),
		HoldoutRows: int64(len(trained.HoldoutRows)),
		Seed:        params(req, schema).Seed,
		CreatedAt:   r.now().UTC(),
	}
	if r.retention > 0 {
		m.ExpiresAt = m.CreatedAt.Add(r.retention)
	}
	if m.Name == "" {
		m.Name = fmt.Sprintf("%s of %s", req.Target, d.Name)
	}
	if trained.Task == ml.Binary {
		m.PositiveClass = m.Classes[1]
	}
	return m
}

// save writes the files of the trained model and notes them on its record.
func (r *Runner) save(ctx context.Context, t *job.Task, m *model.Model, trained *trained) (*model.Model, error) {
	m.FileKey = t.Prefix + "model.bin"
	m.OutOfFoldKey, m.HoldoutKey = t.Prefix+"out_of_fold.parquet", t.Prefix+"holdout.parquet"
	var err error
	if m.SHA256, err = r.put(ctx, m.FileKey, trained.Model); err != nil {
		return nil, fmt.Errorf("store model file: %w", err)
	}
	for _, part := range []struct {
		key string
		p   automl.Predictions
	}{{m.OutOfFoldKey, trained.OutOfFold}, {m.HoldoutKey, trained.Holdout}} {
		var b bytes.Buffer
		if err := model.WritePredictions(&b, part.p); err != nil {
			return nil, fmt.Errorf("encode %s: %w", part.key, err)
		}
		if _, err := r.files.Put(ctx, part.key, "application/vnd.apache.parquet", &b); err != nil {
			return nil, fmt.Errorf("store %s: %w", part.key, err)
		}
	}
	return m, nil
}

// put writes the file of a model as it is encoded and returns its SHA-256.
func (r *Runner) put(ctx context.Context, key string, m *pipeline.Model) (string, error) {
	sum := sha256.New()
	from, to := io.Pipe()
	var encoding sync.WaitGroup
	encoding.Go(func() { _ = to.CloseWithError(artifact.Write(io.MultiWriter(sum, to), m)) }) // it never fails
	_, err := r.files.Put(ctx, key, "application/octet-stream", from)
	_ = from.Close() // nobody reads on
	encoding.Wait()
	return hex.EncodeToString(sum.Sum(nil)), err
}

// inputs are the columns of the data set that the model reads.
func inputs(m *pipeline.Model, schema tabular.Schema) tabular.Schema {
	var out tabular.Schema
	for _, in := range m.Inputs() {
		if f, ok := schema.Lookup(in.Name); ok {
			out = append(out, f)
		}
	}
	return out
}

func leaderboard(entries []automl.Entry) []model.Candidate {
	out := make([]model.Candidate, len(entries))
	for i, e := range entries {
		out[i] = model.Candidate{Algorithm: e.Algorithm, CV: e.CV, CVStd: e.CVStd, Holdout: e.Holdout, FitSeconds: e.FitSeconds}
	}
	return out
}

// recorder passes progress of the numeric core on, as a share of the job.
func recorder(to job.Reporter, rows int64) ml.Recorder {
	return ml.RecorderFunc(func(p ml.Progress) {
		to.Progress(p.Stage, min(loadedAt+p.Fraction*(trainedAt-loadedAt), trainedAt), rows, rows) // all are loaded
		if p.Message != "" {
			to.Logf("%s", p.Message)
		}
	})
}
