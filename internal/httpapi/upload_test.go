package httpapi_test

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/httpapi"
)

const datasetsPath = "/api/v1/datasets"

// form writes a form; parts are pairs of a name and a value, and a part named
// file is the file.
func form(t *testing.T, parts ...string) (body *bytes.Buffer, contentType string) {
	t.Helper()
	body = &bytes.Buffer{}
	w := multipart.NewWriter(body)
	for i := 0; i < len(parts); i += 2 {
		var part io.Writer
		var err error
		if parts[i] == "file" {
			part, err = w.CreateFormFile("file", "../data/iris\u200b.csv")
		} else {
			part, err = w.CreateFormField(parts[i])
		}
		if err == nil {
			_, err = io.WriteString(part, parts[i+1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return body, w.FormDataContentType()
}

func (b *bench) upload(t *testing.T, token string, headers []string, parts ...string) reply {
	t.Helper()
	body, contentType := form(t, parts...)
	return b.ask(t, http.MethodPost, datasetsPath, token, body, append(headers, "Content-Type", contentType)...)
}

func TestUpload(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.upload(t, ada, nil, "name", "Flowers", "delimiter", `\t`, "quote", "'", "header", "false", "file", "1\t2\n")
	if r.status != http.StatusAccepted {
		t.Fatalf("status %d: %s", r.status, r.body)
	}
	got := decode[httpapi.Accepted](t, r)
	if r.header.Get("Location") != "/api/v1/jobs/"+got.JobID || got.JobID == "" || got.DatasetID == "" || got.Job.ID != got.JobID || got.Job.Kind != "ingest" {
		t.Errorf("Location %q, body %s", r.header.Get("Location"), r.body)
	}
	if r.header.Get("Idempotency-Replayed") != "" {
		t.Error("a first request was replayed")
	}
	up := b.datasets.got[0]
	if up.Tenant != "ada" || up.Name != "Flowers" || up.Filename != "iris.csv" || up.Options.Delimiter != "\t" || up.Options.Quote != "'" ||
		up.Options.Header == nil || *up.Options.Header {
		t.Errorf("the service got %+v", up)
	}
	d := decode[httpapi.Dataset](t, b.get(t, datasetsPath+"/"+got.DatasetID, ada))
	if d.Size != 4 || d.Name != "Flowers" || d.State != "uploaded" || d.Links.Job != "/api/v1/jobs/"+got.JobID {
		t.Errorf("the data set is %+v", d)
	}
}

func TestUploadReplay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	key := []string{"Idempotency-Key", "k-1"}
	first := decode[httpapi.Accepted](t, b.upload(t, ada, key, "file", "a,b\n1,2\n"))
	tick(t) // the clock that stamps records is no finer than a millisecond
	again := b.upload(t, ada, key, "file", "a,b\n1,2\n")
	if got := decode[httpapi.Accepted](t, again); again.status != http.StatusAccepted || again.header.Get("Idempotency-Replayed") != "true" ||
		got.DatasetID != first.DatasetID || got.JobID != first.JobID {
		t.Errorf("status %d, replayed %q, %s", again.status, again.header.Get("Idempotency-Replayed"), again.body)
	}
	wantProblem(t, b.upload(t, ada, key, "file", "other"), http.StatusConflict, "idempotency_key_reused")
}

// tick waits until the clock shows another millisecond or two.
func tick(t *testing.T) {
	t.Helper()
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	<-ticker.C
	<-ticker.C
}

func TestUploadRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t, func(b *bench) { b.config.MaxUploadBytes = 1 << 20 })
	long := strings.Repeat("x", 201)
	many := make([]string, 0, 40)
	for i := range 17 {
		many = append(many, fmt.Sprintf("f%d", i), "")
	}
	cases := map[string]struct {
		parts  []string
		status int
		code   string
		where  string
	}{
		"no file":               {[]string{"name", "x"}, http.StatusUnprocessableEntity, "file_missing", "body.file"},
		"empty form":            {nil, http.StatusUnprocessableEntity, "file_missing", "body.file"},
		"empty file":            {[]string{"file", ""}, http.StatusUnprocessableEntity, "empty_file", ""},
		"unknown field":         {[]string{"nam", "x", "file", "a"}, http.StatusUnprocessableEntity, "unknown_field", "body.nam"},
		"field given twice":     {[]string{"name", "x", "name", "y", "file", "a"}, http.StatusUnprocessableEntity, "duplicate_field", "body.name"},
		"field after the file":  {[]string{"file", "a,b\n", "name", "x"}, http.StatusUnprocessableEntity, "field_after_file", "body.name"},
		"two files":             {[]string{"file", "a,b\n", "file", "c,d\n"}, http.StatusUnprocessableEntity, "field_after_file", "body.file"},
		"field too long":        {[]string{"name", long, "file", "a"}, http.StatusUnprocessableEntity, "invalid_request", "body.name"},
		"field is not text":     {[]string{"name", "\xff", "file", "a"}, http.StatusUnprocessableEntity, "invalid_request", "body.name"},
		"header is not a truth": {[]string{"header", "yes", "file", "a"}, http.StatusUnprocessableEntity, "invalid_request", "body.header"},
		"too many fields":       {many, http.StatusUnprocessableEntity, "unknown_field", "body.f0"},
		"one byte too many":     {[]string{"file", strings.Repeat("a", 1<<20+1)}, http.StatusRequestEntityTooLarge, "upload_too_large", "body.file"},
		"too large":             {[]string{"file", strings.Repeat("a", 2<<20)}, http.StatusRequestEntityTooLarge, "upload_too_large", "body.file"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := wantProblem(t, b.upload(t, ada, nil, c.parts...), c.status, c.code)
			if c.where != "" && (len(p.Errors) != 1 || p.Errors[0].Location != c.where) {
				t.Errorf("errors are %+v", p.Errors)
			}
		})
	}
	t.Run("chunked and too large", func(t *testing.T) {
		t.Parallel()
		body, contentType := form(t, "file", strings.Repeat("a", 2<<20))
		r := b.ask(t, http.MethodPost, datasetsPath, ada, io.MultiReader(body), "Content-Type", contentType)
		wantProblem(t, r, http.StatusRequestEntityTooLarge, "upload_too_large")
	})
	t.Run("broken off", func(t *testing.T) {
		t.Parallel()
		body, contentType := form(t, "file", "a,b\n1,2\n")
		body.Truncate(body.Len() - 20)
		wantProblem(t, b.ask(t, http.MethodPost, datasetsPath, ada, body, "Content-Type", contentType), http.StatusBadRequest, "malformed_form")
	})
	t.Run("broken off in a field", func(t *testing.T) {
		t.Parallel()
		body, contentType := form(t, "name", strings.Repeat("n", 190), "file", "a")
		body.Truncate(200)
		wantProblem(t, b.ask(t, http.MethodPost, datasetsPath, ada, body, "Content-Type", contentType), http.StatusBadRequest, "malformed_form")
	})
	for name, contentType := range map[string]string{"json": "application/json", "no type": "", "mixed": "multipart/mixed; boundary=x", "garbage": ";;"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := b.ask(t, http.MethodPost, datasetsPath, ada, strings.NewReader("{}"), "Content-Type", contentType)
			wantProblem(t, r, http.StatusUnsupportedMediaType, "unsupported_media_type")
		})
	}
	t.Run("another boundary", func(t *testing.T) {
		t.Parallel()
		body, _ := form(t, "file", "a,b\n")
		wantProblem(t, b.ask(t, http.MethodPost, datasetsPath, ada, body, "Content-Type", "multipart/form-data; boundary=other"), http.StatusBadRequest, "malformed_form")
	})
	t.Run("no bytes", func(t *testing.T) {
		t.Parallel()
		wantProblem(t, b.ask(t, http.MethodPost, datasetsPath, ada, nil, "Content-Type", "multipart/form-data; boundary=x"), http.StatusBadRequest, "malformed_form")
	})
	t.Run("a name with a line end", func(t *testing.T) {
		t.Parallel()
		body := "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\r\nb.csv\"\r\n\r\na,b\n\r\n--x--\r\n"
		wantProblem(t, b.ask(t, http.MethodPost, datasetsPath, ada, strings.NewReader(body), "Content-Type", "multipart/form-data; boundary=x"), http.StatusBadRequest, "malformed_form")
	})
	t.Run("no boundary", func(t *testing.T) {
		t.Parallel()
		r := b.ask(t, http.MethodPost, datasetsPath, ada, strings.NewReader("x"), "Content-Type", "multipart/form-data")
		wantProblem(t, r, http.StatusBadRequest, "malformed_form")
	})
	if len(b.datasets.got) != 0 {
		t.Errorf("a refused upload was kept: %+v", b.datasets.got)
	}
}

// TestUploadOfTheLargest takes a file of exactly as many bytes as are allowed,
// whatever the form around it takes.
func TestUploadOfTheLargest(t *testing.T) {
	t.Parallel()
	b := setup(t, func(b *bench) { b.config.MaxUploadBytes = 1 << 10 })
	if r := b.upload(t, ada, nil, "name", strings.Repeat("n", 200), "file", strings.Repeat("a", 1<<10)); r.status != http.StatusAccepted {
		t.Errorf("status %d: %s", r.status, r.body)
	}
	wantProblem(t, b.upload(t, ada, nil, "file", strings.Repeat("a", 1<<10+1)), http.StatusRequestEntityTooLarge, "upload_too_large")
}

// TestNamesOfFiles checks what is kept of the names that clients give.
func TestNamesOfFiles(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for given, want := range map[string]string{
		"t.csv": "t.csv", `C:\Users\ada\t.csv`: "t.csv", "../../etc/passwd": "passwd", "a%0Ab.csv": "a%0Ab.csv", "..": "upload", "/": "upload",
		"évolution.csv": "évolution.csv", strings.Repeat("ä", 200) + ".csv": strings.Repeat("ä", 125) + ".csv",
	} {
		body := "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + strings.ReplaceAll(given, `\`, `\\`) + "\"\r\n\r\na,b\n\r\n--x--\r\n"
		r := b.ask(t, http.MethodPost, datasetsPath, ada, strings.NewReader(body), "Content-Type", "multipart/form-data; boundary=x")
		if r.status != http.StatusAccepted {
			t.Errorf("%q: status %d: %s", given, r.status, r.body)
			continue
		}
		if d := decode[httpapi.Dataset](t, b.get(t, datasetsPath+"/"+decode[httpapi.Accepted](t, r).DatasetID, ada)); d.Filename != want {
			t.Errorf("%q is kept as %q, want %q", given, d.Filename, want)
		}
	}
}

// TestUploadIsPassedOn proves that the file reaches the service while the
// client is still sending.
func TestUploadIsPassedOn(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{})
	b := setup(t, func(b *bench) {
		b.datasets.read = func(r io.Reader) (int64, []byte, error) {
			first := make([]byte, 4)
			if _, err := io.ReadFull(r, first); err != nil {
				return 0, nil, err
			}
			close(arrived)
			return readAll(r)
		}
	})
	in, out := io.Pipe()
	w := multipart.NewWriter(out)
	contentType := w.FormDataContentType()
	go func() {
		part, err := w.CreateFormFile("file", "a.csv")
		if err == nil {
			_, err = io.WriteString(part, strings.Repeat("a,b\n", 4096))
		}
		if err == nil {
			<-arrived // the rest is sent only once the beginning was read
			_, err = io.WriteString(part, "1,2\n")
		}
		if err == nil {
			err = w.Close()
		}
		_ = out.CloseWithError(err)
	}()
	if r := b.ask(t, http.MethodPost, datasetsPath, ada, in, "Content-Type", contentType); r.status != http.StatusAccepted {
		t.Errorf("status %d: %s", r.status, r.body)
	}
}

// TestUploadIsNotBuffered sends much and looks at what was allocated. It runs
// alone, since the figure is the process's.
func TestUploadIsNotBuffered(t *testing.T) { //nolint:paralleltest // measures the process
	const size, most = 256 << 20, 16 << 20
	b := setup(t, func(b *bench) {
		b.datasets.read = func(r io.Reader) (int64, []byte, error) {
			n, err := io.Copy(io.Discard, r)
			return n, []byte("sum"), err
		}
	})
	head, contentType := form(t, "file", "")
	empty := head.Bytes()
	end := bytes.LastIndex(empty, []byte("\r\n--"))
	body := io.MultiReader(bytes.NewReader(empty[:end]), io.LimitReader(zeros{}, size), bytes.NewReader(empty[end:]))
	contractOf(t) // which answers are compared with; it is read once
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r := b.ask(t, http.MethodPost, datasetsPath, ada, body, "Content-Type", contentType)
	runtime.ReadMemStats(&after)
	if r.status != http.StatusAccepted {
		t.Fatalf("status %d: %s", r.status, r.body)
	}
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > most {
		t.Errorf("an upload of %d bytes allocated %d", size, allocated)
	}
	if d := decode[httpapi.Accepted](t, r); b.datasets.all[d.DatasetID].Size != size {
		t.Errorf("the service read %d bytes", b.datasets.all[d.DatasetID].Size)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// TestUploadsAreBounded holds one upload open and tries another.
func TestUploadsAreBounded(t *testing.T) {
	t.Parallel()
	begun, release := make(chan struct{}), make(chan struct{})
	b := setup(t, func(b *bench) {
		b.config.MaxUploads = 1
		b.datasets.read = func(r io.Reader) (int64, []byte, error) {
			begun <- struct{}{}
			<-release
			return readAll(r)
		}
	})
	done := make(chan reply)
	go func() { done <- b.upload(t, ada, nil, "file", "a") }()
	<-begun
	r := b.upload(t, ada, nil, "file", "a")
	wantProblem(t, r, http.StatusTooManyRequests, "too_many_requests")
	if r.header.Get("Retry-After") == "" {
		t.Error("Retry-After is missing")
	}
	close(release)
	if r := <-done; r.status != http.StatusAccepted {
		t.Errorf("status %d: %s", r.status, r.body)
	}
}

// TestUploadMustNotPause lets a client fall silent.
func TestUploadMustNotPause(t *testing.T) {
	t.Parallel()
	b := setup(t, func(b *bench) { b.config.IdleTimeout = 50 * time.Millisecond })
	in, out := io.Pipe()
	t.Cleanup(func() { _ = out.Close() })
	w := multipart.NewWriter(out)
	go func() {
		if part, err := w.CreateFormFile("file", "a.csv"); err == nil {
			_, _ = io.WriteString(part, strings.Repeat("a,b\n", 4096))
		}
	}()
	r := b.ask(t, http.MethodPost, datasetsPath, ada, in, "Content-Type", w.FormDataContentType())
	wantProblem(t, r, http.StatusRequestTimeout, "body_timeout")
}
