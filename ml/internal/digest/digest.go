package digest

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"math"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/internal/binned"
)

// Digest is a SHA-256 of values, written by the block. Lists are told apart from
// what follows them.
type Digest struct {
	hash hash.Hash
	room []byte
}

// New returns an empty digest.
func New() *Digest { return &Digest{hash: sha256.New()} }

// Sum returns the 32 bytes of the digest.
func (d *Digest) Sum() []byte {
	d.flush()
	return d.hash.Sum(nil)
}

func (d *Digest) flush() {
	_, _ = d.hash.Write(d.room) // a hash never fails
	d.room = d.room[:0]
}

// Word adds a number.
func (d *Digest) Word(v uint64) {
	d.room = binary.LittleEndian.AppendUint64(d.room, v)
	if len(d.room) >= 1<<16 {
		d.flush()
	}
}

// Texts adds a list of strings.
func (d *Digest) Texts(list ...string) {
	d.Word(uint64(len(list)))
	for _, s := range list {
		d.Word(uint64(len(s)))
		d.room = append(d.room, s...)
	}
}

// Numbers adds a list of numbers.
func (d *Digest) Numbers(list ...float64) {
	d.Word(uint64(len(list)))
	for _, v := range list {
		d.Word(math.Float64bits(v))
	}
}

// Features adds what values of the features share a bin.
func (d *Digest) Features(list []binned.Feature) {
	for i := range list {
		d.Texts(list[i].Name)
		d.Texts(list[i].Categories...)
		d.Numbers(list[i].Bounds...)
	}
}

// Table adds the bins of a table.
func (d *Digest) Table(b *binned.Table) {
	d.Word(uint64(b.Rows))
	for _, w := range b.ByRow {
		d.Word(w)
	}
}

// Target adds a target.
func (d *Digest) Target(y ml.Target) {
	d.Texts(y.Classes...)
	d.Numbers(y.Values...)
	d.Numbers(y.Weights...)
}
