package tabular

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go/format"

	"github.com/narrativeml/narrative/internal/fault"
)

const (
	maxPages      = 1 << 30   // bytes of the pages, unpacked, that are held at a time
	maxPageHeader = 1 << 20   // bytes of one header, with its statistics
	usualHeader   = 256       // bytes that most headers fit in
	maxPageCount  = 1_000_000 // pages of one column in one row group
)

// checkPages looks at the headers of the pages of the columns in one row group
// before any page is read, since a page is unpacked into as much memory as its
// header claims.
func (r *ParquetReader) checkPages(group int) error {
	meta := &r.file.Metadata().RowGroups[group]
	total := int64(0)
	for _, c := range r.wanted {
		if c.index >= len(meta.Columns) {
			return errDamaged(errors.New("a column is missing in a row group"))
		}
		largest, err := r.largestPage(&meta.Columns[c.index].MetaData)
		if err != nil {
			return err
		}
		if total += largest; total > maxPages {
			return fault.Invalid("parquet_pages_too_large", "the pages of row group %d take more than %d bytes of memory; write the file with smaller pages, such as the usual 1 MiB", group+1, maxPages).
				With(fault.Field{Location: location(0, 0, c.name), Message: "its pages are too large"})
		}
	}
	return nil
}

// largestPage returns the unpacked size of the largest page of a column chunk
// with that of its dictionary, both of which are in memory together.
func (r *ParquetReader) largestPage(m *format.ColumnMetaData) (int64, error) {
	pos := m.DataPageOffset
	if m.DictionaryPageOffset > 0 && m.DictionaryPageOffset < pos {
		pos = m.DictionaryPageOffset
	}
	end := pos + m.TotalCompressedSize
	if pos < 4 || end < pos || end > r.size {
		return 0, errDamaged(errors.New("a column lies outside of the file"))
	}
	var largest, dictionary int64
	for n := 0; pos < end; n++ {
		h, err := r.pageHeader(pos, end)
		if err != nil {
			return 0, err
		}
		if n > maxPageCount || h.packed < 0 || h.unpacked < 0 || h.size+h.packed > end-pos {
			return 0, errDamaged(fmt.Errorf("the page at %d is larger than its column", pos))
		}
		if h.dictionary {
			dictionary = max(dictionary, h.unpacked)
		} else {
			largest = max(largest, h.unpacked)
		}
		pos += h.size + h.packed
	}
	return largest + dictionary, nil
}

// pageHeader is what matters of a page's header.
type pageHeader struct {
	size       int64 // of the header itself
	packed     int64
	unpacked   int64
	dictionary bool
}

// pageHeader reads the header at pos of a column that ends at end.
func (r *ParquetReader) pageHeader(pos, end int64) (pageHeader, error) {
	for n := int64(usualHeader); ; n *= 8 {
		r.header = append(r.header[:0], make([]byte, min(n, end-pos))...)
		if _, err := r.source.ReadAt(r.header, pos); err != nil && !errors.Is(err, io.EOF) {
			return pageHeader{}, errDamaged(err)
		}
		h, err := parsePageHeader(r.header)
		if err == nil {
			return h, nil
		}
		if n >= end-pos || n >= maxPageHeader {
			return pageHeader{}, errDamaged(err)
		}
	}
}

// parsePageHeader reads the fields 1 to 3 of a page header, and steps over the
// others.
func parsePageHeader(b []byte) (pageHeader, error) {
	const dictionaryPage = 2
	h := pageHeader{unpacked: -1, packed: -1}
	w := &walker{rest: b}
	field := int64(0)
	for w.err == nil {
		head := w.byte()
		if head == 0 {
			break
		}
		if delta := int64(head >> 4); delta > 0 {
			field += delta
		} else {
			field = w.signed()
		}
		kind := head & 15
		if kind == typeI32 && field >= 1 && field <= 3 {
			switch v := w.signed(); field {
			case 1:
				h.dictionary = v == dictionaryPage
			case 2:
				h.unpacked = v
			default:
				h.packed = v
			}
			continue
		}
		if kind != typeTrue && kind != typeFalse {
			w.value(kind, 0)
		}
	}
	h.size = int64(len(b) - len(w.rest))
	return h, w.err
}

// signed reads a number in zigzag form.
func (w *walker) signed() int64 {
	v, n := binary.Varint(w.rest)
	if n <= 0 {
		w.fail("a number is broken")
		return 0
	}
	w.rest = w.rest[n:]
	return v
}
