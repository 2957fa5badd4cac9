package sample_test

import (
	"encoding/csv"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/narrativeml/narrative/internal/sample"
)

func TestSetsAreWhatTheyClaim(t *testing.T) {
	t.Parallel()
	classes := map[string]int{"insurance": 2, "penguins": 3}
	for _, set := range sample.Sets() {
		t.Run(set.Name, func(t *testing.T) {
			t.Parallel()
			file, err := set.Open()
			if err != nil {
				t.Fatal(err)
			}
			records, err := csv.NewReader(file).ReadAll() // also refuses ragged rows
			if err != nil {
				t.Fatal(err)
			}
			if got := len(records) - 1; got != set.Rows {
				t.Errorf("rows = %d, claimed %d", got, set.Rows)
			}
			if got := len(records[0]); got != set.Columns {
				t.Errorf("columns = %d, claimed %d", got, set.Columns)
			}
			target := slices.Index(records[0], set.Target)
			if target < 0 {
				t.Fatalf("no column %q", set.Target)
			}
			seen := map[string]int{}
			for i, r := range records[1:] {
				seen[r[target]]++
				if set.Task == "regression" {
					if _, err := strconv.ParseFloat(r[target], 64); err != nil {
						t.Fatalf("row %d: target %q is no number", i+1, r[target])
					}
				}
			}
			if want, ok := classes[set.Name]; ok && len(seen) != want {
				t.Errorf("classes = %v, want %d", seen, want)
			}
			if set.Task == "binary" && 2*seen[set.PositiveClass] >= set.Rows {
				t.Errorf("%q is not the rarer class: %v", set.PositiveClass, seen)
			}
		})
	}
}

func TestLookup(t *testing.T) {
	t.Parallel()
	if s, ok := sample.Lookup("penguins"); !ok || s.Task != "multiclass" {
		t.Errorf("Lookup(penguins) = %+v, %v", s, ok)
	}
	if _, ok := sample.Lookup("iris"); ok {
		t.Error("Lookup(iris) found something")
	}
	if _, err := (sample.Set{Name: "x", Filename: "x.csv"}).Open(); err == nil {
		t.Error("Open of a set that is not bundled succeeded")
	}
}

func TestReferenceFitsItsRows(t *testing.T) {
	t.Parallel()
	reference, err := sample.ReadReference()
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open("reference/holdout.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }() // it was only read
	records, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var rows []int
	for _, r := range records[1:] {
		row, err := strconv.Atoi(r[0])
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row-1)
	}
	if len(rows) != reference.HoldoutRows || !reference.Holds(rows) || reference.Holds(rows[1:]) {
		t.Errorf("the reference was measured on other rows: %+v", reference)
	}
	set, _ := sample.Lookup("insurance")
	if reference.Table != set.Filename || reference.Target != set.Target || reference.PositiveClass != set.PositiveClass || reference.TrainRows+reference.HoldoutRows != set.Rows {
		t.Errorf("the reference is about something else: %+v", reference)
	}
	name, auc := reference.Best()
	for other, v := range reference.HoldoutROCAUC {
		if v > auc || len(reference.HoldoutROCAUC) != 2 {
			t.Errorf("the best is %s with %v, but %s has %v", name, auc, other, v)
		}
	}
}
