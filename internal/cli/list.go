package cli

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/demo"
	"github.com/narrativeml/narrative/internal/terminal"
)

const shownAtOnce = 20

func listCommand(s *session) *cobra.Command {
	var filter client.JobFilter
	var cursor string
	limit := shownAtOnce
	cmd := &cobra.Command{
		Use: "list jobs|datasets|models", Short: "List what there is, newest first",
		Args:      args(cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs)),
		ValidArgs: []string{"jobs", "datasets", "models"},
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := s.client()
			if err != nil {
				return err
			}
			ctx := cmd.Context()
			switch args[0] {
			case "jobs":
				page, err := c.Jobs(ctx, filter, cursor, limit)
				return show(s, cmd, page, err, []string{"job", "kind", "state", "progress", "created"}, jobRow)
			case "datasets":
				page, err := c.Datasets(ctx, cursor, limit)
				return show(s, cmd, page, err, []string{"data set", "name", "state", "rows", "size", "created"}, datasetRow)
			default:
				page, err := c.Models(ctx, cursor, limit)
				return show(s, cmd, page, err, []string{"model", "name", "task", "algorithm", "held out", "created"}, modelRow)
			}
		},
	}
	f := cmd.Flags()
	f.StringVar(&filter.Scope, "scope", "", "whose jobs: tenant, or system for the system's own, such as scheduled clean-ups (operators)")
	f.StringVar(&filter.State, "state", "", "only jobs in this state")
	f.StringVar(&filter.Kind, "kind", "", "only jobs of this kind")
	f.StringVar(&filter.Subject, "subject", "", "only jobs about this data set or model")
	f.StringVar(&filter.Parent, "parent", "", "only the jobs that this job was divided into, which are in no other list")
	f.StringVar(&cursor, "cursor", "", "go on where a list ended")
	f.IntVar(&limit, "limit", limit, "how many at most")
	return cmd
}

func jobRow(j *client.Job) []string {
	return []string{j.ID, j.Kind, j.State, fmt.Sprintf("%.0f %%", 100*j.Progress.Fraction), moment(j.CreatedAt)}
}

func datasetRow(d *client.Dataset) []string {
	return []string{d.ID, d.Name, d.State, terminal.Count(d.Rows), terminal.Size(d.Size), moment(d.CreatedAt)}
}

func modelRow(m *client.Model) []string {
	score := ""
	if len(m.Leaderboard) > 0 {
		if v, ok := m.Leaderboard[0].Holdout[m.Metric]; ok {
			score = fmt.Sprintf("%s %.4f", m.Metric, v)
		}
	}
	return []string{m.ID, m.Name, m.Task, m.Algorithm, score, moment(m.CreatedAt)}
}

func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }

// show writes one page of a list.
func show[T any](s *session, cmd *cobra.Command, page client.Page[T], err error, header []string, row func(T) []string) error {
	if err != nil {
		return err
	}
	return s.answer(cmd, page, func(w io.Writer) error {
		rows := make([][]string, len(page.Items))
		for i, item := range page.Items {
			rows[i] = row(item)
		}
		if err := terminal.Table(w, header, rows); err != nil {
			return err
		}
		if page.Next != "" {
			return line(w, "more with --cursor %s", page.Next)
		}
		return nil
	})
}

func profileCommand(s *session) *cobra.Command {
	var renew bool
	var version int
	cmd := &cobra.Command{
		Use: "profile DATASET", Short: "Show the profile of a data set", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if renew && version != 0 {
				return usage("--renew makes the profile of the newest version anew; leave out --version")
			}
			c, err := s.client()
			if err != nil {
				return err
			}
			if renew {
				j, err := c.MakeProfile(cmd.Context(), args[0], "")
				if err != nil {
					return err
				}
				if _, err := s.follow(cmd.Context(), cmd, c, "profile", j.ID); err != nil {
					return err
				}
			}
			raw, p, err := c.Profile(cmd.Context(), args[0], version)
			if err != nil {
				return err
			}
			return s.answer(cmd, raw, func(w io.Writer) error {
				header, rows := demo.ProfileTable(p)
				if err := terminal.Table(w, header, rows); err != nil {
					return err
				}
				return showQuality(w, p)
			})
		},
	}
	cmd.Flags().BoolVar(&renew, "renew", false, "make it anew first, by the roles that are set")
	cmd.Flags().IntVar(&version, "version", 0, "of the data set (default: the newest)")
	return cmd
}

func showCommand(s *session) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show a job, a data set or a model", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := s.client()
			if err != nil {
				return err
			}
			ctx, id := cmd.Context(), args[0]
			kind, _, _ := strings.Cut(id, "_")
			switch kind {
			case "job":
				j, err := c.Job(ctx, id)
				return orDetached(err, func() error {
					return s.answer(cmd, j, func(w io.Writer) error { return showJob(w, j) })
				})
			case "ds":
				d, err := c.Dataset(ctx, id)
				return orDetached(err, func() error {
					return s.answer(cmd, d, func(w io.Writer) error { return showDataset(w, d) })
				})
			case "mdl":
				m, err := c.Model(ctx, id)
				return orDetached(err, func() error {
					return s.answer(cmd, m, func(w io.Writer) error { return showModel(w, m) })
				})
			default:
				return usage("%q is no identifier; one begins with job_, ds_ or mdl_", id)
			}
		},
	}
}
