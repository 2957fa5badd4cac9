package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
)

// Objects reads files of the buckets of the platform's S3 service.
type Objects interface {
	// OpenIn opens a file of another bucket than the platform's own. Its errors
	// are faults: not_found, forbidden, conflict when it is not of that version
	// any more, invalid, unavailable.
	OpenIn(ctx context.Context, bucket, key, version string, from int64) (body io.ReadCloser, size int64, now string, err error)
}

// Config says what may be read. The zero value is https of public hosts on port
// 443, and no bucket.
type Config struct {
	// Hosts are those that may be read from, such as files.example.com or
	// *.example.com; none means every host.
	Hosts []string
	// Networks are those whose addresses may be connected to although they are
	// not public.
	Networks []netip.Prefix
	// Ports may be connected to; none means 443.
	Ports []uint16
	// HTTP allows addresses without TLS. It is for development.
	HTTP bool
	// Buckets are what may be read of S3, such as landing/{tenant}/: a bucket, and
	// what keys in it must begin with.
	Buckets []string
	// Objects reads them; nil when there are no Buckets.
	Objects Objects
	// OwnBucket is the platform's, which is never read so.
	OwnBucket string
	// Timeout bounds a connection, the head of an answer, and every silence in
	// its body; zero means 30 seconds.
	Timeout time.Duration
	// Transport, when set, changes how requests are made, as to trust the
	// certificate of a test's server.
	Transport func(*http.Transport)
}

const (
	defaultTimeout = 30 * time.Second
	tlsPort        = 443
)

// Reader opens files. It is safe for concurrent use.
type Reader struct {
	config  Config
	hosts   []string
	buckets []pattern
	guard   guard
	client  *http.Client
}

// File is a file that was opened.
type File struct {
	Body io.ReadCloser
	// At is where the body begins: where it was asked for, or 0 when the file has
	// to be read anew.
	At int64
	// Size is that of the whole file; -1 when it is not known.
	Size int64
	// Version tells whether the file is still the same; it is empty when reading
	// cannot go on later.
	Version string
}

// New returns a reader, or everything that is wrong with the configuration.
func New(c Config) (*Reader, error) {
	if c.Timeout <= 0 {
		c.Timeout = defaultTimeout
	}
	if len(c.Ports) == 0 {
		c.Ports = []uint16{tlsPort}
	}
	r := &Reader{config: c}
	var errs []error
	for _, host := range c.Hosts {
		name := canonical(host)
		if !isHost(strings.TrimPrefix(name, "*.")) {
			errs = append(errs, fmt.Errorf("source: host %q is none such as files.example.com or *.example.com", host))
		}
		r.hosts = append(r.hosts, name)
	}
	for _, text := range c.Buckets {
		p, err := parsePattern(text)
		if err == nil && p.bucket == c.OwnBucket {
			err = fmt.Errorf("source: the bucket %s is the platform's own", p.bucket)
		}
		errs = append(errs, err)
		r.buckets = append(r.buckets, p)
	}
	if len(c.Buckets) > 0 && c.Objects == nil {
		errs = append(errs, errors.New("source: nothing reads the buckets"))
	}
	r.guard = newGuard(c)
	r.client = newClient(c, r.guard, r.checkURL)
	return r, errors.Join(errs...)
}

// Check refuses what the tenant may not read and what is no address of a file.
// It connects to nothing: a name may still turn out to be that of an address
// that is refused.
func (r *Reader) Check(tenant, address string) error {
	_, err := r.parse(tenant, address)
	return err
}

// Open opens the file at the address that the tenant has given, from a byte on
// if it still has that version. Its errors are faults. Those of class
// unavailable may be gone later, and may say when by a method RetryAfter. None
// repeats the address, which may hold a secret, or names another than the
// tenant has given.
func (r *Reader) Open(ctx context.Context, tenant, address string, from int64, version string) (*File, error) {
	at, err := r.parse(tenant, address)
	if err != nil {
		return nil, err
	}
	if at.url == nil {
		return r.openObject(ctx, at, from, version)
	}
	if version == "" {
		from = 0 // who cannot tell whether it is the same reads it anew
	}
	return r.openURL(ctx, at.url, from, version)
}

// openObject opens a file of a bucket.
func (r *Reader) openObject(ctx context.Context, at location, from int64, version string) (*File, error) {
	body, size, now, err := r.config.Objects.OpenIn(ctx, at.bucket, at.key, version, from)
	if fault.ClassOf(err) == fault.ClassConflict && (from > 0 || version != "") { // it was replaced
		from = 0
		body, size, now, err = r.config.Objects.OpenIn(ctx, at.bucket, at.key, "", 0)
	}
	switch fault.ClassOf(err) {
	case fault.ClassNotFound:
		return nil, refuse("source_not_found", "there is no %s in the bucket %s", at.key, at.bucket).Because(err)
	case fault.ClassForbidden:
		return nil, refuse("source_unauthorized", "the bucket %s does not let the platform read it", at.bucket).Because(err)
	default:
	}
	if err != nil {
		return nil, fmt.Errorf("open %s in bucket %s: %w", at.key, at.bucket, err)
	}
	return &File{Body: body, At: from, Size: size, Version: now}, nil
}

// refuse says what is wrong with a source.
func refuse(code, format string, args ...any) *fault.Error {
	return fault.Invalid(code, format, args...).With(fault.Field{Location: "body.source", Message: fmt.Sprintf(format, args...)})
}

// allowed reports whether addresses with that host may be read.
func (r *Reader) allowed(host string) bool {
	return len(r.hosts) == 0 || slices.ContainsFunc(r.hosts, func(pattern string) bool {
		if domain, ok := strings.CutPrefix(pattern, "*"); ok {
			return strings.HasSuffix(host, domain)
		}
		return host == pattern
	})
}

// portsText names the ports that may be connected to.
func (r *Reader) portsText() string {
	all := make([]string, len(r.config.Ports))
	for i, p := range r.config.Ports {
		all[i] = strconv.Itoa(int(p))
	}
	return strings.Join(all, ", ")
}
