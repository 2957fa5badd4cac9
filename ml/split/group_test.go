package split_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/split"
)

// grouped draws rows of groups of up to most rows, mixed, each group mostly of
// one of the classes.
func grouped(groups, most, classes int, seed uint64) (group, class []int) {
	r := rand.New(rand.NewPCG(seed, 3))
	for g := range groups {
		kind := r.IntN(classes)
		for range 1 + r.IntN(most) {
			k := kind
			if r.IntN(4) == 0 {
				k = r.IntN(classes)
			}
			group, class = append(group, 100*g), append(class, k)
		}
	}
	r.Shuffle(len(group), func(i, j int) {
		group[i], group[j] = group[j], group[i]
		class[i], class[j] = class[j], class[i]
	})
	return group, class
}

// together checks that no group is on two sides.
func together(t *testing.T, group, side []int) {
	t.Helper()
	of := map[int]int{}
	for row, g := range group {
		if s, ok := of[g]; ok && s != side[row] {
			t.Fatalf("group %d is on the sides %d and %d", g, s, side[row])
		}
		of[g] = side[row]
	}
}

func TestGroupKFold(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		group, class := grouped(80, 12, 3, seed)
		plain, err := split.GroupKFold(group, 5, seed)
		if err != nil {
			t.Fatal(err)
		}
		stratified, err := split.StratifiedGroupKFold(class, 3, group, 5, seed)
		if err != nil {
			t.Fatal(err)
		}
		for name, fold := range map[string][]int{"plain": plain, "stratified": stratified} {
			together(t, group, fold)
			sizes, per := make([]float64, 5), [5][3]float64{}
			var totals [3]float64
			for row, k := range fold {
				sizes[k]++
				per[k][class[row]]++
				totals[class[row]]++
			}
			even := float64(len(group)) / 5
			if slices.Max(sizes) > 1.2*even || slices.Min(sizes) < 0.8*even {
				t.Errorf("%s, seed %d: the folds have %v rows", name, seed, sizes)
			}
			for c, total := range totals {
				for k := range per {
					if share := per[k][c] / total; name == "stratified" && math.Abs(share-0.2) > 0.08 {
						t.Errorf("seed %d: fold %d has %.2f of class %d", seed, k, share, c)
					}
				}
			}
		}
	}
}

func TestGroupHoldout(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		group, class := grouped(80, 12, 3, seed)
		for _, fraction := range []float64{0.1, 0.2, 0.5} {
			for name, divide := range map[string]func() (keep, held []int, err error){
				"plain": func() (keep, held []int, err error) { return split.GroupHoldout(group, fraction, 10, seed) },
				"stratified": func() (keep, held []int, err error) {
					return split.StratifiedGroupHoldout(class, 3, group, fraction, 10, seed)
				},
			} {
				keep, held, err := divide()
				if err != nil {
					t.Fatal(err)
				}
				partition(t, len(group), keep, held)
				side := make([]int, len(group))
				var per, totals [3]float64
				for _, row := range held {
					side[row] = 1
					per[class[row]]++
				}
				for _, k := range class {
					totals[k]++
				}
				together(t, group, side)
				if got := float64(len(held)) / float64(len(group)); math.Abs(got-fraction) > 0.04 {
					t.Errorf("%s, seed %d: %.3f of the rows are held out, want %v", name, seed, got, fraction)
				}
				for c := range per {
					if got := per[c] / totals[c]; name == "stratified" && math.Abs(got-fraction) > 0.08 {
						t.Errorf("seed %d: %.3f of class %d are held out, want %v", seed, got, c, fraction)
					}
				}
			}
		}
	}
}

// TestFewGroups checks that no side is empty, however uneven the groups are.
func TestFewGroups(t *testing.T) {
	t.Parallel()
	for _, sizes := range [][]int{{1, 1}, {50, 50}, {99, 1}, {1, 99}, {90, 5, 5}, {40, 30, 20, 10}} {
		var group []int
		for g, n := range sizes {
			group = append(group, slices.Repeat([]int{g}, n)...)
		}
		for _, fraction := range []float64{0.01, 0.2, 0.5, 0.99} {
			keep, held, err := split.GroupHoldout(group, fraction, len(sizes)-1, 1)
			kept := map[int]bool{}
			for _, row := range keep {
				kept[group[row]] = true
			}
			if err != nil || len(keep) == 0 || len(held) == 0 || len(kept) != len(sizes)-1 {
				t.Errorf("%v in groups of %v leaves %d and %d rows (%v)", fraction, sizes, len(keep), len(held), err)
			}
		}
		fold, err := split.GroupKFold(group, len(sizes), 1)
		if err != nil {
			t.Fatal(err)
		}
		together(t, group, fold)
		if found := slices.Compact(slices.Sorted(slices.Values(fold))); len(found) != len(sizes) {
			t.Errorf("groups of %v are in the folds %v", sizes, found)
		}
	}
	// One group is most of a class: the other classes still are where they are missed.
	class := []int{0, 0, 0, 0, 0, 0, 0, 0, 1, 1}
	group := []int{1, 1, 1, 1, 1, 1, 2, 3, 4, 5}
	fold, err := split.StratifiedGroupKFold(class, 2, group, 2, 1)
	if err != nil || fold[8] == fold[9] || fold[6] == fold[0] || fold[7] == fold[0] {
		t.Errorf("the folds are %v (%v)", fold, err)
	}
}

func TestGroupSeeds(t *testing.T) {
	t.Parallel()
	group, class := grouped(40, 3, 2, 1)
	a, _ := split.StratifiedGroupKFold(class, 2, group, 4, 1)
	b, _ := split.StratifiedGroupKFold(class, 2, group, 4, 1)
	c, _ := split.StratifiedGroupKFold(class, 2, group, 4, 2)
	if !slices.Equal(a, b) || slices.Equal(a, c) {
		t.Error("the seed does not decide")
	}
	// These are fixed for good: a model must be the same tomorrow.
	small := []int{7, 7, 8, 8, 8, 9, 3, 3, 4, 5}
	if fold, _ := split.GroupKFold(small, 3, 1); !slices.Equal(fold, []int{0, 0, 1, 1, 1, 2, 2, 2, 0, 0}) {
		t.Errorf("seed 1 gives %v", fold)
	}
	if _, held, _ := split.GroupHoldout(small, 0.3, 1, 1); !slices.Equal(held, []int{2, 3, 4}) {
		t.Errorf("seed 1 holds out %v", held)
	}
}

func TestGroupsRefuse(t *testing.T) {
	t.Parallel()
	one := []int{4, 4, 4, 4}
	_, _, err := split.GroupHoldout(one, 0.2, 0, 1)
	wantCode(t, err, "too_few_groups", "the rows are of 1 group, at least 2")
	_, _, err = split.StratifiedGroupHoldout([]int{0, 1, 0, 1}, 2, one, 0.2, 1, 1)
	wantCode(t, err, "too_few_groups", "the rows are of 1 group, at least 2")
	_, _, err = split.GroupHoldout(nil, 0.2, 1, 1)
	wantCode(t, err, "too_few_groups", "0 groups, at least 2")
	_, _, err = split.GroupHoldout(one, 1, 1, 1)
	wantCode(t, err, "invalid_parameter", "between 0 and 1")
	_, _, err = split.GroupHoldout([]int{1, 2, 3}, 0.2, 3, 1)
	wantCode(t, err, "too_few_groups", "the rows are of 3 groups, at least 4")
	_, err = split.GroupKFold([]int{1, 2, 1, 2}, 3, 1)
	wantCode(t, err, "too_few_groups", "the rows are of 2 groups, at least 3 are needed for 3 folds")
	_, err = split.GroupKFold(one, 1, 1)
	wantCode(t, err, "invalid_parameter", "at least 2")
	_, err = split.GroupKFold(one, 5, 1)
	wantCode(t, err, "too_few_rows", "4 rows for 5 folds")
	if _, err := split.StratifiedGroupKFold([]int{0, 1}, 2, one, 2, 1); err == nil {
		t.Error("classes of other rows are taken")
	}
}

func TestGroups(t *testing.T) {
	t.Parallel()
	for _, c := range []frame.Column{
		frame.StringsOf("g", []string{"b", "a", "b", "c"}, nil),
		frame.NewString("g", []int32{2, 0, 2, 1}, []string{"x", "y", "z", "never"}),
		frame.NewFloat("g", []float64{0, 1.5, math.Copysign(0, -1), -2}),
		frame.NewInt("g", frame.Int, []int64{9, 7, 9, 8}, nil),
		frame.NewInt("g", frame.Time, []int64{1, 0, 1, 5}, nil),
	} {
		got, err := split.Groups(c)
		if err != nil || !slices.Equal(got, []int{0, 1, 0, 2}) {
			t.Errorf("%s gives %v (%v)", c.Type(), got, err)
		}
	}
	_, err := split.Groups(frame.NewFloat("clinic", []float64{1, math.NaN()}))
	wantCode(t, err, "missing_group", `column "clinic" is missing in row 2`)
	_, err = split.Groups(frame.NewString("clinic", []int32{0, 0, -1}, []string{"a"}))
	wantCode(t, err, "missing_group", "in row 3")
}
