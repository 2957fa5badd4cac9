package pii

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Mask shows a value of a kind so that nobody learns it: of an address of mail the
// first character and the domain, of a phone number the last two digits, of numbers
// of persons, cards and accounts the last four, of anything else the first and the
// last character. What is too short for that, and secrets, are hidden as a whole. A
// masked value stays as it is.
func Mask(k Kind, value string) string {
	value = strings.TrimSpace(value)
	if value == "" || Hidden(value) {
		return value
	}
	switch k {
	case Email:
		if local, domain, ok := strings.Cut(value, "@"); ok && address(value) {
			_, size := utf8.DecodeRuneInString(local)
			return local[:size] + stars + "@" + domain
		}
		return ends(value)
	case Phone:
		return last(value, 2)
	case SSN, NationalID, CreditCard, IBAN, FinancialAccount:
		return last(value, 4)
	case APIKey:
		return stars
	default:
		return ends(value)
	}
}

// Hidden reports whether the value is what Mask makes.
func Hidden(value string) bool {
	return strings.Contains(value, stars)
}

// last shows so many letters and digits at the end of what is at least twice as
// long.
func last(value string, n int) string {
	var b []byte
	for i := range len(value) {
		if c := value[i]; isDigit(c) || isLower(c) || isUpper(c) {
			b = append(b, c)
		}
	}
	if len(b) < 2*n {
		return stars
	}
	return stars + string(b[len(b)-n:])
}

// ends shows the first and the last character of what has more than four.
func ends(value string) string {
	const short = 4
	if utf8.RuneCountInString(value) <= short {
		return stars
	}
	_, first := utf8.DecodeRuneInString(value)
	_, final := utf8.DecodeLastRuneInString(value)
	return value[:first] + stars + value[len(value)-final:]
}

// MaskAny masks a cell of a table, which becomes text; nil stays nil.
func MaskAny(k Kind, cell any) any {
	switch v := cell.(type) {
	case nil:
		return nil
	case string:
		return Mask(k, v)
	case int64:
		return Mask(k, strconv.FormatInt(v, 10))
	case float64:
		return Mask(k, strconv.FormatFloat(v, 'f', -1, 64))
	case bool:
		return stars
	default:
		return Mask(k, fmt.Sprint(v))
	}
}

// Quote shows a value in a message, masked if it looks like personal data by
// itself. What stands around the name of a column says more than this can know:
// values of columns that are known to be personal are for Mask.
func Quote(value string) string {
	f := formsOf(value, false)
	for i := range rules {
		if r := &rules[i]; f&r.forms != 0 && r.strength > 0 {
			return Mask(r.kind, value)
		}
	}
	if f&(personBoth|personGiven|personMarked|personOwn|personOneGiven) != 0 {
		return Mask(PersonName, value)
	}
	return value
}
