package sqlitestore

import (
	"context"
	"fmt"
	"slices"

	"github.com/narrativeml/narrative/internal/store"
)

// FindText is the statement of a scan.
func FindText(c store.Collection, scan store.Scan) (text string, args []any) {
	return findText(newTable(c), scan)
}

// Pragma returns a setting of the writing and of a reading connection.
func (d *Driver) Pragma(ctx context.Context, name string) (writing, reading string, err error) {
	err = d.submit(ctx, 0, func(ctx context.Context, w *writer) error {
		return w.conn.QueryRowContext(ctx, "PRAGMA "+name).Scan(&writing)
	})
	if err == nil {
		err = d.reading.QueryRowContext(ctx, "PRAGMA "+name).Scan(&reading)
	}
	return writing, reading, err
}

// LimitPages makes the disk full when the file has so many pages.
func (d *Driver) LimitPages(ctx context.Context, pages int) error {
	return d.submit(ctx, 0, func(ctx context.Context, w *writer) error {
		var now int
		return w.conn.QueryRowContext(ctx, fmt.Sprintf("PRAGMA max_page_count = %d", pages)).Scan(&now)
	})
}

// Hold makes writes wait until the function it returns is called.
func (d *Driver) Hold(ctx context.Context) (release func()) {
	held, released := make(chan struct{}), make(chan struct{})
	go func() {
		_ = d.submit(ctx, 0, func(context.Context, *writer) error {
			close(held)
			<-released
			return nil
		})
	}()
	<-held
	return func() { close(released) }
}

// Queued returns how many calls wait for their transaction.
func (d *Driver) Queued() int { return d.queue.Len() }

// ReplaceText is the statement that replaces a record of which these fields change.
func ReplaceText(c store.Collection, names ...string) string {
	t := newTable(c)
	changed := make([]bool, len(t.fields))
	for i, f := range t.fields {
		changed[i] = slices.Contains(names, f.Name)
	}
	return t.replace(changed)
}

// SyncBy makes the driver bring its log to the disk by the function, from the
// next transaction on.
func (d *Driver) SyncBy(ctx context.Context, sync func() error) error {
	return d.submit(ctx, 0, func(_ context.Context, w *writer) error {
		w.log.sync = sync
		return nil
	})
}

// Executed returns how many of the records there are in the collection logs for
// the transaction that is open.
func (d *Driver) Executed(ctx context.Context, ids ...string) int {
	counted := make(chan int, 1)
	go func() {
		_ = d.submit(ctx, 0, func(ctx context.Context, w *writer) error {
			t, err := d.table("logs")
			n := 0
			for _, id := range ids {
				if _, missed := w.values(ctx, t, id); missed == nil {
					n++
				}
			}
			counted <- n
			return err
		})
	}()
	return <-counted
}
