package mltest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/artifact"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/pipeline"
	"github.com/narrativeml/narrative/ml/preprocess"
)

func roundTrip(ctx context.Context, c Case, task ml.Task) error {
	m, x, _, err := trained(ctx, c, task, c.Missing)
	if err != nil {
		return err
	}
	b, err := c.Encode(m)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	back, err := c.Decode(b)
	if err != nil {
		return fmt.Errorf("decode: %w", err)
	}
	again, err := c.Encode(back)
	if err != nil {
		return fmt.Errorf("encode again: %w", err)
	}
	if !bytes.Equal(again, b) {
		return errors.New("the decoded model has other bytes")
	}
	return samePredictions(back, m, x)
}

func samePredictions(a, b ml.Predictor, x *frame.Frame) error {
	got, err := predict(a, x)
	if err != nil {
		return err
	}
	want, err := predict(b, x)
	if err != nil {
		return err
	}
	if !slices.Equal(got, want) {
		return errors.New("it predicts otherwise when it comes back")
	}
	return nil
}

// fileRoundTrip writes the estimator into a model file, behind a step that
// fills missing values if it takes none.
func fileRoundTrip(ctx context.Context, c Case, task ml.Task) error {
	if c.Algorithm == "" {
		return errNotApplicable
	}
	m, x, y, err := trained(ctx, c, task, c.Missing)
	if err != nil {
		return err
	}
	estimator, ok := m.(pipeline.Estimator)
	if !ok {
		return fmt.Errorf("%T cannot be part of a pipeline", m)
	}
	p := pipeline.Parts{Algorithm: c.Algorithm, Task: task, Target: "the target", Classes: y.Classes, Estimator: estimator}
	for _, column := range x.Columns() {
		p.Inputs = append(p.Inputs, pipeline.InputOf(column))
	}
	if !c.Missing {
		fill, err := preprocess.FitImpute(ctx, x, preprocess.DefaultImputeParams())
		if err != nil {
			return err
		}
		p.Steps = []preprocess.Step{fill}
	}
	whole, err := pipeline.New(p)
	if err != nil {
		return err
	}
	var file, again bytes.Buffer
	if err := artifact.Write(&file, whole); err != nil {
		return err
	}
	written := bytes.Clone(file.Bytes())
	back, err := artifact.Read(&file)
	if err != nil {
		return err
	}
	if err := artifact.Write(&again, back); err != nil {
		return err
	}
	if !bytes.Equal(again.Bytes(), written) {
		return errors.New("the model that was read is written with other bytes")
	}
	if back.Algorithm() != c.Algorithm || back.Task() != task {
		return fmt.Errorf("a %s model by %s comes back", back.Task(), back.Algorithm())
	}
	return samePredictions(back, m, x)
}

func cutBytes(ctx context.Context, c Case, task ml.Task) error {
	m, _, _, err := trained(ctx, c, task, false)
	if err != nil {
		return err
	}
	b, err := c.Encode(m)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	for n := 0; n < len(b); n += 1 + len(b)/97 {
		if _, err := c.Decode(b[:n]); err == nil {
			return fmt.Errorf("the first %d of %d bytes decode", n, len(b))
		}
	}
	if _, err := c.Decode(append(slices.Clone(b), 0)); err == nil {
		return errors.New("a byte too many decodes")
	}
	return nil
}
