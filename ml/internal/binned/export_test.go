package binned

// Bounds sorts the values and exposes bounds to tests.
func Bounds(values []float64, limit int) []float64 {
	var s sorter
	s.sort(values)
	return bounds(values, limit)
}

// Bins exposes the look-up of bins to tests.
func Bins(upper, values []float64) []uint8 {
	out := make([]uint8, len(values))
	newBinner(upper).bins(values, out)
	return out
}

// HasGrid reports whether the look-up uses a grid.
func HasGrid(upper []float64) bool { return newBinner(upper).grid != nil }
