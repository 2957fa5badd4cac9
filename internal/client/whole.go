package client

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// whole is the text that a value was read from. The value is written as that
// text again, so that nothing is lost of which this package knows nothing.
type whole []byte

func (w *whole) read(text []byte, into any) error {
	*w = bytes.Clone(text)
	return json.Unmarshal(text, into)
}

func (w *whole) write(otherwise any) ([]byte, error) {
	if len(*w) > 0 {
		return *w, nil
	}
	return json.Marshal(otherwise)
}

type (
	plainJob     Job
	plainDataset Dataset
	plainModel   Model

	plainPlan        RecipePlan
	plainPreview     RecipePreview
	plainSuggestions Suggestions
	plainComparison  VersionComparison
	plainVersion     DatasetVersion
)

var (
	_ json.Marshaler   = (*Job)(nil)
	_ json.Unmarshaler = (*Job)(nil)
	_ json.Marshaler   = (*Dataset)(nil)
	_ json.Unmarshaler = (*Dataset)(nil)
	_ json.Marshaler   = (*Model)(nil)
	_ json.Unmarshaler = (*Model)(nil)
	_ json.Marshaler   = (*RecipePlan)(nil)
	_ json.Unmarshaler = (*RecipePlan)(nil)
	_ json.Marshaler   = (*RecipePreview)(nil)
	_ json.Unmarshaler = (*RecipePreview)(nil)
	_ json.Marshaler   = (*Suggestions)(nil)
	_ json.Unmarshaler = (*Suggestions)(nil)
	_ json.Marshaler   = (*VersionComparison)(nil)
	_ json.Unmarshaler = (*VersionComparison)(nil)
	_ json.Marshaler   = (*DatasetVersion)(nil)
	_ json.Unmarshaler = (*DatasetVersion)(nil)
)

// UnmarshalJSON implements json.Unmarshaler.
func (j *Job) UnmarshalJSON(text []byte) error { return j.whole.read(text, (*plainJob)(j)) }

// MarshalJSON writes what the server sent.
func (j *Job) MarshalJSON() ([]byte, error) { return j.whole.write((*plainJob)(j)) }

// UnmarshalJSON implements json.Unmarshaler.
func (d *Dataset) UnmarshalJSON(text []byte) error { return d.whole.read(text, (*plainDataset)(d)) }

// MarshalJSON writes what the server sent.
func (d *Dataset) MarshalJSON() ([]byte, error) { return d.whole.write((*plainDataset)(d)) }

// UnmarshalJSON implements json.Unmarshaler.
func (m *Model) UnmarshalJSON(text []byte) error { return m.whole.read(text, (*plainModel)(m)) }

// MarshalJSON writes what the server sent.
func (m *Model) MarshalJSON() ([]byte, error) { return m.whole.write((*plainModel)(m)) }

// UnmarshalJSON implements json.Unmarshaler.
func (p *RecipePlan) UnmarshalJSON(text []byte) error { return p.whole.read(text, (*plainPlan)(p)) }

// MarshalJSON writes what the server sent.
func (p *RecipePlan) MarshalJSON() ([]byte, error) { return p.whole.write((*plainPlan)(p)) }

// UnmarshalJSON implements json.Unmarshaler. Numbers of rows stay as they are
// written.
func (p *RecipePreview) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode((*plainPreview)(p)); err != nil {
		return fmt.Errorf("read a preview: %w", err)
	}
	p.whole = bytes.Clone(text)
	return nil
}

// MarshalJSON writes what the server sent.
func (p *RecipePreview) MarshalJSON() ([]byte, error) { return p.whole.write((*plainPreview)(p)) }

// UnmarshalJSON implements json.Unmarshaler.
func (s *Suggestions) UnmarshalJSON(text []byte) error {
	return s.whole.read(text, (*plainSuggestions)(s))
}

// MarshalJSON writes what the server sent.
func (s *Suggestions) MarshalJSON() ([]byte, error) { return s.whole.write((*plainSuggestions)(s)) }

// UnmarshalJSON implements json.Unmarshaler.
func (c *VersionComparison) UnmarshalJSON(text []byte) error {
	return c.whole.read(text, (*plainComparison)(c))
}

// MarshalJSON writes what the server sent.
func (c *VersionComparison) MarshalJSON() ([]byte, error) {
	return c.whole.write((*plainComparison)(c))
}

// UnmarshalJSON implements json.Unmarshaler.
func (v *DatasetVersion) UnmarshalJSON(text []byte) error {
	return v.whole.read(text, (*plainVersion)(v))
}

// MarshalJSON writes what the server sent.
func (v *DatasetVersion) MarshalJSON() ([]byte, error) { return v.whole.write((*plainVersion)(v)) }
