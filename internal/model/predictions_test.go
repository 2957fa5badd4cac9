package model_test

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"testing"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/model"
	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml/automl"
	"github.com/narrativeml/narrative/ml/frame"
)

func TestPredictionsAreReadBack(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]automl.Predictions{
		"values":  {Rows: []int{0, 3, 9}, Labels: []float64{1.5, -2, 1e90}, Outputs: []float64{1, 2, 3}, Width: 1},
		"classes": {Rows: []int{2, 4}, Labels: []float64{1, 0}, Outputs: []float64{0.25, 0.75, 1, 0}, Width: 2},
		"weights": {Rows: []int{2, 4}, Labels: []float64{1, 0}, Outputs: []float64{0.25, 0.75, 1, 0}, Width: 2, Weights: []float64{0.5, 3}},
		"three":   {Rows: []int{7}, Labels: []float64{2}, Outputs: []float64{0.1, 0.2, 0.7}, Width: 3},
	} {
		var file bytes.Buffer
		if err := model.WritePredictions(&file, want); err != nil {
			t.Fatal(err)
		}
		got, err := model.ReadPredictions(t.Context(), bytes.NewReader(file.Bytes()), int64(file.Len()))
		if err != nil || !reflect.DeepEqual(*got, want) {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, want)
		}
	}
}

func parquet(t *testing.T, columns ...frame.Column) []byte {
	t.Helper()
	f, err := frame.New(columns...)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	w, err := tabular.NewParquetWriter(&file, tabular.SchemaOf(f))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Write(f), w.Close()); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func TestOtherTablesAreNoPredictions(t *testing.T) {
	t.Parallel()
	row := frame.NewInt("row", frame.Int, []int64{1, 2}, nil)
	number := func(name string) frame.Column { return frame.NewFloat(name, []float64{0.5, 0.25}) }
	word := func(name string) frame.Column { return frame.StringsOf(name, []string{"a", "b"}, nil) }
	for name, file := range map[string][]byte{
		"no outputs":         parquet(t, row, number("label")),
		"no rows":            parquet(t, number("label"), number("output_0"), number("output_1")),
		"rows of words":      parquet(t, word("row"), number("label"), number("output_0")),
		"labels of words":    parquet(t, row, word("label"), number("output_0")),
		"outputs of words":   parquet(t, row, number("label"), word("output_0")),
		"an output too many": parquet(t, row, number("label"), number("output_0"), number("output_2")),
		"no table":           []byte("row,label,output_0\n1,1,1\n"),
		"nothing":            nil,
	} {
		if got, err := model.ReadPredictions(t.Context(), bytes.NewReader(file), int64(len(file))); err == nil {
			t.Errorf("%s: read %+v", name, got)
		} else {
			checkFault(t, err, fault.ClassInternal, "predictions_damaged")
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	file := parquet(t, row, number("label"), number("output_0"))
	if _, err := model.ReadPredictions(ctx, bytes.NewReader(file), int64(len(file))); !errors.Is(err, context.Canceled) || fault.CodeOf(err) == "predictions_damaged" {
		t.Errorf("cancelled: %v", err)
	}
}

// failing refuses to be written to after some bytes.
type failing struct{ left int }

func (w *failing) Write(b []byte) (int, error) {
	if w.left -= len(b); w.left < 0 {
		return 0, errors.New("full")
	}
	return len(b), nil
}

func TestWritingFails(t *testing.T) {
	t.Parallel()
	p := automl.Predictions{Rows: []int{1}, Labels: []float64{1}, Outputs: []float64{1}, Width: 1}
	for _, left := range []int{0, 4, 100} {
		if err := model.WritePredictions(&failing{left: left}, p); err == nil {
			t.Errorf("written to a file of %d bytes", left)
		}
	}
}

func FuzzReadPredictions(f *testing.F) {
	var file bytes.Buffer
	if err := model.WritePredictions(&file, automl.Predictions{Rows: []int{2, 4}, Labels: []float64{1, 0}, Outputs: []float64{0.25, 0.75, 1, 0}, Width: 2}); err != nil {
		f.Fatal(err)
	}
	f.Add(file.Bytes())
	f.Add([]byte("PAR1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := model.ReadPredictions(t.Context(), bytes.NewReader(b), int64(len(b)))
		if err == nil && (len(p.Labels) != len(p.Rows) || len(p.Outputs) != len(p.Rows)*p.Width || p.Width < 1) {
			t.Errorf("%d rows, %d labels, %d outputs of width %d", len(p.Rows), len(p.Labels), len(p.Outputs), p.Width)
		}
	})
}
