package tabular

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Forms are all the ways a text can be read, a bit for each.
type Forms uint32

// The forms.
const (
	FormInteger  Forms = 1 << iota // of the plain grammar
	FormFloat                      // of the plain grammar, whole numbers too
	FormBoolean                    // of the plain grammar
	FormDatetime                   // of the plain grammar
	FormYearFirst
	FormDayFirst
	FormMonthFirst
	FormNamedMonth
	FormClock
	FormPoint // a number with a decimal point, and separators of thousands or none
	FormComma
	FormPointCurrency
	FormCommaCurrency
	FormPointPercent
	FormCommaPercent
	FormEmail
	FormPhone
	FormURL
	FormJSON // an object or a list
	FormUUID
	FormCode      // digits with leading zeros, or too many for a number
	FormToken     // no space, at most 64 bytes, with a digit, and not written as amounts and dates are
	FormShortYear // a date whose year has two digits, which is none to be sure of

	FormDates      = FormYearFirst | FormDayFirst | FormMonthFirst | FormNamedMonth
	FormNumbers    = FormPoint | FormComma
	FormCurrencies = FormPointCurrency | FormCommaCurrency
	FormPercents   = FormPointPercent | FormCommaPercent
)

// FormsOf returns the ways the text can be read; the text of a missing value has
// none.
func FormsOf(text string) Forms { return formsOf([]byte(text)) }

func formsOf(b []byte) Forms {
	var f Forms
	if missing(b) {
		return 0
	}
	switch n := scanNumber(b); n.kind {
	case wholeNumber:
		f = FormInteger | FormFloat | FormNumbers | FormToken
		if international(b) {
			f |= FormPhone
		}
	case codeNumber:
		f = FormCode | FormToken
	case decimalNumber:
		f = FormFloat | FormToken | numeralForms(b)
	default:
		f = wordForms(b)
	}
	return f
}

// wordForms returns the forms of a text that is no plain number.
func wordForms(b []byte) Forms {
	if _, ok := parseBool(b); ok {
		return FormBoolean
	}
	if _, ok := parseTime(b); ok {
		return FormDatetime | FormDates
	}
	f := layoutForms(b)
	space, digit := bytes.IndexByte(b, ' ') >= 0, bytes.ContainsAny(b, "0123456789")
	if digit && !space && len(b) <= longestNumeral && f&(FormDates|FormCurrencies|FormPercents|FormClock) == 0 {
		if isShortYear(b) {
			f |= FormShortYear
		} else if !isQuantity(b) {
			f |= FormToken
		}
	}
	switch {
	case isUUID(b):
		f |= FormUUID
	case b[0] == '{' || b[0] == '[':
		if json.Valid(b) {
			f |= FormJSON
		}
	case isEmail(b):
		f |= FormEmail
	case isURL(b):
		f |= FormURL
	case digit && f&^FormToken == 0 && isPhone(b):
		f |= FormPhone
	}
	return f
}

// isQuantity reports whether the text is written as amounts and dates are, of digits
// and what stands between them, whether it is one or not: 12,34,567.89 and 2024-02-30.
func isQuantity(b []byte) bool {
	if _, ok := cutDate(b); ok {
		return true
	}
	for _, c := range b {
		if c-'0' > 9 && c < 0x80 && strings.IndexByte(".,:/'+%$", c) < 0 {
			return false
		}
	}
	return true
}

// isShortYear reports whether the text is a date whose year has two digits, and
// comes last.
func isShortYear(b []byte) bool {
	if len(b) < 6 || len(b) > 8 {
		return false
	}
	full := append(append(make([]byte, 0, 10), b[:len(b)-2]...), "20"...)
	full = append(full, b[len(b)-2:]...)
	return dateForms(full)&(FormDayFirst|FormMonthFirst) != 0
}

// layoutForms returns the forms with a layout of a text that the plain grammar
// does not read.
func layoutForms(b []byte) Forms {
	if len(b) > longestNumeral || len(b) < 2 {
		return 0
	}
	digit := false
	for _, c := range b {
		if c-'0' <= 9 {
			digit = true
			break
		}
	}
	if !digit {
		return 0
	}
	f := numeralForms(b) | dateForms(b)
	if _, ok := clockMicros(b); ok {
		f |= FormClock
	}
	if amount, ok := cutPercent(b); ok {
		f |= spread(numeralForms(amount), FormPointPercent, FormCommaPercent)
	} else if _, amount, _, ok := cutCurrency(b); ok {
		f |= spread(numeralForms(amount), FormPointCurrency, FormCommaCurrency)
	}
	return f
}

// spread gives a number's forms the bits of another pair.
func spread(f, point, comma Forms) Forms {
	var out Forms
	if f&FormPoint != 0 {
		out |= point
	}
	if f&FormComma != 0 {
		out |= comma
	}
	return out
}

func numeralForms(b []byte) Forms {
	var buf [longestNumeral]byte
	var f Forms
	if _, ok := plainNumeral(buf[:0], b, false); ok {
		f |= FormPoint
	}
	if _, ok := plainNumeral(buf[:0], b, true); ok {
		f |= FormComma
	}
	return f
}

func dateForms(b []byte) Forms {
	var f Forms
	if c := b[0] | 0x20; c >= 'a' && c <= 'z' || bytes.ContainsAny(b, "aeiouAEIOU") {
		if _, ok := parseNamedDate(b); ok {
			f |= FormNamedMonth
		}
	}
	d, ok := cutDate(b)
	if !ok {
		return f
	}
	v := d.value
	if d.width[0] == 4 {
		if _, ok := d.micros(v[0], v[1], v[2]); ok {
			f |= FormYearFirst
		}
		return f
	}
	if _, ok := d.micros(v[2], v[1], v[0]); ok {
		f |= FormDayFirst
	}
	if _, ok := d.micros(v[2], v[0], v[1]); ok && d.separator != '.' {
		f |= FormMonthFirst
	}
	return f
}

// twoReadings reports whether the text has two readings of a kind that differ:
// the day or the month first, a decimal point or a decimal comma.
func twoReadings(b []byte, f Forms) bool {
	if f&FormDayFirst != 0 && f&FormMonthFirst != 0 {
		d, _ := cutDate(b)
		return d.value[0] != d.value[1]
	}
	amount := b
	switch {
	case f&FormNumbers == FormNumbers:
	case f&FormCurrencies == FormCurrencies:
		_, amount, _, _ = cutCurrency(b)
	case f&FormPercents == FormPercents:
		amount, _ = cutPercent(b)
	default:
		return false
	}
	return bytes.ContainsAny(amount, ".,") // as one or the other
}

// isEmail reports whether the text is an address such as ann@example.org.
func isEmail(b []byte) bool {
	at := bytes.IndexByte(b, '@')
	if at < 1 || at > 64 || len(b) > 254 {
		return false
	}
	for i, c := range b[:at] {
		if c <= ' ' || c > '~' || strings.IndexByte(`"(),:;<>@[\]`, c) >= 0 || c == '.' && (i == 0 || i == at-1 || b[i-1] == '.') {
			return false
		}
	}
	return isDomain(b[at+1:])
}

// isDomain reports whether b is a name of at least two labels, the last of
// letters.
func isDomain(b []byte) bool {
	last, labels := 0, 0
	for i := 0; i <= len(b); i++ {
		if i < len(b) && b[i] != '.' {
			if !isWord(b[i]) && b[i] != '-' && b[i] < 0x80 {
				return false
			}
			continue
		}
		label := b[last:i]
		if len(label) == 0 || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		labels++
		if i == len(b) && (len(label) < 2 || label[0]-'0' <= 9) {
			return false
		}
		last = i + 1
	}
	return labels > 1
}

// isURL reports whether the text is an address with a scheme, or one that
// begins with www.
func isURL(b []byte) bool {
	if len(b) < 5 || len(b) > 2048 || bytes.IndexByte(b, ' ') >= 0 {
		return false
	}
	k := bytes.Index(b, []byte("://"))
	host := b
	switch {
	case k > 0:
		switch strings.ToLower(string(b[:k])) {
		case "http", "https", "ftp", "s3", "gs":
		default:
			return false
		}
		host = b[k+3:]
	case !bytes.HasPrefix(b, []byte("www.")):
		return false
	}
	if i := bytes.IndexAny(host, "/?#"); i >= 0 {
		host = host[:i]
	}
	if i := bytes.LastIndexByte(host, '@'); i >= 0 {
		host = host[i+1:]
	}
	if i := bytes.LastIndexByte(host, ':'); i >= 0 && i < len(host)-1 {
		host = host[:i]
	}
	return len(host) > 0 && !bytes.ContainsAny(host, `"<>\^{|}`)
}

func isUUID(b []byte) bool {
	if len(b) == 38 && b[0] == '{' && b[37] == '}' {
		b = b[1:37]
	}
	if len(b) != 36 {
		return false
	}
	for i, c := range b {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return false
			}
		} else if c-'0' > 9 && (c|0x20 < 'a' || c|0x20 > 'f') {
			return false
		}
	}
	return true
}

// international reports whether a whole number is rather a telephone number with
// the code of a country, such as +4930123456.
func international(b []byte) bool { return b[0] == '+' && len(b) > 8 && len(b) <= 16 }

// isPhone reports whether the text is a telephone number: 7 to 15 digits after a
// plus, or in groups. Numbers of social security (123-45-6789), addresses of
// machines (192.168.1.10) and days that are in no calendar (2024-02-30) are none.
func isPhone(b []byte) bool {
	if len(b) < 8 || len(b) > 25 {
		return false
	}
	if k := bytes.IndexByte(b, 'x'); k > 0 { // an extension
		b = trimSpaces(bytes.TrimSuffix(b[:k], []byte("e")))
	}
	var groups []int
	run, count, dots, open := 0, 0, 0, 0
	for i, c := range b {
		switch {
		case c-'0' <= 9:
			run++
			count++
			continue
		case c == '+' && i == 0, c == ' ', c == '-', c == '/':
		case c == '.':
			dots++
		case c == '(' && open == 0:
			open = 1
		case c == ')' && open == 1:
			open = 2
		default:
			return false
		}
		if run > 0 {
			groups = append(groups, run)
		}
		run = 0
	}
	if run > 0 {
		groups = append(groups, run)
	}
	switch {
	case count < 7 || count > 15 || open == 1:
		return false
	case b[0] == '+':
		return true
	case len(groups) == 3 && !bytes.ContainsAny(b, " (") && groups[1] == 2 && groups[0]+groups[2] == 6 && groups[0]%2 == 0: // a date, of a day that is none
		return false
	case len(groups) < 2, dots == 3 && len(groups) == 4, len(groups) == 3 && groups[0] == 3 && groups[1] == 2 && groups[2] == 4:
		return false
	}
	for _, n := range groups[1:] {
		if n < 2 {
			return false
		}
	}
	return true
}
