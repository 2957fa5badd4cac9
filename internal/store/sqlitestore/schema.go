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

// table holds the statements of one collection. It does not change, but for
// replaces, which is the writer's.
type table struct {
	collection store.Collection
	name       string // quoted
	fields     []store.IndexField
	columns    string // id, rev, the fields' columns, body

	insert, remove, keys, get, peek string
	replaces                        map[string]string // by which fields change
}

func quoted(name string) string { return `"` + name + `"` }

func column(field string) string { return quoted("k_" + field) }

func indexName(collection, index string) string { return quoted("i_" + collection + "__" + index) }

func newTable(c store.Collection) *table {
	t := &table{collection: c, name: quoted("c_" + c.Name), fields: c.Fields(), replaces: map[string]string{}}
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

// values returns the values of the record's fields in their order.
func (t *table) values(r store.Record) []any {
	keys := make([]any, len(t.fields))
	for i, f := range t.fields {
		keys[i] = r.Keys[f.Name]
	}
	return keys
}

// replace returns the statement that replaces the body of a record and the
// values of the fields that change. Only the writer calls it.
func (t *table) replace(changed []bool) string {
	var name [64]byte // a letter for each field
	known := name[:0]
	for _, c := range changed {
		letter := byte('0')
		if c {
			letter = '1'
		}
		known = append(known, letter)
	}
	if text, ok := t.replaces[string(known)]; ok {
		return text
	}
	sets := []string{"rev = rev + 1", "body = ?1"}
	for i, f := range t.fields {
		if changed[i] {
			sets = append(sets, column(f.Name)+" = ?"+strconv.Itoa(len(sets)+2))
		}
	}
	text := "UPDATE " + t.name + " SET " + strings.Join(sets, ", ") + " WHERE id = ?2 AND rev = ?3"
	t.replaces[string(known)] = text
	return text
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
	merged = store.Collection{Name: c.Name}
	for _, index := range known.Indexes {
		if retired(c, index) {
			texts = append(texts, "DROP INDEX IF EXISTS "+indexName(c.Name, index.Name))
			continue
		}
		merged.Indexes = append(merged.Indexes, index)
	}
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

// retired reports whether an index that the file has is to be dropped. The
// columns stay; one that would not be known any more keeps its index.
func retired(c store.Collection, index store.Index) bool {
	_, declared := c.Index(index.Name)
	return !declared && slices.Contains(c.Retired, index.Name) &&
		!slices.ContainsFunc(index.Fields, func(f store.IndexField) bool { return !slices.Contains(c.Fields(), f) })
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
	return "CREATE " + kind + " " + indexName(collection, index.Name) + " ON " + table + " (" + strings.Join(columns, ", ") + ")" + held(index)
}

// held says which records the index holds.
func held(index store.Index) string {
	at := index.Place()
	if at < 0 {
		return ""
	}
	name := column(index.Fields[at].Name)
	if len(index.Only.Values) == 0 {
		return " WHERE " + filled(name)
	}
	terms := make([]string, len(index.Only.Values))
	for i, v := range index.Only.Values {
		terms[i] = is(name, v)
	}
	return " WHERE " + strings.Join(terms, " OR ")
}
