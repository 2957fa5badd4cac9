package jobtest

import (
	"bytes"
	"context"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
)

// Files is a file store in memory with the methods of the real one. It is safe
// for concurrent use.
type Files struct {
	mu      sync.Mutex
	objects map[string][]byte
	failing map[string]error
	puts    int

	assemblies int
	direct     map[string]*direct // by token
	partSize   int64
	address    string
}

// NewFiles returns an empty file store.
func NewFiles() *Files {
	return &Files{objects: map[string][]byte{}, failing: map[string]error{}, direct: map[string]*direct{}}
}

// Fail makes every call about a key with that ending fail with err.
func (f *Files) Fail(ending string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failing[ending] = err
}

// Puts returns how often a file was written.
func (f *Files) Puts() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.puts
}

// Keys returns the keys that begin with the prefix, in order.
func (f *Files) Keys(prefix string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(slices.Sorted(maps.Keys(f.objects)), func(key string) bool { return !strings.HasPrefix(key, prefix) })
}

// Get returns a copy of the file, or fault.NotFound.
func (f *Files) Get(key string) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.failure(key); err != nil {
		return nil, err
	}
	b, ok := f.objects[key]
	if !ok {
		return nil, fault.NotFound("file_not_found", "there is no file %s", key)
	}
	return bytes.Clone(b), nil
}

func (f *Files) failure(key string) error {
	for ending, err := range f.failing {
		if strings.HasSuffix(key, ending) {
			return err
		}
	}
	return nil
}

// Put stores what r gives, all or nothing.
func (f *Files) Put(ctx context.Context, key, _ string, r io.Reader) (int64, error) {
	b, err := io.ReadAll(r)
	if err == nil {
		err = ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		err = f.failure(key)
	}
	if err != nil {
		return 0, err
	}
	f.puts++
	f.objects[key] = b
	return int64(len(b)), nil
}

// Open returns the file, to be read from its start.
func (f *Files) Open(_ context.Context, key string) (io.ReadCloser, error) {
	b, err := f.Get(key)
	if err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

// OpenAt returns the file and its size.
func (f *Files) OpenAt(_ context.Context, key string) (io.ReaderAt, int64, error) {
	b, err := f.Get(key)
	return bytes.NewReader(b), int64(len(b)), err
}

// Join stores as one file what the files hold.
func (f *Files) Join(ctx context.Context, key, contentType string, files []string) (int64, error) {
	readers := make([]io.Reader, len(files))
	for i, name := range files {
		b, err := f.Get(name)
		if err != nil {
			return 0, err
		}
		readers[i] = bytes.NewReader(b)
	}
	return f.Put(ctx, key, contentType, io.MultiReader(readers...))
}

// Delete removes the files; missing ones are fine.
func (f *Files) Delete(_ context.Context, keys ...string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, key := range keys {
		if err := f.failure(key); err != nil {
			return err
		}
		delete(f.objects, key)
	}
	return nil
}

// Each calls fn for every file below the prefix, in the order of keys. Files
// have no time of their own: modified is zero.
func (f *Files) Each(_ context.Context, prefix string, fn func(key string, size int64, modified time.Time) error) error {
	for _, key := range f.Keys(prefix) {
		b, err := f.Get(key)
		if err != nil {
			return err
		}
		if err := fn(key, int64(len(b)), time.Time{}); err != nil {
			return err
		}
	}
	return nil
}

// AbortUploads finds none.
func (f *Files) AbortUploads(context.Context, string, time.Time, func(string) (bool, error), bool) (int, error) {
	return 0, nil
}
