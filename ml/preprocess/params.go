package preprocess

import (
	"fmt"

	"github.com/narrativeml/narrative/ml"
)

// bound is a parameter with its lowest and highest value.
type bound struct {
	name          string
	value, lo, hi int
}

func inRange(all ...bound) error {
	for _, b := range all {
		if b.value < b.lo || b.value > b.hi {
			return invalid(b.name, fmt.Sprintf("%s is %d, it should be between %d and %d", b.name, b.value, b.lo, b.hi))
		}
	}
	return nil
}

// limit is a parameter that is a number with its lowest and highest value.
type limit struct {
	name          string
	value, lo, hi float64
}

func inLimits(all ...limit) error {
	for _, l := range all {
		if !(l.value >= l.lo && l.value <= l.hi) {
			return invalid(l.name, fmt.Sprintf("%s is %v, it should be between %v and %v", l.name, l.value, l.lo, l.hi))
		}
	}
	return nil
}

func invalid(name, message string) error {
	return &ml.InputError{Code: "invalid_parameter", Parameter: name, Row: -1, Message: message}
}
