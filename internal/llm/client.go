package llm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/secret"
)

// Config says where the endpoint is.
type Config struct {
	// URL is the base of the API, up to and with its version, such as
	// https://api.example.com/v1; empty when there is none.
	URL string
	// APIKey is sent as a bearer token when it is set.
	APIKey secret.String
	// Timeout bounds a question; zero means three seconds.
	Timeout time.Duration
}

const defaultTimeout = 3 * time.Second

// Validate reports what is wrong with the configuration. It does not repeat
// the URL, which may hold what it should not.
func (c Config) Validate() error {
	if c.URL == "" {
		return nil
	}
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("llm: the URL is not one such as https://api.example.com/v1")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("llm: the URL must hold neither credentials nor a query; give the API key by itself")
	}
	return nil
}

// Client speaks to the endpoint. It is safe for concurrent use.
type Client struct {
	config Config
	http   *http.Client
}

// New returns a client. Without a URL it is one that says so.
func New(c Config) (*Client, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.Timeout <= 0 {
		c.Timeout = defaultTimeout
	}
	return &Client{config: c, http: &http.Client{}}, nil
}

// Configured reports whether there is an endpoint.
func (c *Client) Configured() bool { return c.config.URL != "" }

// maxAnswer is how much of an answer is read, in bytes.
const maxAnswer = 1 << 20

// Ping asks for the list of models and returns nil when there is one. Without
// an endpoint it returns a fault with the code "not_configured", else faults
// with the code "llm_unavailable", whose messages hold neither URL nor key.
func (c *Client) Ping(ctx context.Context) error {
	if !c.Configured() {
		return fault.Unavailable("not_configured", "no language model is configured")
	}
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(c.config.URL, "/")+"/models", http.NoBody)
	if err != nil {
		return fmt.Errorf("ask for models: %w", err)
	}
	request.Header.Set("Accept", "application/json")
	if !c.config.APIKey.IsZero() {
		request.Header.Set("Authorization", "Bearer "+c.config.APIKey.Reveal())
	}
	response, err := c.http.Do(request)
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return unavailable("the language model did not answer within %s", c.config.Timeout).Because(err)
		}
		return unavailable("the language model cannot be reached").Because(err)
	}
	defer func() { _ = response.Body.Close() }() // nothing is lost with it
	if response.StatusCode != http.StatusOK {
		return unavailable("the language model answered with status %d", response.StatusCode)
	}
	var models struct {
		Data []json.RawMessage `json:"data"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(&models); err != nil || models.Data == nil {
		return unavailable("the endpoint of the language model did not answer with a list of models").Because(err)
	}
	return nil
}

func unavailable(format string, args ...any) *fault.Error {
	return fault.Unavailable("llm_unavailable", format, args...)
}
