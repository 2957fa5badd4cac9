package tenanttest

import (
	"encoding/json"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
)

// document is what the walk reads of an OpenAPI document.
type document struct {
	Paths      map[string]map[string]operation `json:"paths"`
	Components struct {
		Schemas map[string]schema `json:"schemas"`
	} `json:"components"`
}

type operation struct {
	ID         string                `json:"operationId"`
	Security   []map[string][]string `json:"security"`
	Parameters []struct {
		Name   string `json:"name"`
		In     string `json:"in"`
		Schema schema `json:"schema"`
	} `json:"parameters"`
	Body      content            `json:"requestBody"`
	Responses map[string]content `json:"responses"`

	method, path string
}

type content struct {
	Content map[string]struct {
		Schema schema `json:"schema"`
	} `json:"content"`
}

type schema struct {
	Ref        string            `json:"$ref"`
	Type       any               `json:"type"` // a name or several
	Enum       []any             `json:"enum"`
	Properties map[string]schema `json:"properties"`
}

// operations returns those that need a caller, in the order of their paths.
func (d *document) operations() []operation {
	var all []operation
	for _, at := range slices.Sorted(maps.Keys(d.Paths)) {
		for _, method := range slices.Sorted(maps.Keys(d.Paths[at])) {
			op := d.Paths[at][method]
			op.method, op.path = strings.ToUpper(method), at
			if len(op.Security) > 0 {
				all = append(all, op)
			}
		}
	}
	return all
}

// forOperators reports whether the operation is about what belongs to no tenant
// and is for operators only, as whoever walks by roles checks.
func (op operation) forOperators() bool {
	return slices.Contains([]string{"get-queues", "get-queue", "put-queue", "list-tenants", "get-tenant", "put-tenant"}, op.ID)
}

// properties are those of the content's JSON, by name.
func (d *document) properties(c content) map[string]schema {
	s := c.Content["application/json"].Schema
	if s.Ref != "" {
		s = d.Components.Schemas[path.Base(s.Ref)]
	}
	return s.Properties
}

// named returns the properties of the request's body that name a thing.
func (d *document) named(op operation) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(d.properties(op.Body))) {
		if name == "id" || strings.HasSuffix(name, "_id") || strings.HasSuffix(name, "_ids") {
			names = append(names, name)
		}
	}
	return names
}

// lists reports whether the operation answers with a page of things.
func (d *document) lists(op operation) bool {
	_, items := d.properties(op.Responses["200"])["items"]
	return op.method == http.MethodGet && items
}

// filters returns the parameters of the operation's query that take any text.
func (op operation) filters() []string {
	var names []string
	for _, p := range op.Parameters {
		if p.In == "query" && p.Schema.Type == "string" && len(p.Schema.Enum) == 0 && p.Name != "cursor" {
			names = append(names, p.Name)
		}
	}
	return names
}

// versioned reports whether the query may name a version.
func (op operation) versioned() bool {
	for _, p := range op.Parameters {
		if p.In == "query" && p.Name == "version" {
			return true
		}
	}
	return false
}

// decode reads the document.
func decode(text []byte) (*document, error) {
	var d document
	return &d, json.Unmarshal(text, &d)
}

// own checks that what is set for the owner's tenant holds for that one alone.
func (w *walk) own(at string) {
	w.tb.Helper()
	const set = "medical_id"
	put := request{method: http.MethodPut, path: at, body: map[string]any{"kinds": map[string]any{set: "mask"}}}
	if got := w.ask(w.owner.Token, put); got.status != http.StatusOK {
		w.tb.Errorf("PUT %s by the owner: status %d: %s", at, got.status, got.body)
	}
	for token, shown := range map[string]bool{w.owner.Token: true, w.another.Token: false} {
		got := w.ask(token, request{method: http.MethodGet, path: at})
		if got.status != http.StatusOK || strings.Contains(string(got.body), set) != shown {
			w.tb.Errorf("GET %s of what the owner has set: status %d: %s", at, got.status, got.body)
		}
	}
}
