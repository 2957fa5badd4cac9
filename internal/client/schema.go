package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// Schema is what the columns of a data set are.
type Schema struct {
	whole whole

	Columns []SchemaColumn `json:"columns"`
	JobID   string         `json:"job_id"` // that reads the file again; empty: none
	Job     *Job           `json:"job"`
}

// SchemaColumn is a column and what speaks for its type.
type SchemaColumn struct {
	Column
	Layout      string          `json:"layout"`
	Unit        string          `json:"unit"`
	Chosen      bool            `json:"chosen"`
	Agree       int64           `json:"agree"`
	Disagree    int64           `json:"disagree"`
	Disagreeing []Sample        `json:"disagreeing"`
	Suggestion  *TypeSuggestion `json:"suggestion"`
}

// Sample is a value and its row.
type Sample struct {
	Row   int64  `json:"row"`
	Value string `json:"value"`
}

// TypeSuggestion is a type that a column could have.
type TypeSuggestion struct {
	Type        string   `json:"type"`
	Reason      string   `json:"reason"`
	Layouts     []string `json:"layouts"`
	Agree       int64    `json:"agree"`
	Disagree    int64    `json:"disagree"`
	Disagreeing []Sample `json:"disagreeing"`
}

// ColumnChange sets the type or the role of a column; what is empty stays.
type ColumnChange struct {
	Name   string `json:"name"`
	Type   string `json:"type,omitempty"`
	Layout string `json:"layout,omitempty"`
	Role   string `json:"role,omitempty"`
}

type plainSchema Schema

var (
	_ json.Marshaler   = (*Schema)(nil)
	_ json.Unmarshaler = (*Schema)(nil)
)

// UnmarshalJSON implements json.Unmarshaler.
func (s *Schema) UnmarshalJSON(text []byte) error { return s.whole.read(text, (*plainSchema)(s)) }

// MarshalJSON writes what the server sent.
func (s *Schema) MarshalJSON() ([]byte, error) { return s.whole.write((*plainSchema)(s)) }

// Schema returns what the columns of the data set are.
func (c *Client) Schema(ctx context.Context, id string) (*Schema, error) {
	s := new(Schema)
	if err := c.get(ctx, "datasets/"+url.PathEscape(id)+"/schema", nil, s); err != nil {
		return nil, err
	}
	return s, nil
}

// ChangeSchema sets types and roles of columns.
func (c *Client) ChangeSchema(ctx context.Context, id string, changes []ColumnChange) (*Schema, error) {
	s := new(Schema)
	in := map[string]any{"columns": changes}
	if err := c.write(ctx, http.MethodPatch, "datasets/"+url.PathEscape(id)+"/schema", in, "", s); err != nil {
		return nil, err
	}
	return s, nil
}

// MakeProfile submits a job that makes the profile anew.
func (c *Client) MakeProfile(ctx context.Context, id, key string) (*Job, error) {
	var a Accepted
	if err := c.post(ctx, "datasets/"+url.PathEscape(id)+"/profile", nil, key, &a); err != nil {
		return nil, err
	}
	if a.Job == nil {
		return nil, errors.New("the server accepted the profile but names no job")
	}
	return a.Job, nil
}

// Chart returns the data of a chart as they are.
func (c *Client) Chart(ctx context.Context, id, kind string, query url.Values) (json.RawMessage, error) {
	resp, err := c.do(ctx, call{method: http.MethodGet, path: "datasets/" + url.PathEscape(id) + "/charts/" + url.PathEscape(kind), query: query})
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }() // what was read is enough
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read the chart: %w", err)
	}
	return b, nil
}
