package gbdt

import (
	"encoding/binary"
	"fmt"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/internal/binned"
	"github.com/narrativeml/narrative/ml/internal/wire"
)

// The bytes of a model, little-endian:
//
//	"NGBT", version u16, task u8 (0 binary, 1 multiclass, 2 regression),
//	from version 2 on logarithmic u8 (1: outputs are the exponentials of scores)
//	features u32, each: name, categorical u8, bounds or categories, gain f64, splits u32
//	start scores u32, each f64
//	trees u32, each: nodes u32, each: feature u32, left i32, right i32, bin u8,
//	                 missingLeft u8, and if categorical the set 4 x u64;
//	                 then the values of nodes+1 leaves f64
//
// A list is its length as u32 and its items, a string its length as u32 and its
// bytes.
const (
	magic   = "NGBT"
	version = 2
	oldest  = 1
)

// AppendBinary appends the bytes of the model, which Decode reads. The same
// model has the same bytes.
func (m *Model) AppendBinary(b []byte) ([]byte, error) {
	b = m.appendHead(b)
	for i := range m.trees {
		b = m.appendTree(b, &m.trees[i])
	}
	return b, nil
}

// appendHead appends what comes before the trees.
func (m *Model) appendHead(b []byte) []byte {
	b = wire.AppendMagic(b, magic, version)
	b = append(b, taskCode(m.task))
	b = wire.AppendBool(b, m.log)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(m.features)))
	for i := range m.features {
		b = binned.AppendFeature(b, &m.features[i])
		b = wire.AppendFloats(b, m.gains[i])
		b = binary.LittleEndian.AppendUint32(b, uint32(m.splits[i]))
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(m.start)))
	b = wire.AppendFloats(b, m.start...)
	return binary.LittleEndian.AppendUint32(b, uint32(len(m.trees)))
}

func (m *Model) appendTree(b []byte, t *tree) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(t.nodes)))
	for i := range t.nodes {
		n := &t.nodes[i]
		b = binary.LittleEndian.AppendUint32(b, uint32(n.feature))
		b = binary.LittleEndian.AppendUint32(b, uint32(n.left))
		b = binary.LittleEndian.AppendUint32(b, uint32(n.right))
		b = append(b, n.bin)
		b = wire.AppendBool(b, n.missingLeft)
		if m.features[n.feature].Categorical {
			for _, w := range n.set {
				b = binary.LittleEndian.AppendUint64(b, w)
			}
		}
	}
	return wire.AppendFloats(b, t.value...)
}

func taskCode(task ml.Task) byte {
	switch task {
	case ml.Binary:
		return 0
	case ml.Multiclass:
		return 1
	default:
		return 2
	}
}

// Decode reads a model written by AppendBinary. It returns an error unless b is
// exactly such a model.
func Decode(b []byte) (*Model, error) { return read(wire.NewReader(b)) }

func read(r *wire.Reader) (*Model, error) {
	d := decoder{Reader: r, m: &Model{}}
	found := d.Versions(magic, oldest, version)
	d.task()
	if found > 1 {
		d.m.log = d.Bool()
	}
	if d.m.log && d.m.task != ml.Regression {
		d.Fail("a %s model has logarithmic scores", d.m.task)
	}
	d.features()
	d.trees()
	if err := d.Close(); err != nil {
		return nil, fmt.Errorf("decode gbdt model: %w", err)
	}
	d.m.prepare()
	return d.m, nil
}

type decoder struct {
	*wire.Reader
	m *Model
}

func (d *decoder) task() {
	switch code := d.Uint8(); code {
	case 0:
		d.m.task = ml.Binary
	case 1:
		d.m.task = ml.Multiclass
	case 2:
		d.m.task = ml.Regression
	default:
		d.Fail("task %d is unknown", code)
	}
}

func (d *decoder) features() {
	n := d.Count(binned.LeastFeature + 8 + 4)
	names := make(map[string]bool, n)
	for range n {
		f := binned.ReadFeature(d.Reader)
		if names[f.Name] {
			d.Fail("the feature %q is repeated", f.Name)
		}
		names[f.Name] = true
		d.m.features = append(d.m.features, f)
		d.m.gains = append(d.m.gains, d.Float())
		d.m.splits = append(d.m.splits, int(d.Uint32()))
		if d.Err() != nil {
			return
		}
	}
}

func (d *decoder) trees() {
	m := d.m
	m.start = d.Floats(d.Count(8))
	switch classes := len(m.start); {
	case d.Err() != nil:
		return
	case m.task == ml.Multiclass && classes < 2 || m.task != ml.Multiclass && classes != 1:
		d.Fail("%d start scores for a %s model", classes, m.task)
		return
	}
	m.outputs = len(m.start)
	if m.task == ml.Binary {
		m.outputs = 2
	}
	n := d.Count(4 + 8)
	if n%len(m.start) != 0 {
		d.Fail("%d trees for %d classes", n, len(m.start))
	}
	splits := make([]int, len(m.features))
	for i := 0; i < n && d.Err() == nil; i++ {
		m.trees = append(m.trees, d.tree(splits))
	}
	for f, s := range splits {
		if d.Err() == nil && s != m.splits[f] {
			d.Fail("feature %q has %d splits, not %d", m.features[f].Name, s, m.splits[f])
		}
	}
}

// tree reads a tree and counts its splits by feature.
func (d *decoder) tree(splits []int) tree {
	var t tree
	n := d.Count(4 + 4 + 4 + 1 + 1 + 8)
	t.nodes = make([]node, 0, n)
	for range n {
		if d.Err() != nil {
			return t
		}
		t.nodes = append(t.nodes, d.node(splits))
	}
	t.value = d.Floats(n + 1)
	if d.Err() == nil && !t.valid() {
		d.Fail("the nodes are not a tree")
	}
	return t
}

func (d *decoder) node(splits []int) node {
	n := node{
		feature: int32(d.Uint32()),
		left:    int32(d.Uint32()),
		right:   int32(d.Uint32()),
		bin:     d.Uint8(),
	}
	n.missingLeft = d.Bool()
	if n.feature < 0 || int(n.feature) >= len(d.m.features) {
		d.Fail("feature %d of a split is not one of %d", n.feature, len(d.m.features))
		return n
	}
	f := &d.m.features[n.feature]
	splits[n.feature]++
	if f.Categorical {
		for i := range n.set {
			n.set[i] = d.Uint64()
		}
		return n
	}
	if int(n.bin) > len(f.Bounds) {
		d.Fail("bin %d of a split is beyond %d bounds", n.bin, len(f.Bounds))
		return n
	}
	n.set = thresholdSet(int(n.bin), f.Missing(), n.missingLeft)
	return n
}

// valid reports whether every node but the first and every leaf is the child of
// exactly one node, which comes before it.
func (t *tree) valid() bool {
	nodes, leaves := make([]bool, len(t.nodes)), make([]bool, len(t.value))
	for i := range t.nodes {
		for _, child := range []int32{t.nodes[i].left, t.nodes[i].right} {
			seen, at := nodes, int(child)
			if child < 0 {
				seen, at = leaves, int(^child)
			} else if at <= i {
				return false
			}
			if at >= len(seen) || seen[at] {
				return false
			}
			seen[at] = true
		}
	}
	return true
}
