package mltest_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/mltest"
)

// middle is an estimator of ours: it predicts the value between the least and
// the largest of the target.
type middle float64

func (middle) Outputs() int { return 1 }

func (m middle) Predict(x *frame.Frame, out []float64) error {
	if len(out) != x.Rows() {
		return fmt.Errorf("middle: %d outputs for %d rows", len(out), x.Rows())
	}
	for i := range out {
		out[i] = float64(m)
	}
	return nil
}

// careless does not look at what it is given.
func careless(_ context.Context, _ *frame.Frame, y ml.Target, o ml.Options) (ml.Predictor, error) {
	o.Record(ml.Progress{Stage: "middle", Fraction: 1})
	if y.Len() == 0 {
		return middle(0), nil
	}
	return middle((slices.Min(y.Values) + slices.Max(y.Values)) / 2), nil
}

// careful does.
func careful(ctx context.Context, x *frame.Frame, y ml.Target, o ml.Options) (ml.Predictor, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := y.ValidateTraining(x.Rows()); err != nil {
		return nil, err
	}
	return careless(ctx, x, y, o)
}

// A new estimator is put to the suite; in a test of its own by mltest.Run.
func ExampleCheck() {
	suite := mltest.Case{
		Train:  careless,
		Encode: func(p ml.Predictor) ([]byte, error) { return binary.Append(nil, binary.BigEndian, p.(middle)) },
		Decode: func(b []byte) (ml.Predictor, error) {
			if len(b) != 8 {
				return nil, errors.New("middle: a model has 8 bytes")
			}
			return middle(math.Float64frombits(binary.BigEndian.Uint64(b))), nil
		},
		Tasks: []ml.Task{ml.Regression}, Types: []frame.Type{frame.Float, frame.Int, frame.Bool, frame.String, frame.Time},
		Missing: true, Blind: true,
	}
	fmt.Println(mltest.Check(context.Background(), suite))
	suite.Train = careful
	fmt.Println("with care:", mltest.Check(context.Background(), suite))
	// Output:
	// regression: stops when cancelled: a cancelled call returns none
	// regression: refuses tables without rows: no rows: the error is none, want an *ml.InputError [no_rows too_few_rows]
	// with care: <nil>
}
