package binned

import "math"

// binner looks bins up: the number of bounds below a value.
type binner struct {
	upper   [256]float64 // padded with +Inf
	missing uint8
	grid    *grid // nil where halving is faster
}

// cells is the number of equal stretches of a grid.
const cells = 2048

// grid says for each stretch between the lowest and the highest bound how many
// bounds lie in stretches before it.
type grid struct {
	low, scale float64
	start      [cells]uint8
}

// slowSteps is how many bounds a value may be compared with on average, from its
// stretch of the grid on, before halving is faster.
const slowSteps = 3

// newBinner returns a binner for at most 254 bounds.
func newBinner(upper []float64) *binner {
	b := &binner{missing: uint8(len(upper) + 1)}
	n := copy(b.upper[:], upper)
	for i := n; i < len(b.upper); i++ {
		b.upper[i] = math.Inf(1)
	}
	b.grid = newGrid(upper)
	return b
}

// newGrid returns a grid, or nil where it would not pay.
func newGrid(upper []float64) *grid {
	if len(upper) == 0 {
		return nil
	}
	g := &grid{low: upper[0]}
	g.scale = cells / (upper[len(upper)-1] - g.low)
	var count [cells]int
	for _, u := range upper {
		count[g.cell(u)]++
	}
	before, steps := 0, 0
	for c, n := range count {
		g.start[c] = uint8(before)
		before += n
		steps += n * n
	}
	if steps > slowSteps*2*len(upper) {
		return nil
	}
	return g
}

// cell returns the stretch of a number. It never falls while x grows, but for
// numbers too large to convert, which may be in the first.
func (g *grid) cell(x float64) int {
	c := int((x - g.low) * g.scale)
	if uint(c) >= cells {
		if c < 0 {
			return 0
		}
		return cells - 1
	}
	return c
}

// bins writes the bin of each value to out.
func (b *binner) bins(values []float64, out []uint8) {
	if b.grid != nil {
		b.fromGrid(values, out)
		return
	}
	out = out[:len(values)]
	for i, x := range values {
		out[i] = b.bin(x)
	}
}

// bin returns the bin of a value by eight halvings without a branch: below is the
// number of bounds < x.
func (b *binner) bin(x float64) uint8 {
	var below uint8
	below += less(b.upper[127], x) << 7
	below += less(b.upper[below+63], x) << 6
	below += less(b.upper[below+31], x) << 5
	below += less(b.upper[below+15], x) << 4
	below += less(b.upper[below+7], x) << 3
	below += less(b.upper[below+3], x) << 2
	below += less(b.upper[below+1], x) << 1
	below += less(b.upper[below], x)
	if math.IsNaN(x) {
		below = b.missing
	}
	return below
}

// fromGrid is bins by the grid: two comparisons without a branch, then as many
// as it takes.
func (b *binner) fromGrid(values []float64, out []uint8) {
	g := b.grid
	out = out[:len(values)]
	for i, x := range values {
		below := g.start[uint(g.cell(x))%cells]
		below += less(b.upper[below], x)
		below += less(b.upper[below], x)
		for b.upper[below] < x {
			below++
		}
		if math.IsNaN(x) {
			below = b.missing
		}
		out[i] = below
	}
}

// less returns 1 if a < b, else 0.
func less(a, b float64) uint8 {
	var v uint8
	if a < b {
		v = 1
	}
	return v
}
