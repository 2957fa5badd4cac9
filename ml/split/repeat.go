package split

// maxRepeats is how often a division can be repeated.
const maxRepeats = 100

// Repeat divides several times, 1 to 100, each time with a seed of its own that
// follows from the first: what a division with that seed gives is the first of
// them.
func Repeat(repeats int, seed uint64, divide func(seed uint64) ([]int, error)) ([][]int, error) {
	if repeats < 1 || repeats > maxRepeats {
		return nil, invalid("invalid_parameter", "repeats", "%d repeats were asked for, there should be 1 to %d", repeats, maxRepeats)
	}
	all := make([][]int, repeats)
	for k := range all {
		fold, err := divide(repeatSeed(seed, k))
		if err != nil {
			return nil, err
		}
		all[k] = fold
	}
	return all, nil
}

// repeatSeed mixes the number of the repeat into the seed, so that the seeds
// of neighbouring calls have nothing in common (the finaliser of S. Vigna's
// SplitMix64).
func repeatSeed(seed uint64, repeat int) uint64 {
	if repeat == 0 {
		return seed
	}
	x := seed + uint64(repeat)*0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// RepeatedKFold returns the folds of each row for each repeat.
func RepeatedKFold(rows, folds, repeats int, seed uint64) ([][]int, error) {
	return Repeat(repeats, seed, func(seed uint64) ([]int, error) { return KFold(rows, folds, seed) })
}

// RepeatedStratifiedKFold returns the folds of each row for each repeat.
func RepeatedStratifiedKFold(classes []int, names []string, folds, repeats int, seed uint64) ([][]int, error) {
	return Repeat(repeats, seed, func(seed uint64) ([]int, error) {
		return StratifiedKFold(classes, names, folds, seed)
	})
}
