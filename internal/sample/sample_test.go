package sample_test

import (
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
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

// The messy sets hold what they claim, counted by another reader than the platform's.
func TestMessySetsAreWhatTheyClaim(t *testing.T) {
	t.Parallel()
	if len(sample.MessySets()) != 3 {
		t.Errorf("there are %d messy sets", len(sample.MessySets()))
	}
	for _, set := range sample.MessySets() {
		t.Run(set.Name, func(t *testing.T) {
			t.Parallel()
			file, err := set.Open()
			if err != nil {
				t.Fatal(err)
			}
			unzipped, err := gzip.NewReader(file)
			if err != nil {
				t.Fatal(err)
			}
			rows, columns := records(t, set.Filename, unzipped)
			seen := map[string]bool{}
			missing, repeated := 0, 0
			for _, r := range rows {
				for _, v := range r {
					if v == "" || v == "NA" || v == "null" {
						missing++
					}
				}
				if key := strings.Join(r, "\x00"); seen[key] {
					repeated++
				} else {
					seen[key] = true
				}
			}
			if len(rows) != set.Rows || len(columns) != set.Columns || missing != set.Missing || repeated != set.Repeated {
				t.Errorf("%d rows, %d columns, %d missing, %d repeated; claimed %+v", len(rows), len(columns), missing, repeated, set)
			}
			for _, name := range append(slices.Clone(set.Empty), set.Target) {
				if !slices.Contains(columns, name) {
					t.Errorf("there is no column %s", name)
				}
			}
		})
	}
	if _, err := (sample.Messy{Filename: "x"}).Open(); err == nil {
		t.Error("a set that is not bundled was opened")
	}
}

// records reads CSV or JSON Lines.
func records(t *testing.T, name string, r io.Reader) (rows [][]string, columns []string) {
	t.Helper()
	if strings.Contains(name, ".csv") {
		all, err := csv.NewReader(r).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		return all[1:], all[0]
	}
	for d := json.NewDecoder(r); ; {
		var object map[string]json.RawMessage
		err := d.Decode(&object)
		if errors.Is(err, io.EOF) {
			return rows, columns
		}
		if err != nil {
			t.Fatal(err)
		}
		if columns == nil {
			columns = slices.Sorted(maps.Keys(object))
		}
		row := make([]string, len(columns))
		for i, c := range columns {
			row[i] = string(object[c])
		}
		rows = append(rows, row)
	}
}
