package cache

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
)

// Form is how the values of an answer are shown. It depends on what the caller
// may see, so there is no default: a key without a form is refused.
type Form string

// Plain is the form of answers with all values as they are in the table.
const Plain Form = "plain"

// Key is everything that an answer depends on.
type Key struct {
	Release    string // of the program that encodes it
	Tenant     string // whose data it is made of
	Dataset    string
	Version    int    // from 1
	Content    string // another one whenever what the answer is made of is
	Form       Form
	Answer     string // what it is, such as "chart"; one of few, it is a label of metrics
	Parameters string // of the request, in one form; may be empty
}

// IncompleteError says that a key lacks something, which would make answers of
// different things the same.
type IncompleteError struct{ Part string }

// Error implements error.
func (e *IncompleteError) Error() string { return "cache: a key has no " + e.Part }

// encode returns the key as bytes that no other key has.
func (k Key) encode() ([]byte, error) {
	if k.Version < 1 {
		return nil, &IncompleteError{"version"}
	}
	b := binary.AppendUvarint([]byte{layout}, uint64(k.Version))
	for _, part := range []struct{ name, value string }{
		{"release", k.Release},
		{"tenant", k.Tenant},
		{"dataset", k.Dataset},
		{"content", k.Content},
		{"form", string(k.Form)},
		{"answer", k.Answer},
	} {
		if part.value == "" {
			return nil, &IncompleteError{part.name}
		}
		b = append(binary.AppendUvarint(b, uint64(len(part.value))), part.value...)
	}
	return append(b, k.Parameters...), nil
}

// Tag returns the strong validator of the answer, as the header ETag has it: two
// answers with the same tag are the same bytes.
func (k Key) Tag() (string, error) {
	b, err := k.encode()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	const bytes = 16
	return fmt.Sprintf("%q", hex.EncodeToString(sum[:bytes])), nil
}

// prefix begins the name of everything that is kept. The braces keep it in one
// slot of a cluster.
const prefix = "narrative:{cache}:"

// nameOf is where Redis has the answer of an encoded key.
func nameOf(encoded []byte) string {
	sum := sha256.Sum256(encoded)
	return prefix + hex.EncodeToString(sum[:])
}
