package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/terminal"
)

// predictionsFile is the name of a prediction job's main file.
const predictionsFile = "predictions"

// curveFile is the name of a tuning job's only file.
const curveFile = "curve"

func watchCommand(s *session) *cobra.Command {
	var logs bool
	cmd := &cobra.Command{
		Use: "watch JOB", Short: "Follow a job until it ends", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := s.client()
			if err != nil {
				return err
			}
			j, err := c.Job(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			screen := s.screen(cmd)
			screen.Live = screen.Live && !logs // lines would tear the bar
			step := screen.Start(j.Kind)
			seen := client.Seen{Job: func(j *client.Job) { step.Update(progress(j)) }}
			if logs {
				seen.Log = func(l client.LogLine) { cmd.PrintErrln(logText(l)) }
			}
			if j, err = c.Watch(cmd.Context(), j.ID, seen); err != nil {
				step.Fail()
				return err
			}
			step.Done("")
			return s.answer(cmd, j, func(w io.Writer) error { return showJob(w, j) })
		},
	}
	cmd.Flags().BoolVar(&logs, "logs", false, "also show what the job logs")
	return cmd
}

func logText(l client.LogLine) string {
	return fmt.Sprintf("%s %-5s %s", l.At.UTC().Format(time.RFC3339), l.Level, l.Message)
}

func logsCommand(s *session) *cobra.Command {
	var after int
	cmd := &cobra.Command{
		Use: "logs JOB", Short: "Show what a job has logged", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := s.client()
			if err != nil {
				return err
			}
			lines, err := c.Logs(cmd.Context(), args[0], after)
			if err != nil {
				return err
			}
			return s.answer(cmd, lines, func(w io.Writer) error {
				for _, l := range lines {
					if err := line(w, "%s", logText(l)); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	cmd.Flags().IntVar(&after, "after", 0, "only lines after the one with this number")
	return cmd
}

func cancelCommand(s *session) *cobra.Command {
	return changeCommand(s, "cancel JOB", "Cancel a job", (*client.Client).Cancel)
}

func retryCommand(s *session) *cobra.Command {
	return changeCommand(s, "retry JOB", "Try a failed or cancelled job again", (*client.Client).Retry)
}

func changeCommand(s *session, use, short string, change func(*client.Client, context.Context, string) (*client.Job, error)) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := s.client()
			if err != nil {
				return err
			}
			j, err := change(c, cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return s.answer(cmd, j, func(w io.Writer) error { return showJob(w, j) })
		},
	}
}

func showJob(w io.Writer, j *client.Job) error {
	if err := line(w, "%s %s is %s, attempt %d", j.Kind, j.ID, j.State, j.Attempt); err != nil {
		return err
	}
	if j.Priority != usualPriority && !j.Terminal() {
		if err := line(w, "priority %d", j.Priority); err != nil {
			return err
		}
	}
	if j.Cancelling && j.State != client.Cancelled {
		if err := line(w, "it is asked to stop; narrative watch %s tells when it has", j.ID); err != nil {
			return err
		}
	}
	if j.Waiting != nil {
		if err := line(w, "waiting %s: %s", j.Waiting.Code, j.Waiting.Message); err != nil {
			return err
		}
	}
	if j.MemoryPeak > 0 {
		if err := line(w, "memory %s of %s", terminal.Size(j.MemoryPeak), terminal.Size(j.Memory)); err != nil {
			return err
		}
	}
	for _, f := range j.Links.Files {
		if err := line(w, "file %s", f.Name); err != nil {
			return err
		}
	}
	if j.Failure != nil {
		return line(w, "failure %s: %s", j.Failure.Code, j.Failure.Message)
	}
	return nil
}

func downloadCommand(s *session) *cobra.Command {
	var name, output string
	cmd := &cobra.Command{
		Use: "download JOB", Short: "Download a file of a job's result", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := s.client()
			if err != nil {
				return err
			}
			if name == "" {
				if name, err = mainFile(cmd.Context(), c, args[0]); err != nil {
					return err
				}
			}
			return s.download(cmd, c, args[0], name, output)
		},
	}
	cmd.Flags().StringVar(&name, "file", "", "which file, when there are several (default: predictions; narrative show lists them)")
	cmd.Flags().StringVarP(&output, "output", "o", "-", "where to; - for standard output")
	return cmd
}

// mainFile is the file of the job's result that is meant when none is named:
// the predictions, else the only one, which has no need of a name.
func mainFile(ctx context.Context, c *client.Client, id string) (string, error) {
	j, err := c.Job(ctx, id)
	if err != nil {
		return "", err
	}
	for _, f := range j.Links.Files {
		if f.Name == predictionsFile {
			return predictionsFile, nil
		}
	}
	return "", nil
}

// download writes the file at once or not at all.
func (s *session) download(cmd *cobra.Command, c *client.Client, id, name, output string) (err error) {
	body, size, err := c.Result(cmd.Context(), id, name)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }() // it was read to its end or the command fails
	if output == "-" {
		if _, err := io.Copy(cmd.OutOrStdout(), body); err != nil {
			return fmt.Errorf("download: %w", err)
		}
		return nil
	}
	file, err := os.CreateTemp(filepath.Dir(output), ".narrative-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", output, err)
	}
	defer func() {
		if err != nil {
			_ = file.Close()           // the first error is told
			_ = os.Remove(file.Name()) // as above
		}
	}()
	step := s.screen(cmd).Start("download")
	n, err := io.Copy(file, counted(body, size, step))
	if err != nil {
		step.Fail()
		return fmt.Errorf("download to %s: %w", output, err)
	}
	step.Done(terminal.Size(n))
	if err = file.Close(); err != nil {
		return fmt.Errorf("write %s: %w", output, err)
	}
	if err = os.Rename(file.Name(), output); err != nil {
		return fmt.Errorf("write %s: %w", output, err)
	}
	return s.answer(cmd, map[string]any{"file": output, "size": n}, func(w io.Writer) error {
		return line(w, "%s, %s", output, terminal.Size(n))
	})
}
