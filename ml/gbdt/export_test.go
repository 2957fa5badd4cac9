package gbdt

import (
	"context"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
)

// TrainWithin is Train with a limit on the bytes of histograms.
func TrainWithin(ctx context.Context, p Params, x *frame.Frame, y ml.Target, o ml.Options, budget int) (*Model, error) {
	return trainWithin(ctx, p, x, y, o, budget)
}

// Bounds exposes bounds to tests.
func Bounds(values []float64, limit int) []float64 { return bounds(values, limit) }

// Bins exposes the look-up of bins to tests.
func Bins(upper, values []float64) []uint8 {
	out := make([]uint8, len(values))
	newBinner(upper).bins(values, out)
	return out
}
