package job_test

import (
	"context"
	"sync"

	"github.com/narrativeml/narrative/internal/store"
)

// broken is a driver that fails the calls it is told to.
type broken struct {
	store.Driver
	mu   sync.Mutex
	fail func(operation, collection string) error
	gate chan struct{} // calls wait for it to be closed
}

func (b *broken) pause(gate chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.gate = gate
}

func (b *broken) check(operation, collection string) error {
	b.mu.Lock()
	gate := b.gate
	b.mu.Unlock()
	if gate != nil {
		<-gate
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail == nil {
		return nil
	}
	return b.fail(operation, collection)
}

func (b *broken) set(fail func(operation, collection string) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fail = fail
}

func (b *broken) Insert(ctx context.Context, c string, r ...store.Record) ([]error, error) {
	if err := b.check("insert", c); err != nil {
		return nil, err
	}
	return b.Driver.Insert(ctx, c, r...)
}

func (b *broken) Get(ctx context.Context, c, id string) (store.Record, error) {
	if err := b.check("get", c); err != nil {
		return store.Record{}, err
	}
	return b.Driver.Get(ctx, c, id)
}

func (b *broken) Peek(ctx context.Context, c, id string) (store.Record, error) {
	if err := b.check("peek", c); err != nil {
		return store.Record{}, err
	}
	return b.Driver.Peek(ctx, c, id)
}

func (b *broken) Replace(ctx context.Context, c string, r ...store.Record) ([]error, error) {
	if err := b.check("replace", c); err != nil {
		return nil, err
	}
	errs, err := b.Driver.Replace(ctx, c, r...)
	if err == nil {
		err = b.check("replaced", c)
	}
	return errs, err
}

func (b *broken) Find(ctx context.Context, c string, s store.Scan) ([]store.Record, error) {
	if err := b.check("find "+s.Index.Name, c); err != nil {
		return nil, err
	}
	return b.Driver.Find(ctx, c, s)
}

func (b *broken) Count(ctx context.Context, c string, s store.Scan, limit int64) (int64, error) {
	if err := b.check("count", c); err != nil {
		return 0, err
	}
	return b.Driver.Count(ctx, c, s, limit)
}

func (b *broken) Delete(ctx context.Context, c, id string, revision int64) error {
	if err := b.check("delete", c); err != nil {
		return err
	}
	return b.Driver.Delete(ctx, c, id, revision)
}

// failing fails one operation.
func failing(operation string) func(string, string) error {
	return func(op, _ string) error {
		if op == operation {
			return errDown
		}
		return nil
	}
}

// duplicating says of every record that it is there already.
type duplicating struct{ store.Driver }
