package tabular

import (
	"bytes"
	"math"
	"strconv"
)

// missing reports whether the field stands for no value.
func missing(b []byte) bool {
	switch len(b) {
	case 0:
		return true
	case 1:
		return b[0] == '?'
	case 2:
		return b[0] == 'N' && b[1] == 'A'
	case 3:
		switch string(b) {
		case "N/A", "n/a", "NaN", "nan":
			return true
		}
	case 4:
		switch string(b) {
		case "null", "NULL":
			return true
		}
	}
	return false
}

// numberKind says what a text is as a number.
type numberKind uint8

const (
	notNumber      numberKind = iota
	wholeNumber               // fits 64 bits
	codeNumber                // digits only, with leading zeros or beyond 64 bits
	decimalNumber             // has a point or an exponent
	infiniteNumber            // an infinity, or beyond the range of a float
)

// powers are the powers of ten that a float64 holds exactly.
var powers = [...]float64{ //nolint:gochecknoglobals // a constant table
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

// number is a text read as a number.
type number struct {
	kind  numberKind
	whole int64 // of a wholeNumber, and of a codeNumber that fits
	fits  bool  // whether whole is the value
	neg   bool
	mant  uint64 // the first 19 digits
	exp   int    // power of ten of mant
	exact bool   // mant holds every digit
}

// scanNumber reads b as a number. It does not compute the value of a decimal.
func scanNumber(b []byte) number {
	if n, ok := scanShort(b); ok {
		return n
	}
	var n number
	i := 0
	if i < len(b) && (b[i] == '+' || b[i] == '-') {
		n.neg = b[i] == '-'
		i++
	}
	first := i
	n.exact = true
	used := 0 // digits in mant
	for ; i < len(b) && b[i]-'0' <= 9; i++ {
		if used < 19 {
			n.mant = n.mant*10 + uint64(b[i]-'0')
			if n.mant > 0 {
				used++
			}
		} else {
			n.exp++
			n.exact = n.exact && b[i] == '0'
		}
	}
	digits := i - first
	if i == len(b) {
		if digits == 0 {
			return number{}
		}
		n.kind = wholeNumber
		n.fits = n.exp == 0 && (n.mant <= math.MaxInt64 || n.neg && n.mant == 1<<63)
		n.whole = int64(n.mant)
		if n.neg {
			n.whole = -n.whole
		}
		if !n.fits || digits > 1 && b[first] == '0' {
			n.kind = codeNumber
		}
		return n
	}
	if b[i] == '.' {
		i++
		point := i
		for ; i < len(b) && b[i]-'0' <= 9; i++ {
			if used < 19 {
				n.mant = n.mant*10 + uint64(b[i]-'0')
				n.exp--
				if n.mant > 0 {
					used++
				}
			} else {
				n.exact = n.exact && b[i] == '0'
			}
		}
		digits += i - point
	}
	if digits == 0 {
		if infinity(b[first:]) {
			return number{kind: infiniteNumber}
		}
		return number{}
	}
	if i < len(b) && !n.exponent(b[i:]) {
		return number{}
	}
	n.kind = decimalNumber
	// A magnitude below 1e308 is finite; above, the exact value decides.
	if used+n.exp > 308 && n.mant > 0 && math.IsInf(n.slow(b), 0) {
		n.kind = infiniteNumber
	}
	return n
}

// scanShort reads what most numbers are, digits with or without a point that 64
// bits hold, as scanNumber does. It reports false for everything else.
func scanShort(b []byte) (n number, ok bool) {
	const most = 18 // digits that cannot be too many
	i := 0
	if i < len(b) && (b[i] == '+' || b[i] == '-') {
		n.neg = b[i] == '-'
		i++
	}
	first, mant := i, uint64(0)
	if len(b)-first > most {
		return number{}, false
	}
	for ; i < len(b) && b[i]-'0' <= 9; i++ {
		mant = mant*10 + uint64(b[i]-'0')
	}
	n.mant, n.exact = mant, true
	digits := i - first
	switch {
	case i == len(b):
		n.kind, n.fits, n.whole = wholeNumber, true, int64(mant)
		if n.neg {
			n.whole = -n.whole
		}
		if digits > 1 && b[first] == '0' {
			n.kind = codeNumber
		}
		return n, digits > 0
	case b[i] != '.':
		return number{}, false
	}
	point := i + 1
	for i = point; i < len(b) && b[i]-'0' <= 9; i++ {
		mant = mant*10 + uint64(b[i]-'0')
	}
	n.kind, n.mant, n.exp = decimalNumber, mant, point-i
	return n, i == len(b) && digits+i-point > 0
}

// exponent reads "e±digits", the whole of b.
func (n *number) exponent(b []byte) bool {
	if b[0] != 'e' && b[0] != 'E' {
		return false
	}
	i, neg := 1, false
	if i < len(b) && (b[i] == '+' || b[i] == '-') {
		neg = b[i] == '-'
		i++
	}
	if i == len(b) {
		return false
	}
	exp := 0
	for ; i < len(b); i++ {
		if b[i]-'0' > 9 {
			return false
		}
		exp = min(exp*10+int(b[i]-'0'), 1<<20)
	}
	if neg {
		exp = -exp
	}
	n.exp += exp
	return true
}

func infinity(b []byte) bool {
	return bytes.EqualFold(b, []byte("inf")) || bytes.EqualFold(b, []byte("infinity"))
}

// float returns the value of the number that b holds.
func (n *number) float(b []byte) float64 {
	if !n.exact || n.mant >= 1<<53 || n.exp < -22 || n.exp > 22 {
		return n.slow(b)
	}
	f := float64(n.mant) // exact, so that one rounding follows at most
	if n.exp < 0 {
		f /= powers[-n.exp]
	} else {
		f *= powers[n.exp]
	}
	if n.neg {
		f = -f
	}
	return f
}

func (n *number) slow(b []byte) float64 {
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil && !math.IsInf(f, 0) {
		return math.NaN()
	}
	return f
}

// parseBool reads true or false.
func parseBool(b []byte) (value int64, ok bool) {
	switch string(b) {
	case "true", "True", "TRUE":
		return 1, true
	case "false", "False", "FALSE":
		return 0, true
	default:
		return 0, false
	}
}

// looseBool reads a boolean, also one written as 0 or 1.
func looseBool(b []byte) (value int64, ok bool) {
	if len(b) == 1 && (b[0] == '0' || b[0] == '1') {
		return int64(b[0] - '0'), true
	}
	return parseBool(b)
}

// digits reads n digits at the start of b.
func digits(b []byte, n int) (value int, ok bool) {
	if len(b) < n {
		return 0, false
	}
	for _, c := range b[:n] {
		if c-'0' > 9 {
			return 0, false
		}
		value = value*10 + int(c-'0')
	}
	return value, true
}

const (
	second = 1_000_000 // microseconds
	minute = 60 * second
	hour   = 60 * minute
	day    = 24 * hour
)

// parseTime reads a date, or a date and a time, as microseconds since 1970.
func parseTime(b []byte) (micros int64, ok bool) {
	if len(b) < 10 || b[4] != '-' && b[4] != '/' || b[7] != b[4] {
		return 0, false
	}
	y, ok1 := digits(b, 4)
	m, ok2 := digits(b[5:], 2)
	d, ok3 := digits(b[8:], 2)
	if !ok1 || !ok2 || !ok3 || y < 1 || m < 1 || m > 12 || d < 1 || d > daysIn(y, m) {
		return 0, false
	}
	micros = daysSince1970(y, m, d) * day
	b = b[10:]
	if len(b) == 0 {
		return micros, true
	}
	if b[0] != 'T' && b[0] != ' ' && b[0] != 't' || len(b) < 6 || b[3] != ':' {
		return 0, false
	}
	hh, ok1 := digits(b[1:], 2)
	mm, ok2 := digits(b[4:], 2)
	if !ok1 || !ok2 || hh > 23 || mm > 59 {
		return 0, false
	}
	micros += int64(hh)*hour + int64(mm)*minute
	b = b[6:]
	if len(b) > 0 && b[0] == ':' {
		ss, ok := digits(b[1:], 2)
		if !ok || ss > 59 {
			return 0, false
		}
		micros += int64(ss) * second
		var fraction int64
		if fraction, b, ok = parseFraction(b[3:]); !ok {
			return 0, false
		}
		micros += fraction
	}
	offset, ok := parseZone(b)
	return micros - offset, ok
}

// parseFraction reads the fraction of a second, if there is one, and returns
// what follows it. Digits below a microsecond are cut off.
func parseFraction(b []byte) (micros int64, rest []byte, ok bool) {
	if len(b) == 0 || b[0] != '.' && b[0] != ',' {
		return 0, b, true
	}
	i, unit := 1, int64(second)
	for ; i < len(b) && b[i]-'0' <= 9; i++ {
		unit /= 10
		micros += int64(b[i]-'0') * unit
	}
	return micros, b[i:], i > 1 && i <= 10
}

// parseZone reads the offset from UTC, the whole of b.
func parseZone(b []byte) (micros int64, ok bool) {
	switch {
	case len(b) == 0, len(b) == 1 && (b[0] == 'Z' || b[0] == 'z'):
		return 0, true
	case b[0] != '+' && b[0] != '-':
		return 0, false
	}
	sign := int64(1)
	if b[0] == '-' {
		sign = -1
	}
	b = b[1:]
	h, ok1 := digits(b, 2)
	m, ok2 := 0, true
	switch {
	case len(b) == 2:
	case len(b) == 4:
		m, ok2 = digits(b[2:], 2)
	case len(b) == 5 && b[2] == ':':
		m, ok2 = digits(b[3:], 2)
	default:
		return 0, false
	}
	if !ok1 || !ok2 || h > 18 || m > 59 {
		return 0, false
	}
	return sign * (int64(h)*hour + int64(m)*minute), true
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	default:
		return 31
	}
}

// monthStarts are the days of a year, which begins in March so that the leap day is
// the last, before each month.
var monthStarts = [...]int{0, 306, 337, 0, 31, 61, 92, 122, 153, 184, 214, 245, 275} //nolint:gochecknoglobals // a constant table

// daysSince1970 counts days in the Gregorian calendar.
func daysSince1970(year, month, dayOfMonth int) int64 {
	y := uint(year + (month-3)>>8) // January and February are of the year before
	return int64(365*y+y/4-y/100+y/400) + int64(monthStarts[month]+dayOfMonth-1) - 719468
}
