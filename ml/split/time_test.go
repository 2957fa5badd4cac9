package split_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/split"
)

// moments returns rows of some different times, mixed.
func moments(rows, times int, seed uint64) []int64 {
	r := rand.New(rand.NewPCG(seed, 8))
	out := make([]int64, rows)
	for i := range out {
		out[i] = int64(i * times / rows * 10)
	}
	r.Shuffle(rows, func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// before checks that every time of the one rows is less than all of the others.
func before(t *testing.T, times []int64, early, late []int) {
	t.Helper()
	if !slices.IsSorted(early) || !slices.IsSorted(late) {
		t.Error("rows do not ascend")
	}
	latest, first := int64(math.MinInt64), int64(math.MaxInt64)
	for _, row := range early {
		latest = max(latest, times[row])
	}
	for _, row := range late {
		first = min(first, times[row])
	}
	if latest >= first {
		t.Errorf("it is learned until %d and tested from %d", latest, first)
	}
}

func TestTimeFolds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rows, times int
		params      split.TimeParams
		train, test []int // sizes
	}{
		{60, 60, split.TimeParams{Folds: 5}, []int{10, 20, 30, 40, 50}, []int{10, 10, 10, 10, 10}},
		{61, 61, split.TimeParams{Folds: 2}, []int{20, 40}, []int{20, 21}},
		{60, 60, split.TimeParams{Folds: 3, Gap: 4}, []int{11, 26, 41}, []int{15, 15, 15}},
		{60, 60, split.TimeParams{Folds: 3, Window: 12}, []int{12, 12, 12}, []int{15, 15, 15}},
		{60, 60, split.TimeParams{Folds: 3, Gap: 5, Window: 20}, []int{10, 20, 20}, []int{15, 15, 15}},
		{60, 4, split.TimeParams{Folds: 3}, []int{15, 30, 45}, []int{15, 15, 15}},
		{60, 6, split.TimeParams{Folds: 3}, []int{10, 30, 40}, []int{20, 10, 20}}, // cuts at 10, 20, … for 15, 30 and 45
		{3, 3, split.TimeParams{Folds: 2}, []int{1, 2}, []int{1, 1}},
	} {
		times := moments(c.rows, c.times, 1)
		folds, err := split.TimeFolds(times, c.params)
		if err != nil {
			t.Fatal(err)
		}
		var train, test []int
		seen := map[int]bool{}
		for _, f := range folds {
			before(t, times, f.Train, f.Test)
			train, test = append(train, len(f.Train)), append(test, len(f.Test))
			for _, row := range f.Test {
				if seen[row] {
					t.Errorf("row %d is tested twice", row)
				}
				seen[row] = true
			}
		}
		if !slices.Equal(train, c.train) || !slices.Equal(test, c.test) {
			t.Errorf("%+v of %d rows: %v to learn from and %v to test, want %v and %v", c.params, c.rows, train, test, c.train, c.test)
		}
	}
}

// TestCrowdedTimes has most rows at one time: every fold still has rows.
func TestCrowdedTimes(t *testing.T) {
	t.Parallel()
	for at := range int64(6) {
		times := make([]int64, 0, 105)
		for k := range int64(6) {
			times = append(times, k)
		}
		times = append(times, slices.Repeat([]int64{at}, 99)...)
		folds, err := split.TimeFolds(times, split.TimeParams{Folds: 5})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range folds {
			before(t, times, f.Train, f.Test)
			if len(f.Train) == 0 || len(f.Test) == 0 {
				t.Errorf("a fold learns from %d rows and tests on %d", len(f.Train), len(f.Test))
			}
		}
	}
}

func TestTimeHoldout(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ rows, times, gap, least, keep, held int }{
		{100, 100, 0, 0, 80, 20},
		{100, 100, 7, 9, 73, 20},
		{100, 8, 0, 6, 75, 25}, // cuts at 13, 25, 38, 50, 63, 75 and 88 for 80
		{100, 8, 0, 7, 88, 12}, //
		{100, 2, 0, 1, 50, 50},
		{2, 2, 0, 1, 1, 1},
	} {
		times := moments(c.rows, c.times, 2)
		keep, held, err := split.TimeHoldout(times, 0.2, c.gap, c.least)
		if err != nil || len(keep) != c.keep || len(held) != c.held {
			t.Errorf("%+v: %d and %d rows (%v)", c, len(keep), len(held), err)
		}
		before(t, times, keep, held)
	}
}

func TestTimesRefuse(t *testing.T) {
	t.Parallel()
	times := moments(20, 20, 1)
	_, _, err := split.TimeHoldout([]int64{5, 5, 5}, 0.2, 0, 1)
	wantCode(t, err, "too_few_times", "the rows are of 1 time, at least 2")
	_, _, err = split.TimeHoldout(nil, 0.2, 0, 0)
	wantCode(t, err, "too_few_times", "0 times, at least 2")
	_, _, err = split.TimeHoldout(times, 0.2, -1, 1)
	wantCode(t, err, "invalid_parameter", "gap is -1")
	_, _, err = split.TimeHoldout(times, 0.2, 16, 1)
	wantCode(t, err, "gap_too_large", "a gap of 16 rows leaves none of 16 rows to learn from")
	_, _, err = split.TimeHoldout(times, 0.2, 0, 20)
	wantCode(t, err, "too_few_times", "20 times, at least 21")
	_, _, err = split.TimeHoldout(times, 0, 0, 1)
	wantCode(t, err, "invalid_parameter", "between 0 and 1")
	_, err = split.TimeFolds(times, split.TimeParams{Folds: 1})
	wantCode(t, err, "invalid_parameter", "at least 2")
	_, err = split.TimeFolds(times, split.TimeParams{Folds: 3, Gap: -1})
	wantCode(t, err, "invalid_parameter", "gap is -1")
	_, err = split.TimeFolds(times, split.TimeParams{Folds: 3, Window: -1})
	wantCode(t, err, "invalid_parameter", "window is -1")
	_, err = split.TimeFolds(times, split.TimeParams{Folds: 3, Gap: 5})
	wantCode(t, err, "gap_too_large", "5 rows to learn from in fold 1 of 3")
	_, err = split.TimeFolds(moments(20, 4, 1), split.DefaultTimeParams())
	wantCode(t, err, "too_few_times", "4 times, at least 6 are needed for 5 folds")
	_, err = split.TimeFolds(nil, split.DefaultTimeParams())
	wantCode(t, err, "too_few_times", "0 times")
}

func TestTimes(t *testing.T) {
	t.Parallel()
	got, err := split.Times(frame.NewFloat("year", []float64{2001.5, -3, 2001.5, math.Inf(1)}))
	if err != nil || !slices.Equal(got, []int64{1, 0, 1, 2}) {
		t.Errorf("floats give %v (%v)", got, err)
	}
	for _, typ := range []frame.Type{frame.Int, frame.Time} {
		got, err := split.Times(frame.NewInt("at", typ, []int64{math.MaxInt64, 1, 2}, nil))
		if err != nil || !slices.Equal(got, []int64{math.MaxInt64, 1, 2}) {
			t.Errorf("%s gives %v (%v)", typ, got, err)
		}
	}
	var gone frame.Bitmap
	gone.Set(1)
	_, err = split.Times(frame.NewInt("at", frame.Time, []int64{1, 2}, gone))
	wantCode(t, err, "missing_time", `column "at" is missing in row 2`)
	_, err = split.Times(frame.StringsOf("at", []string{"now"}, nil))
	wantCode(t, err, "column_type", "of type string")
	_, err = split.Times(frame.NewInt("at", frame.Bool, []int64{1}, nil))
	wantCode(t, err, "column_type", "of type boolean")
}

func TestRepeats(t *testing.T) {
	t.Parallel()
	first, err := split.KFold(50, 5, 9)
	if err != nil {
		t.Fatal(err)
	}
	all, err := split.RepeatedKFold(50, 5, 10, 9)
	if err != nil || len(all) != 10 || !slices.Equal(all[0], first) {
		t.Errorf("%d repeats, the first is %v, want %v (%v)", len(all), all[0], first, err)
	}
	for i, a := range all {
		for k := range 5 {
			outside, inside := split.Parts(a, k)
			partition(t, 50, outside, inside)
			if len(inside) != 10 {
				t.Errorf("fold %d has %d rows", k, len(inside))
			}
		}
		for _, b := range all[:i] {
			if slices.Equal(a, b) {
				t.Errorf("repeat %d repeats another", i)
			}
		}
	}
	again, err := split.RepeatedKFold(50, 5, 3, 9)
	if err != nil || !slices.EqualFunc(again, all[:3], slices.Equal) {
		t.Errorf("fewer repeats are others (%v)", err)
	}
	classes, names := classesOf(30, 20)
	stratified, err := split.RepeatedStratifiedKFold(classes, names, 5, 3, 2)
	if err != nil || len(stratified) != 3 || slices.Equal(stratified[0], stratified[1]) {
		t.Errorf("%v (%v)", stratified, err)
	}
	for _, fold := range stratified {
		var rare [5]int
		for row, k := range fold {
			rare[k] += classes[row]
		}
		if rare != [5]int{4, 4, 4, 4, 4} {
			t.Errorf("the folds have %v rows of the rarer class", rare)
		}
	}
	for _, n := range []int{0, -1, 101} {
		_, err = split.RepeatedKFold(50, 5, n, 9)
		wantCode(t, err, "invalid_parameter", fmt.Sprintf("%d repeats", n))
	}
	_, err = split.RepeatedStratifiedKFold(classes, names, 40, 2, 2)
	wantCode(t, err, "class_too_small", "at least 40")
}

func ExampleStratifiedKFold() {
	classes := []int{0, 0, 0, 0, 1, 1}
	fold, err := split.StratifiedKFold(classes, []string{"stays", "leaves"}, 2, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	for k := range 2 {
		outside, inside := split.Parts(fold, k)
		fmt.Println("learn from", outside, "test on", inside)
	}
	// Output:
	// learn from [2 3 4] test on [0 1 5]
	// learn from [0 1 5] test on [2 3 4]
}

// The rows of a patient are either learned from or tested on.
func ExampleGroupKFold() {
	patients, err := split.Groups(frame.StringsOf("patient", []string{"ann", "bob", "ann", "cid", "bob", "dan"}, nil))
	if err != nil {
		fmt.Println(err)
		return
	}
	fold, err := split.GroupKFold(patients, 2, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	for k := range 2 {
		outside, inside := split.Parts(fold, k)
		fmt.Println("learn from", outside, "test on", inside)
	}
	// Output:
	// learn from [1 3 4] test on [0 2 5]
	// learn from [0 2 5] test on [1 3 4]
}

// Each fold learns from the past of what it is tested on, less two rows.
func ExampleTimeFolds() {
	years, err := split.Times(frame.NewInt("year", frame.Int, []int64{2003, 2001, 2002, 2006, 2004, 2005, 2000, 2007, 2008}, nil))
	if err != nil {
		fmt.Println(err)
		return
	}
	folds, err := split.TimeFolds(years, split.TimeParams{Folds: 2, Gap: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range folds {
		fmt.Println("learn from", f.Train, "test on", f.Test)
	}
	// Output:
	// learn from [6] test on [0 4 5]
	// learn from [0 1 2 6] test on [3 7 8]
}
