package app_test

import (
	"io"
	"net/http"
	"regexp"
	"strconv"
	"testing"
)

// TestFilesOfAJobsProcessAreCounted: an ingest reads and writes files in a
// process of its own, and its worker's metrics count that.
func TestFilesOfAJobsProcessAreCounted(t *testing.T) { //nolint:paralleltest // one platform at a time
	b := setup(t)
	before := b.files(t, "put")
	if _, failure := b.ingest(t, "a.csv", table("a,b", "1,x", "2,y")); failure != nil {
		t.Fatal(failure.Message)
	}
	// The upload itself, by this process; the typed table, its sample
	// and the profile, by that of the job.
	if made := b.files(t, "put") - before; made != 4 {
		t.Errorf("%v files were written, by the metrics; want 4", made)
	}
	if b.files(t, "get") == 0 {
		t.Error("no file was read, by the metrics")
	}
}

// files is how many calls of the kind the metrics count.
func (b *bench) files(t *testing.T, operation string) float64 {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url+"/metrics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^narrative_s3_operation_duration_seconds_count\{operation="` + operation + `"\} (\S+)$`).FindSubmatch(text)
	if found == nil {
		return 0
	}
	n, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
