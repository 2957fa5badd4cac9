package recipe

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/pii"
	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// The steps that hide values, and those that are looked at more closely.
const (
	stepMask   = "mask_values"
	stepHash   = "hash_values"
	stepJoin   = "join_table"
	stepOneHot = "encode_one_hot"
)

// veil hides personal data of a data set, also in what steps make of it.
type veil struct {
	columns   map[string]pii.Kind
	concealed map[string]dataset.Concealment // columns that hold masked or hashed values
	said      map[string]dataset.Policy      // what people have set for names of columns
}

func newVeil(d *dataset.Dataset) *veil {
	return &veil{d.Private(), maps.Clone(d.Version.Concealed), d.Privacy}
}

// clone is a veil that another recipe can be followed with.
func (v *veil) clone() *veil {
	return &veil{maps.Clone(v.columns), maps.Clone(v.concealed), v.said}
}

// through follows the columns through the first n steps: what a step writes may tell
// what it has read.
func (v *veil) through(b *bound, n int) {
	for i := range n {
		v.step(b, i)
	}
}

// step follows the columns through one step.
func (v *veil) step(b *bound, i int) {
	before := v.clone()
	if v.concealed == nil {
		v.concealed = make(map[string]dataset.Concealment)
	}
	name, after := b.Operation(i).Name, b.Schemas()[i+1]
	for _, written := range b.Writes(i) {
		if _, there := after.Lookup(written); !there { // it has another name now, or none
			delete(v.columns, written)
			delete(v.concealed, written)
			continue
		}
		of := b.Sources(i, written)
		if name == stepMask || name == stepHash {
			v.hide(b, i, written, before.columns[written])
			continue
		}
		if name == stepJoin {
			v.joined(b, i, written)
		}
		if at := slices.IndexFunc(of, func(s string) bool { return before.columns[s] != "" }); at >= 0 {
			v.columns[written] = before.columns[of[at]]
			delete(v.concealed, written)
			continue
		}
		hidden := 0
		for _, s := range of {
			if done, ok := before.concealed[s]; ok {
				v.concealed[written] = done
				hidden++
			}
		}
		if hidden < len(of) {
			delete(v.concealed, written)
		}
	}
}

// hide notes that a step has masked or hashed a column. One that was masked as if it held
// something else may still tell its values, as what has the form of an address of mail
// does behind the @, and stays personal.
func (v *veil) hide(b *bound, i int, column string, kind pii.Kind) {
	policy, spec := dataset.PolicyHash, b.Spec(i)
	if b.Operation(i).Name == stepMask {
		policy = dataset.PolicyMask
	}
	said, _ := spec.Parameters["kind"].(string)
	as := pii.Kind(said)
	if as == "" {
		as = pii.Other
	}
	if kind == "" {
		kind = as
	}
	if policy == dataset.PolicyMask && as != kind && as != pii.Other {
		return
	}
	delete(v.columns, column)
	if _, before := v.concealed[column]; !before {
		v.concealed[column] = dataset.Concealment{Policy: policy, Kind: kind}
	}
}

// joined notes what a column of another data set holds.
func (v *veil) joined(b *bound, i int, column string) {
	spec := b.Spec(i)
	id, _ := spec.Parameters["dataset"].(string)
	prefix, _ := spec.Parameters["prefix"].(string)
	other := b.others.found[id]
	if other == nil {
		return
	}
	there := strings.TrimPrefix(column, prefix)
	if kind, private := other.Private()[there]; private {
		v.columns[column] = kind
	}
}

// made follows the columns through all steps, for the table that they make: which of
// its columns are known to hold personal data, and which hold masked or hashed values.
// Of columns whose names people have set a policy for, that is known by their names.
func (v *veil) made(b *bound, schema tabular.Schema) (private map[string]pii.Kind, concealed map[string]dataset.Concealment) {
	known := maps.Clone(v.columns)
	blurred := make(map[string]bool)
	for i := range b.Len() {
		v.step(b, i)
		for _, name := range b.Writes(i) {
			if blurred[name] = blurs(b, i, name); !blurred[name] {
				continue
			}
			if f, there := b.Schemas()[i+1].Lookup(name); there && f.Type == frame.String {
				blurred[name] = false
			}
		}
	}
	private, concealed = make(map[string]pii.Kind), make(map[string]dataset.Concealment)
	for _, f := range schema {
		if done, ok := v.concealed[f.Name]; ok {
			concealed[f.Name] = done
		}
		kind := v.columns[f.Name]
		if kind == "" || known[f.Name] != "" && v.said[f.Name] != "" {
			continue
		}
		if !blurred[f.Name] {
			private[f.Name] = kind
		}
	}
	return private, concealed
}

// blurs reports whether a step writes numbers to the column that do not tell the values
// that it has read: parts of dates, numbers of categories, how many there are. Others,
// such as the largest of a group or a number that is rounded, may be such a value.
func blurs(b *bound, i int, column string) bool {
	name := b.Operation(i).Name
	switch name {
	case "extract_date_parts", "encode_cycles", "compute_age", "encode_labels", "encode_ordinal", "encode_frequency", "bin_numbers":
		return true
	case "group_rows", "aggregate_by_group":
		values, _ := b.Spec(i).Parameters["values"].(map[string]string)
		return strings.HasPrefix(strings.TrimSpace(values[column]), "count")
	}
	return false
}

// names refuses steps that would make names of columns of personal data.
func (v *veil) names(b *bound) error {
	follow := v.clone()
	for i := range b.Len() {
		if b.Operation(i).Name == stepOneHot {
			for _, name := range b.Reads(i) {
				if kind := follow.columns[name]; kind != "" {
					return &preprocess.StepError{Step: i, Operation: stepOneHot, Err: &ml.InputError{Code: "column_is_personal", Parameter: "columns", Column: name, Row: -1, Message: fmt.Sprintf(
						"column %q holds personal data (%s), which would become names of columns; hash it before, or leave it out", name, kind)}}
				}
			}
		}
		follow.step(b, i)
	}
	return nil
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

// Hide says what is wrong with a recipe, or with a row of the data set that it is
// applied to, as [Invalid] does, without values of personal data.
func Hide(d *dataset.Dataset, r *preprocess.Recipe, err error) error {
	e, ok := errors.AsType[*ml.InputError](err)
	if _, inStep := errors.AsType[*preprocess.StepError](err); !inStep && (!ok || e.Code != "value_type") {
		return err // it is not about the recipe
	}
	return newVeil(d).fault(&bound{r, &others{}}, err)
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
	private := v.columns[e.Column] != ""
	for i := range steps {
		v.step(b, i)
		private = private || v.columns[e.Column] != ""
	}
	if !private {
		return Invalid(err)
	}
	told := *e
	told.Message = fmt.Sprintf("column %q has a value that is not of the type, which is not shown since it is personal", e.Column)
	if inStep {
		return Invalid(&preprocess.StepError{Step: at.Step, Operation: at.Operation, Err: &told})
	}
	return Invalid(&told)
}
