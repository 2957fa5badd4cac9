package digest_test

import (
	"context"
	"testing"

	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/internal/binned"
	"github.com/narrativeml/narrative/ml/internal/digest"
	"github.com/narrativeml/narrative/ml/internal/parallel"
)

// TestTellsApart checks that digests of different input differ, and those of the
// same do not.
func TestTellsApart(t *testing.T) {
	t.Parallel()
	features := []binned.Feature{{Name: "a", Bounds: []float64{1, 2}}, {Name: "b", Categorical: true, Categories: []string{"x"}}}
	team, end := parallel.New(context.Background(), 1)
	defer end()
	table := func(values ...float64) *binned.Table {
		x, err := frame.New(frame.NewFloat("a", values))
		if err != nil {
			t.Fatal(err)
		}
		fitted, err := binned.Fit(x, 255, 0, team)
		if err != nil {
			t.Fatal(err)
		}
		b, err := binned.NewTable(fitted, x, team)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	many := make([]float64, 100_000) // more than a block
	longer := append([]float64{1}, many...)
	adds := map[string]func(d *digest.Digest){
		"nothing":       func(*digest.Digest) {},
		"a number":      func(d *digest.Digest) { d.Word(1) },
		"another":       func(d *digest.Digest) { d.Word(2) },
		"one list":      func(d *digest.Digest) { d.Texts("a", "b") },
		"two lists":     func(d *digest.Digest) { d.Texts("a"); d.Texts("b") },
		"one text":      func(d *digest.Digest) { d.Texts("ab") },
		"many numbers":  func(d *digest.Digest) { d.Numbers(many...) },
		"more numbers":  func(d *digest.Digest) { d.Numbers(longer...) },
		"features":      func(d *digest.Digest) { d.Features(features) },
		"a feature":     func(d *digest.Digest) { d.Features(features[:1]) },
		"a table":       func(d *digest.Digest) { d.Table(table(1, 2, 3)) },
		"another table": func(d *digest.Digest) { d.Table(table(3, 2, 1)) },
		"a target":      func(d *digest.Digest) { d.Target(ml.Target{Values: []float64{1, 2}}) },
		"a weighted target": func(d *digest.Digest) {
			d.Target(ml.Target{Values: []float64{1, 2}, Weights: []float64{1, 1}})
		},
	}
	seen := map[string]string{}
	for name, add := range adds {
		d, again := digest.New(), digest.New()
		add(d)
		add(again)
		sum := string(d.Sum())
		if len(sum) != 32 || string(again.Sum()) != sum {
			t.Errorf("%s: the digest has %d bytes or differs from itself", name, len(sum))
		}
		if other, ok := seen[sum]; ok {
			t.Errorf("%s has the digest of %s", name, other)
		}
		seen[sum] = name
	}
}
