package tabular_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
	"github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/narrativeml/narrative/internal/tabular"
)

// liar is a file of one page in one column, whose header and body need not agree.
type liar struct {
	kind     format.Type
	required bool
	codec    format.CompressionCodec
	rows     int64
	header   format.PageHeader
	body     []byte
	raw      []byte // instead of the header
	swapped  bool   // data are said to begin before the dictionary
}

func (l liar) file(tb testing.TB) string {
	tb.Helper()
	out := []byte("PAR1")
	l.header.CompressedPageSize = int32(len(l.body))
	if l.header.UncompressedPageSize == 0 {
		l.header.UncompressedPageSize = int32(len(l.body))
	}
	head, err := thrift.Marshal(new(thrift.CompactProtocol), &l.header)
	if err != nil {
		tb.Fatal(err)
	}
	if l.raw != nil {
		head = l.raw
	}
	out = append(append(out, head...), l.body...)
	at := int64(len("PAR1"))
	chunk := format.ColumnMetaData{
		Type: l.kind, Codec: l.codec, PathInSchema: []string{"c"}, NumValues: l.rows, DataPageOffset: at, TotalCompressedSize: int64(len(out)) - at,
	}
	if l.swapped { // the column is said to begin with one byte of what is no page
		chunk.DictionaryPageOffset = at
		out = slices.Concat(out[:at], []byte{0x15, 0, 0x15, 0, 0x15, 0, 0}, out[at:])
		chunk.DataPageOffset, chunk.DictionaryPageOffset = at, at+7
	}
	repetition := format.Optional
	if l.required {
		repetition = format.Required
	}
	footer, err := thrift.Marshal(new(thrift.CompactProtocol), &format.FileMetaData{
		Version: 2, NumRows: l.rows,
		Schema: []format.SchemaElement{
			{Name: "table", NumChildren: thrift.New(int32(1))},
			{Name: "c", Type: thrift.New(l.kind), RepetitionType: thrift.New(repetition)},
		},
		RowGroups: []format.RowGroup{{Columns: []format.ColumnChunk{{MetaData: chunk}}, NumRows: l.rows}},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return string(append(binary.LittleEndian.AppendUint32(append(out, footer...), uint32(len(footer))), "PAR1"...))
}

// firstKind and secondKind are headers of pages of so many values.
func firstKind(n int32, e format.Encoding) format.PageHeader {
	return format.PageHeader{Type: format.DataPage, DataPageHeader: thrift.New(format.DataPageHeader{NumValues: n, Encoding: e, DefinitionLevelEncoding: format.RLE})}
}

func secondKind(n int32, e format.Encoding, levels int) format.PageHeader {
	return format.PageHeader{Type: format.DataPageV2, DataPageHeaderV2: thrift.New(format.DataPageHeaderV2{
		NumValues: n, NumRows: n, Encoding: e, DefinitionLevelsByteLength: int32(levels),
	})}
}

// run is a run of one number of one byte; packed is one of bits, without them.
func run(n uint64, number byte) []byte { return append(binary.AppendUvarint(nil, n<<1), number) }
func packed(groups uint64) []byte      { return binary.AppendUvarint(nil, groups<<1|1) }

// behind puts the length of bytes before them.
func behind(b []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(nil, uint32(len(b))), b...)
}

// differences begin numbers of which there are said to be so many.
func differences(n uint64) []byte {
	return slices.Concat([]byte{128, 1, 4}, binary.AppendUvarint(nil, n), []byte{2, 0, 0, 0, 0, 0})
}

func lengths(tb testing.TB, values ...int32) []byte {
	tb.Helper()
	b, err := new(delta.BinaryPackedEncoding).EncodeInt32(nil, values)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// squeezed is a million zeros that a codec has packed.
func squeezed(tb testing.TB, codec format.CompressionCodec) []byte {
	tb.Helper()
	zeros := make([]byte, 1_000_000)
	var out bytes.Buffer
	var err error
	switch codec {
	case format.Snappy:
		return s2.EncodeSnappy(nil, zeros)
	case format.Gzip:
		w := gzip.NewWriter(&out)
		_, err = w.Write(zeros)
		err = errors.Join(err, w.Close())
	case format.Brotli:
		w := brotli.NewWriter(&out)
		_, err = w.Write(zeros)
		err = errors.Join(err, w.Close())
	default:
		w, failed := zstd.NewWriter(nil)
		if failed != nil {
			tb.Fatal(failed)
		}
		return w.EncodeAll(zeros, nil)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

// A page of a few bytes that says that it holds a great deal is refused before room
// is made for that.
func TestPagesThatClaimTooMuch(t *testing.T) {
	t.Parallel()
	const many = 1 << 30
	short := firstKind(3, format.Plain)
	short.UncompressedPageSize = 100
	tests := map[string]liar{
		"a run in a dictionary":       {kind: format.ByteArray, required: true, rows: 3, header: firstKind(3, format.RLEDictionary), body: append([]byte{1}, run(many, 0)...)},
		"bits in a dictionary":        {kind: format.ByteArray, required: true, rows: 3, header: secondKind(3, 2, 0), body: append([]byte{1}, packed(many)...)},
		"many runs":                   {kind: format.ByteArray, required: true, rows: 3, header: firstKind(3, format.RLEDictionary), body: append([]byte{1}, bytes.Repeat(run(500, 0), 100_000)...)},
		"a run without a length":      {kind: format.ByteArray, required: true, rows: 3, header: firstKind(3, format.RLEDictionary), body: []byte{1, 0xff}},
		"levels of the first kind":    {kind: format.Double, rows: 3, header: firstKind(3, format.Plain), body: behind(run(many, 1))},
		"levels of the second kind":   {kind: format.Double, rows: 3, header: secondKind(3, format.Plain, 6), body: run(many, 1)},
		"more levels than bytes":      {kind: format.Double, rows: 3, header: secondKind(3, format.Plain, 7), body: run(many, 1)},
		"truth values":                {kind: format.Boolean, required: true, rows: 3, header: firstKind(3, format.RLE), body: behind(run(many, 1))},
		"runs of no width":            {kind: format.Int32, required: true, rows: 3, header: firstKind(3, format.RLE), body: run(many, 0)[:5]},
		"differences":                 {kind: format.Int64, required: true, rows: 3, header: firstKind(3, format.DeltaBinaryPacked), body: differences(many)},
		"lengths of texts":            {kind: format.ByteArray, required: true, rows: 3, header: firstKind(3, format.DeltaLengthByteArray), body: differences(many)},
		"lengths of prefixes":         {kind: format.ByteArray, required: true, rows: 3, header: firstKind(3, format.DeltaByteArray), body: differences(many)},
		"lengths behind prefixes":     {kind: format.ByteArray, required: true, rows: 3, header: firstKind(3, format.DeltaByteArray), body: append(lengths(t, 0, 1, 2), differences(many)...)},
		"prefixes":                    {kind: format.ByteArray, required: true, rows: 3, header: firstKind(3, format.DeltaByteArray), body: append(lengths(t, 0, many, many), lengths(t, 1, 0, 0)...)},
		"blocks of nothing":           {kind: format.ByteArray, required: true, rows: 3, header: firstKind(3, format.DeltaByteArray), body: []byte{0, 4, 3, 0, 0, 0, 0, 0, 0}},
		"more values than its column": {kind: format.Double, required: true, rows: 3, header: firstKind(many, format.Plain), body: make([]byte, 24)},
		"a dictionary": {kind: format.ByteArray, required: true, rows: 3, body: make([]byte, 24), header: format.PageHeader{
			Type: format.DictionaryPage, DictionaryPageHeader: thrift.New(format.DictionaryPageHeader{NumValues: 1 << 20}),
		}},
		"a page where no dictionary is": {kind: format.ByteArray, required: true, rows: 3, swapped: true, header: firstKind(3, format.RLEDictionary), body: append([]byte{1}, run(many, 0)...)},
		"snappy":                        {kind: format.Double, required: true, codec: format.Snappy, rows: 3, header: short, body: squeezed(t, format.Snappy)},
		"gzip":                          {kind: format.Double, required: true, codec: format.Gzip, rows: 3, header: short, body: squeezed(t, format.Gzip)},
		"zstd":                          {kind: format.Double, required: true, codec: format.Zstd, rows: 3, header: short, body: squeezed(t, format.Zstd)},
		"brotli":                        {kind: format.Double, required: true, codec: format.Brotli, rows: 3, header: short, body: squeezed(t, format.Brotli)},
	}
	for name, l := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := openParquet(t, l.file(t), tabular.ParquetOptions{Tolerant: true}).Next(t.Context())
			checkFault(t, err, "parquet_damaged")
			if says := "a page says that it holds more than it can"; !strings.Contains(err.Error(), says) {
				t.Errorf("error %v, want it to be because %s", err, says)
			}
		})
	}
	huge := liar{kind: format.Double, required: true, rows: 1 << 40, header: firstKind(many, format.Plain), body: make([]byte, 24)}
	_, err := openParquet(t, huge.file(t), tabular.ParquetOptions{}).Next(t.Context())
	checkFault(t, err, "parquet_pages_too_large", "row group 1")
}

// Pages that end where they should go on, or are packed as they say that they are
// not, are damage too.
func TestPagesThatEndEarly(t *testing.T) {
	t.Parallel()
	fewer := secondKind(3, format.Plain, 2)
	fewer.DataPageHeaderV2.V.NumNulls = 1 // which the levels do not say
	truths := secondKind(30, format.Plain, 2)
	truths.DataPageHeaderV2.V.NumNulls = 22
	for name, l := range map[string]liar{
		"another header":    {kind: format.Double, rows: 3, raw: []byte{0x18, 1, 'x', 0}, body: make([]byte, 24)},
		"levels":            {kind: format.Double, rows: 3, header: firstKind(3, format.Plain), body: []byte{200, 0, 0, 0, 1}},
		"no levels":         {kind: format.Double, rows: 3, header: firstKind(3, format.Plain), body: []byte{1}},
		"truth values":      {kind: format.Boolean, required: true, rows: 3, header: firstKind(3, format.RLE), body: []byte{1}},
		"differences":       {kind: format.Int64, required: true, rows: 3, header: firstKind(3, format.DeltaBinaryPacked), body: []byte{128, 1, 4}},
		"blocks":            {kind: format.ByteArray, required: true, rows: 3, header: firstKind(3, format.DeltaByteArray), body: []byte{128, 1, 4, 3, 2, 0}},
		"suffixes":          {kind: format.ByteArray, required: true, rows: 3, header: firstKind(3, format.DeltaByteArray), body: lengths(t, 0, 0, 0)},
		"blocks of four":    {kind: format.ByteArray, required: true, rows: 3, header: firstKind(3, format.DeltaByteArray), body: append([]byte{4, 1, 3, 0, 0, 0}, lengths(t, 0, 0, 0)...)},
		"missing numbers":   {kind: format.Double, rows: 3, header: fewer, body: append(run(3, 1), make([]byte, 16)...)},
		"missing whole":     {kind: format.Int64, rows: 3, header: fewer, body: append(run(3, 1), make([]byte, 16)...)},
		"missing truth":     {kind: format.Boolean, rows: 30, header: truths, body: append(run(30, 1), 0)},
		"snappy":            {kind: format.Double, codec: format.Snappy, rows: 3, header: firstKind(3, format.Plain), body: s2.EncodeSnappy(nil, make([]byte, 100))[:5]},
		"gzip":              {kind: format.Double, codec: format.Gzip, rows: 3, header: firstKind(3, format.Plain), body: []byte("no")},
		"gzip in the midst": {kind: format.Double, codec: format.Gzip, rows: 3, header: firstKind(3, format.Plain), body: squeezed(t, format.Gzip)[:40]},
		"zstd":              {kind: format.Double, codec: format.Zstd, rows: 3, header: firstKind(3, format.Plain), body: []byte("no")},
		"brotli":            {kind: format.Double, codec: format.Brotli, rows: 3, header: firstKind(3, format.Plain), body: []byte("no")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := openParquet(t, l.file(t), tabular.ParquetOptions{Tolerant: true}).Next(t.Context())
			checkFault(t, err, "parquet_damaged")
		})
	}
}

// What pages of other writers say is true, however they are packed.
func TestPagesThatAreTrue(t *testing.T) {
	t.Parallel()
	type row struct {
		D string  `parquet:"d,optional,delta"`
		E string  `parquet:"e,delta"`
		S float64 `parquet:"s,split"`
		I int64   `parquet:"i,delta"`
		T *string `parquet:"t,optional,dict"`
		B *bool   `parquet:"b,optional"`
	}
	const rows = 3000
	table, want := make([]row, rows), make([]string, rows)
	for i := range table {
		text, truth := "text "+strconv.Itoa(i/3), i%2 == 0
		table[i] = row{E: text, S: float64(i), I: int64(i * i)}
		want[i] = "∅ " + text
		if i%5 > 0 {
			table[i].D, table[i].T, table[i].B = text, &text, &truth
			want[i] = text + " " + text
		}
	}
	for _, codec := range []compress.Codec{&parquet.Uncompressed, &parquet.Snappy, &parquet.Gzip, &parquet.Zstd, &parquet.Brotli} {
		for _, version := range []int{1, 2} {
			file := foreignFile(t, table, parquet.Compression(codec), parquet.DataPageVersion(version), parquet.PageBufferSize(2000))
			got, _, _, bad := collect(t, openParquet(t, file, tabular.ParquetOptions{Schema: tabular.Schema{{Name: "d", Type: tabular.String}, {Name: "e", Type: tabular.String}, {Name: "i", Type: tabular.Integer}}}))
			if len(got) != rows || len(bad) > 0 {
				t.Fatalf("%s, pages of version %d: %d rows, %d bad", codec, version, len(got), len(bad))
			}
			for i := range got {
				if text := got[i][0] + " " + got[i][1]; text != want[i] || got[i][2] != strconv.Itoa(i*i) {
					t.Fatalf("%s, pages of version %d, row %d: %q, want %q", codec, version, i, got[i], want[i])
				}
			}
			if _, err := openParquet(t, file, tabular.ParquetOptions{}).Next(t.Context()); err != nil {
				t.Errorf("%s, pages of version %d: %v", codec, version, err)
			}
		}
	}
}
