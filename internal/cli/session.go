package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/config"
	"github.com/narrativeml/narrative/internal/demo"
	"github.com/narrativeml/narrative/internal/terminal"
)

// session is what every client command has: a server, and how to answer.
type session struct {
	environ []string
	url     string
	json    bool
	quiet   bool
}

func (s *session) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.url, "url", "", "address of the server (variable NARRATIVE_URL)")
	cmd.Flags().BoolVar(&s.json, "json", false, "answer in JSON")
	cmd.Flags().BoolVarP(&s.quiet, "quiet", "q", false, "show no progress")
}

func (s *session) client() (*client.Client, error) {
	c := config.LoadClient(s.environ)
	if s.url != "" {
		c.URL = s.url
	}
	api, err := client.New(c.URL, client.Options{Token: c.Token})
	if err != nil {
		return nil, &usageError{err}
	}
	return api, nil
}

// screen is where progress goes: standard error, since standard output is for
// the answer.
func (s *session) screen(cmd *cobra.Command) terminal.Screen {
	out := cmd.ErrOrStderr()
	if s.quiet {
		out = io.Discard
	}
	return terminal.Screen{Out: out, Live: terminal.Is(out)}
}

// answer writes v as JSON, or calls text.
func (s *session) answer(cmd *cobra.Command, v any, text func(w io.Writer) error) error {
	w := cmd.OutOrStdout()
	if !s.json {
		return text(w)
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}

// follow shows the job's progress until it ends.
func (s *session) follow(ctx context.Context, cmd *cobra.Command, c *client.Client, kind, id string) (*client.Job, error) {
	step := s.screen(cmd).Start(kind)
	j, err := c.Wait(ctx, id, func(j *client.Job) { step.Update(progress(j)) })
	if err != nil {
		step.Fail()
		return j, err
	}
	step.Done("")
	return j, nil
}

func progress(j *client.Job) terminal.Progress {
	stage := j.Progress.Stage
	if stage == "" || j.State == "pending" || j.State == "queued" {
		stage = j.State
	}
	return terminal.Progress{
		Stage: stage, Fraction: j.Progress.Fraction,
		Rows: j.Progress.Rows, RowsAll: j.Progress.RowsAll, Unit: demo.Unit(j.Kind), ETA: j.Progress.ETA,
	}
}

// line writes one line of an answer.
func line(w io.Writer, format string, args ...any) error {
	if _, err := fmt.Fprintf(w, format+"\n", args...); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}
