package resilience

import (
	"context"

	"github.com/narrativeml/narrative/internal/store"
)

// Store returns a driver that makes every call of the driver under the guard.
// Preparing collections, which may take as long as an index does, and closing
// are not guarded.
func Store(driver store.Driver, guard *Guard) store.Driver {
	return &guarded{Driver: driver, guard: guard}
}

type guarded struct {
	store.Driver
	guard *Guard
}

var _ store.Driver = (*guarded)(nil)

func (d *guarded) do(ctx context.Context, call func(context.Context) error) error {
	if store.IsVital(ctx) {
		ctx = Probe(ctx)
	}
	return d.guard.Do(ctx, call)
}

// Insert implements store.Driver.
func (d *guarded) Insert(ctx context.Context, collection string, records ...store.Record) (errs []error, err error) {
	err = d.do(ctx, func(ctx context.Context) (err error) {
		errs, err = d.Driver.Insert(ctx, collection, records...)
		return err
	})
	return errs, err
}

// Get implements store.Driver.
func (d *guarded) Get(ctx context.Context, collection, id string) (r store.Record, err error) {
	err = d.do(ctx, func(ctx context.Context) (err error) {
		r, err = d.Driver.Get(ctx, collection, id)
		return err
	})
	return r, err
}

// Peek implements store.Driver.
func (d *guarded) Peek(ctx context.Context, collection, id string) (r store.Record, err error) {
	err = d.do(ctx, func(ctx context.Context) (err error) {
		r, err = d.Driver.Peek(ctx, collection, id)
		return err
	})
	return r, err
}

// Replace implements store.Driver.
func (d *guarded) Replace(ctx context.Context, collection string, records ...store.Record) (errs []error, err error) {
	err = d.do(ctx, func(ctx context.Context) (err error) {
		errs, err = d.Driver.Replace(ctx, collection, records...)
		return err
	})
	return errs, err
}

// Find implements store.Driver.
func (d *guarded) Find(ctx context.Context, collection string, scan store.Scan) (records []store.Record, err error) {
	err = d.do(ctx, func(ctx context.Context) (err error) {
		records, err = d.Driver.Find(ctx, collection, scan)
		return err
	})
	return records, err
}

// Count implements store.Driver.
func (d *guarded) Count(ctx context.Context, collection string, scan store.Scan, limit int64) (n int64, err error) {
	err = d.do(ctx, func(ctx context.Context) (err error) {
		n, err = d.Driver.Count(ctx, collection, scan, limit)
		return err
	})
	return n, err
}

// Delete implements store.Driver.
func (d *guarded) Delete(ctx context.Context, collection, id string, revision int64) error {
	return d.do(ctx, func(ctx context.Context) error { return d.Driver.Delete(ctx, collection, id, revision) })
}

// Ping implements store.Driver.
func (d *guarded) Ping(ctx context.Context) error {
	return d.do(ctx, d.Driver.Ping)
}
