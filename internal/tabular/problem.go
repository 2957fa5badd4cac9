package tabular

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/narrativeml/narrative/internal/fault"
)

// BadRow is a row that could not be used, and why.
type BadRow struct {
	Row    int64  `json:"row"`              // from 1, counted without the header
	Line   int64  `json:"line,omitempty"`   // where the row begins in the file, from 1; 0 when the file has no lines
	Column string `json:"column,omitempty"` // the column, when one is to blame
	Code   string `json:"code"`             // stable, snake_case
	Reason string `json:"reason"`           // what was wrong and what would be right
}

// problem is a mistake in one record.
type problem struct {
	code   string
	row    int64 // from 1; 0 for the header
	line   int64 // of the place itself
	column int   // index, or -1
	reason string
}

// badRow returns the problem as a bad row; start is the line its record begins
// at.
func (p *problem) badRow(names []string, start int64) BadRow {
	return BadRow{Row: p.row, Line: start, Column: columnName(names, p.column), Code: p.code, Reason: p.reason}
}

// refused returns the problem as a value that was made missing: its reason is the
// value itself.
func (p *problem) refused(names []string, text string) BadRow {
	return BadRow{Row: p.row, Line: p.line, Column: columnName(names, p.column), Code: p.code, Reason: shorten(text, maxSampling)}
}

// fault returns the problem as the error that ends strict reading.
func (p *problem) fault(names []string) error {
	name := columnName(names, p.column)
	where := location(p.row, p.line, name)
	return fault.Invalid(p.code, "%s: %s", where, p.reason).With(fault.Field{Location: where, Message: p.reason})
}

func columnName(names []string, i int) string {
	switch {
	case i < 0:
		return ""
	case i < len(names):
		return names[i]
	default:
		return "column_" + strconv.Itoa(i+1)
	}
}

// location describes a place in a file, without the parts that are not known.
func location(row, line int64, column string) string {
	var parts []string
	if line > 0 {
		parts = append(parts, fmt.Sprintf("line %d", line))
	}
	if row > 0 {
		parts = append(parts, fmt.Sprintf("row %d", row))
	}
	if column != "" {
		parts = append(parts, fmt.Sprintf("column %q", shorten(column, 100)))
	}
	if len(parts) == 0 {
		return "file"
	}
	return strings.Join(parts, ", ")
}

// shorten returns s cut after at most limit bytes, at the end of a character,
// with an ellipsis when something was cut.
func shorten(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit] + "…"
}
