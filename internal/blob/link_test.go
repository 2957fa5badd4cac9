package blob_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/blob"
	"github.com/narrativeml/narrative/internal/fault"
)

func TestALinkWorksWithoutUs(t *testing.T) {
	t.Parallel()
	proxy := httptest.NewServer(http.HandlerFunc(forward))
	defer proxy.Close()
	c := setup(t, func(c *blob.Config) { c.PublicEndpoint = strings.Replace(proxy.URL, "127.0.0.1", "localhost", 1) })
	put(t, c, "jobs/job_1/1/predictions.csv", "id,label\n1,yes\n")
	for filename, want := range map[string]string{
		"my predictions.csv": `attachment; filename="my predictions.csv"`,
		"façade.csv":         `attachment; filename*=utf-8''fa%C3%A7ade.csv`,
		"a\r\nX-Evil: 1/b":   `attachment; filename="a__X-Evil: 1_b"`,
		"":                   `attachment; filename=predictions.csv`,
		"../..":              `attachment; filename=.._..`,
	} {
		link, err := c.Presign(t.Context(), "jobs/job_1/1/predictions.csv", filename, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(link, "http://localhost:") {
			t.Errorf("the link is not on the public endpoint: %s", link)
		}
		if filename == "../.." {
			want = `attachment; filename=predictions.csv`
		}
		response := fetch(t, link)
		text, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != http.StatusOK || string(text) != "id,label\n1,yes\n" {
			t.Errorf("%q: %s, %q, %v", filename, response.Status, text, err)
		}
		if got := response.Header.Get("Content-Disposition"); got != want {
			t.Errorf("%q is saved as %s, want %s", filename, got, want)
		}
		_ = response.Body.Close()
		if strings.Contains(link, gateway.SecretAccessKey().Reveal()) {
			t.Error("the link holds the secret")
		}
		forged := fetch(t, strings.Replace(link, "predictions.csv?", "other.csv?", 1))
		if forged.StatusCode != http.StatusForbidden {
			t.Errorf("a forged link gave %s", forged.Status)
		}
		_ = forged.Body.Close()
	}
	for _, ttl := range []time.Duration{0, -time.Second, 8 * 24 * time.Hour} {
		if _, err := c.Presign(t.Context(), "k", "", ttl); fault.CodeOf(err) != "invalid_ttl" {
			t.Errorf("%s gave %v", ttl, err)
		}
	}
}

func fetch(t *testing.T, link string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, link, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	return response
}
