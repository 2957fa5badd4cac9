package gbdt

// Bounds exposes bounds to tests.
func Bounds(values []float64, limit int) []float64 { return bounds(values, limit) }

// Bins exposes the look-up of bins to tests.
func Bins(upper, values []float64) []uint8 {
	out := make([]uint8, len(values))
	newBinner(upper).bins(values, out)
	return out
}
