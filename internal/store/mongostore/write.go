package mongostore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
	"golang.org/x/sync/errgroup"

	"github.com/narrativeml/narrative/internal/store"
)

// writesAtOnce bounds the single writes and look-ups of one call about many
// records.
const writesAtOnce = 16

// Insert adds the records, each on its own.
func (d *Driver) Insert(ctx context.Context, collection string, records ...store.Record) ([]error, error) {
	t, errs, err := d.writable(ctx, collection, records)
	if err != nil {
		return nil, err
	}
	var at []int // of the records sent
	var documents []any
	for i, r := range records {
		if errs[i] == nil {
			at = append(at, i)
			documents = append(documents, document(t, r, 1))
		}
	}
	switch {
	case len(at) == 0:
		return errs, nil
	case len(at) == 1 && d.queue != nil:
		w := &write{table: t, size: len(records[at[0]].Body), model: &mongo.ClientInsertOneModel{Document: documents[0]}}
		if err := d.do(ctx, w); err != nil {
			return nil, fmt.Errorf("insert into %s: %w", collection, err)
		}
		errs[at[0]] = w.outcome
		return errs, nil
	}
	limited, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	_, err = t.collection.InsertMany(limited, documents, options.InsertMany().SetOrdered(false))
	if e, ok := errors.AsType[mongo.BulkWriteException](err); ok && e.WriteConcernError == nil && onlyDuplicates(e.WriteErrors) {
		for _, w := range e.WriteErrors {
			errs[at[w.Index]] = store.ErrDuplicate
		}
		return errs, nil
	}
	if err != nil {
		return nil, d.fail(ctx, "insert into "+collection, err)
	}
	return errs, nil
}

func onlyDuplicates(errs []mongo.BulkWriteError) bool {
	for _, e := range errs {
		if e.Code != duplicateKey {
			return false
		}
	}
	return true
}

// writable returns the table, and for each record whether it may be sent.
func (d *Driver) writable(ctx context.Context, collection string, records []store.Record) (*table, []error, error) {
	t, err := d.table(collection)
	if err != nil {
		return nil, nil, err
	}
	errs, err := store.CheckRecords(collection, t.fields, records)
	if err != nil {
		return nil, nil, err
	}
	return t, errs, ctx.Err()
}

// document is the record as it is stored. It is written by hand, since every
// write of the platform is one: by reflection it takes several times as long.
func document(t *table, r store.Record, revision int64) bson.Raw {
	at, b := bsoncore.AppendDocumentStart(make([]byte, 0, len(r.Body)+writeOverhead))
	b = bsoncore.AppendStringElement(b, "_id", r.ID)
	b = bsoncore.AppendInt64Element(b, "rev", revision)
	keys, b := bsoncore.AppendDocumentElementStart(b, "k")
	for _, f := range t.fields {
		b = appendKey(b, f.Name, r.Keys[f.Name])
	}
	for _, f := range t.others {
		b = appendKey(b, f.Name, zero(f.Type))
	}
	b = closeDocument(b, keys)
	b = bsoncore.AppendStringElement(b, "body", string(r.Body))
	return closeDocument(b, at)
}

// appendKey writes a value that was checked to be a string or an integer.
func appendKey(b []byte, name string, value any) []byte {
	if n, ok := value.(int64); ok {
		return bsoncore.AppendInt64Element(b, name, n)
	}
	text, _ := value.(string)
	return bsoncore.AppendStringElement(b, name, text)
}

// closeDocument ends the document that was started at the position.
func closeDocument(b []byte, at int32) []byte {
	b = append(b, 0)
	binary.LittleEndian.PutUint32(b[at:], uint32(len(b)-int(at)))
	return b
}

func match(id string, revision int64) bson.D {
	return bson.D{{Key: "_id", Value: id}, {Key: "rev", Value: revision}}
}

// Replace stores the records whose revision is the stored one.
func (d *Driver) Replace(ctx context.Context, collection string, records ...store.Record) ([]error, error) {
	t, errs, err := d.writable(ctx, collection, records)
	if err != nil {
		return nil, err
	}
	if d.queue != nil {
		err = d.replaceGrouped(ctx, t, records, errs)
	} else {
		err = d.replaceSingly(ctx, t, records, errs)
	}
	if err != nil {
		return nil, fmt.Errorf("replace in %s: %w", collection, err)
	}
	return errs, nil
}

// replaceGrouped sends the replacements by the queue, all before it waits.
func (d *Driver) replaceGrouped(ctx context.Context, t *table, records []store.Record, errs []error) error {
	writes := make([]*write, len(records))
	for i, r := range records {
		if errs[i] != nil {
			continue
		}
		writes[i] = &write{table: t, id: r.ID, size: len(r.Body), model: &mongo.ClientReplaceOneModel{
			Filter: match(r.ID, r.Revision), Replacement: document(t, r, r.Revision+1),
		}}
		if err := d.add(ctx, writes[i]); err != nil {
			return err
		}
	}
	for i, w := range writes {
		if w == nil {
			continue
		}
		if err := w.wait(ctx); err != nil {
			return err
		}
		errs[i] = w.outcome
	}
	return d.explain(ctx, t, writes, errs)
}

// explain turns errMissed into ErrStale or ErrNotFound.
func (d *Driver) explain(ctx context.Context, t *table, writes []*write, errs []error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(writesAtOnce)
	for i, err := range errs {
		if errors.Is(err, errMissed) {
			group.Go(func() (err error) {
				errs[i], err = d.missed(ctx, t, writes[i].id)
				return err
			})
		}
	}
	return group.Wait()
}

// missed says why no record with the identifier and revision was there.
func (d *Driver) missed(ctx context.Context, t *table, id string) (outcome, err error) {
	found, err := d.exists(ctx, t, id)
	switch {
	case err != nil:
		return nil, err
	case found:
		return store.ErrStale, nil
	default:
		return store.ErrNotFound, nil
	}
}

// replaceSingly sends the replacements one by one, several at a time.
func (d *Driver) replaceSingly(ctx context.Context, t *table, records []store.Record, errs []error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(writesAtOnce)
	for i, r := range records {
		if errs[i] == nil {
			group.Go(func() (err error) {
				errs[i], err = d.replaceOne(ctx, t, r)
				return err
			})
		}
	}
	return group.Wait()
}

func (d *Driver) replaceOne(ctx context.Context, t *table, r store.Record) (outcome, err error) {
	limited, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	result, err := t.collection.ReplaceOne(limited, match(r.ID, r.Revision), document(t, r, r.Revision+1))
	switch {
	case mongo.IsDuplicateKeyError(err):
		return store.ErrDuplicate, nil
	case err != nil:
		return nil, d.fail(ctx, "replace "+r.ID, err)
	case result.MatchedCount == 0:
		return d.missed(ctx, t, r.ID)
	}
	return nil, nil
}

// Delete removes the record if revision is 0 or the stored one.
func (d *Driver) Delete(ctx context.Context, collection, id string, revision int64) error {
	t, err := d.table(collection)
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	filter := bson.D{{Key: "_id", Value: id}}
	if revision != 0 {
		filter = match(id, revision)
	}
	result, err := t.collection.DeleteOne(limited, filter)
	switch {
	case err != nil:
		return d.fail(ctx, fmt.Sprintf("delete %q of %s", id, collection), err)
	case result.DeletedCount > 0:
		return nil
	case revision == 0:
		return store.ErrNotFound
	}
	outcome, err := d.missed(ctx, t, id)
	return errors.Join(outcome, err)
}
