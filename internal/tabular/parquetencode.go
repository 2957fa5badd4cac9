package tabular

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/klauspost/compress/s2"
	"github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/format"

	"github.com/narrativeml/narrative/ml/frame"
)

// doubleEncoder writes floats as they are in memory.
type doubleEncoder struct {
	column    []float64
	page      []byte
	low, high float64
}

var _ pageEncoder = (*doubleEncoder)(nil)

func (e *doubleEncoder) take(c frame.Column) { e.column = c.Floats() }

func (e *doubleEncoder) add(from, to int) (rows int, full bool) {
	const size = 8
	values := e.column[from:to]
	page := slices.Grow(e.page, size*len(values))
	low, high := e.low, e.high
	for _, v := range values {
		if math.IsNaN(v) { // missing
			continue
		}
		page = binary.LittleEndian.AppendUint64(page, math.Float64bits(v))
		if v < low {
			low = v
		}
		if v > high {
			high = v
		}
	}
	e.page, e.low, e.high = page, low, high
	return to - from, false
}

func (e *doubleEncoder) encode(spare []byte) (page, error) {
	p := page{body: e.page, raw: len(e.page), encoding: format.Plain}
	if spare == nil {
		spare = make([]byte, 0, cap(e.page))
	}
	e.page = spare[:0]
	return p, nil
}

func (e *doubleEncoder) dictionary([]byte) (page, int) { return page{}, 0 }

// bounds: a zero that is the smallest may be a negative one, and the other way
// round, as the format wants it.
func (e *doubleEncoder) bounds() (low, high []byte) {
	if e.low > e.high {
		return nil, nil
	}
	if e.low == 0 {
		e.low = math.Copysign(0, -1)
	}
	if e.high == 0 {
		e.high = 0
	}
	return binary.LittleEndian.AppendUint64(nil, math.Float64bits(e.low)), binary.LittleEndian.AppendUint64(nil, math.Float64bits(e.high))
}

func (e *doubleEncoder) reset() { e.low, e.high = math.Inf(1), math.Inf(-1) }

func (e *doubleEncoder) held() int { return 0 }

// intEncoder writes whole numbers and instants as differences.
type intEncoder struct {
	column    frame.Column
	missing   bool
	page      []int64
	low, high int64
}

var _ pageEncoder = (*intEncoder)(nil)

func (e *intEncoder) take(c frame.Column) { e.column, e.missing = c, c.Nulls() > 0 }

func (e *intEncoder) add(from, to int) (rows int, full bool) {
	before := len(e.page)
	values := e.column.Ints()
	if !e.missing {
		e.page = append(e.page, values[from:to]...)
	} else {
		for i := from; i < to; i++ {
			if !e.column.Null(i) {
				e.page = append(e.page, values[i])
			}
		}
	}
	for _, v := range e.page[before:] {
		e.low, e.high = min(e.low, v), max(e.high, v)
	}
	return to - from, false
}

func (e *intEncoder) encode(spare []byte) (page, error) {
	body, err := new(delta.BinaryPackedEncoding).EncodeInt64(spare, e.page)
	e.page = e.page[:0]
	return page{body: body, raw: len(body), encoding: format.DeltaBinaryPacked}, err
}

func (e *intEncoder) dictionary([]byte) (page, int) { return page{}, 0 }

func (e *intEncoder) bounds() (low, high []byte) {
	if e.low > e.high {
		return nil, nil
	}
	return binary.LittleEndian.AppendUint64(nil, uint64(e.low)), binary.LittleEndian.AppendUint64(nil, uint64(e.high))
}

func (e *intEncoder) reset() { e.low, e.high = math.MaxInt64, math.MinInt64 }

func (e *intEncoder) held() int { return 0 }

// boolEncoder writes truth values as bits.
type boolEncoder struct {
	column  frame.Column
	missing bool
	page    []byte
	n       int     // bits of the page
	seen    [2]bool // in the chunk: false, true
}

var _ pageEncoder = (*boolEncoder)(nil)

func (e *boolEncoder) take(c frame.Column) { e.column, e.missing = c, c.Nulls() > 0 }

func (e *boolEncoder) add(from, to int) (rows int, full bool) {
	values := e.column.Ints()
	for i := from; i < to; i++ {
		if e.missing && e.column.Null(i) {
			continue
		}
		const bits = 8
		if e.n%bits == 0 {
			e.page = append(e.page, 0)
		}
		if values[i] != 0 {
			e.page[e.n/bits] |= 1 << (e.n % bits)
			e.seen[1] = true
		} else {
			e.seen[0] = true
		}
		e.n++
	}
	return to - from, false
}

func (e *boolEncoder) encode(spare []byte) (page, error) {
	p := page{body: s2.EncodeSnappy(spare, e.page), raw: len(e.page), encoding: format.Plain}
	e.page, e.n = e.page[:0], 0
	return p, nil
}

func (e *boolEncoder) dictionary([]byte) (page, int) { return page{}, 0 }

func (e *boolEncoder) bounds() (low, high []byte) {
	switch {
	case e.seen[0] && e.seen[1]:
		return []byte{0}, []byte{1}
	case e.seen[0]:
		return []byte{0}, []byte{0}
	case e.seen[1]:
		return []byte{1}, []byte{1}
	default:
		return nil, nil
	}
}

func (e *boolEncoder) reset() { e.seen = [2]bool{} }

func (e *boolEncoder) held() int { return 0 }
