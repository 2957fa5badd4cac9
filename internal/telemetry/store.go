package telemetry

import (
	"context"
	"errors"
	"time"

	"github.com/narrativeml/narrative/internal/store"
)

// Store returns a driver that measures every call of the driver.
func (m *Metrics) Store(driver store.Driver) store.Driver {
	return &measured{driver: driver, dependency: m.records}
}

type measured struct {
	driver     store.Driver
	dependency *Dependency
}

var _ store.Driver = (*measured)(nil)

// done counts a call. What a record is or is not is an answer, not a failure.
func (d *measured) done(operation string, start time.Time, err error) {
	for _, answer := range []error{store.ErrNotFound, store.ErrStale, store.ErrDuplicate, store.ErrTooLarge} {
		if errors.Is(err, answer) {
			err = nil
		}
	}
	d.dependency.Observe(operation, time.Since(start), err)
}

// Ensure implements store.Driver.
func (d *measured) Ensure(ctx context.Context, collections ...store.Collection) error {
	start := time.Now()
	err := d.driver.Ensure(ctx, collections...)
	d.done("ensure", start, err)
	return err //nolint:wrapcheck // the driver's error is passed on
}

// Insert implements store.Driver.
func (d *measured) Insert(ctx context.Context, collection string, records ...store.Record) ([]error, error) {
	start := time.Now()
	errs, err := d.driver.Insert(ctx, collection, records...)
	d.done("insert", start, err)
	return errs, err //nolint:wrapcheck // the driver's error is passed on
}

// Get implements store.Driver.
func (d *measured) Get(ctx context.Context, collection, id string) (store.Record, error) {
	start := time.Now()
	r, err := d.driver.Get(ctx, collection, id)
	d.done("get", start, err)
	return r, err //nolint:wrapcheck // the driver's error is passed on
}

// Peek implements store.Driver.
func (d *measured) Peek(ctx context.Context, collection, id string) (store.Record, error) {
	start := time.Now()
	r, err := d.driver.Peek(ctx, collection, id)
	d.done("peek", start, err)
	return r, err //nolint:wrapcheck // the driver's error is passed on
}

// Replace implements store.Driver.
func (d *measured) Replace(ctx context.Context, collection string, records ...store.Record) ([]error, error) {
	start := time.Now()
	errs, err := d.driver.Replace(ctx, collection, records...)
	d.done("replace", start, err)
	return errs, err //nolint:wrapcheck // the driver's error is passed on
}

// Find implements store.Driver.
func (d *measured) Find(ctx context.Context, collection string, scan store.Scan) ([]store.Record, error) {
	start := time.Now()
	records, err := d.driver.Find(ctx, collection, scan)
	d.done("find", start, err)
	return records, err //nolint:wrapcheck // the driver's error is passed on
}

// Count implements store.Driver.
func (d *measured) Count(ctx context.Context, collection string, scan store.Scan, limit int64) (int64, error) {
	start := time.Now()
	n, err := d.driver.Count(ctx, collection, scan, limit)
	d.done("count", start, err)
	return n, err //nolint:wrapcheck // the driver's error is passed on
}

// Delete implements store.Driver.
func (d *measured) Delete(ctx context.Context, collection, id string, revision int64) error {
	start := time.Now()
	err := d.driver.Delete(ctx, collection, id, revision)
	d.done("delete", start, err)
	return err //nolint:wrapcheck // the driver's error is passed on
}

// Ping implements store.Driver.
func (d *measured) Ping(ctx context.Context) error {
	start := time.Now()
	err := d.driver.Ping(ctx)
	d.done("ping", start, err)
	return err //nolint:wrapcheck // the driver's error is passed on
}

// Close implements store.Driver.
func (d *measured) Close(ctx context.Context) error {
	return d.driver.Close(ctx) //nolint:wrapcheck // the driver's error is passed on
}
