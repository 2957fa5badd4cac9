package cli

import (
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/terminal"
)

func tenantCommand(s *session) *cobra.Command {
	change := func(use, short string, change func(*client.TenantSettings) error) *cobra.Command {
		return &cobra.Command{
			Use: use + " TENANT", Short: short, Args: args(cobra.ExactArgs(1)),
			RunE: func(cmd *cobra.Command, args []string) error { return s.changeTenant(cmd, args[0], change) },
		}
	}
	return s.group("tenant", "Look at what is set for tenants, and set it (operators)",
		tenantListCommand(s),
		change("show", "Show what is set for a tenant", nil),
		change("pause", "Start nothing of a tenant; what runs goes on", func(t *client.TenantSettings) error { t.Paused = true; return nil }),
		change("resume", "Go on with a tenant", func(t *client.TenantSettings) error { t.Paused = false; return nil }),
		tenantSetCommand(s),
	)
}

func tenantListCommand(s *session) *cobra.Command {
	var cursor string
	limit := shownAtOnce
	cmd := &cobra.Command{
		Use: "list", Short: "Show every tenant for which something is set", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := s.client()
			if err != nil {
				return err
			}
			page, err := c.Tenants(cmd.Context(), cursor, limit)
			return show(s, cmd, page, err, tenantHeader(), tenantRow)
		},
	}
	cmd.Flags().StringVar(&cursor, "cursor", "", "go on where a list ended")
	cmd.Flags().IntVar(&limit, "limit", limit, "how many at most")
	return cmd
}

func tenantSetCommand(s *session) *cobra.Command {
	var weight, running, rate, waiting string
	var kinds []string
	cmd := &cobra.Command{
		Use: "set TENANT", Short: "Set the share and the limits of a tenant", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.changeTenant(cmd, args[0], func(t *client.TenantSettings) error {
				if weight != "" {
					n, err := strconv.Atoi(weight)
					if err != nil || n < 1 {
						return usage("--weight is %q; write a whole number from 1 on", weight)
					}
					t.Weight = n
				}
				for _, l := range []struct {
					name, text string
					at         **int
				}{{"max-running", running, &t.MaxRunning}, {"rate", rate, &t.RateLimit}, {"max-waiting", waiting, &t.MaxWaiting}} {
					if err := setLimit(l.at, l.name, l.text); err != nil {
						return err
					}
				}
				return setKinds(&t.KindLimits, kinds)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&weight, "weight", "", "of its share of every queue, from 1 on")
	f.StringVar(&running, "max-running", "", "jobs at a time; 0: no limit; default: what is configured")
	f.StringVar(&rate, "rate", "", "jobs that are started in a minute; 0: no limit; default: what is configured")
	f.StringVar(&waiting, "max-waiting", "", "jobs that may wait; 0: no limit; default: what is configured")
	f.StringSliceVar(&kinds, "kind", nil, "KIND=N: jobs of a kind at a time; or KIND=none")
	return cmd
}

// setLimit sets a limit of which nothing, a number or default was written.
func setLimit(at **int, name, text string) error {
	if text == "" {
		return nil
	}
	if text == "default" {
		*at = nil
		return nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return usage("--%s is %q; write a whole number, 0 for no limit, or default", name, text)
	}
	*at = &n
	return nil
}

func (s *session) changeTenant(cmd *cobra.Command, name string, change func(*client.TenantSettings) error) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	var do func(*client.TenantSettings)
	if change != nil {
		if err := change(&client.TenantSettings{}); err != nil { // shows before anything is asked
			return err
		}
		do = func(t *client.TenantSettings) { _ = change(t) } // as above
	}
	t, err := c.ChangeTenant(cmd.Context(), name, do)
	if err != nil {
		return err
	}
	return s.answer(cmd, t, func(w io.Writer) error { return terminal.Table(w, tenantHeader(), [][]string{tenantRow(t)}) })
}

func tenantHeader() []string {
	return []string{"tenant", "state", "weight", "at a time", "a minute", "may wait", "limits"}
}

func tenantRow(t *client.Tenant) []string {
	limit := func(n *int) string {
		switch {
		case n == nil:
			return "default"
		case *n == 0:
			return none
		default:
			return terminal.Count(int64(*n))
		}
	}
	return []string{t.Tenant, state(t.Paused), strconv.Itoa(t.Weight), limit(t.MaxRunning), limit(t.RateLimit), limit(t.MaxWaiting), kindsText(t.KindLimits)}
}
