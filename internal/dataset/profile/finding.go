package profile

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/narrativeml/narrative/internal/tabular"
)

// Severity says how much a finding matters.
type Severity string

// The severities.
const (
	High   Severity = "high"
	Medium Severity = "medium"
	Low    Severity = "low"
)

// Finding is something about the table that somebody should know, and what to
// do about it.
type Finding struct {
	Code     string   `json:"code"` // stable, snake_case
	Severity Severity `json:"severity"`
	Column   string   `json:"column,omitempty"`
	Message  string   `json:"message"`            // a sentence or two: what is the matter, and what to do
	Step     string   `json:"step,omitempty"`     // the transformation that does it
	Affected int64    `json:"affected,omitempty"` // values or rows
}

// Limits from which on something is a finding.
const (
	someMissing      = 0.1
	manyMissing      = 0.3
	someDuplicates   = 0.01
	manyDuplicates   = 0.1
	someOutliers     = 0.01
	strongSkew       = 2
	nearlyEqual      = 0.95 // |r| and V of two columns
	suspectLink      = 0.98 // |r|, V or ratio of a column and the target
	suspectGain      = 0.95
	rareClass        = 0.1
	oldData          = 0.5 // timeliness
	manyCategories   = 50
	maxPairFindings  = 20
	maxFindingColumn = 60 // bytes of a name in a sentence
)

// findings says what is the matter with the table, the worst first.
func (c *Collector) findings(p *Profile) []Finding {
	f := &finder{all: []Finding{}, rows: p.Rows}
	f.aboutRows(p)
	for i := range p.Columns {
		f.aboutColumn(&p.Columns[i])
	}
	f.aboutPairs(p)
	f.aboutTarget(p)
	f.aboutTime(p, c.options.Now)
	rank := map[Severity]int{High: 0, Medium: 1, Low: 2}
	slices.SortStableFunc(f.all, func(a, b Finding) int { return cmp.Compare(rank[a.Severity], rank[b.Severity]) })
	return f.all
}

type finder struct {
	all  []Finding
	rows int64
}

func (f *finder) add(code string, s Severity, column, step string, affected int64, format string, args ...any) {
	f.all = append(f.all, Finding{Code: code, Severity: s, Column: column, Step: step, Affected: affected, Message: fmt.Sprintf(format, args...)})
}

// graded returns how bad a share is.
func graded(part, some, many float64) Severity {
	switch {
	case part >= many:
		return High
	case part >= some:
		return Medium
	default:
		return Low
	}
}

func percent(part, all int64) string {
	v := 100 * float64(part) / float64(max(all, 1))
	if v > 0 && v < 0.1 {
		return "less than 0.1 %"
	}
	return fmt.Sprintf("%.1f %%", v)
}

func (f *finder) aboutRows(p *Profile) {
	d := p.Duplicates
	if d.Rows == 0 {
		return
	}
	about := ""
	if !d.Exact {
		about = "about "
	}
	f.add("duplicate_rows", graded(float64(d.Rows)/float64(max(p.Rows, 1)), someDuplicates, manyDuplicates), "", "remove_duplicates", d.Rows,
		"%s%d rows (%s) are equal to an earlier row. Remove them, unless the same thing can happen twice.", about, d.Rows, percent(d.Rows, p.Rows))
}

func quoted(name string) string {
	if len(name) > maxFindingColumn {
		name = shortenTo(name, maxFindingColumn)
	}
	return `"` + name + `"`
}

func (f *finder) aboutColumn(c *Column) {
	name := quoted(c.Name)
	if c.Role == tabular.RoleIgnore {
		return
	}
	if c.Count == 0 && f.rows > 0 {
		f.add("empty_column", High, c.Name, "drop_columns", c.Missing, "%s has no values at all. Drop it.", name)
		return
	}
	if c.Missing > 0 {
		step, what := "impute_missing", "Fill them in, or drop these rows"
		if c.MissingFraction >= manyMissing {
			what = "Fill them in if they mean something, or drop the column"
		}
		f.add("missing_values", graded(c.MissingFraction, someMissing, manyMissing), c.Name, step, c.Missing,
			"%s lacks %d of %d values (%s). %s.", name, c.Missing, c.Missing+c.Count, percent(c.Missing, c.Missing+c.Count), what)
	}
	if c.Distinct == 1 && c.Count > 1 {
		f.add("constant_column", Medium, c.Name, "drop_columns", c.Count, "%s has one value only, which tells no row from another. Drop it.", name)
	}
	f.aboutType(c, name)
	f.aboutSpelling(c, name)
	f.aboutShape(c, name)
	if c.Role == tabular.RoleID && c.Count > 0 && c.Distinct < c.Count && c.DistinctExact {
		f.add("id_not_unique", High, c.Name, "remove_duplicates", c.Count-c.Distinct,
			"%s is to name the rows, and %d of its values come back. Remove the rows that repeat, or give another column this role.", name, c.Count-c.Distinct)
	}
}

func (f *finder) aboutType(c *Column, name string) {
	if c.Disagree > 0 {
		done := "They are missing now"
		if c.Storage == tabular.String {
			done = "They were kept"
		}
		f.add("values_disagree", Medium, c.Name, "", c.Disagree,
			"%d values of %s are not of the type %s that was chosen, such as %s. %s; correct them in the file, or choose another type.",
			c.Disagree, name, c.Type, shownSample(c.Disagreeing), done)
	}
	s := c.Suggestion
	if s == nil {
		return
	}
	switch s.Reason {
	case tabular.ReasonMostly:
		f.add("mostly_of_type", Medium, c.Name, "", s.Disagree,
			"All values of %s but %d are of the type %s, so it stayed text; %s is not. Correct them, or choose the type: what disagrees becomes missing.",
			name, s.Disagree, s.Type, shownSample(s.Samples))
	case tabular.ReasonAmbiguous:
		if slices.Contains(s.Layouts, tabular.DayFirst) {
			f.add("ambiguous_dates", Medium, c.Name, "", s.Agree,
				"All values of %s are dates with the day first as well as with the month first, so it stayed text. Choose the type date with the layout dmy or mdy.", name)
			return
		}
		f.add("ambiguous_numbers", Medium, c.Name, "", s.Agree,
			"All values of %s are numbers with a decimal point as well as with a decimal comma, so it stayed text. Choose the type %s with the layout %s or %s.",
			name, s.Type, s.Layouts[0], s.Layouts[len(s.Layouts)-1])
	case tabular.ReasonStored:
		f.add("stored_as_text", Low, c.Name, "", s.Agree,
			"All values of %s are of the type %s, and the file holds them as text. Choose the type to have them read so.", name, s.Type)
	}
}

func shownSample(samples []tabular.Sample) string {
	if len(samples) == 0 {
		return "one of them"
	}
	return fmt.Sprintf("%q in row %d", samples[0].Value, samples[0].Row)
}

func (f *finder) aboutSpelling(c *Column, name string) {
	if n := variantsOf(c); n > 0 {
		f.add("spelling_variants", Medium, c.Name, "change_case", n,
			"%d values of %s differ from a more frequent one in capitals or spaces alone. Write them alike, so that they count as one.", n, name)
	}
	if c.Type == tabular.SemanticCategorical && c.Distinct > manyCategories {
		f.add("many_categories", Low, c.Name, "group_rare", c.Distinct,
			"%s has %d categories, of which the rare ones say little. Put rare ones together.", name, c.Distinct)
	}
	if c.Type == tabular.SemanticIdentifier && c.Role == "" {
		f.add("identifier_column", Low, c.Name, "drop_columns", c.Distinct,
			"%s names the rows rather than describing them. Give it the role id, so that no model learns it by heart.", name)
	}
}

func (f *finder) aboutShape(c *Column, name string) {
	if c.Type == tabular.SemanticIdentifier {
		return
	}
	if o := c.Outliers; o != nil && o.Extreme > 0 {
		severity := Low
		if float64(o.Extreme) >= someOutliers*float64(c.Count) {
			severity = Medium
		}
		f.add("outliers", severity, c.Name, "cap_outliers", o.Extreme,
			"Far outside lie %d of %d values of %s, more than 3 times the distance of the quartiles from them. Look whether they are mistakes; cap or remove them if so.",
			o.Extreme, c.Count, name)
	}
	if s := c.Skew; s != nil && math.Abs(*s) >= strongSkew && c.Distinct > 2 {
		side := "large"
		if *s < 0 {
			side = "small"
		}
		f.add("skewed", Low, c.Name, "derive_column", c.Count, "%s has a long tail of %s values (skewness %.1f). Linear models do better with its logarithm.", name, side, *s)
	}
}

func (f *finder) aboutPairs(p *Profile) {
	a := p.Associations
	if a == nil {
		return
	}
	found := 0
	for _, m := range []*Matrix{a.Pearson, a.CramersV} {
		if m == nil {
			continue
		}
		for i, row := range m.Values {
			for j := range i {
				v := row[j]
				first, second := m.Columns[min(i, j)], m.Columns[max(i, j)]
				if v == nil || math.Abs(*v) < nearlyEqual || first == p.Target || second == p.Target || found == maxPairFindings {
					continue
				}
				found++
				f.add("alike_columns", Low, second, "drop_columns", p.Rows,
					"%s says nearly what %s says (association %.2f). One of them is enough.", quoted(second), quoted(first), *v)
			}
		}
	}
}

func (f *finder) aboutTarget(p *Profile) {
	target := p.Column(p.Target)
	if target == nil {
		return
	}
	if target.Missing > 0 {
		f.add("target_missing", High, target.Name, "drop_missing_rows", target.Missing,
			"%d values of the target %s are missing; nothing can be learned from these rows. Drop them.", target.Missing, quoted(target.Name))
	}
	if n := len(target.Top); n > 1 && target.DistinctExact && target.Distinct <= 10 && (target.Storage == tabular.String || target.Storage == tabular.Boolean) {
		rare := target.Top[n-1]
		if float64(rare.Count) < rareClass*float64(target.Count) {
			f.add("rare_class", Low, target.Name, "", rare.Count,
				"The class %v of the target has %d rows only (%s). Weigh the classes when you train, and look at more than the accuracy.", rare.Value, rare.Count, percent(rare.Count, target.Count))
		}
	}
	if p.Associations == nil {
		return
	}
	for _, l := range p.Associations.Target {
		col := p.Column(l.Column)
		suspect := math.Abs(l.Value) >= suspectLink || l.Gain != nil && *l.Gain >= suspectGain
		if !suspect || col.Role == tabular.RoleID || col.Role == tabular.RoleIgnore {
			continue
		}
		f.add("leakage_suspect", High, l.Column, "drop_columns", p.Rows,
			"%s tells the target %s nearly alone (%s %.2f). If it is only known afterwards, drop it or give it the role ignore: a model that learns from it is of no use.",
			quoted(l.Column), quoted(p.Target), strings.ReplaceAll(l.Measure, "_", " "), l.Value)
	}
}

func (f *finder) aboutTime(p *Profile, now time.Time) {
	for i := range p.Columns {
		c := &p.Columns[i]
		newest, ok := c.Max.(string)
		if !ok || c.Role != tabular.RoleTime || now.IsZero() {
			continue
		}
		if at, err := time.Parse(time.RFC3339Nano, newest); err == nil && at.After(now) {
			f.add("future_times", Medium, c.Name, "filter_rows", 0, "The newest value of %s, %s, lies in the future. Look whether it is a mistake.", quoted(c.Name), newest)
		}
	}
	if q := p.Quality; q != nil && q.Timeliness != nil && *q.Timeliness < oldData {
		f.add("old_data", Low, q.Column, "", 0, "The newest value of %s is longer ago than the table reaches back from there. What it says may no longer hold.", quoted(q.Column))
	}
}
