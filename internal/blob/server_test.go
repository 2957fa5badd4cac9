package blob_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/blob"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/secret"
)

// setupServer returns a client on the server that the environment names.
func setupServer(t *testing.T) *blob.Client {
	t.Helper()
	c := blob.DefaultConfig()
	var set bool
	if c.Endpoint, set = os.LookupEnv("NARRATIVE_S3_ENDPOINT"); !set || c.Endpoint == "" {
		t.Skip("NARRATIVE_S3_ENDPOINT is not set")
	}
	for name, to := range map[string]*string{
		"NARRATIVE_S3_REGION": &c.Region, "NARRATIVE_S3_BUCKET": &c.Bucket, "NARRATIVE_S3_ACCESS_KEY_ID": &c.AccessKeyID,
	} {
		if value, ok := os.LookupEnv(name); ok {
			*to = value
		}
	}
	key, _ := os.LookupEnv("NARRATIVE_S3_SECRET_ACCESS_KEY")
	style, _ := os.LookupEnv("NARRATIVE_S3_PATH_STYLE")
	c.SecretAccessKey, c.PathStyle, c.PartSize = secret.New(key), style == "true", 5<<20
	client, err := blob.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if err := client.EnsureBucket(t.Context()); err != nil {
		t.Fatal(err)
	}
	return client
}

// TestOnServer takes files the whole way on the server that the environment
// names, below a prefix of its own.
func TestOnServer(t *testing.T) {
	t.Parallel()
	c := setupServer(t)
	if err := errors.Join(c.Ping(t.Context()), c.EnsureBucket(t.Context())); err != nil {
		t.Fatal(err)
	}
	prefix := "tmp/" + time.Now().UTC().Format("20060102T150405.000000000") + "/"
	small, large := prefix+"small", prefix+"sub/large"
	content := bytes.Repeat([]byte("0123456789abcdef"), 11<<16) // three parts
	t.Cleanup(func() {
		if err := c.Delete(context.WithoutCancel(t.Context()), small, large); err != nil {
			t.Error(err)
		}
	})
	for key, data := range map[string][]byte{small: []byte("id\n1\n"), large: content} {
		if n, err := c.Put(t.Context(), key, "text/csv", bytes.NewReader(data)); err != nil || n != int64(len(data)) {
			t.Fatalf("put %s: %d bytes, %v", key, n, err)
		}
		if n, modified, err := c.Stat(t.Context(), key); err != nil || n != int64(len(data)) || modified.IsZero() {
			t.Errorf("stat %s: %d bytes, %s, %v", key, n, modified, err)
		}
		r, err := c.Open(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		closing(t, r)
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s came back as %d bytes, %v", key, len(got), err)
		}
	}
	at, size, err := c.OpenAt(t.Context(), large)
	if err != nil || size != int64(len(content)) {
		t.Fatalf("%d bytes, %v", size, err)
	}
	part := make([]byte, 20)
	if _, err := at.ReadAt(part, 6<<20); err != nil || !bytes.Equal(part, content[:20]) {
		t.Errorf("the middle is %q, %v", part, err)
	}
	var keys []string
	if err := c.Each(t.Context(), prefix, func(key string, _ int64, _ time.Time) error {
		keys = append(keys, key)
		return nil
	}); err != nil || !slices.Equal(keys, []string{small, large}) {
		t.Errorf("listed %q, %v", keys, err)
	}
	link, err := c.Presign(t.Context(), small, "rows.csv", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	response := fetch(t, link)
	defer closing(t, response.Body)
	got, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK || string(got) != "id\n1\n" {
		t.Errorf("the link gave %s, %q, %v", response.Status, got, err)
	}
	if err := c.Delete(t.Context(), small, large, prefix+"missing"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Open(t.Context(), small); fault.CodeOf(err) != "file_not_found" {
		t.Errorf("a deleted file: %v", err)
	}
}
