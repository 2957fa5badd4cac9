package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/terminal"
)

func historyCommand(s *session) *cobra.Command {
	return &cobra.Command{
		Use: "history JOB", Short: "Show everything that happened to a job, and who did it", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := s.client()
			if err != nil {
				return err
			}
			events, err := c.History(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return s.answer(cmd, events, func(w io.Writer) error { return showEvents(w, events) })
		},
	}
}

// showEvents writes a job's history.
func showEvents(w io.Writer, events []client.Transition) error {
	rows := make([][]string, len(events))
	for i, e := range events {
		what, why := e.State, e.Reason
		if e.Event != "" {
			what = e.Event
		}
		if e.By != "" {
			why = strings.TrimSpace(why + " by " + e.By)
		}
		if e.Worker != "" {
			why = strings.TrimSpace(why + " on " + e.Worker)
		}
		rows[i] = []string{strconv.Itoa(e.Seq), moment(e.At), what, strconv.Itoa(e.Epoch), why}
	}
	return terminal.Table(w, []string{"#", "at", "event", "epoch", "why"}, rows)
}

// pages are the flags of a list.
type pages struct {
	cursor string
	limit  int
}

func (p *pages) flags(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().StringVar(&p.cursor, "cursor", "", "go on where a list ended")
	cmd.Flags().IntVar(&p.limit, "limit", shownAtOnce, "how many at most")
	return cmd
}

func schedulesCommand(s *session) *cobra.Command {
	var p pages
	return p.flags(&cobra.Command{
		Use: "schedules", Short: "Show what is done at times, and what was missed (operators)", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := s.client()
			if err != nil {
				return err
			}
			page, err := c.Schedules(cmd.Context(), p.cursor, p.limit)
			return show(s, cmd, page, err, []string{"schedule", "when", "last", "done", "next", "missed", "last missed"}, scheduleRow)
		},
	})
}

func scheduleRow(s *client.Schedule) []string {
	done := "yes"
	if !s.Done {
		done = fmt.Sprintf("no, %d tries", s.Tries)
	}
	return []string{s.Name, s.Spec, maybe(s.LastAt), done, maybe(s.NextAt), strconv.Itoa(s.Missed), maybe(s.MissedAt)}
}

// maybe is the moment, if there is one.
func maybe(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return moment(t)
}

func workersCommand(s *session) *cobra.Command {
	var p pages
	var state string
	cmd := p.flags(&cobra.Command{
		Use: "workers", Short: "Show the processes that run jobs (operators)", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := s.client()
			if err != nil {
				return err
			}
			page, err := c.Workers(cmd.Context(), state, p.cursor, p.limit)
			return show(s, cmd, page, err, []string{"worker", "state", "host", "pid", "running", "slots", "memory", "heartbeat"}, workerRow)
		},
	})
	cmd.Flags().StringVar(&state, "state", "", "only those in this state: alive, draining, stopped or lost")
	return cmd
}

func workerRow(w *client.Worker) []string {
	var slots []string
	for _, pool := range slices.Sorted(maps.Keys(w.Slots)) {
		slots = append(slots, fmt.Sprintf("%s %d/%d", pool, w.Busy[pool], w.Slots[pool]))
	}
	memory := "no limit"
	if w.Memory > 0 {
		memory = terminal.Size(w.MemoryUsed) + " of " + terminal.Size(w.Memory)
	}
	return []string{w.Worker, w.State, w.Host, strconv.Itoa(w.PID), strconv.Itoa(w.Running), strings.Join(slots, ", "), memory, moment(w.HeartbeatAt)}
}

func healthCommand(s *session) *cobra.Command {
	var p pages
	var check string
	cmd := p.flags(&cobra.Command{
		Use: "health", Short: "Show what was found out about the parts, newest first (operators)", Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := s.client()
			if err != nil {
				return err
			}
			page, err := c.HealthHistory(cmd.Context(), check, p.cursor, p.limit)
			return show(s, cmd, page, err, []string{"at", "part", "status", "breaker", "took", "why"}, findingRow)
		},
	})
	cmd.Flags().StringVar(&check, "check", "", "only this part, such as store")
	return cmd
}

func findingRow(f *client.HealthFinding) []string {
	status := f.Status
	if f.Changed {
		status += " (changed)"
	}
	return []string{moment(f.At), f.Check, status, f.Breaker, fmt.Sprintf("%.1f ms", f.LatencyMS), f.Error}
}
