package profile

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"

	"github.com/narrativeml/narrative/internal/pii"
	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml/frame"
)

// addText takes texts into account, of which the first is in the row after so
// many; it returns the hashes of the dictionary.
func (c *column) addText(part frame.Column, before int64, hashes []uint64) []uint64 {
	dict := part.Dict()
	c.tallies = append(c.tallies[:0], make([]int64, len(dict))...)
	missing := int64(0)
	for _, k := range part.Codes() {
		if k < 0 {
			missing++
			continue
		}
		c.tallies[k]++
	}
	c.missing += missing
	for k, n := range c.tallies {
		if n == 0 {
			hashes = append(hashes, 0)
			continue
		}
		s := dict[k]
		length := int64(utf8.RuneCountInString(s))
		if c.count == 0 || length < c.minLen {
			c.minLen = length
		}
		c.maxLen = max(c.maxLen, length)
		c.sumLen += n * length
		c.count += n
		h := xxhash.Sum64String(s)
		hashes = append(hashes, h)
		c.tallyText(h, n, s)
		if c.ids != nil {
			c.ids.add(mix(h ^ seed))
		}
		seen := c.sight(h, s)
		c.private.AddLook(s, seen.look, n)
		c.evidence.AddForms(s, seen.forms, n, func() int64 {
			i := int64(slices.Index(part.Codes(), int32(k)))
			return before + i + 1
		})
	}
	return hashes
}

// sight is what a text has been found to be.
type sight struct {
	text  uint64 // its hash, which tells texts apart in all of the profile
	look  pii.Look
	forms tabular.Forms
	known bool
}

// Bounds of how many texts of a column are remembered.
const (
	fewSights  = 64
	sightTimes = 4 // as many as the entries in the table of counts
)

// sightPlaces is among how many texts one is looked for.
const sightPlaces = 4

// sight looks at a text, unless it has been looked at lately: most columns have the
// same texts in every chunk.
func (c *column) sight(h uint64, s string) sight {
	for _, at := range c.sightsNear(h) {
		if at.known && at.text == h {
			return at
		}
	}
	most := sightTimes * c.counts.capacity
	if c.counts.capacity == minExact { // the table is wide
		most = fewSights
	}
	if c.unseen++; c.unseen > len(c.sights) && len(c.sights) < most {
		c.sights, c.unseen = make([]sight, min(most, max(fewSights, 2*len(c.sights)))), 0
	}
	near := c.sightsNear(h)
	copy(near[1:], near) // the oldest goes
	near[0] = sight{text: h, look: c.private.Look(s), forms: tabular.FormsOf(s), known: true}
	return near[0]
}

// sightsNear returns the places of a text.
func (c *column) sightsNear(h uint64) []sight {
	if len(c.sights) == 0 {
		return nil
	}
	at := h % uint64(len(c.sights)/sightPlaces) * sightPlaces
	return c.sights[at : at+sightPlaces]
}

func (c *column) tallyText(h uint64, n int64, s string) {
	at := c.counts.add(h, n)
	for at < 0 {
		c.counts.shrink()
		at = c.counts.add(h, n)
	}
	if c.counts.texts[at] == "" {
		c.counts.texts[at] = shorten(s)
	}
	if !c.counts.exact() {
		c.distinct.add(mix(h ^ seed))
	}
}

// shorten returns a copy of s, cut when it is long.
func shorten(s string) string {
	if len(s) <= maxText {
		return strings.Clone(s)
	}
	return shortenTo(s, maxText)
}

// shortenTo cuts a longer text after at most so many bytes.
func shortenTo(s string, end int) string {
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}
