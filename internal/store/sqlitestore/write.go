package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/narrativeml/narrative/internal/store"
)

const recordOverhead = 256 // bytes, roughly, beside the body

func sizeOf(records []store.Record) int {
	size := 0
	for _, r := range records {
		size += len(r.Body) + recordOverhead
	}
	return size
}

// Insert adds the records, each on its own.
func (d *Driver) Insert(ctx context.Context, collection string, records ...store.Record) ([]error, error) {
	return d.write(ctx, collection, records, (*writer).insert)
}

// Replace stores the records whose revision is the stored one.
func (d *Driver) Replace(ctx context.Context, collection string, records ...store.Record) ([]error, error) {
	return d.write(ctx, collection, records, (*writer).replace)
}

// write calls one for each record. Its first error is the record's, its second
// one ends the call.
func (d *Driver) write(
	ctx context.Context, collection string, records []store.Record,
	one func(*writer, context.Context, *table, store.Record) (error, error),
) ([]error, error) {
	t, err := d.table(collection)
	if err != nil {
		return nil, err
	}
	errs, err := store.CheckRecords(collection, t.fields, records)
	if err != nil || len(records) == 0 {
		return errs, err
	}
	err = d.submit(ctx, sizeOf(records), func(ctx context.Context, w *writer) error {
		for i, r := range records {
			if errs[i] != nil {
				continue
			}
			var err error
			if errs[i], err = one(w, ctx, t, r); err != nil {
				return fmt.Errorf("write %q to %s: %w", r.ID, collection, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return errs, nil
}

func (w *writer) insert(ctx context.Context, t *table, r store.Record) (outcome, err error) {
	keys := t.values(r)
	args := make([]any, 0, len(keys)+2)
	args = append(append(append(args, r.ID), keys...), string(r.Body))
	n, err := w.exec(ctx, t.insert, args...)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return store.ErrDuplicate, nil
	}
	w.known.put(t, r.ID, values{revision: 1, keys: keys})
	return nil, nil
}

// replace sets only the values that change: SQLite writes every index that has a
// column that is set, even to the same value.
func (w *writer) replace(ctx context.Context, t *table, r store.Record) (outcome, err error) {
	old, err := w.values(ctx, t, r.ID)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return store.ErrNotFound, nil
	case err != nil:
		return nil, err
	case old.revision != r.Revision:
		return store.ErrStale, nil
	}
	keys := t.values(r)
	args := make([]any, 0, len(keys)+3)
	args = append(args, string(r.Body), r.ID, r.Revision)
	changed := make([]bool, len(keys))
	for i, v := range keys {
		if changed[i] = v != old.keys[i]; changed[i] {
			args = append(args, v)
		}
	}
	n, err := w.exec(ctx, t.replace(changed), args...)
	switch {
	case isDuplicate(err):
		return store.ErrDuplicate, nil
	case err != nil:
		return nil, err
	case n == 0:
		return nil, fmt.Errorf("replace %q of %s: the record is not what it is known to be", r.ID, t.collection.Name)
	}
	w.known.put(t, r.ID, values{revision: r.Revision + 1, keys: keys})
	return nil, nil
}

// values returns the revision and the index values of a record, or sql.ErrNoRows.
func (w *writer) values(ctx context.Context, t *table, id string) (values, error) {
	if v, ok := w.known.get(t, id); ok {
		return v, nil
	}
	s, err := w.statement(ctx, t.keys)
	if err != nil {
		return values{}, err
	}
	v := values{keys: make([]any, len(t.fields))}
	targets := []any{new(string), &v.revision}
	for i := range v.keys {
		targets = append(targets, &v.keys[i])
	}
	return v, s.QueryRowContext(ctx, id).Scan(targets...)
}

// Delete removes the record if revision is 0 or the stored one.
func (d *Driver) Delete(ctx context.Context, collection, id string, revision int64) error {
	t, err := d.table(collection)
	if err != nil {
		return err
	}
	return d.submit(ctx, recordOverhead, func(ctx context.Context, w *writer) error {
		n, err := w.exec(ctx, t.remove, id, revision)
		if w.known.forget(t, id); err != nil || n > 0 {
			return err
		}
		switch _, err = w.values(ctx, t, id); {
		case errors.Is(err, sql.ErrNoRows):
			return store.ErrNotFound
		case err != nil:
			return err
		default:
			return store.ErrStale
		}
	})
}
