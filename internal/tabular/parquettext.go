package tabular

import (
	"encoding/binary"
	"hash/maphash"
	"slices"

	"github.com/klauspost/compress/s2"
	"github.com/parquet-go/parquet-go/encoding/rle"
	"github.com/parquet-go/parquet-go/format"

	"github.com/narrativeml/narrative/ml/frame"
)

const (
	// dictionaryBytes is how large the dictionary of a chunk gets before the rest of
	// the texts is written as they are.
	dictionaryBytes = 4 << 20
	// A dictionary does not pay when more than so many of ten values of the first
	// page are different, and more than so many of ten of their bytes.
	dictionaryTenths = 9
)

// textEncoder writes texts as numbers in the dictionary of the chunk, as long as
// that pays, and then as they are.
type textEncoder struct {
	column frame.Column
	dict   []string
	known  []int32 // of dict: the number in the texts, -1 not yet known

	texts *textIndex
	codes []int32 // of the page
	plain bool    // the chunk's pages have texts from here on
	full  bool    // the page ends, since the dictionary is full
	first bool    // no page with values has been written
	page  []byte  // texts of the page
	codec []byte
}

var _ pageEncoder = (*textEncoder)(nil)

func newTextEncoder() *textEncoder { return &textEncoder{texts: newTextIndex()} }

func (e *textEncoder) take(c frame.Column) {
	e.column, e.dict = c, c.Dict()
	e.forget()
}

// forget makes all texts of the column unknown. Texts that are more than the rows
// are looked up each time.
func (e *textEncoder) forget() {
	e.known = e.known[:0]
	if len(e.dict) > e.column.Len() {
		return
	}
	e.known = slices.Grow(e.known, len(e.dict))[:len(e.dict)]
	for k := range e.known {
		e.known[k] = -1
	}
}

func (e *textEncoder) add(from, to int) (rows int, full bool) {
	codes := e.column.Codes()
	for i := from; i < to; i++ {
		k := codes[i]
		if k < 0 {
			continue
		}
		if !e.plain {
			if n, ok := e.number(k); ok {
				e.codes = append(e.codes, n)
				continue
			}
			if len(e.codes) > 0 {
				e.full = true
				return i - from, true
			}
			e.plain = true
		}
		if e.page = appendText(e.page, e.dict[k]); len(e.page) >= pageBytes {
			return i + 1 - from, true
		}
	}
	return to - from, false
}

// number returns that of entry k of the column's dictionary.
func (e *textEncoder) number(k int32) (int32, bool) {
	if len(e.known) == 0 {
		return e.texts.number(e.dict[k])
	}
	n := e.known[k]
	if n >= 0 {
		return n, true
	}
	n, ok := e.texts.number(e.dict[k])
	if ok {
		e.known[k] = n
	}
	return n, ok
}

func (e *textEncoder) encode(spare []byte) (page, error) {
	if e.first && !e.plain && !e.pays() {
		e.plain = true
		for _, k := range e.codes {
			e.page = append(e.page, e.texts.entry(k)...)
		}
		e.texts.reset()
		e.codes = e.codes[:0]
	}
	p := page{encoding: format.Plain}
	raw := e.page
	if !e.plain && e.texts.len() > 0 {
		var err error
		if e.codec, err = new(rle.DictionaryEncoding).EncodeInt32(e.codec, e.codes); err != nil {
			return p, err
		}
		p.encoding, raw = format.RLEDictionary, e.codec
	}
	p.body, p.raw = s2.EncodeSnappy(spare, raw), len(raw)
	e.plain = e.plain || e.full
	e.full, e.first = false, e.first && len(e.codes) == 0
	e.page, e.codes = e.page[:0], e.codes[:0]
	return p, nil
}

// pays reports whether the dictionary of the first page is shorter than its texts:
// whether enough of them, or long ones, come back.
func (e *textEncoder) pays() bool {
	const ten = 10
	if ten*e.texts.len() <= dictionaryTenths*len(e.codes) {
		return true
	}
	bytes := 0
	for _, k := range e.codes {
		bytes += len(e.texts.entry(k))
	}
	return ten*len(e.texts.data) <= dictionaryTenths*bytes
}

func (e *textEncoder) dictionary(spare []byte) (page, int) {
	if e.texts.len() == 0 {
		return page{}, 0
	}
	return page{body: s2.EncodeSnappy(spare, e.texts.data), raw: len(e.texts.data), encoding: format.Plain}, e.texts.len()
}

// bounds are not given: the smallest and the largest text of every chunk may be
// as long as the table.
func (e *textEncoder) bounds() (low, high []byte) { return nil, nil }

func (e *textEncoder) reset() {
	e.texts.reset()
	e.plain, e.first = false, true
	e.forget()
}

func (e *textEncoder) held() int { return len(e.texts.data) }

// appendText appends the text as a plain value: its length before it.
func appendText(b []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(s))), s...)
}

// textIndex numbers texts in the order in which they come. It keeps them as plain
// values one behind the other, which is how a dictionary page has them.
type textIndex struct {
	seed  maphash.Seed
	slots []int32 // number+1 of a text by its hash, with open addressing; 0 is free
	sums  []uint32
	ends  []int // of the values in data
	data  []byte
}

const textIndexSlots = 64

func newTextIndex() *textIndex {
	return &textIndex{seed: maphash.MakeSeed(), slots: make([]int32, textIndexSlots)}
}

func (x *textIndex) len() int { return len(x.ends) }

// entry returns the value of that number.
func (x *textIndex) entry(k int32) []byte {
	start := 0
	if k > 0 {
		start = x.ends[k-1]
	}
	return x.data[start:x.ends[k]]
}

// number returns that of the text. It reports false when the text is new and
// there is no room for it.
func (x *textIndex) number(s string) (int32, bool) {
	const size = 4 // bytes of the length
	sum := uint32(maphash.String(x.seed, s))
	mask := uint32(len(x.slots) - 1)
	at := sum & mask
	for ; x.slots[at] > 0; at = (at + 1) & mask {
		if k := x.slots[at] - 1; x.sums[k] == sum && string(x.entry(k)[size:]) == s {
			return k, true
		}
	}
	if len(x.data)+size+len(s) > dictionaryBytes {
		return 0, false
	}
	x.data = appendText(x.data, s)
	x.ends = append(x.ends, len(x.data))
	x.sums = append(x.sums, sum)
	x.slots[at] = int32(len(x.ends))
	if 2*len(x.ends) > len(x.slots) {
		x.grow()
	}
	return int32(len(x.ends) - 1), true
}

func (x *textIndex) grow() {
	x.slots = make([]int32, 2*len(x.slots))
	mask := uint32(len(x.slots) - 1)
	for k, sum := range x.sums {
		at := sum & mask
		for x.slots[at] > 0 {
			at = (at + 1) & mask
		}
		x.slots[at] = int32(k + 1)
	}
}

func (x *textIndex) reset() {
	clear(x.slots)
	x.sums, x.ends, x.data = x.sums[:0], x.ends[:0], x.data[:0]
}
