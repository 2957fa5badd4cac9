package gbdt

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/internal/digest"
	"github.com/narrativeml/narrative/ml/internal/wire"
)

const (
	checkpointMagic = "NGCK"
	// checkpointVersion changes whenever the same input would give other trees.
	checkpointVersion = 1
)

// keeper saves the trees of some rounds at a time. The bytes of a part are
//
//	"NGCK", version u16, fingerprint of all input 32 bytes
//	first round u32, trees u32, each: nodes u32, each: feature u32, left i32,
//	  right i32, bin u8, missingLeft u8, set 4 x u64, gain f64; values f64
//	state of the trainer after the last: bounds of the derivatives f64 each,
//	  first bound, step, best loss f64, trees up to it u32
//	CRC-32C of all before
type keeper struct {
	store       ml.Checkpoint // may be nil
	interval    int
	fingerprint []byte
	parts       int // saved
	rounds      int // in them
}

var errStale = errors.New("it belongs to another call or is damaged")

// resume takes the rounds over that a former call saved.
func (t *trainer) resume(ctx context.Context, o ml.Options) (*keeper, error) {
	k := &keeper{store: o.Checkpoint, interval: o.Interval()}
	if k.store == nil || k.interval >= t.params.Trees {
		return &keeper{}, nil
	}
	k.fingerprint = t.fingerprint()
	for t.rounds < t.params.Trees && !t.team.Stopped() {
		data, ok, err := k.store.Load(ctx, k.name())
		if err != nil {
			return nil, fmt.Errorf("load checkpoint %s: %w", k.name(), err)
		}
		if !ok {
			break
		}
		if err := t.restore(data, k.fingerprint); err != nil {
			o.Record(ml.Progress{Stage: "gbdt", Message: fmt.Sprintf("the checkpoint %s is not used: %v", k.name(), err)})
			break
		}
		k.parts, k.rounds = k.parts+1, t.rounds
	}
	if t.rounds > 0 {
		p := t.progress()
		p.Message = fmt.Sprintf("goes on after %d rounds of a former call", t.rounds)
		o.Record(p)
	}
	return k, nil
}

func (k *keeper) name() string { return fmt.Sprintf("gbdt-trees-%06d", k.parts) }

// save saves the rounds since the last part, if there are enough.
func (k *keeper) save(ctx context.Context, t *trainer) error {
	if k.store == nil || t.finished || t.rounds-k.rounds < k.interval {
		return nil
	}
	if err := k.store.Save(ctx, k.name(), t.part(k.rounds, k.fingerprint)); err != nil {
		return fmt.Errorf("save checkpoint %s: %w", k.name(), err)
	}
	k.parts, k.rounds = k.parts+1, t.rounds
	return nil
}

// part returns the bytes of the rounds from first on.
func (t *trainer) part(first int, fingerprint []byte) []byte {
	b := wire.AppendMagic(nil, checkpointMagic, checkpointVersion)
	b = append(b, fingerprint...)
	b = binary.LittleEndian.AppendUint32(b, uint32(first))
	trees := t.trees[first*t.objective.classes:]
	b = binary.LittleEndian.AppendUint32(b, uint32(len(trees)))
	for _, grown := range trees {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(grown.nodes)))
		for i := range grown.nodes {
			n := &grown.nodes[i]
			b = binary.LittleEndian.AppendUint32(b, uint32(n.feature))
			b = binary.LittleEndian.AppendUint32(b, uint32(n.left))
			b = binary.LittleEndian.AppendUint32(b, uint32(n.right))
			b = append(b, n.bin)
			b = wire.AppendBool(b, n.missingLeft)
			for _, w := range n.set {
				b = binary.LittleEndian.AppendUint64(b, w)
			}
		}
		b = wire.AppendFloats(b, grown.gains...)
		b = wire.AppendFloats(b, grown.value...)
	}
	b = wire.AppendFloats(b, t.seen...)
	b = wire.AppendFloats(b, t.firstG, t.step)
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(t.best)) // may be infinite
	b = binary.LittleEndian.AppendUint32(b, uint32(t.bestTrees))
	return wire.Seal(b)
}

// restore goes on after the rounds of a part.
func (t *trainer) restore(b, fingerprint []byte) error {
	body, ok := wire.Open(b)
	if !ok {
		return errStale
	}
	r := wire.NewReader(body)
	r.Magic(checkpointMagic, checkpointVersion)
	for _, want := range fingerprint {
		if r.Uint8() != want {
			return errStale
		}
	}
	classes := t.objective.classes
	first, count := int(r.Uint32()), r.Count(8)
	if first != t.rounds || count%classes != 0 || first+count/classes > t.params.Trees {
		return errStale
	}
	trees := make([]*tree, count)
	for i := range trees {
		trees[i] = t.readTree(r)
	}
	seen := r.Floats(classes)
	firstG, step := r.Float(), r.Float()
	best := math.Float64frombits(r.Uint64())
	bestTrees := int(r.Uint32())
	if err := r.Close(); err != nil {
		return err
	}
	for i, grown := range trees {
		t.grower.replay(grown)
		t.keep(i%classes, grown)
		t.team.Each(len(t.grower.segments), func(_, s int) { t.update(s) })
		t.grown = nil
	}
	t.rounds += count / classes
	t.seen, t.firstG, t.step, t.best, t.bestTrees = seen, firstG, step, best, bestTrees
	return nil
}

func (t *trainer) readTree(r *wire.Reader) *tree {
	grown := &tree{nodes: make([]node, r.Count(14+32+16))}
	for i := range grown.nodes {
		n := &grown.nodes[i]
		n.feature, n.left, n.right = int32(r.Uint32()), int32(r.Uint32()), int32(r.Uint32())
		n.bin, n.missingLeft = r.Uint8(), r.Bool()
		for w := range n.set {
			n.set[w] = r.Uint64()
		}
		if n.feature < 0 || int(n.feature) >= len(t.features) {
			r.Fail("feature %d of a split is not one of %d", n.feature, len(t.features))
		}
	}
	grown.gains = r.Floats(len(grown.nodes))
	grown.value = r.Floats(len(grown.nodes) + 1)
	if r.Err() == nil && !grown.valid() {
		r.Fail("the nodes are not a tree")
	}
	return grown
}

// fingerprint is a SHA-256 over everything that the trees depend on.
func (t *trainer) fingerprint() []byte {
	d := digest.New()
	p := t.params
	d.Texts(string(t.objective.name))
	d.Numbers(p.QuantileLevel, p.HuberDelta, p.TweediePower, float64(p.Trees), p.LearningRate,
		float64(p.MaxLeaves), float64(p.MaxDepth), float64(p.MinChildSamples), p.MinChildHessian,
		p.L1, p.L2, p.MinGain, p.RowFraction, p.FeatureFraction, p.CategorySmoothing, p.CategoryL2,
		float64(p.CategorySamples), float64(p.CategoryGroupSamples), float64(p.MaxCategories), float64(p.EarlyStopping))
	d.Word(p.Seed)
	for _, column := range slices.Sorted(maps.Keys(p.Monotone)) {
		d.Texts(column)
		d.Word(uint64(p.Monotone[column]))
	}
	d.Features(t.features)
	d.Table(t.table)
	d.Target(t.objective.y)
	if t.validation != nil {
		d.Table(t.validation)
		d.Target(t.judge.y)
	}
	return d.Sum()
}
