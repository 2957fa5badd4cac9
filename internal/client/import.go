package client

import (
	"context"
	"fmt"
)

// ImportRequest names a file that the server is to fetch.
type ImportRequest struct {
	Source      string `json:"source"` // https://… or s3://bucket/key
	Name        string `json:"name,omitempty"`
	Kind        string `json:"kind,omitempty"`
	Compression string `json:"compression,omitempty"`
	Encoding    string `json:"encoding,omitempty"`
	Delimiter   string `json:"delimiter,omitempty"`
	Quote       string `json:"quote,omitempty"`
	Header      *bool  `json:"header,omitempty"`
	Sheet       string `json:"sheet,omitempty"`
	Order
}

// NewImport returns a request for the file at the source, of which so much is
// known.
func NewImport(source string, f FileFormat) ImportRequest {
	if f.Delimiter == `\t` {
		f.Delimiter = "\t"
	}
	return ImportRequest{
		Source: source, Kind: f.Kind, Compression: f.Compression, Encoding: f.Encoding,
		Delimiter: f.Delimiter, Quote: f.Quote, Header: f.Header, Sheet: f.Sheet,
	}
}

// Import has the server fetch a file. An empty key is replaced by a random one.
func (c *Client) Import(ctx context.Context, r ImportRequest, key string) (Accepted, error) {
	if key == "" {
		key = NewKey()
	}
	var a Accepted
	if err := c.post(ctx, "datasets/import", r, key, &a); err != nil {
		return Accepted{}, fmt.Errorf("import: %w", err) // the source may hold a secret
	}
	return a, nil
}
