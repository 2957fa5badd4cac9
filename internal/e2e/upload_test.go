package e2e_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/drill/launch"
	"github.com/narrativeml/narrative/internal/store/mongostore"
	uploads "github.com/narrativeml/narrative/internal/upload"
)

// tus sends a request of the protocol and returns the status and the head of the
// answer.
func tus(t *testing.T, method, url string, body io.Reader, headers ...string) (int, http.Header) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	req.Header.Set("Tus-Resumable", "1.0.0")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Logf("%s %s: %v", method, url, err)
		return 0, nil
	}
	defer func() { _ = resp.Body.Close() }()
	if text, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode >= http.StatusBadRequest {
		t.Logf("%s %s: %s %s %v", method, url, resp.Status, text, err)
	}
	return resp.StatusCode, resp.Header
}

// TestUploadOutlivesItsProcess begins an upload at one process of the API, kills
// it while it adds to the upload, and goes on at another, which has the upload
// when the dead one's lease is over.
func TestUploadOutlivesItsProcess(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	start(t, nil, program(t, "narrative"), "parts", "--data-dir", folder, "--log-format", "json").logged("parts are up")
	variables, err := os.ReadFile(filepath.Join(folder, "parts.env"))
	if err != nil {
		t.Fatal(err)
	}
	env := append(strings.Fields(string(variables)), "NARRATIVE_MODE=development")
	first := start(t, env, program(t, "api"), "--http-addr", "127.0.0.1:0")
	second := start(t, env, program(t, "api"), "--http-addr", "127.0.0.1:0")
	one, another := address(first)+"/api/v1/uploads", address(second)+"/api/v1/uploads"

	const text = "a,b\n1,2\n3,4\n"
	status, head := tus(t, http.MethodPost, one, nil, "Upload-Length", "12")
	if status != http.StatusCreated {
		t.Fatal(status)
	}
	id := path.Base(head.Get("Location"))
	bytes := []string{"Content-Type", "application/offset+octet-stream", "Upload-Offset"}
	if status, _ := tus(t, http.MethodPatch, one+"/"+id, strings.NewReader(text[:4]), append(bytes, "0")...); status != http.StatusNoContent {
		t.Fatal(status)
	}
	if status, head = tus(t, http.MethodHead, another+"/"+id, nil); status != http.StatusOK || head.Get("Upload-Offset") != "4" {
		t.Errorf("the other process: %d %v", status, head)
	}
	slow, feed := io.Pipe()
	defer func() { _ = feed.Close() }()
	ended := make(chan int, 1)
	go func() {
		status, _ := tus(t, http.MethodPatch, one+"/"+id, slow, append(bytes, "4")...)
		ended <- status
	}()
	go func() { _, _ = feed.Write([]byte(text[4:6])) }()
	locked(t, env, id)
	first.kill(syscall.SIGKILL)
	_ = feed.Close() // the client's library waits for whoever writes the body
	if status := <-ended; status != 0 && status < http.StatusInternalServerError {
		t.Errorf("a killed process answers %d", status)
	}
	// It waits for the lease of the dead one, and is not refused.
	if status, head = tus(t, http.MethodPatch, another+"/"+id, strings.NewReader(text[4:]), append(bytes, "4")...); status != http.StatusNoContent {
		t.Fatalf("%d %v", status, head)
	}
	if head.Get("Upload-Offset") != "12" || head.Get("X-Narrative-Dataset") == "" || head.Get("X-Narrative-Job") == "" {
		t.Errorf("%v", head)
	}
}

// locked waits until a request works at the upload.
func locked(t *testing.T, env []string, id string) {
	t.Helper()
	value := func(name string) string {
		i := slices.IndexFunc(env, func(v string) bool { return strings.HasPrefix(v, name+"=") })
		return strings.TrimPrefix(env[i], name+"=")
	}
	driver, err := mongostore.Open(t.Context(), mongostore.Config{URI: value("NARRATIVE_MONGODB_URI"), Database: value("NARRATIVE_MONGODB_DATABASE"), Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = driver.Close(context.WithoutCancel(t.Context())) }()
	if err := driver.Ensure(t.Context(), uploads.Collections()...); err != nil {
		t.Fatal(err)
	}
	if err := launch.Until(t.Context(), func() error {
		_, err := driver.Peek(t.Context(), "upload_locks", id)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}
