package profile

import (
	"cmp"
	"slices"
)

// counter counts values, given by 64-bit keys, in a table of bounded size: the
// summary of Misra and Gries with lazy decrements. Until the first decrement it
// is exact.
type counter struct {
	capacity int // most entries
	slots    []slot
	used     int
	lost     int64    // counts are too low by at most so much
	texts    []string // of each slot, for columns of text
	spilled  func(key uint64, count int64)
	spare    *spare
}

// spare is what counting works on again and again while values are many. The
// counters of a collector share it.
type spare struct {
	slots  []slot // all free
	texts  []string
	counts []int64

	sieve     sieve
	frequent  []uint64  // keys of a batch
	distances []float64 // of its numbers from the base
	tally     binTally
}

type slot struct {
	key   uint64
	count int64 // 0: free
}

func newCounter(capacity int, text bool, spare *spare) *counter {
	c := &counter{capacity: capacity, slots: make([]slot, 64), spare: spare}
	if text {
		c.texts = make([]string, len(c.slots))
	}
	return c
}

// mix spreads the bits of a key (the finaliser of MurmurHash3).
func mix(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// exact reports whether every value is counted.
func (c *counter) exact() bool { return c.lost == 0 }

// add counts a key n times more and returns its slot, or -1 when there is no
// room left for it and make must be called.
func (c *counter) add(key uint64, n int64) int {
	mask := uint64(len(c.slots) - 1)
	i := mix(key) & mask
	for {
		s := &c.slots[i]
		if s.count > 0 {
			if s.key == key {
				s.count += n
				return int(i)
			}
			i = (i + 1) & mask
			continue
		}
		if c.used >= c.capacity {
			return -1
		}
		if c.used*2 >= len(c.slots) {
			c.grow()
			return c.add(key, n)
		}
		*s = slot{key: key, count: n}
		c.used++
		return int(i)
	}
}

// addAll counts each of the keys once more, and takes from the counts where there
// is no room left.
func (c *counter) addAll(keys []uint64) {
	for {
		keys = keys[c.addWhileRoom(keys):]
		if len(keys) == 0 {
			return
		}
		c.shrink()
	}
}

// addExactly counts keys once more until there is no room left, and returns how
// many; if not all, counting is not exact any more.
func (c *counter) addExactly(keys []uint64) int {
	n := c.addWhileRoom(keys)
	if n < len(keys) {
		c.shrink()
	}
	return n
}

// addFrequent counts the keys that are frequent in the batch that s has seen, and of
// the others none: each of them is there at most as often as what counts are too low
// by then says. Where that would be more than the table itself loses in a batch of
// different values, or nothing at all, it counts all of them.
func (c *counter) addFrequent(keys []uint64, s *sieve) {
	off := s.limit(c.capacity / rareShare)
	if off == 0 || int(off) > len(keys)/c.capacity {
		c.addAll(keys)
		return
	}
	c.lost += int64(off)
	frequent := c.spare.frequent[:0]
	for _, k := range keys {
		if *s.cell(k) > off {
			frequent = append(frequent, k)
		}
	}
	c.spare.frequent = frequent
	c.addAll(frequent)
}

// rareShare is which part of the table, at most, the values of a batch take that are
// frequent in it.
const rareShare = 32

func (c *counter) addWhileRoom(keys []uint64) int {
	n := c.addSome(keys)
	for n < len(keys) && c.used < c.capacity {
		c.grow()
		n += c.addSome(keys[n:])
	}
	return n
}

// addSome counts keys and returns how many there was room for.
func (c *counter) addSome(keys []uint64) int {
	slots := c.slots
	mask := uint64(len(slots) - 1)
	room := min(c.capacity, len(slots)/2) - c.used
	for at, key := range keys {
		i := mix(key) & mask
		for slots[i].count > 0 && slots[i].key != key {
			i = (i + 1) & mask
		}
		if slots[i].count == 0 {
			if room <= 0 {
				return at
			}
			room--
			c.used++
			slots[i].key = key
		}
		slots[i].count++
	}
	return len(keys)
}

func (c *counter) grow() {
	slots := make([]slot, 2*len(c.slots))
	var texts []string
	if c.texts != nil {
		texts = make([]string, len(slots))
	}
	c.move(slots, texts, 0)
}

// move puts the entries whose count is larger than off, less off, into an
// empty table.
func (c *counter) move(slots []slot, texts []string, off int64) {
	c.used = 0
	mask := uint64(len(slots) - 1)
	for k, s := range c.slots {
		if s.count <= off {
			continue
		}
		i := mix(s.key) & mask
		for slots[i].count > 0 {
			i = (i + 1) & mask
		}
		slots[i] = slot{key: s.key, count: s.count - off}
		if texts != nil {
			texts[i] = c.texts[k]
		}
		c.used++
	}
	c.slots, c.texts = slots, texts
}

// shrink takes so much from every count that at least half of the entries go.
func (c *counter) shrink() {
	if c.exact() && c.spilled != nil {
		c.each(func(i int) { c.spilled(c.slots[i].key, c.slots[i].count) })
	}
	off := c.median()
	c.lost += off
	if len(c.spare.slots) != len(c.slots) {
		c.spare.slots = make([]slot, len(c.slots))
	}
	if c.texts != nil && len(c.spare.texts) != len(c.texts) {
		c.spare.texts = make([]string, len(c.texts))
	}
	slots, texts := c.slots, c.texts
	if texts == nil {
		c.move(c.spare.slots, nil, off)
	} else {
		c.move(c.spare.slots, c.spare.texts, off)
		clear(texts)
		c.spare.texts = texts
	}
	clear(slots)
	c.spare.slots = slots
}

// median returns the count that half of the entries do not exceed. Most counts are
// small when values are many, so that the few that occur are told apart first.
func (c *counter) median() int64 {
	var few [64]int
	for i := range c.slots {
		if n := c.slots[i].count; n < int64(len(few)) {
			few[n]++
		}
	}
	before := 0
	for n, entries := range few[1:] {
		if before += entries; before > c.used/2 {
			return int64(n + 1)
		}
	}
	counts := c.spare.counts[:0]
	c.each(func(i int) { counts = append(counts, c.slots[i].count) })
	slices.Sort(counts)
	c.spare.counts = counts
	return counts[len(counts)/2]
}

// onlyOnce reports whether no value is known to have come back: one that came
// often is among those that are kept.
func (c *counter) onlyOnce() bool {
	once := true
	c.each(func(i int) { once = once && c.slots[i].count <= 1 })
	return once
}

func (c *counter) each(f func(i int)) {
	for i := range c.slots {
		if c.slots[i].count > 0 {
			f(i)
		}
	}
}

// top returns the slots with the largest counts, of those that certainly
// belong to frequent values: when counting is not exact, a count must be
// larger than what may have been lost of another.
func (c *counter) top(n int, less func(a, b int) int) []int {
	var all []int
	c.each(func(i int) {
		if c.exact() || c.slots[i].count > c.lost {
			all = append(all, i)
		}
	})
	slices.SortFunc(all, func(a, b int) int {
		return cmp.Or(cmp.Compare(c.slots[b].count, c.slots[a].count), less(a, b))
	})
	return all[:min(n, len(all))]
}
