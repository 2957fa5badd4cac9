package sqlitestore

import (
	"context"
	"fmt"

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

// Moving returns the fields of the collection that replacements set.
func (d *Driver) Moving(ctx context.Context, collection string) (names []string, err error) {
	t, err := d.table(collection)
	if err != nil {
		return nil, err
	}
	err = d.submit(ctx, 0, func(_ context.Context, w *writer) error {
		for i, moves := range w.moving(t).fields {
			if moves {
				names = append(names, t.fields[i].Name)
			}
		}
		return nil
	})
	return names, err
}
