package metric

import (
	"math"

	"github.com/narrativeml/narrative/ml"
)

// deviation returns rmse, mae or mape.
func deviation(name string, t ml.Target, outputs []float64) float64 {
	switch name {
	case MAE:
		return weightedMean(t, func(i int) float64 { return math.Abs(outputs[i] - t.Values[i]) })
	case MAPE:
		const epsilon = 0x1p-52
		return weightedMean(t, func(i int) float64 {
			return math.Abs(outputs[i]-t.Values[i]) / max(math.Abs(t.Values[i]), epsilon)
		})
	default:
		return math.Sqrt(weightedMean(t, func(i int) float64 {
			d := outputs[i] - t.Values[i]
			return d * d
		}))
	}
}

// r2 of a constant target is 1 when every value is met, else 0.
func r2(t ml.Target, outputs []float64) (float64, error) {
	if t.Len() < 2 {
		return 0, inputError("too_few_rows", "r2 is undefined for one row; at least 2 are needed")
	}
	mean := weightedMean(t, func(i int) float64 { return t.Values[i] })
	left := weightedMean(t, func(i int) float64 {
		d := outputs[i] - t.Values[i]
		return d * d
	})
	variance := weightedMean(t, func(i int) float64 {
		d := t.Values[i] - mean
		return d * d
	})
	switch {
	case variance > 1e-30*mean*mean: // not merely rounding
		return 1 - left/variance, nil
	case left > 0:
		return 0, nil
	default:
		return 1, nil
	}
}
