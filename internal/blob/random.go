package blob

import (
	"container/list"
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/narrativeml/narrative/internal/fault"
)

// blockSize is how many bytes are fetched and kept together.
const blockSize = 1 << 20

// readAhead is how many blocks at most are fetched by one request when a
// reader goes straight on.
const readAhead = 4

// OpenAt returns the file for reading at any place, and its size in bytes.
// Reads are served from blocks of 1 MiB, of which Config.CacheBlocks are
// kept; a reader that goes straight on gets several blocks by one request, on
// as many tracks as it likes, as one that reads columns beside each other
// does. The context bounds every later read. A file that is replaced
// meanwhile is an error, a conflict "file_changed".
func (c *Client) OpenAt(ctx context.Context, key string) (_ io.ReaderAt, size int64, err error) {
	defer c.observed("stat", time.Now(), &err)
	head, err := c.head(ctx, key)
	if err != nil {
		return nil, 0, err
	}
	f := &file{
		ctx: ctx, client: c, key: key, etag: head.ETag, size: aws.ToInt64(head.ContentLength),
		blocks: make(map[int64]*block), order: list.New(), capacity: c.config.CacheBlocks,
	}
	return f, f.size, nil
}

// file is a file read in blocks.
type file struct {
	ctx    context.Context //nolint:containedctx // io.ReaderAt has no place for it
	client *Client
	key    string
	etag   *string
	size   int64

	mu       sync.Mutex
	blocks   map[int64]*block // fetched and being fetched, by number
	order    *list.List       // of the fetched ones, the last used first
	capacity int
}

// block is one piece of a file.
type block struct {
	number int64
	ready  chan struct{} // closed when data and err are final
	data   []byte
	err    error
	place  *list.Element // in file.order, nil until fetched
}

var _ io.ReaderAt = (*file)(nil)

// ReadAt implements io.ReaderAt. It is safe for concurrent use.
func (f *file) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("read %s: negative offset %d", f.key, off)
	}
	n := 0
	for n < len(p) && off+int64(n) < f.size {
		at := off + int64(n)
		last := min(off+int64(len(p)), f.size) - 1
		data, err := f.block(at/blockSize, last/blockSize)
		if err != nil {
			return n, err
		}
		n += copy(p[n:], data[at%blockSize:])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// block returns the block of that number. When it must be fetched, those up
// to last that are missing too come with it.
func (f *file) block(number, last int64) ([]byte, error) {
	f.mu.Lock()
	b, found := f.blocks[number]
	if found {
		if b.place != nil {
			f.order.MoveToFront(b.place)
		}
		f.mu.Unlock()
	} else {
		run := f.claim(number, last)
		f.mu.Unlock()
		f.fetch(run)
		b = run[0]
	}
	select {
	case <-b.ready:
		return b.data, b.err
	case <-f.ctx.Done():
		return nil, fmt.Errorf("read %s: %w", f.key, context.Cause(f.ctx))
	}
}

// claim enters the blocks that the caller is going to fetch by one request:
// number, those up to last, and more when the block before is known, which
// means that somebody goes straight on.
func (f *file) claim(number, last int64) []*block {
	if _, straight := f.blocks[number-1]; straight {
		last = max(last, number+readAhead-1)
	}
	last = min(last, number+readAhead-1, (f.size-1)/blockSize)
	var run []*block
	for n := number; n <= last; n++ {
		if _, known := f.blocks[n]; known {
			break
		}
		b := &block{number: n, ready: make(chan struct{})}
		f.blocks[n] = b
		run = append(run, b)
	}
	return run
}

// fetch gets the blocks and settles them. A block that failed is forgotten,
// so that the next read tries again.
func (f *file) fetch(run []*block) {
	pieces, err := f.get(run[0].number, int64(len(run)))
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, b := range run {
		if err != nil {
			b.err = err
			delete(f.blocks, b.number)
		} else {
			b.data = pieces[i]
			b.place = f.order.PushFront(b)
		}
		close(b.ready)
	}
	for f.order.Len() > f.capacity {
		oldest := f.order.Back()
		f.order.Remove(oldest)
		if b, ok := oldest.Value.(*block); ok {
			delete(f.blocks, b.number)
		}
	}
}

// get fetches n blocks from the first on, each into memory of its own, so
// that forgetting one frees it.
func (f *file) get(first, n int64) (_ [][]byte, err error) {
	defer f.client.observed("get_range", time.Now(), &err)
	from, to := first*blockSize, min((first+n)*blockSize, f.size)
	ctx, cancel := context.WithCancel(f.ctx)
	defer cancel()
	out, err := f.client.s3.GetObject(ctx, &s3.GetObjectInput{
		Bucket: aws.String(f.client.config.Bucket), Key: aws.String(f.key), IfMatch: f.etag,
		Range: aws.String(fmt.Sprintf("bytes=%d-%d", from, to-1)),
	})
	if err != nil {
		return nil, f.fail(err)
	}
	source := newBody(out.Body, f.client.config.Timeout, cancel, f.fail)
	defer func() { _ = source.Close() }() // everything was read or has failed
	pieces := make([][]byte, n)
	for i := range pieces {
		at := from + int64(i)*blockSize
		pieces[i] = make([]byte, min(at+blockSize, to)-at)
		if _, err := io.ReadFull(source, pieces[i]); err != nil {
			return nil, f.fail(err)
		}
	}
	return pieces, nil
}

// fail turns an error into a fault, unless it is one.
func (f *file) fail(err error) error {
	if _, done := fault.As(err); done {
		return err
	}
	if precondition(err) {
		return fault.Conflict("file_changed", "the file %s was replaced while it was read", f.key).Because(err)
	}
	return f.client.fail("get", f.key, err)
}
