package wire_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/ml/internal/wire"
)

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	b := wire.AppendMagic(nil, "TEST", 3)
	b = append(b, 7)
	b = wire.AppendBool(wire.AppendBool(b, true), false)
	b = binary.LittleEndian.AppendUint64(b, math.MaxUint64)
	b = wire.AppendFloats(b, 1.5, math.Copysign(0, -1), math.MaxFloat64)
	b = wire.AppendString(b, "one")
	b = wire.AppendStrings(b, []string{"", "two"})
	for _, v := range []uint64{0, 127, 128, math.MaxUint64} {
		b = binary.AppendUvarint(b, v)
	}
	r := wire.NewReader(b)
	r.Magic("TEST", 3)
	if v := r.Uint8(); v != 7 {
		t.Errorf("the byte is %d", v)
	}
	if !r.Bool() || r.Bool() {
		t.Error("the truth values are not true and false")
	}
	if v := r.Uint64(); v != math.MaxUint64 {
		t.Errorf("the number is %d", v)
	}
	if v := r.Floats(3); !slices.Equal(v, []float64{1.5, math.Copysign(0, -1), math.MaxFloat64}) {
		t.Errorf("the numbers are %v", v)
	}
	if v := r.String(); v != "one" {
		t.Errorf("the string is %q", v)
	}
	if v := r.Strings(); !slices.Equal(v, []string{"", "two"}) {
		t.Errorf("the strings are %q", v)
	}
	for _, want := range []uint64{0, 127, 128, math.MaxUint64} {
		if v := r.Uvarint(math.MaxUint64); v != want {
			t.Errorf("the number is %d, want %d", v, want)
		}
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	many := binary.LittleEndian.AppendUint32(nil, math.MaxUint32)
	tests := map[string]struct {
		data []byte
		read func(r *wire.Reader)
		want string
	}{
		"nothing":        {nil, func(r *wire.Reader) { r.Uint8() }, "too early"},
		"short u16":      {[]byte{1}, func(r *wire.Reader) { r.Uint16() }, "too early"},
		"short u32":      {[]byte{1, 2, 3}, func(r *wire.Reader) { r.Uint32() }, "too early"},
		"short u64":      {[]byte{1, 2, 3}, func(r *wire.Reader) { r.Uint64() }, "too early"},
		"other letters":  {[]byte("ABCD\x01\x00"), func(r *wire.Reader) { r.Magic("TEST", 1) }, `starts with "ABCD"`},
		"other version":  {[]byte("TEST\x02\x00"), func(r *wire.Reader) { r.Magic("TEST", 1) }, "version 2"},
		"short letters":  {[]byte("TE"), func(r *wire.Reader) { r.Magic("TEST", 1) }, "too early"},
		"half true":      {[]byte{2}, func(r *wire.Reader) { r.Bool() }, "truth value is 2"},
		"NaN":            {wire.AppendFloats(nil, math.NaN()), func(r *wire.Reader) { r.Float() }, "NaN"},
		"infinite":       {wire.AppendFloats(nil, math.Inf(1)), func(r *wire.Reader) { r.Floats(1) }, "Inf"},
		"many floats":    {make([]byte, 15), func(r *wire.Reader) { r.Floats(2) }, "too early"},
		"negative count": {make([]byte, 15), func(r *wire.Reader) { r.Floats(-1) }, "too early"},
		"many items":     {many, func(r *wire.Reader) { r.Count(1) }, "4294967295 items"},
		"long string":    {many, func(r *wire.Reader) { _ = r.String() }, "4294967295 items"},
		"many strings":   {many, func(r *wire.Reader) { r.Strings() }, "4294967295 items"},
		"no varint":      {nil, func(r *wire.Reader) { r.Uvarint(1) }, "too early"},
		"half a varint":  {[]byte{0x80}, func(r *wire.Reader) { r.Uvarint(1) }, "too early"},
		"long varint":    {[]byte{0x81, 0}, func(r *wire.Reader) { r.Uvarint(9) }, "more bytes than it needs"},
		"huge varint":    {bytes.Repeat([]byte{0xFF}, 11), func(r *wire.Reader) { r.Uvarint(9) }, "more bytes than it needs"},
		"large varint":   {[]byte{5}, func(r *wire.Reader) { r.Uvarint(4) }, "5 is more than 4"},
		"left over":      {[]byte{1}, func(*wire.Reader) {}, "1 bytes are left over"},
		"the caller's":   {nil, func(r *wire.Reader) { r.Fail("first %d", 1); r.Fail("second") }, "first 1"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := wire.NewReader(test.data)
			test.read(r)
			err := r.Close()
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("the error is %v, want %q", err, test.want)
			}
			// After a mistake everything is zero.
			if r.Uint8() != 0 || r.Bool() || r.Uint16() != 0 || r.Uint32() != 0 || r.Uint64() != 0 || r.Float() != 0 ||
				r.Count(1) != 0 || r.Uvarint(9) != 0 || r.String() != "" || len(r.Strings()) != 0 || !errors.Is(r.Err(), err) {
				t.Error("a reader goes on after a mistake")
			}
		})
	}
}

func TestSeal(t *testing.T) {
	t.Parallel()
	sealed := wire.Seal([]byte("content"))
	if b, ok := wire.Open(sealed); !ok || string(b) != "content" {
		t.Errorf("what was sealed opens as %q, %v", b, ok)
	}
	for n := range sealed {
		if _, ok := wire.Open(sealed[:n]); ok {
			t.Errorf("the first %d of %d bytes open", n, len(sealed))
		}
		bad := bytes.Clone(sealed)
		bad[n] ^= 4
		if _, ok := wire.Open(bad); ok {
			t.Errorf("with byte %d changed it opens", n)
		}
	}
}
