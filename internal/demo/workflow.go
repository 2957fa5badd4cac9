package demo

import (
	"fmt"
	"io"
	"strings"

	"github.com/narrativeml/narrative/internal/client"
)

// DrawWorkflow writes the stages of a data set, each with what speaks for its
// state, and what is best done next.
func DrawWorkflow(w io.Writer, flow *client.Workflow) error {
	marks := map[string]string{"done": "●", "in_progress": "◐", "ready": "○", "locked": "·", "failed": "✕", "stale": "◌"}
	var b strings.Builder
	for i := range flow.Stages {
		s := &flow.Stages[i]
		state := strings.ReplaceAll(s.State, "_", " ")
		if s.Skipped != nil {
			state += ", left out"
		}
		fmt.Fprintf(&b, "%s %d %-18s %s\n", marks[s.State], i+1, strings.ReplaceAll(s.Name, "_", " "), state)
		if s.State == "locked" {
			for _, g := range s.Gates {
				if !g.Met {
					fmt.Fprintf(&b, "    needs: %s; %s\n", g.Message, g.Remedy)
				}
			}
		}
		for _, e := range s.Evidence {
			where := e.ID
			if e.Number > 0 && e.ID == "" {
				where = fmt.Sprintf("version %d", e.Number)
			}
			fmt.Fprintf(&b, "    %s\n", strings.TrimSpace(where+"  "+e.Text))
		}
	}
	if n := flow.Next; n != nil {
		fmt.Fprintf(&b, "\nnext: %s\n  %s\n", n.Reason, n.Command)
	} else {
		b.WriteString("\nnext: nothing\n")
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write the workflow: %w", err)
	}
	return nil
}
