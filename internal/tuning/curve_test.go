package tuning_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/tuning"
	"github.com/narrativeml/narrative/ml/automl"
	"github.com/narrativeml/narrative/ml/search"
)

// table is a CSV file of numbers, by column.
func table(t *testing.T, text []byte) (header []string, columns map[string][]float64) {
	t.Helper()
	records, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil || len(records) < 2 {
		t.Fatalf("%d records, %v", len(records), err)
	}
	columns = map[string][]float64{}
	for _, record := range records[1:] {
		for i, field := range record {
			v, err := strconv.ParseFloat(field, 64)
			if err != nil {
				t.Fatal(err)
			}
			columns[records[0][i]] = append(columns[records[0][i]], v)
		}
	}
	return records[0], columns
}

func reference(t *testing.T, name string) map[string][]float64 {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	_, columns := table(t, text)
	return columns
}

// many are predictions with more distinct scores than a result shows.
func many(t *testing.T) automl.Predictions {
	t.Helper()
	known := reference(t, "predictions.csv")
	p := automl.Predictions{Labels: known["label"], Width: 2}
	for i, s := range known["score"] {
		p.Rows = append(p.Rows, i)
		p.Outputs = append(p.Outputs, 1-s, s)
	}
	return p
}

// file returns the curve that a tuning wrote.
func (b *bundle) file(t *testing.T, found *tuning.Result) []byte {
	t.Helper()
	text, err := b.files.Get(found.CurveKey)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestTheWholeCurve compares every point of the file with scikit-learn's, which
// testdata/curve.py wrote.
func TestTheWholeCurve(t *testing.T) {
	t.Parallel()
	b := setup(t, many(t))
	req := request()
	req.Objective, req.Beta = search.FBeta, 2
	found, task := b.tune(t, req)
	header, got := table(t, b.file(t, found))
	if want := strings.Split("threshold,tp,fp,tn,fn,precision,recall,specificity,accuracy,f1,score", ","); !slices.Equal(header, want) {
		t.Errorf("the columns are %q", header)
	}
	want := reference(t, "curve.csv")
	n := len(want["threshold"])
	if len(got["threshold"]) != n || found.CurvePoints != n || found.CurveShown != tuning.MaxShown || len(found.Curve) != tuning.MaxShown {
		t.Fatalf("%d points in the file; the result says %d and shows %d, %d; scikit-learn has %d",
			len(got["threshold"]), found.CurvePoints, found.CurveShown, len(found.Curve), n)
	}
	positives, negatives := want["tp"][n-1], want["fp"][n-1]
	for i := range n {
		tp, fp := want["tp"][i], want["fp"][i]
		for name, right := range map[string]float64{
			"threshold": want["threshold"][i], "tp": tp, "fp": fp, "tn": negatives - fp, "fn": positives - tp,
		} {
			if got[name][i] != right {
				t.Fatalf("point %d: %s is %v, want %v", i, name, got[name][i], right)
			}
		}
		for name, right := range map[string]float64{
			"precision": want["precision"][i], "recall": want["recall"][i], "specificity": want["specificity"][i],
			"accuracy": (tp + negatives - fp) / (positives + negatives),
			"f1":       2 * tp / (tp + fp + positives), "score": 5 * tp / (tp + fp + 4*positives),
		} {
			if math.Abs(got[name][i]-right) > 1e-12 {
				t.Fatalf("point %d: %s is %v, want %v", i, name, got[name][i], right)
			}
		}
	}
	best := slices.Index(got["threshold"], found.Threshold)
	if best < 0 || got["score"][best] != found.Score || slices.Max(got["score"]) != found.Score {
		t.Errorf("the file's best is %v, the result's %v", slices.Max(got["score"]), found.Score)
	}
	for i, p := range found.Curve {
		if at := slices.Index(got["threshold"], p.Threshold); at < 0 || got["score"][at] != p.Score || int(got["fn"][at]) != p.FN {
			t.Fatalf("point %d of the result is not in the file: %+v", i, p)
		}
	}
	if lines := task.Report.Lines(); len(lines) != 1 || !strings.Contains(lines[0], strconv.Itoa(n)) {
		t.Errorf("the log says %q", lines)
	}
	if b, err := json.Marshal(found); err != nil || len(b) > 1<<20 {
		t.Errorf("the result takes %d bytes, %v", len(b), err)
	}
}

func TestASmallCurveIsShownWhole(t *testing.T) {
	t.Parallel()
	b := setup(t, known())
	found, task := b.tune(t, request())
	const want = "threshold,tp,fp,tn,fn,precision,recall,specificity,accuracy,f1,score\n" +
		"0.95,1,0,6,3,1,0.25,1,0.7,0.4,0.4\n"
	text := string(b.file(t, found))
	if !strings.HasPrefix(text, want) || strings.Count(text, "\n") != 11 || found.CurvePoints != 10 || found.CurveShown != 10 || len(task.Report.Lines()) != 0 {
		t.Errorf("%d of %d points, the log says %q, the file is\n%s", found.CurveShown, found.CurvePoints, task.Report.Lines(), text)
	}
	if found.CurveKey != task.Prefix+"curve.csv" || found.Files()["curve"] != found.CurveKey || !slices.Equal(found.OwnFiles(), []string{"curve"}) {
		t.Errorf("files %v, own %v", found.Files(), found.OwnFiles())
	}
}

// The same tuning writes the same bytes, whatever the order in which equal
// scores were predicted.
func TestTheCurveIsTheSameBytes(t *testing.T) {
	t.Parallel()
	forward, backward := many(t), many(t)
	slices.Reverse(backward.Labels)
	for i, n := 0, len(backward.Labels); i < n; i++ {
		copy(backward.Outputs[2*i:2*i+2], forward.Outputs[2*(n-1-i):2*(n-i)])
	}
	var first []byte
	for i, p := range []automl.Predictions{forward, forward, backward} {
		b := setup(t, p)
		found, _ := b.tune(t, request())
		text := b.file(t, found)
		if i == 0 {
			first = text
		}
		if !bytes.Equal(text, first) {
			t.Errorf("run %d wrote other bytes", i)
		}
	}
}

func TestTheFileStoreTakesNoCurve(t *testing.T) {
	t.Parallel()
	b := setup(t, many(t))
	down := fault.Unavailable("storage_unavailable", "the file store does not answer")
	b.files.Fail("curve.csv", down)
	task, req := b.submit(t, request())
	if found, err := b.runner.Run(t.Context(), task.Task, req); found != nil || !errors.Is(err, down) {
		t.Errorf("found %+v, %v", found, err)
	}
}

// A result that was committed before there was a file is published all the
// same.
func TestAResultFromBeforeThereWasAFile(t *testing.T) {
	t.Parallel()
	b := setup(t, known())
	task, _ := b.submit(t, request())
	const before = `{"model_id":"mdl_1","method":"threshold","threshold":0.45,"objective":"f1","score":0.8888888888888888,` +
		`"default":{"threshold":0.5},"best":{"threshold":0.45},"curve":[{"threshold":0.45}],"rows":10,"tuned_at":"2024-05-06T07:08:09.123456789Z"}`
	if err := b.runner.Publish(t.Context(), task.Job, json.RawMessage(before)); err != nil {
		t.Fatal(err)
	}
	if got, _ := b.threshold(t); got == nil || got.Value != 0.45 || !got.CreatedAt.Equal(b.now) {
		t.Errorf("threshold %+v", got)
	}
}
