package forest

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/internal/binned"
	"github.com/narrativeml/narrative/ml/internal/wire"
)

// The bytes of a model, little-endian:
//
//	"NFOR", version u16, task u8 (0 binary, 1 multiclass, 2 regression)
//	classes u32, or the low end and the span of the targets f64 (regression)
//	scored out of bag u8, the score f64
//	features u32, each: name, categorical u8, bounds or categories, importance f64
//	trees u32, each:
//	  classification: mixtures, each: the number of classes (multiclass) and for
//	    each its number (multiclass) and its weight, ascending by number
//	  the nodes, a parent before its children and the left child before the right
//	    one: 0 and a value, or 1 + 2 * feature + missing left, and the last bin that
//	    goes left u8 or, of categories, a bit for each: whether it goes left
//
// A list is its length as u32 and its items, a string its length as u32 and its
// bytes. What has no type is as binary.AppendUvarint writes it. The value of a leaf
// is a class, the number of classes + a mixture, or of a regression model a u32 for
// low + span * value / (2^32-1).
const (
	magic   = "NFOR"
	version = 1
)

// AppendBinary appends the bytes of the model, which Decode reads. The same
// model has the same bytes.
func (m *Model) AppendBinary(b []byte) ([]byte, error) {
	b = m.appendHead(b)
	c := m.codec()
	for i := range m.trees {
		b = c.append(b, &m.trees[i])
	}
	return b, nil
}

// appendHead appends what comes before the trees.
func (m *Model) appendHead(b []byte) []byte {
	b = wire.AppendMagic(b, magic, version)
	switch m.task {
	case ml.Binary:
		b = binary.LittleEndian.AppendUint32(append(b, 0), 2)
	case ml.Multiclass:
		b = binary.LittleEndian.AppendUint32(append(b, 1), uint32(m.outputs))
	default:
		b = wire.AppendFloats(append(b, 2), m.low, m.span)
	}
	b = wire.AppendFloats(wire.AppendBool(b, m.scored), m.score)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(m.features)))
	for i := range m.features {
		b = binned.AppendFeature(b, &m.features[i])
		b = wire.AppendFloats(b, m.shares[i])
	}
	return binary.LittleEndian.AppendUint32(b, uint32(len(m.trees)))
}

// Decode reads a model written by AppendBinary. It returns an error unless b is
// exactly such a model.
func Decode(b []byte) (*Model, error) { return read(wire.NewReader(b)) }

func read(r *wire.Reader) (*Model, error) {
	m := &Model{outputs: 1}
	r.Magic(magic, version)
	switch code := r.Uint8(); code {
	case 0, 1:
		m.task, m.outputs = ml.Binary, int(r.Uint32())
		if code == 1 {
			m.task = ml.Multiclass
		}
		if m.outputs < 2 || m.outputs > maxClasses || code == 0 && m.outputs > 2 {
			r.Fail("a %s model has %d classes", m.task, m.outputs)
		}
	case 2:
		m.task, m.low, m.span = ml.Regression, r.Float(), r.Float()
		if math.Abs(m.low) > binned.MaxTarget || m.span < 0 || m.low+m.span > 2*binned.MaxTarget {
			r.Fail("the values are from %g on over %g", m.low, m.span)
		}
	default:
		r.Fail("task %d is unknown", code)
	}
	m.scored, m.score = r.Bool(), r.Float()
	m.readFeatures(r)
	if r.Err() == nil {
		m.readTrees(r)
	}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("decode forest model: %w", err)
	}
	m.countSplits()
	m.prepare()
	return m, nil
}

func (m *Model) readFeatures(r *wire.Reader) {
	n := r.Count(binned.LeastFeature + 8)
	if n == 0 || n > maxFeatures {
		r.Fail("%d features", n)
	}
	names := make(map[string]bool, n)
	for i := 0; i < n && r.Err() == nil; i++ {
		f := binned.ReadFeature(r)
		if names[f.Name] {
			r.Fail("the feature %q is repeated", f.Name)
		}
		names[f.Name] = true
		m.features = append(m.features, f)
		m.shares = append(m.shares, r.Float())
	}
	m.splits = make([]int, len(m.features))
}

func (m *Model) readTrees(r *wire.Reader) {
	n := r.Count(1)
	if n == 0 {
		r.Fail("there is no tree")
	}
	c := m.codec()
	for i := 0; i < n && r.Err() == nil; i++ {
		m.trees = append(m.trees, c.read(r))
	}
}

// treeCodec writes and reads trees.
type treeCodec struct {
	classes  int // 0: Regression
	features []binned.Feature
	stack    []uint32
}

func (m *Model) codec() *treeCodec {
	c := &treeCodec{features: m.features}
	if m.task != ml.Regression {
		c.classes = m.outputs
	}
	return c
}

// append appends a tree.
func (c *treeCodec) append(b []byte, t *tree) []byte {
	if c.classes > 0 {
		b = c.appendMixture(b, &t.mixed)
	}
	t.visit(func(w uint64) {
		switch {
		case !isLeaf(w):
			b = c.appendSplit(b, t, w)
		case c.classes > 0:
			b = binary.AppendUvarint(append(b, 0), uint64(valueOf(w)))
		default:
			b = binary.LittleEndian.AppendUint32(append(b, 0), valueOf(w))
		}
	})
	return b
}

func (c *treeCodec) appendSplit(b []byte, t *tree, w uint64) []byte {
	f := featureOf(w)
	token := 1 + 2*uint64(f)
	if !isCategorical(w) {
		if missingLeft(w) {
			token++
		}
		return append(binary.AppendUvarint(b, token), lastOf(w))
	}
	s := set(t.nodes[pairOf(w)-4 : pairOf(w)])
	if s.has(missingBin) {
		token++
	}
	b = binary.AppendUvarint(b, token)
	n := len(c.features[f].Categories)
	s = s.upTo(uint8(n))
	for at := 0; at < n; at += 8 {
		b = append(b, byte(s[at>>6]>>(at&63)))
	}
	return b
}

func (c *treeCodec) appendMixture(b []byte, m *mixture) []byte {
	b = binary.AppendUvarint(b, uint64(m.items()))
	for at := range m.items() {
		low, high := m.starts[at], m.starts[at+1]
		if c.classes > 2 {
			b = binary.AppendUvarint(b, uint64(high-low))
		}
		for i := low; i < high; i++ {
			if c.classes > 2 {
				b = binary.AppendUvarint(b, uint64(m.classes[i]))
			}
			b = binary.AppendUvarint(b, uint64(m.weights[i]))
		}
	}
	return b
}

// read reads a tree.
func (c *treeCodec) read(r *wire.Reader) tree {
	t := tree{plain: true}
	if c.classes > 0 {
		t.mixed = c.readMixture(r)
	}
	values := uint64(c.classes + t.mixed.items() - 1)
	t.nodes = make([]uint64, 1)
	c.stack = append(c.stack[:0], 0)
	for len(c.stack) > 0 && r.Err() == nil {
		at := c.stack[len(c.stack)-1]
		c.stack = c.stack[:len(c.stack)-1]
		token := r.Uvarint(2 * uint64(len(c.features)))
		switch {
		case token > 0:
			t.nodes[at] = c.readSplit(r, &t, int(token-1)/2, token%2 == 0)
			pair := uint32(len(t.nodes))
			t.nodes = append(t.nodes, 0, 0)
			c.stack = append(c.stack, pair+1, pair)
			if len(t.nodes) >= 1<<31-8 {
				r.Fail("a tree has too many nodes")
			}
		case c.classes > 0:
			t.nodes[at] = leafWord(uint32(r.Uvarint(values)))
		default:
			t.nodes[at] = leafWord(r.Uint32())
		}
	}
	return t
}

// readSplit returns a split whose children are what is appended to the nodes
// next.
func (c *treeCodec) readSplit(r *wire.Reader, t *tree, feature int, missingLeft bool) uint64 {
	f := &c.features[feature]
	if !f.Categorical {
		last := r.Uint8()
		if int(last) > len(f.Bounds) {
			r.Fail("bin %d of a split is beyond %d bounds", last, len(f.Bounds))
		}
		return thresholdWord(uint32(feature), uint32(len(t.nodes)), last, missingLeft)
	}
	var s set
	n := len(f.Categories)
	for at := 0; at < n; at += 8 {
		bits := r.Uint8()
		if at+8 > n && bits>>(n-at) != 0 {
			r.Fail("a set has more than %d categories", n)
		}
		s[at>>6] |= uint64(bits) << (at & 63)
	}
	s.put(missingBin, missingLeft)
	t.nodes, t.plain = append(t.nodes, s[:]...), false
	return categoryWord(uint32(feature), uint32(len(t.nodes)))
}

func (c *treeCodec) readMixture(r *wire.Reader) mixture {
	m := mixture{starts: []uint32{0}}
	n := int(r.Uvarint(math.MaxUint32 - maxClasses))
	for i := 0; i < n && r.Err() == nil; i++ {
		entries := 2
		if c.classes > 2 {
			if entries = int(r.Uvarint(uint64(c.classes))); entries == 0 {
				r.Fail("a mixture of no classes")
			}
		}
		for k := 0; k < entries && r.Err() == nil; k++ {
			class := k
			if c.classes > 2 {
				class = int(r.Uvarint(uint64(c.classes - 1)))
				if k > 0 && class <= int(m.classes[len(m.classes)-1]) {
					r.Fail("the classes of a mixture do not ascend")
				}
			}
			weight := uint32(r.Uvarint(math.MaxUint32))
			if weight == 0 {
				r.Fail("a class of a mixture has no weight")
			}
			m.classes, m.weights = append(m.classes, uint16(class)), append(m.weights, weight)
		}
		m.starts = append(m.starts, uint32(len(m.classes)))
	}
	return m
}
