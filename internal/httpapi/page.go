package httpapi

import (
	"context"
	"fmt"
	"net/url"
)

// Paging is how a client asks for one page of a list.
type Paging struct {
	Cursor string `query:"cursor" maxLength:"2048" doc:"next_cursor of the page before, with the same filters; leave it out for the first page"`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"How many items to return at most"`
}

// Page is one page of a list.
type Page[T any] struct {
	Items      []T    `json:"items" nullable:"false" doc:"The items, newest first"`
	NextCursor string `json:"next_cursor,omitempty" doc:"Asks for the next page; missing at the end"`
}

// pageOutput is the answer to a request for a page.
type pageOutput[T any] struct {
	Link string `header:"Link" doc:"The address of the next page, with rel=\"next\"; missing at the end (RFC 8288)"`
	Body Page[T]
}

// pageOf builds the answer from the records of a page.
func pageOf[R, T any](ctx context.Context, records []R, next string, view func(R) T) *pageOutput[T] {
	out := &pageOutput[T]{Body: Page[T]{Items: make([]T, 0, len(records)), NextCursor: next}}
	for _, r := range records {
		out.Body.Items = append(out.Body.Items, view(r))
	}
	if next != "" {
		out.Link = nextLink(ctx, "cursor", next)
	}
	return out
}

// nextLink is the address of the request with one parameter changed.
func nextLink(ctx context.Context, name, value string) string {
	u := *exchangeOf(ctx).echo.Request().URL
	query := u.Query()
	query.Set(name, value)
	next := url.URL{Path: u.Path, RawQuery: query.Encode()}
	return fmt.Sprintf(`<%s>; rel="next"`, next.String())
}
