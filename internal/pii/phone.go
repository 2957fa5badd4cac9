package pii

import "strings"

// lengths are how many digits a number has behind the code of a country, at least
// and at most.
type lengths struct{ least, most int }

// countryCodes are the codes of countries (ITU-T E.164), with the lengths of their
// numbers.
//
//nolint:gochecknoglobals // a constant table
var countryCodes = map[string]lengths{
	"1": {10, 10}, "7": {10, 10}, "20": {8, 10}, "27": {9, 9}, "30": {10, 10}, "31": {9, 9}, "32": {8, 9}, "33": {9, 9}, "34": {9, 9}, "36": {8, 9},
	"39": {8, 11}, "40": {9, 9}, "41": {9, 9}, "43": {7, 12}, "44": {9, 10}, "45": {8, 8}, "46": {7, 10}, "47": {8, 8}, "48": {9, 9}, "49": {7, 12},
	"51": {8, 9}, "52": {10, 11}, "53": {8, 8}, "54": {10, 11}, "55": {10, 11}, "56": {9, 9}, "57": {10, 10}, "58": {10, 10}, "60": {8, 10}, "61": {9, 9},
	"62": {8, 12}, "63": {9, 10}, "64": {8, 10}, "65": {8, 8}, "66": {8, 9}, "81": {9, 10}, "82": {8, 10}, "84": {9, 10}, "86": {10, 11}, "90": {10, 10},
	"91": {10, 10}, "92": {9, 10}, "93": {9, 9}, "94": {9, 9}, "95": {8, 10}, "98": {10, 10}, "212": {9, 9}, "213": {8, 9}, "216": {8, 8}, "218": {9, 9},
	"220": {7, 7}, "221": {9, 9}, "225": {10, 10}, "233": {9, 9}, "234": {8, 10}, "237": {9, 9}, "250": {9, 9}, "251": {9, 9}, "254": {9, 9}, "255": {9, 9},
	"256": {9, 9}, "260": {9, 9}, "263": {9, 9}, "351": {9, 9}, "352": {6, 9}, "353": {8, 9}, "354": {7, 7}, "355": {8, 9}, "356": {8, 8}, "357": {8, 8},
	"358": {6, 11}, "359": {8, 9}, "370": {8, 8}, "371": {8, 8}, "372": {7, 8}, "373": {8, 8}, "374": {8, 8}, "375": {9, 9}, "380": {9, 9}, "381": {8, 9},
	"385": {8, 9}, "386": {8, 8}, "387": {8, 8}, "389": {8, 8}, "420": {9, 9}, "421": {9, 9}, "502": {8, 8}, "503": {8, 8}, "504": {8, 8}, "505": {8, 8},
	"506": {8, 8}, "507": {7, 8}, "591": {8, 8}, "593": {8, 9}, "595": {9, 9}, "598": {8, 8}, "852": {8, 8}, "853": {8, 8}, "855": {8, 9}, "880": {8, 10},
	"886": {8, 9}, "960": {7, 7}, "961": {7, 8}, "962": {8, 9}, "963": {8, 9}, "964": {8, 10}, "965": {8, 8}, "966": {8, 9}, "968": {8, 8}, "971": {8, 9},
	"972": {8, 9}, "973": {8, 8}, "974": {8, 8}, "977": {8, 10}, "992": {9, 9}, "994": {9, 9}, "995": {9, 9}, "996": {9, 9}, "998": {9, 9},
}

// international reports whether the digits begin with the code of a country and go
// on with as many as its numbers have.
func international(d []byte) bool {
	for n := 1; n <= 3 && n < len(d); n++ {
		if l, ok := countryCodes[string(d[:n])]; ok {
			rest := len(d) - n
			if d[n] == '0' && n > 1 && rest > l.least { // as in +44 (0)20
				rest--
			}
			return rest >= l.least && rest <= l.most
		}
	}
	return false
}

// northAmerican reports whether ten digits are a number of the North American plan.
func northAmerican(d []byte) bool {
	return len(d) == 10 && d[0] >= '2' && d[3] >= '2' && (d[1] != '1' || d[2] != '1') && (d[4] != '1' || d[5] != '1')
}

// phoneForms looks at digits and signs; d are the digits.
func phoneForms(s string, d []byte, h shape) forms {
	if len(d) < 7 || len(d) > 15 || h.digits+h.spaces+h.dashes+h.dots+h.slashes+h.other != len(s) || same(d) {
		return 0
	}
	for i := range len(s) {
		if c := s[i]; !isDigit(c) && strings.IndexByte(" -./()+", c) < 0 {
			return 0
		}
	}
	if strings.LastIndexByte(s, '+') > 0 || h.dots == 1 && h.digits+1 == len(s) {
		return 0
	}
	switch {
	case s[0] == '+':
		if international(d) {
			return phoneForm
		}
		return 0
	case strings.HasPrefix(s, "00") && international(d[2:]) && h.digits < len(s), d[0] == '0' && d[1] == '0' && d[2] == '1' && northAmerican(d[3:]):
		return phoneForm
	}
	for _, form := range [...]string{
		"(ddd) ddd-dddd", "(ddd)ddd-dddd", "ddd-ddd-dddd", "ddd.ddd.dddd", "ddd" + " ddd dddd", "d-ddd-ddd-dddd", "d (ddd) ddd-dddd", "d.ddd.ddd.dddd", "(ddd) ddd dddd",
	} {
		if cutAs(s, form) {
			if len(d) == 11 && d[0] == '1' {
				d = d[1:]
			}
			if northAmerican(d) {
				return phoneForm
			}
			return phoneDigits
		}
	}
	// Numbers within a country begin with a zero, and are written in groups.
	if d[0] == '0' && len(d) >= 9 && len(d) <= 12 && s[0] != '-' && dateForms(s) == 0 && !cutAs(s, "ddd-dd-dddd") {
		return phoneForm
	}
	return phoneDigits
}

// phoneExtension looks at numbers such as 555-123-4567 x89.
func phoneExtension(s string) forms {
	at := strings.LastIndexAny(s, "xX")
	if at < 8 || at+1 >= len(s) {
		return 0
	}
	for i := at + 1; i < len(s); i++ {
		if !isDigit(s[i]) && s[i] != ' ' && s[i] != '.' {
			return 0
		}
	}
	main := strings.TrimSpace(s[:at])
	h := shapeOf(main)
	if h.letters()+h.high > 0 {
		return 0
	}
	var room [40]byte
	return phoneForms(main, appendDigits(room[:0], main), h) & phoneForm
}
