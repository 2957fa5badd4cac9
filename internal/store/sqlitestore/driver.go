package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/store/batch"
)

// Durability says what an acknowledged write survives.
type Durability string

// The durabilities.
const (
	Full   Durability = "full"   // the end of the process and of the power: every commit is synced
	Normal Durability = "normal" // the end of the process; a power failure may take the last commits back, never more
)

// Config says where the records are and how they are kept.
type Config struct {
	Path       string     // of the database file; it and its folder are created when absent
	Durability Durability // Full when empty
	Readers    int        // connections for reading; 4 when 0
}

// Validate reports the first setting that cannot be used.
func (c Config) Validate() error {
	switch {
	case c.Path == "":
		return fault.Invalid("store_path_missing", "the path of the SQLite file is empty; name a file")
	case c.Durability != "" && c.Durability != Full && c.Durability != Normal:
		return fault.Invalid("store_durability_unknown", "the durability %q is unknown; it is full or normal", string(c.Durability))
	case c.Readers < 0 || c.Readers > 64:
		return fault.Invalid("store_readers_out_of_range", "%d reading connections are out of range; use 1 to 64, or 0 for the default", c.Readers)
	}
	return nil
}

// Driver keeps records in one file.
type Driver struct {
	writing *sql.DB
	writer  *writer
	queue   *batch.Queue[*call]
	reading *sql.DB

	declaring sync.Mutex // one Ensure at a time
	mu        sync.RWMutex
	tables    map[string]*table
	closed    bool

	preparing sync.RWMutex
	prepared  map[string]*sql.Stmt // for reading, by text
}

var _ store.Driver = (*Driver)(nil)

const (
	applicationID  = 0x4e415252
	schemaVersion  = 1
	defaultReaders = 4
	groupCalls     = 1024
	groupBytes     = 32 << 20
	groupWait      = 2 * time.Millisecond // a commit costs as much as a dozen writes
	// checkpointPages is how long the log may grow, in pages of 4 KiB, before
	// it is folded into the file. Pages that are written again and again are
	// folded once.
	checkpointPages = 4000
	// The caches of the connections, in KiB if negative. A reader loses its own
	// with every commit, and to empty it takes as long as it is large.
	writerCache = -16384
	readerCache = -2048
)

// Open opens the file of the configuration and creates it when it is absent.
func Open(ctx context.Context, cfg Config) (*Driver, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	path, err := filepath.Abs(cfg.Path)
	if err != nil {
		return nil, fmt.Errorf("open record store %s: %w", cfg.Path, err)
	}
	d := &Driver{tables: map[string]*table{}, prepared: map[string]*sql.Stmt{}}
	if err := d.open(ctx, path, cfg); err != nil {
		_ = d.closeConnections() // the first error is the one that matters
		return nil, fmt.Errorf("open record store %s: %w", path, classify(err))
	}
	d.queue = batch.New(1, batch.Limit{Items: groupCalls, Size: groupBytes, Wait: groupWait}, d.writer.commit)
	d.writer.queue = d.queue
	return d, nil
}

func (d *Driver) open(ctx context.Context, path string, cfg Config) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the path is the operator's setting
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	if d.writing, err = sql.Open("sqlite", dsn(path, false)); err != nil {
		return err
	}
	d.writing.SetMaxOpenConns(1)
	conn, err := d.writing.Conn(ctx)
	if err != nil {
		return err
	}
	d.writer = &writer{conn: conn, prepared: map[string]*sql.Stmt{}, known: newKnown()}
	if err := d.writer.claim(ctx); err != nil {
		return err
	}
	collections, err := d.writer.declared(ctx)
	if err != nil {
		return err
	}
	for _, c := range collections {
		d.tables[c.Name] = newTable(c)
	}
	if cfg.Durability != Normal {
		if d.writer.log, err = newSyncer(path, func() { d.queue.Wake() }); err != nil {
			return err
		}
	}
	if d.reading, err = sql.Open("sqlite", dsn(path, true)); err != nil {
		return err
	}
	readers := cfg.Readers
	if readers == 0 {
		readers = defaultReaders
	}
	d.reading.SetMaxOpenConns(readers)
	d.reading.SetMaxIdleConns(readers)
	return d.reading.PingContext(ctx)
}

// dsn names the file and the settings of its connections. A large memory map
// makes finds beside writes an order of magnitude slower, so there is none.
// SQLite syncs the log and the file around a checkpoint; commits are synced by
// the syncer.
func dsn(path string, readOnly bool) string {
	pragmas := []string{
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(NORMAL)",
		"mmap_size(0)", "temp_store(MEMORY)",
		"journal_size_limit(67108864)", "wal_autocheckpoint(" + strconv.Itoa(checkpointPages) + ")",
	}
	if readOnly {
		pragmas = append(pragmas, "query_only(1)", "cache_size("+strconv.Itoa(readerCache)+")")
	} else {
		pragmas = append(pragmas, "cache_size("+strconv.Itoa(writerCache)+")")
	}
	u := url.URL{Scheme: "file", Path: path, RawQuery: url.Values{"_pragma": pragmas}.Encode()}
	return u.String()
}

// Collections returns what was declared to the file, now or by an earlier
// process, in the order of their names.
func (d *Driver) Collections() []store.Collection {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var collections []store.Collection
	for _, name := range slices.Sorted(maps.Keys(d.tables)) {
		collections = append(collections, d.tables[name].collection)
	}
	return collections
}

// Ping writes to the file.
func (d *Driver) Ping(ctx context.Context) error {
	return d.submit(ctx, 0, func(ctx context.Context, w *writer) error {
		_, err := w.exec(ctx, "PRAGMA user_version = "+strconv.Itoa(schemaVersion))
		return err
	})
}

// Close waits for the writes under way and closes the file.
func (d *Driver) Close(ctx context.Context) error {
	d.mu.Lock()
	again := d.closed
	d.closed = true
	d.mu.Unlock()
	if again {
		return store.ErrClosed
	}
	if err := d.queue.Close(ctx); err != nil {
		return fmt.Errorf("close record store: %w", err)
	}
	if err := d.closeConnections(); err != nil {
		return fmt.Errorf("close record store: %w", err)
	}
	return nil
}

// closeConnections closes the readers first: the last connection to go folds
// the log into the file, and only the writer may.
func (d *Driver) closeConnections() error {
	var errs []error
	if d.reading != nil {
		errs = append(errs, d.reading.Close())
	}
	if d.writer != nil {
		errs = append(errs, d.writer.close())
	}
	if d.writing != nil {
		errs = append(errs, d.writing.Close())
	}
	return errors.Join(errs...)
}

// table returns what is known of the collection.
func (d *Driver) table(collection string) (*table, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.closed {
		return nil, store.ErrClosed
	}
	t, ok := d.tables[collection]
	if !ok {
		return nil, fmt.Errorf("store: collection %q was not ensured", collection)
	}
	return t, nil
}

// classify marks errors of the file system below SQLite as passing ones.
func classify(err error) error {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CANTOPEN,
		sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_LOCKED:
		return fault.Unavailable("store_unavailable", "the record store cannot be used at the moment").Because(err)
	case sqlite3.SQLITE_INTERRUPT:
		return fmt.Errorf("%w: %w", context.Canceled, err)
	default:
		return err
	}
}

func isDuplicate(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && (e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || e.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
}
