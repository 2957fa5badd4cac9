package tabular_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/narrativeml/narrative/internal/tabular"
)

// TestFilesCannotClaimMemory is not parallel, since it measures what the
// process takes.
//
//nolint:paralleltest // see above
func TestFilesCannotClaimMemory(t *testing.T) {
	bases := [][]byte{[]byte(write(t, tabular.KindParquet, mixed(t))), []byte(foreignFile(t, []foreign{{}}))}
	rng := rand.New(rand.NewPCG(11, 12))
	var before, after runtime.MemStats
	for n := range 4_000 {
		in := bytes.Clone(bases[n%len(bases)])
		for range 1 + rng.IntN(4) {
			i := rng.IntN(len(in))
			switch rng.IntN(3) {
			case 0:
				in[i] = byte(rng.Uint32())
			case 1:
				in = append(in[:i], in[i+1:]...)
			default:
				in[i] ^= 1 << rng.IntN(8)
			}
		}
		runtime.ReadMemStats(&before)
		r, err := tabular.NewParquetReader(bytes.NewReader(in), int64(len(in)), tabular.ParquetOptions{Tolerant: true})
		if err == nil && r.Rows() < 1<<20 {
			_, err = tabular.ReadFrame(t.Context(), r)
		}
		runtime.ReadMemStats(&after)
		if taken := after.TotalAlloc - before.TotalAlloc; taken > 64<<20 {
			t.Fatalf("a file of %d bytes took %d bytes of memory (error %v): %q", len(in), taken, err, in)
		}
	}
}

func TestClaimsAreRefused(t *testing.T) {
	t.Parallel()
	end := func(length uint32, magic string) string {
		return "PAR1" + strings.Repeat("\x15\x04", 20) + string(binary.LittleEndian.AppendUint32(nil, length)) + magic
	}
	for name, tt := range map[string]struct{ file, code string }{
		"long footer":    {end(1<<31, "PAR1"), "parquet_damaged"},
		"encrypted":      {end(10, "PARE"), "parquet_encrypted"},
		"endless list":   {"PAR1\x19\xfc\xff\xff\xff\xff\x07\x00\x08\x00\x00\x00PAR1", "parquet_damaged"},
		"deep records":   {"PAR1" + strings.Repeat("\x1c", 100) + "\x64\x00\x00\x00PAR1", "parquet_damaged"},
		"deep lists":     {"PAR1\x19" + strings.Repeat("\x19", 100) + "\x65\x00\x00\x00PAR1", "parquet_damaged"},
		"map, uuid, set": {"PAR1\x1b\x01\x88\x01a\x01b\x1b\x00\x1d0123456789abcdef\x1a\x13x\x17\x00\x00\x00\x00\x00\x00\x00\x00\x00\x26\x00\x00\x00PAR1", "parquet_damaged"},
		"long map":       {"PAR1\x1b\xff\xff\x03\x88\x00\x06\x00\x00\x00PAR1", "parquet_damaged"},
		"unknown type":   {"PAR1\x1f\x00\x02\x00\x00\x00PAR1", "parquet_damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := tabular.InspectParquet(strings.NewReader(tt.file), int64(len(tt.file)), tabular.Limits{})
			checkFault(t, err, tt.code)
		})
	}
}

func TestPagesThatUnpackTooLargeAreRefused(t *testing.T) {
	t.Parallel()
	// 16 columns of one page of 80 MiB, which packs well, are more than is held.
	const columns, size = 16, 80 << 20
	value := parquet.ByteArrayValue(make([]byte, size/8))
	group := parquet.Group{}
	options := []parquet.WriterOption{parquet.PageBufferSize(size * 2)}
	for i := range columns {
		name := string(rune('a' + i))
		group[name] = parquet.Compressed(parquet.String(), &parquet.Zstd)
		options = append(options, parquet.SkipPageBounds(name), parquet.SkipPageStatistics(name))
	}
	var out bytes.Buffer
	w := parquet.NewGenericWriter[any](&out, append(options, parquet.NewSchema("t", group))...)
	rows := w.BeginRowGroup()
	for k, c := range rows.ColumnWriters() {
		values := make([]parquet.Value, 8)
		for i := range values {
			values[i] = value.Level(0, 0, k)
		}
		if _, err := c.WriteRowValues(values); err != nil {
			t.Fatal(err)
		}
		if err := c.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := rows.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := tabular.NewParquetReader(bytes.NewReader(out.Bytes()), int64(out.Len()), tabular.ParquetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.Next(t.Context())
	checkFault(t, err, "parquet_pages_too_large", "row group 1")
	r, err = tabular.NewParquetReader(bytes.NewReader(out.Bytes()), int64(out.Len()), tabular.ParquetOptions{
		Schema: tabular.Schema{{Name: "a", Type: tabular.String}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if c, err := r.Next(t.Context()); err != nil || c.Frame.Rows() != 8 {
		t.Errorf("one column of them: %v", err)
	}
}
