package preprocess

import (
	"slices"

	"github.com/narrativeml/narrative/ml/frame"
)

// Operation is one entry of the vocabulary of transformations: what can be a
// step of a recipe.
type Operation struct {
	Name       string      `json:"name"`
	Group      string      `json:"group"`
	Summary    string      `json:"summary"`
	Parameters []Parameter `json:"parameters"`
	Runs       Run         `json:"runs"`
	Rows       Effect      `json:"rows"`
	Prediction Use         `json:"prediction"`
	Example    Example     `json:"example"`
}

// Run says how an operation sees the rows of a table.
type Run string

// The ways to run.
const (
	Streaming Run = "streaming" // a chunk of rows at a time
	TwoPass   Run = "two_pass"  // it learns from all rows, a chunk at a time, before it changes any
	InMemory  Run = "in_memory" // it holds rows, or something of each, and is refused beyond the budget
)

// Effect is what an operation does to the number of rows.
type Effect string

// The effects on rows.
const (
	Keeps   Effect = "keeps"
	Removes Effect = "removes"
	Makes   Effect = "makes" // the rows that come out are others
)

// Use is what becomes of a step when a model predicts.
type Use string

// The uses. A row that is asked for has to be answered: steps that remove rows,
// or whose result depends on the other rows of a table, are skipped.
const (
	Applied Use = "apply"
	Skipped Use = "skip"
)

// ParameterType is the type of a parameter.
type ParameterType string

// The types of parameters, and what they are in JSON.
const (
	ColumnName  ParameterType = "column"     // text, the name of a column
	ColumnNames ParameterType = "columns"    // a list of names of columns
	Text        ParameterType = "text"       // text
	Texts       ParameterType = "texts"      // a list of texts
	Number      ParameterType = "number"     // a finite number
	Numbers     ParameterType = "numbers"    // a list of finite numbers
	Whole       ParameterType = "integer"    // a whole number
	Flag        ParameterType = "boolean"    // true or false
	Choice      ParameterType = "choice"     // one of the choices
	Choices     ParameterType = "choices"    // a list of some of the choices
	Formula     ParameterType = "expression" // text, see package expression
	Pattern     ParameterType = "pattern"    // text, a regular expression of RE2
	Mapping     ParameterType = "mapping"    // an object of texts
	Scalar      ParameterType = "value"      // text, a number, true or false
	Table       ParameterType = "dataset"    // the identifier of a data set
)

// Parameter is one parameter of an operation.
type Parameter struct {
	Name     string        `json:"name"`
	Type     ParameterType `json:"type"`
	Doc      string        `json:"doc"`
	Required bool          `json:"required,omitempty"`
	Default  any           `json:"default,omitempty"`
	Choices  []string      `json:"choices,omitempty"`
	Min      *float64      `json:"min,omitempty"`
	Max      *float64      `json:"max,omitempty"`
}

// Example shows an operation at work.
type Example struct {
	Parameters map[string]any `json:"parameters"`
	Before     []Column       `json:"before"` // the table it is applied to
}

// Column is a column of an example: its values are null, texts, numbers, true
// and false; instants are texts.
type Column struct {
	Name   string `json:"name"`
	Type   string `json:"type"` // as frame.Type names it
	Values []any  `json:"values"`
}

// Spec is a step as people write it.
type Spec struct {
	Name       string         `json:"name"`
	Parameters map[string]any `json:"parameters,omitempty"`
}

// Field is a column as far as it is known without data.
type Field struct {
	Name     string
	Type     frame.Type
	Nullable bool
	// Family says that only data tell which columns there are whose names begin
	// with Name, and Uncertain that only data tell whether there is the column.
	Family, Uncertain bool
}

// Schema is the columns of a table, in order.
type Schema []Field

// Lookup returns the field of that name, or of the family it would belong to.
func (s Schema) Lookup(name string) (Field, bool) {
	for _, f := range s {
		if f.Name == name && !f.Family {
			return f, true
		}
	}
	for _, f := range s {
		if f.Family && len(name) > len(f.Name) && name[:len(f.Name)] == f.Name {
			f.Name, f.Family, f.Uncertain = name, false, true
			return f, true
		}
	}
	return Field{}, false
}

// Names returns the names of the columns that are known.
func (s Schema) Names() []string {
	var names []string
	for _, f := range s {
		if !f.Family {
			names = append(names, f.Name)
		}
	}
	return names
}

// SchemaOf describes a frame.
func SchemaOf(x *frame.Frame) Schema {
	s := make(Schema, 0, len(x.Columns()))
	for _, c := range x.Columns() {
		s = append(s, Field{Name: c.Name(), Type: c.Type(), Nullable: c.Nulls() > 0})
	}
	return s
}

// with returns the schema with the fields put in the place of those of the same
// name, or behind.
func (s Schema) with(fields ...Field) Schema {
	out := slices.Clone(s)
	for _, f := range fields {
		at := slices.IndexFunc(out, func(g Field) bool { return g.Name == f.Name && g.Family == f.Family })
		if at < 0 {
			out = append(out, f)
			continue
		}
		out[at] = f
	}
	return out
}

// without returns the schema without the columns of the names.
func (s Schema) without(names ...string) Schema {
	return slices.DeleteFunc(slices.Clone(s), func(f Field) bool { return !f.Family && slices.Contains(names, f.Name) })
}

// inPlace returns the schema with one field replaced by others.
func (s Schema) inPlace(name string, by ...Field) Schema {
	at := slices.IndexFunc(s, func(f Field) bool { return f.Name == name && !f.Family })
	if at < 0 {
		return append(slices.Clone(s), by...)
	}
	return slices.Concat(s[:at], by, s[at+1:])
}

// Expression is a formula that was compiled for the columns of a table.
type Expression interface {
	// Type is that of the values.
	Type() frame.Type
	// Columns are the columns that it reads.
	Columns() []string
	// Evaluate returns a value for each row, missing where one that it needs is.
	Evaluate(x *frame.Frame) (frame.Column, error)
}

// Compiler compiles expressions. An error of a person's making is an
// *ml.InputError.
type Compiler interface {
	Compile(source string, columns Schema) (Expression, error)
}

// Tables are the other tables that a recipe may join.
type Tables interface {
	// Describe returns the columns and the number of rows, or an *ml.InputError.
	Describe(name string) (Schema, int64, error)
	// Each calls fn for the rows of some columns, a chunk at a time.
	Each(name string, columns []string, fn func(x *frame.Frame) error) error
}

// Environment is what steps may use beside the table.
type Environment struct {
	Expressions Compiler  // nil: steps with expressions are refused
	Tables      Tables    // nil: steps with other tables are refused
	Concealer   Concealer // nil: steps that hide values are refused
	Budget      int64     // bytes that a step may hold; 0: 256 MiB
	Rows        int64     // of the table; 0: not known
}

const defaultBudget = 256 << 20

func (e Environment) budget() int64 {
	if e.Budget <= 0 {
		return defaultBudget
	}
	return e.Budget
}

// entry is an operation and what it does.
type entry struct {
	Operation
	kind kind   // of the written step; part of the format
	says string // the explanation, with {parameters}
	bind func(b *binding) plan
}

// Vocabulary returns every operation, by group.
func Vocabulary() []Operation {
	all := entries()
	out := make([]Operation, len(all))
	for i, e := range all {
		out[i] = e.Operation
	}
	return out
}

// entries returns the vocabulary. It is made anew, since it must not change.
func entries() []entry {
	return slices.Concat(rowEntries(), columnEntries(), textEntries(), patternEntries(), missingEntries(), numberEntries(),
		featureEntries(), categoryEntries(), dateEntries(), typeEntries(), tableEntries(), concealEntries())
}

func lookup(name string) (entry, bool) {
	for _, e := range entries() {
		if e.Name == name {
			return e, true
		}
	}
	return entry{}, false
}

func lookupKind(k kind) (entry, bool) {
	for _, e := range entries() {
		if e.kind == k {
			return e, true
		}
	}
	return entry{}, false
}

// The kinds of the steps of the vocabulary. The numbers are part of the format.
const (
	kindRemoveDuplicates kind = iota + 32
	kindFilterRows
	kindDropMissingRows
	kindRemoveOutliers
	kindSampleRows
	kindSplitRows
	kindSortRows
	kindGroupRows
	kindSelectColumns
	kindDropColumns
	kindRenameColumns
	kindDeriveColumn
	kindChooseValue
	kindDropConstantColumns
	kindTrimText
	kindChangeCase
	kindRemoveCharacters
	kindStandardiseFormat
	kindReplaceText
	kindExtractText
	kindReplaceValues
	kindFillMissing
	kindImputeMissing
	kindForwardFill
	kindBackwardFill
	kindImputeNeighbours
	kindCapOutliers
	kindScaleNumbers
	kindBinNumbers
	kindRoundNumbers
	kindAddPolynomials
	kindAddInteractions
	kindEncodeOneHot
	kindEncodeLabels
	kindEncodeOrdinal
	kindEncodeFrequency
	kindGroupRare
	kindExtractDateParts
	kindEncodeCycles
	kindComputeAge
	kindConvertType
	kindJoinTable
	kindAggregateByGroup
	kindMaskValues
	kindHashValues
)
