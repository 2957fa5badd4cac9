package store

import (
	"context"
	"errors"
)

// Errors that drivers return, wrapped or bare. They are matched with
// errors.Is.
var (
	// ErrNotFound means that no record has the identifier.
	ErrNotFound = errors.New("store: record not found")
	// ErrStale means that the record has another revision than the one given.
	ErrStale = errors.New("store: revision does not match")
	// ErrDuplicate means that the identifier or a unique index value is taken.
	ErrDuplicate = errors.New("store: duplicate record")
	// ErrTooLarge means that a body is longer than MaxBody or that an identifier
	// or a string among the index values is longer than MaxKey.
	ErrTooLarge = errors.New("store: record too large")
	// ErrClosed means that the driver was closed.
	ErrClosed = errors.New("store: closed")
)

// MaxBody is the longest body, in bytes, that every driver keeps.
const MaxBody = 8 << 20

// MaxKey is the longest identifier or string index value, in bytes.
const MaxKey = 2048

// MaxLimit is the largest page of a Query. A Scan may ask for one record more,
// which tells whether there is another page.
const MaxLimit = 1000

// Collection declares one kind of record. Names of collections, indexes and
// fields are snake_case, start with a letter and have at most 40 bytes.
type Collection struct {
	Name    string  // plural noun, snake_case: "jobs"
	Indexes []Index // every order in which records may be found
	// Retired names indexes of earlier versions that no process reads any more. A
	// driver whose file no other process shares drops them; elsewhere they cost
	// what they did until somebody does.
	Retired []string `json:"retired,omitempty"`
}

// Index declares an order over records: by the values of its fields, then by
// identifier. Values compare as strings by bytes or as 64-bit integers.
type Index struct {
	Name   string
	Fields []IndexField
	Unique bool // no two records may have the same values; every record has them all
	Only   Only `json:"only,omitzero"` // which records it holds; zero: all
}

// IndexField is one field of an index.
type IndexField struct {
	Name string
	Type FieldType
}

// FieldType is the type of an index field.
type FieldType uint8

// The types of index fields.
const (
	String FieldType = iota // compared by bytes
	Int                     // signed 64 bits
)

// Record is what a driver keeps.
type Record struct {
	ID       string
	Revision int64          // 1 after Insert, whatever it was before; one more after every Replace
	Keys     map[string]any // index field name → string or int64; exactly the declared fields
	Body     []byte         // JSON in UTF-8, at most MaxBody bytes
}

// Scan is a query that a driver runs: the records whose leading index fields
// equal Equal, whose next field lies in [From, To), in index order.
type Scan struct {
	Index      Index
	Equal      []any // values of the leading fields, string or int64
	From, To   any   // bounds of the field after those; nil is open
	Descending bool
	After      []any // keyset position: values of all index fields, then the identifier; empty starts at the first
	Limit      int   // 1 to MaxLimit+1; Count ignores it
}

// Driver keeps records. Implementations are safe for concurrent use, and every
// write that returned nil survives a crash of the process.
//
// An error that is none of this package's and not the context's comes as a
// fault of class unavailable when the same call may succeed later. When a write
// ends in such an error or in the context's, it may or may not have happened.
type Driver interface {
	// Ensure creates what is missing of the collections and their indexes. A
	// field that is new to a collection with records is given the value "" or 0
	// in them, until they are replaced. An index whose name is taken by another
	// declaration is an error, as is a unique index that the records violate
	// (ErrDuplicate). What is no longer declared stays.
	Ensure(ctx context.Context, collections ...Collection) error
	// Insert adds records, each on its own; the result holds nil, ErrDuplicate
	// or ErrTooLarge for each. The error is about the whole call; then some may
	// have been inserted.
	Insert(ctx context.Context, collection string, records ...Record) ([]error, error)
	// Get returns the record, or ErrNotFound.
	Get(ctx context.Context, collection, id string) (Record, error)
	// Peek is Get without the body: Body is nil. It is cheap however long the
	// body is.
	Peek(ctx context.Context, collection, id string) (Record, error)
	// Replace stores each record whose Revision is the stored one, as Revision+1;
	// the result holds nil, ErrNotFound, ErrStale, ErrDuplicate or ErrTooLarge for
	// each. The error is about the whole call; then some may have been replaced.
	Replace(ctx context.Context, collection string, records ...Record) ([]error, error)
	// Find returns at most Limit records of the scan, in its order.
	Find(ctx context.Context, collection string, scan Scan) ([]Record, error)
	// Count returns how many records the scan matches, ignoring After and Limit,
	// but at most limit when that is positive.
	Count(ctx context.Context, collection string, scan Scan, limit int64) (int64, error)
	// Delete removes the record if revision is 0 or the stored one; it returns
	// ErrNotFound or ErrStale otherwise.
	Delete(ctx context.Context, collection, id string, revision int64) error
	// Ping returns nil when the store answers and can be written.
	Ping(ctx context.Context) error
	// Close waits for the writes under way and releases what the driver holds;
	// later calls return ErrClosed.
	Close(ctx context.Context) error
}
