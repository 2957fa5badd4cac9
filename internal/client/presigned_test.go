package client_test

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/client/clienttest"
)

func TestPresigned(t *testing.T) {
	t.Parallel()
	header, priority := true, 7
	c, server := setup(t, func(s *clienttest.Server) { s.PartBytes = 50 })
	form := wantWhole(t, c.UploadPresigned, server, func(r *client.Resumable) {
		r.Header, r.Priority, r.Delimiter = &header, &priority, `\t`
	})
	if form["after"] != "[job_1 job_2]" || form["header"] != "true" || form["priority"] != "7" || form["delimiter"] != "\t" {
		t.Errorf("the request was %v", form)
	}
}

// TestPresignedGoesOn has the file storage refuse, break off and be away, an
// address be over and another request hold the upload.
func TestPresignedGoesOn(t *testing.T) {
	t.Parallel()
	var puts, completes atomic.Int64
	c, server := setup(t, func(s *clienttest.Server) {
		s.PartBytes = 40
		s.RefusePart = func(w http.ResponseWriter, _ *http.Request) bool {
			switch puts.Add(1) % 5 {
			case 1:
				panic(http.ErrAbortHandler)
			case 2:
				w.WriteHeader(http.StatusServiceUnavailable)
				return true
			case 3:
				w.WriteHeader(http.StatusForbidden)
				_, _ = io.WriteString(w, "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>")
				return true
			default:
				return false
			}
		}
		s.Refuse = func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/complete") && completes.Add(1) < 3 {
				clienttest.Problem(w, http.StatusConflict, "upload_locked", "another request works at this upload")
				return true
			}
			return false
		}
	})
	a, err := c.UploadPresigned(t.Context(), resumable(nil))
	if err != nil || a.DatasetID == "" {
		t.Fatalf("%+v, %v", a, err)
	}
	if n, _ := server.Arrived("upl_1"); n != len(table) {
		t.Errorf("%d bytes arrived", n)
	}
}

// TestPresignedOfEarlier goes on with an upload of which some parts have arrived,
// and with one that is finished.
func TestPresignedOfEarlier(t *testing.T) {
	t.Parallel()
	refused := false
	c, server := setup(t, func(s *clienttest.Server) {
		s.PartBytes = 20
		s.RefusePart = func(w http.ResponseWriter, _ *http.Request) bool {
			if n, requests := s.Arrived("upl_1"); n == 0 && requests == 5 && !refused {
				w.WriteHeader(http.StatusForbidden)
				return true
			}
			return false
		}
	})
	_, err := c.UploadPresigned(t.Context(), resumable(nil))
	if e, ok := errors.AsType[*client.Error](err); !ok || e.Status != http.StatusForbidden {
		t.Fatal(err)
	}
	refused = true
	_, err = c.UploadPresigned(t.Context(), resumable(func(r *client.Resumable) { r.ID, r.Size = "upl_1", 3 }))
	if err == nil || !strings.Contains(err.Error(), "of a file of") {
		t.Errorf("another file: %v", err)
	}
	var at []int64
	goOn := func(r *client.Resumable) { r.ID, r.Resumed = "upl_1", func(offset int64) { at = append(at, offset) } }
	first, err := c.UploadPresigned(t.Context(), resumable(goOn))
	if err != nil || !slices.Equal(at, []int64{100}) {
		t.Fatalf("resumed at %v, %v", at, err)
	}
	if again, err := c.UploadPresigned(t.Context(), resumable(goOn)); err != nil || again.DatasetID != first.DatasetID {
		t.Errorf("%+v, %v", again, err)
	}
	if _, requests := server.Arrived("upl_1"); requests != (len(table)+19)/20 {
		t.Errorf("%d parts were sent", requests)
	}
	// The same key finds what has begun under it.
	keyed := func(r *client.Resumable) { r.Key = "k" }
	one, err := c.UploadPresigned(t.Context(), resumable(keyed))
	if err != nil {
		t.Fatal(err)
	}
	if two, err := c.UploadPresigned(t.Context(), resumable(keyed)); err != nil || two.DatasetID != one.DatasetID {
		t.Errorf("%+v, %v", two, err)
	}
	wantBegunAnew(t, c.UploadPresigned, server)
}

// TestPresignedGivesUp checks that what cannot succeed ends, and what is said.
func TestPresignedGivesUp(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		path, code string
		status     int
		most       int64
	}{
		"not reached": {"/datasets/presign", "presign_needs_s3", http.StatusConflict, 1},
		"too large":   {"/datasets/presign", "upload_too_large", http.StatusRequestEntityTooLarge, 1},
		"given up":    {"/parts", "upload_not_found", http.StatusNotFound, 1},
		"changed":     {"/complete", "part_changed", http.StatusConflict, 1},
		"locked":      {"/complete", "upload_locked", http.StatusConflict, 6},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var requests *atomic.Int64
			c, _ := setup(t, func(s *clienttest.Server) {
				requests = refuse(s, tt.status, tt.code, func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, tt.path) })
			})
			wantGivenUp(t, c.UploadPresigned, tt.code)
			if requests.Load() != tt.most {
				t.Errorf("%d requests, want %d", requests.Load(), tt.most)
			}
		})
	}
	var puts atomic.Int64
	c, _ := setup(t, func(s *clienttest.Server) {
		s.RefusePart = func(w http.ResponseWriter, _ *http.Request) bool {
			puts.Add(1)
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, "<Error><Code>AccessDenied</Code><Message>no</Message></Error>")
			return true
		}
	})
	wantGivenUp(t, c.UploadPresigned, "AccessDenied")
	if puts.Load() != 6 {
		t.Errorf("%d parts were sent", puts.Load())
	}
}
