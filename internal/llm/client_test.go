package llm_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/llm"
	"github.com/narrativeml/narrative/internal/secret"
)

func TestPing(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.Header.Get("Authorization") != "Bearer sk-hunter2" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		switch r.URL.Path {
		case "/v1/models":
			_, _ = io.WriteString(w, `{"object":"list","data":[{"id":"small"}]}`)
		case "/page/models":
			_, _ = io.WriteString(w, `<html>`)
		case "/other/models":
			_, _ = io.WriteString(w, `{"status":"fine"}`)
		case "/slow/models":
			select {
			case <-release:
			case <-r.Context().Done():
			}
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(release) })
	key := secret.New("sk-hunter2")
	for name, test := range map[string]struct {
		config  llm.Config
		code    string
		message string
	}{
		"there":           {llm.Config{URL: server.URL + "/v1", APIKey: key}, "", ""},
		"there, slash":    {llm.Config{URL: server.URL + "/v1/", APIKey: key}, "", ""},
		"not configured":  {llm.Config{}, "not_configured", "no language model"},
		"no key":          {llm.Config{URL: server.URL + "/v1"}, "llm_unavailable", "status 401"},
		"wrong base":      {llm.Config{URL: server.URL, APIKey: key}, "llm_unavailable", "status 404"},
		"a page":          {llm.Config{URL: server.URL + "/page", APIKey: key}, "llm_unavailable", "list of models"},
		"something else":  {llm.Config{URL: server.URL + "/other", APIKey: key}, "llm_unavailable", "list of models"},
		"slow":            {llm.Config{URL: server.URL + "/slow", APIKey: key, Timeout: 50 * time.Millisecond}, "llm_unavailable", "within 50ms"},
		"nobody is there": {llm.Config{URL: "http://127.0.0.1:1/v1", APIKey: key}, "llm_unavailable", "cannot be reached"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := llm.New(test.config)
			if err != nil {
				t.Fatal(err)
			}
			if c.Configured() != (test.config.URL != "") {
				t.Errorf("configured is %v", c.Configured())
			}
			err = c.Ping(t.Context())
			if test.code == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			e, ok := fault.As(err)
			if !ok || e.Code != test.code || !strings.Contains(e.Message, test.message) {
				t.Fatalf("got %v", err)
			}
			if strings.Contains(e.Message, "http://") || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("too much is shown: %v", err)
			}
		})
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"api.example.com/v1", "ftp://api.example.com", "https://user:hunter2@api.example.com/v1", "https://api.example.com/v1?key=hunter2", "http://%zz"} {
		_, err := llm.New(llm.Config{URL: url})
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s gave %v", url, err)
		}
	}
}
