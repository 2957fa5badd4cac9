package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/terminal"
)

func uploadCommand(s *session) *cobra.Command {
	var sub submission
	var u client.Upload
	var format fileFormat
	var pieces pieces
	cmd := &cobra.Command{
		Use: "upload FILE", Short: "Upload a table: CSV, JSON, Excel or Parquet; - for standard input", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if u.FileFormat, err = format.told(); err != nil {
				return err
			}
			c, err := s.client()
			if err != nil {
				return err
			}
			u.Key, u.Priority, u.After = sub.key, sub.priority, sub.after
			pieces.told = cmd.Flags().Changed("resumable") || pieces.presigned
			if pieces.presigned && (pieces.resumable || cmd.Flags().Changed("piece-bytes")) {
				return usage("--presigned sends the parts that the server chooses; leave out --resumable and --piece-bytes")
			}
			a, err := s.send(cmd, c, u, &pieces, args[0])
			if err != nil || sub.detach {
				return orDetached(err, func() error {
					return s.answer(cmd, a, func(w io.Writer) error { return line(w, "%s %s", a.DatasetID, a.JobID) })
				})
			}
			if _, err := s.follow(cmd.Context(), cmd, c, "ingest", a.JobID); err != nil {
				return err
			}
			d, err := c.Dataset(cmd.Context(), a.DatasetID)
			if err != nil {
				return err
			}
			return s.answer(cmd, d, func(w io.Writer) error { return showDataset(w, d) })
		},
	}
	cmd.Flags().StringVar(&u.Name, "name", "", "name of the data set (default: the file's)")
	format.flags(cmd)
	pieces.flags(cmd)
	sub.flags(cmd)
	return cmd
}

// send uploads the file and shows how much of it is on its way.
func (s *session) send(cmd *cobra.Command, c *client.Client, u client.Upload, p *pieces, name string) (client.Accepted, error) {
	u.Filename = filepath.Base(name)
	var size int64
	if name == "-" && p.told && (p.resumable || p.presigned) {
		return client.Accepted{}, usage("standard input cannot be read again after a break; give --resumable or --presigned a file")
	}
	if name == "-" {
		u.Filename, u.Body = "stdin.csv", cmd.InOrStdin()
	} else {
		file, err := os.Open(name) //nolint:gosec // the user names the file
		if err != nil {
			return client.Accepted{}, usage("open the file to upload: %w", err)
		}
		defer func() { _ = file.Close() }() // it was only read
		info, err := file.Stat()
		if err != nil {
			return client.Accepted{}, fmt.Errorf("look at the file to upload: %w", err)
		}
		if p.fit(info) {
			return s.sendPieces(cmd, c, u, p, file, info)
		}
		size, u.Body = info.Size(), file
	}
	step := s.screen(cmd).Start("upload")
	u.Body = counted(u.Body, size, step)
	a, err := c.Upload(cmd.Context(), u)
	if err != nil {
		step.Fail()
		return a, err
	}
	step.Done(terminal.Size(size))
	return a, nil
}

// counter shows how much was read.
type counter struct {
	io.Reader
	step     *terminal.Step
	at, size int64
}

// seekCounter can also be read again.
type seekCounter struct {
	*counter
	seeker io.Seeker
}

func counted(r io.Reader, size int64, step *terminal.Step) io.Reader {
	c := &counter{Reader: r, step: step, size: size}
	if seeker, ok := r.(io.Seeker); ok {
		return &seekCounter{c, seeker}
	}
	return c
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.at += int64(n)
	if c.size > 0 && n > 0 {
		c.step.Update(terminal.Progress{Stage: "of " + terminal.Size(c.size), Fraction: float64(c.at) / float64(c.size)})
	}
	return n, err
}

func (c *seekCounter) Seek(offset int64, whence int) (int64, error) {
	at, err := c.seeker.Seek(offset, whence)
	if err == nil {
		c.at = at
	}
	return at, err
}

func showDataset(w io.Writer, d *client.Dataset) error {
	if err := line(w, "data set %s: %s, %s, %s rows", d.ID, d.Name, d.State, terminal.Count(d.Rows)); err != nil {
		return err
	}
	if d.Format != nil {
		if err := line(w, "read as %s", describeFormat(*d.Format)); err != nil {
			return err
		}
	}
	rows := make([][]string, len(d.Columns))
	for i, c := range d.Columns {
		rows[i] = []string{c.Name, c.Type}
	}
	return terminal.Table(w, []string{"column", "type"}, rows)
}
