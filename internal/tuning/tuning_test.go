package tuning_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/job/jobtest"
	"github.com/narrativeml/narrative/internal/model"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/store/memstore"
	"github.com/narrativeml/narrative/internal/tuning"
	"github.com/narrativeml/narrative/ml/automl"
	"github.com/narrativeml/narrative/ml/search"
)

var ann = account.Caller{Tenant: "acme", User: "ann"}

// bundle is a service and a runner with one model of known predictions.
type bundle struct {
	*tuning.Service
	runner *tuning.Runner
	models *model.Service
	line   *jobtest.Line
	files  *jobtest.Files
	now    time.Time
}

const binaryModel, numberModel, outOfFold = "mdl_1", "mdl_2", "jobs/job_1/1/out_of_fold.parquet"

// known are out-of-fold predictions of which every point is easily counted.
func known() automl.Predictions {
	labels := []float64{1, 1, 1, 0, 1, 0, 0, 0, 0, 0}
	scores := []float64{0.95, 0.9, 0.7, 0.6, 0.45, 0.4, 0.3, 0.2, 0.1, 0.05}
	p := automl.Predictions{Labels: labels, Width: 2}
	for i, s := range scores {
		p.Rows = append(p.Rows, 2*i)
		p.Outputs = append(p.Outputs, 1-s, s)
	}
	return p
}

func setup(t *testing.T, predictions automl.Predictions) *bundle {
	t.Helper()
	b := &bundle{line: jobtest.NewLine(), files: jobtest.NewFiles(), now: time.Date(2024, 5, 6, 7, 8, 9, 123456789, time.UTC)}
	now := func() time.Time { return b.now }
	driver := memstore.New()
	if err := driver.Ensure(t.Context(), model.Collections()...); err != nil {
		t.Fatal(err)
	}
	b.models = model.NewService(model.ServiceConfig{Driver: driver, Files: b.files, Jobs: b.line, Now: now})
	b.Service = tuning.NewService(b.line, b.models)
	b.runner = tuning.NewRunner(b.models, b.files, now)
	for _, m := range []*model.Model{
		{Meta: store.Meta{ID: binaryModel}, Tenant: "acme", Task: "binary", Classes: []string{"no", "yes"}, OutOfFoldKey: outOfFold},
		{Meta: store.Meta{ID: numberModel}, Tenant: "acme", Task: "regression", OutOfFoldKey: outOfFold},
	} {
		if err := b.models.Publish(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	var file bytes.Buffer
	if err := model.WritePredictions(&file, predictions); err != nil {
		t.Fatal(err)
	}
	if _, err := b.files.Put(t.Context(), outOfFold, "", &file); err != nil {
		t.Fatal(err)
	}
	return b
}

func request() tuning.Request { return tuning.Request{ModelID: binaryModel, Method: "threshold"} }

// submit submits a request and returns the job and its payload.
func (b *bundle) submit(t *testing.T, req tuning.Request) (*jobtest.Task, tuning.Request) {
	t.Helper()
	j, created, err := b.Submit(t.Context(), ann, req, "")
	if err != nil || !created {
		t.Fatalf("created %v, %v", created, err)
	}
	task := jobtest.NewTask(j, nil)
	var payload tuning.Request
	if err := task.Decode(&payload); err != nil {
		t.Fatal(err)
	}
	return task, payload
}

// tune submits and runs a request.
func (b *bundle) tune(t *testing.T, req tuning.Request) (*tuning.Result, *jobtest.Task) {
	t.Helper()
	task, payload := b.submit(t, req)
	found, err := b.runner.Run(t.Context(), task.Task, payload)
	if err != nil {
		t.Fatal(err)
	}
	return found, task
}

func (b *bundle) publish(t *testing.T, j *job.Job, found *tuning.Result) {
	t.Helper()
	result, err := json.Marshal(found)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.runner.Publish(t.Context(), j, result); err != nil {
		t.Fatal(err)
	}
}

func (b *bundle) threshold(t *testing.T) (*model.Threshold, int64) {
	t.Helper()
	m, err := b.models.Get(t.Context(), "acme", binaryModel)
	if err != nil {
		t.Fatal(err)
	}
	return m.Threshold, m.Revision
}

func checkFault(t *testing.T, err error, class fault.Class, code, location string) {
	t.Helper()
	if fault.CodeOf(err) != code || fault.ClassOf(err) != class {
		t.Fatalf("error = %v, want %s %s", err, class, code)
	}
	if e, _ := fault.As(err); location != "" && (len(e.Fields) != 1 || e.Fields[0].Location != location) {
		t.Errorf("fields %+v, want %s", e.Fields, location)
	}
}

func TestObjectives(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name             string
		objective        string
		beta             float64
		threshold, score float64 // counted by hand on the known predictions
		half             float64 // score of 0.5
	}{
		{"default", "", 0, 0.45, 8.0 / 9, 0.75},                                           // 4 of 4 with 1 false
		{"f1", search.F1, 0, 0.45, 8.0 / 9, 0.75},                                         // precision 4/5, recall 1
		{"fbeta without beta", search.FBeta, 0, 0.45, 8.0 / 9, 0.75},                      // beta 1
		{"fbeta for recall", search.FBeta, 2, 0.45, 5 * 4.0 / (5*4 + 1), 5 * 3.0 / 20},    // 5tp/(5tp+4fn+fp)
		{"fbeta for precision", search.FBeta, 0.5, 0.7, 3.75 / (3.75 + 0.25), 3.75 / 5.0}, // 1.25tp/(1.25tp+.25fn+fp)
		{"youden", search.Youden, 0, 0.45, 5.0 / 6, 3.0/4 + 5.0/6 - 1},
		{"balanced accuracy", search.BalancedAccuracy, 0, 0.45, (1 + 5.0/6) / 2, (3.0/4 + 5.0/6) / 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, known())
			req := request()
			req.Objective, req.Beta = tt.objective, tt.beta
			got, task := b.tune(t, req)
			if got.Threshold != tt.threshold || math.Abs(got.Score-tt.score) > 1e-12 || math.Abs(got.Default.Score-tt.half) > 1e-12 {
				t.Errorf("threshold %v of score %v, at one half %v; want %v, %v, %v", got.Threshold, got.Score, got.Default.Score, tt.threshold, tt.score, tt.half)
			}
			if d := got.Default; d.Threshold != 0.5 || d.TP != 3 || d.FP != 1 || d.FN != 1 || d.TN != 5 || d.Accuracy != 0.8 {
				t.Errorf("the default point is %+v", d)
			}
			if got.ModelID != binaryModel || got.Method != "threshold" || got.Rows != 10 || len(got.Curve) != 10 || got.Best.Threshold != tt.threshold || !got.TunedAt.Equal(b.now) {
				t.Errorf("result %+v", got)
			}
			best := 0.0
			for i, p := range got.Curve {
				best = max(best, p.Score)
				if i > 0 && p.Threshold >= got.Curve[i-1].Threshold {
					t.Errorf("the curve does not fall at %d", i)
				}
			}
			if best != got.Score {
				t.Errorf("the curve reaches %v, the best is %v", best, got.Score)
			}
			steps := task.Report.Steps()
			for i, s := range steps {
				if s.Fraction > 1 || i > 0 && s.Fraction < steps[i-1].Fraction {
					t.Errorf("progress %+v", steps)
				}
			}
		})
	}
}

func TestRefusedBeforeAJobIsSubmitted(t *testing.T) {
	t.Parallel()
	b := setup(t, known())
	bob := account.Caller{Tenant: "rival", User: "bob"}
	for _, tt := range []struct {
		name     string
		caller   account.Caller
		change   func(r *tuning.Request)
		class    fault.Class
		code     string
		location string
	}{
		{"no method", ann, func(r *tuning.Request) { r.Method = "" }, fault.ClassInvalid, "unknown_method", "body.method"},
		{"unknown method", ann, func(r *tuning.Request) { r.Method = "grid" }, fault.ClassInvalid, "unknown_method", "body.method"},
		{"unknown objective", ann, func(r *tuning.Request) { r.Objective = "profit" }, fault.ClassInvalid, "unknown_objective", "body.objective"},
		{"beta without fbeta", ann, func(r *tuning.Request) { r.Beta = 2 }, fault.ClassInvalid, "beta_without_fbeta", "body.beta"},
		{"negative beta", ann, func(r *tuning.Request) { r.Objective, r.Beta = "fbeta", -1 }, fault.ClassInvalid, "invalid_beta", "body.beta"},
		{"no model", ann, func(r *tuning.Request) { r.ModelID = "mdl_0" }, fault.ClassNotFound, "model_not_found", ""},
		{"model of another tenant", bob, func(*tuning.Request) {}, fault.ClassNotFound, "model_not_found", ""},
		{"regression", ann, func(r *tuning.Request) { r.ModelID = numberModel }, fault.ClassInvalid, "model_not_binary", "body.model_id"},
	} {
		req := request()
		tt.change(&req)
		j, created, err := b.Submit(t.Context(), tt.caller, req, "")
		if j != nil || created || len(b.line.Jobs()) > 0 {
			t.Errorf("%s: a job was submitted", tt.name)
		}
		checkFault(t, err, tt.class, tt.code, tt.location)
	}
}

func TestRunRefuses(t *testing.T) {
	t.Parallel()
	one := known()
	for i := range one.Labels {
		one.Labels[i] = 1
	}
	value := automl.Predictions{Rows: []int{1}, Labels: []float64{1}, Outputs: []float64{1}, Width: 1}
	down := fault.Unavailable("storage_unavailable", "the file store does not answer")
	for _, tt := range []struct {
		name        string
		predictions automl.Predictions
		change      func(b *bundle, r *tuning.Request)
		class       fault.Class
		code        string
	}{
		{"one class", one, func(*bundle, *tuning.Request) {}, fault.ClassInvalid, "single_class"},
		{"unknown objective", known(), func(_ *bundle, r *tuning.Request) { r.Objective = "profit" }, fault.ClassInvalid, "unknown_objective"},
		{"model that is gone", known(), func(_ *bundle, r *tuning.Request) { r.ModelID = "mdl_0" }, fault.ClassNotFound, "model_not_found"},
		{"regression", known(), func(_ *bundle, r *tuning.Request) { r.ModelID = numberModel }, fault.ClassInvalid, "model_not_binary"},
		{"predictions of a number", value, func(*bundle, *tuning.Request) {}, fault.ClassInternal, "internal"},
		{"file store away", known(), func(b *bundle, _ *tuning.Request) { b.files.Fail(outOfFold, down) }, fault.ClassUnavailable, "storage_unavailable"},
		{"damaged file", known(), func(b *bundle, _ *tuning.Request) {
			_, err := b.files.Put(t.Context(), outOfFold, "", strings.NewReader("PAR1"))
			if err != nil {
				t.Error(err)
			}
		}, fault.ClassInternal, "predictions_damaged"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, tt.predictions)
			task, req := b.submit(t, request())
			tt.change(b, &req)
			found, err := b.runner.Run(t.Context(), task.Task, req)
			if found != nil || err == nil {
				t.Fatalf("found %+v", found)
			}
			checkFault(t, err, tt.class, tt.code, "")
		})
	}
}

func TestTheThresholdIsPublishedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, known())
	found, task := b.tune(t, request())
	if got, _ := b.threshold(t); got != nil {
		t.Fatalf("a threshold before it was published: %+v", got)
	}
	for range 3 {
		b.publish(t, task.Job, found)
	}
	got, revision := b.threshold(t)
	want := model.Threshold{Value: 0.45, Objective: "f1", Score: found.Score, JobID: task.Job.ID, CreatedAt: b.now}
	if got == nil || *got != want || revision != 2 {
		t.Errorf("threshold %+v at revision %d, want %+v", got, revision, want)
	}
	if err := b.runner.Publish(t.Context(), task.Job, json.RawMessage(`[]`)); err == nil {
		t.Error("published an array")
	}
}

func TestTheLaterOfTwoTuningsHolds(t *testing.T) {
	t.Parallel()
	for _, late := range []bool{false, true} {
		t.Run(fmt.Sprint("the first is published last: ", late), func(t *testing.T) {
			t.Parallel()
			b := setup(t, known())
			first, one := b.tune(t, request())
			b.now = b.now.Add(time.Nanosecond)
			precise := request()
			precise.Objective, precise.Beta = search.FBeta, 0.5
			second, two := b.tune(t, precise)
			if late {
				b.publish(t, two.Job, second)
				b.publish(t, one.Job, first)
			} else {
				b.publish(t, one.Job, first)
				b.publish(t, two.Job, second)
			}
			if got, _ := b.threshold(t); got.JobID != two.Job.ID || got.Value != 0.7 || got.Beta != 0.5 {
				t.Errorf("threshold %+v", got)
			}
		})
	}
}

func TestIdempotency(t *testing.T) {
	t.Parallel()
	b := setup(t, known())
	first, created, err := b.Submit(t.Context(), ann, request(), "k")
	if err != nil || !created || first.Kind != "tuning" || first.Pool != "batch" || first.Subject != binaryModel || first.User != "ann" {
		t.Fatalf("job %+v, created %v, %v", first, created, err)
	}
	if again, created, err := b.Submit(t.Context(), ann, request(), "k"); err != nil || created || again.ID != first.ID {
		t.Errorf("the second time: created %v, %v", created, err)
	}
	down := errors.New("down")
	b.line.Fail(down)
	if _, _, err := b.Submit(t.Context(), ann, request(), ""); !errors.Is(err, down) {
		t.Errorf("error %v", err)
	}
}

// TestWeightsOfTheTraining weighs the false alarm at 0.6 so much that the best
// threshold is above it.
func TestWeightsOfTheTraining(t *testing.T) {
	t.Parallel()
	p := known()
	p.Weights = []float64{1, 1, 1, 20, 1, 1, 1, 1, 1, 1}
	b := setup(t, p)
	got, _ := b.tune(t, request())
	// Precision 1 and recall 3/4 against 4/24 and 1.
	if got.Threshold != 0.7 || math.Abs(got.Score-6.0/7) > 1e-12 || math.Abs(got.Default.Precision-3.0/23) > 1e-12 || got.Default.FP != 1 {
		t.Errorf("threshold %v of score %v, at one half %+v", got.Threshold, got.Score, got.Default)
	}
}
