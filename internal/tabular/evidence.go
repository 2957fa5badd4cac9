package tabular

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/ml/frame"
)

// Evidence is what the texts of a column say about its type: how many have
// which forms. Evidence of parts of a column can be merged.
type Evidence struct {
	tallies map[Forms]*formTally
	units   map[string]int64 // of currencies
}

type formTally struct {
	count   int64
	samples []Sample // the first, by row
}

// Sample is a value of a table, and where it is.
type Sample struct {
	Row   int64  `json:"row"` // from 1, counted without the header
	Value string `json:"value"`
}

const (
	maxSamples  = 5
	maxUnits    = 20
	maxSampling = 100 // bytes of a sample's value
)

// MostlyShare is the share of values from which on a column is said to be mostly
// of a type: nothing is done about it, but it is suggested.
const MostlyShare = 0.99

// Add takes n equal texts into account, of which the first is in the row that
// row returns.
func (e *Evidence) Add(text string, n int64, row func() int64) {
	e.AddForms(text, FormsOf(text), n, row)
}

// AddForms does what Add does with a text whose forms are known.
func (e *Evidence) AddForms(text string, f Forms, n int64, row func() int64) {
	if e.tallies == nil {
		e.tallies = make(map[Forms]*formTally)
	}
	t := e.tallies[f]
	if t == nil {
		t = new(formTally)
		e.tallies[f] = t
	}
	t.count += n
	if len(t.samples) < maxSamples {
		t.samples = append(t.samples, Sample{Row: row(), Value: shorten(text, maxSampling)})
		slices.SortFunc(t.samples, bySampleRow)
	}
	if f&FormCurrencies != 0 {
		e.addUnit(text, n)
	}
}

func (e *Evidence) addUnit(text string, n int64) {
	unit, _, _, _ := cutCurrency([]byte(text))
	if e.units == nil {
		e.units = make(map[string]int64)
	}
	if _, ok := e.units[unit]; ok || len(e.units) < maxUnits {
		e.units[unit] += n
	}
}

func bySampleRow(a, b Sample) int {
	return cmp.Or(cmp.Compare(a.Row, b.Row), cmp.Compare(a.Value, b.Value))
}

// AddColumn takes a column of text into account, whose values are in these rows.
func (e *Evidence) AddColumn(c frame.Column, rows []int64) {
	tallies, first := make([]int64, len(c.Dict())), make([]int, len(c.Dict()))
	for i, k := range c.Codes() {
		if k < 0 {
			continue
		}
		if tallies[k] == 0 {
			first[k] = i
		}
		tallies[k]++
	}
	for k, n := range tallies {
		if n > 0 {
			e.Add(c.Dict()[k], n, func() int64 { return rows[first[k]] })
		}
	}
}

// Choose returns the layout in which most of the texts are values of the type,
// and the currency of most of them. Its errors are fault.Invalid: type_unfit when
// none is, and layout_required when as many are in two ways that differ. A layout
// that was told is not looked for.
func (e *Evidence) Choose(s Semantic, told Layout) (layout Layout, unit string, err error) {
	form, agree := Forms(0), int64(0)
	for _, f := range append(s.forms(), formsOfLayouts(s)...) {
		if told != Plain && layoutOf(f) != told {
			continue
		}
		if n := e.Agreeing(f); n > agree {
			form, agree = f, n
		}
	}
	if agree == 0 {
		return "", "", fault.Invalid("type_unfit", "no value is of the type %s%s", s, inLayout(told))
	}
	layout = layoutOf(form)
	if told == Plain && layout != Plain {
		if all := e.layouts(form, agree); len(all) > 1 {
			return "", "", fault.Invalid("layout_required", "the values can be read in more than one way; say which layout they have: %s or %s", all[0], all[1])
		}
	}
	if form&FormCurrencies != 0 {
		most := int64(0)
		for _, u := range e.Units() {
			if e.units[u] > most {
				unit, most = u, e.units[u]
			}
		}
	}
	return layout, unit, nil
}

func inLayout(l Layout) string {
	if l == Plain {
		return ""
	}
	return fmt.Sprintf(" with the layout %s", l)
}

// formsOfLayouts returns the forms of the layouts that values of the type may have
// beside its own forms.
func formsOfLayouts(s Semantic) []Forms {
	var out []Forms
	for _, l := range s.LayoutsOf() {
		f, _ := layoutForm(l)
		out = append(out, f)
	}
	return out
}

// Merge adds what o has of other rows.
func (e *Evidence) Merge(o *Evidence) {
	if e.tallies == nil {
		e.tallies = make(map[Forms]*formTally)
	}
	for f, t := range o.tallies {
		mine := e.tallies[f]
		if mine == nil {
			mine = new(formTally)
			e.tallies[f] = mine
		}
		mine.count += t.count
		mine.samples = append(mine.samples, t.samples...)
		slices.SortFunc(mine.samples, bySampleRow)
		mine.samples = mine.samples[:min(len(mine.samples), maxSamples)]
	}
	if e.units == nil && o.units != nil {
		e.units = make(map[string]int64)
	}
	for unit, n := range o.units {
		e.units[unit] += n
	}
}

// Agreeing returns how many texts have one of the forms.
func (e *Evidence) Agreeing(forms Forms) int64 {
	n := int64(0)
	for f, t := range e.tallies {
		if f&forms != 0 {
			n += t.count
		}
	}
	return n
}

// Disagreeing returns the first texts that have none of the forms.
func (e *Evidence) Disagreeing(forms Forms) []Sample {
	var all []Sample
	for f, t := range e.tallies {
		if f&forms == 0 {
			all = append(all, t.samples...)
		}
	}
	slices.SortFunc(all, bySampleRow)
	return all[:min(len(all), maxSamples)]
}

// Units returns the currencies of the texts that are amounts, in order.
func (e *Evidence) Units() []string { return slices.Sorted(maps.Keys(e.units)) }

// The reasons for a suggestion.
const (
	ReasonMostly    = "mostly"    // nearly all values are of the type
	ReasonAmbiguous = "ambiguous" // all are, in two ways that differ
	ReasonStored    = "stored"    // all are, but the file holds them as text
)

// Suggestion is a type that a column of text could have.
type Suggestion struct {
	Type     Semantic `json:"type"`
	Reason   string   `json:"reason"`            // mostly, ambiguous or stored
	Layouts  []Layout `json:"layouts,omitempty"` // in which the values are read; with two of them say which
	Unit     string   `json:"unit,omitempty"`
	Agree    int64    `json:"agree"`             // values that are of the type
	Disagree int64    `json:"disagree"`          // values that are not
	Samples  []Sample `json:"samples,omitempty"` // of those that are not, by row
}

// Judge returns the type that all of the values of a column of text have, which
// is string when there is none; and what it could have as well.
func (e *Evidence) Judge(values int64) (Semantic, *Suggestion) {
	var best Suggestion
	var form Forms
	// Of equals the first: numbers before codes, instants before days.
	for _, s := range append([]Semantic{SemanticBoolean, SemanticInteger, SemanticFloat, SemanticDatetime}, Semantics()...) {
		for _, f := range s.forms() {
			if n := e.Agreeing(f); n > best.Agree {
				best, form = Suggestion{Type: s, Agree: n}, f
			}
		}
	}
	if values == 0 || float64(best.Agree) < MostlyShare*float64(values) {
		return SemanticString, nil
	}
	best.Disagree = values - best.Agree
	if best.Disagree == 0 && best.Type.Holds(String) {
		return best.Type, nil
	}
	if form&FormCurrencies != 0 {
		if len(e.units) > 1 {
			return SemanticString, nil
		}
		best.Unit = e.Units()[0]
	}
	best.Layouts = e.layouts(form, best.Agree)
	switch {
	case best.Disagree > 0:
		best.Reason, best.Samples = ReasonMostly, e.Disagreeing(form)
	case len(best.Layouts) > 1:
		best.Reason = ReasonAmbiguous
	default:
		best.Reason = ReasonStored
	}
	return SemanticString, &best
}

// layouts returns in which ways that many values can be read that have the form.
func (e *Evidence) layouts(form Forms, n int64) []Layout {
	for _, pair := range []Forms{FormDayFirst | FormMonthFirst, FormNumbers, FormCurrencies, FormPercents} {
		if form&pair == 0 {
			continue
		}
		var out []Layout
		for _, l := range layouts() {
			if f, _ := layoutForm(l); f&pair != 0 && e.Agreeing(f) == n {
				out = append(out, l)
			}
		}
		return out
	}
	if l := layoutOf(form); l != Plain {
		return []Layout{l}
	}
	return nil
}

// LayoutsOf returns the layouts in which values of the type may be written,
// beside the plain one; of dates and instants those of dates.
func (s Semantic) LayoutsOf() []Layout {
	var out []Layout
	forms := s.forms()
	switch s {
	case SemanticDatetime:
		forms = SemanticDate.forms()
	case SemanticInteger:
		forms = []Forms{FormPoint, FormComma}
	default:
	}
	for _, f := range forms {
		if l := layoutOf(f); l != Plain {
			out = append(out, l)
		}
	}
	return out
}
