package store

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Only limits an index to the records that have one of the values in the field,
// or any but the empty one when no values are given. A driver need not keep the
// others in the index, and a scan by it fixes the field to such a value.
type Only struct {
	Field  string   // one of the index, a string
	Values []string // snake_case; empty: all but ""
}

// none reports whether all records are in the index.
func (o Only) none() bool { return o.Field == "" && o.Values == nil }

// Equals reports whether both hold the same records.
func (o Only) Equals(p Only) bool { return o.Field == p.Field && slices.Equal(o.Values, p.Values) }

// Place returns the position of the field among those of the index, -1 when the
// index holds all records.
func (x Index) Place() int {
	if x.Only.none() {
		return -1
	}
	return slices.IndexFunc(x.Fields, func(f IndexField) bool { return f.Name == x.Only.Field })
}

// checkOnly reports the first mistake in what the index is limited to.
func (x Index) checkOnly(valid func(string) bool) error {
	at := x.Place()
	switch {
	case x.Only.none():
		return nil
	case at < 0 || x.Fields[at].Type != String:
		return fmt.Errorf("is limited by %q, which is no string among its fields", x.Only.Field)
	case x.Unique:
		return errors.New("is unique and limited")
	}
	for i, v := range x.Only.Values {
		if !valid(v) || slices.Contains(x.Only.Values[:i], v) {
			return fmt.Errorf("is limited to %q, which is not snake_case or not the only one", v)
		}
	}
	return nil
}

// checkOnly reports whether the scan fixes the field that limits its index.
func (s Scan) checkOnly() error {
	at := s.Index.Place()
	if at < 0 {
		return nil
	}
	if at < len(s.Equal) {
		v, _ := s.Equal[at].(string)
		if len(s.Index.Only.Values) == 0 && v != "" || slices.Contains(s.Index.Only.Values, v) {
			return nil
		}
	}
	return fmt.Errorf("store: scan by %s does not fix %s to a value that the index holds", s.Index.Name, s.Index.Only.Field)
}

// Code writes what the index is limited to in a few characters, nothing for
// nothing, for servers that keep no more of an index than its name.
func (x Index) Code() string {
	at := x.Place()
	if at < 0 {
		return ""
	}
	return strings.Join(append([]string{strconv.Itoa(at)}, x.Only.Values...), ".")
}

// Limited returns the index, which has its fields, limited as the code says.
func (x Index) Limited(code string) (Index, error) {
	if code == "" {
		return x, nil
	}
	parts := strings.Split(code, ".")
	at, err := strconv.Atoi(parts[0])
	if err != nil || at < 0 || at >= len(x.Fields) {
		return x, fmt.Errorf("store: index %s is limited by %q, which is none of its fields", x.Name, parts[0])
	}
	x.Only = Only{Field: x.Fields[at].Name}
	if len(parts) > 1 {
		x.Only.Values = parts[1:]
	}
	return x, nil
}
