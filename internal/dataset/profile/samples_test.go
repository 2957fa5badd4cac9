package profile_test

import (
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/narrativeml/narrative/internal/dataset/profile"
	"github.com/narrativeml/narrative/internal/sample"
	"github.com/narrativeml/narrative/internal/tabular"
)

// file is a file in memory.
type file []byte

func (f file) Open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(f)), nil
}

func (f file) OpenAt(context.Context) (io.ReaderAt, int64, error) {
	return bytes.NewReader(f), int64(len(f)), nil
}

// The bundled tables are real, and hold no personal data.
func TestNoFalseAlarmInRealTables(t *testing.T) {
	t.Parallel()
	for _, set := range sample.Sets() {
		r, err := set.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		table, err := tabular.Inspect(t.Context(), file(b), tabular.Options{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		reader, closer, err := tabular.Open(t.Context(), file(b), tabular.Options{Format: table.Format.Told(), Schema: table.Schema, Names: table.Schema.Names()})
		if err != nil {
			t.Fatal(err)
		}
		c := profile.New(table.Schema, profile.Options{})
		if err := tabular.Stream(t.Context(), reader, func(chunk *tabular.Chunk) error { return c.Add(chunk.Frame) }); err != nil {
			t.Fatal(err)
		}
		if err := closer.Close(); err != nil {
			t.Fatal(err)
		}
		p, err := c.Profile()
		if err != nil {
			t.Fatal(err)
		}
		if int(p.Rows) != set.Rows || len(p.Columns) != set.Columns || p.PII == nil || len(p.PII) != 0 {
			t.Errorf("%s: %d rows, %d columns, found %+v", set.Name, p.Rows, len(p.Columns), p.PII)
		}
	}
}
