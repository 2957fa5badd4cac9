package client_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/client/clienttest"
)

// way is how a file is sent that may go on after a break: in pieces, or in parts that
// go past the API.
type way func(context.Context, client.Resumable) (client.Accepted, error)

// resumable is an upload of the table.
func resumable(change func(*client.Resumable)) client.Resumable {
	r := client.Resumable{
		Upload: client.Upload{Name: "colors", Filename: "c.csv", FileFormat: client.FileFormat{Kind: "csv"}, After: []string{"job_1", "job_2"}},
		File:   strings.NewReader(table), Size: int64(len(table)), SHA256: "abc",
	}
	if change != nil {
		change(&r)
	}
	return r
}

// wantWhole uploads the table by 50 bytes a request, checks what is told meanwhile and
// what has arrived, and returns what was said of the file.
func wantWhole(t *testing.T, upload way, server *clienttest.Server, change func(*client.Resumable)) map[string]string {
	t.Helper()
	var begun []string
	var sent int64
	a, err := upload(t.Context(), resumable(func(r *client.Resumable) {
		r.Begun = func(id string) error { begun = append(begun, id); return nil }
		r.Progress = func(n int64) { sent = n }
		r.Resumed = func(int64) { t.Error("nothing broke") }
		change(r)
	}))
	if err != nil || a.DatasetID == "" || a.JobID == "" || a.Job == nil {
		t.Fatalf("%+v, %v", a, err)
	}
	if !slices.Equal(begun, []string{"upl_1"}) || sent != int64(len(table)) {
		t.Errorf("begun were %q, sent %d", begun, sent)
	}
	if n, requests := server.Arrived("upl_1"); n != len(table) || requests != (len(table)+49)/50 {
		t.Errorf("%d bytes by %d requests", n, requests)
	}
	form := server.Form(a.DatasetID)
	if form["name"] != "colors" || form["filename"] != "c.csv" || form["kind"] != "csv" || form["sha256"] != "abc" {
		t.Errorf("of the file was said %v", form)
	}
	return form
}

// wantBegunAnew goes on with an upload that the server knows nothing of any more.
func wantBegunAnew(t *testing.T, upload way, server *clienttest.Server) {
	t.Helper()
	server.Forget()
	began := 0
	if _, err := upload(t.Context(), resumable(func(r *client.Resumable) {
		r.ID, r.Begun = "upl_77", func(string) error { began++; return nil }
	})); err != nil || began != 1 {
		t.Errorf("an upload that is gone: %d have begun, %v", began, err)
	}
}

// refuse has the server answer those requests with a problem, and counts them.
func refuse(s *clienttest.Server, status int, code string, those func(*http.Request) bool) *atomic.Int64 {
	n := new(atomic.Int64)
	s.Refuse = func(w http.ResponseWriter, r *http.Request) bool {
		if !those(r) {
			return false
		}
		n.Add(1)
		clienttest.Problem(w, status, code, "no")
		return true
	}
	return n
}

// wantGivenUp uploads what the server refuses.
func wantGivenUp(t *testing.T, upload way, code string) {
	t.Helper()
	_, err := upload(t.Context(), resumable(nil))
	if e, ok := errors.AsType[*client.Error](err); !ok || e.Code != code {
		t.Errorf("%v, want %s", err, code)
	}
}
