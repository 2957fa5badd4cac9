package prediction_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/model"
	"github.com/narrativeml/narrative/internal/prediction"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
)

// files is a file store in memory.
type files struct {
	mu      sync.Mutex
	objects map[string][]byte
	fail    map[string]error // of Put by the end of the key, after a first read
	source  io.Reader        // replaces what Open reads
	shrink  bool             // files are joined without their last bytes
}

func (f *files) Put(_ context.Context, key, _ string, r io.Reader) (int64, error) {
	for end, err := range f.fail {
		if strings.HasSuffix(key, end) {
			return 0, err
		}
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return 0, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.objects[key] = b
	return int64(len(b)), nil
}

func (f *files) Join(ctx context.Context, key, kind string, parts []string) (int64, error) {
	var readers []io.Reader
	for _, p := range parts {
		b, err := f.get(p)
		if err != nil {
			return 0, err
		}
		if f.shrink {
			b = b[:len(b)-1]
		}
		readers = append(readers, bytes.NewReader(b))
	}
	return f.Put(ctx, key, kind, io.MultiReader(readers...))
}

func (f *files) get(key string) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	b, ok := f.objects[key]
	if !ok {
		return nil, fault.NotFound("file_not_found", "there is no file %s", key)
	}
	return b, nil
}

func (f *files) Open(_ context.Context, key string) (io.ReadCloser, error) {
	if f.source != nil {
		return io.NopCloser(f.source), nil
	}
	b, err := f.get(key)
	return io.NopCloser(bytes.NewReader(b)), err
}

func (f *files) OpenAt(_ context.Context, key string) (io.ReaderAt, int64, error) {
	b, err := f.get(key)
	return bytes.NewReader(b), int64(len(b)), err
}

// jobs keeps the last submission.
type jobs struct{ last job.Submission }

func (s *jobs) Submit(_ context.Context, sub job.Submission) (*job.Job, bool, error) {
	s.last = sub
	payload, err := json.Marshal(sub.Payload)
	return &job.Job{Meta: store.Meta{ID: "job_1"}, Tenant: sub.Tenant, Payload: payload, Epoch: 1}, true, err
}

// records finds one data set and one model, and loads a predictor.
type records struct {
	dataset   *dataset.Dataset
	model     *model.Model
	predictor prediction.Predictor
}

type datasets struct{ *records }

func (d datasets) Input(_ context.Context, tenant, id string, _ int) (*dataset.Dataset, error) {
	if d.dataset.Tenant != tenant || d.dataset.ID != id {
		return nil, fault.NotFound("dataset_not_found", "there is no data set %s", id)
	}
	return d.dataset, nil
}

type models struct{ *records }

func (m models) Get(_ context.Context, tenant, id string) (*model.Model, error) {
	if m.model.Tenant != tenant || m.model.ID != id {
		return nil, fault.NotFound("model_not_found", "there is no model %s", id)
	}
	return m.model, nil
}

func (m models) Load(context.Context, *model.Model) (prediction.Predictor, error) {
	return m.predictor, nil
}

// logistic predicts from x and the word: the logistic function of x, of 0 if
// it is missing, or 0.5 for a word other than "up".
type logistic struct {
	classes []string // none: regression
	stop    func()   // called by every Predict
}

func (l *logistic) Task() ml.Task {
	switch len(l.classes) {
	case 0:
		return ml.Regression
	case 2:
		return ml.Binary
	default:
		return ml.Multiclass
	}
}

func (l *logistic) Classes() []string { return l.classes }

func (l *logistic) Outputs() int { return max(1, len(l.classes)) }

func (l *logistic) Predict(f *frame.Frame, out []float64) error {
	if l.stop != nil {
		l.stop()
	}
	x, ok := f.Column("x")
	if !ok {
		panic("no column x")
	}
	for i := range f.Rows() {
		v := x.Float(i)
		if math.IsNaN(v) {
			v = 0
		}
		p := 1 / (1 + math.Exp(-v))
		switch len(l.classes) {
		case 0:
			out[i] = v
		case 2:
			out[2*i], out[2*i+1] = 1-p, p
		default:
			out[3*i], out[3*i+1], out[3*i+2] = (1-p)/2, p, (1-p)/2
		}
	}
	return nil
}

func (l *logistic) Unseen(f *frame.Frame) map[string]int {
	w, _ := f.Column("word")
	n := 0
	for i := range f.Rows() {
		if !w.Null(i) && w.Text(i) != "up" && w.Text(i) != "down" {
			n++
		}
	}
	return map[string]int{"word": n}
}

// report keeps the last progress and all lines.
type report struct {
	mu        sync.Mutex
	fractions []float64
	lines     []string
	each      func(fraction float64)
}

func (r *report) Progress(_ string, fraction float64, _, _ int64) {
	r.mu.Lock()
	r.fractions = append(r.fractions, fraction)
	each := r.each
	r.mu.Unlock()
	if each != nil {
		each(fraction)
	}
}

func (r *report) Logf(format string, _ ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, format)
}

// bundle is a service and a runner with one data set and one model.
type bundle struct {
	*prediction.Service
	records  *records
	files    *files
	jobs     *jobs
	report   *report
	draining chan struct{}
	limits   tabular.Limits
}

func setup(tb testing.TB, raw []byte) *bundle {
	tb.Helper()
	r := &records{
		dataset: &dataset.Dataset{
			Meta: store.Meta{ID: "ds_1"}, Tenant: "acme", RawKey: "raw", Size: int64(len(raw)), State: dataset.Rejected,
		},
		model: &model.Model{
			Meta: store.Meta{ID: "mdl_1"}, Tenant: "acme", DatasetID: "ds_1", Target: "y", HoldoutKey: "holdout",
			Inputs: tabular.Schema{{Name: "x", Type: tabular.Integer}, {Name: "word", Type: tabular.String}},
		},
		predictor: &logistic{classes: []string{"no", "yes"}},
	}
	b := &bundle{
		records: r, files: &files{objects: map[string][]byte{"raw": raw}}, jobs: &jobs{}, report: &report{},
		draining: make(chan struct{}),
	}
	b.Service = prediction.NewService(b.jobs, datasets{r}, models{r})
	return b
}

func (b *bundle) run(ctx context.Context, req prediction.Request) (*prediction.Result, error) {
	runner := prediction.NewRunner(prediction.RunnerConfig{Files: b.files, Datasets: datasets{b.records}, Models: models{b.records}, Limits: b.limits, Threads: 3})
	j := &job.Job{Meta: store.Meta{ID: "job_1"}, Tenant: "acme", Epoch: 1}
	return runner.Run(ctx, &job.Task{Job: j, Prefix: j.Prefix(), Report: b.report, Draining: b.draining}, req)
}

func checkCode(tb testing.TB, err error, class fault.Class, code string) {
	tb.Helper()
	if fault.CodeOf(err) != code || fault.ClassOf(err) != class {
		tb.Errorf("error = %v, want %s %s", err, class, code)
	}
}

// request asks for everything.
func request() prediction.Request { return prediction.Request{ModelID: "mdl_1", DatasetID: "ds_1"} }
