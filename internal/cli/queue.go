package cli

import (
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

const (
	usualPriority   = 5
	highestPriority = 9
)

func priorityOf(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > highestPriority {
		return 0, usage("%q is no priority; write a number from 0, the least urgent, to %d", text, highestPriority)
	}
	return n, nil
}

func priorityCommand(s *session) *cobra.Command {
	return &cobra.Command{
		Use: "priority JOB N", Short: "Change the priority of a job that waits: 0, the least urgent, to 9", Args: args(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := priorityOf(args[1])
			if err != nil {
				return err
			}
			c, err := s.client()
			if err != nil {
				return err
			}
			j, err := c.Prioritise(cmd.Context(), args[0], n)
			if err != nil {
				return err
			}
			return s.answer(cmd, j, func(w io.Writer) error { return showJob(w, j) })
		},
	}
}

// group is a command that has others below it.
func (s *session) group(use, short string, below ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, sub := range below {
		s.flags(sub)
		cmd.AddCommand(sub)
	}
	return cmd
}

func queueCommand(s *session) *cobra.Command {
	var limits []string
	change := func(use, short string, change func(*client.QueueSettings) error) *cobra.Command {
		return &cobra.Command{
			Use: use + " QUEUE", Short: short, Args: args(cobra.ExactArgs(1)),
			RunE: func(cmd *cobra.Command, args []string) error { return s.changeQueue(cmd, args[0], change) },
		}
	}
	limit := change("limit", "Set how many jobs of a kind may be started at a time, of all tenants", func(q *client.QueueSettings) error {
		return setKinds(&q.KindLimits, limits)
	})
	limit.Flags().StringSliceVar(&limits, "kind", nil, "KIND=N, or KIND=none")
	_ = limit.MarkFlagRequired("kind") // there is one of that name
	return s.group("queue", "Look at the queues, pause and limit them (operators)",
		&cobra.Command{
			Use: "list", Short: "Show every queue", Args: args(cobra.NoArgs),
			RunE: func(cmd *cobra.Command, _ []string) error {
				c, err := s.client()
				if err != nil {
					return err
				}
				all, err := c.Queues(cmd.Context())
				if err != nil {
					return err
				}
				return s.answer(cmd, all, func(w io.Writer) error { return showQueues(w, all...) })
			},
		},
		change("show", "Show a queue", nil),
		change("pause", "Start nothing of a queue; what runs goes on", func(q *client.QueueSettings) error { q.Paused = true; return nil }),
		change("resume", "Go on with a queue", func(q *client.QueueSettings) error { q.Paused = false; return nil }),
		limit,
	)
}

func (s *session) changeQueue(cmd *cobra.Command, name string, change func(*client.QueueSettings) error) error {
	c, err := s.client()
	if err != nil {
		return err
	}
	if change != nil { // a mistake in it shows before anything is asked
		if err := change(&client.QueueSettings{}); err != nil {
			return err
		}
	}
	var do func(*client.QueueSettings)
	if change != nil {
		do = func(q *client.QueueSettings) { _ = change(q) } // as above
	}
	q, err := c.ChangeQueue(cmd.Context(), name, do)
	if err != nil {
		return err
	}
	return s.answer(cmd, q, func(w io.Writer) error { return showQueues(w, q) })
}

func showQueues(w io.Writer, all ...*client.Queue) error {
	rows := make([][]string, len(all))
	for i, q := range all {
		rows[i] = []string{
			q.Queue, state(q.Paused), terminal.Count(q.Waiting), terminal.Count(q.Pending), terminal.Count(q.Queued), terminal.Count(q.Running),
			strconv.Itoa(q.Slots), strconv.Itoa(q.Workers), kindsText(q.KindLimits),
		}
	}
	return terminal.Table(w, []string{"queue", "state", "waiting", "pending", "queued", "running", "slots", "workers", "limits"}, rows)
}

func state(paused bool) string {
	if paused {
		return "paused"
	}
	return "open"
}

func kindsText(limits map[string]int) string {
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(limits)) {
		parts = append(parts, fmt.Sprintf("%s=%d", kind, limits[kind]))
	}
	return strings.Join(parts, " ")
}

// none is how a limit is taken away.
const none = "none"

// setKinds sets limits that are written KIND=N or KIND=none.
func setKinds(limits *map[string]int, texts []string) error {
	next := maps.Clone(*limits)
	if next == nil {
		next = map[string]int{}
	}
	for _, text := range texts {
		kind, number, ok := strings.Cut(text, "=")
		if ok && number == none {
			delete(next, kind)
			continue
		}
		n, err := strconv.Atoi(number)
		if !ok || err != nil || n < 1 {
			return usage("--kind is %q; write KIND=N, such as training=2, or KIND=none", text)
		}
		next[kind] = n
	}
	*limits = next
	return nil
}
