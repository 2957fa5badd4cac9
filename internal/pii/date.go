package pii

import (
	"slices"
	"strings"
)

func dateDigits(d []byte) forms {
	if bornOn(number(d[:4]), number(d[4:6]), number(d[6:])) {
		return dateForm
	}
	return 0
}

// Years in which somebody whose data is kept may have been born.
const (
	firstYear = 1900
	lastYear  = 2030
)

func bornOn(year, month, day int64) bool {
	return year >= firstYear && year <= lastYear && month >= 1 && month <= 12 && day >= 1 && day <= 31
}

// dateForms reads dates with the year at either end.
func dateForms(s string) forms {
	if len(s) < 6 || len(s) > 10 {
		return 0
	}
	var parts [3]int64
	var lengths [3]int
	k := 0
	for i := range len(s) {
		switch c := s[i]; {
		case isDigit(c):
			parts[k] = parts[k]*10 + int64(c-'0')
			lengths[k]++
		case c == '-' || c == '/' || c == '.':
			if k++; k == len(parts) {
				return 0
			}
		default:
			return 0
		}
	}
	switch {
	case k != 2:
		return 0
	case lengths[0] <= 2 && lengths[1] <= 2 && lengths[2] == 2 && s[len(s)-3] != '.' && (bornOn(lastYear, parts[0], parts[1]) || bornOn(lastYear, parts[1], parts[0])):
		return dateForm // the year has two digits
	case lengths[0] == 4 && bornOn(parts[0], parts[1], parts[2]),
		lengths[2] == 4 && (bornOn(parts[2], parts[1], parts[0]) || bornOn(parts[2], parts[0], parts[1])):
		return dateForm
	}
	return 0
}

// months are the beginnings of their names in English.
//
//nolint:gochecknoglobals // a constant list
var months = [...]string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}

// dateWords reads dates with the month in words, such as 2 January 2006, of which
// the first three letters count.
func dateWords(s string) forms {
	month, day, year := false, false, false
	for word := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ' ' || r == '-' || r == ',' || r == '.' || r == '/' }) {
		switch {
		case isDigit(word[0]):
			var room [8]byte
			if len(word) > len(room) {
				return 0
			}
			switch d := appendDigits(room[:0], word); {
			case len(d) != len(word):
				return 0
			case len(d) == 4:
				n := number(d)
				year = n >= firstYear && n <= lastYear
			case len(d) <= 2:
				day = number(d) >= 1 && number(d) <= 31
			}
		case len(word) >= 3 && slices.Contains(months[:], strings.ToLower(word[:3])):
			month = true
		default:
			return 0
		}
	}
	if month && day && year {
		return dateForm
	}
	return 0
}
