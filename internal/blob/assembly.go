package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/narrativeml/narrative/internal/fault"
)

// assembly is a file that comes in by several requests, perhaps to several
// processes, and appears when it is whole.
//
// Every part but the last has the same length, so that the number of a part says
// which bytes of the file it has. Nothing that two processes do at once, or that
// a process does too late, can put bytes where they do not belong: whoever sends
// a part again sends the same. What came after the last whole part is the tail,
// a file of its own that has the number of the part it begins.
type assembly struct {
	key      string
	id       *string // of the multipart upload
	size     int64   // of the whole file
	partSize int64
}

// defaultPart is how long the parts of an assembly are where none is configured.
const defaultPart = 8 << 20

// newAssembly plans a file of that size: no more parts than a file may have, of
// whole MiB, and not shorter than those that are configured, or else usual.
func (c *Client) newAssembly(key string, size, usual int64) assembly {
	part := c.config.PartSize
	if part == 0 {
		part = usual
	}
	const unit = 1 << 20
	if least := (size + maxParts - 1) / maxParts; part < least {
		part = (least + unit - 1) / unit * unit
	}
	return assembly{key: key, size: size, partSize: part}
}

// token is all that has to be remembered of the assembly beside its key.
func (a assembly) token() string {
	return fmt.Sprintf("%d.%d.%s", a.size, a.partSize, aws.ToString(a.id))
}

// parseAssembly reads a token.
func parseAssembly(key, token string) (assembly, error) {
	size, rest, _ := strings.Cut(token, ".")
	part, id, found := strings.Cut(rest, ".")
	a := assembly{key: key, id: aws.String(id)}
	var errSize, errPart error
	a.size, errSize = strconv.ParseInt(size, 10, 64)
	a.partSize, errPart = strconv.ParseInt(part, 10, 64)
	if !found || id == "" || errors.Join(errSize, errPart) != nil || a.size <= 0 || a.partSize <= 0 {
		return assembly{}, fmt.Errorf("blob: %.100q is not a token of Assemble", token)
	}
	return a, checkKey(key)
}

// count is of how many parts the file is made.
func (a assembly) count() int { return int((a.size + a.partSize - 1) / a.partSize) }

// length is that of the part of the number, from 1.
func (a assembly) length(number int32) int64 {
	return min(a.partSize, a.size-int64(number-1)*a.partSize)
}

// tails is the prefix of the tails.
func (a assembly) tails() string { return a.key + ".tail/" }

// tail is the key of the tail that the part of the number begins with.
func (a assembly) tail(number int32) string {
	return a.tails() + strconv.FormatInt(int64(number), 10)
}

// Assemble begins a file of that size that comes in over time. The token is to
// be remembered, and given with the key to Assembled, Append, Finish and Abandon.
func (c *Client) Assemble(ctx context.Context, key, contentType string, size int64) (token string, err error) {
	defer c.observed("assemble", time.Now(), &err)
	return c.assemble(ctx, c.newAssembly(key, size, defaultPart), contentType, "")
}

// assemble begins the assembly, whose parts may carry a checksum.
func (c *Client) assemble(ctx context.Context, a assembly, contentType string, sum types.ChecksumAlgorithm) (token string, err error) {
	if err := checkKey(a.key); err != nil {
		return "", err
	}
	if a.size <= 0 {
		return "", fault.Invalid("file_empty", "a file of %d bytes does not come in over time", a.size)
	}
	var kind *string
	if contentType != "" {
		kind = aws.String(contentType)
	}
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	made, err := c.s3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: aws.String(c.config.Bucket), Key: aws.String(a.key), ContentType: kind, ChecksumAlgorithm: sum,
	}, plain)
	if err != nil {
		return "", c.fail("assemble", "", err)
	}
	a.id = made.UploadId
	return a.token(), nil
}

// Assembled returns how much of the file is there, and whether it has appeared.
// It is fault.NotFound when it has been abandoned.
func (c *Client) Assembled(ctx context.Context, key, token string) (offset int64, whole bool, err error) {
	defer c.observed("assembled", time.Now(), &err)
	a, err := parseAssembly(key, token)
	if err != nil {
		return 0, false, err
	}
	parts, err := c.parts(ctx, a)
	if fault.ClassOf(err) == fault.ClassNotFound {
		if err := c.appeared(ctx, a); err != nil {
			return 0, false, err
		}
		return a.size, true, nil
	}
	if err != nil {
		return 0, false, err
	}
	offset = min(int64(len(parts))*a.partSize, a.size)
	if offset == a.size {
		return offset, false, nil
	}
	next := int32(len(parts)) + 1
	tail, err := c.head(ctx, a.tail(next))
	switch {
	case fault.ClassOf(err) == fault.ClassNotFound:
		return offset, false, nil
	case err != nil:
		return 0, false, err
	}
	return offset + min(aws.ToInt64(tail.ContentLength), a.length(next)-1), false, nil
}

// parts returns the parts that are there, up to the first that is not: a request
// that sends several at once may have been cut off between them.
func (c *Client) parts(ctx context.Context, a assembly) ([]types.CompletedPart, error) {
	var parts []types.CompletedPart
	err := c.eachPart(ctx, a, 0, func(p types.Part) bool {
		number := aws.ToInt32(p.PartNumber)
		if int(number) != len(parts)+1 || aws.ToInt64(p.Size) != a.length(number) {
			return false
		}
		parts = append(parts, types.CompletedPart{
			PartNumber: p.PartNumber, ETag: p.ETag, ChecksumCRC32: p.ChecksumCRC32, ChecksumSHA256: p.ChecksumSHA256,
		})
		return true
	})
	if err != nil {
		return nil, err
	}
	return parts, nil
}

// eachPart calls fn for the parts that are there behind the number, in their
// order, until it returns false.
func (c *Client) eachPart(ctx context.Context, a assembly, after int, fn func(types.Part) bool) error {
	input := &s3.ListPartsInput{Bucket: aws.String(c.config.Bucket), Key: aws.String(a.key), UploadId: a.id}
	if after > 0 {
		input.PartNumberMarker = aws.String(strconv.Itoa(after))
	}
	for {
		page, err := c.partsPage(ctx, input)
		if err != nil {
			return err
		}
		for _, p := range page.Parts {
			if !fn(p) {
				return nil
			}
		}
		next := aws.ToString(page.NextPartNumberMarker)
		if !aws.ToBool(page.IsTruncated) || next == "" || next == aws.ToString(input.PartNumberMarker) {
			return nil
		}
		input.PartNumberMarker = page.NextPartNumberMarker
	}
}

func (c *Client) partsPage(ctx context.Context, input *s3.ListPartsInput) (*s3.ListPartsOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	page, err := c.s3.ListParts(ctx, input)
	if err != nil {
		return nil, c.fail("list_parts", aws.ToString(input.Key), err)
	}
	return page, nil
}

// appeared returns nil when the whole file is there under its key.
func (c *Client) appeared(ctx context.Context, a assembly) error {
	head, err := c.head(ctx, a.key)
	if err == nil && aws.ToInt64(head.ContentLength) != a.size {
		err = fault.Unavailable("storage_unavailable", "the file storage does not answer as it should; try again later").
			Because(fmt.Errorf("%s has %d bytes instead of %d", a.key, aws.ToInt64(head.ContentLength), a.size))
	}
	return err
}

// Append adds what r gives to the file, which has to be as far as the offset
// says, else it is fault.Conflict "offset_moved". It returns how many bytes more
// there are now; with an error, too, since what came before it is kept. What is
// beyond the file's size is not read.
func (c *Client) Append(ctx context.Context, key, token string, offset int64, r io.Reader) (n int64, err error) {
	defer c.observed("append", time.Now(), &err)
	a, err := parseAssembly(key, token)
	if err != nil {
		return 0, err
	}
	parts, err := c.parts(ctx, a)
	if err != nil {
		return 0, err
	}
	ap := &appending{
		client: c, assembly: a, slots: make(chan struct{}, c.config.Concurrency), sent: map[int32]bool{},
		first: int32(len(parts)) + 1, from: min(int64(len(parts))*a.partSize, a.size),
	}
	held, err := ap.tail(ctx, offset)
	if err != nil {
		return 0, err
	}
	ap.source = &source{ctx: ctx, reader: io.MultiReader(strings.NewReader(held), io.LimitReader(r, a.size-offset))}
	kept, err := ap.run(ctx, int64(len(held)))
	if _, done := fault.As(err); err != nil && !done && ap.source.err == nil {
		err = c.fail("append", "", err)
	}
	return max(kept-offset, 0), err
}

// appending is one call of Append.
type appending struct {
	client   *Client
	assembly assembly
	source   *source
	first    int32 // the number of the first part that is sent
	from     int64 // where it begins
	slots    chan struct{}
	wg       sync.WaitGroup

	mu   sync.Mutex
	sent map[int32]bool
	err  error // the first of sending
}

// tail returns what was kept of the first part that is sent, which has to reach
// up to the offset.
func (ap *appending) tail(ctx context.Context, offset int64) (string, error) {
	a, length := ap.assembly, offset-ap.from
	moved := fault.Conflict("offset_moved", "the upload is not at byte %d any more; ask where it is", offset)
	if length < 0 || offset > a.size || int(ap.first) > a.count() && length > 0 {
		return "", moved
	}
	if int(ap.first) > a.count() {
		return "", nil
	}
	src, err := ap.client.Open(ctx, a.tail(ap.first))
	if fault.ClassOf(err) == fault.ClassNotFound && length == 0 {
		return "", nil
	}
	if fault.ClassOf(err) == fault.ClassNotFound {
		return "", moved
	}
	if err != nil {
		return "", err
	}
	defer src.Close() //nolint:errcheck // only read
	held, err := io.ReadAll(io.LimitReader(src, length+1))
	if err == nil && int64(len(held)) != length {
		err = moved
	}
	return string(held), err //nolint:wrapcheck // a fault of Open's reader
}

// run sends whole parts while others are read, then keeps the tail, and returns
// up to which byte the file is there. had is how long the tail was before.
func (ap *appending) run(ctx context.Context, had int64) (kept int64, err error) {
	rest, failed := ap.all(ctx)
	ap.wg.Wait()
	kept, next := ap.from, ap.first
	for ap.sent[next] {
		kept += ap.assembly.length(next)
		next++
	}
	switch {
	case ap.err != nil:
		return kept, ap.err
	case next > ap.first && had > 0: // else Finish or the next clean-up does it
		_ = ap.client.Delete(context.WithoutCancel(ctx), ap.assembly.tail(ap.first))
	case rest != nil && rest.size <= had: // nothing came
		return kept + had, failed
	}
	if rest == nil || rest.size == 0 {
		return kept, failed
	}
	if err := ap.keep(ctx, rest); err != nil {
		return kept, err
	}
	return kept + rest.size, failed
}

// all reads the parts and begins to send those that are whole. It returns the one
// that is not, and why reading ended early.
func (ap *appending) all(ctx context.Context) (rest *part, err error) {
	a := ap.assembly
	for number := ap.first; int(number) <= a.count(); number++ {
		select {
		case ap.slots <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err() //nolint:wrapcheck // the caller knows its context
		}
		p, _, err := newPart(ap.source, number, a.length(number))
		if p.size < a.length(number) {
			return p, err
		}
		ap.wg.Go(func() {
			ap.done(p, ap.send(ctx, p))
			<-ap.slots
		})
		if ap.failed() || err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func (ap *appending) failed() bool {
	ap.mu.Lock()
	defer ap.mu.Unlock()
	return ap.err != nil
}

func (ap *appending) done(p *part, err error) {
	ap.mu.Lock()
	defer ap.mu.Unlock()
	if err == nil {
		ap.sent[p.number] = true
	} else if ap.err == nil {
		ap.err = err
	}
}

// send stores a part. Its bytes are signed, which is checksum enough.
func (ap *appending) send(ctx context.Context, p *part) error {
	_, err := ap.client.s3.UploadPart(ctx, &s3.UploadPartInput{
		Bucket: aws.String(ap.client.config.Bucket), Key: aws.String(ap.assembly.key), UploadId: ap.assembly.id,
		PartNumber: aws.Int32(p.number), Body: p, ContentLength: aws.Int64(p.size),
	}, plain)
	if err != nil {
		return ap.client.fail("append", ap.assembly.key, err)
	}
	return nil
}

// keep stores the tail.
func (ap *appending) keep(ctx context.Context, p *part) error {
	key := ap.assembly.tail(p.number)
	_, err := ap.client.s3.PutObject(ctx, &s3.PutObjectInput{
		Bucket: aws.String(ap.client.config.Bucket), Key: aws.String(key), Body: p, ContentLength: aws.Int64(p.size),
		ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
	})
	if err != nil {
		return ap.client.fail("append", "", err)
	}
	return nil
}

// Finish makes the file appear when all of it is there, else it is
// fault.Conflict "file_incomplete". It may be repeated.
func (c *Client) Finish(ctx context.Context, key, token string) (err error) {
	defer c.observed("finish", time.Now(), &err)
	a, err := parseAssembly(key, token)
	if err != nil {
		return err
	}
	parts, err := c.parts(ctx, a)
	if err == nil && len(parts) < a.count() {
		return fault.Conflict("file_incomplete", "%d of the %d parts of the file are there", len(parts), a.count())
	}
	if err == nil {
		_, err = c.s3.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
			Bucket: aws.String(c.config.Bucket), Key: aws.String(key), UploadId: a.id,
			MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
		}, plain)
		err = c.failUnlessNil("finish", key, err)
	}
	if err != nil && fault.ClassOf(err) != fault.ClassNotFound {
		return err
	}
	if err := c.appeared(ctx, a); err != nil { // another call may have been faster
		return err
	}
	return c.dropTails(ctx, a)
}

// Abandon gives up a file that has not appeared, and all that came of it.
func (c *Client) Abandon(ctx context.Context, key, token string) (err error) {
	defer c.observed("abandon", time.Now(), &err)
	a, err := parseAssembly(key, token)
	if err != nil {
		return err
	}
	if err := c.abort(ctx, a.key, aws.ToString(a.id)); err != nil {
		return err
	}
	return c.dropTails(ctx, a)
}

// dropTails deletes the tails.
func (c *Client) dropTails(ctx context.Context, a assembly) error {
	var keys []string
	err := c.Each(ctx, a.tails(), func(key string, _ int64, _ time.Time) error {
		keys = append(keys, key)
		return nil
	})
	if err != nil || len(keys) == 0 {
		return err
	}
	return c.Delete(ctx, keys...)
}
