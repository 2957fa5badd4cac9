package blobtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
)

// Files is a file store, as its callers know it.
type Files interface {
	Whole
	Assembly
	Direct
}

// Whole are the files that come and go as wholes.
type Whole interface {
	Put(ctx context.Context, key, contentType string, r io.Reader) (int64, error)
	Open(ctx context.Context, key string) (io.ReadCloser, error)
	OpenAt(ctx context.Context, key string) (io.ReaderAt, int64, error)
	Join(ctx context.Context, key, contentType string, files []string) (int64, error)
	Each(ctx context.Context, prefix string, fn func(key string, size int64, modified time.Time) error) error
	Delete(ctx context.Context, keys ...string) error
}

// Assembly are the files that come in over time.
type Assembly interface {
	Assemble(ctx context.Context, key, contentType string, size int64) (token string, err error)
	Assembled(ctx context.Context, key, token string) (offset int64, whole bool, err error)
	Append(ctx context.Context, key, token string, offset int64, r io.Reader) (int64, error)
	Finish(ctx context.Context, key, token string) error
	Abandon(ctx context.Context, key, token string) error
}

// Direct are the files whose parts clients send to the store themselves.
type Direct interface {
	DirectPart(size int64) (int64, error)
	AssembleDirect(ctx context.Context, key, contentType string, size int64, sum string) (token string, err error)
	PresignPart(ctx context.Context, key, token string, number int, sums map[string]string, ttl time.Duration) (address string, headers map[string]string, err error)
	EachPart(ctx context.Context, key, token string, after int, fn func(number int, size int64, etag string) bool) (whole bool, err error)
}

// Fresh makes an empty file store, whose parts are as long as the suite is told.
type Fresh func(t *testing.T) Files

// Run runs the suite on file stores whose parts have so many bytes.
func Run(t *testing.T, part int64, fresh Fresh) {
	t.Helper()
	for name, run := range map[string]func(*testing.T, *bundle){
		"whole": testWhole, "missing": testMissing, "failing reader": testFailingReader, "join": testJoin,
		"assembly": testAssembly, "assembly abandoned": testAbandoned,
		"direct": testDirect, "direct refuses": testDirectRefuses, "direct abandoned": testDirectAbandoned, "direct checksums": testSums,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, &bundle{Files: fresh(t), part: part})
		})
	}
}

// bundle is a file store under test.
type bundle struct {
	Files

	part int64
}

const key = "uploads/acme/ds_1/raw"

var errBroken = errors.New("the reader broke")

// noise is so many bytes.
func noise(n int64) []byte {
	data, err := io.ReadAll(io.LimitReader(rand.NewChaCha8([32]byte{7}), n))
	if err != nil {
		panic(err) // it gives bytes for ever
	}
	return data
}

func (b *bundle) put(t *testing.T, key, text string) {
	t.Helper()
	if n, err := b.Put(t.Context(), key, "text/plain", strings.NewReader(text)); err != nil || n != int64(len(text)) {
		t.Fatalf("put %s: %d bytes, %v", key, n, err)
	}
}

func (b *bundle) get(t *testing.T, key string) string {
	t.Helper()
	r, err := b.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (b *bundle) keys(t *testing.T, prefix string) []string {
	t.Helper()
	var all []string
	if err := b.Each(t.Context(), prefix, func(key string, _ int64, _ time.Time) error {
		all = append(all, key)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

func wantClass(t *testing.T, what string, err error, class fault.Class) {
	t.Helper()
	if err == nil || fault.ClassOf(err) != class {
		t.Errorf("%s: %v, want class %s", what, err, class)
	}
}

func testWhole(t *testing.T, b *bundle) {
	for _, text := range []string{"", "x", string(noise(b.part + 3))} { // and each replaces the last
		b.put(t, key, text)
		if got := b.get(t, key); got != text {
			t.Errorf("%d bytes came back as %d", len(text), len(got))
		}
		at, size, err := b.OpenAt(t.Context(), key)
		if err != nil || size != int64(len(text)) {
			t.Fatalf("%d bytes, %v", size, err)
		}
		if size > 0 {
			last := make([]byte, 1)
			if _, err := at.ReadAt(last, size-1); err != nil && !errors.Is(err, io.EOF) || last[0] != text[size-1] {
				t.Errorf("the last byte is %v, %v", last, err)
			}
		}
	}
	for _, k := range []string{"a/2", "a/10", "a-b/1", "b"} {
		b.put(t, k, k)
	}
	if got := b.keys(t, "a/"); !slices.Equal(got, []string{"a/10", "a/2"}) {
		t.Errorf("listed %q", got)
	}
	stop := errors.New("stop")
	if err := b.Each(t.Context(), "", func(string, int64, time.Time) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("the error of a listing became %v", err)
	}
	if err := b.Delete(t.Context(), "a/2", "a/10", "never/there"); err != nil {
		t.Fatal(err)
	}
	if got := b.keys(t, "a"); !slices.Equal(got, []string{"a-b/1"}) {
		t.Errorf("left are %q", got)
	}
}

func testMissing(t *testing.T, b *bundle) {
	_, err := b.Open(t.Context(), "no/such")
	wantClass(t, "open", err, fault.ClassNotFound)
	_, _, err = b.OpenAt(t.Context(), "no/such")
	wantClass(t, "open at", err, fault.ClassNotFound)
	_, err = b.Join(t.Context(), key, "", []string{"no/such"})
	wantClass(t, "join", err, fault.ClassNotFound)
	if got := b.keys(t, ""); len(got) != 0 {
		t.Errorf("listed %q", got)
	}
}

func testFailingReader(t *testing.T, b *bundle) {
	for _, size := range []int64{1, b.part + 1} {
		_, err := b.Put(t.Context(), key, "", io.MultiReader(bytes.NewReader(noise(size)), iotest.ErrReader(errBroken)))
		if !errors.Is(err, errBroken) {
			t.Errorf("an error of the reader became %v", err)
		}
	}
	if got := b.keys(t, ""); len(got) != 0 {
		t.Errorf("left are %q", got)
	}
}

func testJoin(t *testing.T, b *bundle) {
	b.put(t, "a", "one ")
	b.put(t, "b", "two")
	if n, err := b.Join(t.Context(), "c", "text/plain", []string{"a", "b", "a"}); err != nil || n != 11 {
		t.Fatalf("%d bytes, %v", n, err)
	}
	if got := b.get(t, "c"); got != "one twoone " {
		t.Errorf("joined %q", got)
	}
}

// at checks how much is there.
func (b *bundle) at(t *testing.T, token string, want int64, whole bool) {
	t.Helper()
	if offset, got, err := b.Assembled(t.Context(), key, token); err != nil || offset != want || got != whole {
		t.Errorf("%d bytes are there, whole is %v, %v; want %d, %v", offset, got, err, want, whole)
	}
}

func testAssembly(t *testing.T, b *bundle) {
	data := noise(2*b.part + 3)
	token, err := b.Assemble(t.Context(), key, "text/csv", int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	wantClass(t, "finished too early", b.Finish(t.Context(), key, token), fault.ClassConflict)
	at := int64(0)
	for _, n := range []int64{1, b.part, 0, int64(len(data))} {
		end := min(at+n, int64(len(data)))
		kept, err := b.Append(t.Context(), key, token, at, io.MultiReader(bytes.NewReader(data[at:end]), iotest.ErrReader(errBroken)))
		if kept != end-at || end < int64(len(data)) && !errors.Is(err, errBroken) {
			t.Fatalf("%d of %d bytes were kept, %v", kept, end-at, err)
		}
		at = end
		b.at(t, token, at, false)
		_, err = b.Append(t.Context(), key, token, at+1, strings.NewReader("x"))
		wantClass(t, "another offset", err, fault.ClassConflict)
	}
	if got := b.keys(t, key); slices.Contains(got, key) {
		t.Errorf("the file has appeared: %q", got)
	}
	b.finish(t, token, data)
}

// finish checks that the file is the data, and that nothing else is left.
func (b *bundle) finish(t *testing.T, token string, data []byte) {
	t.Helper()
	for range 2 {
		if err := b.Finish(t.Context(), key, token); err != nil {
			t.Fatal(err)
		}
	}
	if got := b.get(t, key); got != string(data) {
		t.Errorf("the file of %d bytes is not what was sent", len(got))
	}
	b.at(t, token, int64(len(data)), true)
	if left := b.keys(t, ""); !slices.Equal(left, []string{key}) {
		t.Errorf("left are %q", left)
	}
}

func testAbandoned(t *testing.T, b *bundle) {
	token, err := b.Assemble(t.Context(), key, "", 10)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := b.Append(t.Context(), key, token, 0, strings.NewReader("abc")); err != nil || n != 3 {
		t.Fatal(n, err)
	}
	b.abandoned(t, token)
	_, err = b.Append(t.Context(), key, token, 3, strings.NewReader("x"))
	wantClass(t, "append", err, fault.ClassNotFound)
}

// abandoned gives the file up and checks that nothing is left.
func (b *bundle) abandoned(t *testing.T, token string) {
	t.Helper()
	for range 2 {
		if err := b.Abandon(t.Context(), key, token); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err := b.Assembled(t.Context(), key, token)
	wantClass(t, "assembled", err, fault.ClassNotFound)
	wantClass(t, "finish", b.Finish(t.Context(), key, token), fault.ClassNotFound)
	if left := b.keys(t, ""); len(left) != 0 {
		t.Errorf("left are %q", left)
	}
}
