package training_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/training"
)

// TestPreparationReachesTheTraining asks for each way to prepare the rows: each
// makes another model.
func TestPreparationReachesTheTraining(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, req := b.sample(t, "penguins")
	req.Algorithms = []string{"linear"}
	sums := map[string]string{}
	for name, change := range map[string]func(r *training.Request){
		"none given":      func(*training.Request) {},
		"imputation":      func(r *training.Request) { r.Imputation = "mean" },
		"scaling":         func(r *training.Request) { r.Scaling = "robust" },
		"min_variance":    func(r *training.Request) { r.MinVariance = 5 },
		"max_correlation": func(r *training.Request) { r.MaxCorrelation = 0.8 },
	} {
		req := req
		change(&req)
		made, _ := b.train(t, req)
		if other, ok := sums[made.SHA256]; ok {
			t.Errorf("%s makes the model of %s", name, other)
		}
		sums[made.SHA256] = name
		selects := name == "min_variance" || name == "max_correlation"
		if told := strings.Contains(strings.Join(made.Notes, " "), "were left out of the model"); told != selects {
			t.Errorf("%s: notes %q", name, made.Notes)
		}
	}
	// The names of the defaults are the defaults.
	req.Imputation, req.Scaling = "median", "standard"
	if made, _ := b.train(t, req); sums[made.SHA256] != "none given" {
		t.Errorf("median and standard make the model of %q", sums[made.SHA256])
	}
	// A date that goes around: only a model with cycles has inputs made of it.
	var table strings.Builder
	table.WriteString("target,at\n")
	for i := range 120 {
		fmt.Fprintf(&table, "%d,2024-%02d-%02d\n", i*i%31, i%12+1, i%28+1)
	}
	req = training.Request{DatasetID: b.table(t, strings.NewReader(table.String())), Target: "target", Algorithms: []string{"linear"}}
	plain, _ := b.train(t, req)
	req.DateCycles = true
	if around, _ := b.train(t, req); around.SHA256 == plain.SHA256 {
		t.Error("date_cycles changes nothing")
	}
}
