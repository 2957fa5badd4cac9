package blob_test

import (
	"io"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/blob"
	"github.com/narrativeml/narrative/internal/fault"
)

func TestOpenIn(t *testing.T) {
	t.Parallel()
	own := setup(t)
	other := setup(t, func(c *blob.Config) { c.Bucket += "-other" })
	bucket := config(t).Bucket + "-other"
	put := func(text string) {
		t.Helper()
		if _, err := other.Put(t.Context(), "in/a file.csv", "text/csv", strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
	}
	put("0123456789")
	read := func(version string, from int64) (text string, size int64, now string, err error) {
		body, size, now, err := own.OpenIn(t.Context(), bucket, "in/a file.csv", version, from)
		if err != nil {
			return "", 0, "", err
		}
		defer closing(t, body)
		b, err := io.ReadAll(body)
		return string(b), size, now, err
	}
	text, size, version, err := read("", 0)
	if err != nil || text != "0123456789" || size != 10 || version == "" {
		t.Fatalf("%q of %d bytes, version %q: %v", text, size, version, err)
	}
	if text, size, now, err := read(version, 4); err != nil || text != "456789" || size != 10 || now != version {
		t.Errorf("from the middle: %q of %d bytes, version %q: %v", text, size, now, err)
	}
	if _, _, _, err := read(version, 10); fault.CodeOf(err) != "file_changed" {
		t.Errorf("from its end: %v", err)
	}
	put("abcdefghij")
	if _, _, _, err := read(version, 4); fault.CodeOf(err) != "file_changed" || fault.ClassOf(err) != fault.ClassConflict {
		t.Errorf("replaced: %v", err)
	}
	for name, tt := range map[string]struct{ bucket, key, code string }{
		"no such file":   {bucket, "in/none.csv", "file_not_found"},
		"no such bucket": {bucket + "-none", "a.csv", "file_not_found"},
		"its own bucket": {config(t).Bucket, "uploads/acme/x/raw", "bucket_forbidden"},
		"a path":         {bucket + "/../" + config(t).Bucket, "a.csv", "bucket_forbidden"},
		"a way out":      {bucket, "in/../../" + config(t).Bucket + "/x", "invalid_key"},
		"a way up":       {bucket, "../x", "invalid_key"},
	} {
		if _, _, _, err := own.OpenIn(t.Context(), tt.bucket, tt.key, "", 0); fault.CodeOf(err) != tt.code {
			t.Errorf("%s: %v, want %s", name, err, tt.code)
		}
	}
}
