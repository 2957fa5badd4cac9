package app_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/client"
)

// TestPresignedUploadPastTheAPI sends a file of two parts to the embedded file
// storage, is broken off between them, and goes on.
func TestPresignedUploadPastTheAPI(t *testing.T) { //nolint:paralleltest // one platform at a time
	b := setup(t, "NARRATIVE_S3_PART_SIZE=5MiB")
	var table strings.Builder
	table.WriteString("id,amount\n")
	rows := int64(0)
	for ; table.Len() < 6<<20; rows++ {
		fmt.Fprintf(&table, "%d,%d.50\n", rows, rows*7919%100_003)
	}
	id := ""
	file := client.Resumable{
		Upload: client.Upload{Name: "presigned", Filename: "table.csv"}, File: strings.NewReader(table.String()), Size: int64(table.Len()),
		Begun: func(begun string) error { id = begun; return nil },
	}
	broken := file
	broken.File = lostBehind{file.File, 5 << 20}
	if _, err := b.client.UploadPresigned(t.Context(), broken); !errors.Is(err, errLost) {
		t.Fatalf("broken off: %v", err)
	}
	resumed := int64(-1)
	file.ID, file.Resumed = id, func(at int64) { resumed = at }
	a, err := b.client.UploadPresigned(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	if resumed != 5<<20 {
		t.Errorf("it went on at %d", resumed)
	}
	if _, failure := b.wait(t, a.JobID); failure != nil {
		t.Fatalf("the ingest: %+v", failure)
	}
	d, err := b.client.Dataset(t.Context(), a.DatasetID)
	if err != nil || d.Rows != rows {
		t.Errorf("%d rows, %v; want %d", d.Rows, err, rows)
	}
	b.byHand(t)
}

var errLost = errors.New("the disk is gone")

// lostBehind is a file that cannot be read from an offset on.
type lostBehind struct {
	io.ReaderAt

	offset int64
}

// ReadAt implements io.ReaderAt.
func (l lostBehind) ReadAt(p []byte, at int64) (int, error) {
	if at >= l.offset {
		return 0, errLost
	}
	return l.ReaderAt.ReadAt(p, at)
}

// byHand sends a file as a script does that knows HTTP and nothing else.
func (b *bench) byHand(t *testing.T) {
	t.Helper()
	ask := func(method, url, body string, into any) int {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if method == http.MethodPost {
			req.Header.Set("Content-Type", "application/json")
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		text, err := io.ReadAll(resp.Body)
		if err == nil && into != nil {
			err = json.Unmarshal(text, into)
		}
		if err != nil {
			t.Fatalf("%s %s: %s: %v", method, url, text, err)
		}
		return resp.StatusCode
	}
	const text = "a,b\n1,2\n"
	var begun struct {
		Parts []struct {
			URL string `json:"url"`
		} `json:"parts"`
		Links struct {
			Complete string `json:"complete"`
		} `json:"links"`
	}
	if status := ask(http.MethodPost, b.url+"/api/v1/datasets/presign", `{"filename":"t.csv","bytes":8}`, &begun); status != http.StatusCreated || len(begun.Parts) != 1 {
		t.Fatalf("status %d: %+v", status, begun)
	}
	if status := ask(http.MethodPut, begun.Parts[0].URL, text+"more", nil); status != http.StatusForbidden {
		t.Errorf("more than was agreed: %d", status)
	}
	if status := ask(http.MethodPut, begun.Parts[0].URL, text, nil); status != http.StatusOK {
		t.Fatal(status)
	}
	var made struct {
		JobID string `json:"job_id"`
	}
	if status := ask(http.MethodPost, b.url+begun.Links.Complete, `{}`, &made); status != http.StatusAccepted {
		t.Fatal(status)
	}
	if _, failure := b.wait(t, made.JobID); failure != nil {
		t.Errorf("the ingest: %+v", failure)
	}
}
