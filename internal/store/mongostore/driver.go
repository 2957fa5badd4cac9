package mongostore

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/store/batch"
)

// Config says which database holds the records.
type Config struct {
	URI      string        // mongodb:// or mongodb+srv://, with credentials if need be; never shown in an error
	Database string        // its name
	Timeout  time.Duration // of one call, and of finding a server; 10 s when 0
}

// Validate reports the first setting that cannot be used, without the URI's
// credentials.
func (c Config) Validate() error {
	if !regexp.MustCompile(`^[A-Za-z0-9_-]{1,63}$`).MatchString(c.Database) {
		return fault.Invalid("store_database_invalid", "the database name %q is not 1 to 63 letters, digits, hyphens and underscores", c.Database)
	}
	if c.Timeout < 0 {
		return fault.Invalid("store_timeout_invalid", "the store's timeout is %s; it must not be negative", c.Timeout)
	}
	if err := options.Client().ApplyURI(c.URI).Validate(); err != nil {
		return fault.Invalid("store_uri_invalid", "the MongoDB URI cannot be used; it looks like mongodb://user:password@host:27017/?replicaSet=name").
			Because(errors.New(newScrubber(c.URI).scrub(err.Error())))
	}
	return nil
}

const (
	defaultTimeout = 10 * time.Second
	wireVersion80  = 25 // the first that knows bulkWrite
	groupWrites    = 1000
	groupBytes     = 16 << 20
	groupWait      = time.Millisecond
	groupsAtOnce   = 4
)

// Driver keeps records in one database.
type Driver struct {
	client   *mongo.Client
	database *mongo.Database
	timeout  time.Duration
	scrubber scrubber
	queue    *batch.Queue[*write] // nil when the server does not know bulkWrite
	lookups  *batch.Queue[*lookup]
	closed   atomic.Bool

	mu     sync.RWMutex
	tables map[string]*table
}

var _ store.Driver = (*Driver)(nil)

// table is what is known of one collection. It does not change.
type table struct {
	declared   store.Collection
	fields     []store.IndexField
	others     []store.IndexField // of indexes that are not declared any more, or not yet: stored as zero
	collection *mongo.Collection
}

// Open connects to the database. It returns a fault of class unavailable when
// no server that takes writes answers in time.
func Open(ctx context.Context, cfg Config) (*Driver, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	d := &Driver{timeout: cfg.Timeout, scrubber: newScrubber(cfg.URI), tables: map[string]*table{}}
	if d.timeout == 0 {
		d.timeout = defaultTimeout
	}
	opts := options.Client().ApplyURI(cfg.URI).
		SetServerSelectionTimeout(d.timeout).
		SetConnectTimeout(d.timeout).
		SetReadPreference(readpref.Primary()).
		SetWriteConcern(writeconcern.Majority())
	if opts.AppName == nil {
		opts.SetAppName("narrative")
	}
	client, err := mongo.Connect(opts)
	if err != nil {
		return nil, d.fail(ctx, "open record store", err)
	}
	d.client = client
	d.database = client.Database(cfg.Database)
	version, err := d.wireVersion(ctx)
	if err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = client.Disconnect(ctx)
		return nil, err
	}
	d.lookups = batch.New(lookupsAtOnce, batch.Limit{Items: lookupsMost, Size: lookupsMost}, d.look)
	if version >= wireVersion80 {
		d.queue = batch.New(groupsAtOnce, batch.Limit{Items: groupWrites, Size: groupBytes, Wait: groupWait}, d.writeGroup)
	}
	return d, nil
}

func (d *Driver) wireVersion(ctx context.Context) (int32, error) {
	limited, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	var hello struct {
		MaxWireVersion int32 `bson:"maxWireVersion"`
	}
	if err := d.client.Database("admin").RunCommand(limited, bson.D{{Key: "hello", Value: 1}}).Decode(&hello); err != nil {
		return 0, d.fail(ctx, "open record store", err)
	}
	return hello.MaxWireVersion, nil
}

// Ping returns nil when a server that takes writes answers.
func (d *Driver) Ping(ctx context.Context) error {
	if d.closed.Load() {
		return store.ErrClosed
	}
	limited, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	if err := d.client.Ping(limited, readpref.Primary()); err != nil {
		return d.fail(ctx, "ping record store", err)
	}
	return nil
}

// Close waits for the writes under way and disconnects.
func (d *Driver) Close(ctx context.Context) error {
	if d.closed.Swap(true) {
		return store.ErrClosed
	}
	if err := d.lookups.Close(ctx); err != nil {
		return fmt.Errorf("close record store: %w", err)
	}
	if d.queue != nil {
		if err := d.queue.Close(ctx); err != nil {
			return fmt.Errorf("close record store: %w", err)
		}
	}
	if err := d.client.Disconnect(ctx); err != nil {
		return d.fail(ctx, "close record store", err)
	}
	return nil
}

// table returns what is known of the collection.
func (d *Driver) table(collection string) (*table, error) {
	if d.closed.Load() {
		return nil, store.ErrClosed
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	t, ok := d.tables[collection]
	if !ok {
		return nil, fmt.Errorf("store: collection %q was not ensured", collection)
	}
	return t, nil
}
