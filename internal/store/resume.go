package store

import (
	"cmp"
	"slices"
)

// Resume returns an equivalent scan whose position, if any is left, lies inside
// its other conditions and makes the bound behind it superfluous: Equal and
// After agree, and From (To when descending) is nil. It returns false when
// nothing can match any more. Positions come from clients, so they may lie
// anywhere.
func (s Scan) Resume() (Scan, bool) {
	if len(s.After) == 0 {
		return s, true
	}
	n := len(s.Equal)
	if c := slices.CompareFunc(s.After[:n], s.Equal, compareValues); c != 0 {
		// The position is before the first match or behind the last one.
		s.After = nil
		return s, (c < 0) != s.Descending
	}
	if n == len(s.Index.Fields) {
		return s, true
	}
	at := s.After[n]
	below := s.From != nil && compareValues(at, s.From) < 0
	above := s.To != nil && compareValues(at, s.To) >= 0
	switch {
	case below || above:
		s.After = nil
		return s, below != s.Descending
	case s.Descending:
		s.To = nil
	default:
		s.From = nil
	}
	return s, true
}

// compareValues compares two values of one field. Values of different types,
// which Check refuses, count as equal.
func compareValues(x, y any) int {
	switch x := x.(type) {
	case string:
		if y, ok := y.(string); ok {
			return cmp.Compare(x, y)
		}
	case int64:
		if y, ok := y.(int64); ok {
			return cmp.Compare(x, y)
		}
	}
	return 0
}
