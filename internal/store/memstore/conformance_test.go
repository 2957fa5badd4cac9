package memstore_test

import (
	"testing"

	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/store/memstore"
	"github.com/narrativeml/narrative/internal/store/storetest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) func(*testing.T) store.Driver {
		t.Helper()
		s := memstore.New()
		return func(*testing.T) store.Driver {
			s = s.Reopen()
			return s
		}
	})
}
