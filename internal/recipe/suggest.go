package recipe

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/dataset/profile"
	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// Suggestion is a step that would make a table better.
type Suggestion struct {
	Step     Step
	Reason   string
	Affected int64   // values or rows
	Effect   float64 // the share of the table's values, 0 to 1
	Auto     bool    // whether the automatic clean-up has it
	Order    int     // where it goes among the steps of a clean-up
}

// The order of the steps of a clean-up.
const (
	orderTrim = iota
	orderCase
	orderEmpty
	orderDuplicates
	orderOutliers
	orderMissing
)

// mostlyMissing is the share of missing values from which on a column is
// suggested to be dropped rather than filled.
const mostlyMissing = 0.6

// Suggest looks at the profile of a version and at its sample, and suggests
// steps, the one of most effect first.
func (s *Service) Suggest(ctx context.Context, caller account.Caller, datasetID string, version int) ([]Suggestion, error) {
	d, err := s.datasets.Look(ctx, caller.Tenant, datasetID, version)
	if err != nil {
		return nil, err
	}
	return s.SuggestFor(ctx, d)
}

// SuggestFor is Suggest for the version that a data set is at.
func (s *Service) SuggestFor(ctx context.Context, d *dataset.Dataset) ([]Suggestion, error) {
	raw, err := s.datasets.ProfileOf(ctx, d)
	if err != nil {
		return nil, err
	}
	var p profile.Profile
	if err := json.Unmarshal(raw, &p); err != nil {
		return nil, fmt.Errorf("decode profile of data set %s: %w", d.ID, err)
	}
	x, _, err := s.sample(ctx, d)
	if err != nil {
		return nil, err
	}
	g := &guesser{rows: p.Rows, cells: float64(max(p.Rows, 1)) * float64(max(len(p.Columns), 1)), sample: x, roles: map[string]tabular.Role{}}
	for _, c := range d.TableColumns() {
		g.roles[c.Name] = c.Role
	}
	g.columns(&p)
	g.spellings(&p)
	if err := g.duplicates(ctx, p.Duplicates); err != nil {
		return nil, err
	}
	slices.SortStableFunc(g.all, func(a, b Suggestion) int { return cmp.Compare(b.Effect, a.Effect) })
	return g.all, nil
}

// Clean returns the steps of the automatic clean-up, in an order in which they
// help each other.
func Clean(all []Suggestion) []Step {
	auto := slices.DeleteFunc(slices.Clone(all), func(g Suggestion) bool { return !g.Auto })
	slices.SortStableFunc(auto, func(a, b Suggestion) int { return cmp.Compare(a.Order, b.Order) })
	steps := make([]Step, len(auto))
	for i, g := range auto {
		steps[i] = g.Step
	}
	return steps
}

// guesser collects suggestions.
type guesser struct {
	rows   int64
	cells  float64
	sample *frame.Frame
	roles  map[string]tabular.Role
	all    []Suggestion
}

func (g *guesser) add(s Suggestion) {
	if s.Affected > 0 {
		s.Effect = min(1, s.Effect)
		g.all = append(g.all, s)
	}
}

func (g *guesser) columns(p *profile.Profile) {
	var numbers, texts, empty, trim, outliers []string
	var numbersMissing, textsMissing, emptyCells, trimmed, outlying int64
	for i := range p.Columns {
		c := &p.Columns[i]
		text := c.Storage == tabular.String
		switch role := g.roles[c.Name]; {
		case role == tabular.RoleIgnore:
			continue
		case role == tabular.RoleTarget:
			g.target(c)
			continue
		case role != "":
			// What it is for says more than how it looks.
		case c.MissingFraction >= mostlyMissing || c.Distinct <= 1 && p.Rows > 1:
			empty, emptyCells = append(empty, c.Name), emptyCells+p.Rows
			continue
		case c.Missing > 0 && text:
			texts, textsMissing = append(texts, c.Name), textsMissing+c.Missing
		case c.Missing > 0 && (c.Storage == tabular.Float || c.Storage == tabular.Integer):
			numbers, numbersMissing = append(numbers, c.Name), numbersMissing+c.Missing
		}
		if n := g.spaces(c.Name); text && n > 0 {
			trim, trimmed = append(trim, c.Name), trimmed+n
		}
		if n := g.outliers(c); n > 0 {
			outliers, outlying = append(outliers, c.Name), outlying+n
		}
	}
	g.suggest(orderTrim, Step{Name: "trim_text", Parameters: map[string]any{"columns": trim}}, trim, trimmed, true, "about %d texts have white space around them in %s")
	g.suggest(orderEmpty, Step{Name: "drop_columns", Parameters: map[string]any{"columns": empty}}, empty, emptyCells, len(empty) < len(p.Columns), "%d values are in columns that say nothing: constant, or mostly missing: %s")
	g.suggest(orderMissing, Step{Name: "impute_missing", Parameters: map[string]any{"columns": numbers, "strategy": "median"}}, numbers, numbersMissing, true, "%d numbers are missing in %s")
	g.suggest(orderMissing, Step{Name: "impute_missing", Parameters: map[string]any{"columns": texts, "strategy": "mode"}}, texts, textsMissing, false, "%d texts are missing in %s")
	g.suggest(orderOutliers, Step{Name: "cap_outliers", Parameters: map[string]any{"columns": outliers, "method": "iqr", "factor": 3.0}}, outliers, outlying, false, "about %d numbers are far from the others of their column in %s")
}

// target suggests to leave out the rows of which nobody knows the target: what is
// learned from must not be made up.
func (g *guesser) target(c *profile.Column) {
	g.add(Suggestion{
		Step: Step{Name: "drop_missing_rows", Parameters: map[string]any{"columns": []string{c.Name}}}, Affected: c.Missing, Effect: float64(c.Missing) / float64(max(g.rows, 1)),
		Order: orderEmpty, Reason: fmt.Sprintf("%d rows lack the target %q", c.Missing, c.Name),
	})
}

// spellings suggests to write texts alike that differ in capitals alone, as the
// profile has found. What differs in spaces is trimmed.
func (g *guesser) spellings(p *profile.Profile) {
	var columns []string
	var affected int64
	for _, f := range p.Findings {
		if f.Code == "spelling_variants" && g.roles[f.Column] == "" {
			columns, affected = append(columns, f.Column), affected+f.Affected
		}
	}
	g.suggest(orderCase, Step{Name: "change_case", Parameters: map[string]any{"columns": columns, "case": "lower"}}, columns, affected, false, "%d texts differ from a more frequent one in capitals or spaces alone in %s")
}

func (g *guesser) suggest(order int, step Step, columns []string, affected int64, auto bool, reason string) {
	g.add(Suggestion{
		Step: step, Affected: affected, Effect: float64(affected) / g.cells, Auto: auto, Order: order,
		Reason: fmt.Sprintf(reason, affected, list(columns)),
	})
}

func list(names []string) string {
	const shown = 5
	quoted := make([]string, 0, shown)
	for _, n := range names[:min(len(names), shown)] {
		quoted = append(quoted, fmt.Sprintf("%q", n))
	}
	if more := len(names) - shown; more > 0 {
		return strings.Join(quoted, ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(quoted, ", ")
}

// scale makes a count of the sample one of the table.
func (g *guesser) scale(n int) int64 {
	if g.sample.Rows() == 0 {
		return 0
	}
	return int64(float64(n) / float64(g.sample.Rows()) * float64(g.rows))
}

// spaces estimates how many texts of a column have white space around them.
func (g *guesser) spaces(name string) int64 {
	c, ok := g.sample.Column(name)
	if !ok || c.Type() != frame.String {
		return 0
	}
	n := 0
	for i := range c.Len() {
		if !c.Null(i) && c.Text(i) != strings.TrimSpace(c.Text(i)) {
			n++
		}
	}
	return g.scale(n)
}

// outliers estimates how many numbers of a column lie three times the range
// between the quartiles outside of those.
func (g *guesser) outliers(p *profile.Column) int64 {
	c, ok := g.sample.Column(p.Name)
	if !ok || p.Quantiles == nil || p.Distinct <= 2 || c.Type() != frame.Float && c.Type() != frame.Int {
		return 0
	}
	low, lowOK := p.Quantiles.P25.(float64)
	high, highOK := p.Quantiles.P75.(float64)
	if !lowOK || !highOK || high <= low {
		return 0
	}
	const factor = 3
	n := 0
	for i := range c.Len() {
		if v := c.Float(i); v < low-factor*(high-low) || v > high+factor*(high-low) {
			n++
		}
	}
	return g.scale(n)
}

// duplicates suggests to remove rows that are the same as another: as many as the
// profile has counted, or when it has not, as the sample tells.
func (g *guesser) duplicates(ctx context.Context, counted *profile.Duplicates) error {
	if counted != nil {
		about := ""
		if !counted.Exact {
			about = "about "
		}
		g.repeated(counted.Rows, fmt.Sprintf("%s%d rows are equal to an earlier one", about, counted.Rows))
		return nil
	}
	r, err := preprocess.Bind([]Step{{Name: "remove_duplicates"}}, preprocess.SchemaOf(g.sample), preprocess.Environment{})
	if err != nil {
		return fmt.Errorf("look for duplicates: %w", err)
	}
	f, err := r.Fit(ctx, preprocess.Frames{g.sample}, nil, nil)
	if err != nil {
		return fmt.Errorf("look for duplicates: %w", err)
	}
	distinct, err := f.Apply(g.sample)
	if err != nil {
		return fmt.Errorf("look for duplicates: %w", err)
	}
	twice := g.scale(g.sample.Rows() - distinct.Rows())
	g.repeated(twice, fmt.Sprintf("about %d rows are the same as another, by the sample", twice))
	return nil
}

func (g *guesser) repeated(rows int64, reason string) {
	g.add(Suggestion{
		Step: Step{Name: "remove_duplicates"}, Affected: rows, Effect: float64(rows) / float64(max(g.rows, 1)), Auto: true, Order: orderDuplicates, Reason: reason,
	})
}
