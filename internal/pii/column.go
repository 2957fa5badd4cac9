package pii

import (
	"hash/maphash"
	"math"
	"strconv"
	"strings"
	"time"
)

// Column looks at the values of one column. It is not safe for concurrent use.
type Column struct {
	name    string
	hints   map[Kind]hint
	named   bool // the name says that whole numbers may be of a kind
	dates   bool // the name says that dates may be of birth
	secrets bool // the name says that words may be secrets
	matched []int64
	seen    []map[uint64]struct{} // of rules that ask for different values
	people  []int64               // by the forms of names of people, in the order of weights, and those for no value
	persons map[uint64]struct{}   // different ones
	digits  []byte
}

// mostSeen is how many different values of a rule are told apart.
const mostSeen = 16

// mostPersons is how many different names of people are.
const mostPersons = 48

// NewColumn returns a Column of that name.
func NewColumn(name string) *Column {
	c := &Column{name: name, hints: readName(name), matched: make([]int64, len(rules)), seen: make([]map[uint64]struct{}, len(rules)), people: make([]int64, len(weights)+1)}
	_, c.dates = c.hints[DateOfBirth]
	_, c.secrets = c.hints[APIKey]
	for _, k := range []Kind{Phone, SSN, NationalID, MedicalID, FinancialAccount, DateOfBirth} {
		if _, ok := c.hints[k]; ok {
			c.named = true
		}
	}
	return c
}

// Look is what there is to be seen in a text of a column.
type Look forms

// Look looks at a text, for AddLook. It is the same each time.
func (c *Column) Look(s string) Look { return Look(formsOf(s, c.secrets)) }

// AddText takes n equal texts into account.
func (c *Column) AddText(s string, n int64) { c.AddLook(s, c.Look(s), n) }

// AddLook takes n equal texts into account that have been looked at.
func (c *Column) AddLook(s string, l Look, n int64) {
	if l != 0 {
		c.add(forms(l), n, func() uint64 { return hashText(s) })
	}
}

// smallest is the least whole number that can be of a kind without the name.
const smallest = 10_000_000_000

// AddInteger takes n equal whole numbers into account.
func (c *Column) AddInteger(v, n int64) {
	if v < smallest && (!c.named || v < 1_000_000) {
		return
	}
	c.digits = strconv.AppendInt(c.digits[:0], v, 10)
	if f := digitForms(c.digits); f != 0 {
		c.add(f, n, func() uint64 { return uint64(v) })
	}
}

// wants reports whether the number can be of a kind at all.
func (c *Column) wants(v int64) bool { return v >= smallest || c.named }

// AddIntegers takes whole numbers into account, those that null does not deny.
func (c *Column) AddIntegers(values []int64, null func(i int) bool) {
	for i, v := range values {
		if c.wants(v) && !null(i) {
			c.AddInteger(v, 1)
		}
	}
}

// AddTimes takes instants into account, in microseconds since 1970.
func (c *Column) AddTimes(micros []int64, null func(i int) bool) {
	if !c.dates {
		return
	}
	for i, v := range micros {
		if null(i) {
			continue
		}
		if year := time.UnixMicro(v).UTC().Year(); year >= firstYear && year <= lastYear {
			c.add(dateForm, 1, nil)
		}
	}
}

func (c *Column) add(f forms, n int64, id func() uint64) {
	if f&(people|personMissing) != 0 {
		c.addPerson(f, n, id)
	}
	for i := range rules {
		r := &rules[i]
		if f&r.forms == 0 {
			continue
		}
		c.matched[i] += n
		if r.distinct > 0 && id != nil && len(c.seen[i]) < mostSeen {
			if c.seen[i] == nil {
				c.seen[i] = make(map[uint64]struct{})
			}
			c.seen[i][id()] = struct{}{}
		}
	}
}

func (c *Column) addPerson(f forms, n int64, id func() uint64) {
	if f&personMissing != 0 {
		c.people[len(weights)] += n
		return
	}
	for i, w := range weights {
		if f&w.form != 0 {
			c.people[i] += n
			break
		}
	}
	if len(c.persons) < mostPersons && f&personNever == 0 {
		if c.persons == nil {
			c.persons = make(map[uint64]struct{})
		}
		c.persons[id()] = struct{}{}
	}
}

//nolint:gochecknoglobals // texts of one process are compared with each other
var seed = maphash.MakeSeed()

// hashText tells texts apart that differ in more than case and the spaces around.
func hashText(s string) uint64 { return maphash.String(seed, strings.ToLower(strings.TrimSpace(s))) }

// Merge adds what o has seen of other rows of the same column.
func (c *Column) Merge(o *Column) {
	for i := range rules {
		c.matched[i] += o.matched[i]
		for id := range o.seen[i] {
			if len(c.seen[i]) == mostSeen {
				break
			}
			if c.seen[i] == nil {
				c.seen[i] = make(map[uint64]struct{})
			}
			c.seen[i][id] = struct{}{}
		}
	}
	for i, n := range o.people {
		c.people[i] += n
	}
	for id := range o.persons {
		if len(c.persons) == mostPersons {
			break
		}
		if c.persons == nil {
			c.persons = make(map[uint64]struct{})
		}
		c.persons[id] = struct{}{}
	}
}

// Finding says what the column holds, if that is personal data; of so many values
// that are not missing. Of several kinds it names the most certain.
func (c *Column) Finding(values int64) (Finding, bool) {
	best, at := 0.0, -1
	for i := range rules {
		r := &rules[i]
		if c.matched[i] == 0 || values == 0 {
			continue
		}
		share := min(float64(c.matched[i])/float64(values), 1)
		if v := r.together(share, c.matched[i], len(c.seen[i]), c.hints[r.kind]); v > best {
			best, at = v, i
		}
	}
	if person, matched := c.evidence(values); person > best && person >= Threshold {
		return c.finding(PersonName, person, matched, values, "words as names of people are, and how many of them are frequent ones"), true
	}
	if best < Threshold {
		return Finding{}, false
	}
	r := &rules[at]
	return c.finding(r.kind, best, c.matched[at], values, r.check), true
}

func (c *Column) finding(k Kind, confidence float64, matched, values int64, check string) Finding {
	f := Finding{Column: c.name, Kind: k, Confidence: math.Round(confidence*100) / 100, Matched: matched, LookedAt: values, Check: check, Name: c.hints[k].words}
	f.Risk = k.Risk(f.Confidence)
	return f
}
