package mongowire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"
)

// The types of BSON values that are read or written; others are only skipped.
const (
	kindDouble = 0x01
	kindString = 0x02
	kindDoc    = 0x03
	kindArray  = 0x04
	kindBool   = 0x08
	kindInt32  = 0x10
	kindInt64  = 0x12
)

// smallestDoc is the length of an empty document: its length and its end.
const smallestDoc = 5

var errTruncated = errors.New("bson: truncated value")

// element is one element of a document. Its data is checked for length, not
// for what is inside.
type element struct {
	name string
	kind byte
	data []byte
}

// cutDoc splits data after its first document.
func cutDoc(data []byte) (doc, rest []byte, err error) {
	if len(data) < smallestDoc {
		return nil, nil, errTruncated
	}
	n := binary.LittleEndian.Uint32(data)
	if n < smallestDoc || uint64(n) > uint64(len(data)) || data[n-1] != 0 {
		return nil, nil, errors.New("bson: document with a wrong length")
	}
	return data[:n], data[n:], nil
}

// elements returns what is directly in the document.
func elements(doc []byte) ([]element, error) {
	doc, rest, err := cutDoc(doc)
	if err != nil {
		return nil, err
	}
	if len(rest) > 0 {
		return nil, errors.New("bson: bytes behind a document")
	}
	doc = doc[4 : len(doc)-1]
	found := make([]element, 0, 8)
	for len(doc) > 0 {
		var e element
		if e, doc, err = cutElement(doc, ""); err != nil {
			return nil, err
		}
		found = append(found, e)
	}
	return found, nil
}

// cutElement splits what is inside a document after its first element. If that
// has the expected name, none is allocated.
func cutElement(doc []byte, expected string) (e element, rest []byte, err error) {
	e.kind = doc[0]
	name, doc, found := bytes.Cut(doc[1:], []byte{0})
	if !found {
		return e, nil, errTruncated
	}
	if e.name = expected; string(name) != expected {
		e.name = nameOf(name)
	}
	n, err := valueLength(e.kind, doc)
	if err != nil {
		return e, nil, err
	}
	if n > len(doc) {
		return e, nil, errTruncated
	}
	e.data = doc[:n]
	return e, doc[n:], nil
}

// nameOf returns the name as a string: of those that stand in every write, the
// one that is there already.
func nameOf(name []byte) string {
	switch string(name) {
	case "_id":
		return "_id"
	case "rev":
		return "rev"
	case "k":
		return "k"
	case "body":
		return "body"
	case "insert":
		return "insert"
	case "document":
		return "document"
	case "update":
		return "update"
	case "filter":
		return "filter"
	case "updateMods":
		return "updateMods"
	case "multi":
		return "multi"
	default:
		return string(name)
	}
}

// cutName splits data after its first zero byte.
func cutName(data []byte) (name string, rest []byte, err error) {
	before, after, found := bytes.Cut(data, []byte{0})
	if !found {
		return "", nil, errTruncated
	}
	return string(before), after, nil
}

// valueLength returns how many bytes the value at the start of data says it
// takes, which may be more than there are.
func valueLength(kind byte, data []byte) (int, error) {
	prefixed := func(more int) (int, error) { // a length, then as many bytes and more
		if len(data) < 4 {
			return 0, errTruncated
		}
		n := int64(binary.LittleEndian.Uint32(data)) + int64(more)
		if n > math.MaxInt32 {
			return 0, errTruncated
		}
		return int(n), nil
	}
	switch kind {
	case 0x06, 0x0a, 0x7f, 0xff: // undefined, null, the largest and the smallest key
		return 0, nil
	case kindBool:
		return 1, nil
	case kindInt32:
		return 4, nil
	case kindDouble, kindInt64, 0x09, 0x11: // and date, timestamp
		return 8, nil
	case 0x07: // object identifier
		return 12, nil
	case 0x13: // decimal
		return 16, nil
	case kindString, 0x0d, 0x0e: // and code, symbol
		return prefixed(4)
	case kindDoc, kindArray, 0x0f: // and code with scope
		return prefixed(0)
	case 0x05: // binary
		return prefixed(5)
	case 0x0b: // regular expression: two names
		_, rest, err := cutName(data)
		if err == nil {
			_, rest, err = cutName(rest)
		}
		return len(data) - len(rest), err
	default:
		return 0, fmt.Errorf("bson: value of unknown type %#x", kind)
	}
}

func (e element) text() (string, error) {
	text, err := e.textBytes()
	return string(text), err
}

// textBytes returns the text where it lies in the message.
func (e element) textBytes() ([]byte, error) {
	if e.kind != kindString || len(e.data) < 5 || e.data[len(e.data)-1] != 0 {
		return nil, fmt.Errorf("%s is not a string", e.name)
	}
	text := e.data[4 : len(e.data)-1]
	if !utf8.Valid(text) {
		return nil, fmt.Errorf("%s is not valid UTF-8", e.name)
	}
	return text, nil
}

// integer reads any number that is a whole one.
func (e element) integer() (int64, error) {
	switch e.kind {
	case kindInt32:
		return int64(int32(binary.LittleEndian.Uint32(e.data))), nil
	case kindInt64:
		return int64(binary.LittleEndian.Uint64(e.data)), nil
	case kindDouble:
		f := math.Float64frombits(binary.LittleEndian.Uint64(e.data))
		if f == math.Trunc(f) && math.Abs(f) < 1<<53 {
			return int64(f), nil
		}
	}
	return 0, fmt.Errorf("%s is not an integer", e.name)
}

func (e element) boolean() (bool, error) {
	if e.kind != kindBool {
		return false, fmt.Errorf("%s is not a boolean", e.name)
	}
	return e.data[0] != 0, nil
}

// inside returns the elements of an embedded document or array.
func (e element) inside(kind byte) ([]element, error) {
	if e.kind != kind {
		return nil, fmt.Errorf("%s is not a document or array as expected", e.name)
	}
	return elements(e.data)
}

// key returns a string or int64.
func (e element) key() (any, error) {
	if e.kind == kindString {
		return e.text()
	}
	if e.kind == kindInt64 {
		return e.integer()
	}
	return nil, fmt.Errorf("%s is neither a string nor a 64-bit integer", e.name)
}

// builder writes a document.
type builder struct {
	bytes  []byte
	starts []int
}

func newDoc() *builder { return new(builder).start() }

func (b *builder) start() *builder {
	b.starts = append(b.starts, len(b.bytes))
	b.bytes = append(b.bytes, 0, 0, 0, 0)
	return b
}

// end ends the innermost document or array.
func (b *builder) end() *builder {
	at := b.starts[len(b.starts)-1]
	b.starts = b.starts[:len(b.starts)-1]
	b.bytes = append(b.bytes, 0)
	binary.LittleEndian.PutUint32(b.bytes[at:], uint32(len(b.bytes)-at))
	return b
}

func (b *builder) head(kind byte, name string) {
	b.bytes = append(b.bytes, kind)
	b.bytes = append(b.bytes, name...)
	b.bytes = append(b.bytes, 0)
}

func (b *builder) doc(name string) *builder {
	b.head(kindDoc, name)
	return b.start()
}

func (b *builder) array(name string) *builder {
	b.head(kindArray, name)
	return b.start()
}

func (b *builder) text(name, value string) *builder {
	b.head(kindString, name)
	b.bytes = binary.LittleEndian.AppendUint32(b.bytes, uint32(len(value)+1))
	b.bytes = append(b.bytes, value...)
	b.bytes = append(b.bytes, 0)
	return b
}

func (b *builder) int32(name string, value int32) *builder {
	b.head(kindInt32, name)
	b.bytes = binary.LittleEndian.AppendUint32(b.bytes, uint32(value))
	return b
}

func (b *builder) int64(name string, value int64) *builder {
	b.head(kindInt64, name)
	b.bytes = binary.LittleEndian.AppendUint64(b.bytes, uint64(value))
	return b
}

func (b *builder) double(name string, value float64) *builder {
	b.head(kindDouble, name)
	b.bytes = binary.LittleEndian.AppendUint64(b.bytes, math.Float64bits(value))
	return b
}

func (b *builder) boolean(name string, value bool) *builder {
	b.head(kindBool, name)
	if value {
		b.bytes = append(b.bytes, 1)
	} else {
		b.bytes = append(b.bytes, 0)
	}
	return b
}

func (b *builder) key(name string, value any) *builder {
	switch value := value.(type) {
	case string:
		return b.text(name, value)
	case int64:
		return b.int64(name, value)
	}
	return b
}

// ok ends a reply that says that all went well.
func (b *builder) ok() []byte { return b.double("ok", 1).end().bytes }
