package drill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/narrativeml/narrative/internal/sample"
	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml/automl"
	"github.com/narrativeml/narrative/ml/frame"
)

// MLArea measures the learners beside their peers on made tables, and how long
// it takes to train and compare the candidates on each bundled data set and how
// good the best is; where there is a committed reference on identical rows,
// that is the peer.
func MLArea(plan MLPlan) Area {
	return Area{Name: "ml", Measure: func(ctx context.Context, out io.Writer) ([]Figure, error) {
		figures, err := plan.learn(ctx, &mlDrill{out: out})
		if err != nil {
			return nil, err
		}
		for _, set := range sample.Sets() {
			more, err := trainSample(ctx, set)
			if err != nil {
				return nil, fmt.Errorf("train %s: %w", set.Name, err)
			}
			if _, err := fmt.Fprintf(out, "train %s: %.2f s\n", set.Name, more[0].Value); err != nil {
				return nil, fmt.Errorf("print progress: %w", err)
			}
			figures = append(figures, more...)
		}
		return figures, nil
	}}
}

func trainSample(ctx context.Context, set sample.Set) ([]Figure, error) {
	table, err := Frame(ctx, set)
	if err != nil {
		return nil, err
	}
	params := automl.DefaultParams()
	params.Target, params.PositiveClass = set.Target, set.PositiveClass
	start := time.Now()
	result, err := automl.Train(ctx, params, table, automl.Options{})
	if err != nil {
		return nil, err
	}
	took := time.Since(start).Seconds()
	best := result.Leaderboard[0]
	figures := []Figure{Alone("train-"+set.Name+"-seconds", took, "s",
		fmt.Sprintf("%d rows, %d columns, all candidates, %d folds", set.Rows, set.Columns, params.Folds))}
	held := Alone("train-"+set.Name+"-"+result.Metric, best.Holdout[result.Metric], result.Metric,
		fmt.Sprintf("of %s on %d held-out rows", best.Algorithm, len(result.HoldoutRows)))
	reference, err := sample.ReadReference()
	if err != nil {
		return nil, err
	}
	if reference.Table == set.Filename && reference.Holds(result.HoldoutRows) {
		name, score := reference.Best()
		held = Against(held, "scikit-learn "+reference.ScikitLearn+" "+name, score, false)
	}
	return append(figures, held), nil
}

// Frame reads a bundled data set into memory, typed as an ingest would.
func Frame(ctx context.Context, set sample.Set) (*frame.Frame, error) {
	file, err := set.Open()
	if err != nil {
		return nil, err
	}
	found, err := tabular.InferCSV(ctx, file, tabular.CSVOptions{}, nil)
	if err != nil {
		return nil, fmt.Errorf("find the types of %s: %w", set.Filename, err)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read %s again: %w", set.Filename, err)
	}
	r, err := tabular.NewCSVReader(file, tabular.CSVOptions{Schema: found.Schema})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", set.Filename, err)
	}
	table, err := tabular.ReadFrame(ctx, r)
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, fmt.Errorf("read %s: %w", set.Filename, err)
	}
	return table, nil
}
