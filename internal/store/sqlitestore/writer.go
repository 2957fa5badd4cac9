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
	queue    *batch.Queue[*call]
	log      *syncer // nil when commits need not survive the power
	prepared map[string]*sql.Stmt
	known    *known
}

// commit runs the calls in one transaction, and with them those that come while
// the log is still being synced for the one before. Each is told its result when
// the log is synced for it.
func (w *writer) commit(group []*call) {
	group, err := w.transact(context.Background(), group)
	switch {
	case err != nil:
		finish(group, classify(err))
	case w.log == nil:
		finish(group, nil)
	default:
		w.log.start(group)
	}
}

// finish tells the calls that they are done, or why all of them failed.
func finish(group []*call, err error) {
	for _, c := range group {
		if err != nil {
			c.err = err
		}
		close(c.done)
	}
}

// transact returns the calls of the transaction, and an error when it did not
// happen as a whole.
func (w *writer) transact(ctx context.Context, group []*call) ([]*call, error) {
	if err := w.begin(ctx); err != nil {
		return group, err
	}
	for more := group; len(more) > 0; {
		for _, c := range more {
			if c.err = c.ctx.Err(); c.err != nil {
				continue
			}
			err := c.run(ctx, w)
			if fatal(err) {
				w.rollback(ctx)
				return group, err
			}
			c.err = classify(err)
		}
		if more = nil; w.log != nil {
			more = w.queue.More(len(group), w.log.idle)
			group = append(group, more...)
		}
	}
	if w.log != nil {
		if err := w.log.wait(); err != nil {
			w.rollback(ctx)
			return group, err
		}
	}
	if _, err := w.exec(ctx, "COMMIT"); err != nil {
		w.rollback(ctx)
		return group, err
	}
	return group, nil
}

// begin starts a transaction. What another connection has written since the last
// one is noticed.
func (w *writer) begin(ctx context.Context) error {
	if _, err := w.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	s, err := w.statement(ctx, "PRAGMA data_version")
	var version int64
	if err == nil {
		err = s.QueryRowContext(ctx).Scan(&version)
	}
	if err != nil {
		w.rollback(ctx)
		return err
	}
	w.known.at(version)
	return nil
}

// rollback ends the transaction, which SQLite may have done itself.
func (w *writer) rollback(ctx context.Context) {
	w.known.clear()
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
	errs := make([]error, 0, len(w.prepared)+2)
	for _, s := range w.prepared {
		errs = append(errs, s.Close())
	}
	if w.log != nil {
		errs = append(errs, w.log.close())
	}
	return errors.Join(append(errs, w.conn.Close())...)
}
