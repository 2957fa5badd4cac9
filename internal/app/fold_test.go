package app_test

import (
	"testing"

	"github.com/narrativeml/narrative/internal/client"
)

// TestADividedTraining makes the fits of a cross-validation in jobs of their
// own, and gets the model of a training that is one job.
func TestADividedTraining(t *testing.T) { //nolint:paralleltest // one platform at a time
	b := setup(t)
	set, id := b.sampled(t, "insurance")
	req := client.TrainRequest{DatasetID: id, Target: set.Target, Algorithms: []string{"baseline", "linear"}, Folds: 2}
	sums := map[bool]string{}
	for _, divided := range []bool{false, true} {
		req.FoldsAsJobs = divided
		a, err := b.client.Train(t.Context(), req, "")
		if err != nil {
			t.Fatal(err)
		}
		var made struct {
			SHA256 string `json:"sha256"`
		}
		j := b.result(t, a.ID, &made)
		sums[divided] = made.SHA256
		if divided != (j.Children != nil) || divided && (j.Children.Count != 4 || j.Children.States["succeeded"] != 4) {
			t.Errorf("children %+v", j.Children)
		}
	}
	if sums[true] != sums[false] || sums[true] == "" {
		t.Errorf("the models are %v", sums)
	}
}
