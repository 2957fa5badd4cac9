package artifact_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/narrativeml/narrative/internal/expression"
	"github.com/narrativeml/narrative/ml/artifact"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/pipeline"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// TestRecipesOfAModel writes a model that carries a recipe, and reads it.
func TestRecipesOfAModel(t *testing.T) {
	t.Parallel()
	env := preprocess.Environment{Expressions: expression.Compiler{}}
	m := models(t)[artifact.GBDT]
	x, _ := table(t)
	raw, err := frame.New(slices.Concat(x.Without("a").Columns(), []frame.Column{frame.NewFloat("half", make([]float64, x.Rows())), frame.NewFloat("else", make([]float64, x.Rows()))})...)
	if err != nil {
		t.Fatal(err)
	}
	r, err := preprocess.Bind([]preprocess.Spec{{Name: "derive_column", Parameters: map[string]any{"name": "a", "expression": "half * 2.0"}}, {Name: "impute_missing", Parameters: map[string]any{"strategy": "mean"}}}, preprocess.SchemaOf(raw), env)
	if err != nil {
		t.Fatal(err)
	}
	fitted, err := r.Fit(t.Context(), preprocess.Frames{raw}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var columns []pipeline.Input
	for _, c := range raw.Columns() {
		columns = append(columns, pipeline.InputOf(c))
	}
	c, err := pipeline.NewCarried(columns, fitted.Steps(), []string{"a", "s", "at"})
	if err != nil {
		t.Fatal(err)
	}
	carrying, err := m.Carry(c)
	if err != nil {
		t.Fatal(err)
	}
	b := write(t, carrying)
	if b[8] != 2 || write(t, m)[8] != 1 {
		t.Errorf("versions %d and %d", b[8], write(t, m)[8])
	}
	if _, err := artifact.Read(bytes.NewReader(b)); !errors.Is(err, artifact.ErrDamaged) {
		t.Errorf("read without a compiler: %v", err)
	}
	back, err := artifact.ReadWith(bytes.NewReader(b), env)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(write(t, back), b) || back.Recipes() != 1 {
		t.Error("it comes back with other bytes")
	}
	want, got := make([]float64, 2*x.Rows()), make([]float64, 2*x.Rows())
	if err := errors.Join(carrying.Predict(raw, want), back.Predict(raw, got)); err != nil || !slices.Equal(want, got) {
		t.Errorf("it predicts otherwise: %v", err)
	}
	for _, in := range back.Inputs() {
		if in.Name == "else" || len(in.Categories) > 0 {
			t.Errorf("input %+v", in)
		}
	}
	for i := range b {
		bad := bytes.Clone(b)
		bad[i] ^= 0x10
		if _, err := artifact.ReadWith(bytes.NewReader(bad), env); err == nil {
			t.Fatalf("byte %d was changed, and nobody noticed", i)
		}
	}
	for n := range len(b) {
		if _, err := artifact.ReadWith(bytes.NewReader(b[:n]), env); err == nil {
			t.Fatalf("%d bytes are enough", n)
		}
	}
	inner, err := back.Prepared()
	if err != nil || !bytes.Equal(write(t, inner), write(t, m)) {
		t.Errorf("without the recipe it is another model: %v", err)
	}
}
