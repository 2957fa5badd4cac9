package gbdt

import (
	"context"
	"fmt"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/internal/binned"
	"github.com/narrativeml/narrative/ml/internal/parallel"
)

// Binned is a table whose values are cut into bins, from which any number of
// models can be trained. It is immutable and does not keep the table.
type Binned struct {
	features []binned.Feature
	table    *binned.Table
}

// Rows is the number of rows.
func (b *Binned) Rows() int { return b.table.Rows }

// Bin cuts the columns of x into bins, by p.MaxBins and p.Seed. It returns the
// errors of Train that are about x and these parameters.
func Bin(ctx context.Context, p Params, x *frame.Frame, o ml.Options) (*Binned, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	if err := binned.CheckTable(x); err != nil {
		return nil, err
	}
	team, end := parallel.New(ctx, o.Workers())
	defer end()
	features, err := binned.Fit(x, p.MaxBins, p.Seed, team)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	table, err := binned.NewTable(features, x, team)
	if done := ctx.Err(); done != nil {
		return nil, done
	}
	if err != nil {
		return nil, err
	}
	return &Binned{features, table}, nil
}

// check returns an error when the parameters or the target do not fit the table.
func (b *Binned) check(p Params, y ml.Target) error {
	if err := p.Validate(); err != nil {
		return err
	}
	if err := y.ValidateTraining(b.Rows()); err != nil {
		return err
	}
	numbers := make(map[string]bool, len(b.features))
	for i := range b.features {
		numbers[b.features[i].Name] = !b.features[i].Categorical
	}
	for column, direction := range p.Monotone {
		switch isNumber, ok := numbers[column]; {
		case !ok:
			return paramError("monotone", fmt.Sprintf("%d for the column %q", direction, column), "about columns of the table")
		case !isNumber && direction != 0:
			return paramError("monotone", fmt.Sprintf("%d for the column %q of strings", direction, column), "about columns of numbers")
		}
	}
	return binned.CheckTarget(y)
}
