package tabular

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"io"
)

// Outlet is a writer whose bytes go, as they come, to a function that takes a
// reader, such as the upload of a file. It is not safe for concurrent use.
type Outlet struct {
	buffer *bufio.Writer
	pipe   *io.PipeWriter
	cancel context.CancelFunc
	done   chan error
}

var _ io.Writer = (*Outlet)(nil)

// errClosedEarly is what a writer gets when the other side takes no more.
var errClosedEarly = errors.New("tabular: the transfer ended early")

// NewOutlet starts put in another goroutine; it reads what is written. Close
// must be called.
func NewOutlet(ctx context.Context, put func(ctx context.Context, r io.Reader) error) *Outlet {
	ctx, cancel := context.WithCancel(ctx)
	pr, pw := io.Pipe()
	o := &Outlet{buffer: bufio.NewWriterSize(pw, 256<<10), pipe: pw, cancel: cancel, done: make(chan error, 1)}
	go func() {
		o.done <- guard(func() error { return put(ctx, pr) })
		_ = pr.CloseWithError(errClosedEarly) // it never fails; writing on would wait for ever
	}()
	return o
}

// Write implements io.Writer.
func (o *Outlet) Write(p []byte) (int, error) { return o.buffer.Write(p) }

// Close ends the transfer and waits for put: as a whole if err is nil, as a
// failure otherwise, which put's reader and context are told. It returns err,
// or why put failed.
func (o *Outlet) Close(err error) error {
	defer o.cancel()
	if err == nil {
		err = o.buffer.Flush()
	}
	if err == nil {
		_ = o.pipe.Close() // it never fails
		return <-o.done
	}
	select {
	case failed := <-o.done: // put ended first
		return cmp.Or(failed, err)
	default:
	}
	_ = o.pipe.CloseWithError(err) // it never fails
	o.cancel()
	<-o.done //nolint:errcheck // it ended because it was told to
	return err
}
