package tabular

import "bytes"

// parseDate reads a date, or a date and a time of day, in the layout, as
// microseconds since 1970.
func parseDate(b []byte, l Layout) (micros int64, ok bool) {
	if micros, ok := parseTime(b); ok {
		return micros, true
	}
	if l == NamedMonth {
		return parseNamedDate(b)
	}
	d, ok := cutDate(b)
	if !ok {
		return 0, false
	}
	switch {
	case l == YearFirst && d.width[0] == 4:
		return d.micros(d.value[0], d.value[1], d.value[2])
	case l == DayFirst && d.width[2] == 4:
		return d.micros(d.value[2], d.value[1], d.value[0])
	case l == MonthFirst && d.width[2] == 4 && d.separator != '.':
		return d.micros(d.value[2], d.value[0], d.value[1])
	default:
		return 0, false
	}
}

// dateParts is a text cut into three numbers and what follows them.
type dateParts struct {
	value, width [3]int
	separator    byte
	clock        int64 // microseconds of the day
}

// micros returns the instant, if there is such a day.
func (d *dateParts) micros(year, month, dayOfMonth int) (int64, bool) {
	if year < 1 || month < 1 || month > 12 || dayOfMonth < 1 || dayOfMonth > daysIn(year, month) {
		return 0, false
	}
	return daysSince1970(year, month, dayOfMonth)*day + d.clock, true
}

// cutDate cuts a date of three numbers, of which the first or the last has
// four digits and the others one or two, by one of . / and -, and the time of
// day that may follow.
func cutDate(b []byte) (d dateParts, ok bool) {
	if len(b) < 8 || len(b) > longestNumeral || b[0]-'0' > 9 {
		return d, false
	}
	for k := range d.value {
		n := 0
		for n < len(b) && n < 4 && b[n]-'0' <= 9 {
			d.value[k] = d.value[k]*10 + int(b[n]-'0')
			n++
		}
		d.width[k] = n
		b = b[n:]
		if k == len(d.value)-1 {
			break
		}
		if n == 0 || len(b) == 0 || b[0] != '.' && b[0] != '/' && b[0] != '-' || k > 0 && b[0] != d.separator {
			return d, false
		}
		d.separator = b[0]
		b = b[1:]
	}
	short := func(w int) bool { return w == 1 || w == 2 }
	if !short(d.width[1]) || (d.width[0] != 4 || !short(d.width[2])) && (d.width[2] != 4 || !short(d.width[0])) {
		return d, false
	}
	d.clock, ok = clockAfter(b)
	return d, ok
}

// clockAfter reads the time of day that follows a date, if one does.
func clockAfter(b []byte) (micros int64, ok bool) {
	if len(b) == 0 {
		return 0, true
	}
	b = bytes.TrimPrefix(b, []byte(","))
	if len(b) < 2 || b[0] != ' ' && b[0] != 'T' {
		return 0, false
	}
	return clockMicros(b[1:])
}

// parseClock reads a time of day as seconds since midnight.
func parseClock(b []byte) (seconds float64, ok bool) {
	micros, ok := clockMicros(b)
	return float64(micros) / second, ok
}

// clockMicros reads 14:05, 14:05:07.5 and 2:05 PM.
func clockMicros(b []byte) (micros int64, ok bool) {
	if len(b) < 4 || len(b) > 20 {
		return 0, false
	}
	b, half := cutHalf(b)
	n := 1
	if len(b) > 1 && b[1] != ':' {
		n = 2
	}
	hh, ok1 := digits(b, n)
	if !ok1 || len(b) < n+3 || b[n] != ':' {
		return 0, false
	}
	mm, ok2 := digits(b[n+1:], 2)
	if !ok2 || mm > 59 {
		return 0, false
	}
	switch {
	case half == 0 && hh > 23, half != 0 && (hh < 1 || hh > 12):
		return 0, false
	case half != 0:
		hh %= 12
		if half == 'p' {
			hh += 12
		}
	}
	micros = int64(hh)*hour + int64(mm)*minute
	b = b[n+3:]
	if len(b) == 0 {
		return micros, true
	}
	if b[0] != ':' {
		return 0, false
	}
	ss, ok3 := digits(b[1:], 2)
	if !ok3 || ss > 59 {
		return 0, false
	}
	fraction, rest, ok := parseFraction(b[3:])
	return micros + int64(ss)*second + fraction, ok && len(rest) == 0
}

// cutHalf cuts AM or PM off the end: 'a', 'p', or 0 for none.
func cutHalf(b []byte) (rest []byte, half byte) {
	t := b
	if n := len(t); n > 4 && t[n-1] == '.' && t[n-3] == '.' { // p.m.
		t = append(append(make([]byte, 0, n), t[:n-3]...), t[n-2])
	}
	n := len(t)
	if n < 3 || t[n-1]|0x20 != 'm' || t[n-2]|0x20 != 'a' && t[n-2]|0x20 != 'p' {
		return b, 0
	}
	return trimSpaces(t[:n-2]), t[n-2] | 0x20
}

const monthNames = "january february march april may june july august september october november december "

// monthOf returns the number of an English month, by its name or the first
// three letters of it (or sept), or 0.
func monthOf(b []byte) int {
	if len(b) < 3 || len(b) > 9 {
		return 0
	}
	lower := bytes.ToLower(b)
	names := []byte(monthNames)
	for month := 1; len(names) > 0; month++ {
		k := bytes.IndexByte(names, ' ')
		if name := names[:k]; bytes.HasPrefix(name, lower) && (len(lower) == 3 || len(lower) == len(name) || string(lower) == "sept") {
			return month
		}
		names = names[k+1:]
	}
	return 0
}

// parseNamedDate reads 31 Jan 2024, 31-Jan-2024, Jan 31, 2024 and the like,
// with the time of day that may follow.
func parseNamedDate(b []byte) (micros int64, ok bool) {
	if len(b) < 9 || len(b) > longestNumeral {
		return 0, false
	}
	month, dayOfMonth, year := 0, 0, 0
	for k := range 3 {
		n := 0
		for n < len(b) && isWord(b[n]) {
			n++
		}
		word := b[:n]
		b = b[n:]
		value, isNumber := digits(word, n)
		switch {
		case n == 0:
			return 0, false
		case !isNumber && month == 0 && k < 2:
			month = monthOf(word)
			if month == 0 {
				return 0, false
			}
			b = bytes.TrimPrefix(b, []byte(".")) // an abbreviation
		case isNumber && n <= 2 && dayOfMonth == 0:
			dayOfMonth = value
		case isNumber && n == 4 && k == 2:
			year = value
		default:
			return 0, false
		}
		if k == 2 {
			break
		}
		rest := bytes.TrimLeft(b, " ,.-/")
		if len(rest) == len(b) || len(b)-len(rest) > 2 {
			return 0, false
		}
		b = rest
	}
	clock, ok := clockAfter(b)
	if !ok || month == 0 {
		return 0, false
	}
	d := dateParts{clock: clock}
	return d.micros(year, month, dayOfMonth)
}

func isWord(c byte) bool {
	return c-'0' <= 9 || c|0x20 >= 'a' && c|0x20 <= 'z'
}
