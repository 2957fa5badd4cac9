package source_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/source"
)

func reader(tb testing.TB, c source.Config) *source.Reader {
	tb.Helper()
	r, err := source.New(c)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// TestAddresses holds every kind of address that is not a stranger's public one.
func TestAddresses(t *testing.T) {
	t.Parallel()
	r := reader(t, source.Config{})
	for host, public := range map[string]bool{
		"1.1.1.1": true, "8.8.8.8": true, "[2606:4700:4700::1111]": true, "100.63.255.255": true, "172.32.0.1": true, "169.253.0.1": true,
		"0.0.0.0": false, "0.1.2.3": false, // this network
		"127.0.0.1": false, "127.255.255.254": false, "[::1]": false, // loopback
		"10.1.2.3": false, "172.16.0.1": false, "172.31.255.255": false, "192.168.1.1": false, // private
		"169.254.169.254": false, "169.254.0.1": false, "[fe80::1]": false, "[fe80::1%25eth0]": false, // link-local
		"100.64.0.1": false, "100.127.255.255": false, // shared
		"192.0.0.8": false, "192.0.2.1": false, "198.51.100.1": false, "203.0.113.1": false, "198.18.0.1": false, // special
		"192.88.99.1": false, "224.0.0.1": false, "239.255.255.250": false, "240.0.0.1": false, "255.255.255.255": false,
		"[::]": false, "[::ffff:127.0.0.1]": false, "[::ffff:10.0.0.1]": false, "[::ffff:8.8.8.8]": false, "[::127.0.0.1]": false, // of version 4 in 6
		"[64:ff9b::7f00:1]": false, "[64:ff9b::a00:1]": false, "[64:ff9b:1::1]": false, // NAT64
		"[2002:7f00:1::]": false, "[2002:a00:1::1]": false, "[2001::1]": false, "[2001:db8::1]": false, // 6to4, Teredo, documentation
		"[fc00::1]": false, "[fd12:3456:789a::1]": false, "[fec0::1]": false, "[ff02::1]": false, "[100::1]": false, // unique local, site-local, multicast, discard
		"[fd00:ec2::254]": false, // metadata
	} {
		err := r.Check("acme", "https://"+host+"/x.csv")
		if public && err != nil {
			t.Errorf("%s: %v", host, err)
		}
		if !public {
			checkRefused(t, err, fault.ClassInvalid, "source_address")
			if err == nil {
				t.Errorf("%s is let through", host)
			}
		}
	}
	// What a company opens is open, and no more.
	r = reader(t, source.Config{Networks: []netip.Prefix{netip.MustParsePrefix("10.20.0.0/16"), netip.MustParsePrefix("fd00:1::/32")}})
	for host, open := range map[string]bool{"10.20.1.1": true, "10.21.0.1": false, "[fd00:1::5]": true, "[fd00:2::5]": false, "127.0.0.1": false, "1.1.1.1": true} {
		if err := r.Check("acme", "https://"+host+"/"); (err == nil) != open {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestAddressesThatAreRefused(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		config source.Config
		source string
		code   string // empty: it is fine
	}{
		{"a link with a signature", source.Config{}, "https://bucket.s3.amazonaws.com/x.csv?X-Amz-Signature=1&b=%20", ""},
		{"in capitals", source.Config{}, "HTTPS://Files.Example.COM./x.csv#part", ""},
		{"of another script", source.Config{}, "https://bücher.example/x.csv", ""},
		{"nothing", source.Config{}, "", "invalid_source"},
		{"no address", source.Config{}, "customers.csv", "invalid_source"},
		{"a line end", source.Config{}, "https://example.com/a\r\nX: y", "invalid_source"},
		{"not UTF-8", source.Config{}, "https://example.com/\xff", "invalid_source"},
		{"too long", source.Config{}, "https://example.com/" + strings.Repeat("x", 5000), "invalid_source"},
		{"no host", source.Config{}, "https:///x.csv", "invalid_source"},
		{"opaque", source.Config{}, "https:example.com", "invalid_source"},
		{"a strange host", source.Config{}, "https://a b/x", "invalid_source"},
		{"a host with a colon", source.Config{}, "https://exa$mple.com/x", "invalid_source"},
		{"a port that is none", source.Config{}, "https://example.com:99999/x", "invalid_source"},
		{"port 0", source.Config{}, "https://example.com:0/x", "invalid_source"},
		{"another port", source.Config{}, "https://example.com:6379/x", "source_port"},
		{"a port that is allowed", source.Config{Ports: []uint16{443, 8443}}, "https://example.com:8443/x", ""},
		{"plain", source.Config{}, "http://example.com/x", "source_scheme"},
		{"plain, allowed, on another port", source.Config{HTTP: true}, "http://example.com/x", "source_port"},
		{"plain, allowed", source.Config{HTTP: true, Ports: []uint16{80}}, "http://example.com/x", ""},
		{"ftp", source.Config{}, "ftp://example.com/x", "source_scheme"},
		{"a file", source.Config{}, "file:///etc/passwd", "source_scheme"},
		{"gopher", source.Config{}, "gopher://example.com:6379/_x", "source_scheme"},
		{"a user", source.Config{}, "https://me:secret@example.com/x", "source_credentials"},
		{"a user in front of another host", source.Config{}, "https://example.com@10.0.0.1/x", "source_credentials"},
		{"a host that is not allowed", source.Config{Hosts: []string{"files.example.com", "*.example.org"}}, "https://example.com/x", "source_host"},
		{"its domain alone", source.Config{Hosts: []string{"*.example.org"}}, "https://example.org/x", "source_host"},
		{"one that ends like it", source.Config{Hosts: []string{"*.example.org"}}, "https://evilexample.org/x", "source_host"},
		{"a host that is allowed", source.Config{Hosts: []string{"*.Example.org"}}, "https://a.b.example.org/x", ""},
		{"a bucket that is not open", source.Config{}, "s3://landing/x.csv", "source_bucket"},
		{"no key", source.Config{}, "s3://landing", "invalid_source"},
		{"a folder", source.Config{}, "s3://landing/a/", "invalid_source"},
		{"a strange bucket", source.Config{}, "s3://Landing/x", "invalid_source"},
		{"a bucket with a user", source.Config{}, "s3://key:secret@landing/x", "invalid_source"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := reader(t, tt.config).Check("acme", tt.source)
			if tt.code == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			checkRefused(t, err, fault.ClassInvalid, tt.code)
			if _, err := reader(t, tt.config).Open(t.Context(), "acme", tt.source, 0, ""); fault.CodeOf(err) != tt.code {
				t.Errorf("it is opened: %v", err)
			}
		})
	}
}

// objects are files of buckets.
type objects struct {
	files map[string]string
	fail  error
}

func (o objects) OpenIn(_ context.Context, bucket, key, version string, from int64) (io.ReadCloser, int64, string, error) {
	if o.fail != nil {
		return nil, 0, "", o.fail
	}
	text, ok := o.files[bucket+"/"+key]
	if !ok {
		return nil, 0, "", fault.NotFound("file_not_found", "none")
	}
	if version != "" && version != "v1" {
		return nil, 0, "", fault.Conflict("file_changed", "it was replaced")
	}
	return io.NopCloser(bytes.NewReader([]byte(text[from:]))), int64(len(text)), "v1", nil
}

func TestBuckets(t *testing.T) {
	t.Parallel()
	files := objects{files: map[string]string{"landing/acme/x.csv": "0123456789"}}
	config := source.Config{Objects: files, OwnBucket: "narrative", Buckets: []string{"landing/{tenant}/", "{tenant}-data", "shared/in/out/"}}
	r := reader(t, config)
	for name, tt := range map[string]struct {
		tenant, source string
		open           bool
	}{
		"one's own":                 {"acme", "s3://landing/acme/x.csv", true},
		"in capitals":               {"acme", "S3://landing/acme/x.csv", true},
		"deeper":                    {"acme", "s3://landing/acme/a/b.csv", true},
		"another tenant's":          {"acme", "s3://landing/bob/x.csv", false},
		"of one that begins so":     {"acme", "s3://landing/acme2/x.csv", false},
		"of one that ends so":       {"2acme", "s3://landing/acme/x.csv", false},
		"a way up":                  {"acme", "s3://landing/acme/../bob/x.csv", false},
		"a way within":              {"acme", "s3://landing/acme/./x.csv", false},
		"an empty folder":           {"acme", "s3://landing/acme//x.csv", false},
		"one's own bucket":          {"acme", "s3://acme-data/x.csv", true},
		"another's bucket":          {"acme", "s3://bob-data/x.csv", false},
		"what is open to all":       {"bob", "s3://shared/in/out/x.csv", true},
		"beside it":                 {"bob", "s3://shared/in/x.csv", false},
		"the platform's":            {"acme", "s3://narrative/uploads/bob/ds_1/raw", false},
		"a tenant that is no name":  {"acme/x", "s3://landing/acme/x/y.csv", false},
		"no tenant":                 {"", "s3://landing//x.csv", false},
		"the platform's by pattern": {"narrative", "s3://narrative-data/x.csv", true},
	} {
		if err := r.Check(tt.tenant, tt.source); (err == nil) != tt.open {
			t.Errorf("%s: %v", name, err)
		}
	}
	read := func(from int64, version string) (string, *source.File, error) {
		f, err := r.Open(t.Context(), "acme", "s3://landing/acme/x.csv", from, version)
		if err != nil {
			return "", nil, err
		}
		b, err := io.ReadAll(f.Body)
		return string(b), f, errors.Join(err, f.Body.Close())
	}
	if text, f, err := read(4, "v1"); err != nil || text != "456789" || f.At != 4 || f.Size != 10 || f.Version != "v1" {
		t.Errorf("%q %+v: %v", text, f, err)
	}
	if text, f, err := read(4, "v0"); err != nil || text != "0123456789" || f.At != 0 || f.Version != "v1" {
		t.Errorf("replaced: %q %+v: %v", text, f, err)
	}
	_, err := r.Open(t.Context(), "acme", "s3://landing/acme/none.csv", 0, "")
	checkRefused(t, err, fault.ClassInvalid, "source_not_found")
	for code, fail := range map[string]error{
		"source_unauthorized": fault.New(fault.ClassForbidden, "bucket_forbidden", "no"),
		"storage_unavailable": fault.Unavailable("storage_unavailable", "away"),
		"bucket_elsewhere":    fault.Invalid("bucket_elsewhere", "elsewhere"),
	} {
		config.Objects = objects{fail: fail}
		if _, err := reader(t, config).Open(t.Context(), "acme", "s3://landing/acme/x.csv", 0, ""); fault.CodeOf(err) != code {
			t.Errorf("%v, want %s", err, code)
		}
	}
}

func TestConfigurationsThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]source.Config{
		"a host with a path":       {Hosts: []string{"example.com/x"}},
		"any host":                 {Hosts: []string{"*"}},
		"a prefix without its end": {Buckets: []string{"landing/{tenant}"}, Objects: objects{}},
		"a star":                   {Buckets: []string{"landing/*/"}, Objects: objects{}},
		"an unknown mark":          {Buckets: []string{"landing/{user}/"}, Objects: objects{}},
		"a way up":                 {Buckets: []string{"landing/../x/"}, Objects: objects{}},
		"no bucket":                {Buckets: []string{"/x/"}, Objects: objects{}},
		"the platform's bucket":    {Buckets: []string{"narrative/x/"}, OwnBucket: "narrative", Objects: objects{}},
		"nothing that reads":       {Buckets: []string{"landing"}},
	} {
		if _, err := source.New(c); err == nil {
			t.Errorf("%s: it is taken", name)
		}
	}
}

// FuzzCheck checks that every text is refused with a clear error or names what
// may be read.
func FuzzCheck(f *testing.F) {
	for _, s := range []string{
		"https://example.com/x.csv", "s3://landing/acme/x.csv", "https://[::ffff:127.0.0.1]/", "https://127.1/", "http://a@b:1/", "s3://landing/acme/../x",
		"https://%31%32%37.0.0.1/", "https://①②⑦.0.0.1/", "https://[fe80::1%25a]/", "//example.com", "https:\\\\example.com",
	} {
		f.Add(s)
	}
	r := reader(f, source.Config{Objects: objects{}, OwnBucket: "narrative", Buckets: []string{"landing/{tenant}/"}})
	f.Fuzz(func(t *testing.T, address string) {
		err := r.Check("acme", address)
		if err != nil {
			if fault.ClassOf(err) != fault.ClassInvalid {
				t.Fatalf("not a clear error: %v", err)
			}
			return
		}
		lower := strings.ToLower(address)
		if !strings.HasPrefix(lower, "https://") && !strings.HasPrefix(address[2:], "://landing/acme/") {
			t.Fatalf("%q is let through", address)
		}
	})
}
