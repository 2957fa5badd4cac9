package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

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
	args := make([]any, 0, len(t.fields)+2)
	args = append(args, r.ID)
	for _, f := range t.fields {
		args = append(args, r.Keys[f.Name])
	}
	n, err := w.exec(ctx, t.insert, append(args, string(r.Body))...)
	if err == nil && n == 0 {
		return store.ErrDuplicate, nil
	}
	return nil, err
}

func (w *writer) replace(ctx context.Context, t *table, r store.Record) (outcome, err error) {
	args := make([]any, 0, len(t.fields)+3)
	for _, f := range t.fields {
		args = append(args, r.Keys[f.Name])
	}
	args = append(args, string(r.Body), r.ID, r.Revision)
	for range 2 { // again when compare has found fields that move
		m := w.moving(t)
		n, err := w.exec(ctx, m.text, args...)
		switch {
		case isDuplicate(err):
			return store.ErrDuplicate, nil
		case err != nil || n > 0:
			return nil, err
		}
		if outcome, err = w.compare(ctx, m, r); outcome != nil || err != nil {
			return outcome, err
		}
	}
	return nil, fmt.Errorf("replace %q of %s: the record does not match itself", r.ID, t.collection.Name)
}

// moving returns what is known to move in the table.
func (w *writer) moving(t *table) moves {
	m, ok := w.moves[t.collection.Name]
	if !ok || m.table != t {
		m = moves{table: t, fields: make([]bool, len(t.fields))}
		m.text = t.replace(m.fields)
		w.moves[t.collection.Name] = m
	}
	return m
}

// compare says why no record with the identifier, the revision and the values
// of the fields that do not move was there. When it is because fields have
// moved it takes note of them and returns no outcome.
func (w *writer) compare(ctx context.Context, m moves, r store.Record) (outcome, err error) {
	revision, values, err := w.keys(ctx, m.table, r.ID)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return store.ErrNotFound, nil
	case err != nil:
		return nil, err
	case revision != r.Revision:
		return store.ErrStale, nil
	}
	fields := slices.Clone(m.fields)
	for i, f := range m.table.fields {
		fields[i] = fields[i] || values[i] != r.Keys[f.Name]
	}
	w.moves[m.table.collection.Name] = moves{table: m.table, fields: fields, text: m.table.replace(fields)}
	return nil, nil
}

// keys returns the revision and the values of the fields of a record, or
// sql.ErrNoRows.
func (w *writer) keys(ctx context.Context, t *table, id string) (revision int64, values []any, err error) {
	s, err := w.statement(ctx, t.keys)
	if err != nil {
		return 0, nil, err
	}
	values = make([]any, len(t.fields))
	targets := []any{new(string), &revision}
	for i := range values {
		targets = append(targets, &values[i])
	}
	return revision, values, s.QueryRowContext(ctx, id).Scan(targets...)
}

// missed says why no record with the identifier and revision was there.
func (w *writer) missed(ctx context.Context, t *table, id string) (outcome, err error) {
	_, _, err = w.keys(ctx, t, id)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return store.ErrNotFound, nil
	case err != nil:
		return nil, err
	default:
		return store.ErrStale, nil
	}
}

// Delete removes the record if revision is 0 or the stored one.
func (d *Driver) Delete(ctx context.Context, collection, id string, revision int64) error {
	t, err := d.table(collection)
	if err != nil {
		return err
	}
	return d.submit(ctx, recordOverhead, func(ctx context.Context, w *writer) error {
		n, err := w.exec(ctx, t.remove, id, revision)
		if err != nil || n > 0 {
			return err
		}
		outcome, err := w.missed(ctx, t, id)
		return errors.Join(outcome, err)
	})
}
