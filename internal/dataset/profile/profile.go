package profile

import (
	"encoding/json"
	"fmt"

	"github.com/narrativeml/narrative/internal/pii"
	"github.com/narrativeml/narrative/internal/tabular"
)

// Version is that of the profiles that are written. Profiles of version 1 had no
// number; what they lack is left out of what is read of them.
const Version = 2

// Profile describes a table.
type Profile struct {
	Version      int           `json:"version"`
	Rows         int64         `json:"rows"`
	Columns      []Column      `json:"columns"`
	Missing      *Missing      `json:"missing,omitempty"`
	Duplicates   *Duplicates   `json:"duplicates,omitempty"`
	Associations *Associations `json:"associations,omitempty"`
	Target       string        `json:"target,omitempty"` // the column with this role
	Quality      *Quality      `json:"quality,omitempty"`
	Findings     []Finding     `json:"findings"`
	PII          []pii.Finding `json:"pii"` // columns of personal data, whose values are masked here; null where nobody has looked
}

// Column describes one column. What a type does not have, and what an empty
// column does not have, is left out.
type Column struct {
	Name            string              `json:"name"`
	Type            tabular.Semantic    `json:"type"`
	Storage         tabular.Type        `json:"storage,omitempty"` // how values are kept
	Layout          tabular.Layout      `json:"layout,omitempty"`  // how they were written
	Unit            string              `json:"unit,omitempty"`    // of amounts of money
	Units           []string            `json:"units,omitempty"`   // of amounts in several currencies, which stay text
	Role            tabular.Role        `json:"role,omitempty"`
	Agree           int64               `json:"agree"`                 // values that are of the type
	Disagree        int64               `json:"disagree"`              // values that are not; of a column whose type was chosen they are missing, unless it is text
	Disagreeing     []tabular.Sample    `json:"disagreeing,omitempty"` // the first of those, by row
	Suggestion      *tabular.Suggestion `json:"suggestion,omitempty"`  // a type that it could have
	Count           int64               `json:"count"`                 // values that are not missing
	Missing         int64               `json:"missing"`
	MissingFraction float64             `json:"missing_fraction"`
	Distinct        int64               `json:"distinct"`
	DistinctExact   bool                `json:"distinct_exact"`
	DistinctError   float64             `json:"distinct_error,omitempty"` // relative standard error
	Min             any                 `json:"min,omitempty"`            // number, or an instant as text
	Max             any                 `json:"max,omitempty"`
	Mean            *float64            `json:"mean,omitempty"`     // of numbers; of booleans the share of true
	Std             *float64            `json:"std,omitempty"`      // sample standard deviation, with two values and more
	Skew            *float64            `json:"skew,omitempty"`     // adjusted, with three values and more
	Kurtosis        *float64            `json:"kurtosis,omitempty"` // excess, adjusted, with four values and more
	Quantiles       *Quantiles          `json:"quantiles,omitempty"`
	QuantilesExact  bool                `json:"quantiles_exact,omitempty"`
	QuantilesError  float64             `json:"quantiles_error,omitempty"` // relative to the value
	Outliers        *Outliers           `json:"outliers,omitempty"`
	Histogram       *Histogram          `json:"histogram,omitempty"`
	Top             []Frequency         `json:"top"`                 // most frequent values, at most ten
	TopError        int64               `json:"top_error,omitempty"` // counts in Top may be too low by so much
	Text            *TextLengths        `json:"text,omitempty"`
	Variants        int64               `json:"variants,omitempty"` // texts that differ from a more frequent one in case or spaces alone

	again      int64 // values that are known to have come back, where not all are counted
	shortYears int64 // texts that are dates with a year of two digits
}

// Quantiles are values below which a share of all values lies: numbers, or
// instants as text.
type Quantiles struct {
	P1  any `json:"p1"`
	P5  any `json:"p5"`
	P25 any `json:"p25"`
	P50 any `json:"p50"`
	P75 any `json:"p75"`
	P95 any `json:"p95"`
	P99 any `json:"p99"`
}

// Histogram counts values by bins of equal width: bin i holds the values from
// Edges[i] up to, but without, Edges[i+1]. Edges are numbers, or instants as text.
type Histogram struct {
	Edges  []any   `json:"edges"` // one more than Counts
	Counts []int64 `json:"counts"`
}

// Frequency is a value and how often it occurs.
type Frequency struct {
	Value any   `json:"value"` // as in the table; long text is shortened
	Count int64 `json:"count"`
}

// TextLengths are lengths of text, in characters.
type TextLengths struct {
	Min  int64   `json:"min"`
	Max  int64   `json:"max"`
	Mean float64 `json:"mean"`
}

// Outliers are numbers far from the others: beyond 1.5 (inner fences) and 3 (outer
// fences) times the distance of the quartiles from the nearer quartile, and more
// than 3 standard deviations from the mean. The counts are as exact as the
// quantiles are.
type Outliers struct {
	Lower   float64 `json:"lower"` // the inner fences
	Upper   float64 `json:"upper"`
	Below   int64   `json:"below"`   // values below the lower fence
	Above   int64   `json:"above"`   // values above the upper fence
	Extreme int64   `json:"extreme"` // values beyond the outer fences
	Z       int64   `json:"z"`       // values more than 3 standard deviations from the mean
}

// Missing says which values are missing together.
type Missing struct {
	Cells        int64     `json:"cells"` // in all
	Fraction     float64   `json:"fraction"`
	CompleteRows int64     `json:"complete_rows"`
	Patterns     []Pattern `json:"patterns"`             // the most frequent combinations, at most ten
	OtherRows    int64     `json:"other_rows,omitempty"` // with other combinations
}

// Pattern is a combination of columns that are missing in the same rows.
type Pattern struct {
	Columns []string `json:"columns"`
	Rows    int64    `json:"rows"`
}

// Duplicates are rows that are equal to an earlier one.
type Duplicates struct {
	Rows  int64   `json:"rows"`
	Exact bool    `json:"exact"`           // they are counted by 64-bit hashes; above 131,072 different rows they are estimated
	Error float64 `json:"error,omitempty"` // standard error of the estimate, in rows
}

// Associations say how columns go together.
type Associations struct {
	Pearson  *Matrix `json:"pearson,omitempty"`   // of columns of numbers
	CramersV *Matrix `json:"cramers_v,omitempty"` // of columns with at most 50 texts, and of booleans
	Target   []Link  `json:"target,omitempty"`    // of other columns to the target, the strongest first
	Left     int     `json:"left_out,omitempty"`  // columns of numbers or texts beyond the first that are compared
}

// Matrix holds a value for every two columns; null where there is none.
type Matrix struct {
	Columns []string     `json:"columns"`
	Values  [][]*float64 `json:"values"`
}

// Link says how strongly a column goes with the target.
type Link struct {
	Column  string  `json:"column"`
	Measure string  `json:"measure"`           // pearson, cramers_v or correlation_ratio
	Missing bool    `json:"missing,omitempty"` // it is about whether the column is missing, not about its values
	Value   float64 `json:"value"`
	// The share of the mistakes of always guessing the most frequent class that
	// guessing by this column alone avoids; for a target of classes.
	Gain *float64 `json:"gain,omitempty"`
}

// Decode reads a profile of any version.
func Decode(b []byte) (*Profile, error) {
	p := new(Profile)
	if err := json.Unmarshal(b, p); err != nil {
		return nil, fmt.Errorf("decode profile: %w", err)
	}
	if p.Version == 0 {
		p.Version = 1
	}
	if p.Version > Version {
		return nil, fmt.Errorf("decode profile: version %d is newer than %d", p.Version, Version)
	}
	if p.Version == 1 {
		for i := range p.Columns {
			c := &p.Columns[i]
			c.Storage, c.Agree = tabular.Type(c.Type), c.Count
		}
	}
	return p, nil
}

// Column returns the description of the column of that name, or nil.
func (p *Profile) Column(name string) *Column {
	for i := range p.Columns {
		if p.Columns[i].Name == name {
			return &p.Columns[i]
		}
	}
	return nil
}
