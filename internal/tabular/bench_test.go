package tabular_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/tabular"
)

// benchTable returns a CSV file of 28 columns: 8 integers, 12 floats, 5 words,
// a boolean, an instant and a high-cardinality identifier.
func benchTable(rows int) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	for j := range 28 {
		if j > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "column_%d", j)
	}
	b.WriteByte('\n')
	words := []string{"red", "green", "blue", "married", "self-employed", "unknown", "university degree", "a, b"}
	line := make([]byte, 0, 512)
	for i := range rows {
		line = line[:0]
		for j := range 28 {
			if j > 0 {
				line = append(line, ',')
			}
			switch {
			case j < 8:
				line = strconv.AppendInt(line, int64(rng.IntN(10<<j)), 10)
			case j < 20:
				if rng.IntN(20) > 0 {
					line = strconv.AppendFloat(line, rng.NormFloat64()*100, 'f', 4, 64)
				}
			case j < 25:
				w := words[rng.IntN(len(words))]
				if w == "a, b" {
					w = `"a, b"`
				}
				line = append(line, w...)
			case j == 25:
				line = strconv.AppendBool(line, rng.IntN(2) == 0)
			case j == 26:
				line = fmt.Appendf(line, "2024-%02d-%02dT%02d:00:00Z", 1+rng.IntN(12), 1+rng.IntN(28), rng.IntN(24))
			default:
				line = append(line, "id-"...)
				line = strconv.AppendInt(line, int64(i), 10)
			}
		}
		line = append(line, '\n')
		b.Write(line)
	}
	return b.Bytes()
}

func report(b *testing.B, rows, size int) {
	b.Helper()
	seconds := b.Elapsed().Seconds() / float64(b.N)
	b.ReportMetric(float64(rows)/seconds, "rows/s")
	b.ReportMetric(float64(size)/1e6/seconds, "MB/s")
}

func BenchmarkInferCSV(b *testing.B) {
	const rows = 100_000
	table := benchTable(rows)
	for b.Loop() {
		if _, err := tabular.InferCSV(b.Context(), bytes.NewReader(table), tabular.CSVOptions{}, nil); err != nil {
			b.Fatal(err)
		}
	}
	report(b, rows, len(table))
}

func BenchmarkReadCSV(b *testing.B) {
	const rows = 100_000
	table := benchTable(rows)
	found, err := tabular.InferCSV(b.Context(), bytes.NewReader(table), tabular.CSVOptions{}, nil)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		r, err := tabular.NewCSVReader(bytes.NewReader(table), tabular.CSVOptions{Schema: found.Schema})
		if err != nil {
			b.Fatal(err)
		}
		if err := tabular.Stream(b.Context(), r, func(*tabular.Chunk) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
	report(b, rows, len(table))
}

func benchFile(b *testing.B, rows int) (raw []byte, file []byte) {
	b.Helper()
	raw = benchTable(rows)
	found, err := tabular.InferCSV(b.Context(), bytes.NewReader(raw), tabular.CSVOptions{}, nil)
	if err != nil {
		b.Fatal(err)
	}
	r, err := tabular.NewCSVReader(bytes.NewReader(raw), tabular.CSVOptions{Schema: found.Schema})
	if err != nil {
		b.Fatal(err)
	}
	var out bytes.Buffer
	w, err := tabular.NewParquetWriter(&out, found.Schema)
	if err != nil {
		b.Fatal(err)
	}
	if err := tabular.Stream(b.Context(), r, func(c *tabular.Chunk) error { return w.Write(c.Frame) }); err != nil {
		b.Fatal(err)
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	return raw, out.Bytes()
}

func BenchmarkWriteParquet(b *testing.B) {
	const rows = 100_000
	_, file := benchFile(b, rows)
	r, err := tabular.NewParquetReader(bytes.NewReader(file), int64(len(file)), tabular.ParquetOptions{})
	if err != nil {
		b.Fatal(err)
	}
	f, err := tabular.ReadFrame(b.Context(), r)
	if err != nil {
		b.Fatal(err)
	}
	runtime.GC()
	for b.Loop() {
		w, err := tabular.NewParquetWriter(io.Discard, tabular.SchemaOf(f))
		if err != nil {
			b.Fatal(err)
		}
		if err := w.Write(f); err != nil {
			b.Fatal(err)
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
	report(b, rows, len(file))
}

func BenchmarkReadParquet(b *testing.B) {
	const rows = 100_000
	_, file := benchFile(b, rows)
	for b.Loop() {
		r, err := tabular.NewParquetReader(bytes.NewReader(file), int64(len(file)), tabular.ParquetOptions{})
		if err != nil {
			b.Fatal(err)
		}
		if err := tabular.Stream(b.Context(), r, func(*tabular.Chunk) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
	report(b, rows, len(file))
}

// BenchmarkEncodingCSV cuts the same file with encoding/csv and parses its
// numbers with strconv, which is the least that the reader of the standard
// library would cost; compare BenchmarkReadCSV.
func BenchmarkEncodingCSV(b *testing.B) {
	const rows = 100_000
	table := benchTable(rows)
	for b.Loop() {
		r := csv.NewReader(bytes.NewReader(table))
		r.ReuseRecord = true
		sum := 0.0
		for n := 0; ; n++ {
			record, err := r.Read()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				b.Fatal(err)
			}
			if n == 0 {
				continue
			}
			for _, field := range record[:20] {
				if v, err := strconv.ParseFloat(field, 64); err == nil {
					sum += v
				}
			}
		}
		if sum == 0 {
			b.Fatal("nothing was read")
		}
	}
	report(b, rows, len(table))
}

// benchFormats writes the table of benchTable in other formats.
func benchFormats(b *testing.B, rows int) map[string]string {
	b.Helper()
	table := benchTable(rows)
	records, err := csv.NewReader(bytes.NewReader(table)).ReadAll()
	if err != nil {
		b.Fatal(err)
	}
	var objects, sheet strings.Builder
	for i, record := range records {
		if i > 0 {
			objects.WriteByte('{')
		}
		sheet.WriteString("<row>")
		for j, v := range record {
			number := i > 0 && j < 20 && v != ""
			switch {
			case v == "":
				sheet.WriteString("<c/>")
			case number:
				sheet.WriteString("<c><v>" + v + "</v></c>")
			default:
				sheet.WriteString(`<c t="str"><v>` + v + "</v></c>")
			}
			if i == 0 || v == "" {
				continue
			}
			if !number {
				v = strconv.Quote(v)
			}
			fmt.Fprintf(&objects, "%q:%s,", records[0][j], v)
		}
		sheet.WriteString("</row>")
		if i > 0 {
			objects.WriteString("\"end\":0}\n")
		}
	}
	return map[string]string{
		"csv": string(table), "gzip": gzipped(b, string(table)), "zstd": zstded(b, string(table)), "utf-16": utf16Text("\ufeff"+string(table), false),
		"windows-1252": "\xe4" + string(table), "jsonl": objects.String(), "json": "[" + strings.ReplaceAll(strings.TrimSpace(objects.String()), "\n", ",") + "]",
		"xlsx": book(b, map[string]string{"xl/worksheets/sheet1.xml": sheetXML(sheet.String())}),
	}
}

// BenchmarkInspect looks at the same table in every format.
func BenchmarkInspect(b *testing.B) {
	const rows = 20_000
	for name, file := range benchFormats(b, rows) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if t, err := tabular.Inspect(b.Context(), memory(file), tabular.Options{}, nil); err != nil || t.Rows != rows {
					b.Fatal(t, err)
				}
			}
			report(b, rows, len(file))
		})
	}
}
