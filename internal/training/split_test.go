package training_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/training"
	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/metric"
)

// visits writes 40 patients on 8 days each, of whom every third is ill on two
// days of three.
func visits() string {
	var b strings.Builder
	b.WriteString("target,patient,day,pulse\n")
	for i := range 320 {
		patient, day := i*7%40, i/40
		ill := patient%3 == 0 && day%3 < 2
		pulse := 60 + (patient*31+day*17)%23
		if ill {
			pulse += 15
		}
		fmt.Fprintf(&b, "%s,p%d,2024-03-%02d,%d\n", map[bool]string{true: "ill", false: "well"}[ill], patient, 1+2*day, pulse)
	}
	return b.String()
}

// rows returns which rows of the table the predictions are for.
func (b *bundle) rows(t *testing.T, key string) []int {
	t.Helper()
	return b.stored(t, key).Rows
}

func TestGroupsStayTogether(t *testing.T) {
	t.Parallel()
	b := setup(t)
	made, _ := b.train(t, training.Request{
		DatasetID: b.table(t, strings.NewReader(visits())), Target: "target", Folds: 3, Trees: 20,
		Split: "grouped", GroupColumn: "patient", Repeats: 2, ClassWeight: "balanced",
	})
	if _, ok := made.Record.Inputs.Lookup("patient"); ok || len(made.Record.Inputs) != 2 {
		t.Errorf("the model reads %+v", made.Record.Inputs)
	}
	held := map[int]bool{}
	for _, row := range b.rows(t, made.Record.HoldoutKey) {
		held[row*7%40] = true
	}
	learned := b.rows(t, made.Record.OutOfFoldKey)
	for _, row := range learned {
		if held[row*7%40] {
			t.Fatalf("patient %d is on both sides", row*7%40)
		}
	}
	if len(held) != 8 || len(learned) != 32*8 {
		t.Errorf("%d patients are held out, %d rows have predictions", len(held), len(learned))
	}
	if notes := strings.Join(made.Notes, " "); !strings.Contains(notes, `Rows with the same "patient" stay together: of 40 groups 8 are held out.`) {
		t.Errorf("notes %q", made.Notes)
	}
}

func TestThePastLearnsNothingOfTheFuture(t *testing.T) {
	t.Parallel()
	for _, exclude := range [][]string{nil, {"day"}} {
		b := setup(t)
		made, _ := b.train(t, training.Request{
			DatasetID: b.table(t, strings.NewReader(visits())), Target: "target", Folds: 3, Trees: 20, Exclude: exclude,
			Split: "time", TimeColumn: "day", Gap: 8, Window: 100,
		})
		if _, ok := made.Record.Inputs.Lookup("day"); ok != (exclude == nil) {
			t.Errorf("the model reads %+v", made.Record.Inputs)
		}
		// Rows are by day. Of 320 the last 80 are held out, the 8 before them left
		// out; of the rest a first part is only learned from.
		held, predicted := b.rows(t, made.Record.HoldoutKey), b.rows(t, made.Record.OutOfFoldKey)
		if held[0] != 240 || len(held) != 80 || made.HoldoutRows != 80 || made.Rows != 312 {
			t.Errorf("%d rows from %d are held out, of %d", len(held), held[0], made.Rows)
		}
		if predicted[0] != 40 || slices.Max(predicted) != 231 || len(predicted) != 192 {
			t.Errorf("%d rows from %d to %d have predictions", len(predicted), predicted[0], slices.Max(predicted))
		}
	}
}

// TestTheMetricsAreDocumented reads the table of docs/api.md: names in the order
// of metric.Names, those of which less is better in italics.
func TestTheMetricsAreDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range []ml.Task{ml.Binary, ml.Multiclass, ml.Regression} {
		_, line, found := strings.Cut(string(page), "\n| "+string(task)+" |")
		if !found {
			t.Fatalf("no line of %s metrics", task)
		}
		line, _, _ = strings.Cut(line, "\n")
		for _, name := range metric.Names(task) {
			want := " `" + name + "` "
			if !metric.HigherIsBetter(name) {
				want = " *`" + name + "`* "
			}
			at := strings.Index(line, want)
			if at < 0 {
				t.Fatalf("the %s metrics lack%safter the one before", task, want)
			}
			line = line[at+len(want)-1:]
		}
		if strings.Contains(line, "`") {
			t.Errorf("the %s metrics end with %q", task, line)
		}
	}
}
