package source

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxAddress is the longest address, in bytes: links that carry a signature are
// long.
const maxAddress = 4096

// location is where a file is: at a URL, or in a bucket.
type location struct {
	url         *url.URL
	bucket, key string
}

// parse reads an address that a tenant has given.
func (r *Reader) parse(tenant, address string) (location, error) {
	const want = "write an address such as https://files.example.com/customers.csv or s3://bucket/customers.csv"
	if address == "" || len(address) > maxAddress || !utf8.ValidString(address) || strings.ContainsFunc(address, unicode.IsControl) {
		return location{}, refuse("invalid_source", "the source has %d bytes; %s, of at most %d bytes and without control characters", len(address), want, maxAddress)
	}
	if rest, ok := cutScheme(address, "s3"); ok {
		return r.parseObject(tenant, rest)
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" { // the reason repeats the address
		return location{}, refuse("invalid_source", "the source is no address; %s", want)
	}
	if err := r.checkURL(u); err != nil {
		return location{}, err
	}
	u.Fragment, u.RawFragment = "", ""
	return location{url: u}, nil
}

func cutScheme(address, scheme string) (string, bool) {
	const mark = "://"
	n := len(scheme) + len(mark)
	if len(address) >= n && strings.EqualFold(address[:n], scheme+mark) {
		return address[n:], true
	}
	return "", false
}

// checkURL refuses addresses that are not to be requested, at first and on every
// redirect.
func (r *Reader) checkURL(u *url.URL) error {
	schemes := "https"
	if r.config.HTTP {
		schemes = "https or http"
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !r.config.HTTP) {
		return refuse("source_scheme", "a source with the scheme %.20q is not read; use %s, or s3", u.Scheme, schemes)
	}
	if u.User != nil {
		return refuse("source_credentials", "the source holds a user or a password, which would be stored; leave them out, and use a link that carries its own signature")
	}
	host := canonical(u.Hostname())
	address, notAddress := netip.ParseAddr(host)
	if u.Opaque != "" || notAddress != nil && !isHost(host) {
		return refuse("invalid_source", "the source names no host; write an address such as https://files.example.com/customers.csv")
	}
	port, err := portOf(u)
	if err != nil {
		return refuse("invalid_source", "the port of the source is none")
	}
	if !r.allowed(host) {
		return refuse("source_host", "files of this host are not read here; ask your operator to allow it (import.allow_hosts)")
	}
	if !slices.Contains(r.config.Ports, port) {
		return refuse("source_port", "port %d is not read from; use port %s, or ask your operator to allow it (import.ports)", port, r.portsText())
	}
	if notAddress == nil && !r.guard.safe(netip.AddrPortFrom(address, port)) {
		return errNotPublic()
	}
	return nil
}

// errNotPublic is the same for a name that is not known and one that leads inside:
// nobody shall learn by it which names there are inside.
func errNotPublic() error {
	return refuse("source_address", "the source's host is not known, or not at a public address; check its name, or ask your operator to allow its address (import.allow_addresses)")
}

func portOf(u *url.URL) (uint16, error) {
	switch text := u.Port(); {
	case text != "":
		n, err := strconv.ParseUint(text, 10, 16)
		if err == nil && n == 0 {
			err = errors.New("port 0")
		}
		return uint16(n), err //nolint:wrapcheck // only whether there is one matters
	case u.Scheme == "http":
		return 80, nil
	default:
		return tlsPort, nil
	}
}

// canonical is a host as it is compared.
func canonical(host string) string { return strings.TrimSuffix(strings.ToLower(host), ".") }

var hostName = regexp.MustCompile(`^[\p{L}\p{M}\p{N}_-]{1,63}(\.[\p{L}\p{M}\p{N}_-]{1,63})*$`)

func isHost(host string) bool { return len(host) <= 253 && hostName.MatchString(host) }

// tenantMark stands for the tenant in a pattern.
const tenantMark = "{tenant}"

// pattern is what may be read of S3.
type pattern struct{ bucket, prefix string }

var (
	bucketName    = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	bucketPattern = regexp.MustCompile(`^[a-z0-9.-]*(\{tenant\})?[a-z0-9.-]*$`)
)

// parsePattern reads a pattern such as landing/{tenant}/.
func parsePattern(text string) (pattern, error) {
	bucket, prefix, _ := strings.Cut(text, "/")
	p := pattern{bucket, prefix}
	switch rest := strings.NewReplacer(tenantMark, "x").Replace(prefix); {
	case bucket == "", !bucketPattern.MatchString(bucket), prefix != "" && !strings.HasSuffix(prefix, "/"),
		prefix != "" && path.Clean("/"+rest) != "/"+strings.TrimSuffix(rest, "/"), strings.ContainsAny(rest, "{}*"):
		return p, fmt.Errorf("source: %q is no pattern such as landing/{tenant}/: a bucket, and what keys begin with, which ends in a slash", text)
	}
	return p, nil
}

// allows reports whether the tenant may read the key. The tenant's name has no
// slash, see account.EncodeTenant, so that one's prefix is not in another's.
func (p pattern) allows(tenant, bucket, key string) bool {
	own := func(s string) string { return strings.ReplaceAll(s, tenantMark, tenant) }
	if strings.Contains(p.bucket+p.prefix, tenantMark) && (tenant == "" || strings.Contains(tenant, "/")) {
		return false
	}
	return bucket == own(p.bucket) && strings.HasPrefix(key, own(p.prefix))
}

// parseObject reads bucket/key.
func (r *Reader) parseObject(tenant, rest string) (location, error) {
	bucket, key, _ := strings.Cut(rest, "/")
	if !bucketName.MatchString(bucket) || key == "" || len(key) > 1024 || path.Clean("/"+key) != "/"+key {
		return location{}, refuse("invalid_source", "the source is no file of a bucket; write s3://bucket/folder/customers.csv, without a version, and without empty folders, . and ..")
	}
	if bucket != r.config.OwnBucket {
		for _, p := range r.buckets {
			if p.allows(tenant, bucket, key) {
				return location{bucket: bucket, key: key}, nil
			}
		}
	}
	return location{}, refuse("source_bucket", "this file of the bucket %s is not read here; ask your operator to open it for you (import.s3_buckets), or use an https link that carries its own signature", bucket)
}
