package forest_test

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/forest"
	"github.com/narrativeml/narrative/ml/metric"
)

// reference is what another implementation scores.
type reference struct {
	Accuracy   *float64  `json:"accuracy"`
	ROCAUC     *float64  `json:"roc_auc"`
	LogLoss    *float64  `json:"log_loss"`
	RMSE       *float64  `json:"rmse"`
	OutOfBag   float64   `json:"out_of_bag"`
	Importance []float64 `json:"importance"`
}

// TestReference compares scores on unseen rows, out-of-bag scores and importances
// with those of scikit-learn, each the mean of three seeds.
func TestReference(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]reference
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	data := map[string][2]problem{
		"wide":     {wide(6000, 1), wide(6000, 2)},
		"shops":    {shops(6000, 5), shops(6000, 6)},
		"rings":    {rings(6000, 7), rings(6000, 8)},
		"friedman": {friedman(4000, 9), friedman(4000, 10)},
	}
	changes := map[string]func(p *forest.Params){
		"":            func(*forest.Params) {},
		"entropy":     func(p *forest.Params) { p.Criterion = forest.Entropy },
		"leaves of 5": func(p *forest.Params) { p.MinChildSamples = 5 },
		"100 leaves":  func(p *forest.Params) { p.MaxLeaves = 100 },
		// The reference draws rows to have an out-of-bag score.
		"extra": func(p *forest.Params) { p.ExtraTrees = true },
	}
	if len(all) != 16 {
		t.Fatalf("there are %d references", len(all))
	}
	for name, want := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			which, variant, _ := strings.Cut(name, ", ")
			compare(t, params(changes[variant]), data[which], want)
		})
	}
}

func compare(t *testing.T, p forest.Params, data [2]problem, want reference) {
	t.Helper()
	p.OutOfBag = true
	const seeds = 3
	scores := map[string]float64{}
	names := map[string]*float64{"accuracy": want.Accuracy, "roc_auc": want.ROCAUC, "log_loss": want.LogLoss, "rmse": want.RMSE}
	importance := make([]float64, len(data[0].x.Columns()))
	for seed := range uint64(seeds) {
		p.Seed = seed
		m := train(t, p, data[0], ml.Options{})
		outputs := predict(t, m, data[1].x)
		for which, w := range names {
			if w != nil {
				scores[which] += score(t, which, data[1].y, outputs) / seeds
			}
		}
		bag, ok := m.OutOfBagScore()
		if !ok {
			t.Fatal("there is no out-of-bag score")
		}
		scores["out_of_bag"] += bag / seeds
		for j, i := range m.Importance() {
			importance[j] += i.Share / seeds
		}
	}
	names["out_of_bag"] = &want.OutOfBag
	// How much worse a score may be.
	slack := map[string]float64{"roc_auc": 0.004, "accuracy": 0.008, "log_loss": 0.015, "rmse": 0.02, "out_of_bag": 0.008}
	for which, w := range names {
		if w == nil {
			continue
		}
		worse := *w - scores[which]
		if which != "out_of_bag" && !metric.HigherIsBetter(which) {
			worse = -worse
		}
		t.Logf("%s %.5f, reference %.5f", which, scores[which], *w)
		if worse > slack[which] {
			t.Errorf("%s is %.5f, reference %.5f", which, scores[which], *w)
		}
	}
	for j, w := range want.Importance {
		if math.Abs(importance[j]-w) > 0.015 {
			t.Errorf("the importance of column %d is %.4f, reference %.4f", j, importance[j], w)
		}
	}
}
