package mongostore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/narrativeml/narrative/internal/store"
)

// Ensure creates what is missing of the collections and their indexes.
func (d *Driver) Ensure(ctx context.Context, collections ...store.Collection) error {
	if d.closed.Load() {
		return store.ErrClosed
	}
	for _, c := range collections {
		if err := c.Check(); err != nil {
			return err
		}
	}
	for _, c := range collections {
		others, err := d.ensure(ctx, c)
		if err != nil {
			return err
		}
		d.mu.Lock()
		d.tables[c.Name] = &table{declared: c, fields: c.Fields(), others: others, collection: d.database.Collection(c.Name)}
		d.mu.Unlock()
	}
	return nil
}

// indexTimeout bounds the building of the indexes of one collection.
const indexTimeout = 10 * time.Minute

// ensure returns the fields that the collection has but that are not declared.
func (d *Driver) ensure(ctx context.Context, c store.Collection) (others []store.IndexField, err error) {
	limited, cancel := context.WithTimeout(ctx, max(d.timeout, indexTimeout))
	defer cancel()
	doing := "ensure " + c.Name
	collection := d.database.Collection(c.Name)
	specs, err := collection.Indexes().ListSpecifications(limited)
	if err != nil {
		return nil, d.fail(ctx, doing, err)
	}
	exists := len(specs) > 0
	missing, fresh, others, err := plan(specs, c)
	if err != nil {
		return nil, err
	}
	if len(c.Indexes) == 0 && !exists {
		return nil, d.create(ctx, limited, c.Name)
	}
	if len(missing) > 0 {
		if _, err := collection.Indexes().CreateMany(limited, missing); err != nil {
			if mongo.IsDuplicateKeyError(err) {
				return nil, fmt.Errorf("%s: %w: %s", doing, store.ErrDuplicate, d.scrubber.scrub(err.Error()))
			}
			return nil, d.fail(ctx, doing, err)
		}
	}
	if exists {
		err = d.fill(ctx, limited, collection, fresh)
	}
	return others, err
}

// fill gives the fields to the documents that lack them.
func (d *Driver) fill(ctx, limited context.Context, collection *mongo.Collection, fields []store.IndexField) error {
	for _, f := range fields {
		name := "k." + f.Name
		absent := bson.D{{Key: name, Value: bson.D{{Key: "$exists", Value: false}}}}
		if _, err := collection.UpdateMany(limited, absent, bson.D{{Key: "$set", Value: bson.D{{Key: name, Value: zero(f.Type)}}}}); err != nil {
			return d.fail(ctx, "ensure "+collection.Name(), err)
		}
	}
	return nil
}

const namespaceExists = 48

func (d *Driver) create(ctx, limited context.Context, name string) error {
	err := d.database.CreateCollection(limited, name)
	if e, ok := errors.AsType[mongo.CommandError](err); ok && e.Code == namespaceExists {
		return nil
	}
	return d.fail(ctx, "ensure "+name, err)
}

// plan returns the indexes that are missing, the fields that no index had, and
// those that only undeclared indexes have.
func plan(specs []mongo.IndexSpecification, c store.Collection) (missing []mongo.IndexModel, fresh, others []store.IndexField, err error) {
	var known []store.IndexField
	for _, spec := range specs {
		known = append(known, specFields(spec)...)
	}
	for _, f := range c.Fields() {
		i := slices.IndexFunc(known, func(k store.IndexField) bool { return k.Name == f.Name })
		switch {
		case i < 0:
			fresh = append(fresh, f)
		case known[i].Type != f.Type:
			return nil, nil, nil, fmt.Errorf("store: field %s of %s exists with another type", f.Name, c.Name)
		}
	}
	for _, k := range known {
		if !slices.Contains(c.Fields(), k) && !slices.Contains(others, k) {
			others = append(others, k)
		}
	}
	for _, index := range c.Indexes {
		i := slices.IndexFunc(specs, func(s mongo.IndexSpecification) bool {
			name, _, _ := strings.Cut(s.Name, typesMark)
			return name == index.Name
		})
		if i < 0 {
			missing = append(missing, mongo.IndexModel{
				Keys:    order(index, false),
				Options: options.Index().SetName(indexName(index)).SetUnique(index.Unique),
			})
			continue
		}
		unique := specs[i].Unique != nil && *specs[i].Unique
		if specs[i].Name != indexName(index) || unique != index.Unique || !slices.Equal(specFields(specs[i]), index.Fields) {
			return nil, nil, nil, fmt.Errorf("store: index %s of %s exists with another declaration", index.Name, c.Name)
		}
	}
	return missing, fresh, others, nil
}

// typesMark separates the name of an index, which never contains it, from one
// letter for the type of each field, and those from what the index is limited
// to. The server has no place for either. It keeps all records in every index:
// that costs more, and is found by no scan.
const typesMark = "__"

func indexName(index store.Index) string {
	var name strings.Builder
	name.WriteString(index.Name + typesMark)
	for _, f := range index.Fields {
		name.WriteByte(typeLetters[f.Type])
	}
	if code := index.Code(); code != "" {
		name.WriteString(typesMark + code)
	}
	return name.String()
}

const typeLetters = "si" // by store.FieldType

// specFields returns the fields of an index that Ensure has made, nil of others.
func specFields(spec mongo.IndexSpecification) []store.IndexField {
	_, types, ok := strings.Cut(spec.Name, typesMark)
	types, _, _ = strings.Cut(types, typesMark)
	keys, err := spec.KeysDocument.Elements()
	if !ok || err != nil || len(keys) < len(types) {
		return nil
	}
	fields := make([]store.IndexField, len(types))
	for i := range fields {
		name, ok := strings.CutPrefix(keys[i].Key(), "k.")
		t := strings.IndexByte(typeLetters, types[i])
		if !ok || t < 0 {
			return nil
		}
		fields[i] = store.IndexField{Name: name, Type: store.FieldType(t)}
	}
	return fields
}

// order returns the keys of an index. They end in the identifier, which makes
// the order total, unless the values are unique anyway.
func order(index store.Index, descending bool) bson.D {
	direction := 1
	if descending {
		direction = -1
	}
	keys := make(bson.D, 0, len(index.Fields)+1)
	for _, f := range index.Fields {
		keys = append(keys, bson.E{Key: "k." + f.Name, Value: direction})
	}
	if !index.Unique {
		keys = append(keys, bson.E{Key: "_id", Value: direction})
	}
	return keys
}

func zero(t store.FieldType) any {
	if t == store.Int {
		return int64(0)
	}
	return ""
}
