package app_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/client"
)

// TestATrainingByTime goes from a table with dates to predictions of the last
// of them: what is learned, tuned and tested follows one another.
func TestATrainingByTime(t *testing.T) { //nolint:paralleltest // one platform at a time
	b := setup(t)
	var table strings.Builder
	table.WriteString("day,load,broken\n")
	r := rand.New(rand.NewPCG(1, 2))
	const days, each = 30, 20
	for day := range days {
		for range each {
			load := r.Float64()
			fmt.Fprintf(&table, "2024-05-%02d,%.4f,%s\n", day+1, load, map[bool]string{true: "yes", false: "no"}[load+0.3*r.NormFloat64() > 0.8])
		}
	}
	id, failure := b.ingest(t, "machines.csv", strings.NewReader(table.String()))
	if failure != nil {
		t.Fatal(failure.Message)
	}
	a, err := b.client.Train(t.Context(), client.TrainRequest{
		DatasetID: id, Target: "broken", PositiveClass: "yes", Algorithms: []string{"baseline", "linear"}, Exclude: []string{"day"},
		Split: "time", TimeColumn: "day", Gap: each, ClassWeight: "balanced",
	}, "")
	if err != nil {
		t.Fatal(err)
	}
	var made struct {
		ModelID     string   `json:"model_id"`
		HoldoutRows int      `json:"holdout_rows"`
		Rows        int      `json:"rows"`
		Notes       []string `json:"notes"`
	}
	b.result(t, a.ID, &made)
	// 6 of 30 days are held out and one before them is left out; the 23 that are
	// learned from are cut into six stretches, of which the first is not tested.
	note := `Rows are divided by "day": it is learned until 2024-05-23T00:00:00Z and tested from 2024-05-25T00:00:00Z on. The 20 rows in between are left out.`
	if made.HoldoutRows != 6*each || made.Rows != 29*each || !slices.Contains(made.Notes, note) {
		t.Errorf("%+v", made)
	}
	if a, err = b.client.Tune(t.Context(), client.TuneRequest{ModelID: made.ModelID, Method: "threshold", Objective: "f1"}, ""); err != nil {
		t.Fatal(err)
	}
	var tuned client.Tuned
	b.result(t, a.ID, &tuned)
	if tuned.Rows != 19*each || tuned.Score <= 0.5 || tuned.Best.Score < tuned.Default.Score {
		t.Errorf("tuned on %d rows to %+v", tuned.Rows, tuned.Best)
	}
	if a, err = b.client.Predict(t.Context(), client.PredictRequest{ModelID: made.ModelID, DatasetID: id, Rows: "holdout"}, ""); err != nil {
		t.Fatal(err)
	}
	b.result(t, a.ID, &client.Predicted{})
	p := readPredictions(t, b.download(t, a.ID, "predictions"), "yes")
	if len(p.ids) != 6*each || p.ids[0] != 24*each+1 {
		t.Errorf("%d rows from %d are predicted", len(p.ids), p.ids[0])
	}
}
