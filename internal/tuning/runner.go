package tuning

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/model"
	"github.com/narrativeml/narrative/ml/automl"
	"github.com/narrativeml/narrative/ml/search"
)

// Thresholds finds models and moves their thresholds.
type Thresholds interface {
	Models
	SetThreshold(ctx context.Context, id string, t model.Threshold) error
}

// Files is where stored predictions are and curves go.
type Files interface {
	Put(ctx context.Context, key, contentType string, r io.Reader) (size int64, err error)
	OpenAt(ctx context.Context, key string) (io.ReaderAt, int64, error)
}

// Result is what a tuning job found.
type Result struct {
	ModelID   string       `json:"model_id"`
	Method    string       `json:"method"`
	Threshold float64      `json:"threshold"`
	Objective string       `json:"objective"`
	Beta      float64      `json:"beta,omitempty"`
	Score     float64      `json:"score"`   // of the objective at the threshold, out of fold
	Default   search.Point `json:"default"` // the same figures at 0.5
	Best      search.Point `json:"best"`
	// Curve is what to draw: CurveShown of the CurvePoints, by falling threshold,
	// at most MaxShown. All of them are in the file at CurveKey.
	Curve       []search.Point `json:"curve"`
	CurveShown  int            `json:"curve_shown"`
	CurvePoints int            `json:"curve_points"` // one for each distinct score
	CurveKey    string         `json:"curve_key"`
	Rows        int            `json:"rows"` // out-of-fold predictions that were used
	TunedAt     time.Time      `json:"tuned_at"`
}

// MaxShown is how many points of the curve a Result holds at most.
const MaxShown = 1000

// fileCurve is the name of the curve's file.
const fileCurve = "curve"

// Files names what the job's owner may download.
func (r *Result) Files() map[string]string { return map[string]string{fileCurve: r.CurveKey} }

// OwnFiles names the files that the model does not take over: it needs its
// threshold only.
func (*Result) OwnFiles() []string { return []string{fileCurve} }

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
	known, scores, err := r.predictions(ctx, m)
	if err != nil {
		return nil, err
	}
	rows := int64(len(scores))
	t.Report.Progress("search", 0.5, rows, rows)
	curve, err := search.Thresholds(req.Objective, req.Beta, known.Labels, scores, known.Weights...)
	if err != nil {
		return nil, model.Invalid(err)
	}
	before, err := search.At(req.Objective, req.Beta, known.Labels, scores, defaultThreshold, known.Weights...)
	if err != nil {
		return nil, model.Invalid(err)
	}
	t.Report.Progress("write the curve", 0.8, rows, rows)
	key := t.Prefix + "curve.csv"
	if err := r.store(ctx, key, curve.Points); err != nil {
		return nil, fmt.Errorf("store the curve of model %s: %w", m.ID, err)
	}
	shown := curve.Thin(MaxShown)
	if len(shown) < len(curve.Points) {
		t.Report.Logf("the curve has %d points; %d of them are in the result, all are in the file %s", len(curve.Points), len(shown), fileCurve)
	}
	t.Report.Progress("done", 1, rows, rows)
	return &Result{
		ModelID: m.ID, Method: req.Method,
		Threshold: curve.Best.Threshold, Objective: req.Objective, Beta: req.Beta, Score: curve.Best.Score,
		Default: before, Best: curve.Best,
		Curve: shown, CurveShown: len(shown), CurvePoints: len(curve.Points), CurveKey: key,
		Rows: len(scores), TunedAt: r.now().UTC(),
	}, nil
}

// predictions returns the model's out-of-fold predictions, whose labels are 0 or
// 1, and of them the probabilities of class 1.
func (r *Runner) predictions(ctx context.Context, m *model.Model) (known *automl.Predictions, scores []float64, err error) {
	file, size, err := r.files.OpenAt(ctx, m.OutOfFoldKey)
	if err != nil {
		return nil, nil, fmt.Errorf("open out-of-fold predictions of model %s: %w", m.ID, err)
	}
	stored, err := model.ReadPredictions(ctx, file, size)
	if err != nil {
		return nil, nil, fmt.Errorf("read out-of-fold predictions of model %s: %w", m.ID, err)
	}
	if stored.Width != 2 {
		return nil, nil, fmt.Errorf("out-of-fold predictions of model %s have %d outputs, a binary model has 2", m.ID, stored.Width)
	}
	scores = make([]float64, len(stored.Labels))
	for i := range scores {
		scores[i] = stored.Outputs[i*stored.Width+1]
	}
	return stored, scores, nil
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
