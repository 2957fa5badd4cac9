package training_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job/jobtest"
	"github.com/narrativeml/narrative/internal/training"
	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/metric"
)

// household writes 200 rows that stand for different numbers of people.
func household(weight func(i int) string) string {
	var b strings.Builder
	b.WriteString("target,income,town,people\n")
	for i := range 200 {
		fmt.Fprintf(&b, "%s,%d,t%d,%s\n", map[bool]string{true: "moves", false: "stays"}[i*i%37 > 22 != (i%9 == 0)], i*i%37, i%4, weight(i))
	}
	return b.String()
}

// TestWeights follows a column of weights into the scores and the stored
// predictions.
func TestWeights(t *testing.T) {
	t.Parallel()
	b := setup(t)
	people := func(i int) int { return i % 6 }
	made, _ := b.train(t, training.Request{
		DatasetID: b.table(t, strings.NewReader(household(func(i int) string { return fmt.Sprint(people(i)) }))),
		Target:    "target", Folds: 3, Trees: 20, WeightColumn: "people", ClassWeight: "balanced", Algorithms: []string{"baseline", "linear"},
	})
	if _, ok := made.Record.Inputs.Lookup("people"); ok || made.Record.Algorithm != "linear" {
		t.Errorf("the model %s reads %+v", made.Record.Algorithm, made.Record.Inputs)
	}
	if notes := strings.Join(made.Notes, " "); !strings.Contains(notes, `34 rows were left out: the weight "people" is 0 there.`) {
		t.Errorf("notes %q", made.Notes)
	}
	held, learned := b.stored(t, made.Record.HoldoutKey), b.stored(t, made.Record.OutOfFoldKey)
	if len(held.Rows)+len(learned.Rows) != 166 {
		t.Errorf("%d rows are held out, %d have predictions", len(held.Rows), len(learned.Rows))
	}
	for k, row := range learned.Rows {
		if learned.Weights[k] != float64(people(row)) {
			t.Fatalf("row %d has the weight %v, want %d", row, learned.Weights[k], people(row))
		}
	}
	y := ml.Target{Task: ml.Binary, Classes: made.Record.Classes, Values: held.Labels, Weights: held.Weights}
	for name, want := range made.Leaderboard[0].Holdout {
		if got, err := metric.Score(name, y, held.Outputs); err != nil || got != want {
			t.Errorf("%s is %v, %v, on the leaderboard %v", name, got, err, want)
		}
	}
}

func TestBadWeightsAreExplained(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		odd            string
		code, location string
		all            bool
	}{
		"negative": {"-2", "bad_weight", `row 18, column "people"`, false},
		"missing":  {"", "missing_value", `row 18, column "people"`, false},
		"enormous": {"1e30", "bad_weight", `row 18, column "people"`, false},
		"all zero": {"0", "zero_weights", `column "people"`, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			id := b.table(t, strings.NewReader(household(func(i int) string {
				if c.all || i == 17 {
					return c.odd
				}
				return "1.5"
			})))
			j := b.submit(t, training.Request{DatasetID: id, Target: "target", WeightColumn: "people"})
			_, err := b.run(t.Context(), jobtest.NewTask(j, nil))
			checkFault(t, err, fault.ClassInvalid, c.code, c.location)
		})
	}
}
