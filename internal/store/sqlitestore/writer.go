package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/store/batch"
)

// call is what one caller wants to have written.
type call struct {
	ctx  context.Context //nolint:containedctx // the caller's, looked at when its turn comes
	run  func(context.Context, *writer) error
	err  error
	done chan struct{}
}

// submit has run executed in the next transaction and returns after its commit.
// The statements of run count one by one: what it has executed before it
// returns an error stays, unless the error is fatal to the transaction.
func (d *Driver) submit(ctx context.Context, size int, run func(context.Context, *writer) error) error {
	c := &call{ctx: ctx, run: run, done: make(chan struct{})}
	if err := d.queue.Add(ctx, c, size); err != nil {
		if errors.Is(err, batch.ErrClosed) {
			return store.ErrClosed
		}
		return err
	}
	<-c.done // soon, with the true outcome: the context was looked at before the start
	return c.err
}

// writer owns the only connection that writes.
type writer struct {
	conn     *sql.Conn
	prepared map[string]*sql.Stmt
	moves    map[string]moves // by collection
}

// moves is which fields of a collection replacements have changed so far.
type moves struct {
	table  *table
	fields []bool // of the table
	text   string // that replaces a record of which no other field changes
}

// commit runs the calls in one transaction and tells each its result.
func (w *writer) commit(group []*call) {
	err := w.transact(context.Background(), group)
	for _, c := range group {
		if err != nil {
			c.err = classify(err)
		}
		close(c.done)
	}
}

// transact returns an error when the transaction as a whole did not happen.
func (w *writer) transact(ctx context.Context, group []*call) error {
	if _, err := w.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	for _, c := range group {
		if c.err = c.ctx.Err(); c.err != nil {
			continue
		}
		err := c.run(ctx, w)
		if fatal(err) {
			w.rollback(ctx)
			return err
		}
		c.err = classify(err)
	}
	if _, err := w.exec(ctx, "COMMIT"); err != nil {
		w.rollback(ctx)
		return err
	}
	return nil
}

// rollback ends the transaction, which SQLite may have done itself.
func (w *writer) rollback(ctx context.Context) {
	_, _ = w.exec(ctx, "ROLLBACK")
}

// fatal reports whether SQLite may have given up the transaction.
func fatal(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return false
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_ERROR:
		return false
	default:
		return true
	}
}

// statement returns the statement prepared on the writer's connection.
func (w *writer) statement(ctx context.Context, text string) (*sql.Stmt, error) {
	if s, ok := w.prepared[text]; ok {
		return s, nil
	}
	s, err := w.conn.PrepareContext(ctx, text)
	if err != nil {
		return nil, fmt.Errorf("prepare %q: %w", text, err)
	}
	w.prepared[text] = s
	return s, nil
}

// exec runs a statement and returns how many rows it changed.
func (w *writer) exec(ctx context.Context, text string, args ...any) (int64, error) {
	s, err := w.statement(ctx, text)
	if err != nil {
		return 0, err
	}
	result, err := s.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (w *writer) close() error {
	errs := make([]error, 0, len(w.prepared)+1)
	for _, s := range w.prepared {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, w.conn.Close())...)
}
