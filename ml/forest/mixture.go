package forest

import (
	"encoding/binary"
	"slices"
)

// mixture has the weights of the classes in leaves of several. Leaves of the
// same shares are one item.
type mixture struct {
	starts  []uint32 // of each item the first entry, and the number of entries
	classes []uint16 // of each entry, ascending within the item
	weights []uint32 // of each entry, above 0

	shares    []float64 // of each entry, of the weights of its item
	yesShares []float64 // Binary: of each value of a leaf, the share of the second class
}

// prepare makes the shares. There are 0 classes for Regression.
func (m *mixture) prepare(classes int) {
	if classes == 2 {
		m.yesShares = make([]float64, 2, 2+m.items())
		m.yesShares[1] = 1
	}
	m.shares = make([]float64, len(m.weights))
	for at := range m.items() {
		low, high := m.starts[at], m.starts[at+1]
		sum := 0.0
		for _, w := range m.weights[low:high] {
			sum += float64(w)
		}
		for i := low; i < high; i++ {
			m.shares[i] = float64(m.weights[i]) / sum
		}
		if classes == 2 {
			m.yesShares = append(m.yesShares, m.shares[low+1])
		}
	}
}

// items is the number of items.
func (m *mixture) items() int { return max(0, len(m.starts)-1) }

// mixer makes a mixture. It keeps its room.
type mixer struct {
	mixture
	index map[string]uint32
	key   []byte
}

func newMixer() mixer { return mixer{index: make(map[string]uint32)} }

func (m *mixer) reset() {
	clear(m.index)
	m.starts = append(m.starts[:0], 0)
	m.classes, m.weights = m.classes[:0], m.weights[:0]
}

// take returns the mixture that was made.
func (m *mixer) take() mixture {
	return mixture{starts: slices.Clone(m.starts), classes: slices.Clone(m.classes), weights: slices.Clone(m.weights)}
}

// item returns the item of a leaf. The classes ascend, and weight gives the weight
// of each.
func (m *mixer) item(classes []uint16, weight func(class uint16) uint32) uint32 {
	common := uint32(0)
	for _, k := range classes {
		common = divisor(weight(k), common)
	}
	m.key = m.key[:0]
	for _, k := range classes {
		m.key = binary.LittleEndian.AppendUint16(m.key, k)
		m.key = binary.LittleEndian.AppendUint32(m.key, weight(k)/common)
	}
	at, ok := m.index[string(m.key)]
	if !ok {
		at = uint32(m.items())
		m.index[string(m.key)] = at
		for _, k := range classes {
			m.classes = append(m.classes, k)
			m.weights = append(m.weights, weight(k)/common)
		}
		m.starts = append(m.starts, uint32(len(m.classes)))
	}
	return at
}

// divisor returns the greatest common divisor.
func divisor(a, b uint32) uint32 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
