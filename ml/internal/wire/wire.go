package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
)

// ErrShort says that the input ends before what it announces.
var ErrShort = errors.New("the data ends too early")

// Reader takes values from the front of a slice or a stream. After the first
// mistake every call returns zero, and Err tells the mistake.
type Reader struct {
	rest []byte
	err  error

	stream io.Reader // what comes after rest; nil: nothing
	left   uint64    // bytes of the stream that are announced
	buffer []byte    // that rest is a part of
}

// NewReader returns a reader of b.
func NewReader(b []byte) *Reader { return &Reader{rest: b} }

// NewStream returns a reader of the next n bytes of a stream. It holds little
// more of them than the longest list takes, and makes room for what has arrived,
// not for what was announced. An error of the stream is a mistake.
func NewStream(stream io.Reader, n uint64) *Reader {
	r := &Reader{stream: stream, left: n}
	if n == 0 {
		r.stream = nil
	}
	return r
}

// window is how much of a stream is read at a time.
const window = 64 << 10

// need reads on until n bytes are there, if the stream has as many.
func (r *Reader) need(n int) {
	for r.err == nil && r.stream != nil && len(r.rest) < n {
		// What is there at least doubles, so that little is copied often.
		more := int(min(r.left, uint64(max(window, len(r.rest)))))
		have := len(r.rest)
		if have+more > len(r.buffer) {
			r.buffer = make([]byte, have+more)
		}
		copy(r.buffer, r.rest)
		r.rest = r.buffer[:have+more]
		if _, err := io.ReadFull(r.stream, r.rest[have:]); err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				err = ErrShort
			}
			r.Fail("%w", err)
			return
		}
		if r.left -= uint64(more); r.left == 0 {
			r.stream = nil
		}
	}
}

// Err returns the first mistake, or nil.
func (r *Reader) Err() error { return r.err }

// Fail records a mistake found by the caller, unless there was one before.
func (r *Reader) Fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
		r.rest, r.stream = nil, nil
	}
}

// Close returns the first mistake; bytes left over are one.
func (r *Reader) Close() error {
	left := uint64(len(r.rest))
	if r.stream != nil {
		left += r.left
	}
	if left > 0 {
		r.Fail("%d bytes are left over", left)
	}
	return r.err
}

// take returns the next n bytes, for use before the next call.
func (r *Reader) take(n int) []byte {
	if len(r.rest) < n {
		r.need(n)
	}
	if r.err != nil || len(r.rest) < n {
		r.Fail("%w", ErrShort)
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

// Magic consumes the letters of a format and its version, and fails unless they
// are the ones given.
func (r *Reader) Magic(letters string, version uint16) { r.Versions(letters, version, version) }

// Versions consumes the letters of a format and its version, and fails unless
// that is from oldest to newest. It returns the version.
func (r *Reader) Versions(letters string, oldest, newest uint16) uint16 {
	if b := r.take(len(letters)); r.err == nil && string(b) != letters {
		r.Fail("the data starts with %q, not %q", b, letters)
	}
	v := r.Uint16()
	switch {
	case r.err != nil || v >= oldest && v <= newest:
	case oldest == newest:
		r.Fail("version %d of the format is not supported, only %d", v, newest)
	default:
		r.Fail("version %d of the format is not supported, only %d to %d", v, oldest, newest)
	}
	return v
}

// Uint8 returns the next byte.
func (r *Reader) Uint8() uint8 {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

// Bool returns the next byte, which must be 0 or 1.
func (r *Reader) Bool() bool {
	v := r.Uint8()
	if v > 1 {
		r.Fail("a truth value is %d", v)
	}
	return v == 1
}

// Uint16 returns the next two bytes.
func (r *Reader) Uint16() uint16 {
	if b := r.take(2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

// Uint32 returns the next four bytes.
func (r *Reader) Uint32() uint32 {
	if b := r.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

// Uint64 returns the next eight bytes.
func (r *Reader) Uint64() uint64 {
	if b := r.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// Uvarint returns the next number written by binary.AppendUvarint, which must be
// at most limit and in as few bytes as it can be.
func (r *Reader) Uvarint(limit uint64) uint64 {
	r.need(binary.MaxVarintLen64)
	v, n := binary.Uvarint(r.rest)
	switch {
	case r.err != nil:
		return 0
	case n == 0:
		r.take(len(r.rest) + 1)
		return 0
	case n < 0 || n > 1 && r.rest[n-1] == 0:
		r.Fail("a number takes more bytes than it needs")
		return 0
	case v > limit:
		r.Fail("%d is more than %d", v, limit)
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// Float returns the next eight bytes as a number, which must be finite.
func (r *Reader) Float() float64 {
	v := math.Float64frombits(r.Uint64())
	if math.IsNaN(v) || math.IsInf(v, 0) {
		r.Fail("a number is %v", v)
		return 0
	}
	return v
}

// Floats returns the next n numbers, which must be finite.
func (r *Reader) Floats(n int) []float64 {
	if n >= 0 && n <= math.MaxInt/8 {
		r.need(8 * n)
	}
	if n < 0 || n > len(r.rest)/8 {
		r.Fail("%w", ErrShort)
		return nil
	}
	out := make([]float64, n)
	for i := range out {
		out[i] = r.Float()
	}
	return out
}

// Count returns the next four bytes as the number of items that follow, each at
// least size bytes long. It fails when there cannot be as many.
func (r *Reader) Count(size int) int {
	n := r.Uint32()
	want, left := uint64(n)*uint64(size), uint64(len(r.rest))
	if r.stream != nil {
		left += r.left
	}
	if r.err == nil && want > left {
		r.Fail("%d items of at least %d bytes are announced, %d bytes are left", n, size, left)
	}
	r.need(int(min(want, left)))
	if r.err != nil {
		return 0
	}
	return int(n)
}

// String returns the next string, written by AppendString.
func (r *Reader) String() string { return string(r.take(r.Count(1))) }

// Strings returns the next list of strings, written by AppendStrings.
func (r *Reader) Strings() []string {
	out := make([]string, r.Count(4))
	for i := range out {
		out[i] = r.String()
	}
	return out
}

// AppendMagic appends what Magic reads.
func AppendMagic(b []byte, letters string, version uint16) []byte {
	return binary.LittleEndian.AppendUint16(append(b, letters...), version)
}

// AppendBool appends a byte that is 0 or 1.
func AppendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// AppendFloats appends the bits of the numbers.
func AppendFloats(b []byte, values ...float64) []byte {
	for _, v := range values {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	return b
}

// AppendString appends the length of s in four bytes, and s.
func AppendString(b []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(s))), s...)
}

// AppendStrings appends the number of strings in four bytes, and each string.
func AppendStrings(b []byte, list []string) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(list)))
	for _, s := range list {
		b = AppendString(b, s)
	}
	return b
}

// Seal appends the CRC-32C of b, which Open checks.
func Seal(b []byte) []byte { return binary.LittleEndian.AppendUint32(b, castagnoli(b)) }

// Open returns what Seal was given, or false if it is damaged.
func Open(b []byte) ([]byte, bool) {
	n := len(b) - 4
	if n < 0 || castagnoli(b[:n]) != binary.LittleEndian.Uint32(b[n:]) {
		return nil, false
	}
	return b[:n], true
}

func castagnoli(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }
