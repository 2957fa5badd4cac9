package artifact

import (
	"errors"
	"fmt"

	"github.com/narrativeml/narrative/ml/baseline"
	"github.com/narrativeml/narrative/ml/forest"
	"github.com/narrativeml/narrative/ml/gbdt"
	"github.com/narrativeml/narrative/ml/linear"
	"github.com/narrativeml/narrative/ml/pipeline"
)

// Errors of Read.
var (
	ErrFormat    = errors.New("not a model file")
	ErrVersion   = errors.New("a model file of another version")
	ErrTruncated = errors.New("the model file is cut off")
	ErrDamaged   = errors.New("the model file is damaged")
)

// The layout of the file.
const (
	magic   = "\x89NARR\r\n\x1a"
	version = 1

	// maxSection bounds what a length may announce, to tell a damaged one early.
	maxSection = 1 << 34
)

// The sections, in order.
const (
	tagModel     = "MODL" // task, target, classes, inputs
	tagSteps     = "STEP" // what happens to the inputs
	tagEstimator = "ESTM" // what the algorithm learned
)

// Algorithms that a file may hold.
const (
	Baseline = "baseline"
	Linear   = "linear"
	Forest   = "forest"
	GBDT     = "gbdt"
)

func decodeEstimator(algorithm string, b []byte) (pipeline.Estimator, error) {
	switch algorithm {
	case Baseline:
		return wrap(baseline.Decode(b))
	case Linear:
		return wrap(linear.Decode(b))
	case Forest:
		return wrap(forest.Decode(b))
	case GBDT:
		return wrap(gbdt.Decode(b))
	default:
		return nil, fmt.Errorf("the algorithm %q is unknown", algorithm)
	}
}

// wrap keeps a nil *Model from becoming an Estimator that is not nil.
func wrap[E pipeline.Estimator](e E, err error) (pipeline.Estimator, error) {
	if err != nil {
		return nil, err
	}
	return e, nil
}
