package cli

import (
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/demo"
)

func workflowCommand(s *session) *cobra.Command {
	var skip, resume []string
	var note string
	cmd := &cobra.Command{
		Use: "workflow DATASET", Short: "Show how far a data set is from a file to a model, and what is next", Args: args(cobra.ExactArgs(1)),
		Example: `  narrative workflow ds_... --skip engineer_features --note "the columns are as they should be"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			var changes []client.StageChange
			for _, name := range skip {
				changes = append(changes, client.StageChange{Name: name, Skipped: true, Note: note})
			}
			for _, name := range resume {
				if slices.Contains(skip, name) {
					return usage("the stage %s is to be left out and taken up again; say one of them", name)
				}
				changes = append(changes, client.StageChange{Name: name})
			}
			if note != "" && len(skip) == 0 {
				return usage("--note goes with --skip")
			}
			c, err := s.client()
			if err != nil {
				return err
			}
			var w *client.Workflow
			if len(changes) > 0 {
				w, err = c.ChangeWorkflow(cmd.Context(), args[0], changes)
			} else {
				w, err = c.Workflow(cmd.Context(), args[0])
			}
			return orDetached(err, func() error {
				return s.answer(cmd, w, func(out io.Writer) error { return demo.DrawWorkflow(out, w) })
			})
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&skip, "skip", nil, "leave a stage out: prepare or engineer_features")
	f.StringArrayVar(&resume, "resume", nil, "take a stage up again that was left out")
	f.StringVar(&note, "note", "", "why a stage is left out")
	return cmd
}
