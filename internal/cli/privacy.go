package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/terminal"
)

func piiCommand(s *session) *cobra.Command {
	ask := func(use, short string, do func(context.Context, *client.Client, string) (*client.Privacy, error)) *cobra.Command {
		return &cobra.Command{
			Use: use + " DATASET", Short: short, Args: args(cobra.ExactArgs(1)),
			RunE: func(cmd *cobra.Command, args []string) error {
				c, err := s.client()
				if err != nil {
					return err
				}
				p, err := do(cmd.Context(), c, args[0])
				return s.privacy(cmd, p, err)
			},
		}
	}
	return s.group("pii", "See which columns hold personal data, and set what is done about them",
		ask("show", "Show which columns hold personal data, and why", func(ctx context.Context, c *client.Client, id string) (*client.Privacy, error) {
			return c.Privacy(ctx, id)
		}),
		piiSetCommand(s),
		ask("confirm", "Confirm the personal data, so that the data set can be used", func(ctx context.Context, c *client.Client, id string) (*client.Privacy, error) {
			return c.ConfirmPrivacy(ctx, id)
		}))
}

func piiSetCommand(s *session) *cobra.Command {
	return &cobra.Command{
		Use: "set DATASET COLUMN=POLICY...", Short: "Set what is done about columns: warn, confirm or allow", Args: args(cobra.MinimumNArgs(2)),
		Example: `  narrative pii set ds_... remarks=warn city=allow`,
		RunE: func(cmd *cobra.Command, args []string) error {
			var changes []client.PolicyChange
			for _, text := range args[1:] {
				at := strings.LastIndexByte(text, '=') // a name may have an equals sign
				if at < 1 || at == len(text)-1 {
					return usage("%q is no change; write COLUMN=POLICY", text)
				}
				changes = append(changes, client.PolicyChange{Column: text[:at], Policy: text[at+1:]})
			}
			c, err := s.client()
			if err != nil {
				return err
			}
			p, err := c.SetPolicies(cmd.Context(), args[0], changes)
			return s.privacy(cmd, p, err)
		},
	}
}

// privacy shows what is known about personal data.
func (s *session) privacy(cmd *cobra.Command, p *client.Privacy, err error) error {
	if err != nil {
		return err
	}
	return s.answer(cmd, p, func(w io.Writer) error {
		if !p.Scanned {
			if err := line(w, "nobody has looked at this version for personal data; make its profile anew"); err != nil {
				return err
			}
		}
		rows := make([][]string, len(p.Columns))
		for i, c := range p.Columns {
			e := c.Evidence
			why := fmt.Sprintf("%s of %s: %s", terminal.Count(e.Matched), terminal.Count(e.LookedAt), e.Check)
			if e.Check == "" {
				why = "somebody says so"
			}
			if e.Name != "" {
				why += fmt.Sprintf("; named %q", e.Name)
			}
			rows[i] = []string{c.Column, c.Type, fmt.Sprintf("%.2f", c.Confidence), c.Risk, c.Policy, why}
		}
		if err := terminal.Table(w, []string{"column", "type", "confidence", "risk", "policy", "why"}, rows); err != nil {
			return err
		}
		return line(w, "risk %s, %s", p.Risk, p.State)
	})
}

func auditCommand(s *session) *cobra.Command {
	var cursor, dataset string
	limit := shownAtOnce
	cmd := &cobra.Command{
		Use: "audit", Short: "Show who saw personal data (stewards)", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := s.client()
			if err != nil {
				return err
			}
			page, err := c.Audit(cmd.Context(), dataset, cursor, limit)
			return show(s, cmd, page, err, []string{"at", "user", "data set", "version", "what", "details"}, func(a *client.Access) []string {
				return []string{moment(a.At), a.User, a.DatasetID, strconv.Itoa(a.Version), a.Action, strings.Join(a.Details, ", ")}
			})
		},
	}
	cmd.Flags().StringVar(&dataset, "dataset", "", "of this data set only")
	cmd.Flags().StringVar(&cursor, "cursor", "", "go on where a list ended")
	cmd.Flags().IntVar(&limit, "limit", limit, "how many at most")
	return cmd
}
