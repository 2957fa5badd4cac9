package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/terminal"
)

// maxBatch bounds a batch that is read into memory; the server takes less.
const maxBatch = 16 << 20

func batchCommand(s *session) *cobra.Command {
	var key string
	var detach bool
	cmd := &cobra.Command{
		Use: "batch FILE", Short: "Submit several jobs at once, all of them or none; - for standard input", Args: args(cobra.ExactArgs(1)),
		Long: `Submit several jobs at once, all of them or none; - for standard input.

The file is JSON, as POST /api/v1/jobs/batch takes it. Every job has a name and
one request: training, tuning or prediction. A request may come after others of
the file by their names, and after jobs that exist by their identifiers:

{"jobs": [
  {"name": "first", "training": {"dataset_id": "ds_…", "target": "churned"}},
  {"name": "second", "prediction": {"model_id": "mdl_…", "dataset_id": "ds_…", "after": ["first"]}}]}`,
		RunE: func(cmd *cobra.Command, args []string) error {
			request, err := readBatch(cmd.InOrStdin(), args[0])
			if err != nil {
				return err
			}
			c, err := s.client()
			if err != nil {
				return err
			}
			made, err := c.Batch(cmd.Context(), request, key)
			if err != nil {
				return err
			}
			var failed error
			if !detach {
				if failed, err = s.followAll(cmd, c, made); err != nil {
					return err
				}
			}
			if err := s.answer(cmd, made, func(w io.Writer) error { return showBatch(w, made) }); err != nil {
				return err
			}
			return failed
		},
	}
	cmd.Flags().StringVar(&key, "idempotency-key", "", "your name for this request; sent again it makes nothing new")
	cmd.Flags().BoolVarP(&detach, "detach", "d", false, "do not wait for the jobs")
	return cmd
}

// readBatch reads the request from the file, or from in if it is named -.
func readBatch(in io.Reader, name string) (json.RawMessage, error) {
	if name != "-" {
		file, err := os.Open(name) //nolint:gosec // the user names the file
		if err != nil {
			return nil, usage("open the batch: %w", err)
		}
		defer func() { _ = file.Close() }() // it was only read
		in = file
	}
	text, err := io.ReadAll(io.LimitReader(in, maxBatch+1))
	if err != nil {
		return nil, fmt.Errorf("read the batch: %w", err)
	}
	if len(text) > maxBatch {
		return nil, usage("the batch has more than %s", terminal.Size(maxBatch))
	}
	var whole struct {
		Jobs []json.RawMessage `json:"jobs"`
	}
	err = json.Unmarshal(text, &whole)
	if wrong, ok := errors.AsType[*json.SyntaxError](err); ok {
		line, column := place(text, wrong.Offset)
		return nil, usage("the batch is not JSON: line %d, column %d: %w", line, column, err)
	}
	if err != nil || len(whole.Jobs) == 0 {
		return nil, usage(`the batch has no jobs; write {"jobs": [{"name": "first", "training": {…}}, …]}, see narrative batch --help`)
	}
	return text, nil
}

// place returns the line and the column, from 1, of the last of the bytes that
// were read.
func place(text []byte, offset int64) (line, column int) {
	before := text[:max(min(offset, int64(len(text)))-1, 0)]
	return bytes.Count(before, []byte("\n")) + 1, len(before) - bytes.LastIndexByte(before, '\n')
}

// followAll shows the progress of the jobs, one after the other, until all have
// ended. The first that ended without success is failed.
func (s *session) followAll(cmd *cobra.Command, c *client.Client, made []*client.BatchMade) (failed, err error) {
	for _, m := range made {
		j, err := s.follow(cmd.Context(), cmd, c, m.Name, m.JobID)
		if _, ok := errors.AsType[*client.JobError](err); !ok && err != nil {
			return nil, err
		}
		if failed == nil {
			failed = err
		}
		m.Job = j
	}
	return failed, nil
}

func showBatch(w io.Writer, made []*client.BatchMade) error {
	rows := make([][]string, len(made))
	for i, m := range made {
		code := ""
		if m.Job.Failure != nil {
			code = m.Job.Failure.Code
		}
		rows[i] = []string{m.Name, m.JobID, m.Job.Kind, m.Job.State, code}
	}
	return terminal.Table(w, []string{"name", "job", "kind", "state", "failure"}, rows)
}
