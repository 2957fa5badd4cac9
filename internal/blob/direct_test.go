package blob_test

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/blob"
	"github.com/narrativeml/narrative/internal/fault"
)

// sums are the checksums of the data.
func sums(data []byte) map[string]string {
	m := md5.Sum(data)
	s := sha256.Sum256(data)
	return map[string]string{blob.SumMD5: hex.EncodeToString(m[:]), blob.SumSHA256: hex.EncodeToString(s[:]), blob.SumCRC32: fmt.Sprintf("%08x", crc32.ChecksumIEEE(data))}
}

// sent puts the data where the address says and returns the answer's status and text.
func sent(t *testing.T, address string, headers map[string]string, data []byte) (status int, text string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, address, bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer closing(t, response.Body)
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// TestAnAddressTakesItsPartAlone sends what was not agreed to the addresses of
// parts: the service refuses it by the signature or by the checksum.
func TestAnAddressTakesItsPartAlone(t *testing.T) {
	t.Parallel()
	proxy := httptest.NewServer(http.HandlerFunc(forward))
	t.Cleanup(proxy.Close)
	public := strings.Replace(proxy.URL, "127.0.0.1", "localhost", 1)
	c := setup(t, small, func(c *blob.Config) { c.PublicEndpoint = public })
	data := []byte("a,b\n1,2\n")
	for _, sum := range []string{"", blob.SumMD5, blob.SumSHA256, blob.SumCRC32} {
		t.Run("sum "+sum, func(t *testing.T) {
			t.Parallel()
			key := "uploads/acme/ds_" + sum + "/raw"
			told := map[string]string{}
			algorithm := ""
			if sum != "" {
				told[sum] = sums(data)[sum]
			}
			if sum != blob.SumMD5 {
				algorithm = sum
			}
			token, err := c.AssembleDirect(t.Context(), key, "text/csv", int64(len(data)), algorithm)
			if err != nil {
				t.Fatal(err)
			}
			address, headers, err := c.PresignPart(t.Context(), key, token, 1, told, time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(address, public+"/") || strings.Contains(address, gateway.SecretAccessKey().Reveal()) || (len(headers) > 0) != (sum != "") {
				t.Errorf("%s, %v", address, headers)
			}
			for what, wrong := range map[string][]byte{"longer": append(bytes.Clone(data), 'x'), "shorter": data[1:], "empty": nil} {
				if status, text := sent(t, address, headers, wrong); status < 400 || status >= 500 {
					t.Errorf("%s: %d %s", what, status, text)
				}
			}
			other := bytes.ToUpper(data)
			if status, text := sent(t, address, headers, other); (status == http.StatusOK) != (sum == "") || status >= 500 {
				t.Errorf("other bytes: %d %s", status, text)
			}
			if len(headers) > 0 {
				if status, text := sent(t, address, nil, data); status != http.StatusForbidden {
					t.Errorf("without the checksum: %d %s", status, text)
				}
			}
			if status, text := sent(t, strings.Replace(address, "partNumber=1", "partNumber=2", 1), headers, data); status != http.StatusForbidden {
				t.Errorf("another part: %d %s", status, text)
			}
			if status, text := sent(t, strings.Replace(address, "/raw?", "/other?", 1), headers, data); status != http.StatusForbidden {
				t.Errorf("another file: %d %s", status, text)
			}
			if status, text := sent(t, address, headers, data); status != http.StatusOK {
				t.Fatalf("the part: %d %s", status, text)
			}
			if left := keys(t, c, key); len(left) != 0 {
				t.Errorf("the file has appeared: %q", left)
			}
			for range 2 {
				if err := c.Finish(t.Context(), key, token); err != nil {
					t.Fatal(err)
				}
			}
			// The address is still good, and there is nothing that it leads to.
			if status, text := sent(t, address, headers, data); status != http.StatusNotFound {
				t.Errorf("afterwards: %d %s", status, text)
			}
			if got := get(t, c, key); got != string(data) {
				t.Errorf("the file is %q", got)
			}
		})
	}
}

func TestAnAddressIsGoodForATime(t *testing.T) {
	t.Parallel()
	c := setup(t, small)
	const key, size = "uploads/acme/ds_1/raw", 7
	token, err := c.AssembleDirect(t.Context(), key, "", size, "")
	if err != nil {
		t.Fatal(err)
	}
	address, _, err := c.PresignPart(t.Context(), key, token, 1, nil, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	// Its time is signed, so it is waited for the end of one second.
	if got := u.Query().Get("X-Amz-Expires"); got != "1" || !strings.Contains(u.Query().Get("X-Amz-SignedHeaders"), "content-length") {
		t.Errorf("%s", address)
	}
	status, text := 0, ""
	for until := time.Now().Add(30 * time.Second); status != http.StatusForbidden && time.Now().Before(until); {
		status, text = sent(t, address, nil, make([]byte, size))
	}
	if status != http.StatusForbidden || !strings.Contains(text, "expired") {
		t.Errorf("%d %s", status, text)
	}
	for what, err := range map[string]error{
		"part 0":       third(c.PresignPart(t.Context(), key, token, 0, nil, time.Minute)),
		"part 2":       third(c.PresignPart(t.Context(), key, token, 2, nil, time.Minute)),
		"no time":      third(c.PresignPart(t.Context(), key, token, 1, nil, 0)),
		"too long":     third(c.PresignPart(t.Context(), key, token, 1, nil, 8*24*time.Hour)),
		"no token":     third(c.PresignPart(t.Context(), key, "x", 1, nil, time.Minute)),
		"no hex":       third(c.PresignPart(t.Context(), key, token, 1, map[string]string{"md5": "x"}, time.Minute)),
		"another sum":  third(c.PresignPart(t.Context(), key, token, 1, map[string]string{"sha1": "00"}, time.Minute)),
		"algorithm":    second(c.AssembleDirect(t.Context(), key, "", size, "sha1")),
		"an empty one": second(c.AssembleDirect(t.Context(), key, "", 0, "")),
		"list":         second(c.EachPart(t.Context(), key, "x", 0, nil)),
	} {
		if err == nil {
			t.Errorf("%s was taken", what)
		}
	}
	if _, err := c.DirectPart(60 << 40); fault.CodeOf(err) != "file_too_large" {
		t.Errorf("60 TiB: %v", err)
	}
	for size, want := range map[int64]int64{1: 64 << 20, 100 << 30: 64 << 20, 1 << 40: 105 << 20} {
		plain := setup(t)
		if part, err := plain.DirectPart(size); err != nil || part != want {
			t.Errorf("parts of a file of %d bytes have %d, %v; want %d", size, part, err, want)
		}
	}
}

// TestPagesMaySend asks as a browser does before it sends a part from a page of
// another origin.
func TestPagesMaySend(t *testing.T) {
	t.Parallel()
	c := setup(t, small)
	const key = "uploads/acme/ds_1/raw"
	data := []byte("a\n1\n")
	token, err := c.AssembleDirect(t.Context(), key, "", int64(len(data)), "")
	if err != nil {
		t.Fatal(err)
	}
	address, headers, err := c.PresignPart(t.Context(), key, token, 1, map[string]string{blob.SumMD5: sums(data)[blob.SumMD5]}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"Origin": "https://app.example.org", "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-md5"} {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer closing(t, response.Body)
	h := response.Header
	if response.StatusCode/100 != 2 || h.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(h.Get("Access-Control-Allow-Methods"), "PUT") || !strings.Contains(strings.ToLower(h.Get("Access-Control-Allow-Headers")), "content-md5") {
		t.Errorf("%s: %v", response.Status, h)
	}
	if status, text := sent(t, address, headers, data); status != http.StatusOK {
		t.Errorf("%d %s", status, text)
	}
}
