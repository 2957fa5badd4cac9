package blob_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/narrativeml/narrative/internal/blob"
	"github.com/narrativeml/narrative/internal/embedded"
	"github.com/narrativeml/narrative/internal/fault"
)

// gateway is the S3 service of all tests: a process can have one.
var gateway *embedded.S3

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "blob-test-")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ctx := context.Background()
	if gateway, err = embedded.StartS3(ctx, embedded.S3Config{Dir: dir, Logger: slog.New(slog.DiscardHandler)}); err != nil {
		panic(err)
	}
	code := m.Run()
	if err := gateway.Stop(ctx); err != nil {
		panic(err)
	}
	return code
}

func config(tb testing.TB) blob.Config {
	tb.Helper()
	c := blob.DefaultConfig()
	c.Endpoint, c.Region = gateway.Endpoint(), gateway.Region()
	c.AccessKeyID, c.SecretAccessKey = gateway.AccessKeyID(), gateway.SecretAccessKey()
	name := strings.NewReplacer("/", "-", "_", "-", "#", "-").Replace(strings.ToLower(tb.Name()))
	c.Bucket = strings.Trim(name[:min(len(name), 60)], "-")
	return c
}

// setup returns a client on a bucket of its own.
func setup(tb testing.TB, change ...func(*blob.Config)) *blob.Client {
	tb.Helper()
	c := config(tb)
	for _, f := range change {
		f(&c)
	}
	client, err := blob.New(c)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(client.Close)
	if err := client.EnsureBucket(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return client
}

func put(tb testing.TB, c *blob.Client, key, text string) {
	tb.Helper()
	if _, err := c.Put(tb.Context(), key, "text/plain", strings.NewReader(text)); err != nil {
		tb.Fatal(err)
	}
}

func get(tb testing.TB, c *blob.Client, key string) string {
	tb.Helper()
	r, err := c.Open(tb.Context(), key)
	if err != nil {
		tb.Fatal(err)
	}
	defer closing(tb, r)
	text, err := io.ReadAll(r)
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

func keys(tb testing.TB, c *blob.Client, prefix string) []string {
	tb.Helper()
	var all []string
	if err := c.Each(tb.Context(), prefix, func(key string, _ int64, _ time.Time) error {
		all = append(all, key)
		return nil
	}); err != nil {
		tb.Fatal(err)
	}
	return all
}

// closing closes what a test has opened.
func closing(tb testing.TB, c io.Closer) {
	tb.Helper()
	if err := c.Close(); err != nil {
		tb.Error(err)
	}
}

// noise gives n bytes that depend on the seed only.
func noise(seed uint64, n int64) io.Reader {
	var key [32]byte
	key[0] = byte(seed)
	return io.LimitReader(rand.NewChaCha8(key), n)
}

func TestAFileComesBack(t *testing.T) {
	t.Parallel()
	c := setup(t)
	for _, text := range []string{"", "x", strings.Repeat("some text\n", 100_000)} {
		size, err := c.Put(t.Context(), "uploads/acme/ds_1/raw", "text/csv", strings.NewReader(text))
		if err != nil || size != int64(len(text)) {
			t.Fatalf("put gave %d, %v", size, err)
		}
		if got := get(t, c, "uploads/acme/ds_1/raw"); got != text {
			t.Errorf("%d bytes came back as %d", len(text), len(got))
		}
		size, modified, err := c.Stat(t.Context(), "uploads/acme/ds_1/raw")
		if err != nil || size != int64(len(text)) || time.Since(modified) > time.Minute {
			t.Errorf("stat gave %d, %s, %v", size, modified, err)
		}
	}
	if err := c.Delete(t.Context(), "uploads/acme/ds_1/raw", "never/there"); err != nil {
		t.Error(err)
	}
	if err := c.Delete(t.Context()); err != nil {
		t.Error(err)
	}
	if err := c.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestWhatIsNotThere(t *testing.T) {
	t.Parallel()
	c := setup(t)
	calls := map[string]func() error{
		"open":    func() error { _, err := c.Open(t.Context(), "no/such"); return err },
		"open at": func() error { _, _, err := c.OpenAt(t.Context(), "no/such"); return err },
		"stat":    func() error { _, _, err := c.Stat(t.Context(), "no/such"); return err },
	}
	for name, call := range calls {
		if err := call(); fault.CodeOf(err) != "file_not_found" || fault.ClassOf(err) != fault.ClassNotFound {
			t.Errorf("%s gave %v", name, err)
		}
	}
	other, err := blob.New(func() blob.Config { k := config(t); k.Bucket = "no-such-bucket"; return k }())
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Ping(t.Context()); fault.CodeOf(err) != "bucket_missing" {
		t.Errorf("ping gave %v", err)
	}
	if _, err := other.Open(t.Context(), "no/such"); fault.ClassOf(err) != fault.ClassUnavailable {
		t.Errorf("open in a missing bucket gave %v", err)
	}
}

func TestKeysThatAreNone(t *testing.T) {
	t.Parallel()
	c := setup(t)
	for _, key := range []string{"", "/a", "a/", "a//b", "../a", "a/../b", "./a", ".", "..", "a\x00b", "a\nb", strings.Repeat("a", 1025)} {
		_, err := c.Put(t.Context(), key, "", strings.NewReader("x"))
		if fault.CodeOf(err) != "invalid_key" {
			t.Errorf("put of %.20q gave %v", key, err)
		}
		for name, err := range map[string]error{
			"open":    second(c.Open(t.Context(), key)),
			"delete":  c.Delete(t.Context(), key),
			"presign": second(c.Presign(t.Context(), key, "", time.Minute)),
		} {
			if fault.CodeOf(err) != "invalid_key" {
				t.Errorf("%s of %.20q gave %v", name, key, err)
			}
		}
	}
	if _, _, err := c.Stat(t.Context(), "/a"); fault.CodeOf(err) != "invalid_key" {
		t.Errorf("stat gave %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

// heapOf returns the most memory that is alive while a file of that size is
// put, above what was before. The gateway runs in this process and its share
// is in the figure too.
func heapOf(tb testing.TB, c *blob.Client, size int64) int64 {
	tb.Helper()
	alive := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	for range 3 { // what earlier files have left goes with the second
		runtime.GC()
	}
	base, most := alive(), int64(0)
	source, read := noise(1, size), int64(0)
	n, err := c.Put(tb.Context(), "large", "", readerFunc(func(p []byte) (int, error) {
		if read/(1<<20) < (read+int64(len(p)))/(1<<20) {
			most = max(most, alive())
		}
		n, err := source.Read(p)
		read += int64(n)
		return n, err
	}))
	if err != nil || n != size {
		tb.Fatalf("put gave %d, %v", n, err)
	}
	return most - base
}

func TestMemoryDoesNotGrowWithTheFile(t *testing.T) { //nolint:paralleltest // it measures memory
	c := setup(t, func(c *blob.Config) { c.Concurrency = 2 })
	const parts = 3 * (5 << 20) // two that are sent and one that is read
	short, long := heapOf(t, c, 16<<20), heapOf(t, c, 80<<20)
	t.Logf("%.1f MiB are alive at most for a file of 16 MiB, %.1f for one of 80", float64(short)/(1<<20), float64(long)/(1<<20))
	if short < 5<<20 {
		t.Errorf("only %d bytes are alive for a file of 16 MiB, less than one part: that is no measurement", short)
	}
	if long > parts+(4<<20) {
		t.Errorf("%d bytes are alive for a file of 80 MiB; three parts have %d", long, parts)
	}
	if small := heapOf(t, c, 1<<20); small > 4<<20 {
		t.Errorf("%d bytes are alive for a file of 1 MiB", small)
	}
}

func TestPartsOfManySizes(t *testing.T) {
	t.Parallel()
	c := setup(t)
	const few, many, most = 5 << 20, 6 << 20, 3
	c.Layout(few, many, most)
	for _, size := range []int64{few - 1, few, few + 1, few + many, few + 2*many} {
		var want, got bytes.Buffer
		n, err := c.Put(t.Context(), "f", "", io.TeeReader(noise(1, size), &want))
		if err != nil || n != size {
			t.Fatalf("put of %d bytes gave %d, %v", size, n, err)
		}
		r, err := c.Open(t.Context(), "f")
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(&got, r)
		closing(t, r)
		if err != nil || !bytes.Equal(got.Bytes(), want.Bytes()) {
			t.Errorf("%d bytes came back as %d others, %v", size, got.Len(), err)
		}
	}
	_, err := c.Put(t.Context(), "long", "", noise(1, few+2*many+1))
	if fault.CodeOf(err) != "file_too_large" || fault.ClassOf(err) != fault.ClassTooLarge || !strings.Contains(err.Error(), "17825792 bytes") {
		t.Errorf("a file of too many parts gave %v", err)
	}
	if left := keys(t, c, "long"); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
	if n, err := c.AbortUploads(t.Context(), "", time.Now().Add(time.Hour), nil, true); err != nil || n != 0 {
		t.Errorf("%d uploads were left unfinished, %v", n, err)
	}
	if n := blob.LongestFile(); n < 100<<30 {
		t.Errorf("a file may have %d bytes; an upload of 100 GiB is allowed", n)
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestAFailedPutLeavesNothing(t *testing.T) {
	t.Parallel()
	c := setup(t)
	const prefix = "jobs/job_1/1/"
	tooLarge := fault.TooLarge("upload_too_large", "the upload is too large")
	for name, size := range map[string]int64{"small": 1000, "large": 20 << 20} {
		_, err := c.Put(t.Context(), prefix+name, "", io.MultiReader(noise(1, size), iotest.ErrReader(tooLarge)))
		if !errors.Is(err, tooLarge) || fault.CodeOf(err) != "upload_too_large" {
			t.Errorf("%s: an error of the reader became %v", name, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		source := noise(1, size)
		left := size / 2
		_, err = c.Put(ctx, prefix+name, "", readerFunc(func(p []byte) (int, error) {
			n, err := source.Read(p)
			if left -= int64(n); left <= 0 {
				cancel()
			}
			return n, err
		}))
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: a cancelled put gave %v", name, err)
		}
	}
	if left := keys(t, c, prefix); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
	if n, err := c.AbortUploads(t.Context(), "", time.Now().Add(time.Hour), nil, true); err != nil || n != 0 {
		t.Errorf("%d uploads were left unfinished, %v", n, err)
	}
}

func TestUnfinishedUploadsAreSwept(t *testing.T) {
	t.Parallel()
	c := setup(t)
	// A process that dies in an upload: here, one that cannot tidy up since
	// every request after the first part fails.
	var dead atomic.Bool
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if dead.Load() {
			panic(http.ErrAbortHandler)
		}
		forward(w, r)
	}))
	defer proxy.Close()
	k := config(t)
	k.Endpoint, k.Timeout = proxy.URL, time.Second
	dying, err := blob.New(k)
	if err != nil {
		t.Fatal(err)
	}
	source := noise(1, 30<<20)
	var read int64
	_, err = dying.Put(t.Context(), "uploads/acme/ds_1/raw", "", readerFunc(func(p []byte) (int, error) {
		n, err := source.Read(p)
		if read += int64(n); read > 17<<20 {
			dead.Store(true)
		}
		return n, err
	}))
	if err == nil {
		t.Fatal("the upload succeeded")
	}
	far := time.Now().Add(time.Hour)
	for _, step := range []struct {
		prefix string
		before time.Time
		dry    bool
		want   int
	}{
		{"uploads/", far, true, 1},
		{"jobs/", far, false, 0},
		{"uploads/", time.Now().Add(-time.Hour), false, 0},
		{"uploads/", far, false, 1},
		{"", far, true, 0},
	} {
		n, err := c.AbortUploads(t.Context(), step.prefix, step.before, nil, step.dry)
		if err != nil || n != step.want {
			t.Errorf("%+v gave %d, %v", step, n, err)
		}
	}
}

// forward passes a request on to the gateway as it is, signature and all.
func forward(w http.ResponseWriter, r *http.Request) {
	out := r.Clone(r.Context())
	out.RequestURI, out.URL.Scheme, out.URL.Host = "", "http", gateway.Addr()
	response, err := http.DefaultTransport.RoundTrip(out)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer func() { _ = response.Body.Close() }()
	maps.Copy(w.Header(), response.Header)
	w.WriteHeader(response.StatusCode)
	_, _ = io.Copy(w, response.Body)
}

func TestEachPagesInOrder(t *testing.T) {
	t.Parallel()
	c := setup(t)
	const n = 1205
	var want []string
	var wg sync.WaitGroup
	next := make(chan string)
	for range 8 {
		wg.Go(func() {
			for key := range next {
				if _, err := c.Put(t.Context(), key, "", strings.NewReader("x")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range n {
		key := fmt.Sprintf("tmp/%04d/part", i)
		want = append(want, key)
		next <- key
	}
	for _, key := range []string{"tmp-other/x", "tmp/0000-more/part", "tmp/0000", "zz"} {
		if key != "tmp/0000" { // a folder of the gateway cannot be a file as well
			next <- key
		}
	}
	close(next)
	wg.Wait()
	want = append(want, "tmp/0000-more/part")
	slices.Sort(want)
	if got := keys(t, c, "tmp/"); !slices.Equal(got, want) {
		t.Errorf("listed %d keys in order %v, want %d", len(got), slices.IsSorted(got), len(want))
	}
	stop := errors.New("enough")
	seen := 0
	err := c.Each(t.Context(), "tmp/", func(_ string, size int64, modified time.Time) error {
		seen++
		if size != 1 || modified.IsZero() {
			t.Errorf("size %d, modified %s", size, modified)
		}
		return stop
	})
	if !errors.Is(err, stop) || seen != 1 {
		t.Errorf("seen %d, %v", seen, err)
	}
	if err := c.Delete(t.Context(), want...); err != nil {
		t.Fatal(err)
	}
	if got := keys(t, c, ""); !slices.Equal(got, []string{"tmp-other/x", "zz"}) {
		t.Errorf("left are %q", got)
	}
}
