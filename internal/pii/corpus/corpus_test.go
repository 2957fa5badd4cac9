package corpus_test

import (
	"reflect"
	"strconv"
	"testing"

	"github.com/narrativeml/narrative/internal/pii"
	"github.com/narrativeml/narrative/internal/pii/corpus"
)

// find looks at a column as text, and as whole numbers when it has no others.
func find(c corpus.Column) pii.Kind {
	looked, numbers, values := pii.NewColumn(c.Name), pii.NewColumn(c.Name), int64(0)
	whole := true
	for _, v := range c.Values {
		if v == "" {
			continue
		}
		values++
		looked.AddText(v, 1)
		n, err := strconv.ParseInt(v, 10, 64)
		whole = whole && err == nil && v[0] != '0' && v[0] != '+'
		numbers.AddInteger(n, 1)
	}
	if whole {
		looked = numbers
	}
	f, _ := looked.Finding(values)
	return f.Kind
}

// floors are what each part must not fall below: what it was, less a little. Parts
// without personal data have at most so many wrong columns.
func floors() map[string]struct {
	precision, recall float64
	wrong             int
} {
	return map[string]struct {
		precision, recall float64
		wrong             int
	}{
		"own":             {precision: 0.98, recall: 0.98},
		"nameless":        {precision: 0.98, recall: 0.74},
		"later":           {precision: 0.97, recall: 0.93},
		"exports":         {precision: 0.985, recall: 0.97},
		"unseen":          {precision: 0.97, recall: 0.92},
		"unseen-nameless": {precision: 0.93, recall: 0.6},
		"things":          {recall: 1, wrong: 28},
	}
}

func TestPrecisionAndRecall(t *testing.T) {
	t.Parallel()
	for _, set := range corpus.Sets(1, 300) {
		t.Run(set.Name, func(t *testing.T) {
			t.Parallel()
			found := make([]pii.Kind, len(set.Columns))
			holding := 0
			for i, c := range set.Columns {
				found[i] = find(c)
				if c.Kind != "" {
					holding++
				}
			}
			results, mistakes := corpus.Score(set.Columns, found)
			t.Logf("%d of %d columns hold personal data", holding, len(set.Columns))
			for _, r := range results {
				t.Logf("%-18s precision %.3f recall %.3f (%d right, %d wrong, %d lost)", r.Kind, r.Precision(), r.Recall(), r.Right, r.Wrong, r.Lost)
			}
			for _, m := range mistakes {
				t.Logf("%q holds %q and was taken for %q", m.Column, m.Want, m.Found)
			}
			floor, ok := floors()[set.Name]
			all := results[0]
			switch {
			case !ok:
				t.Error("there is no floor")
			case holding == 0 && (all.Wrong == 0 || all.Wrong > floor.wrong):
				t.Errorf("%d columns are wrong, should be at most %d", all.Wrong, floor.wrong)
			case holding > 0 && (all.Precision() < floor.precision || all.Recall() < floor.recall):
				t.Errorf("precision %.3f, should be %.3f; recall %.3f, should be %.3f", all.Precision(), floor.precision, all.Recall(), floor.recall)
			}
		})
	}
}

// TestOtherSeeds takes other values of the same columns.
func TestOtherSeeds(t *testing.T) {
	t.Parallel()
	for _, seed := range []uint64{2, 3} {
		columns := append(corpus.Columns(seed, 150), corpus.Unseen(seed, 150)...)
		found := make([]pii.Kind, len(columns))
		for i, c := range columns {
			found[i] = find(c)
		}
		if results, _ := corpus.Score(columns, found); results[0].Precision() < 0.96 || results[0].Recall() < 0.93 {
			t.Errorf("seed %d: precision %.3f, should be 0.96; recall %.3f, should be 0.93", seed, results[0].Precision(), results[0].Recall())
		}
	}
}

func TestScoreCountsMistakes(t *testing.T) {
	t.Parallel()
	columns := []corpus.Column{{Name: "a", Kind: pii.Email}, {Name: "b"}, {Name: "c", Kind: pii.Phone}, {Name: "d", Kind: pii.SSN}, {Name: "e"}}
	results, mistakes := corpus.Score(columns, []pii.Kind{pii.Email, pii.Email, "", pii.Phone, ""})
	if all := results[0]; all.Right != 1 || all.Wrong != 2 || all.Lost != 2 || len(mistakes) != 3 {
		t.Errorf("%+v, %v; should be 1 right, 2 wrong, 2 lost", results[0], mistakes)
	}
	for _, r := range results[1:] {
		want := map[pii.Kind][3]int{pii.Email: {1, 1, 0}, pii.Phone: {0, 1, 1}, pii.SSN: {0, 0, 1}}[r.Kind]
		if got := [3]int{r.Right, r.Wrong, r.Lost}; got != want {
			t.Errorf("%s: %v, should be %v", r.Kind, got, want)
		}
	}
}

func TestTheSameEachTime(t *testing.T) {
	t.Parallel()
	if !reflect.DeepEqual(corpus.Columns(7, 20), corpus.Columns(7, 20)) {
		t.Error("a seed gave different columns")
	}
}
