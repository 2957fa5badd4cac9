package cli

import (
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/terminal"
)

func versionCommand(s *session) *cobra.Command {
	pin := func(use, short string, pinned bool) *cobra.Command {
		return &cobra.Command{
			Use: use + " DATASET NUMBER", Short: short, Args: args(cobra.ExactArgs(2)),
			RunE: func(cmd *cobra.Command, args []string) error {
				number, err := numberOf(args[1])
				if err != nil {
					return err
				}
				c, err := s.client()
				if err != nil {
					return err
				}
				v, err := c.PinVersion(cmd.Context(), args[0], number, pinned)
				return orDetached(err, func() error {
					return s.answer(cmd, v, func(w io.Writer) error { return versionTable(w, []*client.DatasetVersion{v}) })
				})
			},
		}
	}
	return s.group("version", "Look at the versions of a data set, compare, pin and reproduce them",
		versionListCommand(s), versionCompareCommand(s),
		pin("pin", "Keep the files of a version", true), pin("unpin", "Let the files of a version go when it is their time", false),
		versionReproduceCommand(s))
}

func numberOf(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, usage("the version is %q; write a whole number from 1 on", text)
	}
	return n, nil
}

func versionListCommand(s *session) *cobra.Command {
	return &cobra.Command{
		Use: "list DATASET", Short: "List the versions, newest first", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := s.client()
			if err != nil {
				return err
			}
			all, err := c.Versions(cmd.Context(), args[0])
			return orDetached(err, func() error { return s.answer(cmd, all, func(w io.Writer) error { return versionTable(w, all) }) })
		},
	}
}

func versionTable(w io.Writer, all []*client.DatasetVersion) error {
	rows := make([][]string, len(all))
	for i, v := range all {
		parent, state := "-", "kept"
		if v.Parent > 0 {
			parent = strconv.Itoa(v.Parent)
		}
		switch {
		case v.Erased:
			state = "erased"
		case v.Sealed:
			state = "sealed"
		case v.Gone:
			state = "gone"
		case v.Pinned:
			state = "pinned"
		}
		const shown = 12
		rows[i] = []string{strconv.Itoa(v.Number), parent, strconv.Itoa(len(v.Steps)), terminal.Count(v.Rows), v.Hash[:min(len(v.Hash), shown)], state, moment(v.CreatedAt)}
	}
	return terminal.Table(w, []string{"version", "parent", "steps", "rows", "hash", "files", "created"}, rows)
}

func versionCompareCommand(s *session) *cobra.Command {
	return &cobra.Command{
		Use: "compare DATASET NUMBER OTHER", Short: "Say how two versions differ", Args: args(cobra.ExactArgs(3)),
		RunE: func(cmd *cobra.Command, args []string) error {
			from, err := numberOf(args[1])
			if err != nil {
				return err
			}
			to, err := numberOf(args[2])
			if err != nil {
				return err
			}
			c, err := s.client()
			if err != nil {
				return err
			}
			v, err := c.CompareVersions(cmd.Context(), args[0], from, to)
			return orDetached(err, func() error {
				return s.answer(cmd, v, func(w io.Writer) error { return showComparison(w, v) })
			})
		},
	}
}

func showComparison(w io.Writer, v *client.VersionComparison) error {
	if v.Same {
		return line(w, "they hold the same")
	}
	if err := line(w, "rows %+d; columns added: %s; removed: %s; of another type: %s", v.Rows, some(v.Added), some(v.Removed), some(v.Retyped)); err != nil {
		return err
	}
	if v.QualityFrom != nil && v.QualityTo != nil {
		if err := line(w, "quality %.3f, then %.3f", *v.QualityFrom, *v.QualityTo); err != nil {
			return err
		}
	}
	if len(v.Changed) == 0 {
		return nil
	}
	number := func(f *float64) string {
		if f == nil {
			return "-"
		}
		return strconv.FormatFloat(*f, 'g', 6, 64)
	}
	then := func(a, b string) string {
		if a == b {
			return a
		}
		return a + " → " + b
	}
	rows := make([][]string, len(v.Changed))
	for i, c := range v.Changed {
		rows[i] = []string{
			c.Name, then(c.From.Type, c.To.Type), then(terminal.Count(c.From.Missing), terminal.Count(c.To.Missing)), then(terminal.Count(c.From.Distinct), terminal.Count(c.To.Distinct)),
			then(number(c.From.Mean), number(c.To.Mean)), then(number(c.From.Std), number(c.To.Std)),
		}
	}
	return terminal.Table(w, []string{"column", "type", "missing", "distinct", "mean", "deviation"}, rows)
}

func some(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

func versionReproduceCommand(s *session) *cobra.Command {
	var sub submission
	cmd := &cobra.Command{
		Use: "reproduce DATASET NUMBER", Short: "Make a version again from its lineage, with the same hash", Args: args(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			number, err := numberOf(args[1])
			if err != nil {
				return err
			}
			return s.transform(cmd, client.TransformRequest{RecipeUse: client.RecipeUse{DatasetID: args[0]}, Reproduce: number, Priority: sub.priority}, &sub)
		},
	}
	sub.flags(cmd)
	return cmd
}
