package binned

import (
	"encoding/binary"

	"github.com/narrativeml/narrative/ml/internal/wire"
)

// AppendFeature appends the name of a feature, whether it is categorical, and its
// categories or its bounds.
func AppendFeature(b []byte, f *Feature) []byte {
	b = wire.AppendString(b, f.Name)
	b = wire.AppendBool(b, f.Categorical)
	if f.Categorical {
		return wire.AppendStrings(b, f.Categories)
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(f.Bounds)))
	return wire.AppendFloats(b, f.Bounds...)
}

// LeastFeature is the fewest bytes of a feature.
const LeastFeature = 4 + 1 + 4

// ReadFeature reads what AppendFeature wrote. The feature is not prepared.
func ReadFeature(r *wire.Reader) Feature {
	f := Feature{Name: r.String(), Categorical: r.Bool()}
	if f.Name == "" {
		r.Fail("a feature has no name")
	}
	if f.Categorical {
		f.Categories = readCategories(r)
	} else {
		f.Bounds = readBounds(r)
	}
	return f
}

func readCategories(r *wire.Reader) []string {
	list := r.Strings()
	if len(list) > MaxBins {
		r.Fail("%d categories", len(list))
	}
	seen := make(map[string]bool, len(list))
	for _, text := range list {
		if seen[text] {
			r.Fail("the category %q is repeated", text)
		}
		seen[text] = true
	}
	return list
}

func readBounds(r *wire.Reader) []float64 {
	list := r.Floats(r.Count(8))
	if len(list) > MaxBins-1 {
		r.Fail("%d bounds", len(list))
	}
	for i := 1; i < len(list); i++ {
		if list[i-1] >= list[i] {
			r.Fail("bounds do not ascend")
		}
	}
	return list
}
