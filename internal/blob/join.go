package blob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/narrativeml/narrative/internal/fault"
)

// maxCopy is how many bytes S3 copies into one part.
const maxCopy = 5 << 30

// stretch is a run of bytes of one of the files that are joined.
type stretch struct {
	file     int
	from, to int64
}

// segment is one part of a joined file.
type segment []stretch

// planJoin says of which parts a file is made that joins files of these sizes.
// No part is longer than most, and only the last is shorter than least. A file that is
// too short for a part is completed by the beginning of the next.
func planJoin(sizes []int64, least, most int64) []segment {
	var plan []segment
	var pending segment
	var held int64
	add := func(s stretch) {
		pending = append(pending, s)
		held += s.to - s.from
	}
	flush := func() {
		plan = append(plan, pending)
		pending, held = nil, 0
	}
	for i, size := range sizes {
		from := int64(0)
		if held > 0 && size > 0 {
			from = min(size, least-held)
			add(stretch{i, 0, from})
			if held == least {
				flush()
			}
		}
		for size-from >= least {
			n := min(size-from, most)
			if rest := size - from - n; rest > 0 && rest < least {
				n -= least - rest // else the rest would be too short
			}
			add(stretch{i, from, from + n})
			flush()
			from += n
		}
		if from < size {
			add(stretch{i, from, size})
		}
	}
	if held > 0 {
		flush()
	}
	return plan
}

// Join stores as one file what the files hold, one after the other, and
// returns how many bytes that is. The storage copies the bytes itself; only
// where a file is shorter than a part may be, a few MiB of it and of the next
// one pass through here. The files stay. After an error the joined file does
// not appear.
func (c *Client) Join(ctx context.Context, key, contentType string, files []string) (size int64, err error) {
	defer c.observed("join", time.Now(), &err)
	for _, k := range append([]string{key}, files...) {
		if err := checkKey(k); err != nil {
			return 0, err
		}
	}
	j := &join{client: c, files: files, sizes: make([]int64, len(files)), etags: make([]*string, len(files))}
	if err := j.measure(ctx); err != nil {
		return 0, err
	}
	for _, n := range j.sizes {
		size += n
	}
	plan := planJoin(j.sizes, minPartSize, maxCopy)
	if len(plan) > maxParts {
		return 0, fault.TooLarge("file_too_large", "the file would have %d parts; the file storage takes %d", len(plan), maxParts)
	}
	if len(plan) <= 1 && size <= minPartSize {
		return c.Put(ctx, key, contentType, j.reader(ctx, slices.Concat(plan...)))
	}
	if err := j.copy(ctx, key, contentType, plan); err != nil {
		if _, done := fault.As(err); done {
			return 0, err
		}
		return 0, c.fail("join", key, err)
	}
	made, _, err := c.Stat(ctx, key)
	if err == nil && made != size {
		err = fault.Unavailable("storage_unavailable", "the file storage does not answer as it should; try again later").
			Because(fmt.Errorf("join %s: it has %d bytes instead of %d", key, made, size))
	}
	return size, err
}

// join is one call of Join.
type join struct {
	client *Client
	files  []string
	sizes  []int64
	etags  []*string
}

// each calls fn with 0 to n-1, some at a time, until one fails.
func (j *join) each(ctx context.Context, n int, fn func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	slots := make(chan struct{}, j.client.config.Concurrency)
	var wg sync.WaitGroup
	for i := range n {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		wg.Go(func() {
			if err := fn(ctx, i); err != nil {
				cancel(err) // the first is the reason
			}
			<-slots
		})
	}
	wg.Wait()
	return context.Cause(ctx) //nolint:wrapcheck // it is of fn, or the caller's own
}

// measure finds out how long the files are.
func (j *join) measure(ctx context.Context) error {
	return j.each(ctx, len(j.files), func(ctx context.Context, i int) error {
		head, err := j.client.head(ctx, j.files[i])
		if err != nil {
			return err
		}
		j.sizes[i], j.etags[i] = aws.ToInt64(head.ContentLength), head.ETag
		return nil
	})
}

// plain makes a request without the checksums of single parts: the storage
// makes those of what it copies by a rule of its own.
func plain(o *s3.Options) { o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired }

// copy makes the file of its parts.
func (j *join) copy(ctx context.Context, key, contentType string, plan []segment) error {
	c := j.client
	var kind *string
	if contentType != "" {
		kind = aws.String(contentType)
	}
	made, err := c.s3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: aws.String(c.config.Bucket), Key: aws.String(key), ContentType: kind,
	}, plain)
	if err != nil {
		return err //nolint:wrapcheck // Join makes a fault of it
	}
	u := &multipart{client: c, key: key, id: made.UploadId, sent: make([]types.CompletedPart, len(plan))}
	u.err = j.each(ctx, len(plan), func(ctx context.Context, i int) error {
		number := aws.Int32(int32(i) + 1)
		etag, err := j.part(ctx, u, number, plan[i])
		u.sent[i] = types.CompletedPart{PartNumber: number, ETag: etag}
		return err
	})
	if u.err == nil {
		u.err = u.complete(ctx)
	}
	if u.err != nil {
		u.abort(ctx)
	}
	return u.err
}

// part makes one part: by a copy where the storage allows it.
func (j *join) part(ctx context.Context, u *multipart, number *int32, s segment) (*string, error) {
	c := j.client
	first := s[0]
	whole := first.from == 0 && first.to == j.sizes[first.file]
	if len(s) == 1 && (whole && j.sizes[first.file] <= maxCopy || j.sizes[first.file] > minPartSize) {
		input := &s3.UploadPartCopyInput{
			Bucket: aws.String(c.config.Bucket), Key: aws.String(u.key), UploadId: u.id, PartNumber: number,
			CopySource: aws.String(copySource(c.config.Bucket, j.files[first.file])), CopySourceIfMatch: j.etags[first.file],
		}
		if !whole {
			input.CopySourceRange = aws.String(fmt.Sprintf("bytes=%d-%d", first.from, first.to-1))
		}
		out, err := c.s3.UploadPartCopy(ctx, input)
		if err != nil {
			return nil, c.fail("copy", j.files[first.file], err)
		}
		return out.CopyPartResult.ETag, nil
	}
	data, err := io.ReadAll(j.reader(ctx, s)) // less than two parts of the least size
	if err != nil {
		return nil, err //nolint:wrapcheck // the reader's own
	}
	out, err := c.s3.UploadPart(ctx, &s3.UploadPartInput{
		Bucket: aws.String(c.config.Bucket), Key: aws.String(u.key), UploadId: u.id, PartNumber: number, Body: bytes.NewReader(data),
	}, plain)
	if err != nil {
		return nil, c.fail("put", u.key, err)
	}
	return out.ETag, nil
}

// copySource names a file as the header of a copy does.
func copySource(bucket, key string) string {
	parts := strings.Split(key, "/")
	for i, p := range parts {
		parts[i] = strings.ReplaceAll(url.QueryEscape(p), "+", "%20") // whoever decodes it either way
	}
	return bucket + "/" + strings.Join(parts, "/")
}

// reader reads the stretches one after the other.
func (j *join) reader(ctx context.Context, s segment) io.Reader {
	readers := make([]io.Reader, len(s))
	for i, one := range s {
		readers[i] = &lazy{open: func() (io.Reader, error) {
			at, size, err := j.client.OpenAt(ctx, j.files[one.file])
			if err == nil && size != j.sizes[one.file] {
				err = fault.Conflict("file_changed", "the file %s was replaced while it was read", j.files[one.file])
			}
			if err != nil {
				return nil, err
			}
			return io.NewSectionReader(at, one.from, one.to-one.from), nil
		}}
	}
	return io.MultiReader(readers...)
}

// lazy opens what it reads when it is read.
type lazy struct {
	open   func() (io.Reader, error)
	reader io.Reader
	err    error
}

// Read implements io.Reader.
func (l *lazy) Read(p []byte) (int, error) {
	if l.reader == nil && l.err == nil {
		l.reader, l.err = l.open()
	}
	if l.err != nil {
		return 0, l.err
	}
	n, err := l.reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		l.err = err
	}
	return n, err //nolint:wrapcheck // a reader passes errors on
}
