package tuning

import (
	"context"
	"io"
	"slices"

	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/search"
)

// curvePart is how many points are written at a time.
const curvePart = 8192

// store writes the whole curve as a CSV file with a line for each point, by
// falling threshold. Numbers are the shortest texts that read as the same
// number, so the same curve is the same bytes.
func (r *Runner) store(ctx context.Context, key string, points []search.Point) error {
	out := tabular.NewOutlet(ctx, func(ctx context.Context, in io.Reader) error {
		_, err := r.files.Put(ctx, key, "text/csv; charset=utf-8", in)
		return err
	})
	return out.Close(writeCurve(out, points))
}

func writeCurve(w io.Writer, points []search.Point) error {
	head, err := curveFrame(nil)
	if err != nil {
		return err
	}
	file, err := tabular.NewWriter(w, tabular.KindCSV, tabular.SchemaOf(head))
	if err != nil {
		return err
	}
	for part := range slices.Chunk(points, curvePart) {
		f, err := curveFrame(part)
		if err != nil {
			return err
		}
		if err := file.Write(f); err != nil {
			return err
		}
	}
	return file.Close()
}

// curveFrame makes columns of points.
func curveFrame(points []search.Point) (*frame.Frame, error) {
	count := func(name string, of func(search.Point) int) frame.Column {
		values := make([]int64, len(points))
		for i, p := range points {
			values[i] = int64(of(p))
		}
		return frame.NewInt(name, frame.Int, values, nil)
	}
	rate := func(name string, of func(search.Point) float64) frame.Column {
		values := make([]float64, len(points))
		for i, p := range points {
			values[i] = of(p)
		}
		return frame.NewFloat(name, values)
	}
	return frame.New(
		rate("threshold", func(p search.Point) float64 { return p.Threshold }),
		count("tp", func(p search.Point) int { return p.TP }),
		count("fp", func(p search.Point) int { return p.FP }),
		count("tn", func(p search.Point) int { return p.TN }),
		count("fn", func(p search.Point) int { return p.FN }),
		rate("precision", func(p search.Point) float64 { return p.Precision }),
		rate("recall", func(p search.Point) float64 { return p.Recall }),
		rate("specificity", func(p search.Point) float64 { return p.Specificity }),
		rate("accuracy", func(p search.Point) float64 { return p.Accuracy }),
		rate("f1", func(p search.Point) float64 { return p.F1() }),
		rate("score", func(p search.Point) float64 { return p.Score }),
	)
}
