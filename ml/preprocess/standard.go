package preprocess

import (
	"cmp"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

func bindStandardiseFormat(b *binding) plan {
	code, dayFirst, decimal := b.args.text("country_code"), b.args.flag("day_first"), b.args.text("decimal")
	keep := b.args.text("unknown") == "keep"
	if strings.Trim(code, "0123456789") != "" || len(code) > 3 {
		b.fail(invalid("country_code", "country_code is "+strconv.Quote(code)+", it should be 1 to 3 digits, without +"))
	}
	standard := map[string]func(s string) (string, bool){
		"email":   standardEmail(),
		"phone":   func(s string) (string, bool) { return standardPhone(s, code) },
		"url":     standardURL(),
		"boolean": standardBoolean,
		"date": func(s string) (string, bool) {
			at, ok := parseInstant(s, dayFirst)
			if !ok {
				return "", false
			}
			t := time.UnixMicro(at).UTC()
			if t.Hour()|t.Minute()|t.Second()|t.Nanosecond() == 0 {
				return t.Format(time.DateOnly), true
			}
			return t.Format("2006-01-02T15:04:05.999999Z07:00"), true
		},
		"number": func(s string) (string, bool) {
			v, ok := parseNumber(s, decimal)
			return strconv.FormatFloat(v, 'f', -1, 64), ok
		},
	}[b.args.text("format")]
	return changesTexts(b, func(s string) (string, bool) {
		if to, ok := standard(s); ok {
			return to, true
		}
		return s, keep
	})
}

// address is what nearly all e-mail addresses in use are like; quoted ones and
// comments are not understood.
func address() *regexp.Regexp {
	return regexp.MustCompile(`^[\p{L}\p{N}.!#$%&'*+/=?^_{|}~-]+@[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?(?:\.[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?)+$`)
}

func standardEmail() func(s string) (string, bool) {
	pattern := address()
	return func(s string) (string, bool) {
		s = strings.TrimPrefix(strings.ToLower(strings.TrimSpace(s)), "mailto:")
		name, _, _ := strings.Cut(s, "@")
		if !pattern.MatchString(s) || strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".") || strings.Contains(name, "..") {
			return "", false
		}
		return s, true
	}
}

// standardPhone writes a number as + and digits (ITU-T E.164).
func standardPhone(s, code string) (string, bool) {
	s = strings.TrimSpace(s)
	var digits strings.Builder
	for i, r := range s {
		switch {
		case r >= '0' && r <= '9':
			digits.WriteRune(r)
		case r == '+' && i == 0, strings.ContainsRune(" -./()\u00a0", r):
		default:
			return "", false
		}
	}
	d := digits.String()
	switch {
	case strings.HasPrefix(s, "+"):
		d = strings.Replace(s[1:], "(0)", "", 1) // the zero of calls within the country
		d = strings.Map(func(r rune) rune {
			if r < '0' || r > '9' {
				return -1
			}
			return r
		}, d)
	case strings.HasPrefix(d, "00"):
		d = d[2:]
	case code == "":
		return "", false
	default:
		d = code + strings.TrimPrefix(d, "0")
	}
	if len(d) < 7 || len(d) > 15 {
		return "", false
	}
	return "+" + d, true
}

// page is the address of a page: scheme, host, port and the rest.
func page() *regexp.Regexp {
	return regexp.MustCompile(`^(?i:(https?)://)?([\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?(?:\.[\p{L}\p{N}](?:[\p{L}\p{N}-]*[\p{L}\p{N}])?)+)(?::(\d{1,5}))?([/?#]\S*)?$`)
}

func standardURL() func(s string) (string, bool) {
	pattern := page()
	return func(s string) (string, bool) {
		m := pattern.FindStringSubmatch(strings.TrimSpace(s))
		if m == nil {
			return "", false
		}
		scheme, port, rest := cmp.Or(strings.ToLower(m[1]), "https"), m[3], m[4]
		if port == "443" && scheme == "https" || port == "80" && scheme == "http" {
			port = ""
		}
		if port != "" {
			port = ":" + port
		}
		if !strings.ContainsAny(rest, "?#") {
			rest = strings.TrimSuffix(rest, "/")
		}
		return scheme + "://" + strings.ToLower(m[2]) + port + rest, true
	}
}

func standardBoolean(s string) (string, bool) {
	v, ok := parseTruth(s)
	return strconv.FormatBool(v), ok
}

func parseTruth(s string) (value, ok bool) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "true", "t", "yes", "y", "1", "on":
		return true, true
	case "false", "f", "no", "n", "0", "off":
		return false, true
	default:
		return false, false
	}
}

const minusSign = "\u2212"

// parseNumber reads a number as people write it: with signs of money, a sign
// for percent, and points, commas, spaces or apostrophes between thousands. What
// is before the fraction is told, or seen: the last of point and comma, unless it
// occurs several times or three digits come after a single comma. What does not
// divide a number into thousands is no number.
func parseNumber(s, decimal string) (float64, bool) {
	s = strings.TrimSpace(s)
	negative := strings.HasPrefix(s, "(") && strings.HasSuffix(s, ")") // as accountants write it
	if negative {
		s = s[1 : len(s)-1]
	}
	s = strings.TrimFunc(s, func(r rune) bool { return unicode.Is(unicode.Sc, r) || unicode.IsSpace(r) })
	percent := strings.HasSuffix(s, "%")
	s = strings.TrimSpace(strings.TrimSuffix(s, "%"))
	sign := ""
	switch {
	case strings.HasPrefix(s, "-"), strings.HasPrefix(s, "+"):
		sign, s = s[:1], s[1:]
	case strings.HasPrefix(s, minusSign):
		sign, s = "-", s[len(minusSign):]
	}
	s = strings.TrimFunc(s, func(r rune) bool { return unicode.Is(unicode.Sc, r) || unicode.IsSpace(r) })
	if s == "" || (s[0] < '0' || s[0] > '9') && s[0] != '.' && s[0] != ',' {
		return 0, false // nan, inf and words
	}
	s, ok := plainDigits(s, decimal)
	if !ok || strings.ContainsAny(s, "xX_pP") {
		return 0, false
	}
	v, err := strconv.ParseFloat(sign+s, 64)
	if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
		return 0, false
	}
	if percent {
		v /= 100
	}
	if negative {
		v = -v
	}
	return v, true
}

// plainDigits takes away what is between thousands, and puts a point before the
// fraction. It is not ok when what is between digits does not divide them into
// thousands, as in 31.12.2024 or 192.168.1.1.
func plainDigits(s, decimal string) (digits string, ok bool) {
	point, thousand := ".", ","
	if decimal == "comma" || decimal == "auto" && commaIsDecimal(s) {
		point, thousand = ",", "."
	}
	if decimal == "auto" && strings.Count(s, point) > 1 && !strings.Contains(s, thousand) {
		thousand, point = point, thousand // 1.234.567
	}
	whole, fraction, cut := strings.Cut(s, point)
	if strings.ContainsAny(fraction, ".,'’") || strings.ContainsFunc(fraction, unicode.IsSpace) {
		return "", false
	}
	between := func(r rune) bool { return string(r) == thousand || r == '\'' || r == '’' || unicode.IsSpace(r) }
	groups := strings.FieldsFunc(whole, between)
	if strings.IndexFunc(whole, between) >= 0 && (!thousands(groups) || utf8.RuneCountInString(whole) != utf8.RuneCountInString(strings.Join(groups, " "))) {
		return "", false
	}
	digits = strings.Join(groups, "")
	if cut {
		digits += "." + fraction
	}
	return digits, true
}

// thousands reports whether groups of digits are those of one number: three each
// behind the first, or two each before the last three, as in India.
func thousands(groups []string) bool {
	last := len(groups) - 1
	if last < 1 || len(groups[last]) != 3 {
		return false
	}
	wide := 3
	if last > 1 {
		wide = len(groups[1])
	}
	for i, g := range groups {
		fits := len(g) == wide || i == 0 && len(g) < wide || i == last
		if !fits || strings.Trim(g, "0123456789") != "" {
			return false
		}
	}
	return wide == 3 || wide == 2
}

func commaIsDecimal(s string) bool {
	comma, point := strings.LastIndexByte(s, ','), strings.LastIndexByte(s, '.')
	switch {
	case comma < 0:
		return false
	case point >= 0:
		return comma > point
	case strings.Count(s, ",") > 1:
		return false
	default:
		return len(s)-comma-1 != 3
	}
}

// layouts are the ways to write an instant that are understood beside those
// with slashes or points, which have the day or the month first.
func layouts(dayFirst bool) []string {
	dates := []string{
		"2006-01-02", "2006/01/02", "2006.01.02", "20060102", "2 Jan 2006", "2 January 2006", "Jan 2, 2006", "January 2, 2006", "2-Jan-2006", "02.01.2006", "2.1.2006",
	}
	if dayFirst {
		dates = append(dates, "2/1/2006", "2-1-2006")
	} else {
		dates = append(dates, "1/2/2006", "1-2-2006")
	}
	all := make([]string, 0, 8*len(dates))
	for _, d := range dates {
		all = append(all, d)
		for _, clock := range []string{"15:04", "15:04:05", "15:04:05.999999", "3:04 PM"} {
			all = append(all, d+" "+clock, d+"T"+clock)
		}
	}
	return append(all, time.RFC3339Nano, "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04Z07:00")
}

// parseInstant reads an instant, in UTC unless a zone is given, in microseconds
// since 1970. Days that there are not, such as 31.02., are not understood.
func parseInstant(s string, dayFirst bool) (int64, bool) {
	s = strings.TrimSpace(s)
	const longest = 40
	if len(s) < 6 || len(s) > longest {
		return 0, false
	}
	for _, layout := range layouts(dayFirst) {
		t, err := time.Parse(layout, s)
		if err == nil && t.Year() >= 1 && t.Year() <= 9999 {
			return t.UnixMicro(), true
		}
	}
	return 0, false
}
