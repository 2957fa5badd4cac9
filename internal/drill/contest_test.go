package drill_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/drill"
	"github.com/narrativeml/narrative/internal/drill/peer"
)

// pretendPeer answers as the peer of that script would, with figures known
// beforehand. There is no LightGBM; scikit-learn cannot do with the 50 columns
// of the mixed table; XGBoost bins faster and scikit-learn trains faster.
func pretendPeer(script string, in io.Reader, out io.Writer) error {
	var t peer.Trial
	if err := json.NewDecoder(in).Decode(&t); err != nil {
		return err
	}
	o := map[string]peer.Outcome{
		"side_lightgbm.py": {Absent: "LightGBM: it is not there"},
		"side_xgboost.py":  {Version: "XGBoost 0", Bin: 1, Train: 30, TrainCPU: 35, Memory: 2e6, Predict: 5, PredictMany: 6, Row: 7e-6},
		"side_sklearn.py":  {Version: "scikit-learn 0", Bin: 2, Train: 20, TrainCPU: 38, Memory: 3e6, Predict: 6, PredictMany: 5, Row: 8e-6},
		"side_forest.py":   {Version: "scikit-learn 0", Train: 20, TrainCPU: 40, Memory: 4e6},
	}[script]
	if script == "side_sklearn.py" && len(t.Categories) == 50 {
		return errors.New("first\nsecond\nthird\ntoo many columns")
	}
	if t.Quantized && o.Absent == "" {
		return fmt.Errorf("%s has no quantized mode", script)
	}
	if o.Absent == "" && slices.Contains(t.Steps, peer.Score) {
		if err := tellTheTruth(t); err != nil {
			return err
		}
	}
	return json.NewEncoder(out).Encode(o)
}

// tellTheTruth predicts the held-out rows without a mistake.
func tellTheTruth(t peer.Trial) error {
	b, err := os.ReadFile(t.Test.Y)
	if err != nil {
		return err
	}
	y := make([]float32, t.Test.Rows)
	if err := binary.Read(bytes.NewReader(b), binary.LittleEndian, y); err != nil {
		return err
	}
	var p bytes.Buffer
	for _, v := range y {
		if err := binary.Write(&p, binary.LittleEndian, float64(v)); err != nil {
			return err
		}
	}
	return os.WriteFile(t.Out, p.Bytes(), 0o600)
}

// measure runs the smallest size with a Python; empty: the system's.
func measure(tb testing.TB, python string) (figures map[string]drill.Figure, out string) {
	tb.Helper()
	program, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	if python == "pretend" {
		python = program
	}
	var text bytes.Buffer
	plan := drill.MLPlan{Program: []string{program, "bench-trial"}, Python: python, Size: "tiny"}
	all, err := drill.MLArea(plan).Measure(tb.Context(), &text)
	if err != nil {
		tb.Fatalf("%v\n%s", err, &text)
	}
	figures = map[string]drill.Figure{}
	for _, f := range all {
		figures[f.Name] = f
	}
	if len(figures) != len(all) {
		tb.Errorf("%d figures have %d names", len(all), len(figures))
	}
	return figures, text.String()
}

func TestMLArea(t *testing.T) {
	t.Parallel()
	figures, out := measure(t, "pretend")
	for name, want := range map[string]struct {
		unit, peer string
		theirs     float64 // 0: the figure has no peer
		note       []string
	}{
		"gbdt-bin-2k-tiny":            {"s", "XGBoost 0", 1, []string{"2,000 rows x 28 columns, hard", "31 leaves", "255 bins", "XGBoost 0 1 s", "scikit-learn 0 2 s", "without LightGBM: it is not there"}},
		"gbdt-train-2k-tiny":          {"s", "scikit-learn 0", 20, []string{"binning included; AUC 0.", "XGBoost 0 1.00000, |ΔAUC| 0.", "XGBoost 0 30 s", "scikit-learn 0 20 s"}},
		"gbdt-train-2k-tiny-cpu":      {"s", "XGBoost 0", 35, []string{"of all threads together"}},
		"gbdt-train-2k-easy-tiny-cpu": {"s", "XGBoost 0", 35, nil},
		"gbdt-train-mixed-tiny-cpu":   {"s", "XGBoost 0", 35, nil},
		"gbdt-memory-2k-tiny":         {"MB", "XGBoost 0", 2, []string{"above the loaded table"}},
		"gbdt-predict-10-tiny":        {"s", "XGBoost 0", 5, []string{"2,000 held-out rows"}},
		"gbdt-predict-20-tiny":        {"s", "scikit-learn 0", 5, []string{"a model of 500 rows"}},
		"gbdt-predict-row-tiny":       {"µs", "XGBoost 0", 7, []string{"one thread"}},
		"gbdt-train-2k-easy-tiny":     {"s", "scikit-learn 0", 20, []string{"easy"}},
		"gbdt-bin-mixed-tiny":         {"s", "XGBoost 0", 1, []string{"too many columns"}},
		"gbdt-train-mixed-tiny":       {"s", "XGBoost 0", 30, []string{"1,500 rows x 50 columns, mixed", "without scikit-learn: ", "second; third; too many columns"}},
		"gbdt-predict-mixed-tiny":     {"s", "XGBoost 0", 5, nil},
		"gbdt-train-rows-1k-tiny":     {"s", "scikit-learn 0", 20, []string{"1,000 rows"}},
		"gbdt-train-onehot-40-tiny":   {"s", "scikit-learn 0", 20, []string{"40 columns, one-hot"}},
		"gbdt-train-classes-3-tiny":   {"s", "scikit-learn 0", 20, []string{"3 classes"}},
		"gbdt-auc-2k-tiny":            {"AUC", "scikit-learn 0", 0, []string{"scikit-learn 0 1.00000, |ΔAUC| 0."}},
		"forest-train-tiny":           {"s", "scikit-learn 0", 20, []string{"400 rows x 28 columns, hard, a random forest of 10 trees", "|ΔAUC| 0."}},
		"forest-train-cpu-tiny":       {"s", "scikit-learn 0", 40, nil},
		"forest-memory-tiny":          {"MB", "scikit-learn 0", 4, nil},
		"train-insurance-roc_auc":     {"roc_auc", "scikit-learn 1.2.1 logistic_regression", 0, nil},
		"train-penguins-log_loss":     {"log_loss", "", 0, nil},
		"train-wages-rmse":            {"rmse", "", 0, nil},
		"gbdt-auc-2k-easy-tiny":       {"AUC", "scikit-learn 0", 0, nil},
		"gbdt-auc-mixed-tiny":         {"AUC", "XGBoost 0", 0, nil},
		"gbdt-bin-2k-easy-tiny":       {"s", "XGBoost 0", 1, nil},
		"train-insurance-seconds":     {"s", "", 0, nil},
		"train-penguins-seconds":      {"s", "", 0, nil},
		"train-wages-seconds":         {"s", "", 0, nil},
	} {
		f, ok := figures[name]
		delete(figures, name)
		switch {
		case !ok || f.Unit != want.unit || f.Value <= 0:
			t.Errorf("%s is %+v", name, f)
			continue
		case want.peer == "" && (f.Peer != nil || f.Ratio != nil), want.peer != "" && (f.Peer == nil || *f.Peer != want.peer):
			t.Errorf("%s has the peer %v", name, f.Peer)
			continue
		}
		if ratio := want.theirs / f.Value; want.theirs > 0 && math.Abs(*f.Ratio/ratio-1) > 1e-9 {
			t.Errorf("%s has the ratio %v, want %v", name, *f.Ratio, ratio)
		}
		for _, text := range want.note {
			if !strings.Contains(f.Note, text) {
				t.Errorf("%s lacks %q: %s", name, text, f.Note)
			}
		}
		if f.Unit == "AUC" && (f.Value <= 0.5 || f.Value >= 1 || math.Abs(*f.Ratio-f.Value) > 1e-9) {
			t.Errorf("%s is %v, ratio %v to a peer without a mistake", name, f.Value, *f.Ratio)
		}
	}
	for name := range figures {
		t.Errorf("%s is measured as well", name)
	}
	for _, text := range []string{"hard, round 1 of 1, narrative: trained in", "LightGBM: it is not there", "training s", "one row µs", "training, s, with onehot", "forest"} {
		if !strings.Contains(out, text) {
			t.Errorf("%q was not printed:\n%s", text, out)
		}
	}
}

// TestMLAreaAgainstPeers measures against every peer that is found here; of
// others the figures say what to install.
func TestMLAreaAgainstPeers(t *testing.T) {
	t.Parallel()
	figures, out := measure(t, "")
	train := figures["gbdt-train-2k-tiny"]
	for name, install := range map[string]string{"LightGBM": "PyPI: lightgbm", "XGBoost": "python3-xgboost", "scikit-learn": "python3-sklearn"} {
		found := strings.Contains(train.Note, "; "+name+" ")
		if without := strings.Contains(train.Note, "without "+name+":"); found == without {
			t.Errorf("of %s the note says %s", name, train.Note)
		}
		switch {
		case found && !strings.Contains(figures["gbdt-train-mixed-tiny"].Note, "; "+name+" "):
			t.Errorf("%s cannot do with missing values and categories: %s", name, figures["gbdt-train-mixed-tiny"].Note)
		case !found && !strings.Contains(train.Note, install) && !strings.Contains(train.Note, "install python3"):
			t.Errorf("the note does not tell how to install %s: %s", name, train.Note)
		}
	}
	if strings.Contains(out, "run ") {
		t.Errorf("a peer failed:\n%s", out)
	}
	if (train.Peer == nil) != (train.Ratio == nil) {
		t.Errorf("peer %v, ratio %v", train.Peer, train.Ratio)
	}
	// All sides learned the same thing from the same table.
	if f := figures["gbdt-auc-2k-easy-tiny"]; f.Value < 0.88 || f.Ratio != nil && math.Abs(*f.Ratio-1) > 0.03 {
		t.Errorf("AUC %v of the easy table: %s", f.Value, f.Note)
	}
}

func TestMLAreaFails(t *testing.T) {
	t.Parallel()
	for want, plan := range map[string]drill.MLPlan{
		"tiny, small, contest, growth, full": {Size: "giant"},
		"/no/such/python":                    {Size: "tiny", Python: "/no/such/python"},
		"/no/such/program":                   {Size: "tiny", Program: []string{"/no/such/program"}},
	} {
		if _, err := drill.MLArea(plan).Measure(t.Context(), io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error is %v, want %q", plan, err, want)
		}
	}
}

func TestPlayTrialFails(t *testing.T) {
	t.Parallel()
	half := filepath.Join(t.TempDir(), "half.f32")
	if err := os.WriteFile(half, make([]byte, 6), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, trial := range map[string]string{
		"read a trial":            `{`,
		"no such file":            `{"train":{"x":"/no/x","y":"/no/y","rows":2},"categories":[0],"classes":2}`,
		"row 1 of " + half:        fmt.Sprintf(`{"train":{"x":%q,"y":%q,"rows":2},"categories":[0],"classes":2}`, half, half),
		"there is no such step":   fmt.Sprintf(`{"steps":["dance"],"train":{"x":%q,"y":%q,"rows":1},"test":{"x":%q,"y":%q,"rows":1},"categories":[0],"classes":2}`, half, half, half, half),
		"train: ml: every row is": fmt.Sprintf(`{"steps":["train"],"train":{"x":%q,"y":%q,"rows":1},"categories":[0],"classes":2,"trees":1,"leaves":2,"bins":2,"min_child":1,"rate":1}`, half, half),
	} {
		if err := drill.PlayTrial(t.Context(), strings.NewReader(trial), io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q", err, want)
		}
	}
}

func TestFits(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if fits, err := drill.Fits(1000, &out); err != nil || !fits || out.Len() > 0 {
		t.Errorf("1,000 rows: %v, error %v, %s", fits, err, &out)
	}
	if fits, err := drill.Fits(1e12, &out); err != nil || fits || !strings.Contains(out.String(), "28 columns, hard: left out") {
		t.Errorf("too many rows: %v, error %v, %s", fits, err, &out)
	}
}
