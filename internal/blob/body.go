package blob

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// missing reports whether an error of the SDK says that a thing is not there.
// A missing bucket is not a missing file.
func missing(err error) bool {
	if _, bucket := errors.AsType[*types.NoSuchBucket](err); bucket {
		return false
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		switch api.ErrorCode() {
		case "NoSuchKey", "NotFound":
			return true
		case "NoSuchBucket":
			return false
		}
	}
	response, ok := errors.AsType[*smithyhttp.ResponseError](err)
	return ok && response.HTTPStatusCode() == http.StatusNotFound
}

// body is a download that ends when it stands still. It is closed once.
type body struct {
	source  io.ReadCloser
	timeout time.Duration
	timer   *time.Timer
	cancel  context.CancelFunc
	wrap    func(error) error
}

// newBody guards source: a Read that lasts longer than the timeout calls
// cancel, which must make it fail.
func newBody(source io.ReadCloser, timeout time.Duration, cancel context.CancelFunc, wrap func(error) error) *body {
	b := &body{source: source, timeout: timeout, cancel: cancel, wrap: wrap}
	b.timer = time.AfterFunc(timeout, cancel)
	b.timer.Stop()
	return b
}

// errStalled means that the service stopped sending.
var errStalled = errors.New("blob: no data for too long")

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	b.timer.Reset(b.timeout)
	n, err := b.source.Read(p)
	fired := !b.timer.Stop()
	switch {
	case err == nil || errors.Is(err, io.EOF):
		return n, err //nolint:wrapcheck // io.EOF must stay bare
	case fired:
		return n, b.wrap(errStalled)
	default:
		return n, b.wrap(err)
	}
}

// Close implements io.Closer.
func (b *body) Close() error {
	b.timer.Stop()
	err := b.source.Close()
	b.cancel()
	return err //nolint:wrapcheck // nothing depends on it
}

// precondition reports whether an error of the SDK says that the file is no
// longer the one that was meant.
func precondition(err error) bool {
	response, ok := errors.AsType[*smithyhttp.ResponseError](err)
	return ok && response.HTTPStatusCode() == http.StatusPreconditionFailed
}
