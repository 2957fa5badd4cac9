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

func TestResumable(t *testing.T) {
	t.Parallel()
	c, server := setup(t, nil)
	form := wantWhole(t, c.UploadResumable, server, func(r *client.Resumable) { r.Piece = 50 })
	if form["after"] != "job_1,job_2" {
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
	wantBegunAnew(t, c.UploadResumable, server)
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
			var requests *atomic.Int64
			c, _ := setup(t, func(s *clienttest.Server) {
				requests = refuse(s, tt.status, tt.code, func(r *http.Request) bool { return r.Method == http.MethodPatch })
			})
			wantGivenUp(t, c.UploadResumable, tt.code)
			if requests.Load() != tt.most {
				t.Errorf("%d requests, want %d", requests.Load(), tt.most)
			}
		})
	}
}
