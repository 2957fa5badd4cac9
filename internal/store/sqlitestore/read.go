package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/narrativeml/narrative/internal/store"
)

// Get returns the record, or ErrNotFound.
func (d *Driver) Get(ctx context.Context, collection, id string) (store.Record, error) {
	t, err := d.table(collection)
	if err != nil {
		return store.Record{}, err
	}
	records, err := d.query(ctx, t, t.get, id)
	if err != nil {
		return store.Record{}, fmt.Errorf("get %q of %s: %w", id, collection, err)
	}
	if len(records) == 0 {
		return store.Record{}, store.ErrNotFound
	}
	return records[0], nil
}

// Peek returns the record without its body, or ErrNotFound. The body is the
// last column, so that its pages are not read.
func (d *Driver) Peek(ctx context.Context, collection, id string) (store.Record, error) {
	t, err := d.table(collection)
	if err != nil {
		return store.Record{}, err
	}
	records, err := d.query(ctx, t, t.peek, id)
	if err != nil {
		return store.Record{}, fmt.Errorf("peek at %q of %s: %w", id, collection, err)
	}
	if len(records) == 0 {
		return store.Record{}, store.ErrNotFound
	}
	return records[0], nil
}

// Find returns at most Limit records of the scan.
func (d *Driver) Find(ctx context.Context, collection string, scan store.Scan) ([]store.Record, error) {
	t, err := d.scannable(collection, scan)
	if err != nil {
		return nil, err
	}
	if err := scan.Check(); err != nil {
		return nil, err
	}
	scan, ok := scan.Resume()
	if !ok {
		return nil, ctx.Err()
	}
	text, args := findText(t, scan)
	records, err := d.query(ctx, t, text, args...)
	if err != nil {
		return nil, fmt.Errorf("find in %s: %w", collection, err)
	}
	return records, nil
}

// findText writes a resumed scan as a statement.
func findText(t *table, scan store.Scan) (text string, args []any) {
	where, args := conditions(scan)
	text = "SELECT " + t.columns + " FROM " + t.name + " INDEXED BY " + indexName(t.collection.Name, scan.Index.Name) +
		where + order(scan) + " LIMIT ?"
	return text, append(args, scan.Limit)
}

// Count returns how many records the scan matches, at most limit when that is
// positive.
func (d *Driver) Count(ctx context.Context, collection string, scan store.Scan, limit int64) (int64, error) {
	t, err := d.scannable(collection, scan)
	if err != nil {
		return 0, err
	}
	if err := scan.CheckCount(); err != nil {
		return 0, err
	}
	if limit <= 0 {
		limit = -1
	}
	scan.After = nil
	where, args := conditions(scan)
	text := "SELECT count(*) FROM (SELECT 1 FROM " + t.name + " INDEXED BY " + indexName(collection, scan.Index.Name) + where + " LIMIT ?)"
	s, err := d.statement(ctx, text)
	if err != nil {
		return 0, fmt.Errorf("count %s: %w", collection, err)
	}
	var n int64
	if err := s.QueryRowContext(ctx, append(args, limit)...).Scan(&n); err != nil {
		return 0, fmt.Errorf("count %s: %w", collection, classify(err))
	}
	return n, nil
}

// scannable returns the table if it has the scan's index.
func (d *Driver) scannable(collection string, scan store.Scan) (*table, error) {
	t, err := d.table(collection)
	if err != nil {
		return nil, err
	}
	index, ok := t.collection.Index(scan.Index.Name)
	if !ok || !index.Equals(scan.Index) {
		return nil, fmt.Errorf("store: collection %s has no such index %q", collection, scan.Index.Name)
	}
	return t, nil
}

// conditions writes the scan as a WHERE clause that one run through its index
// answers.
func conditions(scan store.Scan) (where string, args []any) {
	var terms []string
	limit := scan.Index.Place()
	for i, v := range scan.Equal {
		name := column(scan.Index.Fields[i].Name)
		switch text, _ := v.(string); {
		case i == limit && len(scan.Index.Only.Values) > 0:
			terms = append(terms, is(name, text)) // one of the terms of the index, so that SQLite may use it
			continue
		case i == limit:
			terms = append(terms, filled(name))
		}
		terms = append(terms, name+" = ?")
		args = append(args, v)
	}
	rest := scan.Index.Fields[len(scan.Equal):]
	if scan.From != nil {
		terms = append(terms, column(rest[0].Name)+" >= ?")
		args = append(args, scan.From)
	}
	if scan.To != nil {
		terms = append(terms, column(rest[0].Name)+" < ?")
		args = append(args, scan.To)
	}
	if len(scan.After) > 0 {
		columns := tail(scan)
		marks := strings.Repeat(", ?", len(columns))[2:]
		sign := ">"
		if scan.Descending {
			sign = "<"
		}
		terms = append(terms, "("+strings.Join(columns, ", ")+") "+sign+" ("+marks+")")
		args = append(args, scan.After[len(scan.Equal):][:len(columns)]...)
	}
	if len(terms) == 0 {
		return "", nil
	}
	return " WHERE " + strings.Join(terms, " AND "), args
}

// is compares the column with a declared value, which needs no quoting.
func is(column, value string) string { return column + " = '" + value + "'" }

func filled(column string) string { return column + " <> ''" }

// tail returns the columns that order the matches: the fields that are not
// fixed, then the identifier unless the fields are unique and free.
func tail(scan store.Scan) []string {
	var columns []string
	for _, f := range scan.Index.Fields[len(scan.Equal):] {
		columns = append(columns, column(f.Name))
	}
	if !scan.Index.Unique || len(columns) == 0 {
		columns = append(columns, "id")
	}
	return columns
}

func order(scan store.Scan) string {
	direction := ""
	if scan.Descending {
		direction = " DESC"
	}
	return " ORDER BY " + strings.Join(tail(scan), direction+", ") + direction
}

// statement returns the statement for the reading connections. Texts are made
// of declarations, so there are few.
func (d *Driver) statement(ctx context.Context, text string) (*sql.Stmt, error) {
	d.preparing.RLock()
	s, ok := d.prepared[text]
	d.preparing.RUnlock()
	if ok {
		return s, nil
	}
	d.preparing.Lock()
	defer d.preparing.Unlock()
	if s, ok := d.prepared[text]; ok {
		return s, nil
	}
	s, err := d.reading.PrepareContext(ctx, text)
	if err != nil {
		return nil, classify(err)
	}
	d.prepared[text] = s
	return s, nil
}

// query returns the records a statement selects by t.columns. They are few, and
// to watch a context costs more than to read one: so it is looked at before only.
func (d *Driver) query(ctx context.Context, t *table, text string, args ...any) (records []store.Record, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ctx = context.WithoutCancel(ctx)
	s, err := d.statement(ctx, text)
	if err != nil {
		return nil, err
	}
	rows, err := s.QueryContext(ctx, args...)
	if err != nil {
		return nil, classify(err)
	}
	defer func() {
		if e := rows.Close(); err == nil && e != nil {
			records, err = nil, classify(e)
		}
	}()
	values := make([]any, len(t.fields))
	target := make([]any, 0, len(t.fields)+3)
	var r store.Record
	target = append(target, &r.ID, &r.Revision)
	for i := range values {
		target = append(target, &values[i])
	}
	target = append(target, &r.Body)
	for rows.Next() {
		r = store.Record{Keys: make(map[string]any, len(t.fields))}
		if err := rows.Scan(target...); err != nil {
			return nil, classify(err)
		}
		for i, f := range t.fields {
			if r.Keys[f.Name] = values[i]; values[i] == nil {
				return nil, errors.New("store: index value is missing in the file")
			}
		}
		records = append(records, r)
	}
	if err := rows.Err(); err != nil {
		return nil, classify(err)
	}
	return records, nil
}
