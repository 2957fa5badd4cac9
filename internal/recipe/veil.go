package recipe

import (
	"errors"
	"fmt"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/pii"
	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// veil hides personal data of a data set, also in what steps make of it.
type veil struct{ columns map[string]pii.Kind }

func newVeil(d *dataset.Dataset) *veil { return &veil{d.Private()} }

// through follows the columns through the first n steps: what a step writes may tell
// what it has read.
func (v *veil) through(b *bound, n int) {
	for i := range n {
		kind := pii.Kind("")
		for _, name := range b.Reads(i) {
			if k, ok := v.columns[name]; ok {
				kind = k
			}
		}
		if kind == "" {
			continue
		}
		for _, name := range b.Writes(i) {
			if _, known := v.columns[name]; !known {
				v.columns[name] = kind
			}
		}
	}
}

// mask masks rows that are shown.
func (v *veil) mask(rows *Rows) {
	for k, f := range rows.Schema {
		kind, ok := v.columns[f.Name]
		if !ok {
			continue
		}
		for _, row := range rows.Values {
			row[k] = pii.MaskAny(kind, row[k])
		}
	}
}

// fault is Invalid for an error that may tell a value.
func (v *veil) fault(b *bound, err error) error {
	e, ok := errors.AsType[*ml.InputError](err)
	if !ok || e.Code != "value_type" {
		return Invalid(err)
	}
	steps := b.Len()
	at, inStep := errors.AsType[*preprocess.StepError](err)
	if inStep {
		steps = at.Step
	}
	v.through(b, steps)
	if _, private := v.columns[e.Column]; !private {
		return Invalid(err)
	}
	told := *e
	told.Message = fmt.Sprintf("column %q has a value that is not of the type, which is not shown since it is personal", e.Column)
	if inStep {
		return Invalid(&preprocess.StepError{Step: at.Step, Operation: at.Operation, Err: &told})
	}
	return Invalid(&told)
}
