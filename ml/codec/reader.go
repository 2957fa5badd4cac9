package codec

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Reader takes values off a slice in the order they were appended. After the
// first mistake every method returns a zero value and Err says what was wrong.
type Reader struct {
	rest  []byte
	total int
	err   error
}

// NewReader returns a Reader of b, which it keeps.
func NewReader(b []byte) *Reader { return &Reader{rest: b, total: len(b)} }

// Err returns the first mistake, or nil.
func (r *Reader) Err() error { return r.err }

// Left returns how many bytes have not been taken.
func (r *Reader) Left() int { return len(r.rest) }

// Fail records a mistake that the caller found, unless there was one before.
func (r *Reader) Fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("at byte %d: %s", r.total-len(r.rest), fmt.Sprintf(format, args...))
		r.rest = nil
	}
}

// Close returns the first mistake; bytes left over are one.
func (r *Reader) Close() error {
	if r.err == nil && len(r.rest) > 0 {
		r.Fail("%d bytes are left over", len(r.rest))
	}
	return r.err
}

// Uint takes a varint, which must have its shortest form.
func (r *Reader) Uint() uint64 {
	v, n := binary.Uvarint(r.rest)
	switch {
	case r.err != nil:
		return 0
	case n <= 0:
		r.Fail("there is no whole number here")
		return 0
	case n > 1 && r.rest[n-1] == 0:
		r.Fail("a number is longer than needed")
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// Limited takes a number that may not exceed limit.
func (r *Reader) Limited(limit int) int {
	v := r.Uint()
	if v > uint64(limit) {
		r.Fail("the number %d exceeds %d", v, limit)
		return 0
	}
	return int(v)
}

// Count takes the number of items that follow, each at least size bytes long.
// It is a mistake when the bytes left cannot hold them.
func (r *Reader) Count(size int) int {
	v := r.Uint()
	if v > uint64(len(r.rest)/size) {
		r.Fail("%d items are announced and %d bytes are left", v, len(r.rest))
		return 0
	}
	return int(v)
}

func (r *Reader) take(n int) []byte {
	if r.err != nil {
		return nil
	}
	if n > len(r.rest) {
		r.Fail("%d bytes are needed and %d are left", n, len(r.rest))
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

// Bool takes a byte that is 0 or 1.
func (r *Reader) Bool() bool {
	b := r.take(1)
	if b == nil {
		return false
	}
	if b[0] > 1 {
		r.Fail("%d is not a boolean", b[0])
	}
	return b[0] == 1
}

// Float takes a float of any value.
func (r *Reader) Float() float64 {
	b := r.take(8)
	if b == nil {
		return 0
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(b))
}

// Finite takes a float that is neither infinite nor NaN.
func (r *Reader) Finite() float64 {
	v := r.Float()
	if math.IsNaN(v) || math.IsInf(v, 0) {
		r.Fail("a number is not finite")
		return 0
	}
	return v
}

// Floats takes a length and that many floats.
func (r *Reader) Floats() []float64 {
	n := r.Count(8)
	if n == 0 {
		return nil
	}
	v := make([]float64, n)
	for i := range v {
		v[i] = r.Float()
	}
	return v
}

// String takes a string.
func (r *Reader) String() string { return string(r.take(r.Count(1))) }

// Strings takes a length and that many strings.
func (r *Reader) Strings() []string {
	n := r.Count(1)
	if n == 0 {
		return nil
	}
	v := make([]string, n)
	for i := range v {
		v[i] = r.String()
	}
	return v
}

// Bytes takes a length and that many bytes, which it does not copy.
func (r *Reader) Bytes() []byte { return r.take(r.Count(1)) }
