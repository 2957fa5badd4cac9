package corpus

import (
	"math/big"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// digits returns n random digits, the first of which is not 0.
func digits(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('0' + r.IntN(10))
	}
	if b[0] == '0' {
		b[0] = byte('1' + r.IntN(9))
	}
	return string(b)
}

// withLuhn appends Luhn's check digit.
func withLuhn(s string) string {
	sum, double := 0, true
	for i := len(s) - 1; i >= 0; i-- {
		d := int(s[i] - '0')
		if double {
			d = d*2/10 + d*2%10
		}
		sum, double = sum+d, !double
	}
	return s + strconv.Itoa((10-sum%10)%10)
}

func cardNumber(r *rand.Rand) string {
	switch r.IntN(4) {
	case 0:
		return withLuhn("37" + digits(r, 12))
	case 1:
		return withLuhn("5" + strconv.Itoa(1+r.IntN(5)) + digits(r, 13))
	default:
		return withLuhn("4" + digits(r, 14))
	}
}

// ibanOf makes an IBAN of a country and the number of an account there.
func ibanOf(country, account string) string {
	var b strings.Builder
	for _, c := range account + country + "00" {
		if c >= 'A' {
			b.WriteString(strconv.Itoa(int(c - 'A' + 10)))
		} else {
			b.WriteRune(c)
		}
	}
	n, _ := new(big.Int).SetString(b.String(), 10)
	check := 98 - new(big.Int).Mod(n, big.NewInt(97)).Int64()
	return country + pad(int(check), 2) + account
}

func ibanNumber(r *rand.Rand) string {
	switch r.IntN(4) {
	case 0:
		return ibanOf("GB", "WEST"+digits(r, 14))
	case 1:
		return ibanOf("NL", "ABNA"+digits(r, 10))
	case 2:
		return ibanOf("FR", digits(r, 23))
	default:
		return ibanOf("DE", digits(r, 18))
	}
}

func pad(n, width int) string {
	s := strconv.Itoa(n)
	return strings.Repeat("0", max(0, width-len(s))) + s
}

func ssnNumber(r *rand.Rand) string {
	area := 1 + r.IntN(898)
	if area == 666 {
		area = 667
	}
	return pad(area, 3) + "-" + pad(1+r.IntN(99), 2) + "-" + pad(1+r.IntN(9999), 4)
}

// cpfNumber makes a Brazilian number by its two remainders of 11.
func cpfNumber(r *rand.Rand) string {
	s := digits(r, 9)
	for range 2 {
		sum := 0
		for i, c := range s {
			sum += int(c-'0') * (len(s) + 1 - i)
		}
		rest := 11 - sum%11
		if rest > 9 {
			rest = 0
		}
		s += strconv.Itoa(rest)
	}
	return s
}

// steuerNumber makes a German number: nine different digits, one of them again,
// and a check digit.
func steuerNumber(r *rand.Rand) string {
	order := r.Perm(10)[:9]
	all := slices.Concat(order, order[r.IntN(9):][:1])
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	if all[0] == 0 {
		return steuerNumber(r)
	}
	var s strings.Builder
	p := 10
	for _, d := range all {
		s.WriteString(strconv.Itoa(d))
		m := (d + p) % 10
		if m == 0 {
			m = 10
		}
		p = 2 * m % 11
	}
	return s.String() + strconv.Itoa((11-p)%10)
}

// dihedral multiplies in the group of the symmetries of a pentagon.
func dihedral(a, b int) int {
	switch {
	case a < 5 && b < 5:
		return (a + b) % 5
	case a < 5:
		return (a+b-5)%5 + 5
	case b < 5:
		return (a-5-b+5)%5 + 5
	default:
		return (a - b + 5) % 5
	}
}

// aadhaarNumber makes an Indian number with Verhoeff's check digit, which is found
// by trying.
func aadhaarNumber(r *rand.Rand) string {
	s := strconv.Itoa(2+r.IntN(8)) + digits(r, 10)
	for check := range 10 {
		c, whole := 0, s+strconv.Itoa(check)
		for i := range len(whole) {
			d := int(whole[len(whole)-1-i] - '0')
			for range i % 8 {
				d = [10]int{1, 5, 7, 6, 2, 8, 3, 0, 9, 4}[d]
			}
			c = dihedral(c, d)
		}
		if c == 0 {
			return whole
		}
	}
	return s + "0" // it cannot be: one of ten fits
}

func inseeNumber(r *rand.Rand) string {
	s := strconv.Itoa(1+r.IntN(2)) + pad(r.IntN(100), 2) + pad(1+r.IntN(12), 2) + pad(1+r.IntN(19), 2) + pad(1+r.IntN(900), 3) + pad(1+r.IntN(999), 3)
	n, _ := strconv.ParseInt(s, 10, 64)
	return s + pad(int(97-n%97), 2)
}

func dniNumber(r *rand.Rand) string {
	n := 10_000_000 + r.IntN(89_999_999)
	return strconv.Itoa(n) + "TRWAGMYFPDXBNJZSQVHLCKE"[n%23:n%23+1]
}

func ninoNumber(r *rand.Rand) string {
	return pick(r, "AB", "CE", "JK", "PX", "SW", "HR", "TW") + digits(r, 6) + pick(r, "A", "B", "C", "D")
}

func codiceNumber(r *rand.Rand) string {
	values := map[rune]int{}
	for i, v := range []int{1, 0, 5, 7, 9, 13, 15, 17, 19, 21} {
		values[rune('0'+i)] = v
	}
	for i, v := range []int{1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23} {
		values[rune('A'+i)] = v
	}
	s := pick(r, "RSSMRA", "BNCLCU", "FRRGLI", "RMNFNC", "CLMMTT") + pad(r.IntN(100), 2) + pick(r, "A", "B", "C", "D", "E", "H", "L", "M", "P", "R", "S", "T") + pad(1+r.IntN(31), 2) + pick(r, "H", "F", "L") + pad(1+r.IntN(900), 3)
	sum := 0
	for i, c := range s {
		switch {
		case i%2 == 0:
			sum += values[c]
		case c >= 'A':
			sum += int(c - 'A')
		default:
			sum += int(c - '0')
		}
	}
	return s + string(rune('A'+sum%26))
}

func nhsNumber(r *rand.Rand) string {
	for {
		s, sum := digits(r, 9), 0
		for i, c := range s {
			sum += int(c-'0') * (10 - i)
		}
		if check := (11 - sum%11) % 11; check < 10 {
			return s + strconv.Itoa(check)
		}
	}
}

func mbiNumber(r *rand.Rand) string {
	letter := func() string {
		return pick(r, "A", "C", "D", "E", "F", "G", "H", "J", "K", "M", "N", "P", "Q", "R", "T", "U", "V", "W", "X", "Y")
	}
	d := func() string { return strconv.Itoa(r.IntN(10)) }
	return strconv.Itoa(1+r.IntN(9)) + letter() + d() + d() + "-" + letter() + letter() + d() + "-" + letter() + letter() + d() + d()
}

// word returns n characters of the alphabet.
func word(r *rand.Rand, alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(b)
}

func pick(r *rand.Rand, of ...string) string { return of[r.IntN(len(of))] }
