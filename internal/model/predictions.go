package model

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml/automl"
	"github.com/narrativeml/narrative/ml/frame"
)

// Stored predictions are a Parquet file with a row for each prediction: "row",
// the index from 0 of the row in the data set's table; "label", the index of
// its class or its value; "output_0" and so on, the probability of each class
// or the predicted value; and of a training with weights "weight", how much the
// row counts.
const (
	rowColumn    = "row"
	labelColumn  = "label"
	outputColumn = "output_"
	weightColumn = "weight"
)

// WritePredictions writes the predictions as a file.
func WritePredictions(w io.Writer, p automl.Predictions) error {
	rows := make([]int64, len(p.Rows))
	for i, r := range p.Rows {
		rows[i] = int64(r)
	}
	columns := []frame.Column{
		frame.NewInt(rowColumn, frame.Int, rows, nil),
		frame.NewFloat(labelColumn, p.Labels),
	}
	for k := range p.Width {
		values := make([]float64, len(rows))
		for i := range values {
			values[i] = p.Outputs[i*p.Width+k]
		}
		columns = append(columns, frame.NewFloat(outputColumn+strconv.Itoa(k), values))
	}
	if p.Weights != nil {
		columns = append(columns, frame.NewFloat(weightColumn, p.Weights))
	}
	f, err := frame.New(columns...)
	if err != nil {
		return err
	}
	out, err := tabular.NewParquetWriter(w, tabular.SchemaOf(f))
	if err != nil {
		return err
	}
	if err := out.Write(f); err != nil {
		return err
	}
	return out.Close()
}

// ReadPredictions reads what WritePredictions wrote, size bytes. A file of
// another form is a fault "predictions_damaged" of class internal.
func ReadPredictions(ctx context.Context, r io.ReaderAt, size int64) (*automl.Predictions, error) {
	file, err := tabular.NewParquetReader(r, size, tabular.ParquetOptions{})
	if err != nil {
		return nil, damaged(err)
	}
	defer file.Close() //nolint:errcheck // only read
	f, err := tabular.ReadFrame(ctx, file)
	if err != nil {
		return nil, damaged(err)
	}
	columns := f.Columns()
	var weights []float64
	if last := len(columns) - 1; last > 0 && columns[last].Name() == weightColumn && columns[last].Type() == frame.Float {
		weights, columns = columns[last].Floats(), columns[:last]
	}
	width := len(columns) - 2
	if width < 1 || columns[0].Name() != rowColumn || columns[0].Type() != frame.Int || columns[1].Name() != labelColumn {
		return nil, errDamaged(fmt.Errorf("the columns are %q", f.Names()))
	}
	p := &automl.Predictions{
		Rows: make([]int, f.Rows()), Labels: columns[1].Floats(),
		Outputs: make([]float64, f.Rows()*width), Width: width, Weights: weights,
	}
	for k, c := range columns[1:] {
		if c.Type() != frame.Float || k > 0 && c.Name() != outputColumn+strconv.Itoa(k-1) {
			return nil, errDamaged(fmt.Errorf("column %q is of type %s", c.Name(), c.Type()))
		}
	}
	for i := range p.Rows {
		p.Rows[i] = int(columns[0].Int(i))
		for k, c := range columns[2:] {
			p.Outputs[i*width+k] = c.Float(i)
		}
	}
	return p, nil
}

// damaged says that a file of ours is not a table when a reader of tables says
// so; it returns any other error as it is.
func damaged(err error) error {
	switch fault.ClassOf(err) {
	case fault.ClassInvalid, fault.ClassTooLarge, fault.ClassUnsupported:
		return errDamaged(err)
	default:
		return err
	}
}

func errDamaged(err error) error {
	return fault.New(fault.ClassInternal, "predictions_damaged", "the stored predictions are not those that were written").Because(err)
}
