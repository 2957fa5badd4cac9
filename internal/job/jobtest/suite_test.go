package jobtest_test

import (
	"net/http/httptest"
	"testing"

	"github.com/narrativeml/narrative/internal/blob/blobtest"
	"github.com/narrativeml/narrative/internal/job/jobtest"
)

var _ blobtest.Files = (*jobtest.Files)(nil)

// TestFilesSuite runs what is asked of every file store on the one in memory.
func TestFilesSuite(t *testing.T) {
	t.Parallel()
	const part = 8
	blobtest.Run(t, part, func(t *testing.T) blobtest.Files {
		t.Helper()
		f := jobtest.NewFiles()
		f.Parts(part)
		server := httptest.NewServer(f)
		t.Cleanup(server.Close)
		f.Serve(server.URL)
		return f
	})
}
