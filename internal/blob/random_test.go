package blob_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/blob"
	"github.com/narrativeml/narrative/internal/fault"
)

// counted returns a client and how many ranges it has fetched.
func counted(tb testing.TB, blocks int) (*blob.Client, *atomic.Int64) {
	tb.Helper()
	var ranges atomic.Int64
	return setup(tb, func(c *blob.Config) {
		c.CacheBlocks = blocks
		c.Observe = func(operation string, _ time.Duration, _ error) {
			if operation == "get_range" {
				ranges.Add(1)
			}
		}
	}), &ranges
}

func TestReadAtGivesTheRightBytes(t *testing.T) {
	t.Parallel()
	c, _ := counted(t, 4)
	const size = 9<<20 + 12345
	content, err := io.ReadAll(noise(7, size))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Put(t.Context(), "f", "", bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	r, n, err := c.OpenAt(t.Context(), "f")
	if err != nil || n != size {
		t.Fatalf("size is %d, %v", n, err)
	}
	var wg sync.WaitGroup
	for seed := range uint64(4) {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(seed, 1))
			for range 60 {
				off := random.Int64N(size + 10)
				p := make([]byte, random.IntN(3<<20))
				n, err := r.ReadAt(p, off)
				want := min(int64(len(p)), max(0, size-off))
				if int64(n) != want || (want < int64(len(p))) != errors.Is(err, io.EOF) {
					t.Errorf("%d bytes at %d gave %d, %v", len(p), off, n, err)
				}
				if n > 0 && !bytes.Equal(p[:n], content[off:off+int64(n)]) {
					t.Errorf("%d bytes at %d are others", n, off)
				}
			}
		})
	}
	wg.Wait()
	if _, err := r.ReadAt(make([]byte, 1), -1); err == nil {
		t.Error("a negative offset was taken")
	}
	if n, err := r.ReadAt(nil, 0); n != 0 || err != nil {
		t.Errorf("nothing gave %d, %v", n, err)
	}
}

func TestReadingStraightOnTakesFewRequests(t *testing.T) {
	t.Parallel()
	c, ranges := counted(t, 32)
	const size = 16 << 20
	if _, err := c.Put(t.Context(), "f", "", noise(7, size)); err != nil {
		t.Fatal(err)
	}
	r, _, err := c.OpenAt(t.Context(), "f")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.CopyBuffer(io.Discard, onlyReader{io.NewSectionReader(r, 0, size)}, make([]byte, 4096)); err != nil || n != size {
		t.Fatalf("read %d, %v", n, err)
	}
	if got := ranges.Load(); got > 6 {
		t.Errorf("16 MiB by 4 KiB took %d requests", got)
	}
	before := ranges.Load()
	if _, err := r.ReadAt(make([]byte, 8<<20), 3<<20); err != nil || ranges.Load() != before {
		t.Errorf("what was read is fetched again: %d requests, %v", ranges.Load()-before, err)
	}
}

type onlyReader struct{ io.Reader }

func TestOneBlockIsFetchedOnceForAll(t *testing.T) {
	t.Parallel()
	c, ranges := counted(t, 4)
	if _, err := c.Put(t.Context(), "f", "", noise(7, 100)); err != nil {
		t.Fatal(err)
	}
	r, _, err := c.OpenAt(t.Context(), "f")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if _, err := r.ReadAt(make([]byte, 100), 0); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if ranges.Load() != 1 {
		t.Errorf("%d requests for one block", ranges.Load())
	}
}

func TestAReplacedFileIsNoticed(t *testing.T) {
	t.Parallel()
	c := setup(t)
	put(t, c, "f", "first")
	r, _, err := c.OpenAt(t.Context(), "f")
	if err != nil {
		t.Fatal(err)
	}
	put(t, c, "f", "other")
	if _, err := r.ReadAt(make([]byte, 5), 0); fault.CodeOf(err) != "file_changed" {
		t.Errorf("got %v", err)
	}
	if err := c.Delete(t.Context(), "f"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.ReadAt(make([]byte, 5), 0); fault.ClassOf(err) != fault.ClassNotFound {
		t.Errorf("got %v", err)
	}
}

func TestReadAtEndsWithItsContext(t *testing.T) {
	t.Parallel()
	c := setup(t)
	put(t, c, "f", "text")
	ctx, cancel := context.WithCancel(t.Context())
	r, _, err := c.OpenAt(ctx, "f")
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := r.ReadAt(make([]byte, 4), 0); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestAnEmptyFileHasNothingToRead(t *testing.T) {
	t.Parallel()
	c := setup(t)
	put(t, c, "f", "")
	r, size, err := c.OpenAt(t.Context(), "f")
	if err != nil || size != 0 {
		t.Fatalf("size %d, %v", size, err)
	}
	if n, err := r.ReadAt(make([]byte, 1), 0); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("got %d, %v", n, err)
	}
}

func TestReadingColumnsBesideEachOtherTakesFewRequests(t *testing.T) {
	t.Parallel()
	c, ranges := counted(t, 32)
	const columns, length = 6, 4 << 20 // as a reader of a row group has them
	content, err := io.ReadAll(noise(7, columns*length))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Put(t.Context(), "f", "", bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	r, _, err := c.OpenAt(t.Context(), "f")
	if err != nil {
		t.Fatal(err)
	}
	page := make([]byte, 60_000)
	for at := int64(0); at < length; at += int64(len(page)) {
		for column := range int64(columns) {
			off := column*length + at
			n, err := r.ReadAt(page, off)
			if err != nil && !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			if !bytes.Equal(page[:n], content[off:off+int64(n)]) {
				t.Fatalf("other bytes at %d", off)
			}
		}
	}
	if got := ranges.Load(); got > columns*3 {
		t.Errorf("%d requests for %d columns of %d blocks", got, columns, length>>20)
	}
}

func BenchmarkPut(b *testing.B) {
	c := setup(b)
	b.SetBytes(64 << 20)
	content, err := io.ReadAll(noise(1, 64<<20))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := c.Put(b.Context(), "f", "", onlyReader{bytes.NewReader(content)}); err != nil {
			b.Fatal(err)
		}
	}
}
