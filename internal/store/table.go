package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// Meta is embedded by every stored type. It is kept by the driver beside the
// body and filled in by Table.
type Meta struct {
	ID       string `json:"-"`
	Revision int64  `json:"-"`
}

// Metadata returns the identifier and revision for Table to read and set.
func (m *Meta) Metadata() *Meta { return m }

// Entity is a pointer to a type that embeds Meta and knows its index values.
type Entity[T any] interface {
	*T
	Metadata() *Meta
	// Keys returns the value, string or int64, of every declared index field.
	Keys() map[string]any
}

// Table is a typed view of one collection.
type Table[T any, P Entity[T]] struct {
	driver     Driver
	collection Collection
	before     func(ctx context.Context, entities []P) error
}

// NewTable returns a view of the collection. The caller has ensured it.
func NewTable[T any, P Entity[T]](driver Driver, collection Collection) *Table[T, P] {
	return &Table[T, P]{driver: driver, collection: collection}
}

// Before sets what is done before entities are replaced, such as to write
// elsewhere what they no longer hold. Its error ends the call. It returns the
// table.
func (t *Table[T, P]) Before(do func(ctx context.Context, entities []P) error) *Table[T, P] {
	t.before = do
	return t
}

// Insert adds the entity as revision 1. It returns ErrDuplicate when its
// identifier or a unique index value is taken.
func (t *Table[T, P]) Insert(ctx context.Context, e P) error {
	errs, err := t.InsertAll(ctx, e)
	if err == nil && errs[0] != nil {
		return fmt.Errorf("insert %q into %s: %w", e.Metadata().ID, t.collection.Name, errs[0])
	}
	return err
}

// InsertAll adds the entities; the result holds an error or nil for each.
func (t *Table[T, P]) InsertAll(ctx context.Context, entities ...P) ([]error, error) {
	records, err := t.encode(entities)
	if err != nil {
		return nil, err
	}
	errs, err := t.driver.Insert(ctx, t.collection.Name, records...)
	if err != nil {
		return nil, fmt.Errorf("insert into %s: %w", t.collection.Name, err)
	}
	for i, e := range entities {
		if errs[i] == nil {
			e.Metadata().Revision = 1
		}
	}
	return errs, nil
}

// Get returns the entity, or ErrNotFound.
func (t *Table[T, P]) Get(ctx context.Context, id string) (P, error) {
	r, err := t.driver.Get(ctx, t.collection.Name, id)
	if err != nil {
		return nil, fmt.Errorf("get %s %q: %w", t.collection.Name, id, err)
	}
	return t.decode(r)
}

// Peek returns what is known of the entity without its body: its identifier
// and revision, and its index values. It returns ErrNotFound when there is none.
func (t *Table[T, P]) Peek(ctx context.Context, id string) (Meta, map[string]any, error) {
	r, err := t.driver.Peek(ctx, t.collection.Name, id)
	if err != nil {
		return Meta{}, nil, fmt.Errorf("peek at %s %q: %w", t.collection.Name, id, err)
	}
	return Meta{ID: r.ID, Revision: r.Revision}, r.Keys, nil
}

// Replace stores the entity if its revision is still the stored one and then
// counts it up; it returns ErrStale or ErrNotFound otherwise.
func (t *Table[T, P]) Replace(ctx context.Context, e P) error {
	errs, err := t.ReplaceAll(ctx, e)
	if err == nil && errs[0] != nil {
		return fmt.Errorf("replace %q in %s: %w", e.Metadata().ID, t.collection.Name, errs[0])
	}
	return err
}

// ReplaceAll replaces the entities one by one; the result holds an error or
// nil for each.
func (t *Table[T, P]) ReplaceAll(ctx context.Context, entities ...P) ([]error, error) {
	if t.before != nil {
		if err := t.before(ctx, entities); err != nil {
			return nil, fmt.Errorf("replace in %s: %w", t.collection.Name, err)
		}
	}
	records, err := t.encode(entities)
	if err != nil {
		return nil, err
	}
	errs, err := t.driver.Replace(ctx, t.collection.Name, records...)
	if err != nil {
		return nil, fmt.Errorf("replace in %s: %w", t.collection.Name, err)
	}
	for i, e := range entities {
		if errs[i] == nil {
			e.Metadata().Revision++
		}
	}
	return errs, nil
}

// ErrUnchanged is returned by a mutation to leave the record as it is.
var ErrUnchanged = errors.New("store: unchanged")

// maxTries bounds the compare-and-swap loop of Update.
const maxTries = 64

// patience is how often Update loses a race before it starts to wait.
const patience = 8

// yield lets others go first, the longer the more often the race was lost.
func yield(ctx context.Context, try int) error {
	if try < patience {
		return ctx.Err()
	}
	timer := time.NewTimer(time.Duration(try) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Update reads the entity, lets mutate change it, and replaces it, again from
// the start when somebody else was faster. An error of mutate ends it without
// a write: ErrUnchanged returns the entity and nil, any other is returned.
func (t *Table[T, P]) Update(ctx context.Context, id string, mutate func(P) error) (P, error) {
	for try := range maxTries {
		e, err := t.Get(ctx, id)
		if err != nil {
			return nil, err
		}
		if err := mutate(e); err != nil {
			if errors.Is(err, ErrUnchanged) {
				return e, nil
			}
			return e, err
		}
		err = t.Replace(ctx, e)
		if err == nil {
			return e, nil
		}
		if !errors.Is(err, ErrStale) {
			return nil, err
		}
		if err := yield(ctx, try); err != nil {
			return nil, fmt.Errorf("update %s %q: %w", t.collection.Name, id, err)
		}
	}
	return nil, fmt.Errorf("update %s %q: %w after %d tries", t.collection.Name, id, ErrStale, maxTries)
}

// Delete removes the record if revision is 0 or the stored one.
func (t *Table[T, P]) Delete(ctx context.Context, id string, revision int64) error {
	if err := t.driver.Delete(ctx, t.collection.Name, id, revision); err != nil {
		return fmt.Errorf("delete %s %q: %w", t.collection.Name, id, err)
	}
	return nil
}

// Find returns one page of the query.
func (t *Table[T, P]) Find(ctx context.Context, q Query) (Page[P], error) {
	scan, err := t.scan(q)
	if err != nil {
		return Page[P]{}, err
	}
	limit := scan.Limit
	scan.Limit++ // one more tells whether there is a next page
	records, err := t.driver.Find(ctx, t.collection.Name, scan)
	if err != nil {
		return Page[P]{}, fmt.Errorf("find in %s by %s: %w", t.collection.Name, q.Index, err)
	}
	more := len(records) > limit
	if more {
		records = records[:limit]
	}
	page := Page[P]{Items: make([]P, len(records))}
	for i, r := range records {
		if page.Items[i], err = t.decode(r); err != nil {
			return Page[P]{}, err
		}
	}
	if more {
		page.Next = encodeCursor(t.collection.Name, q, scan.Index, records[len(records)-1])
	}
	return page, nil
}

// Count returns how many records match the query, at most limit when that is
// positive.
func (t *Table[T, P]) Count(ctx context.Context, q Query, limit int64) (int64, error) {
	q.Cursor = ""
	scan, err := t.scan(q)
	if err != nil {
		return 0, err
	}
	n, err := t.driver.Count(ctx, t.collection.Name, scan, limit)
	if err != nil {
		return 0, fmt.Errorf("count %s by %s: %w", t.collection.Name, q.Index, err)
	}
	return n, nil
}

func (t *Table[T, P]) encode(entities []P) ([]Record, error) {
	records := make([]Record, len(entities))
	for i, e := range entities {
		body, err := json.Marshal(e)
		if err != nil {
			return nil, fmt.Errorf("encode %s: %w", t.collection.Name, err)
		}
		if !utf8.Valid(body) { // raw JSON is passed through as it came
			body = bytes.ToValidUTF8(body, []byte("\uFFFD"))
		}
		m := e.Metadata()
		records[i] = Record{ID: m.ID, Revision: m.Revision, Keys: e.Keys(), Body: body}
	}
	return records, nil
}

func (t *Table[T, P]) decode(r Record) (P, error) {
	e := P(new(T))
	if err := json.Unmarshal(r.Body, e); err != nil {
		return nil, fmt.Errorf("decode %s %q: %w", t.collection.Name, r.ID, err)
	}
	*e.Metadata() = Meta{ID: r.ID, Revision: r.Revision}
	return e, nil
}
