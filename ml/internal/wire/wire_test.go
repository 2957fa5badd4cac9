package wire_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

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

// TestStream reads the same from a stream as from a slice, however the stream is
// cut into pieces.
func TestStream(t *testing.T) {
	t.Parallel()
	long := make([]float64, 100_000)
	words := make([]string, 30_000)
	for i := range long {
		long[i] = float64(i)
	}
	for i := range words {
		words[i] = strings.Repeat("w", i%9)
	}
	b := wire.AppendMagic(nil, "TEST", 3)
	b = wire.AppendString(b, strings.Repeat("long", 70_000))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(long)))
	b = wire.AppendFloats(b, long...)
	b = wire.AppendStrings(b, words)
	size := uint64(len(b))
	b = append(b, "what follows"...)
	for name, cut := range map[string]func(io.Reader) io.Reader{
		"whole": func(r io.Reader) io.Reader { return r }, "halves": iotest.HalfReader, "with the end": iotest.DataErrReader,
	} {
		src := bytes.NewReader(b)
		r := wire.NewStream(cut(src), size)
		r.Magic("TEST", 3)
		if s := r.String(); len(s) != 280_000 {
			t.Errorf("%s: a string of %d bytes", name, len(s))
		}
		if v := r.Floats(r.Count(8)); !slices.Equal(v, long) {
			t.Errorf("%s: other numbers", name)
		}
		if v := r.Strings(); !slices.Equal(v, words) {
			t.Errorf("%s: other strings", name)
		}
		if err := r.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if name == "whole" && src.Len() != len("what follows") {
			t.Errorf("%d bytes are left of what follows", src.Len())
		}
	}
}

func TestStreamMistakes(t *testing.T) {
	t.Parallel()
	broken := errors.New("the line is dead")
	many := binary.LittleEndian.AppendUint32(nil, 1<<30)
	for name, test := range map[string]struct {
		stream io.Reader
		n      uint64
		read   func(r *wire.Reader)
		want   error
		text   string
	}{
		"ends early":       {strings.NewReader("abc"), 8, func(r *wire.Reader) { r.Uint64() }, wire.ErrShort, ""},
		"announces less":   {strings.NewReader("abcdefgh"), 3, func(r *wire.Reader) { r.Uint64() }, wire.ErrShort, ""},
		"breaks":           {iotest.ErrReader(broken), 8, func(r *wire.Reader) { r.Uint64() }, broken, ""},
		"many items":       {bytes.NewReader(append(bytes.Clone(many), make([]byte, 96)...)), 100, func(r *wire.Reader) { r.Count(1) }, nil, "96 bytes are left"},
		"announced items":  {bytes.NewReader(many), 1 << 40, func(r *wire.Reader) { r.Count(8) }, wire.ErrShort, ""},
		"announced string": {bytes.NewReader(many), 1 << 40, func(r *wire.Reader) { _ = r.String() }, wire.ErrShort, ""},
		"left over":        {strings.NewReader("abc"), 3, func(r *wire.Reader) { r.Uint8() }, nil, "2 bytes are left over"},
		"nothing read":     {strings.NewReader("abc"), 3, func(*wire.Reader) {}, nil, "3 bytes are left over"},
		"nothing":          {nil, 0, func(r *wire.Reader) { r.Uint8() }, wire.ErrShort, ""},
	} {
		r := wire.NewStream(test.stream, test.n)
		test.read(r)
		err := r.Close()
		if err == nil || test.want != nil && !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%s: error %v, want %v %q", name, err, test.want, test.text)
		}
		if r.Uint8() != 0 || len(r.Strings()) != 0 || !errors.Is(r.Err(), err) {
			t.Errorf("%s: a reader goes on after a mistake", name)
		}
	}
}

// TestStreamAllocates no more than what arrives warrants.
func TestStreamAllocates(t *testing.T) {
	many := binary.LittleEndian.AppendUint32(nil, 1<<30)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	wire.NewStream(bytes.NewReader(many), 1<<40).Floats(1 << 30)
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
		t.Errorf("4 bytes that announce 8 GB allocate %d", grown)
	}
}
