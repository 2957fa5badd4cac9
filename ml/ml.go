package ml

import (
	"context"

	"github.com/narrativeml/narrative/ml/frame"
)

// Task is what a model is asked to learn.
type Task string

// The tasks.
const (
	Binary     Task = "binary"
	Multiclass Task = "multiclass"
	Regression Task = "regression"
)

// Target is what a model learns from, aligned with the rows of a frame.
type Target struct {
	Task    Task
	Values  []float64 // regression: the value; classification: the class index 0 … len(Classes)-1
	Classes []string  // classification only; for Binary the second is the positive class
	Weights []float64 // of each row; nil means 1
}

// Len returns the number of rows.
func (t Target) Len() int { return len(t.Values) }

// Predictor maps rows to outputs. It is immutable and safe for concurrent use.
type Predictor interface {
	// Predict writes rows*Outputs() values to out, row by row: class
	// probabilities that sum to 1 (for Binary two columns), or the value.
	Predict(x *frame.Frame, out []float64) error
	// Outputs is the number of values a row.
	Outputs() int
}

// Transformer maps a frame to a frame with the same rows. A fitted one is
// immutable and safe for concurrent use.
type Transformer interface {
	Transform(x *frame.Frame) (*frame.Frame, error)
}

// Progress is how far a long call is.
type Progress struct {
	Stage    string  // "gbdt fold 2 of 5"
	Fraction float64 // of the whole call, 0 to 1
	Message  string  // worth a line in a log, or empty
}

// Recorder takes progress. It must not block.
type Recorder interface {
	Record(p Progress)
}

// RecorderFunc makes a Recorder of a function.
type RecorderFunc func(Progress)

// Record calls f.
func (f RecorderFunc) Record(p Progress) { f(p) }

// Discard is a Recorder that ignores progress.
var Discard Recorder = RecorderFunc(func(Progress) {}) //nolint:gochecknoglobals // immutable, like io.Discard

// Checkpoint keeps finished parts of a long call, so that a later call with
// the same input goes on where this one stopped and gives the same result.
type Checkpoint interface {
	Load(ctx context.Context, name string) (data []byte, ok bool, err error)
	Save(ctx context.Context, name string, data []byte) error
}

// InputError says that data or parameters cannot be used, and where.
type InputError struct {
	Code      string // stable, snake_case: "constant_target"
	Column    string // of the table; may be empty
	Parameter string // "folds", when it is a parameter that cannot be used; may be empty
	Row       int    // index from 0, or -1
	Message   string // what was wrong and what would be right
}

// Error implements error.
func (e *InputError) Error() string { return "ml: " + e.Message }
