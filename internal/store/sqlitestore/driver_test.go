package sqlitestore_test

import (
	"path/filepath"
	"testing"

	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/store/sqlitestore"
	"github.com/narrativeml/narrative/internal/store/storetest"
)

func open(tb testing.TB, cfg sqlitestore.Config) *sqlitestore.Driver {
	tb.Helper()
	d, err := sqlitestore.Open(tb.Context(), cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) func(*testing.T) store.Driver {
		t.Helper()
		path := filepath.Join(t.TempDir(), "deep", "records 100% ?#.db")
		return func(t *testing.T) store.Driver {
			t.Helper()
			return open(t, sqlitestore.Config{Path: path})
		}
	})
}
