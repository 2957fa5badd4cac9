package tabular

import (
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/narrativeml/narrative/internal/fault"
)

const (
	maxPages      = 1 << 30   // bytes of the pages, unpacked, that are held at a time
	maxPageValues = 1 << 27   // values of the pages that are held at a time
	maxPageHeader = 1 << 20   // bytes of one header, with its statistics
	usualHeader   = 256       // bytes that most headers fit in
	maxPageCount  = 1_000_000 // pages of one column in one row group
)

// checkPages looks at the headers of the pages of the columns in one row group
// before any page is read, since a page is unpacked into as much memory as its
// header claims.
func (r *ParquetReader) checkPages(group int) error {
	groups := r.file.Metadata().RowGroups
	meta := &groups[group]
	var total pageSize
	look := &claims{src: r.source}
	for _, c := range r.wanted {
		if c.empty {
			continue // it has no pages that are read
		}
		m := &meta.Columns[c.index].MetaData
		// The library takes the codec of all row groups from the first.
		look.codec, look.kind, look.optional = groups[0].Columns[c.index].MetaData.Codec, c.kind, c.optional
		largest, err := r.largestPage(m, look)
		if err != nil {
			return err
		}
		total.bytes += largest.bytes
		total.values += largest.values
		if total.tooLarge() {
			return fault.Invalid("parquet_pages_too_large", "the pages of row group %d take more than %d bytes of memory or have more than %d values; write the file with smaller pages, such as the usual 1 MiB", group+1, maxPages, maxPageValues).
				With(fault.Field{Location: location(0, 0, c.name), Message: "its pages are too large"})
		}
	}
	return nil
}

// pageSize is what a page takes.
type pageSize struct {
	bytes  int64 // unpacked
	values int64
}

func (s pageSize) tooLarge() bool { return s.bytes > maxPages || s.values > maxPageValues }

// sizeOf returns the size of a page of a column of so many values.
func sizeOf(h *format.PageHeader, values int64) (s pageSize, err error) {
	switch {
	case h.Type == format.DictionaryPage && h.DictionaryPageHeader.Valid:
		s.values = int64(h.DictionaryPageHeader.V.NumValues)
	case h.Type == format.DataPage && h.DataPageHeader.Valid:
		s.values = int64(h.DataPageHeader.V.NumValues)
	case h.Type == format.DataPageV2 && h.DataPageHeaderV2.Valid:
		s.values = int64(h.DataPageHeaderV2.V.NumValues)
	}
	s.bytes = int64(h.UncompressedPageSize)
	if s.bytes < 0 || s.values < 0 || h.Type != format.DictionaryPage && s.values > values {
		err = fmt.Errorf("%w: %d values and %d bytes in a column of %d values", errClaim, s.values, s.bytes, values)
	}
	return s, err
}

// largestPage returns the size of the largest page of a column chunk with that of
// its dictionary, both of which are in memory together.
func (r *ParquetReader) largestPage(m *format.ColumnMetaData, look *claims) (largest pageSize, err error) {
	pos := m.DataPageOffset
	if m.DictionaryPageOffset != 0 { // from where the library reads
		pos = m.DictionaryPageOffset
	}
	end := pos + m.TotalCompressedSize
	if pos < 4 || end < pos || end > r.size {
		return largest, errDamaged(errors.New("a column lies outside of the file"))
	}
	var dictionary pageSize
	for n := 0; pos < end; n++ {
		h, size, err := r.pageHeader(pos, end)
		if err != nil {
			return largest, err
		}
		packed := int64(h.CompressedPageSize)
		if n > maxPageCount || packed < 0 || size+packed > end-pos {
			return largest, errDamaged(fmt.Errorf("the page at %d is larger than its column", pos))
		}
		s, err := sizeOf(h, m.NumValues)
		if err == nil && !s.tooLarge() {
			err = look.check(h, pos+size)
		}
		if err != nil {
			return largest, errDamaged(fmt.Errorf("the page at %d: %w", pos, err))
		}
		of := &largest
		if h.Type == format.DictionaryPage {
			of = &dictionary
		}
		of.bytes, of.values = max(of.bytes, s.bytes), max(of.values, s.values)
		pos += size + packed
	}
	largest.bytes += dictionary.bytes
	largest.values += dictionary.values
	return largest, nil
}

// pageHeader reads the header at pos of a column that ends at end, and returns how
// long it is.
func (r *ParquetReader) pageHeader(pos, end int64) (h *format.PageHeader, size int64, err error) {
	for n := int64(usualHeader); ; n *= 8 {
		r.header = append(r.header[:0], make([]byte, min(n, end-pos))...)
		if _, err := r.source.ReadAt(r.header, pos); err != nil && !errors.Is(err, io.EOF) {
			return nil, 0, errDamaged(err)
		}
		w := &walker{rest: r.header}
		w.record(0)
		if w.err == nil {
			size = int64(len(r.header) - len(w.rest))
			h = new(format.PageHeader)
			if err := thrift.Unmarshal(new(thrift.CompactProtocol), r.header[:size], h); err != nil {
				return nil, 0, errDamaged(err)
			}
			return h, size, nil
		}
		if n >= end-pos || n >= maxPageHeader {
			return nil, 0, errDamaged(w.err)
		}
	}
}
