package tabular

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/parquet-go/parquet-go/encoding/rle"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/narrativeml/narrative/ml/frame"
)

// Bounds of a page, which readers hold as a whole.
const (
	pageRows  = 16 << 10
	pageBytes = 128 << 10
)

// pageEncoder collects the values of one page after another.
type pageEncoder interface {
	// take makes add read from that column.
	take(c frame.Column)
	// add collects the values of the rows, without those that are missing. It
	// takes fewer rows when the page gets full.
	add(from, to int) (rows int, full bool)
	// encode returns what was collected and begins another page. It may keep
	// the spare memory, or return it.
	encode(spare []byte) (page, error)
	// dictionary returns the page that the pages of the chunk refer to, and how
	// many values it has; none if there are no such pages.
	dictionary(spare []byte) (page, int)
	// bounds returns the smallest and the largest value of the chunk, nil if
	// they are not known.
	bounds() (low, high []byte)
	// reset begins another chunk.
	reset()
	// held returns how many bytes it holds for the chunk, without the page.
	held() int
}

// page is the values of a page, encoded and compressed.
type page struct {
	body     []byte
	raw      int // bytes before they were compressed
	encoding format.Encoding
}

// chunkWriter makes pages of the values of one column in one row group.
type chunkWriter struct {
	field   Field
	kind    format.Type
	codec   format.CompressionCodec
	values  pageEncoder
	column  frame.Column
	missing bool // the column misses values

	parts [][]byte // of the pages: head and body in turn
	spare [][]byte // memory of bodies that are written
	size  int      // bytes of parts
	raw   int      // the same without compression
	used  []format.PageEncodingStats
	nulls int // of the chunk

	rows      int    // of the page
	pageNulls int    // of the page
	levels    []byte // of the rows of the page, 1 for a value; empty as long as none is missing

	header  format.PageHeader
	encoded bytes.Buffer
	encoder *thrift.Encoder
	packed  []byte
}

func newChunkWriter(f Field) *chunkWriter {
	w := &chunkWriter{field: f, codec: format.Uncompressed}
	w.encoder = thrift.NewEncoder(new(thrift.CompactProtocol).NewWriter(&w.encoded))
	switch f.Type {
	case Float:
		// Decimal numbers hardly get shorter, for a tenth of all the work.
		w.kind, w.values = format.Double, &doubleEncoder{}
	case Boolean:
		w.kind, w.codec, w.values = format.Boolean, format.Snappy, &boolEncoder{}
	case Integer, Datetime:
		w.kind, w.values = format.Int64, &intEncoder{}
	default:
		w.kind, w.codec, w.values = format.ByteArray, format.Snappy, newTextEncoder()
	}
	w.values.reset()
	return w
}

// take makes append read from that column.
func (w *chunkWriter) take(c frame.Column) {
	w.column, w.missing = c, c.Nulls() > 0
	w.values.take(c)
}

// held returns the bytes that wait for the end of the row group.
func (w *chunkWriter) held() int { return w.size + w.values.held() }

// append adds rows from … to-1 of the column.
func (w *chunkWriter) append(from, to int) error {
	for from < to {
		n := min(to-from, pageRows-w.rows)
		took, full := w.values.add(from, from+n)
		w.define(from, from+took)
		w.rows += took
		from += took
		if full || w.rows == pageRows {
			if err := w.endPage(); err != nil {
				return err
			}
		}
	}
	return nil
}

// define notes which of the rows have a value.
func (w *chunkWriter) define(from, to int) {
	if !w.missing && len(w.levels) == 0 {
		return
	}
	for len(w.levels) < w.rows {
		w.levels = append(w.levels, 1)
	}
	for i := from; i < to; i++ {
		level := byte(1)
		if w.missing && w.column.Null(i) {
			level = 0
			w.pageNulls++
		}
		w.levels = append(w.levels, level)
	}
}

// endPage encodes the page.
func (w *chunkWriter) endPage() error {
	p, err := w.values.encode(w.memory())
	if err != nil {
		return fmt.Errorf("encode page: %w", err)
	}
	levels, err := w.packLevels()
	if err != nil {
		return err
	}
	w.header = format.PageHeader{
		Type:                 format.DataPageV2,
		UncompressedPageSize: int32(len(levels) + p.raw),
		CompressedPageSize:   int32(len(levels) + len(p.body)),
		CRC:                  int32(crc32.Update(crc32.ChecksumIEEE(levels), crc32.IEEETable, p.body)),
		DataPageHeaderV2: thrift.New(format.DataPageHeaderV2{
			NumValues: int32(w.rows), NumRows: int32(w.rows), NumNulls: int32(w.pageNulls),
			Encoding: p.encoding, DefinitionLevelsByteLength: int32(len(levels)),
			IsCompressed: thrift.New(w.codec != format.Uncompressed),
		}),
	}
	head, err := w.head(levels)
	if err != nil {
		return err
	}
	w.parts = append(w.parts, head, p.body)
	w.count(format.DataPageV2, p.encoding, len(head)+len(p.body), len(head)+p.raw)
	w.nulls += w.pageNulls
	w.rows, w.pageNulls, w.levels = 0, 0, w.levels[:0]
	return nil
}

// memory returns some that is no longer used, or none.
func (w *chunkWriter) memory() []byte {
	n := len(w.spare)
	if n == 0 {
		return nil
	}
	b := w.spare[n-1]
	w.spare = w.spare[:n-1]
	return b
}

// packLevels returns which rows of the page have values, as runs.
func (w *chunkWriter) packLevels() ([]byte, error) {
	switch {
	case !w.field.Nullable:
		return nil, nil
	case w.pageNulls == 0:
		w.packed = append(binary.AppendUvarint(w.packed[:0], uint64(w.rows)<<1), 1)
		return w.packed, nil
	}
	var err error
	if w.packed, err = (&rle.Encoding{BitWidth: 1}).EncodeLevels(w.packed, w.levels); err != nil {
		return nil, fmt.Errorf("encode levels: %w", err)
	}
	return w.packed, nil
}

// head returns the header of a page and what follows it.
func (w *chunkWriter) head(rest []byte) ([]byte, error) {
	w.encoded.Reset()
	if err := w.encoder.Encode(&w.header); err != nil {
		return nil, fmt.Errorf("encode page header: %w", err)
	}
	return slices.Concat(w.encoded.Bytes(), rest), nil
}

// count notes a page of so many bytes.
func (w *chunkWriter) count(kind format.PageType, encoding format.Encoding, size, raw int) {
	w.size += size
	w.raw += raw
	for k := range w.used {
		if s := &w.used[k]; s.PageType == kind && s.Encoding == encoding {
			s.Count++
			return
		}
	}
	w.used = append(w.used, format.PageEncodingStats{PageType: kind, Encoding: encoding, Count: 1})
}

// finish ends the chunk and says what is in parts. Its offsets are from the
// beginning of the chunk; that of a dictionary is above zero if there is one.
func (w *chunkWriter) finish() (format.ColumnMetaData, error) {
	if w.rows > 0 {
		if err := w.endPage(); err != nil {
			return format.ColumnMetaData{}, err
		}
	}
	m := format.ColumnMetaData{Type: w.kind, Codec: w.codec, PathInSchema: []string{w.field.Name}}
	if p, n := w.values.dictionary(w.memory()); n > 0 {
		w.header = format.PageHeader{
			Type:                 format.DictionaryPage,
			UncompressedPageSize: int32(p.raw),
			CompressedPageSize:   int32(len(p.body)),
			CRC:                  int32(crc32.ChecksumIEEE(p.body)),
			DictionaryPageHeader: thrift.New(format.DictionaryPageHeader{NumValues: int32(n), Encoding: p.encoding}),
		}
		head, err := w.head(nil)
		if err != nil {
			return format.ColumnMetaData{}, err
		}
		w.parts = slices.Insert(w.parts, 0, head, p.body)
		w.count(format.DictionaryPage, p.encoding, len(head)+len(p.body), len(head)+p.raw)
		m.DictionaryPageOffset, m.DataPageOffset = 1, int64(len(head)+len(p.body))
	}
	m.TotalCompressedSize, m.TotalUncompressedSize = int64(w.size), int64(w.raw)
	m.Statistics.NullCount = int64(w.nulls)
	m.Statistics.MinValue, m.Statistics.MaxValue = w.values.bounds()
	m.EncodingStats = slices.Clone(w.used)
	m.Encoding = []format.Encoding{format.RLE} // of the levels
	for _, s := range w.used {
		if !slices.Contains(m.Encoding, s.Encoding) {
			m.Encoding = append(m.Encoding, s.Encoding)
		}
	}
	return m, nil
}

// reset begins the chunk of another row group.
func (w *chunkWriter) reset() {
	for k := 1; k < len(w.parts); k += 2 {
		w.spare = append(w.spare, w.parts[k])
	}
	w.parts = w.parts[:0]
	w.size, w.raw, w.nulls, w.used = 0, 0, 0, w.used[:0]
	w.values.reset()
}
