package mongostore_test

import (
	"testing"

	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/store/mongowire"
	"github.com/narrativeml/narrative/internal/store/storetest"
)

// BenchmarkDriver measures the driver through mongowire over SQLite, with every
// commit synced, when it may use bulkWrite and when it may not.
func BenchmarkDriver(b *testing.B) {
	for name, version := range map[string]int32{"bulk": 0, "single": 21} {
		b.Run(name, func(b *testing.B) {
			storetest.Benchmark(b, func(b *testing.B) store.Driver {
				b.Helper()
				return open(b, serve(b, mongowire.Config{WireVersion: version}), "narrative")
			})
		})
	}
}
