package automl

import (
	"context"
	"fmt"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
)

// Fold is one fit of the cross-validation.
type Fold struct {
	Name   string  // of its checkpoint
	Effort float64 // relative to the others
}

// Folds returns the fits of the cross-validation that Train makes, in its
// order. TrainFold makes one of them, and Train takes it up from its
// checkpoint.
func Folds(p Params) []Fold {
	f := folds{each: p.Folds, fold: make([][]int, max(p.Repeats, 1))}
	var all []Fold
	for _, algorithm := range p.algorithms() {
		for k := range f.count() {
			all = append(all, Fold{Name: algorithm + "-" + f.key(k), Effort: effort(algorithm)})
		}
	}
	return all
}

// TrainFold makes the fit of that name, of those that Folds returns, and saves
// it as Train would under its name to o.Checkpoint, which has to be there. It
// returns the errors of Train.
func TrainFold(ctx context.Context, p Params, data *frame.Frame, o Options, name string) error {
	r, err := newRun(ctx, p, data, o)
	if err != nil {
		return err
	}
	for _, algorithm := range p.algorithms() {
		for k := range r.folds.count() {
			if algorithm+"-"+r.folds.key(k) != name {
				continue
			}
			r.progress = newProgress(o.Recorder, []string{algorithm}, 1)
			outside, inside := r.folds.part(k)
			if _, err := r.fold1(ctx, algorithm, k, outside, inside); err != nil {
				return fmt.Errorf("%s %s: %w", algorithm, r.folds.name(k), err)
			}
			r.progress.finish(algorithm, name, "")
			return nil
		}
	}
	return &ml.InputError{Code: "unknown_fold", Row: -1, Message: fmt.Sprintf("there is no fit %.100q", name)}
}
