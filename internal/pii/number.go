package pii

// luhn reports whether the last digit checks the others (ISO/IEC 7812-1).
func luhn(digits []byte) bool {
	sum := 0
	for i := range digits {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// card reports whether the digits are those of a payment card: an issuer's range,
// its lengths, and the check digit.
func card(digits []byte) bool {
	n := len(digits)
	if n < 13 || n > 19 {
		return false
	}
	head := number(digits[:6])
	issued := false
	switch {
	case head/100_000 == 4: // Visa
		issued = n == 13 || n == 16 || n == 19
	case head >= 510_000 && head < 560_000, head >= 222_100 && head < 272_100: // Mastercard
		issued = n == 16
	case head/10_000 == 34, head/10_000 == 37: // American Express
		issued = n == 15
	case head/100 == 6011, head/10_000 == 65, head >= 644_000 && head < 650_000, head/10_000 == 62: // Discover, UnionPay
		issued = n >= 16
	case head >= 352_800 && head < 359_000: // JCB
		issued = n >= 16
	case head >= 300_000 && head < 306_000, head/10_000 == 36, head/10_000 == 38: // Diners Club
		issued = n == 14 || n == 16
	case head/10_000 == 50, head >= 560_000 && head < 590_000: // Maestro
		issued = n >= 12
	}
	return issued && !same(digits) && luhn(digits)
}

func number(digits []byte) int64 {
	n := int64(0)
	for _, d := range digits {
		n = n*10 + int64(d-'0')
	}
	return n
}

// same reports whether all digits are the same.
func same(digits []byte) bool {
	for _, d := range digits[1:] {
		if d != digits[0] {
			return false
		}
	}
	return true
}

// mod97 returns the remainder of a text of digits and letters, in which A counts as
// 10 and Z as 35 (ISO/IEC 7064).
func mod97(text []byte) int {
	rest := 0
	for _, c := range text {
		switch {
		case isDigit(c):
			rest = (rest*10 + int(c-'0')) % 97
		case isUpper(c):
			rest = (rest*100 + int(c-'A') + 10) % 97
		default:
			return -1
		}
	}
	return rest
}

// ibanLengths are those of the registry of SWIFT.
//
//nolint:gochecknoglobals // a constant table
var ibanLengths = map[string]int{
	"AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24,
	"DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
	"HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20,
	"LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25,
	"QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26,
	"UA": 29, "VA": 22, "VG": 24, "XK": 20,
}

// iban reports whether the text, without spaces and in capitals, is one.
func iban(text []byte) bool {
	if len(text) < 15 || len(text) > 34 || ibanLengths[string(text[:2])] != len(text) {
		return false
	}
	var turned [34]byte
	n := copy(turned[:], text[4:])
	n += copy(turned[n:], text[:4])
	return mod97(turned[:n]) == 1
}

// ssn reports whether nine digits can be a social security number of the United
// States. There is no check digit, but there are numbers that are never given.
func ssn(d []byte) bool {
	if len(d) != 9 {
		return false
	}
	area := number(d[:3])
	return area != 0 && area != 666 && area < 900 && number(d[3:5]) != 0 && number(d[5:]) != 0 && !same(d)
}

// routing reports whether nine digits are a routing number of the American
// Bankers Association.
func routing(d []byte) bool {
	if len(d) != 9 || same(d) {
		return false
	}
	sum := 0
	for i, c := range d {
		sum += int(c-'0') * [3]int{3, 7, 1}[i%3]
	}
	head := number(d[:2])
	return sum%10 == 0 && (head <= 12 && head > 0 || head >= 21 && head <= 32 || head >= 61 && head <= 72 || head == 80)
}

func onlyDigits(t []byte) bool {
	for _, c := range t {
		if !isDigit(c) {
			return false
		}
	}
	return true
}

// weighted returns the sum of digits times weights.
func weighted(d []byte, weights ...int) int {
	sum := 0
	for i, w := range weights {
		sum += int(d[i]-'0') * w
	}
	return sum
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' }
func isLower(c byte) bool { return c >= 'a' && c <= 'z' }

// appendDigits appends the digits of the text.
func appendDigits(b []byte, text string) []byte {
	for i := range len(text) {
		if isDigit(text[i]) {
			b = append(b, text[i])
		}
	}
	return b
}
