package drill

import (
	"context"
	"fmt"
	"io"
	"slices"
)

// All names every area.
const All = "all"

// Area is something that can be measured.
type Area struct {
	Name    string
	Measure func(ctx context.Context, out io.Writer) ([]Figure, error) // out takes what a person may follow
}

// Run measures the area of that name, or all, prints a table for each and
// merges the figures into the file after each.
func Run(ctx context.Context, areas []Area, name, file string, out io.Writer) error {
	if name != All && !slices.ContainsFunc(areas, func(a Area) bool { return a.Name == name }) {
		return fmt.Errorf("there is no area %q", name)
	}
	for _, a := range areas {
		if name != All && name != a.Name {
			continue
		}
		figures, err := a.Measure(ctx, out)
		if err != nil {
			return fmt.Errorf("measure %s: %w", a.Name, err)
		}
		if _, err := fmt.Fprintf(out, "\n%s\n", a.Name); err != nil {
			return fmt.Errorf("print figures: %w", err)
		}
		if err := Table(out, figures); err != nil {
			return err
		}
		if err := Merge(file, figures); err != nil {
			return err
		}
	}
	return nil
}
