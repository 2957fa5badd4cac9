package blob_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/narrativeml/narrative/internal/blob"
	"github.com/narrativeml/narrative/internal/fault"
)

const (
	partBytes = 5 << 20
	pieceKey  = "uploads/acme/ds_1/raw"
)

var errCut = errors.New("the connection broke")

// pieces is a file that comes in over time.
type pieces struct {
	*blob.Client
	token string
	text  []byte
}

func assemble(t *testing.T, c *blob.Client, size int64) *pieces {
	t.Helper()
	token, err := c.Assemble(t.Context(), pieceKey, "text/csv", size)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(noise(3, size))
	if err != nil {
		t.Fatal(err)
	}
	return &pieces{c, token, text}
}

// small makes parts of the least length.
func small(c *blob.Config) { c.PartSize = partBytes }

// at checks how much is there.
func (p *pieces) at(t *testing.T, want int64) {
	t.Helper()
	if offset, whole, err := p.Assembled(t.Context(), pieceKey, p.token); err != nil || offset != want || whole {
		t.Errorf("%d bytes are there, whole is %v, %v; want %d", offset, whole, err, want)
	}
}

// finish checks that the file is what was sent, and that nothing else is left.
func (p *pieces) finish(t *testing.T) {
	t.Helper()
	for range 2 { // it may be repeated
		if err := p.Finish(t.Context(), pieceKey, p.token); err != nil {
			t.Fatal(err)
		}
	}
	if got := get(t, p.Client, pieceKey); got != string(p.text) {
		t.Errorf("the file of %d bytes is not what was sent", len(got))
	}
	if offset, whole, err := p.Assembled(t.Context(), pieceKey, p.token); err != nil || offset != int64(len(p.text)) || !whole {
		t.Errorf("%d bytes are there, whole is %v, %v", offset, whole, err)
	}
	if left := keys(t, p.Client, "uploads/"); len(left) != 1 {
		t.Errorf("left are %q", left)
	}
	if n, err := p.AbortUploads(t.Context(), "", time.Now().Add(time.Hour), nil, true); err != nil || n != 0 {
		t.Errorf("%d uploads are unfinished, %v", n, err)
	}
}

// TestAssembly sends a file in pieces of all lengths, each of which breaks off.
func TestAssembly(t *testing.T) {
	t.Parallel()
	const size = 2*partBytes + 12345
	p := assemble(t, setup(t, small), size)
	if err := p.Finish(t.Context(), pieceKey, p.token); fault.CodeOf(err) != "file_incomplete" {
		t.Errorf("finished too early: %v", err)
	}
	at := int64(0)
	for _, n := range []int64{0, 1, 4, 3 << 20, partBytes - 3<<20 - 5 + 7, 0, 100, partBytes - 1, size} {
		end := min(at+n, size)
		sent, err := p.Append(t.Context(), pieceKey, p.token, at, io.MultiReader(bytes.NewReader(p.text[at:end]), iotest.ErrReader(errCut)))
		if sent != end-at || end < size && !errors.Is(err, errCut) {
			t.Fatalf("at %d %d of %d bytes were kept, %v", at, sent, end-at, err)
		}
		if at = end; at < size {
			p.at(t, at)
		}
		for _, wrong := range []int64{at - 1, at + 1} {
			if _, err := p.Append(t.Context(), pieceKey, p.token, wrong, strings.NewReader("x")); wrong >= 0 && fault.CodeOf(err) != "offset_moved" {
				t.Errorf("at %d instead of %d: %v", wrong, at, err)
			}
		}
	}
	p.finish(t)
}

// TestAssemblyWithGaps loses a part, of several that are under way, and then
// sends it again: what is behind the gap is not taken for what is there.
func TestAssemblyWithGaps(t *testing.T) {
	t.Parallel()
	const size = 4*partBytes + 99
	var broken atomic.Bool
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if broken.Load() && r.URL.Query().Get("partNumber") == "2" {
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(http.StatusForbidden) // which is not tried again
			return
		}
		forward(w, r)
	}))
	defer proxy.Close()
	p := assemble(t, setup(t, small, func(c *blob.Config) { c.Endpoint = proxy.URL }), size)
	broken.Store(true)
	n, err := p.Append(t.Context(), pieceKey, p.token, 0, bytes.NewReader(p.text[:size-50]))
	if fault.ClassOf(err) != fault.ClassUnavailable || n != partBytes {
		t.Fatalf("%d bytes were kept, %v", n, err)
	}
	p.at(t, partBytes)
	broken.Store(false)
	// Half of the lost part, and a break: where the parts begin does not move.
	if n, err := p.Append(t.Context(), pieceKey, p.token, partBytes, bytes.NewReader(p.text[partBytes:partBytes+1000])); err != nil || n != 1000 {
		t.Fatalf("%d bytes were kept, %v", n, err)
	}
	p.at(t, partBytes+1000)
	if n, err := p.Append(t.Context(), pieceKey, p.token, partBytes+1000, bytes.NewReader(p.text[partBytes+1000:2*partBytes])); err != nil || n != partBytes-1000 {
		t.Fatalf("%d bytes were kept, %v", n, err)
	}
	offset, _, err := p.Assembled(t.Context(), pieceKey, p.token)
	if err != nil || offset < 2*partBytes {
		t.Fatal(offset, err)
	}
	if _, err := p.Append(t.Context(), pieceKey, p.token, offset, bytes.NewReader(p.text[offset:])); err != nil {
		t.Fatal(err)
	}
	p.finish(t)
}

// TestAssemblyByTwo lets two send at once, as a process does that has lost its
// lock and does not know it yet.
func TestAssemblyByTwo(t *testing.T) {
	t.Parallel()
	const size = 3*partBytes + 77
	p := assemble(t, setup(t, small), size)
	if n, err := p.Append(t.Context(), pieceKey, p.token, 0, bytes.NewReader(p.text[:1234])); err != nil || n != 1234 {
		t.Fatal(n, err)
	}
	var wg sync.WaitGroup
	for _, end := range []int{2 * partBytes, size - 7} {
		wg.Go(func() {
			_, err := p.Append(t.Context(), pieceKey, p.token, 1234, iotest.HalfReader(bytes.NewReader(p.text[1234:end])))
			if err != nil && fault.CodeOf(err) != "offset_moved" {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	offset, _, err := p.Assembled(t.Context(), pieceKey, p.token)
	if err != nil || offset < 2*partBytes {
		t.Fatal(offset, err)
	}
	if _, err := p.Append(t.Context(), pieceKey, p.token, offset, bytes.NewReader(p.text[offset:])); err != nil {
		t.Fatal(err)
	}
	p.finish(t)
}

func TestAssemblyIsAbandoned(t *testing.T) {
	t.Parallel()
	const size = 2 * partBytes
	p := assemble(t, setup(t, small), size)
	if _, err := p.Append(t.Context(), pieceKey, p.token, 0, bytes.NewReader(p.text[:size-1])); err != nil {
		t.Fatal(err)
	}
	p.at(t, size-1)
	// The sweep of unfinished uploads leaves what is to be kept.
	var asked []string
	keep := func(key string) (bool, error) { asked = append(asked, key); return true, nil }
	if n, err := p.AbortUploads(t.Context(), "uploads/", time.Now().Add(time.Hour), keep, false); err != nil || n != 0 || len(asked) != 1 || asked[0] != pieceKey {
		t.Errorf("%d were given up, %v; asked was for %q", n, err, asked)
	}
	if _, err := p.AbortUploads(t.Context(), "uploads/", time.Now().Add(time.Hour), func(string) (bool, error) { return false, errCut }, false); !errors.Is(err, errCut) {
		t.Errorf("it is not known whether it is to be kept: %v", err)
	}
	p.at(t, size-1)
	for range 2 {
		if err := p.Abandon(t.Context(), pieceKey, p.token); err != nil {
			t.Fatal(err)
		}
	}
	if left := keys(t, p.Client, ""); len(left) != 0 {
		t.Errorf("left are %q", left)
	}
	for what, err := range map[string]error{
		"assembled": third(p.Assembled(t.Context(), pieceKey, p.token)),
		"append":    second(p.Append(t.Context(), pieceKey, p.token, 0, strings.NewReader("x"))),
		"finish":    p.Finish(t.Context(), pieceKey, p.token),
	} {
		if fault.ClassOf(err) != fault.ClassNotFound {
			t.Errorf("%s after the end: %v", what, err)
		}
	}
}

func third[A, B any](_ A, _ B, err error) error { return err }

func TestAssemblyRefuses(t *testing.T) {
	t.Parallel()
	c := setup(t)
	if _, err := c.Assemble(t.Context(), pieceKey, "", 0); fault.CodeOf(err) != "file_empty" {
		t.Errorf("an empty file: %v", err)
	}
	if _, err := c.Assemble(t.Context(), "../x", "", 1); fault.CodeOf(err) != "invalid_key" {
		t.Errorf("a bad key: %v", err)
	}
	for _, token := range []string{"", "1", "1.2", "1.2.", "x.2.y", "1.x.y", "0.1.x", "1.0.x", "-1.1.x"} {
		if _, _, err := c.Assembled(t.Context(), pieceKey, token); err == nil {
			t.Errorf("%q was taken", token)
		}
	}
	// A file of 100 TiB has no more parts than others.
	token, err := c.Assemble(t.Context(), pieceKey, "", 100<<40)
	if err != nil || !strings.HasPrefix(token, "109951162777600.10995367936.") {
		t.Errorf("%q, %v", token, err)
	}
	if err := c.Abandon(t.Context(), pieceKey, token); err != nil {
		t.Fatal(err)
	}
}
