package mongostore_test

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/store/mongostore"
	"github.com/narrativeml/narrative/internal/store/mongowire"
	"github.com/narrativeml/narrative/internal/store/sqlitestore"
)

func TestConfig(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		cfg  mongostore.Config
		code string
	}{
		"no URI":           {mongostore.Config{Database: "x"}, "store_uri_invalid"},
		"other scheme":     {mongostore.Config{URI: "http://zoe9:s3cret@host", Database: "x"}, "store_uri_invalid"},
		"unescaped":        {mongostore.Config{URI: "mongodb://zoe9:s3cr/et@host", Database: "x"}, "store_uri_invalid"},
		"bad escape":       {mongostore.Config{URI: "mongodb://zoe9:s3cret%zz@host", Database: "x"}, "store_uri_invalid"},
		"no host":          {mongostore.Config{URI: "mongodb://zoe9:s3cret@", Database: "x"}, "store_uri_invalid"},
		"odd option":       {mongostore.Config{URI: "mongodb://zoe9:s3cret@host/?w=majority&timeoutMS=s3cret", Database: "x"}, "store_uri_invalid"},
		"password option":  {mongostore.Config{URI: "mongodb://host/?tlsCertificateKeyFilePassword=s3cret&tlsCertificateKeyFile=/none", Database: "x"}, "store_uri_invalid"},
		"no database":      {mongostore.Config{URI: "mongodb://host"}, "store_database_invalid"},
		"dotted database":  {mongostore.Config{URI: "mongodb://host", Database: "a.b"}, "store_database_invalid"},
		"negative timeout": {mongostore.Config{URI: "mongodb://host", Database: "x", Timeout: -1}, "store_timeout_invalid"},
	}
	for name, c := range cases {
		_, err := mongostore.Open(t.Context(), c.cfg)
		if err == nil || fault.CodeOf(err) != c.code {
			t.Errorf("%s: error is %v, want code %s", name, err, c.code)
		}
		if err != nil && (strings.Contains(err.Error(), "s3cr") || strings.Contains(err.Error(), "zoe9")) {
			t.Errorf("%s: error tells a secret: %v", name, err)
		}
	}
}

// TestNobodyAnswers checks what happens when there is no server.
func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	uri := "mongodb://zoe9:s3cret@" + addr
	_, err = mongostore.Open(t.Context(), mongostore.Config{URI: uri, Database: "x", Timeout: 200 * time.Millisecond})
	if fault.ClassOf(err) != fault.ClassUnavailable || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("open: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := mongostore.Open(ctx, mongostore.Config{URI: uri, Database: "x"}); !errors.Is(err, context.Canceled) {
		t.Errorf("open with an ended context: %v", err)
	}
}

// faulty is a driver whose writes and reads fail as told.
type faulty struct {
	*sqlitestore.Driver
	err atomic.Pointer[error]
}

func (f *faulty) fail(err error) { f.err.Store(&err) }

func (f *faulty) now() error {
	if err := f.err.Load(); err != nil {
		return *err
	}
	return nil
}

func (f *faulty) Insert(ctx context.Context, collection string, records ...store.Record) ([]error, error) {
	if err := f.now(); err != nil {
		return nil, err
	}
	return f.Driver.Insert(ctx, collection, records...)
}

func (f *faulty) Replace(ctx context.Context, collection string, records ...store.Record) ([]error, error) {
	if err := f.now(); err != nil {
		return nil, err
	}
	return f.Driver.Replace(ctx, collection, records...)
}

func (f *faulty) Get(ctx context.Context, collection, id string) (store.Record, error) {
	if err := f.now(); err != nil {
		return store.Record{}, err
	}
	return f.Driver.Get(ctx, collection, id)
}

func (f *faulty) Find(ctx context.Context, collection string, scan store.Scan) ([]store.Record, error) {
	if err := f.now(); err != nil {
		return nil, err
	}
	return f.Driver.Find(ctx, collection, scan)
}

func (f *faulty) Count(ctx context.Context, collection string, scan store.Scan, limit int64) (int64, error) {
	if err := f.now(); err != nil {
		return 0, err
	}
	return f.Driver.Count(ctx, collection, scan, limit)
}

func (f *faulty) Delete(ctx context.Context, collection, id string, revision int64) error {
	if err := f.now(); err != nil {
		return err
	}
	return f.Driver.Delete(ctx, collection, id, revision)
}

func (f *faulty) Ensure(ctx context.Context, collections ...store.Collection) error {
	if err := f.now(); err != nil {
		return err
	}
	return f.Driver.Ensure(ctx, collections...)
}

func (f *faulty) Ping(ctx context.Context) error {
	if err := f.now(); err != nil {
		return err
	}
	return f.Driver.Ping(ctx)
}

func things() store.Collection {
	return store.Collection{Name: "things", Indexes: []store.Index{{Name: "by_owner", Fields: []store.IndexField{{Name: "owner"}}}}}
}

func thing(id string) store.Record {
	return store.Record{ID: id, Revision: 1, Keys: map[string]any{"owner": "ann"}, Body: []byte(`{}`)}
}

// serveFaulty serves a faulty driver and returns it with a client of it.
func serveFaulty(t *testing.T, version int32) (*faulty, *mongostore.Driver) {
	t.Helper()
	sqlite, err := sqlitestore.Open(t.Context(), sqlitestore.Config{Path: filepath.Join(t.TempDir(), "records.db")})
	if err != nil {
		t.Fatal(err)
	}
	f := &faulty{Driver: sqlite}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := mongowire.New(f, mongowire.Config{WireVersion: version})
	served := make(chan error, 1)
	serving := context.WithoutCancel(t.Context())
	go func() { served <- server.Serve(serving, listener) }()
	d := open(t, "mongodb://"+listener.Addr().String(), "narrative")
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Second)
		defer cancel()
		if err := errors.Join(d.Close(ctx), server.Shutdown(ctx), <-served, sqlite.Close(ctx)); err != nil {
			t.Error(err)
		}
	})
	if err := d.Ensure(t.Context(), things()); err != nil {
		t.Fatal(err)
	}
	if errs, err := d.Insert(t.Context(), "things", thing("t0")); err != nil || errs[0] != nil {
		t.Fatal(errs, err)
	}
	return f, d
}

// TestServerFails checks that a passing failure of the server comes as
// unavailable, and any other does not.
func TestServerFails(t *testing.T) {
	t.Parallel()
	more := things()
	more.Indexes = append(more.Indexes, store.Index{Name: "by_new", Fields: []store.IndexField{{Name: "new"}}})
	scan := store.Scan{Index: things().Indexes[0], Limit: 5}
	calls := map[string]func(context.Context, *mongostore.Driver) error{
		"insert": func(ctx context.Context, d *mongostore.Driver) error {
			_, err := d.Insert(ctx, "things", thing("t1"))
			return err
		},
		"insert many": func(ctx context.Context, d *mongostore.Driver) error {
			_, err := d.Insert(ctx, "things", thing("t1"), thing("t2"))
			return err
		},
		"replace": func(ctx context.Context, d *mongostore.Driver) error {
			_, err := d.Replace(ctx, "things", thing("t0"))
			return err
		},
		"get": func(ctx context.Context, d *mongostore.Driver) error {
			_, err := d.Get(ctx, "things", "t0")
			return err
		},
		"find": func(ctx context.Context, d *mongostore.Driver) error {
			_, err := d.Find(ctx, "things", scan)
			return err
		},
		"count": func(ctx context.Context, d *mongostore.Driver) error {
			_, err := d.Count(ctx, "things", scan, 1)
			return err
		},
		"delete": func(ctx context.Context, d *mongostore.Driver) error { return d.Delete(ctx, "things", "t0", 1) },
		"ensure": func(ctx context.Context, d *mongostore.Driver) error { return d.Ensure(ctx, more) },
		"create": func(ctx context.Context, d *mongostore.Driver) error {
			return d.Ensure(ctx, store.Collection{Name: "plain"})
		},
		"ping": func(ctx context.Context, d *mongostore.Driver) error { return d.Ping(ctx) },
	}
	for _, version := range []int32{0, 21} {
		f, d := serveFaulty(t, version)
		for name, call := range calls {
			f.fail(fault.Unavailable("store_unavailable", "the disk is full"))
			if err := call(t.Context(), d); fault.ClassOf(err) != fault.ClassUnavailable || !strings.Contains(err.Error(), "disk is full") {
				t.Errorf("version %d, %s: %v, want unavailable", version, name, err)
			}
			f.fail(errors.New("a defect"))
			if err := call(t.Context(), d); err == nil || fault.ClassOf(err) != fault.ClassInternal || !strings.Contains(err.Error(), "a defect") {
				t.Errorf("version %d, %s: %v, want internal", version, name, err)
			}
		}
		f.fail(nil)
		if r, err := d.Get(t.Context(), "things", "t0"); err != nil || r.Revision != 1 {
			t.Errorf("after the failures: %+v, %v", r, err)
		}
	}
}

// TestGroupedWrites checks that writes of one group that end differently are
// told apart.
func TestGroupedWrites(t *testing.T) {
	t.Parallel()
	_, d := serveFaulty(t, 0)
	type result struct {
		errs []error
		err  error
		want error
	}
	const each = 40
	results := make(chan result, 4*each)
	for i := range each {
		id := "g" + string(rune('0'+i%10)) + string(rune('a'+i/10))
		stale, absent := thing("t0"), thing("no"+id)
		stale.Revision = 9
		go func() {
			errs, err := d.Insert(t.Context(), "things", thing(id))
			results <- result{errs, err, nil}
		}()
		go func() {
			errs, err := d.Insert(t.Context(), "things", thing("t0"))
			results <- result{errs, err, store.ErrDuplicate}
		}()
		go func() {
			errs, err := d.Replace(t.Context(), "things", stale)
			results <- result{errs, err, store.ErrStale}
		}()
		go func() {
			errs, err := d.Replace(t.Context(), "things", absent)
			results <- result{errs, err, store.ErrNotFound}
		}()
	}
	for range 4 * each {
		if r := <-results; r.err != nil || !errors.Is(r.errs[0], r.want) {
			t.Errorf("result is %v, %v, want %v", r.errs, r.err, r.want)
		}
	}
	if n, err := d.Count(t.Context(), "things", store.Scan{Index: things().Indexes[0]}, 0); err != nil || n != each+1 {
		t.Errorf("%d records, %v, want %d", n, err, each+1)
	}
}

// TestOlderClient checks that a record without a field, as a process of before
// the field's declaration writes it, reads as its zero value.
func TestOlderClient(t *testing.T) {
	t.Parallel()
	uri := serve(t, mongowire.Config{})
	older, newer := open(t, uri, "narrative"), open(t, uri, "narrative")
	more := things()
	more.Indexes = append(more.Indexes, store.Index{Name: "by_level", Fields: []store.IndexField{{Name: "level", Type: store.Int}}})
	for d, c := range map[*mongostore.Driver]store.Collection{older: things(), newer: more} {
		if err := d.Ensure(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if errs, err := older.Insert(t.Context(), "things", thing("t1")); err != nil || errs[0] != nil {
		t.Fatal(errs, err)
	}
	r, err := newer.Get(t.Context(), "things", "t1")
	if err != nil || r.Keys["level"] != int64(0) || r.Keys["owner"] != "ann" {
		t.Errorf("read by the newer: %+v, %v", r, err)
	}
	r.Keys["level"] = int64(4)
	if errs, err := newer.Replace(t.Context(), "things", r); err != nil || errs[0] != nil {
		t.Fatal(errs, err)
	}
	if r, err = older.Get(t.Context(), "things", "t1"); err != nil || len(r.Keys) != 1 {
		t.Errorf("read by the older: %+v, %v", r, err)
	}
	if err := errors.Join(older.Close(t.Context()), newer.Close(t.Context())); err != nil {
		t.Error(err)
	}
}
