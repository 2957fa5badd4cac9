package tabular

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// Most numbers are short, and most instants have the same parts at the same places.
// The functions here read a run of such values of a column, in words of eight bytes,
// to what scanNumber and parseTime make of them, and stop at the first value that is
// anything else. The end of a loop over single digits is a branch that processors
// foresee wrongly about once a value, which costs more than all the rest.

const (
	eachZero = eachByte * '0'
	overNine = eachByte * (0x7f - 9) // makes the high bit of what is over nine
)

// notDigits returns high bits where bytes, from which zeros were taken off, are no
// digits.
func notDigits(w uint64) uint64 { return (w | (w + overNine)) & highBits }

// lastDigits moves the first n bytes of the word, one to eight, to its end, takes a
// zero off each, and puts zeros before them.
func lastDigits(w uint64, n int) uint64 { return (w ^ eachZero) << (8 * (wordSize - uint(n)) & 63) }

// eightDigits returns the number that eight bytes of one digit each are, the first
// digit in the lowest: pairs of digits, then of pairs, then of fours.
func eightDigits(w uint64) uint64 {
	w = w * (10<<8 + 1) >> 8 & 0x00ff00ff00ff00ff
	w = w * (100<<16 + 1) >> 16 & 0x0000ffff0000ffff
	return w * (10_000<<32 + 1) >> 32
}

// tens are powers of ten.
var tens = [...]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8} //nolint:gochecknoglobals // a constant table

// isMinus returns 1 if the first byte of the word is a minus sign, else 0, without a
// branch: signs come at random.
func isMinus(w uint64) int { return int(((w^'-')&0xff - 1) >> 63) }

// decimals reads values from i on as long as they are decimals of at most seven
// digits, of which negative ones have one less, a point and one to eight digits.
func (p *cells) decimals(values []float64, i int) int {
	data, fields, width, at := p.raw.room(), p.raw.fields, p.raw.width, i*p.raw.width+p.column
	for ; i < len(values); i++ {
		s := fields[at]
		start, end := int(s.start), int(s.end)
		if start+3*wordSize > len(data) {
			break
		}
		b := data[start : start+3*wordSize]
		w := binary.LittleEndian.Uint64(b)
		minus := isMinus(w)
		w >>= 8 * minus & 63
		dots := w ^ eachByte*'.'
		found := (dots - eachByte) &^ dots & highBits // the lowest bit is right
		if found == 0 {
			break
		}
		whole := bits.TrailingZeros64(found) // and seven, in bits
		point := minus + whole/8
		n := end - start - point - 1
		if uint(n-1) >= wordSize {
			break
		}
		before := (w ^ eachZero) << ((63 - whole) & 63) << 8
		behind := lastDigits(binary.LittleEndian.Uint64(b[point+1:]), n)
		if notDigits(before)|notDigits(behind) != 0 {
			break
		}
		digits := eightDigits(before)*tens[n] + eightDigits(behind)
		v := float64(int64(digits)) / powers[n] // both exact, so that one rounding follows
		values[i] = math.Float64frombits(math.Float64bits(v) | uint64(minus)<<63)
		at += width
	}
	return i
}

// wholes reads values from i on as long as they are whole numbers of at most
// sixteen digits, without leading zeros.
func (p *cells) wholes(values []int64, i int) int {
	data, fields, width, at := p.raw.room(), p.raw.fields, p.raw.width, i*p.raw.width+p.column
	for ; i < len(values); i++ {
		s := fields[at]
		start, end := int(s.start), int(s.end)
		if start+3*wordSize > len(data) {
			break
		}
		b := data[start : start+3*wordSize]
		minus := isMinus(binary.LittleEndian.Uint64(b))
		b = b[minus:]
		w := binary.LittleEndian.Uint64(b)
		n := end - start - minus
		if uint(n-1) >= 2*wordSize || n > 1 && byte(w) == '0' {
			break
		}
		first := lastDigits(w, min(n, wordSize))
		wrong, v := notDigits(first), eightDigits(first)
		if n > wordSize {
			rest := lastDigits(binary.LittleEndian.Uint64(b[wordSize:]), n-wordSize)
			wrong |= notDigits(rest)
			v = v*tens[n-wordSize] + eightDigits(rest)
		}
		if wrong != 0 {
			break
		}
		values[i] = (int64(v) ^ -int64(minus)) + int64(minus) // -v of a negative one
		at += width
	}
	return i
}

// instants reads values from i on as long as they are dates such as 2006-01-02, or
// dates and times such as 2006-01-02T15:04:05, with a Z or without.
func (p *cells) instants(values []int64, i int) int {
	data, fields, width := p.raw.room(), p.raw.fields, p.raw.width
	for ; i < len(values); i++ {
		s := fields[i*width+p.column]
		at, n := int(s.start), int(s.end-s.start)
		if at+3*wordSize > len(data) {
			break
		}
		micros, ok := shortTime((*[3 * wordSize]byte)(data[at:at+3*wordSize]), n)
		if !ok {
			break
		}
		values[i] = micros
	}
	return i
}

// The words of 2006-01-02T15:04:05 with zeros for digits and the letter, the first
// byte in the lowest place, and what makes the high bit of every byte that differs
// from them by more than its digit.
const (
	dateWord, dateOver   = 0x2d_30_30_2d_30_30_30_30, 0x7f_76_76_7f_76_76_76_76
	clockWord, clockOver = 0x30_30_3a_30_30_00_30_30, 0x76_76_7f_76_76_7f_76_76
	restWord, restOver   = 0x30_30_3a, 0x76_76_7f
)

// shortTime reads the first n bytes as a date, or a date and a time.
func shortTime(b *[3 * wordSize]byte, n int) (micros int64, ok bool) {
	const (
		date, clock, zoned   = 10, 19, 20 // bytes
		dayBytes, clockBytes = 1<<16 - 1, 1<<24 - 1
	)
	letter := b[date]
	first := binary.LittleEndian.Uint64(b[:8]) ^ dateWord
	next := binary.LittleEndian.Uint64(b[8:16]) ^ clockWord ^ uint64(letter)<<16
	rest := binary.LittleEndian.Uint64(b[16:])&clockBytes ^ restWord
	switch {
	case n == date:
		next, rest = next&dayBytes, 0
	case n != clock && (n != zoned || b[clock] != 'Z'), letter != 'T' && letter != ' ':
		return 0, false
	}
	y, m, d := twoDigits(first)*100+twoDigits(first>>16), twoDigits(first>>40), twoDigits(next)
	hh, mm, ss := twoDigits(next>>24), twoDigits(next>>48), twoDigits(rest>>8)
	wrong := first | (first + dateOver) | next | (next + clockOver) | rest | (rest + restOver)
	if wrong&highBits != 0 || y < 1 || m < 1 || m > 12 || d < 1 || d > 28 && d > daysIn(y, m) || hh > 23 || mm > 59 || ss > 59 {
		return 0, false
	}
	return daysSince1970(y, m, d)*day + int64(hh)*hour + int64(mm)*minute + int64(ss)*second, true
}

// twoDigits returns the number that the lowest two bytes of one digit each are.
func twoDigits(w uint64) int { return int(w&0xff*10 + w>>8&0xff) }
