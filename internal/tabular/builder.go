package tabular

import (
	"math"

	"github.com/narrativeml/narrative/ml/frame"
)

// columnBuilder collects values of one type.
type columnBuilder struct {
	typ    Type
	floats []float64
	ints   []int64
	nulls  frame.Bitmap
	codes  []int32
	dict   []string
	index  map[string]int32

	readFloat func(b []byte) (float64, bool)
	readInt   func(b []byte) (int64, bool)
}

// read makes parse read texts as the field's.
func (b *columnBuilder) read(f Field) {
	if f.Type == Float {
		b.readFloat = floatReader(f)
	} else {
		b.readInt = intReader(f)
	}
}

func newColumnBuilder(t Type, n int) *columnBuilder {
	b := &columnBuilder{typ: t}
	b.read(Field{Type: t})
	switch t {
	case Float:
		b.floats = make([]float64, n)
	case String:
		b.codes = make([]int32, n)
		b.index = make(map[string]int32)
	default:
		b.ints = make([]int64, n)
	}
	return b
}

func (b *columnBuilder) null(i int) {
	switch b.typ {
	case Float:
		b.floats[i] = math.NaN()
	case String:
		b.codes[i] = -1
	default:
		b.nulls.Set(i)
	}
}

// entry returns the code of a text that is not yet known, or that text has put.
func (b *columnBuilder) entry(s string) int32 {
	if len(b.index) > 0 {
		if k, ok := b.index[s]; ok {
			return k
		}
		b.index[s] = int32(len(b.dict))
	}
	b.dict = append(b.dict, s)
	return int32(len(b.dict) - 1)
}

// text puts a string that shares no memory with s.
func (b *columnBuilder) text(i int, s []byte) {
	if len(b.index) < len(b.dict) {
		for k, v := range b.dict {
			b.index[v] = int32(k)
		}
	}
	k, ok := b.index[string(s)]
	if !ok {
		k = int32(len(b.dict))
		v := string(s)
		b.index[v] = k
		b.dict = append(b.dict, v)
	}
	b.codes[i] = k
}

func (b *columnBuilder) column(name string) frame.Column {
	switch b.typ {
	case Float:
		return frame.NewFloat(name, b.floats)
	case String:
		return frame.NewString(name, b.codes, b.dict)
	default:
		return frame.NewInt(name, b.typ.Type(), b.ints, b.nulls)
	}
}
