package pii

import (
	_ "embed"
	"iter"
	"strings"
	"sync"
)

// The lists are read as they are: together they have 92 kB, and half a megabyte once
// they were read, which is when a text first has to be told from a name.
var (
	//go:embed lexicon/given.txt
	givenNames string
	//go:embed lexicon/doubtful.txt
	doubtfulNames string
	//go:embed lexicon/family.txt
	familyNames string
	//go:embed lexicon/concept.txt
	conceptList string
	//go:embed lexicon/word.txt
	wordList string
	//go:embed lexicon/phrase.txt
	phraseList string
)

// labelled returns the lines of a list with what stands before their colons. Lines
// that begin with # say what the list is.
func labelled(list string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for line := range strings.Lines(list) {
			label, rest, ok := strings.Cut(strings.TrimSpace(line), ": ")
			if ok && line[0] != '#' && !yield(label, rest) {
				return
			}
		}
	}
}

// What is known of a word in small letters without accents.
const (
	givenName uint8 = 1 << iota
	familyName
	doubtfulName // a given name, and as often something else
)

//nolint:gochecknoglobals // made once of constant lists
var readLexicon = sync.OnceValue(func() map[string]uint8 {
	const expected = 12_000
	names := make(map[string]uint8, expected)
	for _, list := range []struct {
		text string
		mark uint8
	}{{givenNames, givenName}, {doubtfulNames, doubtfulName}, {familyNames, familyName}} {
		for line := range strings.Lines(list.text) {
			if strings.HasPrefix(line, "#") {
				continue
			}
			for name := range strings.FieldsSeq(line) {
				names[name] |= list.mark
			}
		}
	}
	return names
})

// setOf makes a set of words.
func setOf(words ...string) map[string]bool {
	set := make(map[string]bool, len(words))
	for _, w := range words {
		set[w] = true
	}
	return set
}

// byLast sorts endings by their last bytes.
func byLast(endings ...string) (by [256][]string) {
	for _, end := range endings {
		last := end[len(end)-1]
		by[last] = append(by[last], end)
	}
	return by
}
