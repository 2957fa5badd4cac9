package pii

import "strings"

// steuerID reports whether 11 digits are a tax number of a person in Germany: of
// the first ten exactly one comes two or three times, and the last checks them
// (ISO/IEC 7064, MOD 11,10).
func steuerID(d []byte) bool {
	if len(d) != 11 || d[0] == '0' {
		return false
	}
	var counts [10]int
	for _, c := range d[:10] {
		counts[c-'0']++
	}
	repeated := 0
	for _, n := range counts {
		if n > 3 {
			return false
		}
		if n > 1 {
			repeated++
		}
	}
	if repeated != 1 {
		return false
	}
	product := 10
	for _, c := range d[:10] {
		sum := (int(c-'0') + product) % 10
		if sum == 0 {
			sum = 10
		}
		product = sum * 2 % 11
	}
	check := 11 - product
	return check%10 == int(d[10]-'0')
}

// cpf reports whether 11 digits are a tax number of a person in Brazil.
func cpf(d []byte) bool {
	if len(d) != 11 || same(d) {
		return false
	}
	check := func(n int) bool {
		sum := 0
		for i := range n {
			sum += int(d[i]-'0') * (n + 1 - i)
		}
		return sum*10%11%10 == int(d[n]-'0')
	}
	return check(9) && check(10)
}

// pesel reports whether 11 digits are a number of a person in Poland: a date of
// birth whose month tells the century, and a check digit.
func pesel(d []byte) bool {
	if len(d) != 11 {
		return false
	}
	month, day := number(d[2:4])%20, number(d[4:6])
	if month < 1 || month > 12 || day < 1 || day > 31 {
		return false
	}
	return (10-weighted(d, 1, 3, 7, 9, 1, 3, 7, 9, 1, 3)%10)%10 == int(d[10]-'0')
}

// The tables of Verhoeff's check digit: the products of the dihedral group of ten,
// and the permutation by position.
//
//nolint:gochecknoglobals // constant tables
var (
	verhoeffProduct = [10]string{
		"0123456789", "1234067895", "2340178956", "3401289567", "4012395678", "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
	}
	verhoeffPlace = [8]string{
		"0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258",
	}
)

// aadhaar reports whether 12 digits are a number of a person in India.
func aadhaar(d []byte) bool {
	if len(d) != 12 || d[0] < '2' || same(d) {
		return false
	}
	c := 0
	for i := range d {
		place := verhoeffPlace[i%8][d[len(d)-1-i]-'0'] - '0'
		c = int(verhoeffProduct[c][place] - '0')
	}
	return c == 0
}

// sin reports whether nine digits are a social insurance number of Canada.
func sin(d []byte) bool { return len(d) == 9 && d[0] != '0' && d[0] != '8' && !same(d) && luhn(d) }

// bsn reports whether nine digits are a number of a person in the Netherlands.
func bsn(d []byte) bool {
	return len(d) == 9 && !same(d) && weighted(d, 9, 8, 7, 6, 5, 4, 3, 2, -1)%11 == 0
}

// nhs reports whether ten digits are a number of the National Health Service of
// England.
func nhs(d []byte) bool {
	if len(d) != 10 || same(d) {
		return false
	}
	check := (11 - weighted(d, 10, 9, 8, 7, 6, 5, 4, 3, 2)%11) % 11
	return check == int(d[9]-'0')
}

// insee reports whether 15 characters, digits but for a Corsican department, are a
// number of the French social security.
func insee(text []byte) bool {
	if len(text) != 15 || text[0] != '1' && text[0] != '2' {
		return false
	}
	var d [15]byte
	copy(d[:], text)
	less := int64(0)
	if d[5] == '2' && (d[6] == 'A' || d[6] == 'B') {
		less = 1_000_000
		if d[6] == 'B' {
			less = 2_000_000
		}
		d[6] = '0'
	}
	for _, c := range d {
		if !isDigit(c) {
			return false
		}
	}
	if month := number(d[3:5]); month < 1 || month > 12 && month < 20 {
		return false
	}
	return 97-(number(d[:13])-less)%97 == number(d[13:])
}

// ahv reports whether 13 digits are a number of the Swiss social insurance.
func ahv(d []byte) bool {
	if len(d) != 13 || number(d[:3]) != 756 {
		return false
	}
	return (10-weighted(d, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3)%10)%10 == int(d[12]-'0')
}

// personnummer reports whether ten digits are a number of a person in Sweden.
func personnummer(d []byte) bool {
	month, day := number(d[2:4]), number(d[4:6])
	return month >= 1 && month <= 12 && (day >= 1 && day <= 31 || day >= 61 && day <= 91) && luhn(d)
}

// nino reports whether nine characters are a National Insurance number of the
// United Kingdom.
func nino(t []byte) bool {
	if len(t) != 9 || !isUpper(t[0]) || !isUpper(t[1]) || t[8] < 'A' || t[8] > 'D' {
		return false
	}
	for _, c := range t[2:8] {
		if !isDigit(c) {
			return false
		}
	}
	if strings.IndexByte("DFIQUV", t[0]) >= 0 || strings.IndexByte("DFIOQUV", t[1]) >= 0 {
		return false
	}
	switch string(t[:2]) {
	case "BG", "GB", "NK", "KN", "TN", "NT", "ZZ":
		return false
	}
	return true
}

// dni reports whether nine characters are a number of a person in Spain: DNI, or
// NIE of foreigners.
func dni(t []byte) bool {
	if len(t) != 9 || !isUpper(t[8]) {
		return false
	}
	var d [8]byte
	copy(d[:], t)
	if d[0] >= 'X' && d[0] <= 'Z' {
		d[0] = '0' + d[0] - 'X'
	}
	for _, c := range d {
		if !isDigit(c) {
			return false
		}
	}
	return "TRWAGMYFPDXBNJZSQVHLCKE"[number(d[:])%23] == t[8]
}

// codiceFiscale reports whether 16 characters are a tax number of a person in
// Italy.
func codiceFiscale(t []byte) bool {
	const odd = "\x01\x00\x05\x07\x09\x0d\x0f\x11\x13\x15\x02\x04\x12\x14\x0b\x03\x06\x08\x0c\x0e\x10\x0a\x16\x19\x18\x17" // values of A to Z in odd places
	if len(t) != 16 {
		return false
	}
	sum := 0
	for i, c := range t[:15] {
		letter := i < 6 || i == 8 || i == 11
		switch {
		case letter && !isUpper(c), !letter && !isDigit(c) && strings.IndexByte("LMNPQRSTUV", c) < 0:
			return false
		}
		v := int(c - 'A')
		if isDigit(c) {
			v = int(c - '0')
		}
		if i%2 == 0 {
			v = int(odd[v])
		}
		sum += v
	}
	return strings.IndexByte("ABCDEHLMPRST", t[8]) >= 0 && int(t[15])-'A' == sum%26
}

// mbi reports whether 11 characters are an identifier of a beneficiary of Medicare.
func mbi(t []byte) bool {
	const form = "9LXNLXNLLNN" // of digits, letters and either
	if len(t) != len(form) || t[0] == '0' {
		return false
	}
	for i, c := range t {
		letter := isUpper(c) && strings.IndexByte("SLOIBZ", c) < 0
		switch form[i] {
		case 'L':
			if !letter {
				return false
			}
		case 'X':
			if !letter && !isDigit(c) {
				return false
			}
		default:
			if !isDigit(c) {
				return false
			}
		}
	}
	return true
}

// kimlik reports whether 11 digits are a number of a person in Turkey.
func kimlik(d []byte) bool {
	if len(d) != 11 || d[0] == '0' {
		return false
	}
	odd, even := 0, 0
	for i, c := range d[:9] {
		if i%2 == 0 {
			odd += int(c - '0')
		} else {
			even += int(c - '0')
		}
	}
	tenth := ((odd*7-even)%10 + 10) % 10
	return tenth == int(d[9]-'0') && (odd+even+tenth)%10 == int(d[10]-'0')
}
