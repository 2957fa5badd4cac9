package blob_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/blob"
	"github.com/narrativeml/narrative/internal/fault"
)

func TestJoin(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	for _, tt := range []struct {
		name  string
		sizes []int64
		sent  int64 // bytes that may pass through the client at most
	}{
		{"nothing", nil, 0},
		{"empty", []int64{0, 0}, 0},
		{"small", []int64{3, 0, 5, 1}, 9},
		{"one large", []int64{6 * mib}, 0},
		{"one large by put", []int64{12 * mib}, 0}, // its own parts do not matter
		{"large", []int64{6 * mib, 5 * mib, 7 * mib, 100}, 0},
		{"large and small", []int64{6 * mib, 10, 0, 11 * mib, 3, 7*mib + 1, 4 * mib, 2 * mib, 9 * mib, 5}, 20 * mib},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var sent atomic.Int64
			proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPut && r.Header.Get("X-Amz-Copy-Source") == "" && strings.Contains(r.URL.Path, "joined") {
					sent.Add(r.ContentLength)
				}
				forward(w, r)
			}))
			defer proxy.Close()
			c := setup(t, func(c *blob.Config) { c.Endpoint = proxy.URL })
			var names []string
			var want bytes.Buffer
			for i, size := range tt.sizes {
				name := fmt.Sprintf("jobs/job_%d/1/part file+%d.csv", i, i) // a name that has to be escaped
				if _, err := c.Put(t.Context(), name, "", io.TeeReader(io.LimitReader(noise(uint64(i), size), size), &want)); err != nil {
					t.Fatal(err)
				}
				names = append(names, name)
			}
			n, err := c.Join(t.Context(), "jobs/job_p/2/joined.csv", "text/csv", names)
			if err != nil || n != int64(want.Len()) {
				t.Fatalf("%d bytes, %v", n, err)
			}
			if got := get(t, c, "jobs/job_p/2/joined.csv"); got != want.String() {
				t.Errorf("the joined file of %d bytes is not what its parts are", len(got))
			}
			if sent.Load() > tt.sent+1000 {
				t.Errorf("%d bytes passed through the client, %d at most were expected", sent.Load(), tt.sent)
			}
			if n, err := c.AbortUploads(t.Context(), "", time.Now().Add(time.Hour), nil, true); err != nil || n != 0 {
				t.Errorf("%d uploads were left unfinished, %v", n, err)
			}
		})
	}
}

func TestJoinFails(t *testing.T) {
	t.Parallel()
	var broken atomic.Bool
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if broken.Load() && r.Header.Get("X-Amz-Copy-Source") != "" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		forward(w, r)
	}))
	defer proxy.Close()
	c := setup(t, func(c *blob.Config) { c.Endpoint = proxy.URL })
	for _, name := range []string{"a", "b"} {
		if _, err := c.Put(t.Context(), name, "", io.LimitReader(noise(1, 6<<20), 6<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Join(t.Context(), "out", "", []string{"a", "none", "b"}); fault.CodeOf(err) != "file_not_found" {
		t.Errorf("a part that is missing: %v", err)
	}
	if _, err := c.Join(t.Context(), "out", "", []string{"a", "../b"}); fault.CodeOf(err) != "invalid_key" {
		t.Errorf("a key that is none: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Join(ctx, "out", "", []string{"a", "b"}); err == nil {
		t.Error("joined without a context")
	}
	broken.Store(true)
	if _, err := c.Join(t.Context(), "out", "", []string{"a", "b"}); fault.CodeOf(err) != "storage_unavailable" {
		t.Errorf("a copy that is refused: %v", err)
	}
	if _, _, err := c.Stat(t.Context(), "out"); fault.CodeOf(err) != "file_not_found" {
		t.Errorf("half a file appeared: %v", err)
	}
	if n, err := c.AbortUploads(t.Context(), "", time.Now().Add(time.Hour), nil, true); err != nil || n != 0 {
		t.Errorf("%d uploads were left unfinished, %v", n, err)
	}
}

// FuzzPlanJoin checks that a plan takes every byte once, in order, in parts of
// the lengths that S3 wants.
func FuzzPlanJoin(f *testing.F) {
	f.Add([]byte{1, 2, 3}, uint8(5), uint8(9))
	f.Add([]byte{0, 200, 0, 4, 5, 6, 255}, uint8(5), uint8(30))
	f.Add([]byte{20, 1, 20, 1, 20}, uint8(10), uint8(20))
	f.Fuzz(func(t *testing.T, lengths []byte, least, most uint8) {
		low := int64(least%50) + 1
		high := 2*low + int64(most)
		sizes := make([]int64, len(lengths))
		for i, n := range lengths {
			sizes[i] = int64(n)
		}
		plan := blob.PlanJoin(sizes, low, high)
		file, at := int64(0), int64(0)
		if len(plan) > len(sizes)+256*len(sizes)/int(low) {
			t.Errorf("%d parts of %d files", len(plan), len(sizes))
		}
		for i, part := range plan {
			n := int64(0)
			for _, s := range part {
				for file < s[0] && at == sizes[file] {
					file, at = file+1, 0
				}
				if s[0] != file || s[1] != at || s[2] <= s[1] || s[2] > sizes[file] {
					t.Fatalf("%v follows byte %d of file %d in %v", s, at, file, plan)
				}
				at = s[2]
				n += s[2] - s[1]
			}
			if n > high || n < low && i < len(plan)-1 || len(part) > 1 && n >= 2*low {
				t.Fatalf("part %d of %v has %d bytes", i, plan, n)
			}
		}
		for file < int64(len(sizes)) {
			if at != sizes[file] {
				t.Fatalf("%v ends at byte %d of file %d", plan, at, file)
			}
			file, at = file+1, 0
		}
	})
}
