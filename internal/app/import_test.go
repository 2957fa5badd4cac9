package app_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/app"
	"github.com/narrativeml/narrative/internal/blob"
	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/config"
	"github.com/narrativeml/narrative/internal/secret"
)

// landing is a bucket of the S3 server of these tests that is not the platform's.
const landing = "landing-of-companies"

// TestImports fetches files from a web server and from a bucket, as a whole
// platform does.
func TestImports(t *testing.T) { //nolint:paralleltest // one platform at a time
	rows := "id,color\n" + strings.Repeat("1,red\n2,green\n3,blue\n", 50_000)
	var cut atomic.Int32
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		switch r.URL.Path {
		case "/colors.csv":
			if r.Header.Get("Range") == "" { // it breaks off at first, and goes on then
				cut.Add(1)
				w.Header().Set("Content-Length", "1000000")
				_, _ = w.Write([]byte(rows[:400_000]))
				return
			}
			http.ServeContent(w, r, "", time.Time{}, strings.NewReader(rows))
		case "/page":
			w.Header().Set("Content-Type", "text/html")
		case "/inside":
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data", http.StatusFound)
		case "/broken.csv":
			_, _ = w.Write([]byte("a,b\n1,2\n3\n"))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(site.Close)
	at, err := url.Parse(site.URL)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	parts := launch(t, app.Parts, load(t, config.RoleParts, "NARRATIVE_DATA_DIR="+dir, "NARRATIVE_LOG_FORMAT=json"))
	parts.logged(t, "parts are up")
	variables, err := os.ReadFile(filepath.Join(dir, app.PartsFile))
	if err != nil {
		t.Fatal(err)
	}
	environ := strings.Fields(string(variables))
	land(t, environ, map[string]string{"developer/colors.csv": rows, "other/colors.csv": rows})
	b := setup(t, append(environ,
		"NARRATIVE_IMPORT_HTTP=true", "NARRATIVE_IMPORT_PORTS=80,"+at.Port(), "NARRATIVE_IMPORT_ALLOW_ADDRESSES=127.0.0.0/8",
		"NARRATIVE_IMPORT_S3_BUCKETS="+landing+"/{tenant}/")...)

	for name, source := range map[string]string{"https": site.URL + "/colors.csv?token=hidden", "s3": "s3://" + landing + "/developer/colors.csv"} {
		t.Run(name, func(t *testing.T) {
			a, err := b.client.Import(t.Context(), client.ImportRequest{Source: source}, "")
			if err != nil {
				t.Fatal(err)
			}
			var made struct {
				Rows   int64  `json:"rows"`
				Size   int64  `json:"size"`
				RawKey string `json:"raw_key"`
			}
			j := b.result(t, a.JobID, &made)
			if j.Kind != "import" || made.Rows != 150_000 || made.Size != int64(len(rows)) || made.RawKey != "" {
				t.Errorf("the %s job made %+v", j.Kind, made)
			}
			d, err := b.client.Dataset(t.Context(), a.DatasetID)
			if err != nil || d.State != "ready" || d.Name != "colors" || d.Size != int64(len(rows)) || strings.Contains(d.Source, "hidden") || !strings.HasPrefix(source, d.Source) {
				t.Errorf("data set %+v: %v", d, err)
			}
			// What was fetched can be used as what was uploaded.
			if _, err := b.client.Train(t.Context(), client.TrainRequest{DatasetID: a.DatasetID, Target: "color", Algorithms: []string{"baseline"}}, ""); err != nil {
				t.Error(err)
			}
		})
	}
	if cut.Load() != 1 {
		t.Errorf("the file was asked for from its beginning %d times", cut.Load())
	}
	for source, code := range map[string]string{
		"s3://" + landing + "/other/colors.csv":      "source_bucket",
		"s3://narrative/uploads/other/ds/raw":        "source_bucket",
		"http://127.0.0.1:22/x":                      "source_port",
		"http://169.254.169.254/latest/meta-data":    "source_address",
		"http://[::ffff:169.254.169.254]/latest":     "source_address",
		"http://10.0.0.1/x":                          "source_address",
		"file:///etc/passwd":                         "source_scheme",
		"https://me:secret@example.com/x":            "source_credentials",
		site.URL + "/" + strings.Repeat("x", 10_000): "invalid_request",
	} {
		_, err := b.client.Import(t.Context(), client.ImportRequest{Source: source}, "")
		problem(t, err, http.StatusUnprocessableEntity, code)
	}
	for path, code := range map[string]string{"/none": "source_not_found", "/page": "source_web_page", "/inside": "source_address", "/broken.csv": "csv_ragged_row"} {
		a, err := b.client.Import(t.Context(), client.ImportRequest{Source: site.URL + path + "?token=hidden"}, "")
		if err != nil {
			t.Fatal(err)
		}
		j, failure := b.wait(t, a.JobID)
		expect(t, failure, code, "")
		if text, err := b.client.Logs(t.Context(), a.JobID, 0); err != nil || slices.ContainsFunc(text, func(l client.LogLine) bool { return strings.Contains(l.Message, "hidden") }) {
			t.Errorf("lines %+v: %v", text, err)
		}
		if strings.Contains(failure.Message, "169.254") || j.Attempt != 1 {
			t.Errorf("attempt %d: %s", j.Attempt, failure.Message)
		}
	}
}

// land stores files in the bucket.
func land(t *testing.T, environ []string, files map[string]string) {
	t.Helper()
	of := func(name string) string {
		for _, v := range environ {
			if value, ok := strings.CutPrefix(v, "NARRATIVE_"+name+"="); ok {
				return value
			}
		}
		t.Fatalf("no %s in %q", name, environ)
		return ""
	}
	c := blob.DefaultConfig()
	c.Endpoint, c.Bucket = of("S3_ENDPOINT"), landing
	c.AccessKeyID, c.SecretAccessKey = of("S3_ACCESS_KEY_ID"), secret.New(of("S3_SECRET_ACCESS_KEY"))
	bucket, err := blob.New(c)
	if err != nil {
		t.Fatal(err)
	}
	defer bucket.Close()
	if err := bucket.EnsureBucket(t.Context()); err != nil {
		t.Fatal(err)
	}
	for key, text := range files {
		if _, err := bucket.Put(t.Context(), key, "text/csv", strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
	}
}
