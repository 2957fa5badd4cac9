package split_test

import (
	"errors"
	"math"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/split"
)

// TestClassesOutOfRange gives every function that takes classes one that is not
// there.
func TestClassesOutOfRange(t *testing.T) {
	t.Parallel()
	names, groups := []string{"a", "b"}, []int{0, 1, 2, 3, 4, 5}
	type division func(classes []int, n int) error
	all := map[string]division{
		"StratifiedHoldout": func(classes []int, n int) error {
			_, _, err := split.StratifiedHoldout(classes, names[:n], 0.3, 1, 1)
			return err
		},
		"StratifiedKFold": func(classes []int, n int) error {
			_, err := split.StratifiedKFold(classes, names[:n], 2, 1)
			return err
		},
		"RepeatedStratifiedKFold": func(classes []int, n int) error {
			_, err := split.RepeatedStratifiedKFold(classes, names[:n], 2, 2, 1)
			return err
		},
		"StratifiedGroupHoldout": func(classes []int, n int) error {
			_, _, err := split.StratifiedGroupHoldout(classes, n, groups, 0.3, 2, 1)
			return err
		},
		"StratifiedGroupKFold": func(classes []int, n int) error {
			_, err := split.StratifiedGroupKFold(classes, n, groups, 2, 1)
			return err
		},
	}
	for name, divide := range all {
		if err := divide([]int{0, 1, 0, 1, 0, 1}, 2); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, k := range []int{-1, 2, math.MinInt, math.MaxInt} {
			err := divide([]int{0, 1, 0, k, 1, 0}, 2)
			if e, ok := errors.AsType[*ml.InputError](err); !ok || e.Code != "unknown_class" || e.Row != 3 {
				t.Errorf("%s: a class of %d gives %v", name, k, err)
			}
		}
		err := divide([]int{0, 0, 0, 0, 0, 0}, 0)
		if e, ok := errors.AsType[*ml.InputError](err); !ok || e.Code != "class_count" {
			t.Errorf("%s: no classes give %v", name, err)
		}
	}
	for _, n := range []int{-1, math.MaxInt} {
		_, err := split.StratifiedGroupKFold(make([]int, 6), n, groups, 2, 1)
		if e, ok := errors.AsType[*ml.InputError](err); !ok || e.Code != "class_count" {
			t.Errorf("%d classes give %v", n, err)
		}
	}
}

// TestEnormousNumbers asks for more than there can be.
func TestEnormousNumbers(t *testing.T) {
	t.Parallel()
	const most = math.MaxInt
	groups, times := []int{0, 1, 2}, []int64{1, 2, 3}
	for name, divide := range map[string]func() error{
		"groups": func() error { _, _, err := split.GroupHoldout(groups, 0.3, most, 1); return err },
		"times":  func() error { _, _, err := split.TimeHoldout(times, 0.3, 0, most); return err },
		"folds":  func() error { _, err := split.TimeFolds(times, split.TimeParams{Folds: most}); return err },
		"classes": func() error {
			_, _, err := split.StratifiedHoldout(groups, []string{"a", "b", "c"}, 0.3, most, 1)
			return err
		},
	} {
		if e, ok := errors.AsType[*ml.InputError](divide()); !ok || e.Message == "" {
			t.Errorf("%s: as many as there are numbers are given", name)
		}
	}
	keep, held, err := split.StratifiedHoldout([]int{0, 0, 0, 1, 1, 1}, []string{"a", "b"}, 0.5, math.MinInt, 1)
	if err != nil || len(keep) == 0 || len(held) == 0 {
		t.Errorf("at least a negative number gives %v, %v, %v", keep, held, err)
	}
}
