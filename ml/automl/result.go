package automl

import (
	"time"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/pipeline"
)

// Options are what Train takes besides its parameters. The zero value works,
// and nothing in them changes the result but FitSeconds.
type Options struct {
	Recorder   ml.Recorder      // takes progress; nil: nobody does
	Checkpoint ml.Checkpoint    // keeps finished fits; nil: nothing is kept
	Threads    int              // goroutines that compute at a time; 0: GOMAXPROCS
	Now        func() time.Time // for FitSeconds; nil: time.Now
}

// Result is what Train found.
type Result struct {
	Task        ml.Task
	Metric      string          // what the leaderboard is ordered by
	Model       *pipeline.Model // the best, fitted on TrainRows
	Leaderboard []Entry         // best first
	TrainRows   []int           // rows of the table, ascending
	HoldoutRows []int           // rows of the table, ascending; no fit has seen them
	OutOfFold   Predictions     // of the best, for those of TrainRows that a fold was tested on, see Train
	Holdout     Predictions     // of the best, for HoldoutRows
	Notes       []string        // what was decided or left out, in sentences
}

// Entry is one line of the leaderboard. The maps are by metric, of every one of
// metric.Names that is defined: one that the target leaves undefined is left out
// everywhere, or for a fold of that fold's rows; one that the candidate's own
// outputs leave undefined, such as a logarithm of negative ones, of its line.
type Entry struct {
	Algorithm  string
	CV         map[string]float64 // mean over the folds of all repeats
	CVStd      map[string]float64 // sample standard deviation over the same
	Holdout    map[string]float64 // on the held-out rows
	FitSeconds float64            // of all its fits
}

// Predictions are the outputs of a model for some rows of the table.
type Predictions struct {
	Rows    []int     // ascending
	Labels  []float64 // the true class index or value of each
	Outputs []float64 // Width for each row
	Width   int
	Weights []float64 // how much each counts; nil without Params.WeightColumn
}
