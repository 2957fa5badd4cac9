package pii

import (
	"slices"
	"strings"
)

// forms are what a value can be, each a bit.
type forms uint64

const (
	emailForm forms = 1 << iota
	emailInside
	phoneForm     // with the code of a country, or written as phone numbers are
	phoneDigits   // that could be one
	phoneNational // digits alone, with the zero that stands before the codes of places
	ssnForm       // with dashes
	ssnDigits     // that could be one
	nationalForm  // a number of a person whose letters or signs tell it from other numbers
	nationalCheck // digits alone, with a check that one of twelve holds by chance, or fewer
	nationalName  // digits that need the name of the column
	idForm        // letters and digits, or many digits
	cardForm
	ibanForm
	ip4Form
	ip4High // no number of a version
	ip6Form
	dateForm          // a date on which somebody may have been born
	personBoth        // a given and a family name
	personGiven       // words with a given name
	personFamily      // words with a family name
	personWords       // words as names are
	personMarked      // words as names are, with a title, an initial or turned around
	personOwn         // a name of another script, by its family name or its endings
	personOneGiven    // a given name alone
	personOneFamily   // a family name alone
	personOneDoubtful // a given name that is as often something else
	personOne         // a word that could be one
	personNever       // words that names do not have
	personMissing     // a word for there being none
	streetForm
	addressShape
	nhsForm
	mbiForm
	medicalForm
	accountForm
	routingForm
	swiftForm
	keyForm
	secretForm
	passwordForm
)

const (
	longestValue = 300 // bytes of a value that is looked at as a whole
	longestText  = 20_000
	shortest     = 4

	longestScheme = 10
)

// stars stand for what is hidden.
const stars = "***"

// shape counts the bytes of a value.
type shape struct {
	digits, upper, lower, spaces, dots, dashes, colons, slashes, at, high, other int
}

func shapeOf(s string) (h shape) {
	for i := range len(s) {
		switch c := s[i]; {
		case isDigit(c):
			h.digits++
		case isLower(c):
			h.lower++
		case isUpper(c):
			h.upper++
		case c == ' ':
			h.spaces++
		case c == '.':
			h.dots++
		case c == '-':
			h.dashes++
		case c == ':':
			h.colons++
		case c == '/':
			h.slashes++
		case c == '@':
			h.at++
		case c >= 0x80:
			h.high++
		default:
			h.other++
		}
	}
	return h
}

func (h shape) letters() int { return h.upper + h.lower }

// formsOf returns what a text can be; secret says that the column is named as those
// of secrets are. Values that were hidden are nothing.
func formsOf(s string, secret bool) forms {
	s = strings.TrimSpace(s)
	if len(s) < 2 || strings.Contains(s, stars) {
		return 0
	}
	if len(s) > longestValue {
		return inText(s[:min(len(s), longestText)])
	}
	h := shapeOf(s)
	f := forms(0)
	if h.at > 0 {
		f |= emailForms(s, h)
	}
	switch {
	case h.digits == 0:
		if h.letters()+h.high > 0 {
			f |= wordForms(s, h)
		}
		if h.colons >= 2 {
			f |= ip6Forms(s)
		}
	case h.letters()+h.high == 0:
		f |= numberForms(s, h)
	default:
		f |= mixedForms(s, h)
	}
	switch {
	case len(s) >= shortest && h.spaces == 0:
		f |= secretForms(s, h, secret)
	case h.spaces == 1 && len(s) > longestScheme:
		// Schemes of authorization stand before their tokens.
		scheme, token, _ := strings.Cut(s, " ")
		if len(scheme) <= longestScheme && scheme != "" && isUpper(scheme[0]) {
			f |= secretForms(token, shapeOf(token), secret) & keyForm
		}
	}
	if h.digits > 0 && h.letters()+h.high == 0 && (h.colons == 1 || strings.IndexByte(s, ',') > 0) {
		f |= ip4Parts(s)
	}
	return f
}

// inText looks for what is hidden in a long text.
func inText(s string) (f forms) {
	if strings.Contains(s, "-----BEGIN ") && strings.Contains(s, "PRIVATE KEY-----") {
		f |= keyForm
	}
	if strings.IndexByte(s, '@') >= 0 && emailWithin(s) {
		f |= emailInside
	}
	if len(s) < 4000 && known(s) {
		f |= keyForm
	}
	return f
}

// numberForms looks at digits and signs without letters.
func numberForms(s string, h shape) (f forms) {
	var room [40]byte
	if h.digits > len(room) {
		return 0
	}
	d := appendDigits(room[:0], s)
	if len(d) == len(s) {
		return digitForms(d)
	}
	switch {
	case h.dots == 3 && h.digits+3 == len(s):
		f |= ip4Forms(s)
	case h.colons >= 2:
		return ip6Forms(s)
	}
	f |= dateForms(s) | phoneForms(s, d, h)
	onlyDashes, onlySpaces := h.dashes+h.digits == len(s), h.spaces+h.digits == len(s)
	switch {
	case len(d) == 9 && (cutAs(s, "ddd-dd-dddd") || cutAs(s, "ddd"+" dd"+" dddd")) && ssn(d):
		f |= ssnForm
	case len(d) == 9 && (cutAs(s, "ddd-ddd-ddd") || cutAs(s, "ddd"+" ddd"+" ddd")) && sin(d):
		f |= nationalForm
	case len(d) == 11 && cutAs(s, "ddd.ddd.ddd-dd") && cpf(d),
		len(d) == 12 && (cutAs(s, "dddd"+" dddd"+" dddd") || cutAs(s, "dddd-dddd-dddd")) && aadhaar(d),
		len(d) == 13 && cutAs(s, "ddd.dddd.dddd.dd") && ahv(d),
		len(d) == 15 && onlySpaces && insee(d),
		len(d) == 10 && (cutAs(s, "dddddd-dddd") || cutAs(s, "dddddd+dddd")) && personnummer(d),
		len(d) == 12 && cutAs(s, "dddddddd-dddd") && personnummer(d[2:]),
		len(d) == 13 && cutAs(s, "dddddd-ddddddd") && birthDigits(d, false),
		len(d) == 10 && cutAs(s, "dddddd/dddd") && birthDigits(d, true) && number(d)%11 == 0,
		len(d) == 11 && (cutAs(s, "ddd-ddd-ddd"+" dd") && snils(d) || cutAs(s, "dd.dd.dd-ddd.dd") && rijksregister(d)),
		h.dashes == 1 && h.dots == 2 && rut(s):
		f |= nationalForm
	case len(d) == 10 && onlySpaces && nhs(d):
		f |= nhsForm
	case (onlyDashes || onlySpaces) && card(d):
		f |= cardForm
	case len(d) == 6 && cutAs(s, "dd-dd-dd"):
		f |= routingForm
	}
	if (onlyDashes || onlySpaces) && len(d) >= 6 && len(d) <= 18 {
		f |= accountForm | idForm
	}
	return f
}

// cutAs reports whether the text has digits where the form has d, and the signs of
// the form elsewhere.
func cutAs(s, form string) bool {
	if len(s) != len(form) {
		return false
	}
	for i := range len(s) {
		if form[i] == 'd' && !isDigit(s[i]) || form[i] != 'd' && form[i] != s[i] {
			return false
		}
	}
	return true
}

// digitForms looks at digits alone, as texts and whole numbers have them.
func digitForms(d []byte) (f forms) {
	switch n := len(d); {
	case n < 6:
		return 0
	case n == 8:
		f |= dateDigits(d)
	case n == 9:
		if ssn(d) {
			f |= ssnDigits
		}
		if weakly(d) {
			f |= nationalName
		}
		if routing(d) {
			f |= routingForm
		}
	case n == 10:
		if nhs(d) {
			f |= nhsForm
		}
	case n == 13 && ahv(d), n == 15 && insee(d), n == 18 && resident(d):
		f |= nationalForm
	}
	if personal(d) {
		f |= nationalCheck
	}
	if card(d) {
		f |= cardForm
	}
	if len(d) >= 9 && len(d) <= 13 && !same(d) {
		f |= phoneDigits
		if len(d) <= 12 && len(d) >= 10 && d[0] == '0' && d[1] != '0' && !nhs(d) {
			f |= phoneNational
		}
	}
	if len(d) <= 18 {
		f |= accountForm | idForm
	}
	return f
}

// mixedForms looks at letters and digits.
func mixedForms(s string, h shape) (f forms) {
	if h.colons >= 2 {
		f |= ip6Forms(s)
	}
	var room [40]byte
	if h.digits+h.letters() <= len(room) && h.high == 0 && h.lower == 0 {
		f |= codeForms(packed(room[:0], s), h)
	}
	if h.letters() == 1 && h.digits >= 8 && h.digits <= 18 {
		f |= phoneExtension(s)
	}
	if h.letters() <= 2 && h.digits >= 8 && h.digits <= 17 && (hetu(s) || h.dashes == 1 && rut(s)) {
		f |= nationalForm
	}
	if h.lower > 0 && h.spaces == 0 && h.high == 0 && len(s) >= 15 && len(s) <= 34 && isLower(s[0]) && isLower(s[1]) {
		if t := packed(room[:0], strings.ToUpper(s)); iban(t) {
			f |= ibanForm
		}
	}
	if h.letters() <= 12 && h.digits >= 3 && h.digits <= 6 {
		f |= dateWords(s)
	}
	if h.high == 0 && medical(s) {
		f |= medicalForm
	}
	if h.high >= 6 && eastAsian(s) {
		f |= joinedAddress(s)
	}
	if h.spaces > 0 {
		f |= addressForms(s)
	} else if h.lower == 0 || h.digits >= h.letters() {
		if n := h.digits + h.letters() + h.dashes; n == len(s) && n >= 5 && n <= 20 {
			f |= idForm
		}
	}
	if h.lower == 0 && h.dashes+h.spaces+h.digits+h.upper == len(s) && h.digits >= 6 && h.upper <= 4 {
		f |= accountForm
	}
	return f
}

// packed appends the letters and digits of a text whose other bytes are few.
func packed(b []byte, s string) []byte {
	for i := range len(s) {
		switch c := s[i]; {
		case isDigit(c) || isUpper(c):
			b = append(b, c)
		case c != ' ' && c != '-' && c != '.':
			return nil
		}
	}
	return b
}

// codeForms looks at capitals and digits.
func codeForms(t []byte, h shape) (f forms) {
	if len(t) < 8 {
		return 0
	}
	if isUpper(t[0]) && isUpper(t[1]) && iban(t) {
		f |= ibanForm
	}
	switch n := len(t); {
	case n == 9 && (nino(t) || dni(t)),
		n == 15 && insee(t),
		n == 18 && (curp(t) || t[17] == 'X' && onlyDigits(t[:17]) && resident(t)),
		n == 16 && h.upper >= 7 && codiceFiscale(t):
		f |= nationalForm
	case n == 11 && mbi(t):
		f |= mbiForm
	case n == 10 && taxIndia(t):
		f |= nationalForm
	case n == 13 && rfc(t), n == 9 && nric(t):
		f |= nationalName | idForm
	}
	if (len(t) == 8 || len(t) == 11) && swift(t) {
		f |= swiftForm
	}
	return f
}

// otherBanks are countries with banks and without IBANs.
//
//nolint:gochecknoglobals // a constant list
var otherBanks = [...]string{"US", "CA", "AU", "JP", "CN", "IN", "SG", "HK", "ZA", "MX", "KR", "NZ", "TH", "ID", "MY", "PH", "VN", "AR", "CL", "CO", "PE", "RU"}

// swift reports whether the text is a code of a bank (ISO 9362).
func swift(t []byte) bool {
	for _, c := range t[:6] {
		if !isUpper(c) {
			return false
		}
	}
	return ibanLengths[string(t[4:6])] > 0 || slices.Contains(otherBanks[:], string(t[4:6]))
}

// medical reports whether the text begins as numbers of medical records do.
func medical(s string) bool {
	upper := strings.ToUpper(s[:min(len(s), 4)])
	rest, ok := strings.CutPrefix(upper, "MRN")
	if !ok || len(s) < 6 {
		return false
	}
	tail := strings.TrimLeft(rest+s[min(len(s), 4):], "-:# ")
	for i := range len(tail) {
		if !isDigit(tail[i]) {
			return false
		}
	}
	return len(tail) >= 4
}
