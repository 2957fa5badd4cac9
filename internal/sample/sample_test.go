package sample_test

import (
	"encoding/csv"
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
