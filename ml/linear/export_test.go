package linear

import (
	"context"
	"runtime"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/internal/parallel"
)

// BlocksAfterStop makes a pass over a table that is to stop at its first block.
// It returns how many blocks the pass looked at, and how many there are.
func BlocksAfterStop(ctx context.Context, x *frame.Frame, y ml.Target) (seen, all int, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	one, end := parallel.New(ctx, 1)
	defer end()
	columns, err := newColumns(x, one)
	if err != nil {
		return 0, 0, err
	}
	d := newFit(LogLoss, columns, y, one).design
	d.run(pass{rows: func([][]float64, int, int) float64 {
		seen++
		stop()
		for !one.Stopped() {
			runtime.Gosched() // the watch runs in a goroutine of its own
		}
		return 0
	}})
	return seen, (d.rows + blockRows - 1) / blockRows, nil
}

// Least is least of terms l1*|x-kink| + l2/2*(x-kink)².
func Least(kinks, l1, l2 []float64) float64 {
	terms := make([]term, len(kinks))
	for i, k := range kinks {
		terms[i] = term{k, l1[i], l2[i]}
	}
	return least(terms)
}
