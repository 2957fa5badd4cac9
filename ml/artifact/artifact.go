package artifact

import (
	"errors"
	"fmt"
	"io"
	"strings"

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
	magic      = "\x89NARR\r\n\x1a"
	version    = 1
	versionRCP = 2 // of models that carry recipes

	// maxSection bounds what a length may announce, to tell a damaged one early.
	maxSection = 1 << 34
)

// The sections, in order.
const (
	tagModel     = "MODL" // task, target, classes, inputs
	tagRecipes   = "RECP" // in version 2: the recipes that the model carries
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

// algorithm is one that a file may hold.
type algorithm struct {
	name string
	read func(r io.Reader, size uint64) (pipeline.Estimator, error)
}

// algorithms returns all that a file may hold. Another one is a line here.
func algorithms() []algorithm {
	return []algorithm{
		{Baseline, whole(baseline.Decode)},
		{Linear, whole(linear.Decode)},
		{Forest, stream(forest.Read)},
		{GBDT, stream(gbdt.Read)},
	}
}

func lookup(name string) (algorithm, error) {
	var known []string
	for _, a := range algorithms() {
		if a.name == name {
			return a, nil
		}
		known = append(known, a.name)
	}
	return algorithm{}, fmt.Errorf("the algorithm %q is unknown, it should be one of %s", name, strings.Join(known, ", "))
}

// whole reads models that are decoded from all of their bytes.
func whole[E pipeline.Estimator](decode func(b []byte) (E, error)) func(io.Reader, uint64) (pipeline.Estimator, error) {
	return stream(func(r io.Reader, size uint64) (E, error) {
		b, err := take(r, size)
		if err != nil {
			var none E
			return none, err
		}
		return decode(b)
	})
}

// stream reads models that are decoded as their bytes arrive.
func stream[E pipeline.Estimator](read func(r io.Reader, size uint64) (E, error)) func(io.Reader, uint64) (pipeline.Estimator, error) {
	return func(r io.Reader, size uint64) (pipeline.Estimator, error) {
		e, err := read(r, size)
		if err != nil {
			return nil, err // not an estimator that is a nil pointer
		}
		return e, nil
	}
}
