package tabular

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/narrativeml/narrative/internal/fault"
)

// sniffCompression tells a compressed file by its beginning.
func sniffCompression(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		return compressionGzip
	case bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")):
		return compressionZstd
	default:
		return compressionNone
	}
}

// maxWindow is what zstd may look back by, and so has in memory: that of its
// highest level.
const maxWindow = 128 << 20

// unpacked reads what a compressed file holds.
type unpacked struct {
	packer string // of the compression
	src    *metered
	from   io.Reader
	close  func()
	guard  *expansion
}

// unpack returns a reader of what src holds when it is unpacked. Its errors are
// fault.Invalid: compression_damaged, and expands_too_far for what is more than
// the limits allow.
func unpack(src io.Reader, compression string, limits Limits) (*unpacked, error) {
	u := &unpacked{packer: compression, src: &metered{src: src}, close: func() {}}
	u.guard = &expansion{what: "the file", limits: limits, packed: func() int64 { return u.src.read }}
	switch compression {
	case compressionGzip:
		r, err := gzip.NewReader(u.src)
		if err != nil {
			return nil, u.explain(err)
		}
		u.from = r
	case compressionZstd:
		const unlimited = 1 << 62 // expansion is what limits
		r, err := zstd.NewReader(u.src, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(unlimited))
		if err != nil {
			return nil, u.explain(err)
		}
		u.from, u.close = r, r.Close
	}
	return u, nil
}

// Read implements io.Reader.
func (u *unpacked) Read(p []byte) (int, error) {
	n, err := u.from.Read(p)
	if far := u.guard.add(n); far != nil {
		return 0, far
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return n, u.explain(err)
	}
	return n, err
}

// explain says what an error means: the file's mistake, or that of what the file
// is read from.
func (u *unpacked) explain(err error) error {
	switch {
	case u.src.err != nil:
		return fmt.Errorf("read compressed file: %w", u.src.err)
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		return fault.Invalid("compression_window_too_large", "unpacking the file takes more than %d MiB of memory; compress it without --long or --ultra", maxWindow>>20).Because(err)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fault.Invalid("compression_damaged", "the %s file ends early, after %d bytes of text; upload it again as a whole", u.packer, u.guard.out).Because(err)
	default:
		return fault.Invalid("compression_damaged", "the %s file is damaged after %d bytes of text; compress it again", u.packer, u.guard.out).Because(err)
	}
}

// Close implements io.Closer; the source belongs to the caller.
func (u *unpacked) Close() error {
	u.close()
	return nil
}

// metered counts what is read and remembers why reading failed.
type metered struct {
	src  io.Reader
	read int64
	err  error
}

// Read implements io.Reader.
func (m *metered) Read(p []byte) (int, error) {
	n, err := m.src.Read(p)
	m.read += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		m.err = err
	}
	return n, err
}

// expansion bounds what comes out of something compressed.
type expansion struct {
	what   string
	limits Limits
	packed func() int64 // bytes that went in
	out    int64
}

// add takes into account that so many bytes more came out.
func (e *expansion) add(n int) error {
	e.out += int64(n)
	l := e.limits
	switch {
	case e.out > l.Expanded:
		return fault.Invalid("expands_too_far", "%s unpacks to more than %d bytes; upload it in parts", e.what, l.Expanded)
	case e.out > l.ExpandedFree && e.out/l.ExpandedRatio > e.packed():
		return fault.Invalid("expands_too_far", "%s unpacks to more than %d times its size, which no ordinary table does; upload it unpacked", e.what, l.ExpandedRatio)
	default:
		return nil
	}
}
