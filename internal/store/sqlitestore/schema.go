package sqlitestore

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/narrativeml/narrative/internal/store"
)

// table holds the statements of one collection. It does not change.
type table struct {
	collection store.Collection
	name       string // quoted
	fields     []store.IndexField
	columns    string // id, rev, the fields' columns, body

	insert, remove, keys, get, peek string
}

func quoted(name string) string { return `"` + name + `"` }

func column(field string) string { return quoted("k_" + field) }

func indexName(collection, index string) string { return quoted("i_" + collection + "__" + index) }

func newTable(c store.Collection) *table {
	t := &table{collection: c, name: quoted("c_" + c.Name), fields: c.Fields()}
	names, marks := []string{"id", "rev"}, []string{"?", "1"}
	for _, f := range t.fields {
		names = append(names, column(f.Name))
		marks = append(marks, "?")
	}
	t.keys = "SELECT " + strings.Join(names, ", ") + " FROM " + t.name + " WHERE id = ?"
	t.peek = "SELECT " + strings.Join(names, ", ") + ", NULL FROM " + t.name + " WHERE id = ?"
	t.columns = strings.Join(append(names, "body"), ", ")
	t.insert = "INSERT INTO " + t.name + " (" + t.columns + ") VALUES (" + strings.Join(append(marks, "?"), ", ") + ") ON CONFLICT DO NOTHING"
	t.remove = "DELETE FROM " + t.name + " WHERE id = ? AND ?2 IN (0, rev)"
	t.get = "SELECT " + t.columns + " FROM " + t.name + " WHERE id = ?"
	return t
}

// replace returns the statement that replaces a record whose fields, but for
// those that move, have the values that they are stored with. SQLite writes
// every index that has a column that is set, even to the same value; so only
// those that move are set. The others are compared, with a sign that keeps an
// index from being used for it.
func (t *table) replace(moving []bool) string {
	n := len(t.fields)
	sets := []string{"rev = rev + 1", "body = ?" + strconv.Itoa(n+1)}
	same := []string{"id = ?" + strconv.Itoa(n+2), "rev = ?" + strconv.Itoa(n+3)}
	for i, f := range t.fields {
		equal := column(f.Name) + " = ?" + strconv.Itoa(i+1)
		if moving[i] {
			sets = append(sets, equal)
		} else {
			same = append(same, "+"+equal)
		}
	}
	return "UPDATE " + t.name + " SET " + strings.Join(sets, ", ") + " WHERE " + strings.Join(same, " AND ")
}

// Ensure creates what is missing of the collections and their indexes.
func (d *Driver) Ensure(ctx context.Context, collections ...store.Collection) error {
	d.declaring.Lock()
	defer d.declaring.Unlock()
	for _, c := range collections {
		if err := c.Check(); err != nil {
			return err
		}
	}
	for _, c := range collections {
		if err := d.submit(ctx, 0, func(ctx context.Context, w *writer) error { return w.declare(ctx, c) }); err != nil {
			return fmt.Errorf("ensure %s: %w", c.Name, err)
		}
		d.mu.Lock()
		d.tables[c.Name] = newTable(c)
		d.mu.Unlock()
	}
	return nil
}

// claim makes the file ours or refuses it.
func (w *writer) claim(ctx context.Context) error {
	var application, version, tables int64
	row := w.conn.QueryRowContext(ctx, "SELECT a.application_id, v.user_version, (SELECT count(*) FROM sqlite_master) FROM pragma_application_id a, pragma_user_version v")
	if err := row.Scan(&application, &version, &tables); err != nil {
		return err
	}
	switch {
	case application == 0 && tables == 0:
	case application != applicationID:
		return fmt.Errorf("the file is a SQLite database of another application (%d)", application)
	case version > schemaVersion:
		return fmt.Errorf("the file has format %d, written by a newer version; this one reads up to %d", version, schemaVersion)
	}
	text := fmt.Sprintf(`PRAGMA application_id = %d; PRAGMA user_version = %d;
CREATE TABLE IF NOT EXISTS narrative_collections (name TEXT PRIMARY KEY NOT NULL, definition TEXT NOT NULL)`, applicationID, schemaVersion)
	_, err := w.conn.ExecContext(ctx, text)
	return err
}

// declared returns the collections that the file knows, with all the indexes
// they ever had.
func (w *writer) declared(ctx context.Context) (collections []store.Collection, err error) {
	rows, err := w.conn.QueryContext(ctx, "SELECT definition FROM narrative_collections ORDER BY name")
	if err != nil {
		return nil, err
	}
	defer func() {
		if e := rows.Close(); err == nil {
			err = e
		}
	}()
	for rows.Next() {
		var text []byte
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		var c store.Collection
		if err := json.Unmarshal(text, &c); err != nil {
			return nil, fmt.Errorf("read declaration: %w", err)
		}
		collections = append(collections, c)
	}
	return collections, rows.Err()
}

// declare creates what is missing of the collection, all of it or nothing.
func (w *writer) declare(ctx context.Context, c store.Collection) error {
	all, err := w.declared(ctx)
	if err != nil {
		return err
	}
	known := store.Collection{Name: c.Name}
	exists := false
	if i := slices.IndexFunc(all, func(k store.Collection) bool { return k.Name == c.Name }); i >= 0 {
		known, exists = all[i], true
	}
	texts, merged, err := plan(known, exists, c)
	if err != nil || len(texts) == 0 {
		return err
	}
	definition, err := json.Marshal(merged)
	if err != nil {
		return err
	}
	if _, err := w.conn.ExecContext(ctx, "SAVEPOINT declare"); err != nil {
		return err
	}
	err = w.create(ctx, texts, c.Name, definition)
	if err != nil && !fatal(err) {
		if _, e := w.conn.ExecContext(ctx, "ROLLBACK TO declare"); e != nil {
			return e
		}
	}
	if err == nil || !fatal(err) {
		if _, e := w.conn.ExecContext(ctx, "RELEASE declare"); e != nil {
			return e
		}
	}
	return err
}

func (w *writer) create(ctx context.Context, texts []string, name string, definition []byte) error {
	for _, text := range texts {
		if _, err := w.conn.ExecContext(ctx, text); err != nil {
			if isDuplicate(err) {
				return fmt.Errorf("%w: %w", store.ErrDuplicate, err)
			}
			return err
		}
	}
	_, err := w.conn.ExecContext(ctx, "INSERT INTO narrative_collections VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET definition = excluded.definition", name, string(definition))
	return err
}

// plan returns the statements that turn known into c, and their union.
func plan(known store.Collection, exists bool, c store.Collection) (texts []string, merged store.Collection, err error) {
	name := quoted("c_" + c.Name)
	var missing []string
	for _, f := range c.Fields() {
		i := slices.IndexFunc(known.Fields(), func(k store.IndexField) bool { return k.Name == f.Name })
		switch {
		case i < 0 && f.Type == store.Int:
			missing = append(missing, column(f.Name)+" INTEGER NOT NULL DEFAULT 0")
		case i < 0:
			missing = append(missing, column(f.Name)+" TEXT NOT NULL DEFAULT ''")
		case known.Fields()[i].Type != f.Type:
			return nil, known, fmt.Errorf("store: field %s of %s exists with another type", f.Name, c.Name)
		}
	}
	if !exists {
		columns := append([]string{"id TEXT PRIMARY KEY NOT NULL", "rev INTEGER NOT NULL"}, missing...)
		texts = append(texts, "CREATE TABLE "+name+" ("+strings.Join(append(columns, "body TEXT NOT NULL"), ", ")+")")
	} else {
		for _, m := range missing {
			texts = append(texts, "ALTER TABLE "+name+" ADD COLUMN "+m)
		}
	}
	merged = store.Collection{Name: c.Name, Indexes: slices.Clone(known.Indexes)}
	for _, index := range c.Indexes {
		if k, ok := known.Index(index.Name); ok {
			if !k.Equals(index) {
				return nil, known, fmt.Errorf("store: index %s of %s exists with another declaration", index.Name, c.Name)
			}
			continue
		}
		merged.Indexes = append(merged.Indexes, index)
		texts = append(texts, createIndex(name, c.Name, index))
	}
	return texts, merged, nil
}

// createIndex ends the index by the identifier, which makes every order total,
// unless its values are unique anyway.
func createIndex(table, collection string, index store.Index) string {
	kind := "INDEX"
	columns := make([]string, 0, len(index.Fields)+1)
	for _, f := range index.Fields {
		columns = append(columns, column(f.Name))
	}
	if index.Unique {
		kind = "UNIQUE INDEX"
	} else {
		columns = append(columns, "id")
	}
	return "CREATE " + kind + " " + indexName(collection, index.Name) + " ON " + table + " (" + strings.Join(columns, ", ") + ")"
}
