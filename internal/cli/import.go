package cli

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/narrativeml/narrative/internal/client"
)

func importCommand(s *session) *cobra.Command {
	var sub submission
	var name string
	var format fileFormat
	cmd := &cobra.Command{
		Use: "import SOURCE", Short: "Have the server fetch a table: https://… or s3://bucket/key", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			told, err := format.told()
			if err != nil {
				return err
			}
			c, err := s.client()
			if err != nil {
				return err
			}
			r := client.NewImport(args[0], told)
			r.Name, r.Order = name, sub.order()
			a, err := c.Import(cmd.Context(), r, sub.key)
			if err != nil || sub.detach {
				return orDetached(err, func() error {
					return s.answer(cmd, a, func(w io.Writer) error { return line(w, "%s %s", a.DatasetID, a.JobID) })
				})
			}
			if _, err := s.follow(cmd.Context(), cmd, c, "import", a.JobID); err != nil {
				return err
			}
			d, err := c.Dataset(cmd.Context(), a.DatasetID)
			if err != nil {
				return err
			}
			return s.answer(cmd, d, func(w io.Writer) error { return showDataset(w, d) })
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "name of the data set (default: the file's)")
	format.flags(cmd)
	sub.flags(cmd)
	return cmd
}
