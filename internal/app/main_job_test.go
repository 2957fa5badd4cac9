package app_test

import (
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/sample"
	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/metric"
)

// reference is what scikit-learn reached on the rows that are held out, with
// the script that measured it: internal/sample/reference.
type reference struct {
	HoldoutSHA256 string             `json:"holdout_sha256"`
	HoldoutRows   int                `json:"holdout_rows"`
	ROCAUC        map[string]float64 `json:"holdout_roc_auc"`
}

func readReference(t *testing.T) reference {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "../sample/reference/reference.json"))
	if err != nil {
		t.Fatal(err)
	}
	var r reference
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// predicted is the downloaded file of a binary prediction.
type predicted struct {
	ids      []int
	labels   []string
	positive []float64 // probability of the positive class
}

func readPredictions(t *testing.T, text, positiveClass string) predicted {
	t.Helper()
	records, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := slices.Index(records[0], "probability_"+positiveClass)
	if column < 0 || records[0][0] != "row_id" || records[0][1] != "prediction" {
		t.Fatalf("the header of the predictions is %q", records[0])
	}
	var p predicted
	for _, record := range records[1:] {
		id, err1 := strconv.Atoi(record[0])
		probability, err2 := strconv.ParseFloat(record[column], 64)
		if err1 != nil || err2 != nil {
			t.Fatalf("a row of the predictions is %q", record)
		}
		p.ids = append(p.ids, id)
		p.labels = append(p.labels, record[1])
		p.positive = append(p.positive, probability)
	}
	return p
}

// rowsSHA256 identifies a set of rows as the reference does.
func rowsSHA256(ids []int) string {
	var b strings.Builder
	for _, id := range ids {
		b.WriteString(strconv.Itoa(id))
		b.WriteByte('\n')
	}
	sum := sha256.Sum256([]byte(b.String()))
	return hex.EncodeToString(sum[:])
}

func TestTheMainJob(t *testing.T) { //nolint:paralleltest // one platform at a time
	want := readReference(t)
	b := setup(t)
	set, datasetID := b.sampled(t, "insurance")

	training, err := b.client.Train(t.Context(), client.TrainRequest{DatasetID: datasetID, Target: set.Target, PositiveClass: set.PositiveClass}, "")
	if err != nil {
		t.Fatal(err)
	}
	var model struct {
		ModelID     string `json:"model_id"`
		Leaderboard []struct {
			Algorithm string             `json:"algorithm"`
			CV        map[string]float64 `json:"cv"`
			Holdout   map[string]float64 `json:"holdout"`
		} `json:"leaderboard"`
	}
	b.result(t, training.ID, &model)
	best := model.Leaderboard[0]
	for _, c := range model.Leaderboard[1:] {
		if c.CV["roc_auc"] > best.CV["roc_auc"] {
			t.Errorf("%s stands below %s on the leaderboard and is better", c.Algorithm, best.Algorithm)
		}
	}

	tuning, err := b.client.Tune(t.Context(), client.TuneRequest{ModelID: model.ModelID, Method: "threshold", Objective: "balanced_accuracy"}, "")
	if err != nil {
		t.Fatal(err)
	}
	var tuned client.Tuned
	b.result(t, tuning.ID, &tuned)
	if tuned.Best.Score < tuned.Default.Score || tuned.Threshold == 0.5 || len(tuned.Curve) < 100 {
		t.Errorf("tuned to %v: %+v, at 0.5 %+v, %d points", tuned.Threshold, tuned.Best, tuned.Default, len(tuned.Curve))
	}

	curve := strings.Split(strings.TrimSpace(b.download(t, tuning.ID, "")), "\n")
	if !strings.HasPrefix(curve[0], "threshold,tp,fp,tn,fn,") || len(curve) != tuned.CurvePoints+1 || tuned.CurvePoints <= len(tuned.Curve) {
		t.Errorf("the file of the curve has %d lines and begins with %q; the result speaks of %d points and shows %d", len(curve), curve[0], tuned.CurvePoints, len(tuned.Curve))
	}

	prediction, err := b.client.Predict(t.Context(), client.PredictRequest{ModelID: model.ModelID, DatasetID: datasetID, Rows: "holdout"}, "")
	if err != nil {
		t.Fatal(err)
	}
	var made client.Predicted
	b.result(t, prediction.ID, &made)
	p := readPredictions(t, b.download(t, prediction.ID, "predictions"), set.PositiveClass)

	if !slices.IsSorted(p.ids) || len(p.ids) != want.HoldoutRows || rowsSHA256(p.ids) != want.HoldoutSHA256 {
		t.Errorf("%d rows were predicted, in order: %v, or not those of the reference", len(p.ids), slices.IsSorted(p.ids))
	}
	if made.Threshold != tuned.Threshold {
		t.Errorf("the prediction used the threshold %v, tuned is %v", made.Threshold, tuned.Threshold)
	}
	for i, label := range p.labels {
		if positive := p.positive[i] >= tuned.Threshold; positive != (label == set.PositiveClass) {
			t.Fatalf("row %d has probability %v and the label %s; the threshold is %v", p.ids[i], p.positive[i], label, tuned.Threshold)
		}
	}
	auc := b.auc(t, p, set.Target, set.PositiveClass)
	if math.Abs(auc-best.Holdout["roc_auc"]) > 1e-9 {
		t.Errorf("the AUC of the predictions is %v, of the leaderboard %v", auc, best.Holdout["roc_auc"])
	}
	peer := max(want.ROCAUC["logistic_regression"], want.ROCAUC["hist_gradient_boosting"])
	t.Logf("held-out AUC %.4f, the better of scikit-learn's %.4f", auc, peer)
	if auc < peer-0.01 {
		t.Errorf("the held-out AUC is %.4f, scikit-learn reaches %.4f on the same rows", auc, peer)
	}

	cleanup, err := b.client.Cleanup(t.Context(), client.CleanupRequest{DryRun: true}, "")
	if err != nil {
		t.Fatal(err)
	}
	var cleaned client.Cleaned
	b.result(t, cleanup.ID, &cleaned)
	if !cleaned.DryRun || cleaned.Examined == 0 || cleaned.Kept != cleaned.Examined {
		t.Errorf("a clean-up would not keep everything: %+v", cleaned)
	}
}

// auc computes the area under the curve of the predictions from the labels in
// the bundled file.
func (b *bench) auc(t *testing.T, p predicted, target, positiveClass string) float64 {
	t.Helper()
	set, ok := sample.Lookup("insurance")
	if !ok {
		t.Fatal("the data set is gone")
	}
	file, err := set.Open()
	if err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := slices.Index(records[0], target)
	truth := ml.Target{Task: ml.Binary, Classes: []string{"other", positiveClass}}
	var outputs []float64
	for i, id := range p.ids {
		y := 0.0
		if records[id][column] == positiveClass {
			y = 1
		}
		truth.Values = append(truth.Values, y)
		outputs = append(outputs, 1-p.positive[i], p.positive[i])
	}
	auc, err := metric.Score("roc_auc", truth, outputs)
	if err != nil {
		t.Fatal(err)
	}
	return auc
}
