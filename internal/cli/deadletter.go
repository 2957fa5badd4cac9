package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/narrativeml/narrative/internal/client"
)

func deadLettersCommand(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use: "dead-letters", Short: "Look after jobs of all tenants that were given up (operators)", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, sub := range []*cobra.Command{deadListCommand(s), deadShowCommand(s), requeueCommand(s)} {
		s.flags(sub)
		cmd.AddCommand(sub)
	}
	return cmd
}

// deadFilter declares the flags that choose dead letters.
func deadFilter(f *pflag.FlagSet, filter *client.DeadFilter) {
	f.StringVar(&filter.Kind, "kind", "", "only jobs of this kind")
	f.StringVar(&filter.Pool, "pool", "", "only jobs of this pool")
	f.StringVar(&filter.Tenant, "tenant", "", "only jobs of this tenant")
	f.StringVar(&filter.Code, "code", "", "only jobs whose last failure has this code, such as worker_died")
}

func deadListCommand(s *session) *cobra.Command {
	var filter client.DeadFilter
	var cursor string
	limit := shownAtOnce
	cmd := &cobra.Command{
		Use: "list", Short: "List them, newest first", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := s.client()
			if err != nil {
				return err
			}
			page, err := c.DeadLetters(cmd.Context(), filter, cursor, limit)
			return show(s, cmd, page, err, []string{"job", "tenant", "kind", "cause", "code", "given up"}, func(d *client.DeadLetter) []string {
				return []string{d.ID, d.Tenant, d.Kind, d.Cause, d.Code, moment(d.At)}
			})
		},
	}
	deadFilter(cmd.Flags(), &filter)
	cmd.Flags().StringVar(&cursor, "cursor", "", "go on where a list ended")
	cmd.Flags().IntVar(&limit, "limit", limit, "how many at most")
	return cmd
}

func deadShowCommand(s *session) *cobra.Command {
	return &cobra.Command{
		Use: "show JOB", Short: "Show one, with its history and the end of its log", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := s.client()
			if err != nil {
				return err
			}
			d, err := c.DeadLetter(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return s.answer(cmd, d, func(w io.Writer) error { return showDead(w, d) })
		},
	}
}

func showDead(w io.Writer, d *client.DeadLetter) error {
	lines := []string{
		fmt.Sprintf("%s %s of tenant %s, user %s", d.Kind, d.ID, d.Tenant, d.User),
		fmt.Sprintf("%s after %d attempts: %d failures, %d crashes, %d outages", d.Cause, d.Attempt, d.Failures, d.Crashes, d.Outages),
		fmt.Sprintf("%s: %s", d.Code, d.Message),
		"payload " + string(d.Payload),
	}
	for _, text := range lines {
		if err := line(w, "%s", text); err != nil {
			return err
		}
	}
	if err := showEvents(w, d.History); err != nil {
		return err
	}
	for _, l := range d.Log {
		if err := line(w, "%s", logText(l)); err != nil {
			return err
		}
	}
	return nil
}

func requeueCommand(s *session) *cobra.Command {
	var r client.RequeueRequest
	cmd := &cobra.Command{
		Use: "requeue [JOB...]", Short: "Run them again: those named, or those chosen by the flags",
		Args: args(cobra.ArbitraryArgs),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && !r.All && r.DeadFilter == (client.DeadFilter{}) {
				return usage("name the jobs, or choose them by --kind, --pool, --tenant or --code, or say --all")
			}
			c, err := s.client()
			if err != nil {
				return err
			}
			r.IDs = args
			done, err := c.Requeue(cmd.Context(), r)
			if err != nil {
				return err
			}
			return s.answer(cmd, done, func(w io.Writer) error { return showRequeued(w, done) })
		},
	}
	deadFilter(cmd.Flags(), &r.DeadFilter)
	cmd.Flags().BoolVar(&r.All, "all", false, "every dead letter there is")
	cmd.Flags().BoolVar(&r.DryRun, "dry-run", false, "only say which")
	cmd.Flags().IntVar(&r.Limit, "limit", 0, "how many at most; 100 by default")
	cmd.Flags().Float64Var(&r.Rate, "rate", 0, "how many are handed over in a second; 50 by default")
	return cmd
}

func showRequeued(w io.Writer, done *client.Requeued) error {
	verb := "requeued"
	if done.DryRun {
		verb = "would be requeued"
	}
	if err := line(w, "%d %s, %d skipped", done.Requeued, verb, len(done.Skipped)); err != nil {
		return err
	}
	for _, id := range done.IDs {
		if err := line(w, "%s", id); err != nil {
			return err
		}
	}
	for _, k := range done.Skipped {
		if err := line(w, "skipped %s, %s: %s", k.ID, k.Code, k.Message); err != nil {
			return err
		}
	}
	if done.More {
		return line(w, "there are more: call it again")
	}
	return nil
}
