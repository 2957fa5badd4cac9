package tabular

import (
	"bytes"
	"math"
	"strings"
	"unicode/utf8"
)

// finite returns the number if it is one.
func finite(v float64) (float64, bool) { return v, !math.IsInf(v, 0) && !math.IsNaN(v) }

// localeFloat reads a number with separators of thousands and a decimal point,
// or a decimal comma. Digits alone that are too many for 64 bits are a code.
func localeFloat(b []byte, comma bool) (float64, bool) {
	var buf [longestNumeral]byte
	plain, ok := plainNumeral(buf[:0], b, comma)
	if !ok || len(plain) == len(b) && scanNumber(b).kind == codeNumber {
		return 0, false
	}
	n := scanNumber(plain)
	return finite(n.float(plain))
}

// plainNumeral appends the number that b holds in the plain grammar: without
// separators of thousands, and with a decimal point. Groups have three digits,
// the first one to three and no leading zero, and one separator: a point or a
// comma, whichever does not mark decimals, a space of any width, or an
// apostrophe. Without separators leading zeros make a code of it, which is no
// number.
func plainNumeral(out, b []byte, comma bool) ([]byte, bool) {
	if len(b) == 0 || len(b) > longestNumeral {
		return nil, false
	}
	decimal, other := byte('.'), byte(',')
	if comma {
		decimal, other = other, decimal
	}
	i := 0
	if n := signAt(b); n > 0 {
		if b[0] != '+' {
			out = append(out, '-')
		}
		i = n
	}
	first, run, groups := i, 0, 0
	kind := byte(0)
	for ; i < len(b) && b[i] != decimal; i++ {
		if b[i]-'0' <= 9 {
			out = append(out, b[i])
			run++
			continue
		}
		k, n := separatorAt(b[i:], other)
		switch {
		case k == 0, groups > 0 && (k != kind || run != 3), groups == 0 && (run < 1 || run > 3 || b[first] == '0'):
			return nil, false
		}
		kind, run = k, 0
		groups++
		i += n - 1
	}
	if groups > 0 && run != 3 || groups == 0 && run > 1 && b[first] == '0' {
		return nil, false
	}
	if groups > 0 && kind == ' ' && b[0] == '+' {
		return nil, false // rather a telephone number
	}
	if i == len(b) {
		return out, run > 0
	}
	if run == 0 {
		out = append(out, '0')
	}
	out = append(out, '.')
	for i++; i < len(b); i++ {
		if b[i]-'0' > 9 {
			return nil, false
		}
		out = append(out, b[i])
	}
	return out, out[len(out)-1] != '.'
}

// wholeNumeral reports whether a number with a layout is written without
// decimals and fits 64 bits.
func wholeNumeral(b []byte, comma bool) bool {
	var buf [longestNumeral]byte
	plain, ok := plainNumeral(buf[:0], b, comma)
	return ok && scanNumber(plain).kind == wholeNumber
}

const (
	minusSign   = "\u2212"
	wideSpace   = "\u00a0"
	narrowSpace = "\u202f"
	apostrophe  = "\u2019"
)

// signAt returns how long the sign is that b begins with.
func signAt(b []byte) int {
	switch {
	case len(b) == 0:
		return 0
	case b[0] == '+', b[0] == '-':
		return 1
	case bytes.HasPrefix(b, []byte(minusSign)):
		return len(minusSign)
	default:
		return 0
	}
}

// separatorAt returns which separator of thousands b begins with, 0 for none,
// and how long it is.
func separatorAt(b []byte, other byte) (kind byte, n int) {
	switch b[0] {
	case other:
		return other, 1
	case ' ', '\'':
		return b[0], 1
	}
	switch {
	case bytes.HasPrefix(b, []byte(wideSpace)):
		return ' ', len(wideSpace)
	case bytes.HasPrefix(b, []byte(narrowSpace)):
		return ' ', len(narrowSpace)
	case bytes.HasPrefix(b, []byte(apostrophe)):
		return '\'', len(apostrophe)
	default:
		return 0, 0
	}
}

// trimSpaces cuts spaces of any width off both ends.
func trimSpaces(b []byte) []byte {
	for {
		n := len(b)
		b = bytes.TrimSpace(b)
		b = bytes.TrimSuffix(bytes.TrimPrefix(b, []byte(narrowSpace)), []byte(narrowSpace))
		if len(b) == n {
			return b
		}
	}
}

// cutPercent returns what stands before a percent sign.
func cutPercent(b []byte) ([]byte, bool) {
	if len(b) < 2 || len(b) > longestNumeral || b[len(b)-1] != '%' {
		return nil, false
	}
	return trimSpaces(b[:len(b)-1]), true
}

// currencySigns are the signs of currencies and the codes that they mostly
// stand for.
var currencySigns = [...]struct{ sign, code string }{ //nolint:gochecknoglobals // a constant table
	{"€", "EUR"}, {"$", "USD"}, {"£", "GBP"}, {"¥", "JPY"}, {"₹", "INR"}, {"₩", "KRW"}, {"₽", "RUB"}, {"₺", "TRY"}, {"₴", "UAH"}, {"₫", "VND"}, {"₪", "ILS"}, {"฿", "THB"}, {"₦", "NGN"}, {"₱", "PHP"},
}

// currencyCodes are those of ISO 4217 that money is counted in.
const currencyCodes = " AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW "

// cutCurrency returns the amount beside the sign or the code of a currency,
// which stands before or after it, and whether the amount is negative: with a
// sign before the currency, or in parentheses.
func cutCurrency(b []byte) (unit string, amount []byte, negative, ok bool) {
	if len(b) < 2 || len(b) > longestNumeral {
		return "", nil, false, false
	}
	if b[0] == '(' && b[len(b)-1] == ')' {
		b, negative = trimSpaces(b[1:len(b)-1]), true
		if signAt(b) > 0 {
			return "", nil, false, false
		}
	}
	if n := signAt(b); n > 0 {
		// A sign before the currency; before the amount it is the amount's.
		if unit, rest := currencyBefore(trimSpaces(b[n:])); unit != "" && signAt(rest) == 0 {
			return unit, rest, b[0] != '+', true
		}
	}
	if unit, rest := currencyBefore(b); unit != "" {
		return unit, rest, negative, len(rest) > 0 && (!negative || signAt(rest) == 0)
	}
	unit, rest := currencyAfter(b)
	return unit, rest, negative, unit != "" && len(rest) > 0
}

// inCurrency reports whether the sign or the code of a currency has the byte: all
// signs but one are beyond ASCII.
func inCurrency(c byte) bool { return c >= utf8.RuneSelf || c == '$' || c >= 'A' && c <= 'Z' }

func currencyBefore(b []byte) (unit string, rest []byte) {
	if len(b) == 0 || !inCurrency(b[0]) {
		return "", b
	}
	for _, c := range currencySigns {
		if bytes.HasPrefix(b, []byte(c.sign)) {
			return c.code, trimSpaces(b[len(c.sign):])
		}
	}
	if len(b) > 3 && currencyCode(b[:3]) {
		return string(b[:3]), trimSpaces(b[3:])
	}
	return "", b
}

func currencyAfter(b []byte) (unit string, rest []byte) {
	if len(b) == 0 || !inCurrency(b[len(b)-1]) {
		return "", b
	}
	for _, c := range currencySigns {
		if bytes.HasSuffix(b, []byte(c.sign)) {
			return c.code, trimSpaces(b[:len(b)-len(c.sign)])
		}
	}
	if n := len(b) - 3; n > 0 && currencyCode(b[n:]) {
		return string(b[n:]), trimSpaces(b[:n])
	}
	return "", b
}

func currencyCode(b []byte) bool {
	for _, c := range b {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return strings.Contains(currencyCodes, " "+string(b)+" ")
}
