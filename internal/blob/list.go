package blob

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/narrativeml/narrative/internal/fault"
)

// pageSize is how many keys one call lists or deletes at most.
const pageSize = 1000

// Each calls fn for every file whose key starts with the prefix, in the order
// of the keys' bytes. An error of fn ends it and is returned as it is. Files
// that come or go meanwhile may or may not be seen.
func (c *Client) Each(ctx context.Context, prefix string, fn func(key string, size int64, modified time.Time) error) error {
	input := &s3.ListObjectsV2Input{Bucket: aws.String(c.config.Bucket), Prefix: aws.String(prefix), MaxKeys: aws.Int32(pageSize)}
	for {
		page, err := c.page(ctx, prefix, input)
		if err != nil {
			return err
		}
		for _, o := range page.Contents {
			if err := fn(aws.ToString(o.Key), aws.ToInt64(o.Size), aws.ToTime(o.LastModified)); err != nil {
				return err
			}
		}
		if !aws.ToBool(page.IsTruncated) {
			return nil
		}
		next := aws.ToString(page.NextContinuationToken)
		if next == "" || next == aws.ToString(input.ContinuationToken) {
			return c.fail("list", "", fmt.Errorf("the listing of %q does not go on", prefix))
		}
		input.ContinuationToken = aws.String(next)
	}
}

func (c *Client) page(ctx context.Context, prefix string, input *s3.ListObjectsV2Input) (_ *s3.ListObjectsV2Output, err error) {
	defer c.observed("list", time.Now(), &err)
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	page, err := c.s3.ListObjectsV2(ctx, input)
	if err != nil {
		return nil, c.fail("list", "", fmt.Errorf("%q: %w", prefix, err))
	}
	return page, nil
}

// Delete removes the files. Keys that are not there are fine.
func (c *Client) Delete(ctx context.Context, keys ...string) error {
	for _, key := range keys {
		if err := checkKey(key); err != nil {
			return err
		}
	}
	for len(keys) > 0 {
		n := min(len(keys), pageSize)
		if err := c.remove(ctx, keys[:n]); err != nil {
			return err
		}
		keys = keys[n:]
	}
	return nil
}

func (c *Client) remove(ctx context.Context, keys []string) (err error) {
	defer c.observed("delete", time.Now(), &err)
	ctx, cancel := context.WithTimeout(ctx, 4*c.config.Timeout)
	defer cancel()
	objects := make([]types.ObjectIdentifier, len(keys))
	for i, key := range keys {
		objects[i].Key = aws.String(key)
	}
	out, err := c.s3.DeleteObjects(ctx, &s3.DeleteObjectsInput{
		Bucket: aws.String(c.config.Bucket),
		Delete: &types.Delete{Objects: objects, Quiet: aws.Bool(true)},
	})
	if err != nil {
		return c.fail("delete", "", err)
	}
	var errs []error
	for _, e := range out.Errors {
		if code := aws.ToString(e.Code); code != "NoSuchKey" {
			errs = append(errs, fmt.Errorf("%s: %s: %s", aws.ToString(e.Key), code, aws.ToString(e.Message)))
		}
	}
	if len(errs) > 0 {
		return c.fail("delete", "", errors.Join(errs...))
	}
	return nil
}

// AbortUploads gives up the unfinished uploads below the prefix that began
// before the time, which a process that died left behind and which take room
// without being seen. It returns how many there were; with dryRun it only
// counts. It leaves those for whose key keep says so; nil keeps none.
func (c *Client) AbortUploads(ctx context.Context, prefix string, before time.Time, keep func(key string) (bool, error), dryRun bool) (n int, err error) {
	defer c.observed("abort_uploads", time.Now(), &err)
	input := &s3.ListMultipartUploadsInput{Bucket: aws.String(c.config.Bucket), Prefix: aws.String(prefix)}
	for {
		page, err := c.s3.ListMultipartUploads(ctx, input)
		if err != nil {
			return n, c.fail("list_uploads", "", err)
		}
		for _, u := range page.Uploads {
			if !strings.HasPrefix(aws.ToString(u.Key), prefix) || !aws.ToTime(u.Initiated).Before(before) {
				continue
			}
			if keep != nil {
				kept, err := keep(aws.ToString(u.Key))
				if err != nil {
					return n, err
				}
				if kept {
					continue
				}
			}
			if !dryRun {
				err := c.abort(ctx, aws.ToString(u.Key), aws.ToString(u.UploadId))
				if err != nil {
					return n, err
				}
			}
			n++
		}
		if !aws.ToBool(page.IsTruncated) || aws.ToString(page.NextKeyMarker) == "" {
			return n, nil
		}
		input.KeyMarker, input.UploadIdMarker = page.NextKeyMarker, page.NextUploadIdMarker
	}
}

func (c *Client) abort(ctx context.Context, key, upload string) error {
	_, err := c.s3.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
		Bucket: aws.String(c.config.Bucket), Key: aws.String(key), UploadId: aws.String(upload),
	})
	if err = c.failUnlessNil("abort_upload", key, err); fault.ClassOf(err) == fault.ClassNotFound {
		return nil // it ended by itself
	}
	return err
}

func (c *Client) failUnlessNil(operation, key string, err error) error {
	if err == nil {
		return nil
	}
	return c.fail(operation, key, err)
}
