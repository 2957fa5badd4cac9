package blob

import (
	"context"
	"errors"
	"net/http"

	"github.com/narrativeml/narrative/internal/fault"
)

// Guard makes calls, or refuses to while the service is away. The error of a
// call is nil, or a fault of class unavailable when the service did not answer
// or said that it cannot.
type Guard interface {
	Do(ctx context.Context, call func(context.Context) error) error
}

// guard sends every request under the guard, if there is one: also those that
// the SDK makes by itself, for parts and for further tries.
func guard(next http.RoundTripper, g Guard) http.RoundTripper {
	if g == nil {
		return next
	}
	return &guarded{next: next, guard: g}
}

type guarded struct {
	next  http.RoundTripper
	guard Guard
}

// RoundTrip implements http.RoundTripper.
func (t *guarded) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	made := false
	failed := t.guard.Do(r.Context(), func(context.Context) error {
		made = true
		resp, err = t.next.RoundTrip(r) //nolint:bodyclose // whoever asked closes it
		return away(resp, err)
	})
	if made {
		return resp, err //nolint:wrapcheck // a round tripper passes errors on
	}
	if r.Body != nil {
		_ = r.Body.Close() // a round tripper closes it, whatever happens
	}
	return nil, failed //nolint:wrapcheck // likewise
}

// away returns nil when the service answered.
func away(resp *http.Response, err error) error {
	switch {
	case err == nil && (resp.StatusCode < http.StatusInternalServerError || resp.StatusCode == http.StatusNotImplemented):
		return nil
	case err == nil:
		return fault.Unavailable("storage_unavailable", "the file storage answers %s", resp.Status)
	case errors.Is(err, context.Canceled):
		return err
	default:
		return fault.Unavailable("storage_unavailable", "the file storage does not answer").Because(err)
	}
}
