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

// add notes a finding whose message is formatted as by fmt.Sprintf.
func (f *finder) add(found Finding, format string, args ...any) {
	found.Message = fmt.Sprintf(format, args...)
	f.all = append(f.all, found)
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

// forms returns the form of words that goes with a number.
func forms(n int64, one, many string) string {
	if n == 1 {
		return one
	}
	return many
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
	share := percent(d.Rows, p.Rows)
	f.add(Finding{Code: "duplicate_rows", Severity: graded(float64(d.Rows)/float64(max(p.Rows, 1)), someDuplicates, manyDuplicates), Step: "remove_duplicates", Affected: d.Rows},
		"%s%d %s equal to an earlier row. Remove them, unless the same thing can happen twice.", about, d.Rows, forms(d.Rows, "row ("+share+") is", "rows ("+share+") are"))
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
		f.add(Finding{Code: "empty_column", Severity: High, Column: c.Name, Step: "drop_columns", Affected: c.Missing}, "%s has no values at all. Drop it.", name)
		return
	}
	if c.Missing > 0 {
		step, what := "impute_missing", "Fill them in, or drop these rows"
		if c.MissingFraction >= manyMissing {
			what = "Fill them in if they mean something, or drop the column"
		}
		f.add(Finding{Code: "missing_values", Severity: graded(c.MissingFraction, someMissing, manyMissing), Column: c.Name, Step: step, Affected: c.Missing},
			"%s lacks %d of %d values (%s). %s.", name, c.Missing, c.Missing+c.Count, percent(c.Missing, c.Missing+c.Count), what)
	}
	if c.Distinct == 1 && c.Count > 1 {
		f.add(Finding{Code: "constant_column", Severity: Medium, Column: c.Name, Step: "drop_columns", Affected: c.Count}, "%s has one value only, which tells no row from another. Drop it.", name)
	}
	f.aboutType(c, name)
	f.aboutSpelling(c, name)
	f.aboutShape(c, name)
	f.aboutID(c, name)
}

// aboutID looks whether a column that is to name the rows does.
func (f *finder) aboutID(c *Column, name string) {
	n, atLeast := c.repeated()
	if c.Role != tabular.RoleID || n == 0 {
		return
	}
	about := ""
	switch {
	case atLeast:
		about = "at least "
	case !c.DistinctExact:
		about = "about "
	}
	f.add(Finding{Code: "id_not_unique", Severity: High, Column: c.Name, Step: "remove_duplicates", Affected: n},
		"%s is to name the rows, and %s%d of its values %s back. Remove the rows that repeat, or give another column this role.", name, about, n, forms(n, "comes", "come"))
}

func (f *finder) aboutType(c *Column, name string) {
	if c.Disagree > 0 {
		done := forms(c.Disagree, "It is missing now", "They are missing now")
		if c.Storage == tabular.String {
			done = forms(c.Disagree, "It was kept", "They were kept")
		}
		f.add(Finding{Code: "values_disagree", Severity: Medium, Column: c.Name, Affected: c.Disagree},
			"%d %s of %s %s not of the type %s that was chosen, such as %s. %s; correct the file, or choose another type.",
			c.Disagree, forms(c.Disagree, "value", "values"), name, forms(c.Disagree, "is", "are"), c.Type, shownSample(c.Disagreeing), done)
	}
	if len(c.Units) > 1 {
		f.add(Finding{Code: "mixed_currencies", Severity: Medium, Column: c.Name, Affected: c.Count},
			"%s holds amounts in %s, which cannot be added up, so it stayed text. Bring them into one currency.", name, strings.Join(c.Units, ", "))
	}
	if c.shortYears > 0 && float64(c.shortYears) >= tabular.MostlyShare*float64(c.Count) {
		f.add(Finding{Code: "two_digit_years", Severity: Medium, Column: c.Name, Step: "replace_text", Affected: c.shortYears},
			"%s holds dates whose years have two digits, which may be of two centuries, so it stayed text. Write the years with four digits.", name)
	}
	s := c.Suggestion
	if s == nil {
		return
	}
	switch s.Reason {
	case tabular.ReasonMostly:
		f.add(Finding{Code: "mostly_of_type", Severity: Medium, Column: c.Name, Affected: s.Disagree},
			"All values of %s but %d are of the type %s, so it stayed text; %s is not. Correct them, or choose the type: what disagrees becomes missing.",
			name, s.Disagree, s.Type, shownSample(s.Samples))
	case tabular.ReasonAmbiguous:
		if slices.Contains(s.Layouts, tabular.DayFirst) {
			f.add(Finding{Code: "ambiguous_dates", Severity: Medium, Column: c.Name, Affected: s.Agree},
				"All values of %s are dates with the day first as well as with the month first, so it stayed text. Choose the type date with the layout dmy or mdy.", name)
			return
		}
		f.add(Finding{Code: "ambiguous_numbers", Severity: Medium, Column: c.Name, Affected: s.Agree},
			"All values of %s are numbers with a decimal point as well as with a decimal comma, so it stayed text. Choose the type %s with the layout %s or %s.",
			name, s.Type, s.Layouts[0], s.Layouts[len(s.Layouts)-1])
	case tabular.ReasonStored:
		f.add(Finding{Code: "stored_as_text", Severity: Low, Column: c.Name, Affected: s.Agree},
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
		f.add(Finding{Code: "spelling_variants", Severity: Medium, Column: c.Name, Step: "change_case", Affected: n},
			"%d %s of %s %s from a more frequent one in capitals or spaces alone. Write them alike, so that they count as one.", n, forms(n, "value", "values"), name, forms(n, "differs", "differ"))
	}
	if c.Type == tabular.SemanticCategorical && c.Distinct > manyCategories {
		f.add(Finding{Code: "many_categories", Severity: Low, Column: c.Name, Step: "group_rare", Affected: c.Distinct},
			"%s has %d categories, of which the rare ones say little. Put rare ones together.", name, c.Distinct)
	}
	if c.Type == tabular.SemanticIdentifier && c.Role == "" {
		f.add(Finding{Code: "identifier_column", Severity: Low, Column: c.Name, Step: "drop_columns", Affected: c.Distinct},
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
		f.add(Finding{Code: "outliers", Severity: severity, Column: c.Name, Step: "cap_outliers", Affected: o.Extreme},
			"Far outside %s %d of %d values of %s, more than 3 times the distance of the quartiles from them. Look whether they are mistakes; cap or remove them if so.",
			forms(o.Extreme, "lies", "lie"), o.Extreme, c.Count, name)
	}
	if s := c.Skew; s != nil && math.Abs(*s) >= strongSkew && c.Distinct > 2 {
		side := "large"
		if *s < 0 {
			side = "small"
		}
		f.add(Finding{Code: "skewed", Severity: Low, Column: c.Name, Step: "derive_column", Affected: c.Count}, "%s has a long tail of %s values (skewness %.1f). Linear models do better with its logarithm.", name, side, *s)
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
				if v == nil || math.Abs(*v) < nearlyEqual || first == p.Target || second == p.Target || found == maxPairFindings ||
					!p.Column(first).telling() || !p.Column(second).telling() {
					continue
				}
				found++
				f.add(Finding{Code: "alike_columns", Severity: Low, Column: second, Step: "drop_columns", Affected: p.Rows},
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
		f.add(Finding{Code: "target_missing", Severity: High, Column: target.Name, Step: "drop_missing_rows", Affected: target.Missing},
			"%d %s of the target %s missing; nothing can be learned from such rows. Drop them.",
			target.Missing, forms(target.Missing, "value", "values"), quoted(target.Name)+forms(target.Missing, " is", " are"))
	}
	if n := len(target.Top); n > 1 && target.DistinctExact && target.Distinct <= topValues && isClasses(target) {
		rare := target.Top[n-1]
		if float64(rare.Count) < rareClass*float64(target.Count) {
			f.add(Finding{Code: "rare_class", Severity: Low, Column: target.Name, Affected: rare.Count},
				"The class %v of the target has only %d %s (%s). Weigh the classes when you train, and look at more than the accuracy.", rare.Value, rare.Count, forms(rare.Count, "row", "rows"), percent(rare.Count, target.Count))
		}
	}
	if p.Associations != nil {
		f.aboutLeakage(p)
	}
}

// telling reports whether there is enough of a column for what it has to do with
// others not to be by chance: of texts that hardly come back each tells its row.
func (c *Column) telling() bool {
	const least, repeats = 10, 2
	return c.Count >= least && (c.Storage != tabular.String || repeats*c.Distinct <= c.Count)
}

// isClasses reports whether a target holds classes: texts, booleans, or two numbers.
func isClasses(target *Column) bool {
	return target.Storage == tabular.String || target.Storage == tabular.Boolean || target.Distinct == 2 && target.Storage != tabular.Datetime
}

// aboutLeakage names the columns that tell the target nearly alone.
func (f *finder) aboutLeakage(p *Profile) {
	named := make(map[string]bool)
	for _, l := range p.Associations.Target {
		col := p.Column(l.Column)
		suspect := math.Abs(l.Value) >= suspectLink || l.Gain != nil && *l.Gain >= suspectGain
		if !suspect || !l.Missing && !col.telling() || named[l.Column] || col.Role == tabular.RoleID || col.Role == tabular.RoleIgnore {
			continue
		}
		named[l.Column] = true
		found := Finding{Code: "leakage_suspect", Severity: High, Column: l.Column, Step: "drop_columns", Affected: p.Rows}
		how := fmt.Sprintf("%s %.2f", strings.ReplaceAll(l.Measure, "_", " "), l.Value)
		if l.Gain != nil && math.Abs(l.Value) < suspectLink {
			how = fmt.Sprintf("guessing by it avoids %.0f %% of the mistakes", 100**l.Gain)
		}
		if l.Missing {
			f.add(found, "Whether %s has a value tells the target %s nearly alone (%s). If it is filled in only afterwards, drop it or give it the role ignore: a model that learns from it is of no use.",
				quoted(l.Column), quoted(p.Target), how)
			continue
		}
		f.add(found, "%s tells the target %s nearly alone (%s). If it is only known afterwards, drop it or give it the role ignore: a model that learns from it is of no use.",
			quoted(l.Column), quoted(p.Target), how)
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
			f.add(Finding{Code: "future_times", Severity: Medium, Column: c.Name, Step: "filter_rows"}, "The newest value of %s, %s, lies in the future. Look whether it is a mistake.", quoted(c.Name), newest)
		}
	}
	if q := p.Quality; q != nil && q.Timeliness != nil && *q.Timeliness < oldData {
		f.add(Finding{Code: "old_data", Severity: Low, Column: q.Column}, "The newest value of %s is longer ago than the table reaches back from there. What it says may no longer hold.", quoted(q.Column))
	}
}
