package pii

import (
	"strings"
	"sync"
	"unicode/utf8"
)

// meaning is what a word of a name means.
type meaning struct {
	concept string // itself, if no list has it
	role    bool   // it stands for a person
	thing   bool   // and for no person
	filler  bool
}

//nolint:gochecknoglobals // made once of constant tables
var readVocabulary = sync.OnceValue(func() map[string]meaning {
	words := make(map[string]meaning)
	for concept, list := range labelled(conceptList) {
		for word := range strings.FieldsSeq(list) {
			if _, ok := words[word]; !ok {
				words[word] = meaning{concept: concept}
			}
		}
	}
	for label, list := range labelled(wordList) {
		for word := range strings.FieldsSeq(list) {
			m, ok := words[word]
			if !ok {
				m.concept = word
			}
			m.role, m.thing, m.filler = m.role || label == "role", m.thing || label == "thing", m.filler || label == "filler"
			words[word] = m
		}
	}
	return words
})

// means returns what a word means; what is in no list is taken apart into words that
// are, as languages with compounds have them: telefoonnummer, geburtsdatum, 顧客名.
func means(word string) []meaning {
	words := readVocabulary()
	if m, ok := words[word]; ok {
		return []meaning{m}
	}
	if parts := takeApart(words, word, 0); parts != nil {
		return parts
	}
	if eastAsian(word) {
		return within(words, word)
	}
	// What ends with a word that is long enough is a kind of that.
	for n := longEnding; n <= len(word)-shortPart; n++ {
		m, ok := words[word[len(word)-n:]]
		if !ok || noKind[word[:len(word)-n]] {
			continue
		}
		switch m.concept {
		case "phone", "address", "birthday", "passport", "idcard", "familyname", "givenname":
			return []meaning{m}
		}
	}
	return []meaning{{concept: word}}
}

// longEnding is how many bytes an ending has that says by itself what a word means.
const longEnding = 5

//nolint:gochecknoglobals // a constant list
var noKind = setOf("ip", "mac", "web", "url", "email", "mail", "emai", "e", "inter", "micro", "mega", "head", "smart", "gramo", "sax", "xylo")

// within returns the meanings of the words in a text without spaces.
func within(words map[string]meaning, text string) (all []meaning) {
	for text != "" {
		found := false
		for n := len(text); n >= shortPart; n-- {
			if m, ok := words[text[:n]]; ok {
				all, text, found = append(all, m), text[n:], true
				break
			}
		}
		if !found {
			_, size := utf8.DecodeRuneInString(text)
			text = text[size:]
		}
	}
	return all
}

const (
	mostParts   = 4
	shortPart   = 3 // bytes of a part, but for the last
	shortEnding = 2
)

// takeApart returns the meanings of the parts of a word, nil if it does not fall
// apart as a whole. Sounds that join the parts of compounds are skipped.
func takeApart(words map[string]meaning, word string, depth int) []meaning {
	if depth == mostParts {
		return nil
	}
	for n := len(word); n >= shortEnding; n-- {
		if n < shortPart && (n < len(word) || depth == 0) || depth == 0 && n == len(word) {
			continue
		}
		m, ok := words[word[:n]]
		if !ok || m.filler {
			continue
		}
		rest := word[n:]
		if rest == "" {
			return []meaning{m}
		}
		for _, join := range [...]string{"", "s", "n", "en", "es", "e"} {
			if tail, ok := strings.CutPrefix(rest, join); ok && tail != "" {
				if more := takeApart(words, tail, depth+1); more != nil {
					return append([]meaning{m}, more...)
				}
			}
		}
	}
	return nil
}
