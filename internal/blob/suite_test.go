package blob_test

import (
	"testing"

	"github.com/narrativeml/narrative/internal/blob"
	"github.com/narrativeml/narrative/internal/blob/blobtest"
)

var _ blobtest.Files = (*blob.Client)(nil)

// TestSuite runs what is asked of every file store.
func TestSuite(t *testing.T) {
	t.Parallel()
	blobtest.Run(t, partBytes, func(t *testing.T) blobtest.Files {
		t.Helper()
		c := setup(t, small)
		if left := keys(t, c, ""); len(left) > 0 { // of an earlier run of the test
			if err := c.Delete(t.Context(), left...); err != nil {
				t.Fatal(err)
			}
		}
		return c
	})
}
