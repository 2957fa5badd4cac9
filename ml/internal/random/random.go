package random

// golden is 2^64 divided by the golden ratio.
const golden = 0x9E3779B97F4A7C15

// Mix scrambles a number (Steele et al., "Fast Splittable Pseudorandom Number
// Generators", 2014).
func Mix(x uint64) uint64 {
	x += golden
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	x = (x ^ x>>27) * 0x94D049BB133111EB
	return x ^ x>>31
}

// At returns 64 random bits for place i of the stream of a seed.
func At(seed uint64, i int) uint64 { return Mix(seed + uint64(i)*golden) }

// Unit maps the high bits of x to [0,1).
func Unit(x uint64) float64 { return float64(x>>11) * 0x1p-53 }

// Fraction draws items without replacement: rounded up, the same share of every
// stretch of Stretch items.
type Fraction struct {
	fraction float64
	seed     uint64
	need     int
	end      int
}

// Stretch is how many items a Fraction is drawn from at a time.
const Stretch = 1024

// NewFraction returns the draw of a share of the items, above 0 to 1.
func NewFraction(share float64, seed uint64) Fraction { return Fraction{fraction: share, seed: seed} }

// Take reports whether item i is drawn. Items are asked for in order, from a
// multiple of Stretch on and up to limit.
func (f *Fraction) Take(i, limit int) bool {
	if f.fraction == 1 {
		return true
	}
	if i >= f.end {
		f.end = min(i+Stretch, limit)
		need := f.fraction * float64(f.end-i)
		f.need = int(need)
		if float64(f.need) < need {
			f.need++
		}
	}
	if Unit(At(f.seed, i))*float64(f.end-i) >= float64(f.need) {
		return false
	}
	f.need--
	return true
}
