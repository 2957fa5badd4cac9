package httpapi_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/httpapi"
	"github.com/narrativeml/narrative/internal/job/jobtest"
	"github.com/narrativeml/narrative/internal/upload"
)

const uploadsPath = "/api/v1/uploads"

// pairs is the metadata of names and values.
func pairs(values ...string) string {
	var all []string
	for i := 0; i < len(values); i += 2 {
		all = append(all, values[i]+" "+base64.StdEncoding.EncodeToString([]byte(values[i+1])))
	}
	return strings.Join(all, ",")
}

// tus sends a request of the protocol.
func (b *bench) tus(t *testing.T, method, path, token string, body io.Reader, headers ...string) reply {
	t.Helper()
	return b.ask(t, method, path, token, body, append([]string{"Tus-Resumable", "1.0.0"}, headers...)...)
}

// begin begins an upload of the text and returns its identifier.
func (b *bench) begin(t *testing.T, token, text string, headers ...string) string {
	t.Helper()
	r := b.tus(t, http.MethodPost, uploadsPath, token, nil, append([]string{"Upload-Length", strconv.Itoa(len(text)), "Upload-Metadata", pairs("filename", "t.csv")}, headers...)...)
	id, found := strings.CutPrefix(r.header.Get("Location"), uploadsPath+"/")
	if r.status != http.StatusCreated || !found || r.header.Get("Upload-Expires") == "" || r.header.Get("Tus-Resumable") != "1.0.0" {
		t.Fatalf("status %d: %v %s", r.status, r.header, r.body)
	}
	return id
}

// patch sends bytes at the offset.
func (b *bench) patch(t *testing.T, id, token string, offset int, body io.Reader) reply {
	t.Helper()
	return b.tus(t, http.MethodPatch, uploadsPath+"/"+id, token, body, "Upload-Offset", strconv.Itoa(offset), "Content-Type", "application/offset+octet-stream")
}

func TestResumableUpload(t *testing.T) {
	t.Parallel()
	b := withWorker(t)
	const text = "a,b\n1,2\n3,4\n"
	id := b.begin(t, ada, text)
	if r := b.patch(t, id, ada, 0, strings.NewReader(text[:5])); r.status != http.StatusNoContent || r.header.Get("Upload-Offset") != "5" {
		t.Fatalf("status %d: %v %s", r.status, r.header, r.body)
	}
	wantProblem(t, b.patch(t, id, ada, 3, strings.NewReader(text[3:])), http.StatusConflict, "offset_moved")
	r := b.tus(t, http.MethodHead, uploadsPath+"/"+id, ada, nil)
	if r.status != http.StatusOK || r.header.Get("Upload-Offset") != "5" || r.header.Get("Upload-Length") != "12" || r.header.Get("Upload-Metadata") != pairs("filename", "t.csv") || r.header.Get("Cache-Control") != "no-store" {
		t.Errorf("status %d: %v", r.status, r.header)
	}
	if got := decode[httpapi.Upload](t, b.get(t, uploadsPath+"/"+id, ada)); got.State != "open" || *got.Offset != 5 || got.DatasetID != "" {
		t.Errorf("the upload is %+v", got)
	}
	if page := decode[httpapi.Page[httpapi.Upload]](t, b.get(t, uploadsPath, ada)); len(page.Items) != 1 || page.Items[0].ID != id {
		t.Errorf("the list is %+v", page)
	}
	wantProblem(t, b.patch(t, id, ada, 5, strings.NewReader(text[5:]+"more")), http.StatusRequestEntityTooLarge, "upload_too_large")
	last := b.patch(t, id, ada, 5, strings.NewReader(text[5:]))
	ds, j := last.header.Get("X-Narrative-Dataset"), last.header.Get("X-Narrative-Job")
	if last.status != http.StatusNoContent || last.header.Get("Upload-Offset") != "12" || ds == "" || j == "" {
		t.Fatalf("status %d: %v %s", last.status, last.header, last.body)
	}
	got := decode[httpapi.Upload](t, b.get(t, uploadsPath+"/"+id, ada))
	if got.State != "finished" || got.DatasetID != ds || got.JobID != j || *got.Offset != 12 || got.Links.Job != jobsPath+"/"+j {
		t.Errorf("the upload is %+v", got)
	}
	for _, again := range []reply{b.tus(t, http.MethodHead, uploadsPath+"/"+id, ada, nil), b.patch(t, id, ada, 12, nil)} {
		if again.status >= 300 || again.header.Get("X-Narrative-Dataset") != ds || again.header.Get("X-Narrative-Job") != j || again.header.Get("Upload-Offset") != "12" {
			t.Errorf("again: status %d: %v", again.status, again.header)
		}
	}
	wantProblem(t, b.tus(t, http.MethodDelete, uploadsPath+"/"+id, ada, nil), http.StatusConflict, "upload_finished")
	for {
		if state := decode[httpapi.Job](t, b.get(t, jobsPath+"/"+j+"?wait=30s", ada)).State; state == "succeeded" {
			break
		} else if state == "failed" {
			t.Fatal("the ingest failed")
		}
	}
	d := decode[httpapi.Dataset](t, b.get(t, datasetsPath+"/"+ds, ada))
	if d.State != "ready" || d.Rows != 2 || d.Size != 12 || d.Name != "t" || len(d.SHA256) != 64 {
		t.Errorf("the data set is %+v", d)
	}
}

// TestResumableUploadWithBody begins an upload with its bytes, and gives one up.
func TestResumableUploadWithBody(t *testing.T) {
	t.Parallel()
	b := withServices(t)
	const text = "a,b\n1,2\n"
	whole := []string{"Upload-Length", "8", "Upload-Metadata", pairs("filename", `C:\data\my table.csv`, "name", "mine", "header", "true", "filetype", "text/csv", "priority", "7"), "Content-Type", "application/offset+octet-stream"}
	r := b.tus(t, http.MethodPost, uploadsPath, ada, strings.NewReader(text), whole...)
	if r.status != http.StatusCreated || r.header.Get("Upload-Offset") != "8" || r.header.Get("X-Narrative-Dataset") == "" {
		t.Fatalf("status %d: %v %s", r.status, r.header, r.body)
	}
	if d := decode[httpapi.Dataset](t, b.get(t, datasetsPath+"/"+r.header.Get("X-Narrative-Dataset"), ada)); d.Name != "mine" || d.Filename != "my table.csv" {
		t.Errorf("the data set is %+v", d)
	}
	if j := decode[httpapi.Job](t, b.get(t, jobsPath+"/"+r.header.Get("X-Narrative-Job"), ada)); j.Priority != 7 {
		t.Errorf("the job is %+v", j)
	}
	id := b.begin(t, ada, text)
	b.patch(t, id, ada, 0, strings.NewReader(text[:3]))
	// Clients that have no other methods say what they mean in a header.
	if r := b.tus(t, http.MethodPost, uploadsPath+"/"+id, ada, nil, "X-HTTP-Method-Override", "DELETE"); r.status != http.StatusNoContent {
		t.Errorf("status %d: %s", r.status, r.body)
	}
	wantProblem(t, b.get(t, uploadsPath+"/"+id, ada), http.StatusNotFound, "upload_not_found")
	wantProblem(t, b.tus(t, http.MethodPost, uploadsPath+"/"+b.begin(t, ada, text), ada, nil), http.StatusMethodNotAllowed, "method_not_allowed")
	options := b.ask(t, http.MethodOptions, uploadsPath, "", nil)
	if options.status != http.StatusNoContent || options.header.Get("Tus-Version") != "1.0.0" || !strings.Contains(options.header.Get("Tus-Extension"), "expiration") || options.header.Get("Tus-Max-Size") == "" {
		t.Errorf("status %d: %v", options.status, options.header)
	}
}

func TestResumableUploadTwice(t *testing.T) {
	t.Parallel()
	b := withServices(t)
	const text = "a,b\n1,2\n"
	key := []string{"Idempotency-Key", "once"}
	id := b.begin(t, ada, text, key...)
	b.patch(t, id, ada, 0, strings.NewReader(text[:3]))
	length := []string{"Upload-Length", "8", "Upload-Metadata", pairs("filename", "t.csv")}
	r := b.tus(t, http.MethodPost, uploadsPath, ada, strings.NewReader(text), append(append(key, length...), "Content-Type", "application/offset+octet-stream")...)
	if r.status != http.StatusCreated || r.header.Get("Location") != uploadsPath+"/"+id || r.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("status %d: %v %s", r.status, r.header, r.body)
	}
	if got := decode[httpapi.Upload](t, b.get(t, uploadsPath+"/"+id, ada)); *got.Offset != 3 {
		t.Errorf("bytes of a repeated request were added: %+v", got)
	}
	wantProblem(t, b.tus(t, http.MethodPost, uploadsPath, ada, nil, append(key, "Upload-Length", "9")...), http.StatusConflict, "idempotency_key_reused")
	if other := b.begin(t, bob, text, key...); other == id {
		t.Error("another tenant's key gives the upload")
	}
}

func TestResumableUploadRefuses(t *testing.T) {
	t.Parallel()
	b := withServices(t)
	id := b.begin(t, ada, "a,b\n1,2\n")
	one := uploadsPath + "/" + id
	length := []string{"Upload-Length", "8"}
	for name, tt := range map[string]struct {
		method, path string
		headers      []string
		status       int
		code         string
	}{
		"no length":        {http.MethodPost, uploadsPath, nil, 422, "invalid_upload_length"},
		"a bad length":     {http.MethodPost, uploadsPath, []string{"Upload-Length", "-3"}, 422, "invalid_upload_length"},
		"too long":         {http.MethodPost, uploadsPath, []string{"Upload-Length", "999999999999999"}, 413, "upload_too_large"},
		"empty":            {http.MethodPost, uploadsPath, []string{"Upload-Length", "0"}, 422, "csv_empty"},
		"deferred":         {http.MethodPost, uploadsPath, []string{"Upload-Defer-Length", "1"}, 422, "upload_length_required"},
		"one of several":   {http.MethodPost, uploadsPath, append(length, "Upload-Concat", "partial"), 422, "upload_concat_unsupported"},
		"all of several":   {http.MethodPost, uploadsPath, []string{"Upload-Concat", "final;/a /b"}, 422, "upload_concat_unsupported"},
		"a checksum":       {http.MethodPatch, one, []string{"Upload-Offset", "0", "Upload-Checksum", "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", "Content-Type", "application/offset+octet-stream"}, 422, "upload_checksum_unsupported"},
		"a checksum first": {http.MethodPost, uploadsPath, append(length, "Upload-Checksum", "md5 x", "Content-Type", "application/offset+octet-stream"), 422, "upload_checksum_unsupported"},
		"a huge length":    {http.MethodPost, uploadsPath, []string{"Upload-Length", "99999999999999999999999"}, 422, "invalid_upload_length"},
		"half a length":    {http.MethodPost, uploadsPath, []string{"Upload-Length", "8.5"}, 422, "invalid_upload_length"},
		"an offset behind": {http.MethodPatch, one, []string{"Upload-Offset", "9", "Content-Type", "application/offset+octet-stream"}, 409, "offset_moved"},
		"an offset below":  {http.MethodPatch, one, []string{"Upload-Offset", "-1", "Content-Type", "application/offset+octet-stream"}, 422, "invalid_upload_offset"},
		"no Base64":        {http.MethodPost, uploadsPath, append(length, "Upload-Metadata", "filename t.csv"), 422, "invalid_upload_metadata"},
		"no name":          {http.MethodPost, uploadsPath, append(length, "Upload-Metadata", "filename dC5jc3Y=,"), 422, "invalid_upload_metadata"},
		"twice":            {http.MethodPost, uploadsPath, append(length, "Upload-Metadata", "name YQ==,name Yg=="), 422, "invalid_upload_metadata"},
		"no text":          {http.MethodPost, uploadsPath, append(length, "Upload-Metadata", "name "+base64.StdEncoding.EncodeToString([]byte{0xff})), 422, "invalid_upload_metadata"},
		"two headers":      {http.MethodPost, uploadsPath, append(length, "Upload-Metadata", "name YQ==", "Upload-Metadata", "kind Y3N2"), 422, "invalid_upload_metadata"},
		"a long value":     {http.MethodPost, uploadsPath, append(length, "Upload-Metadata", pairs("name", strings.Repeat("x", 201))), 422, "invalid_request"},
		"unknown":          {http.MethodPost, uploadsPath, append(length, "Upload-Metadata", pairs("colour", "red")), 422, "unknown_field"},
		"a bad format":     {http.MethodPost, uploadsPath, append(length, "Upload-Metadata", pairs("header", "maybe")), 422, "invalid_request"},
		"a bad checksum":   {http.MethodPost, uploadsPath, append(length, "Upload-Metadata", pairs("sha256", "xyz")), 422, "invalid_sha256"},
		"no job":           {http.MethodPost, uploadsPath, append(length, "Upload-Metadata", pairs("after", "job_0123456789abcdef0123456789abcdef")), 404, "job_not_found"},
		"no identifier":    {http.MethodDelete, uploadsPath + "/x", nil, 422, "invalid_request"},
		"no upload":        {http.MethodDelete, uploadsPath + "/upl_0123456789abcdef0123456789abcdef", nil, 404, "upload_not_found"},
		"no offset":        {http.MethodPatch, one, []string{"Content-Type", "application/offset+octet-stream"}, 422, "invalid_upload_offset"},
		"no type":          {http.MethodPatch, one, []string{"Upload-Offset", "0"}, 415, "unsupported_media_type"},
		"its length":       {http.MethodPatch, one, []string{"Upload-Offset", "0", "Upload-Length", "8", "Content-Type", "application/offset+octet-stream"}, 422, "invalid_upload_length"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantProblem(t, b.tus(t, tt.method, tt.path, ada, nil, tt.headers...), tt.status, tt.code)
		})
	}
	wantProblem(t, b.ask(t, http.MethodDelete, one, ada, nil), http.StatusPreconditionFailed, "tus_version_unsupported")
	wantProblem(t, b.ask(t, http.MethodPatch, one, ada, nil, "Tus-Resumable", "0.2.2", "Upload-Offset", "0", "Content-Type", "application/offset+octet-stream"), http.StatusPreconditionFailed, "tus_version_unsupported")
	wantProblem(t, b.tus(t, http.MethodPost, uploadsPath, "", nil), http.StatusUnauthorized, "token_missing")
}

// TestResumableUploadBeyond sends more than the upload may have, by requests that
// do not say how long they are.
func TestResumableUploadBeyond(t *testing.T) {
	t.Parallel()
	b := withServices(t)
	const text = "a,b\n1,2\n"
	more := func() io.Reader { return io.MultiReader(strings.NewReader(text), strings.NewReader("more")) }
	id := b.begin(t, ada, text)
	for _, r := range []reply{
		b.patch(t, id, ada, 0, more()),
		b.tus(t, http.MethodPost, uploadsPath, ada, more(), "Upload-Length", "8", "Content-Type", "application/offset+octet-stream"),
	} {
		// What belongs to the file is taken; the rest is nobody's.
		if r.status >= 300 || r.header.Get("Upload-Offset") != "8" || r.header.Get("X-Narrative-Dataset") == "" || r.header.Get("Upload-Expires") == "" {
			t.Errorf("status %d: %v %s", r.status, r.header, r.body)
		}
	}
	r := b.tus(t, http.MethodPost, uploadsPath, ada, strings.NewReader(text+"more"), "Upload-Length", "8", "Content-Type", "application/offset+octet-stream")
	wantProblem(t, r, http.StatusRequestEntityTooLarge, "upload_too_large")
}

// TestResumableUploadTakesOver checks that a second request at the same upload
// has the first end, and goes on where that has come to.
func TestResumableUploadTakesOver(t *testing.T) {
	t.Parallel()
	b := withServices(t)
	const text = "a,b\n1,2\n3,4\n"
	id := b.begin(t, ada, text)
	slow, feed := io.Pipe()
	first := make(chan reply)
	go func() { first <- b.patch(t, id, ada, 0, slow) }()
	if _, err := feed.Write([]byte(text[:6])); err != nil {
		t.Fatal(err)
	}
	// The answer comes when the first has let go and its bytes are kept.
	r := b.tus(t, http.MethodHead, uploadsPath+"/"+id, ada, nil)
	at, err := strconv.Atoi(r.header.Get("Upload-Offset"))
	if err != nil || r.status != http.StatusOK {
		t.Fatalf("status %d: %v", r.status, r.header)
	}
	_ = feed.Close()
	if got := <-first; got.status == http.StatusConflict {
		wantProblem(t, got, http.StatusConflict, "upload_interrupted")
	} else if got.status != http.StatusNoContent || at != 0 {
		t.Errorf("the first ends with %d: %s; %d bytes are kept", got.status, got.body, at)
	}
	now := b.tus(t, http.MethodHead, uploadsPath+"/"+id, ada, nil)
	if at, err = strconv.Atoi(now.header.Get("Upload-Offset")); err != nil {
		t.Fatal(err)
	}
	if r := b.patch(t, id, ada, at, strings.NewReader(text[at:])); r.status != http.StatusNoContent || r.header.Get("X-Narrative-Dataset") == "" {
		t.Errorf("status %d: %s", r.status, r.body)
	}
}

// TestResumableUploadWhileStopping checks that a process that stops keeps what
// has arrived.
func TestResumableUploadWhileStopping(t *testing.T) {
	t.Parallel()
	b := withServices(t)
	id := b.begin(t, ada, "a,b\n1,2\n")
	slow, feed := io.Pipe()
	defer func() { _ = feed.Close() }()
	answer := make(chan reply)
	go func() { answer <- b.patch(t, id, ada, 0, slow) }()
	if _, err := feed.Write([]byte("a,b")); err != nil {
		t.Fatal(err)
	}
	close(b.draining)
	wantProblem(t, <-answer, http.StatusServiceUnavailable, "draining")
}

// awayUploads are uploads whose storage is away.
type awayUploads struct{ httpapi.Uploads }

var errStorage = fault.Unavailable("storage_unavailable", "the file storage is away").Because(context.DeadlineExceeded)

func (awayUploads) Append(context.Context, *upload.Upload, int64, io.Reader) (int64, error) {
	return 0, errStorage
}

func (awayUploads) Terminate(context.Context, *upload.Upload) error { return errStorage }

func TestResumableUploadWithoutStorage(t *testing.T) {
	t.Parallel()
	b := withServices(t, func(b *bench) { b.deps.Uploads = awayUploads{b.deps.Uploads} })
	id := b.begin(t, ada, "a,b\n1,2\n")
	p := wantProblem(t, b.patch(t, id, ada, 0, strings.NewReader("a,b")), http.StatusServiceUnavailable, "storage_unavailable")
	if strings.Contains(p.Detail, "deadline") {
		t.Errorf("the cause is told: %s", p.Detail)
	}
	wantProblem(t, b.tus(t, http.MethodDelete, uploadsPath+"/"+id, ada, nil), http.StatusServiceUnavailable, "storage_unavailable")
}

// TestResumableUploadHasTime checks that a client that stops sending is told, and
// what it sent is kept.
func TestResumableUploadHasTime(t *testing.T) {
	t.Parallel()
	b := withServices(t, func(b *bench) { b.config.IdleTimeout = 200 * time.Millisecond })
	id := b.begin(t, ada, "a,b\n1,2\n")
	slow, feed := io.Pipe()
	defer func() { _ = feed.Close() }()
	go func() { _, _ = feed.Write([]byte("a,b")) }()
	wantProblem(t, b.patch(t, id, ada, 0, slow), http.StatusRequestTimeout, "body_timeout")
	if got := decode[httpapi.Upload](t, b.get(t, uploadsPath+"/"+id, ada)); *got.Offset > 3 {
		t.Errorf("the upload is %+v", got)
	}
}

// TestChecksumOfUpload checks that a file that is not what was sent does not
// become a usable data set, and that one that is does.
func TestChecksumOfUpload(t *testing.T) {
	t.Parallel()
	b := withWorker(t)
	const text = "a,b\n1,2\n"
	sum := sha256.Sum256([]byte(text))
	right := hex.EncodeToString(sum[:])
	for said, want := range map[string]string{right: "", strings.Repeat("0", 64): "checksum_mismatch"} {
		r := b.tus(t, http.MethodPost, uploadsPath, ada, strings.NewReader(text), "Upload-Length", "8", "Upload-Metadata", pairs("filename", "t.csv", "sha256", said), "Content-Type", "application/offset+octet-stream")
		var j httpapi.Job
		for j.State != "failed" && j.State != "succeeded" {
			j = decode[httpapi.Job](t, b.get(t, jobsPath+"/"+r.header.Get("X-Narrative-Job")+"?wait=30s", ada))
		}
		code := ""
		if j.Failure != nil {
			code = j.Failure.Code
		}
		if code != want || (j.State == "failed") != (want != "") {
			t.Errorf("said to be %s: the job is %s, %+v", said, j.State, j.Failure)
		}
		d := decode[httpapi.Dataset](t, b.get(t, datasetsPath+"/"+r.header.Get("X-Narrative-Dataset"), ada))
		if want == "" && d.SHA256 != right || want != "" && d.State != "rejected" {
			t.Errorf("said to be %s: the data set is %+v", said, d)
		}
	}
}

// FuzzUploadMetadata begins uploads with any metadata: each is taken or refused
// with a problem.
func FuzzUploadMetadata(f *testing.F) {
	for _, seed := range []string{"", "filename dC5jc3Y=", "filename dC5jc3Y=,name YQ==, kind Y3N2", "a", "a b c", ",", "name YQ==,name YQ==", "header dHJ1ZQ==", "after am9iX3g=", "sha256 eA==", "filename //4="} {
		f.Add(seed)
	}
	driver := newDomain(f, deaf{})
	b := newBench()
	driver.behind(b)
	h, err := httpapi.New(b.config, b.deps)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, metadata string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, uploadsPath, nil)
		for name, value := range map[string]string{"Authorization": "Bearer " + ada, "Tus-Resumable": "1.0.0", "Upload-Length": "8", "Upload-Metadata": metadata} {
			r.Header[name] = []string{value}
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		switch w.Code {
		case http.StatusCreated:
			r := httptest.NewRequestWithContext(t.Context(), http.MethodDelete, w.Header().Get("Location"), nil)
			r.Header = http.Header{"Authorization": {"Bearer " + ada}, "Tus-Resumable": {"1.0.0"}}
			gone := httptest.NewRecorder()
			if h.ServeHTTP(gone, r); gone.Code != http.StatusNoContent {
				t.Errorf("%q: giving it up: status %d: %s", metadata, gone.Code, gone.Body)
			}
		case http.StatusUnprocessableEntity, http.StatusNotFound:
			if w.Header().Get("Content-Type") != "application/problem+json" {
				t.Errorf("%q: status %d: %s", metadata, w.Code, w.Body)
			}
		default:
			t.Errorf("%q: status %d: %s", metadata, w.Code, w.Body)
		}
	})
}

var _ upload.Files = (*jobtest.Files)(nil)
