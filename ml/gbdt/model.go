package gbdt

import (
	"context"
	"errors"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
)

type Model struct{ outputs int }

var _ ml.Predictor = (*Model)(nil)

func Train(ctx context.Context, p Params, x *frame.Frame, y ml.Target, o ml.Options) (*Model, error) {
	return nil, errors.New("gbdt: being written")
}
func (m *Model) Outputs() int { return m.outputs }
func (m *Model) Predict(x *frame.Frame, out []float64) error {
	return errors.New("gbdt: being written")
}
func (m *Model) AppendBinary(b []byte) ([]byte, error) { return nil, errors.New("gbdt: being written") }
func Decode(b []byte) (*Model, error)                  { return nil, errors.New("gbdt: being written") }
