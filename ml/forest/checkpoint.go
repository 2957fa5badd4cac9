package forest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/internal/digest"
	"github.com/narrativeml/narrative/ml/internal/wire"
)

const (
	checkpointMagic = "NFCK"
	// checkpointVersion changes whenever the same input would give other trees.
	checkpointVersion = 1
)

// keeper saves some trees at a time. The bytes of a part are
//
//	"NFCK", version u16, fingerprint of all input 32 bytes
//	first tree u32, trees u32, each as in a model
//	for each feature the sum of its shares of the gains of these trees i64
//	CRC-32C of all before
type keeper struct {
	store       ml.Checkpoint // may be nil
	interval    int
	fingerprint []byte
	codec       *treeCodec
	parts       int             // saved
	trees       int             // in them
	waiting     map[int][]int64 // the shares of the trees that are not in them, by tree
}

var errStale = errors.New("it belongs to another call or is damaged")

// resume takes the trees over that a former call saved.
func (t *trainer) resume(ctx context.Context, o ml.Options) (*keeper, error) {
	k := &keeper{store: o.Checkpoint, interval: o.Interval(), waiting: map[int][]int64{}}
	if k.store == nil || k.interval >= t.params.Trees {
		return &keeper{}, nil
	}
	k.fingerprint = t.fingerprint()
	k.codec = &treeCodec{classes: t.classes, features: t.binned}
	for k.trees < t.params.Trees && !t.team.Stopped() {
		data, ok, err := k.store.Load(ctx, k.name())
		if err != nil {
			return nil, fmt.Errorf("load checkpoint %s: %w", k.name(), err)
		}
		if !ok {
			break
		}
		n, err := k.restore(t, data)
		if err != nil {
			o.Record(ml.Progress{Stage: "forest", Message: fmt.Sprintf("the checkpoint %s is not used: %v", k.name(), err)})
			break
		}
		k.parts, k.trees = k.parts+1, k.trees+n
	}
	if k.trees > 0 {
		o.Record(ml.Progress{
			Stage: "forest", Fraction: float64(k.trees) / float64(t.params.Trees),
			Message: fmt.Sprintf("goes on after %d trees of a former call", k.trees),
		})
	}
	t.recount(k.trees)
	return k, nil
}

// recount counts what the first trees, of a former call, say out of their bags.
func (t *trainer) recount(trees int) {
	if t.outside == nil {
		return
	}
	bags, rooms := make([]bag, t.team.Size()), make([]rows, t.team.Size())
	t.team.Each(trees, func(worker, i int) {
		if bags[worker] == nil {
			bags[worker] = make(bag, t.table.Rows)
		}
		bags[worker].draw(t.params, treeSeed(t.params.Seed, i))
		t.outside.add(&t.trees[i], bags[worker], &rooms[worker])
	})
}

func (k *keeper) name() string { return fmt.Sprintf("forest-trees-%06d", k.parts) }

// take notes a tree that has been grown.
func (k *keeper) take(g grown) {
	if k.store != nil {
		k.waiting[g.id] = g.shares
	}
}

// save saves the trees after those of the last part, if enough are there.
func (k *keeper) save(ctx context.Context, t *trainer) error {
	if k.store == nil {
		return nil
	}
	for {
		for i := range k.interval {
			if _, ok := k.waiting[k.trees+i]; !ok {
				return nil
			}
		}
		if err := k.store.Save(ctx, k.name(), k.part(t)); err != nil {
			return fmt.Errorf("save checkpoint %s: %w", k.name(), err)
		}
		for i := range k.interval {
			delete(k.waiting, k.trees+i)
		}
		k.parts, k.trees = k.parts+1, k.trees+k.interval
	}
}

// part returns the bytes of the trees after those of the last part.
func (k *keeper) part(t *trainer) []byte {
	b := wire.AppendMagic(nil, checkpointMagic, checkpointVersion)
	b = append(b, k.fingerprint...)
	b = binary.LittleEndian.AppendUint32(b, uint32(k.trees))
	b = binary.LittleEndian.AppendUint32(b, uint32(k.interval))
	shares := make([]int64, len(t.shares))
	for i := range k.interval {
		b = k.codec.append(b, &t.trees[k.trees+i])
		for f, s := range k.waiting[k.trees+i] {
			shares[f] += s
		}
	}
	for _, s := range shares {
		b = binary.LittleEndian.AppendUint64(b, uint64(s))
	}
	return wire.Seal(b)
}

// restore takes the trees of a part over and returns how many there are.
func (k *keeper) restore(t *trainer, b []byte) (int, error) {
	body, ok := wire.Open(b)
	if !ok {
		return 0, errStale
	}
	r := wire.NewReader(body)
	r.Magic(checkpointMagic, checkpointVersion)
	fingerprint := make([]byte, len(k.fingerprint))
	for i := range fingerprint {
		fingerprint[i] = r.Uint8()
	}
	first, count := int(r.Uint32()), r.Count(1)
	if r.Err() == nil && (!bytes.Equal(fingerprint, k.fingerprint) || first != k.trees || count > t.params.Trees-first) {
		return 0, errStale
	}
	trees := make([]tree, 0, count)
	for i := 0; i < count && r.Err() == nil; i++ {
		trees = append(trees, k.codec.read(r))
	}
	shares := make([]int64, len(t.shares))
	for f := range shares {
		shares[f] = int64(r.Uint64())
	}
	if err := r.Close(); err != nil {
		return 0, err
	}
	for i := range trees {
		trees[i].mixed.prepare(t.classes)
		t.trees[first+i] = trees[i]
	}
	for f, s := range shares {
		t.shares[f] += s
	}
	return count, nil
}

// fingerprint is a SHA-256 over everything that the trees depend on.
func (t *trainer) fingerprint() []byte {
	d := digest.New()
	p := t.params
	d.Texts(string(t.y.Task), string(p.Criterion))
	d.Numbers(float64(p.MaxDepth), float64(p.MaxLeaves), float64(p.MinChildSamples), float64(p.MinSplitSamples),
		p.MaxFeatures, p.RowFraction)
	d.Texts(strconv.FormatBool(p.Bootstrap), strconv.FormatBool(p.ExtraTrees))
	d.Word(p.Seed)
	d.Features(t.binned)
	d.Table(t.table)
	d.Target(t.y)
	return d.Sum()
}
