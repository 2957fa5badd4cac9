package httpapi_test

import (
	"bufio"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/httpapi"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/upload"
)

// crowded is an API whose tenants may have one job that waits, and have it.
func crowded(t *testing.T) *bench {
	t.Helper()
	d := newDomain(t, deaf{})
	d.jobs = job.NewService(job.ServiceConfig{Driver: d.driver, Queue: deaf{}, Files: d.files, Tenants: job.TenantDefaults{MaxWaiting: 1}})
	d.datasets = dataset.NewService(dataset.ServiceConfig{Driver: d.driver, Files: d.files, Jobs: d.jobs})
	d.uploads = upload.NewService(upload.ServiceConfig{Driver: d.driver, Files: d.files, Direct: d.files, Datasets: d.datasets})
	b := setup(t, d.behind)
	first := decode[httpapi.Accepted](t, b.upload(t, ada, []string{"Idempotency-Key", "first"}, "file", "a,b\n1,2\n"))
	if r := b.upload(t, ada, nil, "after", first.JobID, "file", "a,b\n1,2\n"); r.status != http.StatusAccepted {
		t.Fatalf("status %d: %s", r.status, r.body)
	}
	return b
}

// TestTooManyJobsAreToldEarly checks that a file whose job would not be taken is
// refused while it has not been read.
func TestTooManyJobsAreToldEarly(t *testing.T) {
	t.Parallel()
	b := crowded(t)
	in, out := io.Pipe()
	t.Cleanup(func() { _ = out.Close() })
	w := multipart.NewWriter(out)
	go func() { // it never comes to the end of the file
		if part, err := w.CreateFormFile("file", "a.csv"); err == nil {
			_, _ = io.WriteString(part, strings.Repeat("a,b\n", 4096))
		}
	}()
	r := b.ask(t, http.MethodPost, datasetsPath, ada, in, "Content-Type", w.FormDataContentType())
	wantProblem(t, r, http.StatusTooManyRequests, "too_many_waiting_jobs")
	if r.header.Get("Retry-After") == "" {
		t.Error("Retry-After is missing")
	}
	wantProblem(t, b.tus(t, http.MethodPost, uploadsPath, ada, nil, "Upload-Length", "8"), http.StatusTooManyRequests, "too_many_waiting_jobs")
	wantProblem(t, b.send(t, presignPath, ada, `{"filename":"a.csv","bytes":8}`), http.StatusTooManyRequests, "too_many_waiting_jobs")
	// What was taken before is answered, and others are not held up.
	if again := b.upload(t, ada, []string{"Idempotency-Key", "first"}, "file", "a,b\n1,2\n"); again.status != http.StatusAccepted {
		t.Errorf("status %d: %s", again.status, again.body)
	}
	if r := b.upload(t, bob, nil, "file", "a,b\n1,2\n"); r.status != http.StatusAccepted {
		t.Errorf("another tenant: status %d: %s", r.status, r.body)
	}
}

// TestContinue asks before it sends: what is refused by its head is refused
// without the body being asked for.
func TestContinue(t *testing.T) {
	t.Parallel()
	b := setup(t, func(b *bench) { b.config.MaxUploadBytes = 1 << 10 })
	body, contentType := form(t, "file", "a,b\n1,2\n")
	for name, tt := range map[string]struct {
		token  string
		kind   string
		length int
		want   int
	}{
		"nobody":         {"", contentType, body.Len(), http.StatusUnauthorized},
		"no form":        {ada, "text/csv", body.Len(), http.StatusUnsupportedMediaType},
		"too large":      {ada, contentType, 1 << 20, http.StatusRequestEntityTooLarge},
		"it may be sent": {ada, contentType, body.Len(), http.StatusContinue},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(b.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Type: %s\r\nContent-Length: %d\r\n", datasetsPath, tt.kind, tt.length)
			if tt.token != "" {
				head += "Authorization: Bearer " + tt.token + "\r\n"
			}
			if _, err := io.WriteString(conn, head+"\r\n"); err != nil {
				t.Fatal(err)
			}
			from := bufio.NewReader(conn)
			first, err := http.ReadResponse(from, nil)
			if err != nil {
				t.Fatal(err)
			}
			_ = first.Body.Close()
			if first.StatusCode != tt.want {
				t.Fatalf("the first answer is %s", first.Status)
			}
			if first.StatusCode != http.StatusContinue {
				return
			}
			if _, err := conn.Write(body.Bytes()); err != nil {
				t.Fatal(err)
			}
			last, err := http.ReadResponse(from, nil)
			if err != nil {
				t.Fatal(err)
			}
			_ = last.Body.Close()
			if last.StatusCode != http.StatusAccepted {
				t.Errorf("the last answer is %s", last.Status)
			}
		})
	}
}
