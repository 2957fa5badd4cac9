package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/narrativeml/narrative/internal/cache"
	"github.com/narrativeml/narrative/internal/dataset"
)

// Answers has each answer made once for those who ask for it together, and may
// keep it.
type Answers interface {
	Do(ctx context.Context, key cache.Key, fill func(context.Context) ([]byte, error)) ([]byte, error)
}

// The answers that are kept.
const (
	answerProfile     = "profile"
	answerPreview     = "preview"
	answerChart       = "chart"
	answerSuggestions = "suggestions"
)

// Revalidation is how a client asks whether what it has is still true.
type Revalidation struct {
	IfNoneMatch string `header:"If-None-Match" maxLength:"1024" doc:"An ETag, or several: answer 304 while one of them is what there is"`
}

// matches reports whether one of the tags is the one given. A weak tag is equal to
// the strong one here (RFC 9110, 13.1.2).
func (r Revalidation) matches(tag string) bool {
	for one := range strings.SplitSeq(r.IfNoneMatch, ",") {
		if strings.TrimPrefix(strings.TrimSpace(one), "W/") == tag {
			return true
		}
	}
	return false
}

// anything reports whether the client has something and wants nothing else.
func (r Revalidation) anything() bool { return strings.TrimSpace(r.IfNoneMatch) == "*" }

// text is a body that was encoded before; the API's description has it as T.
type text[T any] []byte

// Schema implements huma.SchemaProvider.
func (text[T]) Schema(r huma.Registry) *huma.Schema { return r.Schema(reflect.TypeFor[T](), true, "") }

// encoded is the body as transform leaves it.
func (t text[T]) encoded() encoded { return encoded(t) }

// answered is an answer that is made of one version of a data set. With status 304
// it has no body.
type answered[T any] struct {
	Status       int
	ETag         string `header:"ETag" doc:"Of the version, of what is set for its columns, and of the request; send it as If-None-Match" example:"\"5f1c9a0e8d3b2a475f1c9a0e8d3b2a47\""`
	CacheControl string `header:"Cache-Control" doc:"The answer may be kept by its reader alone, and is to be asked for again, with its ETag"`
	Body         text[T]
}

// cacheNever is of answers that nobody may keep.
const cacheNever = "no-store"

// masked is the form of answers of which values of personal data are masked.
const masked cache.Form = "masked"

// formOf returns how the values of the data set are shown to every caller of the
// tenant. What only some may see is never kept.
func formOf(d *dataset.Dataset) cache.Form {
	if len(d.Private()) > 0 {
		return masked
	}
	return cache.Plain
}

// keyOf returns the key of an answer that is made of the data set as it is.
func (s *server) keyOf(d *dataset.Dataset, answer string, parameters any) cache.Key {
	return cache.Key{
		Release: s.config.Version, Tenant: d.Tenant, Dataset: d.ID, Version: max(d.Version.Number, 1), Content: d.Content(),
		Form: formOf(d), Answer: answer, Parameters: string(encode(parameters)),
	}
}

// answerOf answers with what fill makes, unless the client has it, or somebody
// has had it made.
func answerOf[T any](ctx context.Context, s *server, key cache.Key, has Revalidation, fill func(context.Context) (T, error)) (*answered[T], error) {
	tag, err := key.Tag()
	if err != nil {
		return nil, err
	}
	out := &answered[T]{Status: http.StatusOK, ETag: tag, CacheControl: cacheJob}
	if has.matches(tag) {
		out.Status = http.StatusNotModified
		return out, nil
	}
	out.Body, err = s.answers.Do(ctx, key, func(ctx context.Context) ([]byte, error) {
		v, err := fill(ctx)
		if err != nil {
			return nil, err
		}
		b, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("encode the %s of data set %s: %w", key.Answer, key.Dataset, err)
		}
		return b, nil
	})
	if err != nil {
		return nil, err
	}
	if has.anything() {
		out.Status = http.StatusNotModified
	}
	return out, nil
}
