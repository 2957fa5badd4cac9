package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/terminal"
)

// fileFormat is what the flags say of a file.
type fileFormat struct {
	client.FileFormat

	header string
}

func (f *fileFormat) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.Kind, "kind", "", "csv, json, jsonl, xlsx or parquet (default: sniffed)")
	flags.StringVar(&f.Compression, "compression", "", "none, gzip or zstd (default: sniffed)")
	flags.StringVar(&f.Encoding, "encoding", "", "of text, such as utf-8, utf-16 or windows-1252 (default: sniffed)")
	flags.StringVar(&f.Delimiter, "delimiter", "", "between fields of CSV (default: sniffed)")
	flags.StringVar(&f.Quote, "quote", "", "around fields of CSV (default: sniffed)")
	flags.StringVar(&f.header, "header", "auto", "whether the first line names the columns: auto, yes or no")
	flags.StringVar(&f.Sheet, "sheet", "", "of a workbook, by name or number (default: the first that holds something)")
}

// told returns what was said.
func (f *fileFormat) told() (client.FileFormat, error) {
	switch f.header {
	case "auto":
	case "yes", "no":
		yes := f.header == "yes"
		f.Header = &yes
	default:
		return f.FileFormat, usage("--header is %q; write auto, yes or no", f.header)
	}
	return f.FileFormat, nil
}

func sniffCommand(s *session) *cobra.Command {
	var format fileFormat
	cmd := &cobra.Command{
		Use: "sniff FILE", Short: "See how a file would be read, without uploading it; - for standard input", Args: args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			told, err := format.told()
			if err != nil {
				return err
			}
			c, err := s.client()
			if err != nil {
				return err
			}
			head, part, err := beginning(cmd.InOrStdin(), args[0])
			if err != nil {
				return err
			}
			found, err := c.Sniff(cmd.Context(), filepath.Base(args[0]), head, part, told)
			if err != nil {
				return err
			}
			return s.answer(cmd, found, func(w io.Writer) error { return showSniffed(w, found) })
		},
	}
	format.flags(cmd)
	return cmd
}

// beginning returns the beginning of the file, and whether it goes on.
func beginning(in io.Reader, name string) (head []byte, part bool, err error) {
	if name != "-" {
		file, err := os.Open(name) //nolint:gosec // the user names the file
		if err != nil {
			return nil, false, usage("open the file: %w", err)
		}
		defer func() { _ = file.Close() }() // it was only read
		in = file
	}
	head = make([]byte, client.MaxSniff+1)
	n, err := io.ReadFull(in, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, false, fmt.Errorf("read the file: %w", err)
	}
	return head[:min(n, client.MaxSniff)], n > client.MaxSniff, nil
}

// describeFormat says in words how a file is read.
func describeFormat(f client.Format) string {
	parts := []string{f.Kind}
	add := func(format, value string) {
		if value != "" {
			parts = append(parts, fmt.Sprintf(format, value))
		}
	}
	add("sheet %q", f.Sheet)
	add("delimiter %q", f.Delimiter)
	add("quote %s", f.Quote)
	if f.Kind == "csv" || f.Kind == "xlsx" {
		parts = append(parts, map[bool]string{true: "with a header", false: "without a header"}[f.Header])
	}
	add("in %s", f.Encoding)
	add("compressed by %s", f.Compression)
	if len(f.Sheets) > 1 {
		add("of the sheets %s", strings.Join(f.Sheets, ", "))
	}
	return strings.Join(parts, ", ")
}

// shownColumns is how many columns of a sample a terminal has room for.
const shownColumns = 8

func showSniffed(w io.Writer, found *client.Sniffed) error {
	if err := line(w, "%s", describeFormat(found.Format)); err != nil {
		return err
	}
	if len(found.Columns) == 0 {
		return line(w, "what is in it shows when it has been uploaded")
	}
	columns := make([][]string, len(found.Columns))
	names := make([]string, len(found.Columns))
	for i, c := range found.Columns {
		columns[i], names[i] = []string{c.Name, c.Type}, c.Name
	}
	if err := terminal.Table(w, []string{"column", "type"}, columns); err != nil {
		return err
	}
	rows := make([][]string, len(found.Rows))
	for i, row := range found.Rows {
		for _, value := range row[:min(len(row), shownColumns)] {
			text, _ := value.(string) // nothing for a missing value
			rows[i] = append(rows[i], text)
		}
	}
	if err := terminal.Table(w, names[:min(len(names), shownColumns)], rows); err != nil {
		return err
	}
	for _, b := range found.Bad {
		if err := line(w, "row %d, line %d: %s", b.Row, b.Line, b.Reason); err != nil {
			return err
		}
	}
	return nil
}
