package cli

import (
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/terminal"
)

// recipeUpdateCommand changes what is given and keeps the rest.
func recipeUpdateCommand(s *session) *cobra.Command {
	var d client.RecipeDraft
	var steps string
	cmd := &cobra.Command{
		Use: "update RECIPE", Short: "Change a recipe; steps make a new version", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := s.client()
			if err != nil {
				return err
			}
			_, old, err := c.Recipe(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			changed := cmd.Flags().Changed
			if !changed("name") {
				d.Name = old.Name
			}
			if !changed("description") {
				d.Description = old.Description
			}
			if !changed("tag") {
				d.Tags = old.Tags
			}
			if !changed("visibility") {
				d.Visibility = old.Visibility
			}
			if steps != "" {
				if d.Steps, err = readSteps(cmd, steps); err != nil {
					return err
				}
			}
			r, err := c.UpdateRecipe(cmd.Context(), args[0], d)
			return orDetached(err, func() error {
				return s.answer(cmd, r, func(w io.Writer) error { return line(w, "%s, version %d, %s", r.ID, r.Version, r.Visibility) })
			})
		},
	}
	f := cmd.Flags()
	f.StringVarP(&steps, "steps", "s", "", "a file with the steps of the new version, as a list in JSON; - for standard input")
	f.StringVar(&d.DatasetID, "dataset", "", "the data set that the steps are made for and checked against")
	f.StringVar(&d.Name, "name", "", "another name")
	f.StringVar(&d.Description, "description", "", "what it is for")
	f.StringSliceVar(&d.Tags, "tag", nil, "words to find it by, instead of those there are")
	f.StringVar(&d.Visibility, "visibility", "", "private, tenant or public")
	return cmd
}

func showPlan(w io.Writer, p *client.RecipePlan) error {
	rows := make([][]string, len(p.Steps))
	for i, step := range p.Steps {
		rows[i] = []string{strconv.Itoa(i + 1), step.Name, step.Runs, step.Explanation}
	}
	if err := terminal.Explained(w, []string{"step", "transformation", "runs", "what it does"}, rows); err != nil {
		return err
	}
	if err := line(w, "the table is read %d times at most", p.Passes); err != nil || p.Compatibility == nil {
		return err
	}
	for _, difference := range []struct {
		what  string
		names []string
	}{
		{"columns that the recipe was made for and that are not there", p.Compatibility.Missing},
		{"columns of another type", p.Compatibility.Retyped},
		{"columns that the recipe does not know", p.Compatibility.Unknown},
	} {
		if len(difference.names) > 0 {
			if err := line(w, "%s: %s", difference.what, strings.Join(difference.names, ", ")); err != nil {
				return err
			}
		}
	}
	return nil
}
