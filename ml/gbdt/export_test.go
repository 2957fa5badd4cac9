package gbdt

import (
	"context"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
)

// TrainWithin is Train with a limit on the bytes of histograms.
func TrainWithin(ctx context.Context, p Params, x *frame.Frame, y ml.Target, o ml.Options, budget int) (*Model, error) {
	b, err := Bin(ctx, p, x, o)
	if err != nil {
		return nil, err
	}
	return trainWithin(ctx, p, b, y, o, budget)
}
