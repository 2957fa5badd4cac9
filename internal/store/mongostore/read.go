package mongostore

import (
	"context"
	"errors"
	"fmt"
	"math"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"

	"github.com/narrativeml/narrative/internal/store"
)

// Peek returns the record without its body, or ErrNotFound.
func (d *Driver) Peek(ctx context.Context, collection, id string) (store.Record, error) {
	t, err := d.table(collection)
	if err != nil {
		return store.Record{}, err
	}
	limited, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	slim := options.FindOne().SetProjection(bson.D{{Key: "_id", Value: 1}, {Key: "rev", Value: 1}, {Key: "k", Value: 1}})
	raw, err := t.collection.FindOne(limited, bson.D{{Key: "_id", Value: id}}, slim).Raw()
	if errors.Is(err, mongo.ErrNoDocuments) {
		return store.Record{}, store.ErrNotFound
	}
	if err != nil {
		return store.Record{}, d.fail(ctx, fmt.Sprintf("peek at %q of %s", id, collection), err)
	}
	r, err := decode(t, raw)
	r.Body = nil
	return r, err
}

// exists reports whether the collection has a record with the identifier.
func (d *Driver) exists(ctx context.Context, t *table, id string) (bool, error) {
	limited, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	only := options.FindOne().SetProjection(bson.D{{Key: "_id", Value: 1}})
	err := t.collection.FindOne(limited, bson.D{{Key: "_id", Value: id}}, only).Err()
	if errors.Is(err, mongo.ErrNoDocuments) {
		return false, nil
	}
	return err == nil, d.fail(ctx, "look for "+id, err)
}

// Find returns at most Limit records of the scan. A scan that starts behind a
// position is run as several that each are one contiguous piece of the index.
func (d *Driver) Find(ctx context.Context, collection string, scan store.Scan) ([]store.Record, error) {
	t, err := d.scannable(collection, scan)
	if err != nil {
		return nil, err
	}
	if err := scan.Check(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	scan, ok := scan.Resume()
	if !ok {
		return nil, nil
	}
	var records []store.Record
	for _, filter := range pieces(scan) {
		more, err := d.piece(ctx, t, scan, filter, scan.Limit-len(records))
		if err != nil {
			return nil, err
		}
		if records = append(records, more...); len(records) == scan.Limit {
			break
		}
	}
	return records, nil
}

func (d *Driver) piece(ctx context.Context, t *table, scan store.Scan, filter bson.D, limit int) ([]store.Record, error) {
	limited, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	opts := options.Find().SetSort(order(scan.Index, scan.Descending)).SetHint(indexName(scan.Index)).
		SetLimit(int64(limit)).SetBatchSize(int32(limit))
	doing := "find in " + t.declared.Name
	cursor, err := t.collection.Find(limited, filter, opts)
	if err != nil {
		return nil, d.fail(ctx, doing, err)
	}
	var records []store.Record
	for cursor.Next(limited) {
		r, err := decode(t, cursor.Current)
		if err != nil {
			return nil, errors.Join(err, cursor.Close(limited))
		}
		records = append(records, r)
	}
	if err := errors.Join(cursor.Err(), cursor.Close(limited)); err != nil {
		return nil, d.fail(ctx, doing, err)
	}
	return records, nil
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
	limited, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	scan.After = nil
	opts := options.Count().SetHint(indexName(scan.Index))
	if limit > 0 {
		opts.SetLimit(limit)
	}
	n, err := t.collection.CountDocuments(limited, pieces(scan)[0], opts)
	if err != nil {
		return 0, d.fail(ctx, "count "+collection, err)
	}
	return n, nil
}

// scannable returns the table if it has the scan's index.
func (d *Driver) scannable(collection string, scan store.Scan) (*table, error) {
	t, err := d.table(collection)
	if err != nil {
		return nil, err
	}
	index, ok := t.declared.Index(scan.Index.Name)
	if !ok || !index.Equals(scan.Index) {
		return nil, fmt.Errorf("store: collection %s has no such index %q", collection, scan.Index.Name)
	}
	return t, nil
}

// pieces returns the filters whose matches, one after another, are those of the
// resumed scan. Each fixes the leading fields of the index and bounds the next.
func pieces(scan store.Scan) []bson.D {
	fields := scan.Index.Fields
	if len(scan.After) == 0 {
		filter := fixed(fields, scan.Equal)
		if len(scan.Equal) < len(fields) {
			filter = bounded(filter, "k."+fields[len(scan.Equal)].Name, scan.From, scan.To)
		}
		return []bson.D{filter}
	}
	var filters []bson.D
	if !scan.Index.Unique || len(scan.Equal) == len(fields) {
		sign := "$gt"
		if scan.Descending {
			sign = "$lt"
		}
		id := bson.D{{Key: sign, Value: scan.After[len(fields)]}}
		filters = append(filters, append(fixed(fields, scan.After[:len(fields)]), bson.E{Key: "_id", Value: id}))
	}
	for i := len(fields) - 1; i >= len(scan.Equal); i-- {
		var from, to any
		if i == len(scan.Equal) {
			from, to = scan.From, scan.To
		}
		if scan.Descending {
			to = scan.After[i]
		} else if from = successor(scan.After[i]); from == nil {
			continue
		}
		filters = append(filters, bounded(fixed(fields, scan.After[:i]), "k."+fields[i].Name, from, to))
	}
	return filters
}

func fixed(fields []store.IndexField, values []any) bson.D {
	filter := make(bson.D, 0, len(values)+1)
	for i, v := range values {
		filter = append(filter, bson.E{Key: "k." + fields[i].Name, Value: v})
	}
	return filter
}

func bounded(filter bson.D, name string, from, to any) bson.D {
	var bounds bson.D
	if from != nil {
		bounds = append(bounds, bson.E{Key: "$gte", Value: from})
	}
	if to != nil {
		bounds = append(bounds, bson.E{Key: "$lt", Value: to})
	}
	if bounds == nil {
		return filter
	}
	return append(filter, bson.E{Key: name, Value: bounds})
}

// successor returns the smallest value above v, nil when there is none.
func successor(v any) any {
	switch v := v.(type) {
	case string:
		return v + "\x00"
	case int64:
		if v < math.MaxInt64 {
			return v + 1
		}
	}
	return nil
}

// decode reads a document. A field that the document lacks, since a process of
// an older version wrote it, has its zero value.
func decode(t *table, raw bson.Raw) (store.Record, error) {
	var r store.Record
	keys, bad := bson.Raw(nil), ""
	for rest := documentBody(raw); len(rest) > 0; {
		e, after, ok := bsoncore.ReadElement(rest)
		if !ok {
			return r, fmt.Errorf("decode record of %s: the document is broken", t.declared.Name)
		}
		rest = after
		value := e.Value()
		switch e.Key() {
		case "_id":
			r.ID, ok = value.StringValueOK()
		case "rev":
			r.Revision, ok = value.AsInt64OK()
		case "k":
			keys, ok = rawDocument(value)
		case "body":
			r.Body, ok = textOf(value)
		}
		if !ok {
			bad = e.Key()
		}
	}
	if bad != "" {
		return r, fmt.Errorf("decode record %q of %s: value of %s is of another type", r.ID, t.declared.Name, bad)
	}
	return r, decodeKeys(t, keys, &r)
}

// decodeKeys reads the values of the fields, which stand in the order in which
// they are declared if a process of this version wrote them.
func decodeKeys(t *table, keys bson.Raw, r *store.Record) error {
	r.Keys = make(map[string]any, len(t.fields))
	for rest, i := documentBody(keys), 0; len(rest) > 0; i++ {
		e, after, ok := bsoncore.ReadElement(rest)
		if !ok {
			return fmt.Errorf("decode record %q of %s: its values are broken", r.ID, t.declared.Name)
		}
		rest = after
		f, ok := t.field(e.KeyBytes(), i)
		if !ok {
			continue
		}
		value := e.Value()
		if f.Type == store.Int {
			r.Keys[f.Name], ok = value.AsInt64OK()
		} else {
			r.Keys[f.Name], ok = value.StringValueOK()
		}
		if !ok {
			return fmt.Errorf("decode record %q of %s: value of %s is a %s", r.ID, t.declared.Name, f.Name, value.Type)
		}
	}
	for _, f := range t.fields {
		if _, ok := r.Keys[f.Name]; !ok {
			r.Keys[f.Name] = zero(f.Type)
		}
	}
	return nil
}

// field returns the declared field of the name, which is most likely the i-th.
func (t *table) field(name []byte, i int) (store.IndexField, bool) {
	if i < len(t.fields) && t.fields[i].Name == string(name) {
		return t.fields[i], true
	}
	for _, f := range t.fields {
		if f.Name == string(name) {
			return f, true
		}
	}
	return store.IndexField{}, false
}

// documentBody returns the elements of a document that came from the server,
// whose length the driver has checked.
func documentBody(raw bson.Raw) []byte {
	if len(raw) < 5 {
		return nil
	}
	return raw[4 : len(raw)-1]
}

func rawDocument(value bsoncore.Value) (bson.Raw, bool) {
	doc, ok := value.DocumentOK()
	return bson.Raw(doc), ok
}

// textOf returns the bytes of a string, a copy of those of the reply.
func textOf(value bsoncore.Value) ([]byte, bool) {
	text, ok := value.StringValueOK()
	return []byte(text), ok
}
