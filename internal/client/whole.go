package client

import (
	"bytes"
	"encoding/json"
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
)

var (
	_ json.Marshaler   = (*Job)(nil)
	_ json.Unmarshaler = (*Job)(nil)
	_ json.Marshaler   = (*Dataset)(nil)
	_ json.Unmarshaler = (*Dataset)(nil)
	_ json.Marshaler   = (*Model)(nil)
	_ json.Unmarshaler = (*Model)(nil)
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
