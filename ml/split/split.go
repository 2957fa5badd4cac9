package split

import (
	"cmp"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"

	"github.com/narrativeml/narrative/ml"
)

// stream separates the random numbers of this package from those of others
// that start from the same seed.
const stream = 0x73706c6974

// shuffled returns 0 … n-1 in random order. The generator and the way its
// numbers are used are both fixed, whatever the standard library does next.
func shuffled(n int, seed uint64) []int {
	source := rand.NewPCG(seed, stream)
	order := make([]int, n)
	for i := range order {
		j, _ := bits.Mul64(source.Uint64(), uint64(i)+1) // 0 … i
		order[i] = order[j]
		order[j] = i
	}
	return order
}

func invalid(code, name, format string, args ...any) error {
	return &ml.InputError{Code: code, Parameter: name, Row: -1, Message: fmt.Sprintf(format, args...)}
}

func checkFraction(f float64) error {
	if !(f > 0 && f < 1) {
		return invalid("invalid_parameter", "test_fraction", "the fraction of rows to hold out is %v, it should be between 0 and 1", f)
	}
	return nil
}

func checkFolds(folds, rows int) error {
	if folds < 2 {
		return invalid("invalid_parameter", "folds", "%d folds were asked for, there should be at least 2", folds)
	}
	if rows < folds {
		return invalid("too_few_rows", "", "there are %d rows for %d folds, there should be at least as many rows as folds", rows, folds)
	}
	return nil
}

// Holdout draws the rounded fraction of rows 0 … rows-1, at least one and not
// all. Both results ascend.
func Holdout(rows int, fraction float64, seed uint64) (keep, held []int, err error) {
	if err := checkFraction(fraction); err != nil {
		return nil, nil, err
	}
	if rows < 2 {
		return nil, nil, invalid("too_few_rows", "", "there are %d rows, at least 2 are needed to hold some out", rows)
	}
	n := max(1, min(rows-1, int(math.Round(fraction*float64(rows)))))
	order := shuffled(rows, seed)
	held, keep = order[:n:n], order[n:]
	slices.Sort(held)
	slices.Sort(keep)
	return keep, held, nil
}

// StratifiedHoldout draws the rounded fraction of the rows so that each class
// has its share among them, by largest remainder. Every class keeps at least
// atLeast rows and, where it has one to spare, gives at least one. classes
// holds the class of each row, 0 … len(names)-1. A class that has fewer than
// atLeast rows, or none, is an error, and so is a row of another class. Both results ascend.
func StratifiedHoldout(classes []int, names []string, fraction float64, atLeast int, seed uint64) (keep, held []int, err error) {
	if err := checkFraction(fraction); err != nil {
		return nil, nil, err
	}
	atLeast = max(0, atLeast)
	if err := checkClasses(classes, names, max(1, atLeast), "besides those that are held out"); err != nil {
		return nil, nil, err
	}
	quota := quotas(count(classes, len(names)), fraction, atLeast)
	for _, row := range shuffled(len(classes), seed) {
		if k := classes[row]; quota[k] > 0 {
			quota[k]--
			held = append(held, row)
		} else {
			keep = append(keep, row)
		}
	}
	slices.Sort(held)
	slices.Sort(keep)
	return keep, held, nil
}

// quotas shares the held-out rows among the classes.
func quotas(counts []int, fraction float64, atLeast int) []int {
	type share struct {
		class     int
		remainder float64
	}
	quota := make([]int, len(counts))
	shares := make([]share, len(counts))
	total, given := 0, 0
	for k, n := range counts {
		exact := fraction * float64(n)
		quota[k] = int(exact)
		shares[k] = share{k, exact - math.Floor(exact)}
		total += n
		given += quota[k]
	}
	slices.SortStableFunc(shares, func(a, b share) int { return cmp.Compare(b.remainder, a.remainder) })
	for i := 0; given < int(math.Round(fraction*float64(total))) && i < len(shares); i++ {
		quota[shares[i].class]++
		given++
	}
	for k, n := range counts {
		quota[k] = min(max(quota[k], 1), n-atLeast)
	}
	return quota
}

// KFold returns the fold of each row, 0 … folds-1. The sizes of the folds
// differ by one at most.
func KFold(rows, folds int, seed uint64) ([]int, error) {
	if err := checkFolds(folds, rows); err != nil {
		return nil, err
	}
	fold := make([]int, rows)
	for i, row := range shuffled(rows, seed) {
		fold[row] = i % folds
	}
	return fold, nil
}

// StratifiedKFold returns the fold of each row, 0 … folds-1. The numbers of
// rows of each class in the folds differ by one at most, and so do the sizes
// of the folds. A class with fewer rows than folds is an error, and so is a row
// of another class than 0 … len(names)-1.
func StratifiedKFold(classes []int, names []string, folds int, seed uint64) ([]int, error) {
	if err := checkFolds(folds, len(classes)); err != nil {
		return nil, err
	}
	if err := checkClasses(classes, names, folds, fmt.Sprintf("for one in each of the %d folds", folds)); err != nil {
		return nil, err
	}
	// Dealing the rows class by class, without starting again at the first
	// fold, keeps the folds even too.
	next := make([]int, len(names))
	for k, n := range count(classes, len(names))[:len(names)-1] {
		next[k+1] = next[k] + n
	}
	fold := make([]int, len(classes))
	for _, row := range shuffled(len(classes), seed) {
		k := classes[row]
		fold[row] = next[k] % folds
		next[k]++
	}
	return fold, nil
}

// Parts returns the rows outside and inside of a fold, both ascending.
func Parts(fold []int, k int) (outside, inside []int) {
	for row, f := range fold {
		if f == k {
			inside = append(inside, row)
		} else {
			outside = append(outside, row)
		}
	}
	return outside, inside
}

func count(classes []int, n int) []int {
	counts := make([]int, n)
	for _, k := range classes {
		counts[k]++
	}
	return counts
}

// maxClasses is how many classes rows may be of: as many are counted.
const maxClasses = 1 << 24

// checkNumbers looks whether the classes of the rows are 0 … n-1.
func checkNumbers(classes []int, n int) error {
	if n < 1 || n > maxClasses {
		return invalid("class_count", "", "there are %d classes, there should be 1 to %d", n, maxClasses)
	}
	for row, k := range classes {
		if k < 0 || k >= n {
			return &ml.InputError{Code: "unknown_class", Row: row, Message: fmt.Sprintf("the class of row %d is %d, it should be between 0 and %d", row+1, k, n-1)}
		}
	}
	return nil
}

func checkClasses(classes []int, names []string, need int, why string) error {
	if err := checkNumbers(classes, len(names)); err != nil {
		return err
	}
	for k, n := range count(classes, len(names)) {
		if n < need {
			return invalid("class_too_small", "", "class %q has %s, at least %d are needed %s", names[k], rowCount(n), need, why)
		}
	}
	return nil
}

func rowCount(n int) string { return plural(n, "row") }

// plural returns a number with its noun.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
