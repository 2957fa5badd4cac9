package dataset

import (
	"context"

	"github.com/narrativeml/narrative/internal/dataset/profile"
	"github.com/narrativeml/narrative/internal/tabular"
)

// Comparison is how two versions differ.
type Comparison struct {
	From    *Revision
	To      *Revision
	Same    bool  // they hold the same
	Rows    int64 // how many more the second has
	Added   []string
	Removed []string
	Retyped []string
	// Columns are those of both that are described in another way, in the order of
	// the second; nil when a profile of one of them is cleaned up, empty when there
	// are none.
	Columns     []ColumnDifference
	QualityFrom *float64 // the scores of the profiles, if they have one
	QualityTo   *float64
}

// ColumnDifference is what the profiles of two versions say of a column.
type ColumnDifference struct {
	Name string
	From ColumnSummary
	To   ColumnSummary
}

// ColumnSummary is the short of what a profile says of a column.
type ColumnSummary struct {
	Type     tabular.Semantic
	Missing  int64
	Distinct int64
	Mean     *float64 // of numbers
	Std      *float64
}

// Compare compares two versions.
func (s *Service) Compare(ctx context.Context, tenant, id string, from, to int) (*Comparison, error) {
	a, err := s.Revision(ctx, tenant, id, from)
	if err != nil {
		return nil, err
	}
	b, err := s.Revision(ctx, tenant, id, to)
	if err != nil {
		return nil, err
	}
	c := &Comparison{From: a, To: b, Same: a.Version.Hash != "" && a.Version.Hash == b.Version.Hash, Rows: b.Version.Rows - a.Version.Rows}
	c.Added, c.Removed, c.Retyped = Difference(a.Version.Schema, b.Version.Schema)
	if a.Gone || b.Gone || a.Sealed || b.Sealed { // their profiles are not there, or not to be read
		return c, nil
	}
	before, err := s.profileAt(ctx, tenant, id, from)
	if err != nil {
		return nil, err
	}
	after, err := s.profileAt(ctx, tenant, id, to)
	if err != nil {
		return nil, err
	}
	c.profiles(before, after)
	return c, nil
}

func (s *Service) profileAt(ctx context.Context, tenant, id string, number int) (*profile.Profile, error) {
	d, err := s.Look(ctx, tenant, id, number)
	if err != nil {
		return nil, err
	}
	return s.described(ctx, d)
}

// profiles says what two profiles tell otherwise.
func (c *Comparison) profiles(before, after *profile.Profile) {
	if before.Quality != nil {
		c.QualityFrom = &before.Quality.Score
	}
	if after.Quality != nil {
		c.QualityTo = &after.Quality.Score
	}
	c.Columns = []ColumnDifference{}
	for i := range after.Columns {
		old := before.Column(after.Columns[i].Name)
		if old == nil {
			continue
		}
		from, to := summary(old), summary(&after.Columns[i])
		if from.Type != to.Type || from.Missing != to.Missing || from.Distinct != to.Distinct || differs(from.Mean, to.Mean) || differs(from.Std, to.Std) {
			c.Columns = append(c.Columns, ColumnDifference{after.Columns[i].Name, from, to})
		}
	}
}

func summary(c *profile.Column) ColumnSummary {
	return ColumnSummary{Type: c.Type, Missing: c.Missing, Distinct: c.Distinct, Mean: c.Mean, Std: c.Std}
}

// differs reports whether two numbers, or that there is one, are not the same.
func differs(a, b *float64) bool { return (a == nil) != (b == nil) || a != nil && *a != *b }

// Difference returns the columns that the second schema has more, has less, and
// has of another type.
func Difference(a, b tabular.Schema) (added, removed, retyped []string) {
	for _, f := range b {
		switch old, ok := a.Lookup(f.Name); {
		case !ok:
			added = append(added, f.Name)
		case old.Type != f.Type:
			retyped = append(retyped, f.Name)
		}
	}
	for _, f := range a {
		if _, ok := b.Lookup(f.Name); !ok {
			removed = append(removed, f.Name)
		}
	}
	return added, removed, retyped
}
