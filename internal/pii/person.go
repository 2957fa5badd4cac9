package pii

import (
	"math"
	"strings"
	"unicode"
	"unicode/utf8"
)

// notPeople are words that names of people do not have.
//
//nolint:gochecknoglobals // a constant list
var notPeople = setOf(
	"inc", "llc", "llp", "ltd", "limited", "plc", "gmbh", "ag", "kg", "ohg", "ug", "corp", "corporation", "co", "company", "companies", "group", "holding", "holdings", "sons", "bros", "brothers",
	"partners", "associates", "sarl", "sas", "srl", "spa", "sl", "sa", "bv", "nv", "ab", "oy", "as", "aps", "motors", "foods", "systems", "solutions", "technologies", "services", "industries", "international", "global",
	"store", "shop", "market", "street", "road", "ave", "avenue", "square", "city", "park", "garden", "gardens", "hotel", "restaurant", "cafe", "pizza", "bar", "inn", "school", "university",
	"college", "academy", "institute", "hospital", "clinic", "bank", "church", "center", "centre", "station", "airport", "intl", "county", "lake", "river", "island", "valley", "beach", "hill", "hills", "building", "tower", "arena",
	"north", "south", "east", "west", "new", "the", "and", "or", "of", "for", "with", "to", "in", "on", "by", "from", "san", "santa", "santo", "sao", "puerto", "saint", "st", "fort", "port", "mount", "disease", "syndrome",
	"test", "type", "other", "none", "unknown", "yes", "no", "true", "false", "total", "manager", "engineer", "director", "assistant", "analyst", "officer", "sales", "service", "department", "team", "club", "united", "real",
	"tea", "oil", "ale", "wine", "beer", "juice", "bread", "salad", "soup", "cake", "cream", "sauce", "water", "lamp", "chair", "table", "desk", "ring", "shirt", "jacket", "bag", "box", "set", "cable", "bottle", "mug",
	"blue", "red", "orange", "yellow", "black", "white", "dark", "light", "gold", "silver", "wool", "cotton", "steel", "wood",
)

const (
	longestName = 60
	mostWords   = 5
)

// people are the forms that speak for or against a name of a person.
const people = personBoth | personGiven | personFamily | personWords | personMarked | personOwn | personOneGiven | personOneFamily | personOneDoubtful | personOne | personNever

// weights are how much a value of a form speaks for names of people, as the natural
// logarithm of how much more often columns of names have it than other columns do.
// They are judged, not fitted: of two words of which the first is a given name it is
// a few times, of single words that are given names hardly, since so are towns,
// counties and brands.
//
//nolint:gochecknoglobals // a constant table
var weights = []struct {
	form   forms
	weight float64
}{
	{personBoth, 2.6},
	{personGiven, 1.8},
	{personMarked, 1.6},
	{personOwn, 1.5},
	{personFamily, 0.5},
	{personWords, -0.4},
	{personOneGiven, 0.9},
	{personOneFamily, 0.1},
	{personOneDoubtful, -0.2},
	{personOne, -0.7},
	{personNever, -3},
}

const (
	noName       = -2.0 // the weight of any other value
	mostEvidence = 8.0  // for so many values a column counts, since they resemble each other
	halfEvidence = 4.0  // different values at which it is half as many,
	halfNameless = 8.0  // without a name that says something: categories are few
)

// before is what there is to be said before a look at the values, as log odds.
func before(name hint) float64 {
	switch {
	case name.strength >= strongName:
		return 6
	case name.strength >= likelyName:
		return 4.5
	case name.strength >= weakName:
		return 1.5
	case name.strength >= anyName:
		return -2
	case name.strength == otherThing:
		return -20
	default:
		return -4.5
	}
}

// evidence adds up what the values and the name say about names of people, and
// returns how sure that is, and how many values speak for it.
func (c *Column) evidence(values int64) (confidence float64, matched int64) {
	missing := c.people[len(weights)]
	if values -= missing; values <= 0 || len(c.persons) < 2 {
		return 0, 0
	}
	sum, seen := 0.0, int64(0)
	for i, w := range weights {
		sum += w.weight * float64(c.people[i])
		seen += c.people[i]
		if w.form&personNever == 0 {
			matched += c.people[i]
		}
	}
	sum += noName * float64(max(values-seen, 0))
	name, half, different := c.hints[PersonName], halfEvidence, float64(len(c.persons))
	if name.strength == 0 {
		half = halfNameless
	}
	odds := before(name) + mostEvidence*different/(different+half)*sum/float64(values)
	const most = 0.97
	return min(1/(1+math.Exp(-odds)), most), min(matched, values)
}

// wordForms looks at letters without digits.
func wordForms(s string, h shape) (f forms) {
	if h.lower == 0 && h.spaces == 0 && (len(s) == 8 || len(s) == 11) && swift([]byte(s)) {
		f |= swiftForm
	}
	if nothing(s) {
		return f | personMissing
	}
	if len(s) > longestName || h.colons+h.slashes+h.at > 0 || h.spaces > mostWords {
		return f
	}
	if before, _, ok := strings.Cut(s, " ("); ok {
		s = before // another name in brackets
	}
	if h.high > 0 {
		if own := ownScript(s); own != 0 {
			return f | own
		}
	}
	return f | personForms(s)
}

// noValue are words that say that there is no value, in small letters.
//
//nolint:gochecknoglobals // a constant list
var noValue = setOf("n/a", "na", "nan", "none", "null", "nil", "unknown", "unbekannt", "inconnu", "desconocido", "see file", "tbd", "xx", "xxx", "not given", "anonymous", "no name", "keine", "k.a.", "test", "missing")

// nothing reports whether the words say that there is no value.
func nothing(s string) bool {
	const longest = 11
	if len(s) > longest {
		return false
	}
	var room [longest]byte
	b := room[:0]
	for i := range len(s) {
		c := s[i]
		if isUpper(c) {
			c += 'a' - 'A'
		}
		b = append(b, c)
	}
	return noValue[string(b)]
}

// spelled are the words of a name, without titles.
type spelled struct {
	words  [mostWords + 3]string
	n      int
	turned bool // the family name is first, with a comma behind it
	titled bool
}

func spell(s string) (p spelled, ok bool) {
	for word := range strings.FieldsSeq(s) {
		if p.n == len(p.words) {
			return p, false
		}
		word, last := strings.CutSuffix(word, ",")
		if last {
			if p.turned || p.n > 2 {
				return p, false
			}
			p.turned = true
		}
		p.words[p.n] = strings.TrimSuffix(word, ".")
		p.n++
	}
	for p.n > 1 && title(p.words[0]) {
		copy(p.words[:], p.words[1:p.n])
		p.n--
		p.titled = true
	}
	if p.turned && p.n > 2 && title(p.words[1]) {
		copy(p.words[1:], p.words[2:p.n])
		p.n--
		p.titled = true
	}
	return p, p.n > 0 && p.n <= mostWords
}

// counted are the words of a value that are what names have.
type counted struct{ given, doubtful, family, known, capital, initial, particle int }

// personForms tells whether words are a name of a person.
func personForms(s string) forms {
	p, ok := spell(s)
	if !ok {
		return 0
	}
	lexicon := readLexicon()
	var c counted
	for i, word := range p.words[:p.n] {
		first, size := utf8.DecodeRuneInString(word)
		if size == 0 || !wordOfName(word) {
			return 0
		}
		key := plainWord(word)
		mark := lexicon[key]
		if notPeople[key] && (i > 0 || mark&doubtfulName == 0) {
			return personNever
		}
		if a, b, ok := strings.Cut(key, "-"); ok && mark == 0 {
			mark = lexicon[a]&givenName | (lexicon[a]|lexicon[b])&familyName
		}
		switch {
		case mark&givenName != 0:
			c.given++
		case mark&doubtfulName != 0:
			c.doubtful++
		}
		if mark&familyName != 0 || mark == 0 && endOfFamily(key) {
			c.family++
			mark |= familyName
		}
		if mark != 0 {
			c.known++
		}
		switch {
		case len(key) == 1 && p.n > 1:
			c.initial++
		case particle(key) && p.n > 1:
			c.particle++
		}
		if unicode.IsUpper(first) {
			c.capital++
		}
	}
	if p.n == 1 {
		return oneWord(c)
	}
	return manyWords(&p, c)
}

func oneWord(c counted) forms {
	switch {
	case c.given > 0:
		return personOneGiven
	case c.doubtful > 0:
		return personOneDoubtful
	case c.family > 0:
		return personOneFamily
	case c.capital > 0:
		return personOne
	default:
		return 0
	}
}

func manyWords(p *spelled, c counted) forms {
	// Small letters are names only where both parts are known.
	cased := c.capital >= p.n-c.particle
	switch {
	case p.titled && cased:
		return personMarked
	case c.given > 0 && c.family > 0 && c.known > 1:
		return personBoth
	case !cased:
		return 0
	case p.turned && c.known > 0:
		return personBoth
	case c.given > 0:
		return personGiven
	case p.turned, c.initial > 0 && p.n-c.initial <= 2:
		return personMarked
	case c.family > 0, c.particle > 0:
		return personFamily
	}
	return personWords
}

// endings of family names that other words hardly have.
//
//nolint:gochecknoglobals // a constant list
var familyEndings = byLast(
	"sson", "dottir", "owski", "owska", "ewski", "ewska", "inski", "inska", "ynski", "ynska", "icki", "icka", "czyk", "wicz", "ovic", "evic", "ovich", "evich", "enko", "chuk", "shvili", "adze", "opoulos", "opoulou", "akis", "idis", "oglu",
	"escu", "eanu", "inen", "strom", "qvist", "quist", "gren", "berg", "mann", "stra", "sma", "ova", "eva", "yan", "yants", "nov", "kov", "tov", "lov", "rov", "mov", "dov", "zov", "hov", "sov", "pov", "yev", "iev", "ayev", "nsen", "rsen", "lsen", "dsen", "ksen", "tsen", "jic", "idze", "auskas", "avicius", "evicius", "aityte", "uddin", "ullah", "zadeh", "zade", "nejad", "poulos", "iadis", "mayer", "meier", "bauer", "huber", "hofer", "maier", "swami", "murthy", "wardena", "singhe", "elli", "etti", "acci", "ucci", "aldi", "ardi", "azzo",
)

func endOfFamily(key string) bool {
	const shortest = 6
	if len(key) < shortest {
		return false
	}
	for _, end := range familyEndings[key[len(key)-1]] {
		if strings.HasSuffix(key, end) {
			return true
		}
	}
	for _, start := range [...]string{"mc", "fitz", "abdul", "abdel", "abdur", "oluw", "adew", "adey", "adek", "ogun", "chukwu"} {
		if strings.HasPrefix(key, start) {
			return true
		}
	}
	return false
}

// particle reports whether the word stands before family names.
func particle(word string) bool {
	switch word {
	case "von", "van", "de", "der", "den", "del", "della", "di", "da", "do", "dos", "das", "du", "la", "le", "lo", "los", "las", "zu", "zur", "vom", "al", "el", "ben", "bin", "ibn", "abu", "ter", "ten", "te", "af", "av", "o", "d", "y", "e", "i", "jr", "sr", "ii", "iii", "iv":
		return true
	}
	return false
}

// wordOfName reports whether the word has letters, and signs that names have.
func wordOfName(word string) bool {
	for _, r := range word {
		if !unicode.IsLetter(r) && !unicode.IsMark(r) && !strings.ContainsRune(innerSigns, r) {
			return false
		}
	}
	return true
}

// innerSigns are signs that names have between their letters.
const innerSigns = "'-.’‘ʻʼ`´"

// plainWord returns the word in small letters without accents.
func plainWord(word string) string {
	plain := true
	for i := range len(word) {
		if c := word[i]; !isLower(c) && c != '-' {
			plain = false
			break
		}
	}
	if plain {
		return word
	}
	var room [64]byte
	b := room[:0]
	for _, r := range word {
		switch {
		case r < utf8.RuneSelf && isUpper(byte(r)):
			b = append(b, byte(r)+'a'-'A')
		case r < utf8.RuneSelf && (isLower(byte(r)) || r == '-'):
			b = append(b, byte(r))
		case strings.ContainsRune(innerSigns, r) || r < 0x370 && unicode.IsMark(r):
		default:
			b = utf8.AppendRune(b, unicode.ToLower(fold(r)))
		}
	}
	return string(b)
}

// title reports whether the word, in small letters, is how people are addressed.
func title(word string) bool {
	const longest = 8
	if len(word) > longest {
		return false
	}
	switch plainWord(word) {
	case "mr", "mrs", "ms", "miss", "mx", "dr", "prof", "sir", "dame", "rev", "herr", "frau", "mme", "mlle", "m", "sr", "sra", "srta", "don", "dona", "sig", "dott", "dottssa", "ing", "dhr", "mevr", "mevrouw", "shri", "smt", "sayin", "pan", "pani":
		return true
	}
	return false
}
