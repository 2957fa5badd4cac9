package split_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/split"
)

// classesOf returns counts[k] rows of class k, mixed.
func classesOf(counts ...int) (classes []int, names []string) {
	for k := range counts {
		names = append(names, string(rune('a'+k)))
	}
	left := slices.Clone(counts)
	for again := true; again; {
		again = false
		for k := range left {
			if left[k] > 0 {
				left[k]--
				again = true
				classes = append(classes, k)
			}
		}
	}
	return classes, names
}

func partition(t *testing.T, rows int, parts ...[]int) {
	t.Helper()
	seen := make([]int, rows)
	for _, p := range parts {
		if !slices.IsSorted(p) {
			t.Errorf("rows %v do not ascend", p)
		}
		for _, row := range p {
			seen[row]++
		}
	}
	for row, n := range seen {
		if n != 1 {
			t.Fatalf("row %d is in %d parts", row, n)
		}
	}
}

func wantCode(t *testing.T, err error, code, text string) {
	t.Helper()
	var e *ml.InputError
	if !errors.As(err, &e) || e.Code != code || !strings.Contains(e.Message, text) {
		t.Errorf("error %v, want code %s and %q", err, code, text)
	}
}

func TestHoldout(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rows, want int
		fraction   float64
	}{{10, 2, 0.2}, {11, 2, 0.2}, {2, 1, 0.05}, {2, 1, 0.99}, {1000, 333, 0.333}} {
		keep, held, err := split.Holdout(c.rows, c.fraction, 3)
		if err != nil || len(held) != c.want {
			t.Errorf("%d of %d rows are held out, error %v; want %d", len(held), c.rows, err, c.want)
		}
		partition(t, c.rows, keep, held)
	}
	_, _, err := split.Holdout(1, 0.5, 1)
	wantCode(t, err, "too_few_rows", "at least 2")
	for _, f := range []float64{0, 1, -1, math.NaN()} {
		_, _, err := split.Holdout(10, f, 1)
		wantCode(t, err, "invalid_parameter", "between 0 and 1")
	}
}

func TestSeeds(t *testing.T) {
	t.Parallel()
	a, _, _ := split.Holdout(100, 0.5, 1)
	b, _, _ := split.Holdout(100, 0.5, 1)
	c, _, _ := split.Holdout(100, 0.5, 2)
	if !slices.Equal(a, b) || slices.Equal(a, c) {
		t.Error("the seed does not decide")
	}
	// These are fixed for good: a model must be the same tomorrow.
	if _, held, _ := split.Holdout(20, 0.25, 1); !slices.Equal(held, []int{1, 10, 11, 16, 19}) {
		t.Errorf("seed 1 holds out %v", held)
	}
}

func TestStratifiedHoldout(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		counts, want []int
		fraction     float64
		atLeast      int
	}{
		{[]int{50, 30, 20}, []int{10, 6, 4}, 0.2, 5},
		{[]int{357, 212}, []int{72, 42}, 0.2, 5},     // 71.4 and 42.4: the remainder decides
		{[]int{100, 6}, []int{20, 1}, 0.2, 5},        // 20 and 1.2
		{[]int{100, 7}, []int{50, 2}, 0.5, 5},        // 3.5 would leave too few
		{[]int{100, 2}, []int{5, 1}, 0.05, 1},        // 0.1, but one can be spared
		{[]int{100, 5}, []int{20, 0}, 0.2, 5},        // none can be spared
		{[]int{10, 10, 10}, []int{4, 3, 3}, 0.33, 1}, // 3.3 each, 9.9 in all
	} {
		classes, names := classesOf(c.counts...)
		keep, held, err := split.StratifiedHoldout(classes, names, c.fraction, c.atLeast, 9)
		if err != nil {
			t.Errorf("%v: %v", c.counts, err)
			continue
		}
		partition(t, len(classes), keep, held)
		got := make([]int, len(names))
		for _, row := range held {
			got[classes[row]]++
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("of %v %v are held out, want %v", c.counts, got, c.want)
		}
	}
	classes, names := classesOf(20, 1)
	_, _, err := split.StratifiedHoldout(classes, names, 0.2, 5, 1)
	wantCode(t, err, "class_too_small", `class "b" has 1 row, at least 5`)
	_, _, err = split.StratifiedHoldout(classes, names, 2, 5, 1)
	wantCode(t, err, "invalid_parameter", "between 0 and 1")
}

func TestKFold(t *testing.T) {
	t.Parallel()
	fold, err := split.KFold(23, 5, 4)
	if err != nil {
		t.Fatal(err)
	}
	for k := range 5 {
		outside, inside := split.Parts(fold, k)
		partition(t, 23, outside, inside)
		if n := len(inside); n < 4 || n > 5 {
			t.Errorf("fold %d has %d rows", k, n)
		}
	}
	_, err = split.KFold(3, 5, 1)
	wantCode(t, err, "too_few_rows", "3 rows for 5 folds")
	_, err = split.KFold(30, 1, 1)
	wantCode(t, err, "invalid_parameter", "at least 2")
}

func TestStratifiedKFold(t *testing.T) {
	t.Parallel()
	counts := []int{53, 31, 5}
	classes, names := classesOf(counts...)
	fold, err := split.StratifiedKFold(classes, names, 5, 2)
	if err != nil {
		t.Fatal(err)
	}
	sizes := make([]int, 5)
	per := make([][3]int, 5)
	for row, k := range fold {
		sizes[k]++
		per[k][classes[row]]++
	}
	if slices.Max(sizes)-slices.Min(sizes) > 1 {
		t.Errorf("the folds have %v rows", sizes)
	}
	for k, n := range per {
		for c := range counts {
			if low := counts[c] / 5; n[c] < low || n[c] > low+1 {
				t.Errorf("fold %d has %d of the %d rows of class %d", k, n[c], counts[c], c)
			}
		}
	}
	classes, names = classesOf(20, 4)
	_, err = split.StratifiedKFold(classes, names, 5, 2)
	wantCode(t, err, "class_too_small", `class "b" has 4 rows, at least 5`)
	_, err = split.StratifiedKFold(classes, names, 50, 2)
	wantCode(t, err, "too_few_rows", "24 rows for 50 folds")
}
