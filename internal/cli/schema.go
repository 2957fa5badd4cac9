package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/terminal"
)

func schemaCommand(s *session) *cobra.Command {
	var types, roles []string
	var detach bool
	cmd := &cobra.Command{
		Use: "schema DATASET", Short: "Show what the columns of a data set are, and set it", Args: args(cobra.ExactArgs(1)),
		Example: `  narrative schema ds_... --type joined=date:dmy --role churned=target --role id=id
  narrative schema ds_... --type joined=auto --role churned=none`,
		RunE: func(cmd *cobra.Command, args []string) error {
			changes, err := columnChanges(types, roles)
			if err != nil {
				return err
			}
			c, err := s.client()
			if err != nil {
				return err
			}
			var found *client.Schema
			if len(changes) == 0 {
				found, err = c.Schema(cmd.Context(), args[0])
			} else {
				found, err = c.ChangeSchema(cmd.Context(), args[0], changes)
			}
			if err != nil {
				return err
			}
			if found.JobID != "" && !detach {
				if _, err := s.follow(cmd.Context(), cmd, c, "read again", found.JobID); err != nil {
					return err
				}
				if found, err = c.Schema(cmd.Context(), args[0]); err != nil {
					return err
				}
			}
			return s.answer(cmd, found, func(w io.Writer) error { return showSchema(w, found) })
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&types, "type", nil, "COLUMN=TYPE or COLUMN=TYPE:LAYOUT, such as joined=date:dmy; COLUMN=auto: what is found")
	f.StringArrayVar(&roles, "role", nil, "COLUMN=ROLE: target, id, weight, group, time, ignore or none")
	f.BoolVarP(&detach, "detach", "d", false, "do not wait for the job that reads the file again")
	return cmd
}

// columnChanges reads the flags, one change for each column.
func columnChanges(types, roles []string) ([]client.ColumnChange, error) {
	var names []string
	changes := make(map[string]*client.ColumnChange)
	of := func(flag, text string) (*client.ColumnChange, string, error) {
		// A name may have an equals sign; a type and a role have none.
		at := strings.LastIndexByte(text, '=')
		if at < 1 || at == len(text)-1 {
			return nil, "", usage("--%s is %q; write COLUMN=%s", flag, text, strings.ToUpper(flag))
		}
		name := text[:at]
		if changes[name] == nil {
			names = append(names, name)
			changes[name] = &client.ColumnChange{Name: name}
		}
		return changes[name], text[at+1:], nil
	}
	for _, text := range types {
		change, value, err := of("type", text)
		if err != nil {
			return nil, err
		}
		change.Type, change.Layout, _ = strings.Cut(value, ":")
	}
	for _, text := range roles {
		change, value, err := of("role", text)
		if err != nil {
			return nil, err
		}
		change.Role = value
	}
	out := make([]client.ColumnChange, 0, len(names))
	for _, name := range names {
		out = append(out, *changes[name])
	}
	return out, nil
}

func showSchema(w io.Writer, s *client.Schema) error {
	rows := make([][]string, len(s.Columns))
	for i, c := range s.Columns {
		typ := c.Type
		if c.Chosen {
			typ += " (chosen)"
		}
		if c.Unit != "" {
			typ += ", " + c.Unit
		}
		rows[i] = []string{c.Name, typ, c.Layout, c.Storage, c.Role, terminal.Count(c.Disagree), suggested(c)}
	}
	return terminal.Table(w, []string{"column", "type", "layout", "kept as", "role", "disagree", "could be"}, rows)
}

// suggested tells what the column could be as well, and what speaks against it.
func suggested(c client.SchemaColumn) string {
	g := c.Suggestion
	if g == nil {
		return ""
	}
	text := g.Type
	if len(g.Layouts) > 0 {
		text += ":" + strings.Join(g.Layouts, " or ")
	}
	if len(g.Disagreeing) > 0 {
		text += fmt.Sprintf(", but for %s, such as %q in row %d", terminal.Count(g.Disagree), g.Disagreeing[0].Value, g.Disagreeing[0].Row)
	}
	return text
}

// showQuality tells how good a table is and what to do about it.
func showQuality(w io.Writer, p *client.Profile) error {
	if p.Quality == nil {
		return nil
	}
	parts := []string{}
	for _, part := range []struct {
		name  string
		value *float64
	}{
		{"completeness", p.Quality.Completeness},
		{"consistency", p.Quality.Consistency},
		{"validity", p.Quality.Validity},
		{"uniqueness", p.Quality.Uniqueness},
		{"timeliness", p.Quality.Timeliness},
	} {
		if part.value != nil {
			parts = append(parts, fmt.Sprintf("%s %.3f", part.name, *part.value))
		}
	}
	if err := line(w, "\nquality %.3f (%s)", p.Quality.Score, strings.Join(parts, ", ")); err != nil {
		return err
	}
	for _, f := range p.Findings {
		if err := line(w, "%-6s %s", f.Severity, f.Message); err != nil {
			return err
		}
	}
	return nil
}

func chartCommand(s *session) *cobra.Command {
	values := make(map[string]*string)
	cmd := &cobra.Command{
		Use: "chart DATASET KIND", Short: "Write the data of a chart as JSON: histogram, box_plot, scatter, line, time_series, heat_map", Args: args(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := s.client()
			if err != nil {
				return err
			}
			query := url.Values{}
			for name, v := range values {
				if *v != "" {
					query.Set(name, *v)
				}
			}
			raw, err := c.Chart(cmd.Context(), args[0], args[1], query)
			if err != nil {
				return err
			}
			var pretty bytes.Buffer
			if err := json.Indent(&pretty, raw, "", "  "); err != nil {
				return fmt.Errorf("read the chart: %w", err)
			}
			return line(cmd.OutOrStdout(), "%s", strings.TrimSpace(pretty.String()))
		},
	}
	for name, doc := range map[string]string{
		"x": "the column along the horizontal axis", "y": "the column along the vertical axis", "by": "a column whose values are told apart",
		"bins": "at most so many bins", "points": "at most so many points", "interval": "of a time series, such as month", "aggregate": "of a time series: mean, sum, count, min or max",
		"version": "of the data set (default: the newest)",
	} {
		values[name] = cmd.Flags().String(name, "", doc)
	}
	return cmd
}
