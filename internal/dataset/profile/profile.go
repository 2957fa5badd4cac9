package profile

import (
	"github.com/narrativeml/narrative/internal/tabular"
)

// Profile describes a table.
type Profile struct {
	Rows    int64    `json:"rows"`
	Columns []Column `json:"columns"`
}

// Column describes one column. What a type does not have, and what an empty
// column does not have, is left out.
type Column struct {
	Name            string       `json:"name"`
	Type            tabular.Type `json:"type"`
	Count           int64        `json:"count"` // values that are not missing
	Missing         int64        `json:"missing"`
	MissingFraction float64      `json:"missing_fraction"`
	Distinct        int64        `json:"distinct"`
	DistinctExact   bool         `json:"distinct_exact"`
	DistinctError   float64      `json:"distinct_error,omitempty"` // relative standard error
	Min             any          `json:"min,omitempty"`            // number, or an instant as text
	Max             any          `json:"max,omitempty"`
	Mean            *float64     `json:"mean,omitempty"` // of numbers; of booleans the share of true
	Std             *float64     `json:"std,omitempty"`  // sample standard deviation, with two values and more
	Quantiles       *Quantiles   `json:"quantiles,omitempty"`
	QuantilesExact  bool         `json:"quantiles_exact,omitempty"`
	QuantilesError  float64      `json:"quantiles_error,omitempty"` // relative to the value
	Histogram       *Histogram   `json:"histogram,omitempty"`
	Top             []Frequency  `json:"top"`                 // most frequent values, at most ten
	TopError        int64        `json:"top_error,omitempty"` // counts in Top may be too low by so much
	Text            *TextLengths `json:"text,omitempty"`
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
