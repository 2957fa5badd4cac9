package automl_test

import (
	"encoding/json"
	"flag"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/narrativeml/narrative/ml/automl"
	"github.com/narrativeml/narrative/ml/metric"
)

var update = flag.Bool("update", false, "write testdata/rows.json anew")

// TestReference holds the best model against two of scikit-learn on identical
// rows; see testdata/README.md.
func TestReference(t *testing.T) {
	t.Parallel()
	tables := []struct {
		name     string
		ordered  string  // the metric of the leaderboard
		compared string  // the metric held against the reference
		slack    float64 // how much worse than the better of the two is fine
	}{
		{"breast_cancer", metric.ROCAUC, metric.ROCAUC, 0.01},
		{"iris", metric.LogLoss, metric.Accuracy, 0.03},
		{"wine", metric.LogLoss, metric.Accuracy, 0.03},
		{"diabetes", metric.RMSE, metric.RMSE, 0.5},
	}
	results := map[string]*automl.Result{}
	rows := map[string][]int{}
	for _, table := range tables {
		p := params("target")
		r := train(t, p, readTable(t, table.name), automl.Options{})
		results[table.name], rows[table.name] = r, r.HoldoutRows
	}
	if *update {
		writeJSON(t, "testdata/rows.json", rows)
		return
	}
	var held map[string][]int
	readJSON(t, "testdata/rows.json", &held)
	var reference struct {
		Tables map[string]map[string]map[string]float64 `json:"tables"`
	}
	readJSON(t, "testdata/reference.json", &reference)
	for _, table := range tables {
		r := results[table.name]
		if r.Metric != table.ordered {
			t.Errorf("%s is ordered by %s, want %s", table.name, r.Metric, table.ordered)
		}
		if !slices.Equal(r.HoldoutRows, held[table.name]) {
			t.Errorf("%s holds out other rows than the reference", table.name)
		}
		sign := 1.0
		if !metric.HigherIsBetter(table.compared) {
			sign = -1
		}
		peers := reference.Tables[table.name]
		better := max(sign*peers["linear"][table.compared], sign*peers["hist_gradient_boosting"][table.compared])
		got := sign * r.Leaderboard[0].Holdout[table.compared]
		t.Logf("%s: %s of %s is %.4f, of the better peer %.4f", table.name, table.compared, r.Leaderboard[0].Algorithm, sign*got, sign*better)
		if len(peers) != 2 || got < better-table.slack {
			t.Errorf("%s: %s is %v, of the better of %d peers %v", table.name, table.compared, sign*got, len(peers), sign*better)
		}
		sameLinear(t, table.name, r, peers["linear"])
	}
}

// sameLinear compares the linear candidate with the same model of the
// reference: both minimise the same function of the same rows.
func sameLinear(t *testing.T, name string, r *automl.Result, peer map[string]float64) {
	t.Helper()
	for _, e := range r.Leaderboard {
		if e.Algorithm != "linear" {
			continue
		}
		for m, want := range peer {
			if got := e.Holdout[m]; math.Abs(got-want) > 1e-3*max(1, want) {
				t.Errorf("%s: %s of the linear model is %v, of the reference %v", name, m, got, want)
			}
		}
		return
	}
	t.Errorf("%s has no linear candidate", name)
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
}

func writeJSON(t *testing.T, path string, from any) {
	t.Helper()
	b, err := json.Marshal(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(b, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}
