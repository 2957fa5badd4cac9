package gbdt

import (
	"math"
	"slices"

	"github.com/narrativeml/narrative/ml/internal/random"
)

// blockRows is the number of rows whose derivatives are held at a time.
const blockRows = 1024

// scales turn derivatives into whole numbers, as in "Quantized Training of
// Gradient Boosting Decision Trees" (Shi et al., 2022).
type scales struct {
	g, h float64
	most int64 // of either
}

// newScales returns scales for derivatives up to these amounts, so that sums over
// all rows fit in 32 bits.
func newScales(maxG, maxH float64, rows int) scales {
	limit := min(32000, math.MaxInt32/rows-1)
	return scales{float64(limit) / maxG, float64(limit) / maxH, int64(limit)}
}

// workspace is what a worker needs to make elements.
type workspace struct {
	g, h       []float64
	maxG, maxH int64 // quantized amounts seen
}

// reach bounds the derivatives of the next tree of class k. A loss whose slope is
// known needs no look at the rows.
func (t *trainer) reach(k int) (maxG, maxH float64) {
	o := t.objective
	maxG, maxH = o.maxG*o.heavy, o.maxH*o.heavy
	if seen := t.seen[k]; seen >= 0 && !math.IsInf(o.slope, 1) {
		maxG = min(maxG, seen+o.slope*o.heavy*t.step)
	} else if math.IsInf(maxG, 1) || math.IsInf(maxH, 1) {
		return t.measure(k)
	}
	return maxG, maxH
}

// measure returns the largest derivatives of class k.
func (t *trainer) measure(k int) (maxG, maxH float64) {
	segments := t.grower.segments
	gs, hs := make([]float64, len(segments)), make([]float64, len(segments))
	t.team.Each(len(segments), func(worker, s int) {
		t.update(s)
		w := &t.spaces[worker]
		low, high := int(segments[s].start), int(segments[s].start+segments[s].n)
		for ; low < high; low += blockRows {
			n := min(blockRows, high-low)
			t.objective.gradients(k, low, t.values(k, low, n), w.g[:n], w.h[:n])
			for i, g := range w.g[:n] {
				gs[s] = max(gs[s], math.Abs(g))
				hs[s] = max(hs[s], w.h[i])
			}
		}
	})
	t.grown = nil
	return slices.Max(gs), slices.Max(hs)
}

// elements makes the elements of a tree of class k and sums them for its root.
// Derivatives times a scale are rounded up or down at random, so that the
// expectation is exact.
func (t *trainer) elements(k int, scale scales, seed, rowSeed uint64) ([]part, stats) {
	segments := t.grower.segments
	parts := make([]part, len(segments))
	roots := make([]stats, len(segments))
	for i := range t.spaces {
		t.spaces[i].maxG, t.spaces[i].maxH = 0, 0
	}
	t.team.Each(len(segments), func(worker, s int) {
		t.update(s)
		if k == 0 && t.shares != nil {
			low := int(segments[s].start)
			t.objective.probabilities(t.scores, t.shares, low, low+int(segments[s].n))
		}
		out := t.quantize(worker, k, segments[s], scale, seed, rowSeed)
		parts[s] = part{segments[s].start, int32(len(out))}
		root := &roots[s]
		root.rows = len(out)
		for _, e := range out {
			root.g += int64(e) >> 48
			root.h += int64(e >> 32 & 0xFFFF)
		}
		t.grower.add(worker, out)
	})
	t.grown = nil
	var root stats
	for _, r := range roots {
		root.rows += r.rows
		root.g += r.g
		root.h += r.h
	}
	var seen int64
	for i := range t.spaces {
		seen = max(seen, t.spaces[i].maxG)
	}
	t.seen[k] = float64(seen+1) / scale.g
	return parts, root
}

// quantize makes the elements of a segment.
func (t *trainer) quantize(worker, k int, segment part, scale scales, seed, rowSeed uint64) []uint64 {
	w := &t.spaces[worker]
	low, high := int(segment.start), int(segment.start+segment.n)
	out := t.grower.elements[0][low:low:high]
	draw := random.NewFraction(t.params.RowFraction, rowSeed)
	all := t.params.RowFraction == 1
	maxG := w.maxG
	for block := low; block < high; block += blockRows {
		n := min(blockRows, high-block)
		g, h := w.g[:n], w.h[:n]
		t.objective.gradients(k, block, t.values(k, block, n), g, h)
		for i, gi := range g {
			row := block + i
			x := random.At(seed, row)
			// Numbers are shifted above 0, where conversion rounds down.
			qg := int64(gi*scale.g+float64(uint32(x))*0x1p-32+65536) - 65536
			qh := int64(h[i]*scale.h + float64(x>>32)*0x1p-32)
			qg = min(max(qg, -scale.most), scale.most)
			qh = min(qh, scale.most)
			maxG = max(maxG, qg, -qg)
			if !all && !draw.Take(row, high) {
				continue
			}
			out = append(out, element(qg, qh, row))
		}
	}
	w.maxG = maxG
	return out
}

// values returns the scores of n rows for class k, of Softmax the probabilities.
func (t *trainer) values(k, low, n int) []float64 {
	at := k*t.table.Rows + low
	if t.shares != nil {
		return t.shares[at : at+n]
	}
	return t.scores[at : at+n]
}

// update adds the values of the last tree to the scores of a segment.
func (t *trainer) update(s int) {
	if t.grown == nil {
		return
	}
	rows := t.table.Rows
	scores := t.scores[t.class*rows : (t.class+1)*rows]
	for l := range t.grower.leaves {
		leaf := &t.grower.leaves[l]
		p, v := leaf.parts[s], t.grown.value[l]
		for _, e := range t.grower.elements[leaf.side][p.start : p.start+p.n] {
			scores[uint32(e)] += v
		}
	}
}
