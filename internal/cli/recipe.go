package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/terminal"
)

// transformation is what the list shows of one.
type transformation struct {
	Name       string `json:"name"`
	Group      string `json:"group"`
	Summary    string `json:"summary"`
	Parameters []struct {
		Name     string `json:"name"`
		Required bool   `json:"required"`
	} `json:"parameters"`
	Runs    string `json:"runs"`
	Example struct {
		Parameters json.RawMessage `json:"parameters"`
	} `json:"example"`
}

// transformationsCommand lists the vocabulary, which this program knows without
// a server.
func transformationsCommand(vocabulary func() any) *cobra.Command {
	s := &session{}
	cmd := &cobra.Command{
		Use: "transformations", Short: "List what a step of a recipe can be", Args: args(cobra.NoArgs), GroupID: "client",
		RunE: func(cmd *cobra.Command, _ []string) error {
			all := vocabulary()
			return s.answer(cmd, all, func(w io.Writer) error {
				raw, err := json.Marshal(all)
				if err != nil {
					return fmt.Errorf("encode the vocabulary: %w", err)
				}
				var list []transformation
				if err := json.Unmarshal(raw, &list); err != nil {
					return fmt.Errorf("read the vocabulary: %w", err)
				}
				rows := make([][]string, len(list))
				for i, t := range list {
					var names []string
					for _, p := range t.Parameters {
						if p.Required {
							p.Name += "*"
						}
						names = append(names, p.Name)
					}
					rows[i] = []string{t.Name, t.Group, t.Runs, strings.Join(names, " ")}
				}
				return terminal.Table(w, []string{"transformation", "group", "runs", "parameters (*: required)"}, rows)
			})
		},
	}
	cmd.Flags().BoolVar(&s.json, "json", false, "answer in JSON")
	return cmd
}

func recipeCommand(s *session) *cobra.Command {
	return s.group("recipe", "Save recipes, see what they would do, and apply them",
		recipeCreateCommand(s), recipeUpdateCommand(s), recipeListCommand(s), recipeShowCommand(s), recipePythonCommand(s), recipeDeleteCommand(s),
		recipeCheckCommand(s), recipePreviewCommand(s), recipeApplyCommand(s), recipeSuggestCommand(s), recipeCleanCommand(s))
}

// use are the flags of what steps are applied.
type use struct {
	steps, recipe string
	recipeVersion int
	version       int
}

func (u *use) flags(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&u.steps, "steps", "s", "", "a file with the steps, as a list in JSON or as show --json writes them; - for standard input")
	cmd.Flags().StringVarP(&u.recipe, "recipe", "r", "", "a recipe that was saved, instead of steps")
	cmd.Flags().IntVar(&u.recipeVersion, "recipe-version", 0, "of the recipe (default: the newest)")
	cmd.Flags().IntVar(&u.version, "version", 0, "of the data set (default: the newest)")
}

func (u *use) read(cmd *cobra.Command, dataset string) (client.RecipeUse, error) {
	if (u.steps == "") == (u.recipe == "") {
		return client.RecipeUse{}, usage("give either --steps FILE or --recipe ID")
	}
	out := client.RecipeUse{DatasetID: dataset, Version: u.version, RecipeID: u.recipe, RecipeVersion: u.recipeVersion}
	var err error
	if u.steps != "" {
		out.Steps, err = readSteps(cmd, u.steps)
	}
	return out, err
}

// readSteps reads a list of steps, or those of a recipe that was taken elsewhere.
func readSteps(cmd *cobra.Command, name string) ([]client.Step, error) {
	const most = 4 << 20
	in := cmd.InOrStdin()
	if name != "-" {
		f, err := os.Open(name) //nolint:gosec // the user names it
		if err != nil {
			return nil, &usageError{err}
		}
		defer f.Close() //nolint:errcheck // only read
		in = f
	}
	raw, err := io.ReadAll(io.LimitReader(in, most))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	var exported struct {
		Steps json.RawMessage `json:"steps"`
	}
	if json.Unmarshal(raw, &exported) == nil && exported.Steps != nil {
		raw = exported.Steps // a recipe as "recipe show --json" writes it
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	var steps []client.Step
	if err := d.Decode(&steps); err != nil {
		return nil, usage("%s holds no list of steps such as [{\"name\": \"trim_text\", \"parameters\": {}}], and no recipe: %w", name, err)
	}
	return steps, nil
}

func recipeCreateCommand(s *session) *cobra.Command {
	var d client.RecipeDraft
	var steps, key string
	cmd := &cobra.Command{
		Use: "create NAME --steps FILE", Short: "Save steps as a recipe", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if steps == "" {
				return usage("name the file of the steps with --steps")
			}
			c, err := s.client()
			if err != nil {
				return err
			}
			if d.Steps, err = readSteps(cmd, steps); err != nil {
				return err
			}
			d.Name = args[0]
			r, err := c.CreateRecipe(cmd.Context(), d, key)
			return orDetached(err, func() error {
				return s.answer(cmd, r, func(w io.Writer) error { return line(w, "%s", r.ID) })
			})
		},
	}
	f := cmd.Flags()
	f.StringVarP(&steps, "steps", "s", "", "a file with the steps, as a list in JSON or as show --json writes them; - for standard input")
	f.StringVar(&d.DatasetID, "dataset", "", "the data set that the recipe is made for and checked against")
	f.StringVar(&d.Description, "description", "", "what it is for")
	f.StringSliceVar(&d.Tags, "tag", nil, "words to find it by")
	f.StringVar(&d.Visibility, "visibility", "", "private, tenant or public (default private)")
	f.StringVar(&key, "idempotency-key", "", "your name for this request; sent again it makes nothing new")
	return cmd
}

func recipeListCommand(s *session) *cobra.Command {
	var public bool
	var tag, cursor string
	limit := shownAtOnce
	cmd := &cobra.Command{
		Use: "list", Short: "List recipes, newest first", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := s.client()
			if err != nil {
				return err
			}
			page, err := c.Recipes(cmd.Context(), public, tag, cursor, limit)
			return show(s, cmd, page, err, []string{"recipe", "name", "version", "steps", "visibility", "tags", "created"}, func(r *client.Recipe) []string {
				return []string{r.ID, r.Name, strconv.Itoa(r.Version), strconv.Itoa(len(r.Steps)), r.Visibility, strings.Join(r.Tags, " "), moment(r.CreatedAt)}
			})
		},
	}
	cmd.Flags().BoolVar(&public, "public", false, "those that anybody has made public")
	cmd.Flags().StringVar(&tag, "tag", "", "those that have this tag")
	cmd.Flags().StringVar(&cursor, "cursor", "", "go on where a list ended")
	cmd.Flags().IntVar(&limit, "limit", limit, "how many at most")
	return cmd
}

func recipeShowCommand(s *session) *cobra.Command {
	return &cobra.Command{
		Use: "show RECIPE", Short: "Show a recipe; with --json also to take it elsewhere", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := s.client()
			if err != nil {
				return err
			}
			raw, r, err := c.Recipe(cmd.Context(), args[0])
			return orDetached(err, func() error {
				return s.answer(cmd, raw, func(w io.Writer) error {
					if err := line(w, "%s %q, version %d, %s", r.ID, r.Name, r.Version, r.Visibility); err != nil {
						return err
					}
					return stepTable(w, r.Steps)
				})
			})
		},
	}
}

func stepTable(w io.Writer, steps []client.Step) error {
	rows := make([][]string, len(steps))
	for i, step := range steps {
		parameters, err := json.Marshal(step.Parameters)
		if err != nil {
			return fmt.Errorf("write the parameters: %w", err)
		}
		rows[i] = []string{strconv.Itoa(i + 1), step.Name, string(parameters)}
	}
	return terminal.Explained(w, []string{"step", "transformation", "parameters"}, rows)
}

func recipePythonCommand(s *session) *cobra.Command {
	version, dataset := 0, ""
	cmd := &cobra.Command{
		Use: "python RECIPE", Short: "Write a recipe as a program for pandas", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := s.client()
			if err != nil {
				return err
			}
			code, err := c.RecipePython(cmd.Context(), args[0], version, dataset)
			return orDetached(err, func() error {
				return s.answer(cmd, map[string]string{"code": code}, func(w io.Writer) error { return line(w, "%s", strings.TrimRight(code, "\n")) })
			})
		},
	}
	cmd.Flags().IntVar(&version, "recipe-version", 0, "of the recipe (default: the newest)")
	cmd.Flags().StringVar(&dataset, "dataset", "", "the data set that tells of what types the columns are (default: the one that the recipe was saved with)")
	return cmd
}

func recipeDeleteCommand(s *session) *cobra.Command {
	return &cobra.Command{
		Use: "delete RECIPE", Short: "Delete a recipe", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := s.client()
			if err != nil {
				return err
			}
			return c.DeleteRecipe(cmd.Context(), args[0])
		},
	}
}

func recipeCheckCommand(s *session) *cobra.Command {
	return useCommand(s, "check DATASET", "Say what steps would do to a data set, in words", (*client.Client).CheckRecipe, showPlan)
}

func recipePreviewCommand(s *session) *cobra.Command {
	return useCommand(s, "preview DATASET", "Apply steps to a sample of a data set", (*client.Client).PreviewRecipe, showPreview)
}

// useCommand asks what comes of steps and shows it.
func useCommand[T any](
	s *session, name, short string, ask func(*client.Client, context.Context, client.RecipeUse) (*T, error), show func(io.Writer, *T) error,
) *cobra.Command {
	var u use
	cmd := &cobra.Command{
		Use: name, Short: short, Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			what, err := u.read(cmd, args[0])
			if err != nil {
				return err
			}
			c, err := s.client()
			if err != nil {
				return err
			}
			found, err := ask(c, cmd.Context(), what)
			return orDetached(err, func() error { return s.answer(cmd, found, func(w io.Writer) error { return show(w, found) }) })
		},
	}
	u.flags(cmd)
	return cmd
}

func showPreview(w io.Writer, p *client.RecipePreview) error {
	if err := line(w, "%s", p.Label); err != nil {
		return err
	}
	rows := make([][]string, len(p.Steps))
	for i, step := range p.Steps {
		changed := "-"
		if step.CellsChanged != nil {
			changed = strconv.Itoa(*step.CellsChanged)
		}
		rows[i] = []string{strconv.Itoa(i + 1), step.Name, strconv.Itoa(step.RowsBefore), strconv.Itoa(step.RowsAfter), changed}
	}
	if err := terminal.Table(w, []string{"step", "transformation", "rows before", "rows after", "values changed"}, rows); err != nil {
		return err
	}
	for _, table := range []struct {
		what string
		rows client.PreviewRows
	}{{"before", p.Before}, {"after", p.After}} {
		if err := line(w, "\n%s:", table.what); err != nil {
			return err
		}
		if err := showRows(w, table.rows); err != nil {
			return err
		}
	}
	return nil
}

// showRows shows the first rows of a table.
func showRows(w io.Writer, rows client.PreviewRows) error {
	const shown = 10
	var header []string
	for _, c := range rows.Columns {
		header = append(header, c.Name)
	}
	var cells [][]string
	for _, row := range rows.Rows[:min(len(rows.Rows), shown)] {
		var texts []string
		for _, v := range row {
			if v == nil {
				v = ""
			}
			texts = append(texts, fmt.Sprint(v))
		}
		cells = append(cells, texts)
	}
	return terminal.Table(w, header, cells)
}

func recipeApplyCommand(s *session) *cobra.Command {
	var u use
	var sub submission
	var limits limits
	cmd := &cobra.Command{
		Use: "apply DATASET", Short: "Apply steps to a data set and make a version of what comes out", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			what, err := u.read(cmd, args[0])
			if err != nil {
				return err
			}
			r := client.TransformRequest{RecipeUse: what, After: sub.after, Priority: sub.priority}
			if r.Limits, err = limits.read(cmd); err != nil {
				return err
			}
			return s.transform(cmd, r, &sub)
		},
	}
	u.flags(cmd)
	limits.flags(cmd)
	sub.flags(cmd)
	return cmd
}

// transform submits a transform job and waits for it.
func (s *session) transform(cmd *cobra.Command, r client.TransformRequest, sub *submission) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	j, err := c.Transform(cmd.Context(), r, sub.key)
	if err != nil || sub.detach {
		return orDetached(err, func() error { return s.detached(cmd, j) })
	}
	if j, err = s.follow(cmd.Context(), cmd, c, "transform", j.ID); err != nil {
		return err
	}
	var made client.Transformed
	if err := decodeResult(j, &made); err != nil {
		return err
	}
	return s.answer(cmd, j.Result, func(w io.Writer) error {
		return line(w, "%s rows of %d columns, hash %s; narrative version list %s", terminal.Count(made.Rows), made.Columns, made.Hash, made.DatasetID)
	})
}

func recipeSuggestCommand(s *session) *cobra.Command {
	return &cobra.Command{
		Use: "suggest DATASET", Short: "Suggest steps from the profile of a data set", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := s.client()
			if err != nil {
				return err
			}
			all, err := c.Suggest(cmd.Context(), args[0])
			return orDetached(err, func() error {
				return s.answer(cmd, all, func(w io.Writer) error {
					rows := make([][]string, len(all.Items))
					for i, g := range all.Items {
						rows[i] = []string{g.Name, fmt.Sprintf("%.2f %%", 100*g.Effect), strconv.FormatBool(g.Auto), g.Reason}
					}
					return terminal.Explained(w, []string{"transformation", "of the values", "in clean", "why"}, rows)
				})
			})
		},
	}
}

func recipeCleanCommand(s *session) *cobra.Command {
	var sub submission
	var yes bool
	cmd := &cobra.Command{
		Use: "clean DATASET", Short: "Show a plan that cleans a data set, and apply it with --yes", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := s.client()
			if err != nil {
				return err
			}
			all, err := c.Suggest(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if len(all.Clean) == 0 {
				return s.answer(cmd, all.Clean, func(w io.Writer) error { return line(w, "nothing to clean was found") })
			}
			what := client.RecipeUse{DatasetID: args[0], Steps: all.Clean}
			if yes {
				return s.transform(cmd, client.TransformRequest{RecipeUse: what, Priority: sub.priority}, &sub)
			}
			p, err := c.CheckRecipe(cmd.Context(), what)
			return orDetached(err, func() error {
				return s.answer(cmd, all.Clean, func(w io.Writer) error {
					if err := showPlan(w, p); err != nil {
						return err
					}
					return line(w, "narrative recipe clean %s --yes applies it", args[0])
				})
			})
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "apply the plan")
	sub.flags(cmd)
	return cmd
}
