package client_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/client/clienttest"
)

func resumable(c func(*client.Resumable)) client.Resumable {
	r := client.Resumable{
		Upload: client.Upload{Name: "colors", Filename: "c.csv", FileFormat: client.FileFormat{Kind: "csv"}, After: []string{"job_1", "job_2"}},
		File:   strings.NewReader(table), Size: int64(len(table)), SHA256: "abc",
	}
	if c != nil {
		c(&r)
	}
	return r
}

func TestResumable(t *testing.T) {
	t.Parallel()
	c, server := setup(t, nil)
	var begun []string
	var sent int64
	a, err := c.UploadResumable(t.Context(), resumable(func(r *client.Resumable) {
		r.Piece = 50
		r.Begun = func(id string) error { begun = append(begun, id); return nil }
		r.Progress = func(n int64) { sent = n }
		r.Resumed = func(int64) { t.Error("nothing broke") }
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
	if form["name"] != "colors" || form["filename"] != "c.csv" || form["kind"] != "csv" || form["after"] != "job_1,job_2" || form["sha256"] != "abc" {
		t.Errorf("the metadata was %v", form)
	}
}

// TestResumableGoesOn breaks every other request, and forgets some answers.
func TestResumableGoesOn(t *testing.T) {
	t.Parallel()
	var requests atomic.Int64
	c, server := setup(t, func(s *clienttest.Server) {
		s.Refuse = func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodPatch {
				return false
			}
			switch requests.Add(1) % 4 {
			case 1: // the connection breaks before anything arrives
				panic(http.ErrAbortHandler)
			case 2: // and before the answer
				s.Serve(discard{}, r)
				panic(http.ErrAbortHandler)
			case 3:
				clienttest.Problem(w, http.StatusConflict, "upload_locked", "another request works at this upload")
				return true
			default:
				return false
			}
		}
	})
	var resumed []int64
	a, err := c.UploadResumable(t.Context(), resumable(func(r *client.Resumable) {
		r.Piece = 40
		r.Resumed = func(at int64) { resumed = append(resumed, at) }
	}))
	if err != nil || a.DatasetID == "" {
		t.Fatalf("%+v, %v", a, err)
	}
	if n, _ := server.Arrived("upl_1"); n != len(table) || !slices.Equal(resumed[:3], []int64{0, 40, 40}) {
		t.Errorf("%d bytes arrived; resumed at %v", n, resumed)
	}
}

// discard is an answer that nobody gets.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}

func TestResumableOfEarlier(t *testing.T) {
	t.Parallel()
	c, server := setup(t, nil)
	stop := errors.New("stop")
	id := ""
	begin := func(r *client.Resumable) { r.Begun = func(made string) error { id = made; return stop } }
	if _, err := c.UploadResumable(t.Context(), resumable(begin)); !errors.Is(err, stop) {
		t.Fatal(err)
	}
	_, err := c.UploadResumable(t.Context(), resumable(func(r *client.Resumable) { r.ID, r.Size = id, 3 }))
	if err == nil || !strings.Contains(err.Error(), "is of a file of") {
		t.Errorf("another file: %v", err)
	}
	var at []int64
	if _, err := c.UploadResumable(t.Context(), resumable(func(r *client.Resumable) {
		r.ID, r.Resumed = id, func(offset int64) { at = append(at, offset) }
	})); err != nil || !slices.Equal(at, []int64{0}) {
		t.Errorf("resumed at %v, %v", at, err)
	}
	server.Forget()
	began := 0
	if _, err := c.UploadResumable(t.Context(), resumable(func(r *client.Resumable) {
		r.ID, r.Begun = "upl_77", func(string) error { began++; return nil }
	})); err != nil || began != 1 {
		t.Errorf("an upload that is gone: %d have begun, %v", began, err)
	}
}

// TestResumableGivesUp checks that what cannot succeed ends.
func TestResumableGivesUp(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status int
		code   string
		most   int64
	}{
		"too large":    {http.StatusRequestEntityTooLarge, "upload_too_large", 1},
		"no upload":    {http.StatusNotFound, "upload_not_found", 1},
		"always moved": {http.StatusConflict, "offset_moved", 6},
		"always away":  {http.StatusServiceUnavailable, "storage_unavailable", 6},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int64
			c, _ := setup(t, func(s *clienttest.Server) {
				s.Refuse = func(w http.ResponseWriter, r *http.Request) bool {
					if r.Method != http.MethodPatch {
						return false
					}
					requests.Add(1)
					clienttest.Problem(w, tt.status, tt.code, "no")
					return true
				}
			})
			_, err := c.UploadResumable(t.Context(), resumable(nil))
			e, ok := errors.AsType[*client.Error](err)
			if !ok || e.Code != tt.code || requests.Load() != tt.most {
				t.Errorf("%v after %d requests", err, requests.Load())
			}
		})
	}
}
