package mongostore

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/store/batch"
)

// write is one write among a group. outcome and err may be read after wait
// returned nil.
type write struct {
	ctx     context.Context //nolint:containedctx // the caller's, looked at when its turn comes
	table   *table
	id      string
	size    int
	model   any // of package mongo
	outcome error
	err     error
	done    chan struct{}
}

// errMissed means that no record had the identifier and the revision.
var errMissed = errors.New("mongostore: nothing matched")

const writeOverhead = 512 // bytes, roughly, beside the body

// do adds the write to the queue and waits for it.
func (d *Driver) do(ctx context.Context, w *write) error {
	if err := d.add(ctx, w); err != nil {
		return err
	}
	return w.wait(ctx)
}

func (d *Driver) add(ctx context.Context, w *write) error {
	w.ctx, w.done = ctx, make(chan struct{})
	err := d.queue.Add(ctx, w, w.size+writeOverhead)
	if errors.Is(err, batch.ErrClosed) {
		return store.ErrClosed
	}
	return err
}

func (w *write) wait(ctx context.Context) error {
	select {
	case <-w.done:
		return w.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// writeGroup sends a group as one command and tells each write its result.
func (d *Driver) writeGroup(group []*write) {
	live := make([]*write, 0, len(group))
	for _, w := range group {
		if w.err = w.ctx.Err(); w.err == nil {
			live = append(live, w)
		}
	}
	if len(live) > 0 {
		d.sendGroup(live)
	}
	for _, w := range group {
		close(w.done)
	}
}

// sendGroup does not obey the callers' contexts, who share it, but it ends.
func (d *Driver) sendGroup(group []*write) {
	ctx := context.Background()
	limited, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	models := make([]mongo.ClientBulkWrite, len(group))
	for i, w := range group {
		models[i] = mongo.ClientBulkWrite{Database: d.database.Name(), Collection: w.table.declared.Name}
		switch model := w.model.(type) {
		case *mongo.ClientInsertOneModel:
			models[i].Model = model
		case *mongo.ClientReplaceOneModel:
			models[i].Model = model
		}
	}
	result, err := d.client.BulkWrite(limited, models, options.ClientBulkWrite().SetOrdered(false).SetVerboseResults(true))
	failures := map[int]mongo.WriteError{}
	if e, ok := errors.AsType[mongo.ClientBulkWriteException](err); ok && e.WriteError == nil && len(e.WriteConcernErrors) == 0 {
		failures, result, err = e.WriteErrors, e.PartialResult, nil
	}
	for i, w := range group {
		failure, failed := failures[i]
		switch {
		case err != nil:
			w.err = d.fail(ctx, "write group", err)
		case failed && failure.Code == duplicateKey:
			w.outcome = store.ErrDuplicate
		case failed:
			w.err = fmt.Errorf("write group: code %d: %w", failure.Code, d.report(!passing(failure.Code), failure.Message))
		case w.missed(i, result):
			w.outcome = errMissed
		}
	}
}

// missed reports whether the write was a replacement that matched nothing.
func (w *write) missed(i int, result *mongo.ClientBulkWriteResult) bool {
	if _, ok := w.model.(*mongo.ClientReplaceOneModel); !ok {
		return false
	}
	return result == nil || result.UpdateResults[i].MatchedCount == 0
}
