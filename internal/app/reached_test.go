package app_test

import (
	"testing"

	"github.com/narrativeml/narrative/internal/app"
	"github.com/narrativeml/narrative/internal/config"
)

// TestReached says when clients are given addresses of the file storage: never
// ones that lead nowhere.
func TestReached(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		mode             config.Mode
		endpoint, public string
		want             bool
	}{
		"AWS":                        {config.Production, "", "", true},
		"a server":                   {config.Production, "https://s3.example.org", "", true},
		"this machine alone":         {config.Production, "http://127.0.0.1:7070", "", false},
		"by name":                    {config.Production, "http://localhost:7070", "", false},
		"by the other address":       {config.Production, "http://[::1]:7070", "", false},
		"with an address of its own": {config.Production, "http://127.0.0.1:7070", "https://files.example.org", true},
		"development":                {config.Development, "http://127.0.0.1:7070", "", true},
	} {
		c := config.Config{Mode: tt.mode, S3: config.S3{Endpoint: tt.endpoint, PublicEndpoint: tt.public}}
		if got := app.Reached(c); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
