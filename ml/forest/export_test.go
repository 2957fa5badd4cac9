package forest

import (
	"context"
	"runtime"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/internal/parallel"
)

// Splits grows a tree and returns how many splits it has.
func Splits(ctx context.Context, p Params, x *frame.Frame, y ml.Target) (int, error) {
	return splits(ctx, p, x, y, parallel.Of(1))
}

// SplitsWhenStopped is Splits by a team that is stopped already.
func SplitsWhenStopped(ctx context.Context, p Params, x *frame.Frame, y ml.Target) (int, error) {
	done, cancel := context.WithCancel(ctx)
	cancel()
	team, end := parallel.New(done, 1)
	defer end()
	for !team.Stopped() {
		runtime.Gosched() // the watch runs in a goroutine of its own
	}
	return splits(ctx, p, x, y, team)
}

func splits(ctx context.Context, p Params, x *frame.Frame, y ml.Target, team parallel.Team) (int, error) {
	t, err := newTrainer(ctx, p, x, y, ml.Options{})
	if err != nil {
		return 0, err
	}
	t.team = team
	return len(newGrower(t.task).grow(0).nodes) / 2, nil
}

// Single returns the model of tree number i alone.
func Single(m *Model, i int) *Model {
	one := *m
	one.trees = m.trees[i : i+1]
	return &one
}

// Bag returns how often each row is drawn for tree number i.
func Bag(p Params, rows, i int) []uint8 {
	b := make(bag, rows)
	b.draw(p, treeSeed(p.Seed, i))
	return b
}

// Shape is what a tree looks like.
type Shape struct{ Leaves, Depth int }

// ShapeOf returns the shape of tree number i.
func ShapeOf(m *Model, i int) Shape {
	t := &m.trees[i]
	var s Shape
	var walk func(at uint32, depth int)
	walk = func(at uint32, depth int) {
		w := t.nodes[at]
		if isLeaf(w) {
			s.Leaves++
			s.Depth = max(s.Depth, depth)
			return
		}
		walk(pairOf(w), depth+1)
		walk(pairOf(w)+1, depth+1)
	}
	walk(0, 0)
	return s
}

// LeafSizes returns for a tree how many rows of bins come to each leaf.
func LeafSizes(m *Model, i int, rows [][]float64) map[int]int {
	t := &m.trees[i]
	sizes := map[int]int{}
	for _, row := range rows {
		at := uint32(0)
		for w := t.nodes[0]; !isLeaf(w); w = t.nodes[at] {
			f := &m.features[featureOf(w)]
			bin := f.Bin(row[featureOf(w)])
			if int(bin) == f.Missing() {
				bin = missingBin
			}
			at = pairOf(w) + t.right(w, bin)
		}
		sizes[int(at)]++
	}
	return sizes
}
