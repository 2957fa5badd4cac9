package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"path"
	"strings"
	"time"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/narrativeml/narrative/internal/fault"
)

// Client keeps files in a bucket. It is safe for concurrent use. Its errors
// are faults: not_found "file_not_found" for a key that is not there,
// invalid "invalid_key" for what cannot be a key, unavailable
// "storage_unavailable" when the service does not do what it was asked.
type Client struct {
	config   Config
	layout   layout
	s3       *s3.Client
	presign  *s3.PresignClient
	connects *http.Transport
	sending  []func(*s3.Options) // of requests that carry a file
}

// New returns a client; it does not talk to the service yet. Close it.
func New(c Config) (*Client, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	connects := transport(c.Timeout)
	options := s3.Options{
		Region:      c.Region,
		Credentials: credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey.Reveal(), ""),
		HTTPClient: &http.Client{
			Transport:     guard(connects, c.Guard),
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		UsePathStyle: c.PathStyle,
		// Without these a client made of bare options sends and checks no
		// checksums.
		RequestChecksumCalculation:                aws.RequestChecksumCalculationWhenSupported,
		ResponseChecksumValidation:                aws.ResponseChecksumValidationWhenSupported,
		DisableLogOutputChecksumValidationSkipped: true,
	}
	if c.Endpoint != "" {
		options.BaseEndpoint = aws.String(c.Endpoint)
	}
	public := options
	if c.PublicEndpoint != "" {
		public.BaseEndpoint = aws.String(c.PublicEndpoint)
	}
	public.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired // a browser adds no headers
	client := s3.New(options)
	return &Client{
		config: c, layout: newLayout(c.PartSize), s3: client, connects: connects, sending: sending(c.Endpoint),
		presign: s3.NewPresignClient(s3.New(public)),
	}, nil
}

// Connections kept open for reuse, and how long.
const (
	idleConnections = 64
	idleTimeout     = 90 * time.Second
)

// transport returns connections on which no silence lasts longer than the
// timeout, except while a body is read: see body.
func transport(timeout time.Duration) *http.Transport {
	dialer := &net.Dialer{Timeout: timeout, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err //nolint:wrapcheck // http wraps it
			}
			return &impatient{Conn: conn, timeout: timeout}, nil
		},
		TLSHandshakeTimeout:   timeout,
		ResponseHeaderTimeout: 4 * timeout, // completing a large upload takes its time
		MaxIdleConnsPerHost:   idleConnections,
		IdleConnTimeout:       idleTimeout,
		DisableCompression:    true,
	}
}

// impatient is a connection that gives up a write that does not move.
type impatient struct {
	net.Conn
	timeout time.Duration
}

// Write implements net.Conn.
func (c *impatient) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.timeout)); err != nil {
		return 0, err //nolint:wrapcheck // net.Conn speaks for itself
	}
	return c.Conn.Write(p) //nolint:wrapcheck // net.Conn speaks for itself
}

// Close releases the connections that are not in use.
func (c *Client) Close() { c.connects.CloseIdleConnections() }

// observed tells the observer about an operation. Use it with defer.
func (c *Client) observed(operation string, start time.Time, err *error) {
	if c.config.Observe == nil {
		return
	}
	failure := *err
	if class := fault.ClassOf(failure); class == fault.ClassNotFound || class == fault.ClassInvalid {
		failure = nil
	}
	c.config.Observe(operation, time.Since(start), failure)
}

// maxKey is the longest key, in bytes, that S3 takes.
const maxKey = 1024

// checkKey refuses what some service would take for another key.
func checkKey(key string) error {
	bad := key == "" || len(key) > maxKey || strings.ContainsFunc(key, unicode.IsControl) ||
		path.Clean(key) != key || strings.HasPrefix(key, "/") || key == "." || key == ".." || strings.HasPrefix(key, "../")
	if bad {
		return fault.Invalid("invalid_key", "%.100q cannot be the key of a file; write names joined by single slashes, %d bytes at most", key, maxKey)
	}
	return nil
}

// Put stores what r gives as the file and returns how many bytes that was. It
// replaces a file of that key. An error of r is returned as it is, and then,
// as after every error, the file does not appear.
func (c *Client) Put(ctx context.Context, key, contentType string, r io.Reader) (size int64, err error) {
	defer c.observed("put", time.Now(), &err)
	if err := checkKey(key); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	source := &source{ctx: ctx, reader: r}
	var kind *string
	if contentType != "" {
		kind = aws.String(contentType)
	}
	if err := c.upload(ctx, key, kind, source); err != nil {
		if source.err != nil {
			return 0, source.err
		}
		if _, done := fault.As(err); done {
			return 0, err
		}
		return 0, c.fail("put", key, err)
	}
	return source.size, nil
}

// source counts what it reads, keeps the reader's own error and ends with the
// context.
type source struct {
	ctx    context.Context //nolint:containedctx // io.Reader has no place for it
	reader io.Reader
	size   int64
	err    error
}

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err //nolint:wrapcheck // the caller knows its context
	}
	n, err := s.reader.Read(p)
	s.size += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err //nolint:wrapcheck // a reader passes errors on
}

// Open returns the file for reading from its start. Close it.
func (c *Client) Open(ctx context.Context, key string) (_ io.ReadCloser, err error) {
	defer c.observed("get", time.Now(), &err)
	if err := checkKey(key); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	out, err := c.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(c.config.Bucket), Key: aws.String(key)})
	if err != nil {
		cancel()
		return nil, c.fail("get", key, err)
	}
	return newBody(out.Body, c.config.Timeout, cancel, func(err error) error { return c.fail("get", key, err) }), nil
}

// Stat returns the size of the file in bytes and when it was stored.
func (c *Client) Stat(ctx context.Context, key string) (size int64, modified time.Time, err error) {
	defer c.observed("stat", time.Now(), &err)
	out, err := c.head(ctx, key)
	if err != nil {
		return 0, time.Time{}, err
	}
	return aws.ToInt64(out.ContentLength), aws.ToTime(out.LastModified), nil
}

func (c *Client) head(ctx context.Context, key string) (*s3.HeadObjectOutput, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	out, err := c.s3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String(c.config.Bucket), Key: aws.String(key)})
	if err != nil {
		return nil, c.fail("stat", key, err)
	}
	return out, nil
}

// maxLinkTime is how long S3 lets a presigned link live.
const maxLinkTime = 7 * 24 * time.Hour

// Presign returns a link on the public endpoint under which anyone can
// download the file, as an attachment of that name, until ttl is over. It
// does not look whether the file is there.
func (c *Client) Presign(ctx context.Context, key, filename string, ttl time.Duration) (string, error) {
	if err := checkKey(key); err != nil {
		return "", err
	}
	if ttl < time.Second || ttl > maxLinkTime {
		return "", fault.Invalid("invalid_ttl", "a link cannot live for %s; choose from 1s to %s", ttl, maxLinkTime)
	}
	request, err := c.presign.PresignGetObject(ctx, &s3.GetObjectInput{
		Bucket:                     aws.String(c.config.Bucket),
		Key:                        aws.String(key),
		ResponseContentDisposition: aws.String(disposition(filename, key)),
	}, s3.WithPresignExpires(ttl))
	if err != nil {
		return "", c.fail("presign", key, err)
	}
	return request.URL, nil
}

// disposition returns a header that makes a browser save the file under the
// name, or under the last part of its key.
func disposition(filename, key string) string {
	name := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '/' || r == '\\' || r == unicode.ReplacementChar {
			return '_'
		}
		return r
	}, filename)
	if strings.Trim(name, "._ ") == "" {
		name = path.Base(key)
	}
	return mime.FormatMediaType("attachment", map[string]string{"filename": name})
}

// Ping returns nil when the bucket is there and may be used.
func (c *Client) Ping(ctx context.Context) (err error) {
	defer c.observed("ping", time.Now(), &err)
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	if _, err := c.s3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: aws.String(c.config.Bucket)}); err != nil {
		if missing(err) {
			return fault.Unavailable("bucket_missing", "the bucket %s does not exist", c.config.Bucket).Because(err)
		}
		return c.fail("ping", "", err)
	}
	return nil
}

// EnsureBucket creates the bucket unless it is there.
func (c *Client) EnsureBucket(ctx context.Context) (err error) {
	ping := c.Ping(ctx)
	if fault.CodeOf(ping) != "bucket_missing" {
		return ping
	}
	defer c.observed("create_bucket", time.Now(), &err)
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	input := &s3.CreateBucketInput{Bucket: aws.String(c.config.Bucket)}
	if c.config.Region != "us-east-1" {
		input.CreateBucketConfiguration = &types.CreateBucketConfiguration{
			LocationConstraint: types.BucketLocationConstraint(c.config.Region),
		}
	}
	_, err = c.s3.CreateBucket(ctx, input)
	if _, owned := errors.AsType[*types.BucketAlreadyOwnedByYou](err); err != nil && !owned {
		return c.fail("create_bucket", "", err)
	}
	return nil
}

// fail turns an error of the SDK into a fault.
func (c *Client) fail(operation, key string, err error) error {
	where := fmt.Errorf("%s %s/%s: %w", operation, c.config.Bucket, key, err)
	switch {
	case errors.Is(err, context.Canceled):
		return where
	case key != "" && missing(err):
		return fault.NotFound("file_not_found", "there is no file %s", key).Because(where)
	default:
		return fault.Unavailable("storage_unavailable", "the file storage does not answer as it should; try again later").Because(where)
	}
}
