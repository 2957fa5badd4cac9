package blob_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	"github.com/narrativeml/narrative/internal/blob"
)

// TestUnsignedOnLoopback looks at what is sent to a service on the same machine:
// the signature leaves the body out, and a body that has changed on the way is
// still refused.
func TestUnsignedOnLoopback(t *testing.T) {
	t.Parallel()
	target, err := url.Parse(gateway.Endpoint())
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func([]byte){
		"as it was": func([]byte) {},
		"changed":   func(b []byte) { b[len(b)/2] ^= 1 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var hash, checksum string
			proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
				r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = target.Scheme, target.Host, r.In.Host
				if r.In.Method != http.MethodPut || r.In.ContentLength < 100 {
					return
				}
				hash, checksum = r.In.Header.Get("X-Amz-Content-Sha256"), r.In.Header.Get("X-Amz-Checksum-Crc32")
				b, err := io.ReadAll(r.In.Body)
				if err != nil {
					t.Error(err)
				}
				change(b)
				r.Out.Body = io.NopCloser(bytes.NewReader(b))
			}})
			t.Cleanup(proxy.Close)
			c := setup(t, func(c *blob.Config) { c.Endpoint = proxy.URL })
			_, err := c.Put(t.Context(), "file", "text/plain", bytes.NewReader(bytes.Repeat([]byte("0123456789"), 1000)))
			if (err != nil) != (name == "changed") {
				t.Errorf("stored with error %v", err)
			}
			if hash != "UNSIGNED-PAYLOAD" || checksum == "" {
				t.Errorf("the hash of the body is %q, the checksum %q", hash, checksum)
			}
		})
	}
}

// TestSignedElsewhere looks at which services get a signature of the body.
func TestSignedElsewhere(t *testing.T) {
	t.Parallel()
	for endpoint, signed := range map[string]bool{
		"http://127.0.0.1:9000": false, "http://[::1]:9000": false,
		"": true, "https://127.0.0.1:9000": true, "http://10.0.0.7:9000": true, "http://storage:9000": true,
	} {
		if got := blob.SignsBodies(endpoint); got != signed {
			t.Errorf("%q: signed is %t", endpoint, got)
		}
	}
}
