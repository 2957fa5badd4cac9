package training

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/automl"
)

// FoldKind declares the job that makes one fit of a cross-validation.
func FoldKind() job.Kind {
	return job.Kind{Name: "training_fold", Pool: "training", Version: 3, Timeout: 24 * time.Hour, MaxFailures: 3, MaxCrashes: 5}
}

// FoldRequest is the payload of such a job.
type FoldRequest struct {
	Request
	Fit string `json:"fit"` // its name, as automl.Folds gives it
}

// FoldResult is what such a job made.
type FoldResult struct {
	Fit    string `json:"fit"`
	FitKey string `json:"fit_key"` // the fit as automl keeps it
}

// Files names what the job keeps until its parent has ended.
func (r *FoldResult) Files() map[string]string { return map[string]string{"fit": r.FitKey} }

// foldsUntil is the share of a training's progress at which its
// cross-validation is done, when that is divided.
const foldsUntil = 0.8

// divides reports whether the fits of the cross-validation are to be made by
// jobs of their own.
func (r *Runner) divides(d *dataset.Dataset, req Request) bool {
	return req.FoldsAsJobs || r.foldRows > 0 && d.Version.Rows >= r.foldRows
}

// divide returns the verdict that has the fits made by jobs of their own.
func divide(d *dataset.Dataset, req Request) error {
	kind := FoldKind()
	switch {
	case len(req.Steps) > 0:
	case req.Version > 1:
		kind.Version = 2 // workers that know no recipes can do it
	default:
		kind.Version = 1 // those that know no versions, too
	}
	p := params(req, d.Version.Schema)
	req.FoldsAsJobs = false
	fan := job.Fan{Until: foldsUntil}
	for _, f := range automl.Folds(p) {
		fan.Children = append(fan.Children, job.ChildSpec{
			Name: f.Name, Kind: kind, Weight: f.Effort, Payload: FoldRequest{Request: req, Fit: f.Name}, Memory: needs(d.Version, req),
		})
	}
	return job.FanOut(fan)
}

// RunFold makes one fit of a cross-validation.
func (r *Runner) RunFold(ctx context.Context, t *job.Task, req FoldRequest) (*FoldResult, error) {
	d, err := r.tables.Fixed(ctx, t.Job.Tenant, req.DatasetID, req.Version)
	if err != nil {
		return nil, err
	}
	if err := check(d, req.Request); err != nil {
		return nil, err
	}
	fit := &fitted{Checkpoint: t.Saved, name: req.Fit}
	err = t.UntilDrained(ctx, func(ctx context.Context) error {
		p, err := r.params(ctx, d, req.Request)
		if err != nil {
			return err
		}
		t.Report.Progress("load", 0, 0, d.Version.Rows)
		table, err := r.tables.Frame(ctx, d, columns(p))
		if err != nil {
			return fmt.Errorf("load data set %s: %w", d.ID, err)
		}
		err = automl.TrainFold(ctx, p, table, automl.Options{
			Recorder: recorder(t.Report, d.Version.Rows), Checkpoint: fit, Threads: r.threads, Now: r.now,
		}, req.Fit)
		return invalid(d, p.Recipe, err)
	})
	if err != nil {
		return nil, err
	}
	made := &FoldResult{Fit: req.Fit, FitKey: t.Prefix + "fit.bin"}
	if _, err := r.files.Put(ctx, made.FitKey, "application/octet-stream", bytes.NewReader(fit.data)); err != nil {
		return nil, fmt.Errorf("store %s: %w", made.FitKey, err)
	}
	return made, nil
}

// fitted keeps the fit of that name here and all other checkpoints where they
// belong.
type fitted struct {
	job.Checkpoint
	name string
	data []byte
}

var _ ml.Checkpoint = (*fitted)(nil)

// Load implements job.Checkpoint.
func (f *fitted) Load(ctx context.Context, name string) ([]byte, bool, error) {
	if name == f.name {
		return nil, false, nil
	}
	return f.Checkpoint.Load(ctx, name)
}

// Save implements job.Checkpoint.
func (f *fitted) Save(ctx context.Context, name string, data []byte) error {
	if name == f.name {
		f.data = bytes.Clone(data)
		return nil
	}
	return f.Checkpoint.Save(ctx, name, data)
}

// parts finds the fits that the job's children made among its checkpoints.
type parts struct {
	job.Checkpoint
	files Files
	keys  map[string]string // fit → file
}

// saved returns the job's checkpoints, with the fits of its children.
func (r *Runner) saved(ctx context.Context, t *job.Task) (job.Checkpoint, error) {
	if t.Job.Family == nil {
		return t.Saved, nil
	}
	children, err := t.Children(ctx)
	if err != nil {
		return nil, err
	}
	p := &parts{Checkpoint: t.Saved, files: r.files, keys: map[string]string{}}
	for _, c := range children {
		var made FoldResult
		if err := json.Unmarshal(c.Result, &made); err != nil {
			return nil, fmt.Errorf("decode result of job %s: %w", c.ID, err)
		}
		p.keys[made.Fit] = made.FitKey
	}
	return p, nil
}

// Load implements job.Checkpoint.
func (p *parts) Load(ctx context.Context, name string) (data []byte, ok bool, err error) {
	key, ok := p.keys[name]
	if !ok {
		return p.Checkpoint.Load(ctx, name)
	}
	file, err := p.files.Open(ctx, key)
	if err != nil {
		return nil, false, fmt.Errorf("load fit %s: %w", name, err)
	}
	defer file.Close() //nolint:errcheck // only read
	if data, err = io.ReadAll(file); err != nil {
		return nil, false, fmt.Errorf("load fit %s: %w", name, err)
	}
	return data, true, nil
}
