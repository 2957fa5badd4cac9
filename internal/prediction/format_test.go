package prediction_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/tabular"
)

// TestFormats checks that a file is predicted in the same way whatever it is
// written in, whether it was ingested or not, and in one piece where it cannot
// be divided.
func TestFormats(t *testing.T) {
	t.Parallel()
	var csv, lines strings.Builder
	csv.WriteString("id,x,word\n")
	for i := range 300 {
		x := fmt.Sprint(float64(i) / 100)
		if i == 7 {
			x = `"abc"`
		}
		fmt.Fprintf(&csv, "ü%d,%s,up\n", i, x)
		fmt.Fprintf(&lines, "{\"id\":\"ü%d\",\"x\":%s,\"word\":\"up\"}\n", i, x)
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write([]byte(csv.String())); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	wide := []byte("\xff\xfe")
	for _, u := range utf16.Encode([]rune(csv.String())) {
		wide = append(wide, byte(u), byte(u>>8))
	}
	files := map[string][]byte{
		"csv": []byte(csv.String()), "latin-1": []byte(strings.ReplaceAll(csv.String(), "ü", "\xfc")), "gzip": packed.Bytes(), "utf-16": wide,
		"jsonl": []byte(lines.String()), "json": []byte("[" + strings.ReplaceAll(strings.TrimSpace(lines.String()), "\n", ",") + "]"),
	}
	req := request()
	req.IDColumn = "id"
	whole := setup(t, files["csv"])
	want, err := whole.run(t.Context(), req)
	if err != nil || want.Rows != 299 || want.BadRows != 1 {
		t.Fatalf("%+v, %v", want, err)
	}
	text := whole.text(t, want.OutputKey)
	for name, file := range files {
		for _, ingested := range []bool{false, true} {
			for _, shards := range []int{0, 3} {
				t.Run(fmt.Sprint(name, ingested, shards), func(t *testing.T) {
					t.Parallel()
					d := &divided{bundle: setup(t, file), shardRows: 100}
					if ingested {
						d.records.dataset.Version = version(t, string(file))
					}
					ask := req
					ask.Shards = shards
					got, err := d.run(t.Context(), t, ask)
					if err != nil {
						t.Fatal(err)
					}
					parts := 0
					if name == "csv" && (ingested || shards > 0) {
						parts = 3
					}
					if got.Rows != 299 || got.BadRows != 1 || got.Shards != parts {
						t.Errorf("%+v, want %d shards", got, parts)
					}
					if out := d.text(t, got.OutputKey); out != text {
						t.Errorf("another output: %.200s\nwant %.200s", out, text)
					}
				})
			}
		}
	}
	if d := version(t, string(files["latin-1"])); !reflect.DeepEqual(d.Format.Encoding, "windows-1252") {
		t.Errorf("format %+v", d.Format)
	}
}

// memory is a file in memory.
type memory string

func (m memory) Open(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(string(m))), nil
}

func (m memory) OpenAt(context.Context) (io.ReaderAt, int64, error) {
	return strings.NewReader(string(m)), int64(len(m)), nil
}

// version is what an ingest would have found out, had it not been for the row
// whose x is no number: that makes a column of texts of x.
func version(t *testing.T, file string) *dataset.Version {
	t.Helper()
	table, err := tabular.Inspect(t.Context(), memory(file), tabular.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &dataset.Version{Rows: table.Rows, Format: table.Format, Schema: table.Schema}
}
