package profile

import (
	"strings"

	"github.com/narrativeml/narrative/internal/tabular"
)

const (
	fewValues       = 50   // of a category, whatever the rows
	manyValues      = 1000 // of a category of a long table
	categoryShare   = 0.05 // distinct values of a category of a long table, by the rows
	categoryLength  = 100  // characters
	proseLength     = 50   // characters that prose has on average
	identifierShare = 0.97 // distinct values of an estimated count that stand for all
)

// judge finds the type of the column, by all of its values.
func (c *Collector) judge(col *column, out *Column) {
	out.Role = c.options.Roles[col.field.Name]
	found := out.Type
	switch col.field.Type {
	case tabular.String:
		found, out.Suggestion = col.evidence.Judge(col.count)
		if units := col.evidence.Units(); len(units) > 1 && float64(col.evidence.Agreeing(tabular.FormCurrencies)) >= tabular.MostlyShare*float64(col.count) {
			out.Units = units
		}
		if found == tabular.SemanticString && out.Suggestion == nil {
			found = col.judgeText(out)
			out.shortYears = col.evidence.Agreeing(tabular.FormShortYear)
		}
	case tabular.Integer:
		if found == tabular.SemanticInteger && col.numbersRows(out) {
			found = tabular.SemanticIdentifier
		}
	case tabular.Datetime:
		if !col.timed && col.count > 0 {
			found = tabular.SemanticDate
		}
	default:
	}
	out.Type = found
	chosen, ok := c.options.Types[col.field.Name]
	if !ok || !chosen.Holds(col.field.Type) {
		return
	}
	out.Type, out.Suggestion = chosen, nil
	if forms := chosen.Forms(); col.field.Type == tabular.String && forms != 0 {
		out.Agree = col.evidence.Agreeing(forms)
		out.Disagree = col.count - out.Agree
		out.Disagreeing = col.evidence.Disagreeing(forms)
	}
}

// judgeText tells identifiers, categories and prose from other texts.
func (c *column) judgeText(out *Column) tabular.Semantic {
	if c.count == 0 {
		return tabular.SemanticString
	}
	codes := c.evidence.Agreeing(tabular.FormCode | tabular.FormInteger)
	few := out.Distinct <= fewValues || out.Distinct <= manyValues && float64(out.Distinct) <= categoryShare*float64(c.count)
	switch {
	case few && 2*out.Distinct <= c.count && c.maxLen <= categoryLength:
		return tabular.SemanticCategorical
	case codes == c.count:
		return tabular.SemanticIdentifier
	case c.unique(out) && c.evidence.Agreeing(tabular.FormToken|tabular.FormUUID) == c.count:
		return tabular.SemanticIdentifier
	case float64(c.sumLen)/float64(c.count) >= proseLength:
		return tabular.SemanticText
	default:
		return tabular.SemanticString
	}
}

// unique reports whether no value comes back, as far as that is known.
func (c *column) unique(out *Column) bool {
	if out.DistinctExact {
		return out.Distinct == c.count && c.count > 1
	}
	return float64(out.Distinct) >= identifierShare*float64(c.count) && c.counts.onlyOnce()
}

// numbersRows reports whether whole numbers name the rows: none is missing or
// comes back, and they count the rows or the column is named so.
func (c *column) numbersRows(out *Column) bool {
	if c.missing > 0 || !c.unique(out) || c.count < 3 {
		return false
	}
	return uint64(c.maxInt)-uint64(c.minInt) == uint64(c.count-1) || namedID(c.field.Name)
}

// namedID reports whether a column is named as identifiers are.
func namedID(name string) bool {
	lower := strings.ToLower(name)
	for _, end := range []string{"_id", "-id", " id", ".id", "_uuid", "_key", "_no", "_number"} {
		if strings.HasSuffix(lower, end) {
			return true
		}
	}
	return lower == "id" || lower == "uuid" || lower == "key" || strings.HasSuffix(name, "Id") || strings.HasSuffix(name, "ID")
}
