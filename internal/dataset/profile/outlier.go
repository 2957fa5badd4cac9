package profile

import (
	"math"
	"strings"
)

const (
	innerFence = 1.5
	outerFence = 3
	farZ       = 3
)

// outliers counts the numbers that are far from the others; nil when there is
// nothing to compare with.
func (c *column) outliers() *Outliers {
	if c.count < 4 {
		return nil
	}
	quartiles, _, err := c.quantiles(0.25, 0.75)
	if err != nil {
		return nil // an empty sketch, which no column with values has
	}
	low, high := asFloat(quartiles[0]), asFloat(quartiles[1])
	spread := high - low
	std, ok := c.values.std()
	o := &Outliers{Lower: low - innerFence*spread, Upper: high + innerFence*spread}
	if _, fine := held(o.Upper - o.Lower); !fine || !ok {
		return nil
	}
	c.eachNumber(func(v float64, n int64) {
		if spread > 0 { // half of the values are equal otherwise: fences around one value mean nothing
			switch {
			case v < o.Lower:
				o.Below += n
			case v > o.Upper:
				o.Above += n
			}
			if v < low-outerFence*spread || v > high+outerFence*spread {
				o.Extreme += n
			}
		}
		if math.Abs(v-c.values.mean) > farZ*std {
			o.Z += n
		}
	})
	return o
}

// eachNumber calls f with the values and how often they are there, or with those
// of the sketch.
func (c *column) eachNumber(f func(v float64, n int64)) {
	if c.counts.exact() {
		c.counts.each(func(i int) { f(c.number(c.counts.slots[i].key), c.counts.slots[i].count) })
		return
	}
	c.sketch.ForEach(func(v, n float64) (stop bool) {
		f(min(max(v+c.base, c.values.min), c.values.max), int64(math.Round(n)))
		return false
	})
}

func asFloat(v any) float64 {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case float64:
		return v
	default:
		return math.NaN()
	}
}

// variants counts the texts that differ from a more frequent one in nothing but
// case and spaces, as far as all texts are counted.
func (c *column) variants() int64 {
	if !c.counts.exact() {
		return 0
	}
	type family struct{ all, most int64 }
	families := make(map[string]family)
	c.counts.each(func(i int) {
		name := strings.ToLower(strings.Join(strings.Fields(c.counts.texts[i]), " "))
		f := families[name]
		n := c.counts.slots[i].count
		families[name] = family{all: f.all + n, most: max(f.most, n)}
	})
	n := int64(0)
	for _, f := range families {
		n += f.all - f.most
	}
	return n
}
