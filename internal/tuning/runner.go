package tuning

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/model"
	"github.com/narrativeml/narrative/ml/search"
)

// Thresholds finds models and moves their thresholds.
type Thresholds interface {
	Models
	SetThreshold(ctx context.Context, id string, t model.Threshold) error
}

// Files is where stored predictions are.
type Files interface {
	OpenAt(ctx context.Context, key string) (io.ReaderAt, int64, error)
}

// Result is what a tuning job found.
type Result struct {
	ModelID   string         `json:"model_id"`
	Method    string         `json:"method"`
	Threshold float64        `json:"threshold"`
	Objective string         `json:"objective"`
	Beta      float64        `json:"beta,omitempty"`
	Score     float64        `json:"score"`   // of the objective at the threshold, out of fold
	Default   search.Point   `json:"default"` // the same figures at 0.5
	Best      search.Point   `json:"best"`
	Curve     []search.Point `json:"curve"` // by falling threshold
	Rows      int            `json:"rows"`  // out-of-fold predictions that were used
	TunedAt   time.Time      `json:"tuned_at"`
}

// Runner runs tuning jobs.
type Runner struct {
	models Thresholds
	files  Files
	now    func() time.Time
}

// NewRunner returns a Runner; now is time.Now when nil.
func NewRunner(models Thresholds, files Files, now func() time.Time) *Runner {
	if now == nil {
		now = time.Now
	}
	return &Runner{models: models, files: files, now: now}
}

const defaultThreshold = 0.5

// Run tunes once.
func (r *Runner) Run(ctx context.Context, t *job.Task, req Request) (*Result, error) {
	m, err := r.models.Get(ctx, t.Job.Tenant, req.ModelID)
	if err != nil {
		return nil, err
	}
	if err := binary(m); err != nil {
		return nil, err
	}
	t.Report.Progress("load out-of-fold predictions", 0, 0, 0)
	file, size, err := r.files.OpenAt(ctx, m.OutOfFoldKey)
	if err != nil {
		return nil, fmt.Errorf("open out-of-fold predictions of model %s: %w", m.ID, err)
	}
	stored, err := model.ReadPredictions(ctx, file, size)
	if err != nil {
		return nil, fmt.Errorf("read out-of-fold predictions of model %s: %w", m.ID, err)
	}
	if stored.Width != 2 {
		return nil, fmt.Errorf("out-of-fold predictions of model %s have %d outputs, a binary model has 2", m.ID, stored.Width)
	}
	scores := make([]float64, len(stored.Labels))
	for i := range scores {
		scores[i] = stored.Outputs[i*stored.Width+1]
	}
	t.Report.Progress("search", 0.5, int64(len(scores)), int64(len(scores)))
	curve, err := search.Thresholds(req.Objective, req.Beta, stored.Labels, scores)
	if err != nil {
		return nil, model.Invalid(err)
	}
	before, err := search.At(req.Objective, req.Beta, stored.Labels, scores, defaultThreshold)
	if err != nil {
		return nil, model.Invalid(err)
	}
	t.Report.Progress("done", 1, int64(len(scores)), int64(len(scores)))
	return &Result{
		ModelID: m.ID, Method: req.Method,
		Threshold: curve.Best.Threshold, Objective: req.Objective, Beta: req.Beta, Score: curve.Best.Score,
		Default: before, Best: curve.Best, Curve: curve.Points,
		Rows: len(scores), TunedAt: r.now().UTC(),
	}, nil
}

// Publish moves the model's threshold to what was found.
func (r *Runner) Publish(ctx context.Context, j *job.Job, result json.RawMessage) error {
	var found Result
	if err := json.Unmarshal(result, &found); err != nil {
		return fmt.Errorf("decode result of job %s: %w", j.ID, err)
	}
	return r.models.SetThreshold(ctx, found.ModelID, model.Threshold{
		Value: found.Threshold, Objective: found.Objective, Beta: found.Beta, Score: found.Score,
		JobID: j.ID, CreatedAt: found.TunedAt,
	})
}
