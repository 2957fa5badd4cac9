package tabular

import (
	"hash/maphash"
	"math/bits"
	"strings"
)

// codeTable finds the codes of texts in a dictionary. It does what a map does that
// is emptied for every column of every chunk, in a third of the time: a chunk is
// short, so that it never grows, and it keeps nothing but codes.
type codeTable struct {
	seed  maphash.Seed
	slots []codeSlot
	mask  uint64
}

// codeSlot is a code that is in use if one is higher than zero.
type codeSlot struct {
	tag  uint32 // of the text's hash
	next int32  // the code and one
}

func newCodeTable() codeTable { return codeTable{seed: maphash.MakeSeed()} }

// reset empties the table and makes room for n codes.
func (t *codeTable) reset(n int) {
	size := 1 << bits.Len(uint(2*n)) // more than half is free
	if size > cap(t.slots) {
		t.slots = make([]codeSlot, size)
	}
	t.slots, t.mask = t.slots[:size], uint64(size)-1
	clear(t.slots)
}

// find returns the code of the text in dict, whose codes are in the table, and its
// hash.
func (t *codeTable) find(text []byte, dict []string) (code int32, hash uint64, ok bool) {
	hash = maphash.Bytes(t.seed, text)
	for i := hash & t.mask; t.slots[i].next > 0; i = (i + 1) & t.mask {
		if s := t.slots[i]; s.tag == uint32(hash>>32) && dict[s.next-1] == string(text) {
			return s.next - 1, hash, true
		}
	}
	return 0, hash, false
}

// add puts the code of a text of that hash, which is not in the table.
func (t *codeTable) add(hash uint64, code int32) {
	i := hash & t.mask
	for t.slots[i].next > 0 {
		i = (i + 1) & t.mask
	}
	t.slots[i] = codeSlot{tag: uint32(hash >> 32), next: code + 1}
}

// texts keeps texts together that live as long as each other: the distinct
// ones of a chunk, which are few and short beside all that the file has.
type texts struct{ block strings.Builder }

const textBlock = 16 << 10

// keep returns a copy of the text.
func (t *texts) keep(text []byte) string {
	if t.block.Cap()-t.block.Len() < len(text) {
		t.block.Reset() // it stays with the texts that are in it
		t.block.Grow(max(textBlock, len(text)))
	}
	at := t.block.Len()
	_, _ = t.block.Write(text) // it never fails
	return t.block.String()[at:]
}
