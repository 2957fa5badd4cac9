package codec

import (
	"encoding/binary"
	"math"
)

// AppendUint appends v as a varint of 1 to 10 bytes.
func AppendUint(b []byte, v uint64) []byte { return binary.AppendUvarint(b, v) }

// AppendBool appends 0 or 1 as one byte.
func AppendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// AppendFloat appends v as eight bytes, little endian.
func AppendFloat(b []byte, v float64) []byte {
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
}

// AppendFloats appends the length and the values.
func AppendFloats(b []byte, v []float64) []byte {
	b = AppendUint(b, uint64(len(v)))
	for _, f := range v {
		b = AppendFloat(b, f)
	}
	return b
}

// AppendString appends the length in bytes and the bytes.
func AppendString(b []byte, s string) []byte {
	return append(AppendUint(b, uint64(len(s))), s...)
}

// AppendStrings appends the length and the strings.
func AppendStrings(b []byte, v []string) []byte {
	b = AppendUint(b, uint64(len(v)))
	for _, s := range v {
		b = AppendString(b, s)
	}
	return b
}

// AppendBytes appends the length and the bytes.
func AppendBytes(b, v []byte) []byte {
	return append(AppendUint(b, uint64(len(v))), v...)
}
