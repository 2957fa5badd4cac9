package mongostore_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/store/mongostore"
	"github.com/narrativeml/narrative/internal/store/mongowire"
	"github.com/narrativeml/narrative/internal/store/sqlitestore"
	"github.com/narrativeml/narrative/internal/store/storetest"
)

// serve serves a new SQLite file and returns the URI of the server.
func serve(tb testing.TB, cfg mongowire.Config) string {
	tb.Helper()
	driver, err := sqlitestore.Open(tb.Context(), sqlitestore.Config{Path: filepath.Join(tb.TempDir(), "records.db")})
	if err != nil {
		tb.Fatal(err)
	}
	listener, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	server := mongowire.New(driver, cfg)
	served := make(chan error, 1)
	serving := context.WithoutCancel(tb.Context())
	go func() { served <- server.Serve(serving, listener) }()
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), 10*time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			tb.Errorf("shut down: %v", err)
		}
		if err := <-served; err != nil {
			tb.Errorf("serve: %v", err)
		}
		if err := driver.Close(ctx); err != nil {
			tb.Errorf("close: %v", err)
		}
	})
	return "mongodb://" + listener.Addr().String()
}

func open(tb testing.TB, uri, database string) *mongostore.Driver {
	tb.Helper()
	d, err := mongostore.Open(tb.Context(), mongostore.Config{URI: uri, Database: database, Timeout: 2 * time.Minute})
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

func opener(uri, database string) func(*testing.T) store.Driver {
	return func(t *testing.T) store.Driver {
		t.Helper()
		return open(t, uri, database)
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, version := range map[string]int32{"bulk": 0, "single": 21} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Run(t, func(t *testing.T) func(*testing.T) store.Driver {
				t.Helper()
				uri := serve(t, mongowire.Config{WireVersion: version})
				return opener(uri, "narrative")
			})
		})
	}
}

// TestConformanceOnServer runs the suite on the server that the environment
// names, each case in a database of its own.
func TestConformanceOnServer(t *testing.T) {
	t.Parallel()
	uri, ok := os.LookupEnv("NARRATIVE_MONGODB_URI")
	if !ok || uri == "" {
		t.Skip("NARRATIVE_MONGODB_URI is not set")
	}
	storetest.Run(t, func(t *testing.T) func(*testing.T) store.Driver {
		t.Helper()
		database := store.NewID("storetest")
		t.Cleanup(func() { drop(t, uri, database) })
		return opener(uri, database)
	})
}

func drop(t *testing.T, uri, database string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 30*time.Second)
	defer cancel()
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Database(database).Drop(ctx); err != nil {
		t.Errorf("drop %s: %v", database, err)
	}
	if err := client.Disconnect(ctx); err != nil {
		t.Error(err)
	}
}
