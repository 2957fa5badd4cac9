package pii

import (
	"strings"
	"sync"
)

// Words for streets, in front of the number, behind it, and as the end of a word.
const (
	streetsBehind = "street st avenue ave av road rd boulevard blvd lane ln drive dr court ct way place pl terrace ter close crescent cres square sq highway hwy parkway pkwy circle cir trail alley mews row grove gardens walk hill wharf quay pike loop plz plaza pkway expressway expy freeway fwy"
	streetsFront  = "rue avenue boulevard place chemin impasse allee quai route calle avenida av avda plaza paseo carrer camino carretera via viale piazza corso largo vicolo rua travessa alameda praca ulica ul aleja osiedle plac c/ cra carrera pza pso glorieta ronda urb urbanizacion jiron rodovia praceta largo lungomare salita bd bld cours sentier faubourg bulevar bulevardul strada str calea soseaua aleea namesti ulice trida prospekt pr-t ul odos leoforos jalan jl jln soi улица ул проспект просп пр-т пр переулок пер бульвар шоссе площадь набережная οδοσ λεωφοροσ شارع طريق"
)

//nolint:gochecknoglobals // a constant list
var streetEnds = byLast("strasse", "straße", "str", "weg", "platz", "gasse", "allee", "ufer", "damm", "straat", "laan", "plein", "gracht", "gatan", "vagen", "vej", "gade", "gata", "veien", "katu", "kuja", "polku", "steig", "stieg", "chaussee", "kade", "dijk", "singel", "stigen", "torget", "stien", "utca", "korut")

//nolint:gochecknoglobals // made once of constant lists
var readStreets = sync.OnceValue(func() map[string]uint8 {
	streets := make(map[string]uint8)
	for mark, list := range map[uint8]string{streetBehind: streetsBehind, streetFront: streetsFront} {
		for word := range strings.FieldsSeq(list) {
			streets[word] |= mark
		}
	}
	return streets
})

const (
	streetBehind = 1
	streetFront  = 2
	streetEnd    = 4
)

// joinedAddress looks at addresses of China, Japan and Korea, which have few spaces:
// a word for a district or a street, and numbers behind it.
func joinedAddress(s string) forms {
	marks := 0
	for _, of := range [...]string{"省州", "都府県縣", "市군", "区區구町村郡县縣乡鄉", "路街道巷弄段条로길", "号號番地丁동"} {
		if strings.ContainsAny(s, of) {
			marks++
		}
	}
	switch {
	case marks >= 2:
		return streetForm
	case marks == 1:
		return addressShape
	}
	return 0
}

// addressForms tells whether words are an address.
func addressForms(s string) (f forms) {
	var marks, sizes [16]uint8
	n, numbers, letters := 0, 0, 0
	const isNumber = 8
	for word := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ' ' || r == ',' || r == '\n' || r == '\t' || r == ';' }) {
		if n == len(marks) {
			return 0
		}
		word = strings.Trim(word, ".#()")
		if word == "" {
			continue
		}
		switch {
		case isDigit(word[0]):
			if !houseNumber(word) {
				n++
				continue
			}
			marks[n] = isNumber
			numbers++
		default:
			marks[n] = streetMark(plainWord(word))
			letters++
		}
		sizes[n] = uint8(min(len(word), 200))
		n++
	}
	if letters == 0 || n < 2 {
		return 0
	}
	if strings.HasPrefix(strings.ToLower(s[:min(len(s), 8)]), "po box ") && numbers > 0 {
		return streetForm
	}
	if numbers == 0 {
		return 0
	}
	f = addressShape
	for i := range n {
		switch m := marks[i]; {
		case m&streetBehind != 0 && marks[0] == isNumber && i >= 2 && sizes[1] > 1,
			m&streetFront != 0 && i <= 1 && i+2 < n && (i == 0 || marks[0] == isNumber),
			m&streetFront != 0 && i == 0 && n > 2,
			m&streetEnd != 0 && i+1 < n && marks[i+1] == isNumber,
			m&streetEnd != 0 && i == n-1 && i > 0 && marks[0] == isNumber:
			return f | streetForm
		}
	}
	return f
}

// streetMark says what a word in small letters says about a street.
func streetMark(word string) uint8 {
	mark := readStreets()[word]
	if word == "" {
		return mark
	}
	for _, end := range streetEnds[word[len(word)-1]] {
		if strings.HasSuffix(word, end) && (len(word) > len(end)+2 || word == end) {
			mark |= streetEnd
		}
	}
	return mark
}

// houseNumber reports whether the word is a number as houses have, such as 12, 12b
// or 12-14.
func houseNumber(word string) bool {
	digits, letters := 0, 0
	for i := range len(word) {
		switch c := word[i]; {
		case isDigit(c):
			digits++
		case isLower(c) || isUpper(c):
			letters++
		case c != '-' && c != '/':
			return false
		}
	}
	return digits <= 6 && letters <= 2
}
