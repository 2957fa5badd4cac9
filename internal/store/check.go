package store

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"unicode/utf8"

	"github.com/narrativeml/narrative/internal/fault"
)

// nameForm is what collections, indexes and fields may be called.
var nameForm = regexp.MustCompile(`^[a-z](_?[a-z0-9]){0,39}$`)

// Check reports the first mistake in the declaration, or nil.
func (c Collection) Check() error {
	if !nameForm.MatchString(c.Name) {
		return fmt.Errorf("store: collection name %q is not snake_case", c.Name)
	}
	types := map[string]FieldType{}
	names := map[string]bool{}
	for _, index := range c.Indexes {
		if !nameForm.MatchString(index.Name) || names[index.Name] {
			return fmt.Errorf("store: index name %q of %s is not snake_case or not the only one", index.Name, c.Name)
		}
		names[index.Name] = true
		if len(index.Fields) == 0 {
			return fmt.Errorf("store: index %s of %s has no fields", index.Name, c.Name)
		}
		inIndex := map[string]bool{}
		for _, f := range index.Fields {
			if !nameForm.MatchString(f.Name) || inIndex[f.Name] {
				return fmt.Errorf("store: field %q of index %s.%s is not snake_case or not the only one", f.Name, c.Name, index.Name)
			}
			inIndex[f.Name] = true
			if t, ok := types[f.Name]; f.Type > Int || ok && t != f.Type {
				return fmt.Errorf("store: field %s of %s has more than one type", f.Name, c.Name)
			}
			types[f.Name] = f.Type
		}
		if err := index.checkOnly(nameForm.MatchString); err != nil {
			return fmt.Errorf("store: index %s of %s %w", index.Name, c.Name, err)
		}
	}
	return nil
}

// Fields returns every field of the collection's indexes once, in the order of
// declaration.
func (c Collection) Fields() []IndexField {
	var fields []IndexField
	for _, index := range c.Indexes {
		for _, f := range index.Fields {
			if !slices.Contains(fields, f) {
				fields = append(fields, f)
			}
		}
	}
	return fields
}

// Index returns the index of that name.
func (c Collection) Index(name string) (Index, bool) {
	i := slices.IndexFunc(c.Indexes, func(index Index) bool { return index.Name == name })
	if i < 0 {
		return Index{}, false
	}
	return c.Indexes[i], true
}

// Equals reports whether both declare the same order under the same name.
func (x Index) Equals(y Index) bool {
	return x.Name == y.Name && x.Unique == y.Unique && slices.Equal(x.Fields, y.Fields) && x.Only.Equals(y.Only)
}

// CheckRecords returns ErrTooLarge or nil for each record of a write, or the
// first mistake for which the whole write has to be refused. The fields are
// those of [Collection.Fields].
func CheckRecords(collection string, fields []IndexField, records []Record) ([]error, error) {
	errs := make([]error, len(records))
	for i, r := range records {
		err := checkRecord(fields, r)
		switch {
		case errors.Is(err, ErrTooLarge):
			errs[i] = ErrTooLarge
		case err != nil:
			return nil, fmt.Errorf("store: record %q of %s: %w", r.ID, collection, err)
		}
	}
	return errs, nil
}

func checkRecord(fields []IndexField, r Record) error {
	if r.ID == "" {
		return errors.New("it has no identifier")
	}
	if len(r.Body) > MaxBody || len(r.ID) > MaxKey {
		return ErrTooLarge
	}
	if len(r.Keys) != len(fields) {
		return fmt.Errorf("it has %d index values instead of %d", len(r.Keys), len(fields))
	}
	for _, f := range fields {
		v, ok := r.Keys[f.Name]
		if !ok {
			return fmt.Errorf("index value %s is absent", f.Name)
		}
		if err := f.check(v); err != nil {
			return err
		}
		if s, ok := v.(string); ok && len(s) > MaxKey {
			return ErrTooLarge
		}
	}
	if !utf8.ValidString(r.ID) || !utf8.Valid(r.Body) {
		return errors.New("it is not valid UTF-8")
	}
	return nil
}

// check reports whether v is a value of the field.
func (f IndexField) check(v any) error {
	switch v := v.(type) {
	case int64:
		if f.Type == Int {
			return nil
		}
	case string:
		if f.Type == String && utf8.ValidString(v) {
			return nil
		}
		if f.Type == String {
			return fault.Invalid("invalid_text", "the value of %s is not valid UTF-8 text", f.Name)
		}
	}
	return fmt.Errorf("value of %s is a %T", f.Name, v)
}

// Check reports the first mistake in the scan, or nil.
func (s Scan) Check() error {
	if s.Limit < 1 || s.Limit > MaxLimit+1 {
		return fmt.Errorf("store: limit %d of a scan by %s is out of range", s.Limit, s.Index.Name)
	}
	return s.checkBounds()
}

// CheckCount is Check for Count, which ignores After and Limit.
func (s Scan) CheckCount() error {
	s.After = nil
	return s.checkBounds()
}

func (s Scan) checkBounds() error {
	fields := s.Index.Fields
	if len(s.Equal) > len(fields) {
		return fmt.Errorf("store: scan by %s has %d values for %d fields", s.Index.Name, len(s.Equal), len(fields))
	}
	bounded := s.From != nil || s.To != nil
	if bounded && len(s.Equal) == len(fields) {
		return fmt.Errorf("store: scan by %s has bounds but no field for them", s.Index.Name)
	}
	if len(s.After) != 0 && len(s.After) != len(fields)+1 {
		return fmt.Errorf("store: scan by %s has a position of %d values for %d fields", s.Index.Name, len(s.After), len(fields))
	}
	for i, v := range s.Equal {
		if err := fields[i].check(v); err != nil {
			return fmt.Errorf("store: scan by %s: %w", s.Index.Name, err)
		}
	}
	if err := s.checkOnly(); err != nil {
		return err
	}
	for _, v := range []any{s.From, s.To} {
		if v == nil {
			continue
		}
		if err := fields[len(s.Equal)].check(v); err != nil {
			return fmt.Errorf("store: scan by %s: %w", s.Index.Name, err)
		}
	}
	for i, v := range s.After {
		f := IndexField{Name: "id"}
		if i < len(fields) {
			f = fields[i]
		}
		if err := f.check(v); err != nil {
			return fmt.Errorf("store: scan by %s: %w", s.Index.Name, err)
		}
	}
	return nil
}
