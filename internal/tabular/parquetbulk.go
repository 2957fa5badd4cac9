package tabular

import (
	"bytes"
	"errors"
	"math"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
)

var errShortPage = errors.New("a page has fewer values than rows")

// flatValues are the values of a page of a column without lists: those that are
// there, and for each row 1 if one is. No levels: none is missing.
type flatValues[T any] struct {
	levels []byte
	values []T
}

func flatOf[T any](page parquet.Page, values []T) flatValues[T] {
	return flatValues[T]{levels: page.DefinitionLevels(), values: values}
}

// next returns what the next n rows have.
func (f *flatValues[T]) next(n int) (levels []byte, values []T, err error) {
	there := n
	if len(f.levels) > 0 {
		levels, f.levels = f.levels[:n], f.levels[n:]
		if there = bytes.Count(levels, []byte{1}); there == n {
			levels = nil
		}
	}
	if there > len(f.values) {
		return nil, nil, errDamaged(errShortPage)
	}
	values, f.values = f.values[:there], f.values[there:]
	return levels, values, nil
}

// scatter puts the values of the rows into to, which are those of the builder from at
// on.
func scatter[T any](b *columnBuilder, at int, to []T, levels []byte, values []T) {
	if levels == nil {
		copy(to, values)
		return
	}
	k := 0
	for i, level := range levels {
		if level != 1 {
			b.null(at + i)
			continue
		}
		to[i] = values[k]
		k++
	}
}

// bulkFloats reads pages of doubles.
func bulkFloats(s *columnStream) bulkReader {
	if s.page.Dictionary() != nil {
		return nil
	}
	data := s.page.Data()
	return &floatPage{flatOf(s.page, data.Double())}
}

type floatPage struct{ flatValues[float64] }

var _ bulkReader = (*floatPage)(nil)

func (p *floatPage) read(d *decoded, b *columnBuilder, at, n int) error {
	levels, values, err := p.next(n)
	if err != nil {
		return err
	}
	to := b.floats[at : at+n]
	scatter(b, at, to, levels, values)
	for i, v := range to {
		if v > math.MaxFloat64 || v < -math.MaxFloat64 {
			d.refuse(b, at+i, reasonInfinite)
		}
	}
	return nil
}

// bulkInts reads pages of whole numbers, and bulkTimes those of microseconds.
func bulkInts(s *columnStream) bulkReader  { return newIntPage(s, math.MinInt64, math.MaxInt64) }
func bulkTimes(s *columnStream) bulkReader { return newIntPage(s, minTime, maxTime) }

func newIntPage(s *columnStream, low, high int64) bulkReader {
	if s.page.Dictionary() != nil {
		return nil
	}
	data := s.page.Data()
	return &intPage{flatOf(s.page, data.Int64()), low, high}
}

type intPage struct {
	flatValues[int64]
	low, high int64 // that a value may be
}

var _ bulkReader = (*intPage)(nil)

func (p *intPage) read(d *decoded, b *columnBuilder, at, n int) error {
	levels, values, err := p.next(n)
	if err != nil {
		return err
	}
	to := b.ints[at : at+n]
	scatter(b, at, to, levels, values)
	if p.low == math.MinInt64 {
		return nil
	}
	for i, v := range to {
		if v < p.low || v > p.high {
			d.refuse(b, at+i, reasonRange)
		}
	}
	return nil
}

// bulkBools reads pages of bits.
func bulkBools(s *columnStream) bulkReader {
	if s.page.Dictionary() != nil {
		return nil
	}
	data := s.page.Data()
	return &boolPage{levels: s.page.DefinitionLevels(), bits: data.Boolean()}
}

type boolPage struct {
	levels []byte // as those of flatValues
	bits   []byte
	row, n int // rows and bits that are read
}

var _ bulkReader = (*boolPage)(nil)

func (p *boolPage) read(_ *decoded, b *columnBuilder, at, n int) error {
	const bits = 8
	for i := at; i < at+n; i++ {
		if len(p.levels) > 0 && p.levels[p.row] != 1 {
			b.null(i)
		} else {
			if p.n/bits >= len(p.bits) {
				return errDamaged(errShortPage)
			}
			b.ints[i] = int64(p.bits[p.n/bits] >> (p.n % bits) & 1)
			p.n++
		}
		p.row++
	}
	return nil
}

// bulkTexts reads pages of numbers of texts in a dictionary.
func bulkTexts(s *columnStream) bulkReader {
	dict := s.page.Dictionary()
	if dict == nil {
		return nil
	}
	if s.texts == nil {
		const number = 4
		size := dict.Size() + number*int64(dict.Len())
		if size > *s.room {
			return nil
		}
		*s.room -= size
		s.texts = &textPageIndex{dict: dict, numbers: make([]int32, dict.Len()), same: make(map[string]int32)}
	}
	data := s.page.Data()
	return &textPage{flatOf(s.page, data.Int32()), s.texts}
}

type textPage struct {
	flatValues[int32]
	texts *textPageIndex
}

var _ bulkReader = (*textPage)(nil)

func (p *textPage) read(d *decoded, b *columnBuilder, at, n int) error {
	levels, values, err := p.next(n)
	if err != nil {
		return err
	}
	to := b.codes[at : at+n]
	scatter(b, at, to, levels, values)
	for i, k := range to {
		if levels != nil && levels[i] != 1 {
			continue
		}
		if k < 0 || int(k) >= len(p.texts.numbers) {
			return errDamaged(errors.New("a page refers to a text that its dictionary does not have"))
		}
		if to[i] = p.texts.code(b, k); to[i] < 0 {
			d.refuse(b, at+i, reasonUTF8)
		}
	}
	return nil
}

// textRoom bounds the dictionaries of a row group whose texts are kept; columns
// beyond are read value by value.
const textRoom = 16 << 20

// textPageIndex knows the codes that the texts of a row group's dictionary have in
// a chunk. Texts are made once for the row group, and chunks share them.
type textPageIndex struct {
	dict    parquet.Dictionary
	numbers []int32 // of each entry: that of its text, plus 1; 0: not yet known; -1: it is no text
	texts   []string
	same    map[string]int32 // the number of a text, since foreign dictionaries may repeat one
	codes   []int32          // of each text: its code in the chunk, plus 1
	used    []int32          // texts with a code
}

// begin forgets the codes of the chunk before, which had about as many texts.
func (x *textPageIndex) begin(b *columnBuilder) {
	b.dict = make([]string, 0, len(x.used))
	for _, t := range x.used {
		x.codes[t] = 0
	}
	x.used = x.used[:0]
}

// code returns that of entry k, or -1 if it is no text.
func (x *textPageIndex) code(b *columnBuilder, k int32) int32 {
	t := x.numbers[k]
	if t == 0 {
		t = x.find(k)
	}
	if t < 0 {
		return -1
	}
	t--
	c := x.codes[t]
	if c == 0 {
		c = b.entry(x.texts[t]) + 1
		x.codes[t] = c
		x.used = append(x.used, t)
	}
	return c - 1
}

// find returns what numbers has of entry k from now on.
func (x *textPageIndex) find(k int32) int32 {
	raw := x.dict.Index(k)
	text := raw.ByteArray()
	if !utf8.Valid(text) {
		x.numbers[k] = -1
		return -1
	}
	t, ok := x.same[string(text)]
	if !ok {
		t = int32(len(x.texts))
		s := string(text)
		x.same[s] = t
		x.texts = append(x.texts, s)
		x.codes = append(x.codes, 0)
	}
	x.numbers[k] = t + 1
	return t + 1
}
