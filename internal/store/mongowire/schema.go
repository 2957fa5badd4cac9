package mongowire

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/narrativeml/narrative/internal/store"
)

// schema is what the server knows of the collections.
type schema struct {
	declaring sync.Mutex // one declaration at a time
	mu        sync.RWMutex
	known     map[string]*collection
}

// collection does not change.
type collection struct {
	store.Collection
	fields []store.IndexField
}

func (x *schema) load(collections []store.Collection) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.known = map[string]*collection{}
	for _, c := range collections {
		x.known[c.Name] = &collection{Collection: c, fields: c.Fields()}
	}
}

func (x *schema) collection(name string) (*collection, bool) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	c, ok := x.known[name]
	return c, ok
}

// collection returns the one the command is about.
func (s *Server) collection(target element) (*collection, error) {
	name, err := target.text()
	if err != nil {
		return nil, bad("the collection: %s", err)
	}
	c, ok := s.schema.collection(name)
	if !ok {
		return nil, refuse(codeNoNamespace, "ns does not exist: %s.%s", s.database, name)
	}
	return c, nil
}

// typesMark separates the name of an index from a letter for the type of each
// field, and those from what the index is limited to.
const typesMark = "__"

func wireName(index store.Index) string {
	var name strings.Builder
	name.WriteString(index.Name + typesMark)
	for _, f := range index.Fields {
		if f.Type == store.Int {
			name.WriteByte('i')
		} else {
			name.WriteByte('s')
		}
	}
	if code := index.Code(); code != "" {
		name.WriteString(typesMark + code)
	}
	return name.String()
}

// wireKeys are the keys of an index in the order of the index.
func wireKeys(index store.Index) []string {
	keys := make([]string, 0, len(index.Fields)+1)
	for _, f := range index.Fields {
		keys = append(keys, "k."+f.Name)
	}
	if !index.Unique {
		keys = append(keys, "_id")
	}
	return keys
}

func (s *Server) listIndexes(_ context.Context, c *command) ([]byte, error) {
	known, err := s.collection(c.target)
	if err != nil {
		return nil, err
	}
	b := s.cursorHead(0, known.Name, "firstBatch")
	b.doc("0").int32("v", 2).doc("key").int32("_id", 1).end().text("name", "_id_").end()
	for i, index := range known.Indexes {
		b.doc(strconv.Itoa(i+1)).int32("v", 2).doc("key")
		for _, key := range wireKeys(index) {
			b.int32(key, 1)
		}
		b.end().text("name", wireName(index))
		if index.Unique {
			b.boolean("unique", true)
		}
		b.end()
	}
	return b.end().end().ok(), nil
}

// cursorHead starts a reply with a cursor and leaves its batch open.
func (s *Server) cursorHead(id int64, collection, batch string) *builder {
	return newDoc().doc("cursor").int64("id", id).text("ns", s.database+"."+collection).array(batch)
}

func (s *Server) create(ctx context.Context, c *command) ([]byte, error) {
	name, err := c.target.text()
	if err != nil {
		return nil, bad("the collection: %s", err)
	}
	if err := s.declare(ctx, store.Collection{Name: name}); err != nil {
		return nil, err
	}
	return newDoc().ok(), nil
}

func (s *Server) createIndexes(ctx context.Context, c *command) ([]byte, error) {
	name, err := c.target.text()
	if err != nil {
		return nil, bad("the collection: %s", err)
	}
	specs, err := c.fields["indexes"].inside(kindArray)
	if err != nil || len(specs) == 0 {
		return nil, bad("createIndexes names no indexes")
	}
	wanted := store.Collection{Name: name}
	for _, spec := range specs {
		index, err := parseIndex(spec)
		if err != nil {
			return nil, err
		}
		wanted.Indexes = append(wanted.Indexes, index)
	}
	if err := s.declare(ctx, wanted); err != nil {
		return nil, err
	}
	return newDoc().ok(), nil
}

// declare adds the wanted indexes to those the collection has.
func (s *Server) declare(ctx context.Context, wanted store.Collection) error {
	s.schema.declaring.Lock()
	defer s.schema.declaring.Unlock()
	merged := store.Collection{Name: wanted.Name}
	if known, ok := s.schema.collection(wanted.Name); ok {
		merged.Indexes = slices.Clone(known.Indexes)
	}
	for _, index := range wanted.Indexes {
		if !slices.ContainsFunc(merged.Indexes, index.Equals) {
			merged.Indexes = append(merged.Indexes, index)
		}
	}
	if err := merged.Check(); err != nil {
		return bad("%s", err)
	}
	if err := s.driver.Ensure(ctx, merged); err != nil {
		return err
	}
	s.schema.load(s.driver.Collections())
	return nil
}

func parseIndex(spec element) (store.Index, error) {
	var index store.Index
	parts, err := spec.inside(kindDoc)
	if err != nil {
		return index, bad("index: %s", err)
	}
	var keys []element
	var full string
	for _, p := range parts {
		switch p.name {
		case "key":
			keys, err = p.inside(kindDoc)
		case "name":
			full, err = p.text()
		case "unique":
			index.Unique, err = p.boolean()
		default:
			return index, refuse(codeUnknownField, "BSON field 'createIndexes.indexes.%s' is an unknown field", p.name)
		}
		if err != nil {
			return index, bad("index: %s", err)
		}
	}
	name, types, _ := strings.Cut(full, typesMark)
	types, code, _ := strings.Cut(types, typesMark)
	index.Name = name
	for i, t := range types {
		if i >= len(keys) || t != 's' && t != 'i' {
			return index, bad("index name %q does not tell the types of its fields", full)
		}
		f := store.IndexField{Name: strings.TrimPrefix(keys[i].name, "k.")}
		if t == 'i' {
			f.Type = store.Int
		}
		index.Fields = append(index.Fields, f)
	}
	if index, err = index.Limited(code); err != nil {
		return index, bad("%s", err)
	}
	ascending, ok := direction(index, keys)
	if !ok || !ascending {
		return index, bad("index %q is not one of fields below k, ascending, ended by _id unless it is unique", full)
	}
	return index, nil
}

// direction reports whether the keys are those of the index, all ascending or
// all descending.
func direction(index store.Index, keys []element) (ascending, ok bool) {
	wanted := wireKeys(index)
	if len(keys) != len(wanted) || len(keys) == 0 {
		return false, false
	}
	first, err := keys[0].integer()
	if err != nil || first != 1 && first != -1 {
		return false, false
	}
	for i, k := range keys {
		if n, err := k.integer(); err != nil || n != first || k.name != wanted[i] {
			return false, false
		}
	}
	return first == 1, true
}
