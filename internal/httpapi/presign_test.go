package httpapi_test

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/httpapi"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/upload"
)

const (
	presignPath = "/api/v1/datasets/presign"
	partBytes   = 5
)

// withStorage is withWorker and a file store that clients reach, whose parts have
// partBytes.
func withStorage(t *testing.T, change ...func(*domain)) (*bench, *domain) {
	t.Helper()
	queue := line{deliveries: make(chan job.Delivery, 100)}
	d := newDomain(t, queue)
	d.files.Parts(partBytes)
	storage := httptest.NewServer(d.files)
	t.Cleanup(storage.Close)
	d.files.Serve(storage.URL)
	for _, f := range change {
		f(d)
	}
	d.work(t, queue)
	return setup(t, d.behind), d
}

// presign begins an upload of the text.
func (b *bench) presign(t *testing.T, token, text, more string, headers ...string) httpapi.PresignedUpload {
	t.Helper()
	r := b.send(t, presignPath, token, fmt.Sprintf(`{"filename":"t.csv","bytes":%d%s}`, len(text), more), headers...)
	if r.status != http.StatusCreated {
		t.Fatalf("status %d: %s", r.status, r.body)
	}
	up := decode[httpapi.PresignedUpload](t, r)
	if r.header.Get("Location") != uploadsPath+"/"+up.UploadID || up.Bytes != int64(len(text)) {
		t.Errorf("%v %s", r.header, r.body)
	}
	return up
}

// put sends a part of the text to its address.
func put(t *testing.T, up httpapi.PresignedUpload, at httpapi.PartAddress, text string) (status int, etag string) {
	t.Helper()
	from := int64(at.Number-1) * up.PartBytes
	request, err := http.NewRequestWithContext(t.Context(), at.Method, at.URL, strings.NewReader(text[from:min(from+at.Bytes, int64(len(text)))]))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range at.Headers {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close() // the status says it all
	return response.StatusCode, strings.Trim(response.Header.Get("ETag"), `"`)
}

func TestPresignedUpload(t *testing.T) {
	t.Parallel()
	b, _ := withStorage(t)
	const text = "a,b\n1,2\n3,4\n"
	up := b.presign(t, ada, text, `,"name":"mine","header":true,"priority":7,"content_type":"text/csv"`)
	if up.State != "open" || up.PartBytes != partBytes || up.PartCount != 3 || len(up.Parts) != 3 || up.Parts[2].Bytes != 2 || up.Parts[0].ExpiresAt.IsZero() {
		t.Fatalf("%+v", up)
	}
	var sent []string
	for _, i := range []int{2, 0} { // in any order, and not all
		status, etag := put(t, up, up.Parts[i], text)
		if status != http.StatusOK {
			t.Fatal(status)
		}
		sent = append(sent, fmt.Sprintf(`{"number":%d,"etag":%q}`, i+1, etag))
	}
	p := wantProblem(t, b.send(t, up.Links.Complete, ada, `{}`), http.StatusConflict, "file_incomplete")
	if len(p.Errors) != 1 || p.Errors[0].Location != "part 2" {
		t.Errorf("%+v", p.Errors)
	}
	// Another process of the client goes on: it asks what is there.
	there := decode[httpapi.ArrivedParts](t, b.get(t, up.Links.Parts, ada))
	if len(there.Items) != 2 || there.Items[0].Number != 1 || there.Items[1].Number != 3 || there.Finished || there.NextAfter != 0 {
		t.Errorf("%+v", there)
	}
	if page := decode[httpapi.ArrivedParts](t, b.get(t, up.Links.Parts+"?limit=1", ada)); len(page.Items) != 1 || page.NextAfter != 1 {
		t.Errorf("%+v", page)
	}
	if page := decode[httpapi.ArrivedParts](t, b.get(t, up.Links.Parts+"?after=1", ada)); len(page.Items) != 1 || page.Items[0].Number != 3 {
		t.Errorf("%+v", page)
	}
	if got := decode[httpapi.Upload](t, b.get(t, up.Links.Self, ada)); got.State != "open" || got.Way != "presigned" || got.PartBytes != partBytes || *got.Offset != partBytes {
		t.Errorf("%+v", got)
	}
	sum := md5.Sum([]byte(text[5:10]))
	more := decode[httpapi.PartAddresses](t, b.send(t, up.Links.Parts, ada, `{"parts":[{"number":2,"md5":"`+hex.EncodeToString(sum[:])+`"}]}`))
	if len(more.Parts) != 1 || more.Parts[0].Headers["Content-Md5"] == "" {
		t.Fatalf("%+v", more)
	}
	if status, _ := put(t, up, more.Parts[0], strings.ToUpper(text[:5])+"xxxxx"+text[10:]); status != http.StatusBadRequest {
		t.Errorf("other bytes: %d", status)
	}
	if status, _ := put(t, up, more.Parts[0], text); status != http.StatusOK {
		t.Fatal(status)
	}
	wantProblem(t, b.send(t, up.Links.Complete, ada, `{"parts":[{"number":2,"etag":"00"}]}`), http.StatusConflict, "part_changed")
	// When everything is there the upload waits for its client all the same.
	if got := decode[httpapi.Upload](t, b.get(t, up.Links.Self, ada)); got.State != "open" || *got.Offset != got.Size {
		t.Errorf("%+v", got)
	}
	r := b.send(t, up.Links.Complete, ada, `{"parts":[`+strings.Join(sent, ",")+`]}`)
	made := decode[httpapi.Accepted](t, r)
	if r.status != http.StatusAccepted || made.DatasetID == "" || made.Job.Priority != 7 || r.header.Get("Idempotency-Replayed") != "" || r.header.Get("Location") != jobsPath+"/"+made.JobID {
		t.Fatalf("status %d: %v %s", r.status, r.header, r.body)
	}
	again := b.ask(t, http.MethodPost, up.Links.Complete, ada, nil)
	if got := decode[httpapi.Accepted](t, again); again.status != http.StatusAccepted || got.DatasetID != made.DatasetID || got.JobID != made.JobID || again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("status %d: %v %s", again.status, again.header, again.body)
	}
	b.finished(t, ada, r)
	d := decode[httpapi.Dataset](t, b.get(t, datasetsPath+"/"+made.DatasetID, ada))
	if d.State != "ready" || d.Rows != 2 || d.Size != int64(len(text)) || d.Name != "mine" || d.Filename != "t.csv" {
		t.Errorf("%+v", d)
	}
	if there := decode[httpapi.ArrivedParts](t, b.get(t, up.Links.Parts, ada)); !there.Finished || len(there.Items) != 0 {
		t.Errorf("%+v", there)
	}
	wantProblem(t, b.send(t, up.Links.Parts, ada, `{"parts":[{"number":1}]}`), http.StatusConflict, "upload_finished")
	wantProblem(t, b.ask(t, http.MethodDelete, presignPath+"/"+up.UploadID, ada, nil), http.StatusConflict, "upload_finished")
	if status, _ := put(t, up, up.Parts[0], text); status != http.StatusNotFound {
		t.Errorf("an address of a finished upload: %d", status)
	}
}

// TestPresignedOnePart sends a file that is one part, with each checksum.
func TestPresignedOnePart(t *testing.T) {
	t.Parallel()
	b, _ := withStorage(t, func(d *domain) { d.files.Parts(1 << 20) })
	const text = "a,b\n1,2\n"
	sum := sha256.Sum256([]byte(text))
	for header, more := range map[string]string{
		"":                      ``,
		"X-Amz-Checksum-Sha256": `,"sha256":"` + hex.EncodeToString(sum[:]) + `"`,
		"Content-Md5":           `,"md5":"` + fmt.Sprintf("%x", md5.Sum([]byte(text))) + `"`,
		"X-Amz-Checksum-Crc32":  `,"crc32":"` + "96c3f8a6" + `"`,
	} {
		up := b.presign(t, ada, text, more)
		if len(up.Parts) != 1 || (up.Parts[0].Headers[header] != "") != (header != "") {
			t.Fatalf("%s: %+v", header, up)
		}
		other, _ := put(t, up, up.Parts[0], "A,B\n3,4\n")
		if header != "" && other != http.StatusBadRequest {
			t.Errorf("%s: other bytes: %d", header, other)
		}
		if header == "X-Amz-Checksum-Crc32" {
			continue // it is not the text's
		}
		if status, _ := put(t, up, up.Parts[0], text); status != http.StatusOK {
			t.Fatal(status)
		}
		b.finished(t, ada, b.send(t, up.Links.Complete, ada, `{}`))
	}
}

func TestPresignRefuses(t *testing.T) {
	t.Parallel()
	b, _ := withStorage(t)
	const text = "a,b\n1,2\n"
	up := b.presign(t, ada, text, "")
	tus := b.begin(t, ada, text)
	twice := `{"parts":[{"number":1,"etag":"x"},{"number":1,"etag":"x"}]}`
	for name, tt := range map[string]struct {
		path, body string
		status     int
		code       string
	}{
		"no size":               {presignPath, `{"filename":"x"}`, 422, "invalid_request"},
		"no bytes":              {presignPath, `{"filename":"x","bytes":0}`, 422, "csv_empty"},
		"too many":              {presignPath, `{"filename":"x","bytes":999999999999999}`, 413, "upload_too_large"},
		"no name":               {presignPath, `{"bytes":8}`, 422, "invalid_request"},
		"unknown":               {presignPath, `{"filename":"x","bytes":8,"colour":"red"}`, 422, "unknown_field"},
		"a bad kind":            {presignPath, `{"filename":"x","bytes":8,"kind":"doc"}`, 422, "invalid_request"},
		"a bad sha256":          {presignPath, `{"filename":"x","bytes":8,"sha256":"xyz"}`, 422, "invalid_sha256"},
		"a bad md5":             {presignPath, `{"filename":"x","bytes":4,"md5":"xyz"}`, 422, "invalid_checksum"},
		"a bad crc32":           {presignPath, `{"filename":"x","bytes":4,"crc32":"ABCDEF01"}`, 422, "invalid_checksum"},
		"two checksums":         {presignPath, `{"filename":"x","bytes":4,"crc32":"abcdef01","sha256":"` + strings.Repeat("0", 64) + `"}`, 422, "too_many_checksums"},
		"checksum of parts":     {presignPath, `{"filename":"x","bytes":8,"md5":"` + strings.Repeat("0", 32) + `"}`, 422, "checksum_of_parts"},
		"crc32 of parts":        {presignPath, `{"filename":"x","bytes":8,"crc32":"00000000"}`, 422, "checksum_of_parts"},
		"a bad type":            {presignPath, `{"filename":"x","bytes":8,"content_type":"text"}`, 422, "invalid_content_type"},
		"a type with a line":    {presignPath, `{"filename":"x","bytes":8,"content_type":"text/csv\r\nX-Evil: 1"}`, 422, "invalid_content_type"},
		"no job":                {presignPath, `{"filename":"x","bytes":8,"after":["job_0123456789abcdef0123456789abcdef"]}`, 404, "job_not_found"},
		"no such part":          {up.Links.Parts, `{"parts":[{"number":3}]}`, 422, "invalid_part"},
		"part nought":           {up.Links.Parts, `{"parts":[{"number":0}]}`, 422, "invalid_request"},
		"a part twice":          {up.Links.Parts, `{"parts":[{"number":1},{"number":1}]}`, 422, "duplicate_part"},
		"no parts":              {up.Links.Parts, `{"parts":[]}`, 422, "invalid_request"},
		"too many parts":        {up.Links.Parts, `{"parts":[` + strings.Repeat(`{"number":1},`, 100) + `{"number":1}]}`, 422, "invalid_request"},
		"a bad md5 of a part":   {up.Links.Parts, `{"parts":[{"number":1,"md5":"0"}]}`, 422, "invalid_checksum"},
		"completed too early":   {up.Links.Complete, `{}`, 409, "file_incomplete"},
		"completed twice":       {up.Links.Complete, twice, 422, "duplicate_part"},
		"completed with others": {up.Links.Complete, `{"parts":[{"number":9,"etag":"x"}]}`, 422, "invalid_part"},
		"no upload":             {presignPath + "/upl_0123456789abcdef0123456789abcdef/complete", `{}`, 404, "upload_not_found"},
		"no identifier":         {presignPath + "/x/complete", `{}`, 422, "invalid_request"},
		"parts of tus":          {presignPath + "/" + tus + "/parts", `{"parts":[{"number":1}]}`, 409, "upload_not_presigned"},
		"completing tus":        {presignPath + "/" + tus + "/complete", `{}`, 409, "upload_not_presigned"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantProblem(t, b.send(t, tt.path, ada, tt.body), tt.status, tt.code)
		})
	}
	up = b.presign(t, ada, text, "")
	one := uploadsPath + "/" + up.UploadID
	wantProblem(t, b.patch(t, up.UploadID, ada, 0, strings.NewReader(text)), http.StatusConflict, "upload_presigned")
	wantProblem(t, b.tus(t, http.MethodDelete, one, ada, nil), http.StatusConflict, "upload_presigned")
	if r := b.tus(t, http.MethodHead, one, ada, nil); r.status != http.StatusConflict {
		t.Errorf("status %d", r.status)
	}
	wantProblem(t, b.ask(t, http.MethodDelete, presignPath+"/"+tus, ada, nil), http.StatusConflict, "upload_not_presigned")
	wantProblem(t, b.ask(t, http.MethodDelete, presignPath+"/"+up.UploadID, bob, nil), http.StatusNotFound, "upload_not_found")
	if r := b.ask(t, http.MethodDelete, presignPath+"/"+up.UploadID, ada, nil); r.status != http.StatusNoContent {
		t.Errorf("status %d: %s", r.status, r.body)
	}
	wantProblem(t, b.get(t, one, ada), http.StatusNotFound, "upload_not_found")
	if status, _ := put(t, up, up.Parts[0], text); status != http.StatusNotFound {
		t.Errorf("an address of an upload that was given up: %d", status)
	}
}

func TestPresignWithoutStorage(t *testing.T) {
	t.Parallel()
	b, d := withStorage(t)
	up := b.presign(t, ada, "a,b\n1,2\n", "")
	for _, ending := range []string{"#presign", "#parts", "#abandon"} {
		d.files.Fail(ending, errStorage)
	}
	for what, r := range map[string]reply{
		"addresses": b.send(t, up.Links.Parts, ada, `{"parts":[{"number":1}]}`),
		"parts":     b.get(t, up.Links.Parts, ada),
		"complete":  b.send(t, up.Links.Complete, ada, `{}`),
		"give up":   b.ask(t, http.MethodDelete, presignPath+"/"+up.UploadID, ada, nil),
		"begin":     b.send(t, presignPath, ada, `{"filename":"x","bytes":8}`),
	} {
		if p := wantProblem(t, r, http.StatusServiceUnavailable, "storage_unavailable"); strings.Contains(p.Detail, "deadline") {
			t.Errorf("%s: the cause is told: %s", what, p.Detail)
		}
	}
}

// TestPresignedSizeLies has a file store that takes parts of any length.
func TestPresignedSizeLies(t *testing.T) {
	t.Parallel()
	b, d := withStorage(t)
	const text = "a,b\n1,2\n"
	up := b.presign(t, ada, text, "")
	record, err := d.uploads.Get(t.Context(), "ada", up.UploadID)
	if err != nil {
		t.Fatal(err)
	}
	if status, _ := put(t, up, up.Parts[0], text); status != http.StatusOK {
		t.Fatal(status)
	}
	d.files.Lie(record.Token, 2, bytes.Repeat([]byte("x"), 100))
	wantProblem(t, b.send(t, up.Links.Complete, ada, `{}`), http.StatusUnprocessableEntity, "upload_size_mismatch")
	wantProblem(t, b.send(t, up.Links.Complete, ada, `{}`), http.StatusNotFound, "upload_not_found")
	if left := d.files.Keys(""); len(left) != 0 {
		t.Errorf("left are %q", left)
	}
}

func TestPresignTwice(t *testing.T) {
	t.Parallel()
	b, _ := withStorage(t)
	const text = "a,b\n1,2\n"
	key := []string{"Idempotency-Key", "once"}
	up := b.presign(t, ada, text, "", key...)
	r := b.send(t, presignPath, ada, `{"filename":"t.csv","bytes":8}`, key...)
	again := decode[httpapi.PresignedUpload](t, r)
	if again.UploadID != up.UploadID || r.header.Get("Idempotency-Replayed") != "true" || len(again.Parts) != 2 {
		t.Fatalf("%v %s", r.header, r.body)
	}
	for name, body := range map[string]string{
		"another size": `{"filename":"t.csv","bytes":9}`, "another type": `{"filename":"t.csv","bytes":8,"content_type":"text/csv"}`,
	} {
		if p := wantProblem(t, b.send(t, presignPath, ada, body, key...), http.StatusConflict, "idempotency_key_reused"); p.Detail == "" {
			t.Error(name)
		}
	}
	wantProblem(t, b.tus(t, http.MethodPost, uploadsPath, ada, nil, append(key, "Upload-Length", "8", "Upload-Metadata", pairs("filename", "t.csv"))...), http.StatusConflict, "idempotency_key_reused")
	for _, p := range again.Parts {
		if status, _ := put(t, again, p, text); status != http.StatusOK {
			t.Fatal(status)
		}
	}
	// Of many that complete it at once all get the same data set.
	var wg sync.WaitGroup
	answers := make([]reply, 6)
	for i := range answers {
		wg.Go(func() { answers[i] = b.send(t, up.Links.Complete, ada, `{}`) })
	}
	wg.Wait()
	first := decode[httpapi.Accepted](t, answers[0])
	for _, a := range answers {
		if got := decode[httpapi.Accepted](t, a); a.status != http.StatusAccepted || got.DatasetID != first.DatasetID || got.JobID != first.JobID {
			t.Errorf("status %d: %s", a.status, a.body)
		}
	}
	if page := decode[httpapi.Page[httpapi.Dataset]](t, b.get(t, datasetsPath, ada)); len(page.Items) != 1 {
		t.Errorf("%d data sets", len(page.Items))
	}
	done := decode[httpapi.PresignedUpload](t, b.send(t, presignPath, ada, `{"filename":"t.csv","bytes":8}`, key...))
	if done.State != "finished" || done.DatasetID != first.DatasetID || done.JobID != first.JobID || len(done.Parts) != 0 {
		t.Errorf("%+v", done)
	}
}

// TestPresignNeedsStorage checks that no address is given that leads nowhere.
func TestPresignNeedsStorage(t *testing.T) {
	t.Parallel()
	d := newDomain(t, deaf{})
	d.uploads = upload.NewService(upload.ServiceConfig{Driver: d.driver, Files: d.files, Datasets: d.datasets})
	b := setup(t, d.behind)
	p := wantProblem(t, b.send(t, presignPath, ada, `{"filename":"x.csv","bytes":8}`), http.StatusConflict, "presign_needs_s3")
	if !strings.Contains(p.Detail, "tus") {
		t.Errorf("what to do instead: %s", p.Detail)
	}
}

// TestPresignedIsLocked checks that an upload is not completed while another
// request works at it and does not let go.
func TestPresignedIsLocked(t *testing.T) {
	t.Parallel()
	d := newDomain(t, deaf{})
	b := setup(t, d.behind, func(b *bench) { b.config.LockTimeout = 50 * time.Millisecond })
	up := b.presign(t, ada, "a,b\n1,2\n", "")
	lock := upload.NewLocker(upload.LockerConfig{Driver: d.driver}).NewLock(up.UploadID)
	if err := lock.Lock(t.Context(), func() {}); err != nil {
		t.Fatal(err)
	}
	wantProblem(t, b.send(t, up.Links.Complete, ada, `{}`), http.StatusConflict, "upload_locked")
	wantProblem(t, b.ask(t, http.MethodDelete, presignPath+"/"+up.UploadID, ada, nil), http.StatusConflict, "upload_locked")
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	if r := b.ask(t, http.MethodDelete, presignPath+"/"+up.UploadID, ada, nil); r.status != http.StatusNoContent {
		t.Errorf("status %d: %s", r.status, r.body)
	}
}

// FuzzPresign sends bodies of any kind: each begins an upload or is refused with a
// problem.
func FuzzPresign(f *testing.F) {
	for _, seed := range []string{`{}`, `{"filename":"x.csv","bytes":8}`, `{"filename":"../\u0000","bytes":1e3,"content_type":";"}`, `{"filename":"x","bytes":8,"md5":"00","after":[""]}`, `[`, `{"filename":"x","bytes":-1}`} {
		f.Add(seed)
	}
	d := newDomain(f, deaf{})
	b := newBench()
	d.behind(b)
	h, err := httpapi.New(b.config, b.deps)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, presignPath, strings.NewReader(body))
		r.Header = http.Header{"Authorization": {"Bearer " + ada}, "Content-Type": {"application/json"}}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code == http.StatusCreated {
			gone := httptest.NewRequestWithContext(t.Context(), http.MethodDelete, strings.Replace(w.Header().Get("Location"), "/uploads/", "/datasets/presign/", 1), nil)
			gone.Header = http.Header{"Authorization": {"Bearer " + ada}}
			answer := httptest.NewRecorder()
			if h.ServeHTTP(answer, gone); answer.Code != http.StatusNoContent {
				t.Errorf("%q: giving it up: %d %s", body, answer.Code, answer.Body)
			}
			return
		}
		if w.Code < 400 || w.Code >= 500 || w.Header().Get("Content-Type") != "application/problem+json" {
			rest, _ := io.ReadAll(w.Body)
			t.Errorf("%q: status %d: %s", body, w.Code, rest)
		}
	})
}
