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
	n, err := w.exec(ctx, t.replace, append(args, string(r.Body), r.ID, r.Revision)...)
	switch {
	case isDuplicate(err):
		return store.ErrDuplicate, nil
	case err != nil:
		return nil, err
	case n == 0:
		return w.missed(ctx, t, r.ID)
	}
	return nil, nil
}

// missed says why no record with the identifier and revision was there.
func (w *writer) missed(ctx context.Context, t *table, id string) (outcome, err error) {
	s, err := w.statement(ctx, t.revision)
	if err != nil {
		return nil, err
	}
	var revision int64
	err = s.QueryRowContext(ctx, id).Scan(&revision)
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
