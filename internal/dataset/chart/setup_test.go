package chart_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"testing"

	"github.com/narrativeml/narrative/internal/dataset/chart"
	"github.com/narrativeml/narrative/internal/dataset/profile"
	"github.com/narrativeml/narrative/internal/tabular"
)

// file is a file in memory.
type file []byte

var _ tabular.File = file(nil)

func (f file) Open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(f)), nil
}

func (f file) OpenAt(context.Context) (io.ReaderAt, int64, error) {
	return bytes.NewReader(f), int64(len(f)), nil
}

// tableOf makes of a CSV file what is made of an uploaded one: a typed table in
// Parquet, and a profile that was stored and read again.
func tableOf(tb testing.TB, in string) chart.Table {
	tb.Helper()
	ctx := tb.Context()
	read, err := tabular.Inspect(ctx, file(in), tabular.Options{}, nil)
	if err != nil {
		tb.Fatal(err)
	}
	rows, src, err := tabular.Open(ctx, file(in), tabular.Options{Format: read.Format.Told(), Schema: read.Schema, Names: read.Schema.Names()})
	if err != nil {
		tb.Fatal(err)
	}
	var stored bytes.Buffer
	w, err := tabular.NewParquetWriter(&stored, read.Schema)
	if err != nil {
		tb.Fatal(err)
	}
	c := profile.New(read.Schema, profile.Options{})
	err = tabular.Stream(ctx, rows, func(chunk *tabular.Chunk) error { return errors.Join(c.Add(chunk.Frame), w.Write(chunk.Frame)) })
	if err := errors.Join(err, w.Close(), src.Close()); err != nil {
		tb.Fatal(err)
	}
	made, err := c.Profile()
	if err != nil {
		tb.Fatal(err)
	}
	raw, err := json.Marshal(made)
	if err != nil {
		tb.Fatal(err)
	}
	described, err := profile.Decode(raw)
	if err != nil {
		tb.Fatal(err)
	}
	return chart.Table{
		Dataset: "ds_1", Rows: read.Rows, Schema: read.Schema, Profile: described,
		Open: func(_ context.Context, columns []string) (*tabular.ParquetReader, error) {
			var o tabular.ParquetOptions
			for _, name := range columns {
				f, ok := read.Schema.Lookup(name)
				if !ok {
					return nil, errors.New("there is no column " + name)
				}
				o.Schema = append(o.Schema, f)
			}
			return tabular.NewParquetReader(bytes.NewReader(stored.Bytes()), int64(stored.Len()), o)
		},
	}
}
