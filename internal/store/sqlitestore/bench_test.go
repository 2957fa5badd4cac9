package sqlitestore_test

import (
	"path/filepath"
	"testing"

	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/store/sqlitestore"
	"github.com/narrativeml/narrative/internal/store/storetest"
)

func BenchmarkDriver(b *testing.B) {
	for _, durability := range []sqlitestore.Durability{sqlitestore.Full, sqlitestore.Normal} {
		b.Run(string(durability), func(b *testing.B) {
			storetest.Benchmark(b, func(b *testing.B) store.Driver {
				b.Helper()
				return open(b, sqlitestore.Config{Path: filepath.Join(b.TempDir(), "records.db"), Durability: durability})
			})
		})
	}
}
