package tabular

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/narrativeml/narrative/internal/fault"
)

const (
	maxFooter  = 128 << 20 // bytes of metadata that are read into memory
	maxRecords = 4 << 20   // records in the metadata: columns of row groups, above all
	maxDepth   = 32        // of records in the metadata
)

// checkFooter looks at the metadata at the end of the file. The library
// believes the sizes that it states, and makes room for them before it finds
// out that they are wrong; a file of a few bytes could claim all memory.
func checkFooter(src io.ReaderAt, size int64) error {
	const magic = "PAR1"
	const least = int64(len(magic) + 4 + len(magic))
	if size < least {
		return errDamaged(fmt.Errorf("%d bytes are no Parquet file", size))
	}
	var end [8]byte
	if _, err := src.ReadAt(end[:], size-int64(len(end))); err != nil && !errors.Is(err, io.EOF) {
		return errDamaged(err)
	}
	if string(end[4:]) == "PARE" {
		return fault.Invalid("parquet_encrypted", "the Parquet file is encrypted; write it without encryption")
	}
	length := int64(binary.LittleEndian.Uint32(end[:4]))
	if string(end[4:]) != magic || length > size-least {
		return errDamaged(fmt.Errorf("the file ends in %q", end))
	}
	if length > maxFooter {
		return fault.Invalid("parquet_metadata_too_large", "the Parquet file has %d bytes of metadata; at most %d are allowed, so write larger row groups", length, maxFooter)
	}
	footer := make([]byte, length)
	if _, err := src.ReadAt(footer, size-least+int64(len(magic))-length); err != nil && !errors.Is(err, io.EOF) {
		return errDamaged(err)
	}
	w := &walker{rest: footer}
	w.record(0)
	if w.err != nil {
		return errDamaged(w.err)
	}
	return nil
}

// walker steps over a message in Thrift's compact protocol and checks that it
// holds as much as it says.
type walker struct {
	rest    []byte
	records int
	err     error
}

// Types of values in the compact protocol.
const (
	typeTrue = iota + 1
	typeFalse
	typeByte
	typeI16
	typeI32
	typeI64
	typeDouble
	typeBinary
	typeList
	typeSet
	typeMap
	typeRecord
	typeUUID
)

func (w *walker) fail(what string) {
	if w.err == nil {
		w.err = errors.New("metadata: " + what)
	}
	w.rest = nil
}

func (w *walker) byte() byte {
	if len(w.rest) == 0 {
		w.fail("it ends early")
		return 0
	}
	b := w.rest[0]
	w.rest = w.rest[1:]
	return b
}

func (w *walker) varint() uint64 {
	v, n := binary.Uvarint(w.rest)
	if n <= 0 {
		w.fail("a number is broken")
		return 0
	}
	w.rest = w.rest[n:]
	return v
}

func (w *walker) skip(n uint64) {
	if n > uint64(len(w.rest)) {
		w.fail("a text is longer than the rest")
		return
	}
	w.rest = w.rest[n:]
}

// record steps over the fields of a record.
func (w *walker) record(depth int) {
	if w.records++; depth > maxDepth || w.records > maxRecords {
		w.fail("too many records")
		return
	}
	for w.err == nil {
		head := w.byte()
		if head == 0 {
			return
		}
		if head>>4 == 0 {
			w.varint() // the field's number
		}
		if kind := head & 15; kind != typeTrue && kind != typeFalse {
			w.value(kind, depth)
		}
	}
}

// value steps over one value; booleans are bytes here.
func (w *walker) value(kind byte, depth int) {
	switch kind {
	case typeTrue, typeFalse, typeByte:
		w.byte()
	case typeI16, typeI32, typeI64:
		w.varint()
	case typeDouble:
		w.skip(8)
	case typeBinary:
		w.skip(w.varint())
	case typeList, typeSet:
		head := w.byte()
		n := uint64(head >> 4)
		if n == 15 {
			n = w.varint()
		}
		w.values(n, head&15, depth)
	case typeMap:
		if n := w.varint(); n > 0 {
			kinds := w.byte()
			if n > uint64(len(w.rest)) {
				w.fail("a map is longer than the rest")
			}
			for i := uint64(0); i < n && w.err == nil; i++ {
				w.value(kinds>>4, depth+1)
				w.value(kinds&15, depth+1)
			}
		}
	case typeRecord:
		w.record(depth + 1)
	case typeUUID:
		w.skip(16)
	default:
		w.fail("a value of an unknown type")
	}
}

func (w *walker) values(n uint64, kind byte, depth int) {
	if n > uint64(len(w.rest)) {
		w.fail("a list is longer than the rest")
		return
	}
	if depth > maxDepth {
		w.fail("too many lists")
		return
	}
	for i := uint64(0); i < n && w.err == nil; i++ {
		w.value(kind, depth+1)
	}
}
