package mongostore

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/store/batch"
)

// lookup is one read of a record by its identifier. record and err may be read
// after done is closed.
type lookup struct {
	ctx    context.Context //nolint:containedctx // the caller's, looked at when its turn comes
	table  *table
	id     string
	record store.Record
	err    error
	done   chan struct{}
}

const (
	lookupsAtOnce = 4   // finds that are under way
	lookupsMost   = 100 // identifiers of one
)

// Get returns the record, or ErrNotFound. Those that are asked for while others
// are being read are read together.
func (d *Driver) Get(ctx context.Context, collection, id string) (store.Record, error) {
	t, err := d.table(collection)
	if err != nil {
		return store.Record{}, err
	}
	l := &lookup{ctx: ctx, table: t, id: id, done: make(chan struct{})}
	if err := d.lookups.Add(ctx, l, 1); err != nil {
		if errors.Is(err, batch.ErrClosed) {
			err = store.ErrClosed
		}
		return store.Record{}, err
	}
	select {
	case <-l.done:
		return l.record, l.err
	case <-ctx.Done():
		return store.Record{}, ctx.Err()
	}
}

// look reads the records of a group, those of each collection by one command.
func (d *Driver) look(group []*lookup) {
	byTable := map[*table][]*lookup{}
	for _, l := range group {
		if l.err = l.ctx.Err(); l.err == nil {
			byTable[l.table] = append(byTable[l.table], l)
		}
	}
	for t, some := range byTable {
		if len(some) == 1 {
			some[0].record, some[0].err = d.lookOne(some[0].ctx, t, some[0].id)
		} else {
			d.lookMany(t, some)
		}
	}
	for _, l := range group {
		close(l.done)
	}
}

func (d *Driver) lookOne(ctx context.Context, t *table, id string) (store.Record, error) {
	limited, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	raw, err := t.collection.FindOne(limited, bson.D{{Key: "_id", Value: id}}).Raw()
	if errors.Is(err, mongo.ErrNoDocuments) {
		return store.Record{}, store.ErrNotFound
	}
	if err != nil {
		return store.Record{}, d.fail(ctx, fmt.Sprintf("get %q of %s", id, t.declared.Name), err)
	}
	return decode(t, raw)
}

// lookMany does not obey the callers' contexts, who share it, but it ends.
func (d *Driver) lookMany(t *table, group []*lookup) {
	ctx := context.Background()
	limited, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	asked := map[string][]*lookup{}
	ids := make(bson.A, 0, len(group))
	for _, l := range group {
		if asked[l.id] == nil {
			ids = append(ids, l.id)
		}
		l.err = store.ErrNotFound
		asked[l.id] = append(asked[l.id], l)
	}
	filter := bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}}
	cursor, err := t.collection.Find(limited, filter, options.Find().SetBatchSize(int32(len(ids))))
	if err == nil {
		for cursor.Next(limited) {
			r, err := decode(t, cursor.Current)
			for i, l := range asked[r.ID] {
				if l.record, l.err = r, err; i > 0 {
					l.record, l.err = decode(t, cursor.Current) // nobody shares what another may change
				}
			}
			delete(asked, r.ID)
		}
		err = errors.Join(cursor.Err(), cursor.Close(limited))
	}
	if err == nil {
		return
	}
	for _, some := range asked {
		for _, l := range some {
			l.err = d.fail(ctx, "get from "+t.declared.Name, err)
		}
	}
}
