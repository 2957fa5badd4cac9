package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/narrativeml/narrative/internal/fault"
)

// OpenIn opens a file of another bucket of the same service for reading, from
// the byte on that is given; version, unless it is empty, is the version that
// the file must still have. It returns how long the whole file is and its
// version. The bucket of the client itself is refused. Errors are faults beside
// those of Open: forbidden "bucket_forbidden", conflict "file_changed", invalid
// "bucket_elsewhere" for a bucket of another region. Close the body.
func (c *Client) OpenIn(ctx context.Context, bucket, key, version string, from int64) (_ io.ReadCloser, size int64, now string, err error) {
	defer c.observed("get_in", time.Now(), &err)
	if !bucketName.MatchString(bucket) || bucket == c.config.Bucket {
		return nil, 0, "", fault.New(fault.ClassForbidden, "bucket_forbidden", "the bucket %.63q is not to be read so", bucket)
	}
	if err := checkKey(key); err != nil {
		return nil, 0, "", err
	}
	input := &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)}
	if version != "" {
		input.IfMatch = aws.String(version)
	}
	if from > 0 {
		input.Range = aws.String(fmt.Sprintf("bytes=%d-", from))
	}
	ctx, cancel := context.WithCancel(ctx)
	out, err := c.s3.GetObject(ctx, input)
	if err != nil {
		cancel()
		return nil, 0, "", c.failIn(bucket, key, err)
	}
	size = aws.ToInt64(out.ContentLength)
	if from > 0 {
		if size, err = wholeSize(aws.ToString(out.ContentRange), from); err != nil {
			_ = out.Body.Close() // it is of no use
			cancel()
			return nil, 0, "", c.failIn(bucket, key, err)
		}
	}
	body := newBody(out.Body, c.config.Timeout, cancel, func(err error) error { return c.failIn(bucket, key, err) })
	return body, size, aws.ToString(out.ETag), nil
}

// wholeSize reads "bytes 5-9/10", which must begin at from.
func wholeSize(contentRange string, from int64) (int64, error) {
	span, all, _ := strings.Cut(strings.TrimPrefix(contentRange, "bytes "), "/")
	first, _, _ := strings.Cut(span, "-")
	size, err := strconv.ParseInt(all, 10, 64)
	if err != nil || first != strconv.FormatInt(from, 10) {
		return 0, fmt.Errorf("asked for bytes from %d on, the service sends %.60q", from, contentRange)
	}
	return size, nil
}

// failIn is fail for a file of another bucket.
func (c *Client) failIn(bucket, key string, err error) error {
	where := fmt.Errorf("get_in %s/%s: %w", bucket, key, err)
	status := 0
	if response, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		status = response.HTTPStatusCode()
	}
	switch {
	case errors.Is(err, context.Canceled):
		return where
	case missing(err), status == http.StatusNotFound:
		return fault.NotFound("file_not_found", "there is no file %s in the bucket %s", key, bucket).Because(where)
	case status == http.StatusForbidden, status == http.StatusUnauthorized:
		return fault.New(fault.ClassForbidden, "bucket_forbidden", "the bucket %s is not to be read", bucket).Because(where)
	case status == http.StatusPreconditionFailed, status == http.StatusRequestedRangeNotSatisfiable:
		return fault.Conflict("file_changed", "the file %s in the bucket %s was replaced", key, bucket).Because(where)
	case status == http.StatusMovedPermanently, status == http.StatusTemporaryRedirect:
		return fault.Invalid("bucket_elsewhere", "the bucket %s is in another region than the platform's", bucket).Because(where)
	default:
		return fault.Unavailable("storage_unavailable", "the file storage does not answer as it should; try again later").Because(where)
	}
}
