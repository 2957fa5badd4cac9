package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/narrativeml/narrative/internal/fault"
)

// Query asks for the records whose leading index fields equal Equal and whose
// next field lies in [From, To), in the order of the index.
type Query struct {
	Index      string
	Equal      []any // string or int64
	From, To   any   // nil is open
	Descending bool
	Cursor     string // Next of an earlier page of the same query, or empty
	Limit      int    // 1 to MaxLimit; 0 means 100
}

// Page is a part of a query's result.
type Page[P any] struct {
	Items []P
	Next  string // cursor of the page after this one, empty at the end
}

// NewID returns a new identifier: the prefix, an underscore and 32 hexadecimal
// digits that sort by time of creation.
func NewID(prefix string) string {
	return prefix + "_" + strings.ReplaceAll(uuid.Must(uuid.NewV7()).String(), "-", "")
}

const defaultLimit = 100

func (t *Table[T, P]) scan(q Query) (Scan, error) {
	for _, index := range t.collection.Indexes {
		if index.Name != q.Index {
			continue
		}
		s := Scan{
			Index: index, Equal: q.Equal, From: q.From, To: q.To,
			Descending: q.Descending, Limit: q.Limit,
		}
		switch {
		case s.Limit == 0:
			s.Limit = defaultLimit
		case s.Limit < 0 || s.Limit > MaxLimit:
			return Scan{}, fault.Invalid("limit_out_of_range", "limit is %d; it must lie between 1 and %d", s.Limit, MaxLimit)
		}
		if q.Cursor != "" {
			after, err := decodeCursor(t.collection.Name, q, index)
			if err != nil {
				return Scan{}, err
			}
			s.After = after
		}
		return s, nil
	}
	return Scan{}, fmt.Errorf("store: collection %s has no index %q", t.collection.Name, q.Index)
}

// cursor is the keyset position after a record, tied to its query.
type cursor struct {
	Query string `json:"q"` // fingerprint
	After []any  `json:"a"`
}

// fingerprint identifies a query without its cursor and limit.
func fingerprint(collection string, q Query) string {
	b, _ := json.Marshal([]any{collection, q.Index, q.Equal, q.From, q.To, q.Descending}) //nolint:errchkjson // strings, integers and nil always encode
	h := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(h[:9])
}

func encodeCursor(collection string, q Query, index Index, last Record) string {
	c := cursor{Query: fingerprint(collection, q)}
	for _, f := range index.Fields {
		c.After = append(c.After, last.Keys[f.Name])
	}
	c.After = append(c.After, last.ID)
	b, _ := json.Marshal(c) //nolint:errchkjson // strings and integers always encode
	return base64.RawURLEncoding.EncodeToString(b)
}

func decodeCursor(collection string, q Query, index Index) ([]any, error) {
	after, err := parseCursor(collection, q, index)
	if err != nil {
		return nil, fault.Invalid("invalid_cursor", "the cursor does not belong to this query; start again without a cursor").
			With(fault.Field{Location: "query.cursor", Message: err.Error()})
	}
	return after, nil
}

func parseCursor(collection string, q Query, index Index) ([]any, error) {
	b, err := base64.RawURLEncoding.DecodeString(q.Cursor)
	if err != nil {
		return nil, errors.New("not a cursor")
	}
	var c cursor
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&c); err != nil {
		return nil, errors.New("not a cursor")
	}
	if c.Query != fingerprint(collection, q) || len(c.After) != len(index.Fields)+1 {
		return nil, errors.New("a cursor of another query")
	}
	after := make([]any, len(c.After))
	for i, v := range c.After {
		wantInt := i < len(index.Fields) && index.Fields[i].Type == Int
		switch v := v.(type) {
		case string:
			if wantInt {
				return nil, errors.New("not a cursor")
			}
			after[i] = v
		case json.Number:
			n, err := v.Int64()
			if err != nil || !wantInt {
				return nil, errors.New("not a cursor")
			}
			after[i] = n
		default:
			return nil, errors.New("not a cursor")
		}
	}
	return after, nil
}
