package blob

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/narrativeml/narrative/internal/fault"
)

// layout says how large the parts of a file are. Every part is held in memory
// until it is sent, so they are small, and larger only once there are many.
type layout struct {
	few, many int64 // bytes of the first parts, and of those after them
	firsts    int32 // how many are the first
	most      int32 // how many a file may have
}

// maxParts is what S3 takes of a file.
const maxParts = 10_000

// newLayout returns parts of that size; for 0 those that a file of 145 GiB
// fits in.
func newLayout(size int64) layout {
	if size > 0 {
		return layout{few: size, many: size, most: maxParts}
	}
	return layout{few: minPartSize, many: 16 << 20, firsts: 1000, most: maxParts}
}

// size returns how many bytes part n, from 1, has unless it is the last.
func (l layout) size(n int32) int64 {
	if n <= l.firsts {
		return l.few
	}
	return l.many
}

// bytes returns how long a file can be.
func (l layout) bytes() int64 { return int64(l.firsts)*l.few + int64(l.most-l.firsts)*l.many }

// piece is the memory that parts are made of, so that a short file takes
// little of it. Pieces are not used again: when a part was sent it is some time
// until the next is full, and memory that waits for it would have to be held.
type piece [256 << 10]byte

// part is some bytes of a file, to be read again when sending is tried again.
type part struct {
	number int32
	pieces []*piece
	size   int64
	at     int64 // of the next Read
}

var _ io.ReadSeeker = (*part)(nil)

// newPart reads the next part of that size from the source. The last one is
// shorter; end reports that no other follows. With an error comes what was read
// before it.
func newPart(s *source, number int32, size int64) (p *part, end bool, err error) {
	p = &part{number: number}
	for p.size < size {
		memory := new(piece)
		p.pieces = append(p.pieces, memory)
		n, err := io.ReadFull(s, memory[:min(int64(len(memory)), size-p.size)])
		p.size += int64(n)
		switch {
		case s.err != nil: // io.ErrUnexpectedEOF may be the reader's own error
			return p, false, s.err
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return p, true, nil
		case err != nil:
			return p, false, err
		}
	}
	return p, false, nil
}

// Read implements io.Reader.
func (p *part) Read(b []byte) (int, error) {
	if p.at >= p.size {
		return 0, io.EOF
	}
	const length = int64(len(piece{}))
	from := p.at % length
	n := copy(b, p.pieces[p.at/length][from:min(length, from+p.size-p.at)])
	p.at += int64(n)
	return n, nil
}

// Seek implements io.Seeker.
func (p *part) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += p.at
	case io.SeekEnd:
		offset += p.size
	}
	if offset < 0 {
		return 0, fmt.Errorf("blob: seek to %d", offset)
	}
	p.at = offset
	return offset, nil
}

// upload stores what the source gives: a short file by one request, a longer
// one in parts, of which some are sent while the next is read. What it holds
// grows with the distance between reading and sending only.
func (c *Client) upload(ctx context.Context, key string, contentType *string, s *source) error {
	first, end, err := newPart(s, 1, c.layout.size(1))
	if err != nil {
		return err
	}
	if !end {
		return c.uploadParts(ctx, key, contentType, s, first)
	}
	_, err = c.s3.PutObject(ctx, &s3.PutObjectInput{
		Bucket: aws.String(c.config.Bucket), Key: aws.String(key), ContentType: contentType,
		Body: first, ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
	}, c.sending...)
	return err //nolint:wrapcheck // Put makes a fault of it
}

// multipart is an upload in parts.
type multipart struct {
	client *Client
	key    string
	id     *string
	cancel context.CancelFunc
	slots  chan struct{}
	wg     sync.WaitGroup

	mu   sync.Mutex
	sent []types.CompletedPart
	err  error // the first
}

func (c *Client) uploadParts(ctx context.Context, key string, contentType *string, s *source, first *part) error {
	made, err := c.s3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: aws.String(c.config.Bucket), Key: aws.String(key), ContentType: contentType,
		ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
	})
	if err != nil {
		return err //nolint:wrapcheck // Put makes a fault of it
	}
	sending, cancel := context.WithCancel(ctx)
	defer cancel()
	u := &multipart{client: c, key: key, id: made.UploadId, cancel: cancel, slots: make(chan struct{}, c.config.Concurrency)}
	u.all(sending, s, first)
	u.wg.Wait()
	if u.err == nil {
		u.err = u.complete(ctx)
	}
	if u.err != nil {
		u.abort(ctx)
	}
	return u.err
}

// all sends the parts; what goes wrong is in err once wg is done.
func (u *multipart) all(ctx context.Context, s *source, p *part) {
	for end := false; ; {
		select {
		case u.slots <- struct{}{}:
		case <-ctx.Done():
			u.fail(ctx.Err())
			return
		}
		sent := p
		u.wg.Go(func() {
			u.fail(u.send(ctx, sent))
			<-u.slots
		})
		if end {
			return
		}
		var err error
		if p, end, err = u.next(s, p.number+1); err != nil {
			u.wg.Wait() // a part that breaks off may come in while the upload is tidied up
			u.fail(err)
			return
		}
		if p.size == 0 {
			return
		}
	}
}

// next reads the part of that number.
func (u *multipart) next(s *source, number int32) (p *part, end bool, err error) {
	l := u.client.layout
	if p, end, err = newPart(s, number, l.size(number)); err != nil {
		return nil, false, err
	}
	if p.size > 0 && number > l.most {
		return nil, false, fault.TooLarge("file_too_large", "the file has more than %d bytes, the most that the file storage takes in %d parts", l.bytes(), l.most)
	}
	return p, end, nil
}

// fail ends the upload unless err is nil. The first error is the reason.
func (u *multipart) fail(err error) {
	if err == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.err == nil {
		u.err = err
	}
	u.cancel()
}

func (u *multipart) send(ctx context.Context, p *part) error {
	out, err := u.client.s3.UploadPart(ctx, &s3.UploadPartInput{
		Bucket: aws.String(u.client.config.Bucket), Key: aws.String(u.key), UploadId: u.id,
		PartNumber: aws.Int32(p.number), Body: p, ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
	}, u.client.sending...)
	if err != nil {
		return err //nolint:wrapcheck // Put makes a fault of it
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.sent = append(u.sent, types.CompletedPart{PartNumber: aws.Int32(p.number), ETag: out.ETag, ChecksumCRC32: out.ChecksumCRC32})
	return nil
}

func (u *multipart) complete(ctx context.Context) error {
	slices.SortFunc(u.sent, func(a, b types.CompletedPart) int { return cmp.Compare(*a.PartNumber, *b.PartNumber) })
	_, err := u.client.s3.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: aws.String(u.client.config.Bucket), Key: aws.String(u.key), UploadId: u.id,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: u.sent},
	})
	return err //nolint:wrapcheck // Put makes a fault of it
}

// abort tidies up, also when the caller has gone. What it cannot remove is
// found by AbortUploads.
func (u *multipart) abort(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), u.client.config.Timeout)
	defer cancel()
	_, err := u.client.s3.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
		Bucket: aws.String(u.client.config.Bucket), Key: aws.String(u.key), UploadId: u.id,
	})
	if err != nil {
		u.err = errors.Join(u.err, fmt.Errorf("abort the upload: %w", err))
	}
}
