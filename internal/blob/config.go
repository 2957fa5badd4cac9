package blob

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"time"

	"github.com/narrativeml/narrative/internal/secret"
)

// Config says where the bucket is and how to talk to it.
type Config struct {
	// Endpoint is the URL of the S3 service; empty means AWS in the region.
	Endpoint string
	// PublicEndpoint is the URL under which browsers reach the service, for
	// presigned links; empty means Endpoint.
	PublicEndpoint string
	Region         string
	Bucket         string
	AccessKeyID    string
	// SecretAccessKey signs requests and links.
	SecretAccessKey secret.String
	// PathStyle puts the bucket into the path instead of the host name; most
	// services other than AWS need it.
	PathStyle bool
	// Timeout bounds a call that moves no file, and every silence of one that
	// does.
	Timeout time.Duration
	// PartSize is how many bytes of a large file are sent together, at least
	// 5 MiB; a file has at most 10,000 parts. Zero means 5 MiB for the first
	// 1,000 parts and 16 MiB for those after them, which some services refuse:
	// they want all parts alike.
	PartSize int64
	// Concurrency is how many parts of one file are sent at once. An upload
	// holds as many, and one more, at most: fewer while the service is quicker
	// than the reader.
	Concurrency int
	// CacheBlocks is how many blocks of 1 MiB a reader of OpenAt keeps.
	CacheBlocks int
	// Guard, when set, decides whether requests are sent. It must not bound
	// them: they last until the head of the answer, and a large part takes long.
	Guard Guard
	// Observe, when set, is told about every operation. It must be quick and
	// safe for concurrent use. A file that is not there is no error.
	Observe func(operation string, elapsed time.Duration, err error)
}

// DefaultConfig returns a configuration that lacks only the service, the
// bucket and the credentials.
func DefaultConfig() Config {
	return Config{
		Region:      "us-east-1",
		PathStyle:   true,
		Timeout:     15 * time.Second,
		Concurrency: 3,
		CacheBlocks: 32,
	}
}

// minPartSize is what S3 asks of every part but the last.
const minPartSize = 5 << 20

// bucketName is the common ground of what S3 services take.
var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// Validate reports every mistake in the configuration, joined.
func (c Config) Validate() error {
	errs := []error{
		checkURL("endpoint", c.Endpoint),
		checkURL("public endpoint", c.PublicEndpoint),
	}
	if c.Region == "" {
		errs = append(errs, errors.New("blob: the region is missing; us-east-1 suits most services"))
	}
	if !bucketName.MatchString(c.Bucket) {
		errs = append(errs, fmt.Errorf("blob: bucket %q is not a name of 3 to 63 lower-case letters, digits, dots and hyphens", c.Bucket))
	}
	if c.AccessKeyID == "" {
		errs = append(errs, errors.New("blob: the access key id is missing"))
	}
	if c.SecretAccessKey.IsZero() {
		errs = append(errs, errors.New("blob: the secret access key is missing"))
	}
	if c.Timeout <= 0 {
		errs = append(errs, fmt.Errorf("blob: timeout is %s; it must be positive", c.Timeout))
	}
	if c.PartSize != 0 && c.PartSize < minPartSize {
		errs = append(errs, fmt.Errorf("blob: part size is %d bytes; it must be at least %d, or 0", c.PartSize, minPartSize))
	}
	if c.Concurrency < 1 {
		errs = append(errs, fmt.Errorf("blob: concurrency is %d; it must be at least 1", c.Concurrency))
	}
	if c.CacheBlocks < 4 {
		errs = append(errs, fmt.Errorf("blob: a cache of %d blocks is too small; it must have at least 4", c.CacheBlocks))
	}
	return errors.Join(errs...)
}

// checkURL checks a URL without repeating it: it may hold what it should not.
func checkURL(name, text string) error {
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("blob: the %s is not a URL such as https://s3.example.com", name)
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("blob: the %s must hold neither credentials nor a query; give the access key by itself", name)
	}
	return nil
}
