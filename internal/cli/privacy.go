package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
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
		piiApplyCommand(s),
		piiEraseCommand(s),
		piiPolicyCommand(s),
		ask("confirm", "Confirm the personal data, so that the data set can be used", func(ctx context.Context, c *client.Client, id string) (*client.Privacy, error) {
			return c.ConfirmPrivacy(ctx, id)
		}))
}

func piiSetCommand(s *session) *cobra.Command {
	var detach bool
	cmd := &cobra.Command{
		Use: "set DATASET COLUMN=POLICY...", Short: "Set what is done about columns: warn, confirm, allow, mask, hash or drop", Args: args(cobra.MinimumNArgs(2)),
		Example: `  narrative pii set ds_... remarks=warn city=allow
  narrative pii set ds_... email=hash full_name=mask ssn=drop`,
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
			return s.protected(cmd, c, p, detach, err)
		},
	}
	detached(cmd, &detach)
	return cmd
}

func detached(cmd *cobra.Command, detach *bool) {
	cmd.Flags().BoolVarP(detach, "detach", "d", false, "do not wait for the job that applies policies")
}

// protected shows what is known when the job of a change, if there is one, has ended.
func (s *session) protected(cmd *cobra.Command, c *client.Client, p *client.Privacy, detach bool, err error) error {
	if err == nil && p.JobID != "" && !detach {
		if _, err = s.follow(cmd.Context(), cmd, c, "apply policies", p.JobID); err == nil {
			p, err = c.Privacy(cmd.Context(), p.DatasetID)
		}
	}
	return s.privacy(cmd, p, err)
}

func piiApplyCommand(s *session) *cobra.Command {
	var detach bool
	cmd := &cobra.Command{
		Use: "apply DATASET", Short: "Apply policies that hold for columns and were not applied: mask, hash or drop their values", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := s.client()
			if err != nil {
				return err
			}
			p, err := c.ApplyPrivacy(cmd.Context(), args[0])
			return s.protected(cmd, c, p, detach, err)
		},
	}
	detached(cmd, &detach)
	return cmd
}

func piiEraseCommand(s *session) *cobra.Command {
	var sure bool
	cmd := &cobra.Command{
		Use: "erase DATASET", Short: "Delete the file and the versions that policies have sealed (stewards)", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !sure {
				return usage("it cannot be undone; say --yes")
			}
			c, err := s.client()
			if err != nil {
				return err
			}
			p, err := c.ErasePrivacy(cmd.Context(), args[0])
			return s.privacy(cmd, p, err)
		},
	}
	cmd.Flags().BoolVarP(&sure, "yes", "y", false, "it cannot be undone, and is meant")
	return cmd
}

func piiPolicyCommand(s *session) *cobra.Command {
	var standard, remains string
	var kinds []string
	cmd := &cobra.Command{
		Use: "policy", Short: "Show what is done about personal data of your tenant, and set it (stewards)", Args: args(cobra.NoArgs),
		Example: `  narrative pii policy --default warn --kind email=hash --kind person_name=mask --remains seal
  narrative pii policy --kind email=none`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, text := range kinds {
				if kind, policy, ok := strings.Cut(text, "="); !ok || kind == "" || policy == "" {
					return usage("%q is no policy of a kind; write KIND=POLICY, or KIND=none", text)
				}
			}
			c, err := s.client()
			if err != nil {
				return err
			}
			var change func(*client.PrivacySettings)
			if standard != "" || remains != "" || len(kinds) > 0 {
				change = func(p *client.PrivacySettings) { setRules(p, standard, remains, kinds) }
			}
			r, err := c.ChangePrivacyRules(cmd.Context(), change)
			if err != nil {
				return err
			}
			return s.answer(cmd, r, func(w io.Writer) error { return showRules(w, r) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&standard, "default", "", "of all kinds for which nothing is set: warn, confirm, mask, hash or drop; none: what is configured")
	f.StringArrayVar(&kinds, "kind", nil, "KIND=POLICY, such as email=hash; KIND=none: the default")
	f.StringVar(&remains, "remains", "", "what becomes of the file and of older versions: seal or erase")
	return cmd
}

// setRules changes what is set as the flags say.
func setRules(p *client.PrivacySettings, standard, remains string, kinds []string) {
	if remains != "" {
		p.Remains = remains
	}
	if p.Kinds == nil {
		p.Kinds = map[string]string{}
	}
	for _, text := range kinds {
		kind, policy, _ := strings.Cut(text, "=")
		if p.Kinds[kind] = policy; policy == none {
			delete(p.Kinds, kind)
		}
	}
	if standard == none {
		p.Default = ""
	} else if standard != "" {
		p.Default = standard
	}
}

func showRules(w io.Writer, r *client.PrivacyRules) error {
	standard := r.Default
	if standard == "" {
		standard = r.Configured + " (configured)"
	}
	rows := [][]string{{"default", standard}}
	for _, kind := range slices.Sorted(maps.Keys(r.Kinds)) {
		rows = append(rows, []string{kind, r.Kinds[kind]})
	}
	if err := terminal.Table(w, []string{"kind", "policy"}, rows); err != nil {
		return err
	}
	return line(w, "remains: %s", r.Remains)
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
			if c.Applied {
				why = "done: the values are not in this version"
			}
			if e.Name != "" {
				why += fmt.Sprintf("; named %q", e.Name)
			}
			rows[i] = []string{c.Column, c.Type, fmt.Sprintf("%.2f", c.Confidence), c.Risk, c.Policy, why}
		}
		if err := terminal.Table(w, []string{"column", "type", "confidence", "risk", "policy", "why"}, rows); err != nil {
			return err
		}
		if err := sealed(w, p); err != nil {
			return err
		}
		return line(w, "risk %s, %s", p.Risk, p.State)
	})
}

// sealed says what policies have made of the file and of older versions.
func sealed(w io.Writer, p *client.Privacy) error {
	switch {
	case p.Sealed == 0:
		return nil
	case p.Erased == p.Sealed:
		return line(w, "the file and the versions before %d are erased", p.Sealed)
	default:
		return line(w, "the file and the versions before %d are sealed", p.Sealed)
	}
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
