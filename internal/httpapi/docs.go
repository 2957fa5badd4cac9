package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// The parts of the readable description, as docs.html shows them.
type (
	docsPage struct {
		Title, Version, Description string
		Groups                      []docsGroup
		Schemes                     []docsScheme
		Problems                    []docsProblem
		Schemas                     []docsSchema
	}
	docsGroup struct {
		Name, Description string
		Operations        []docsOperation
	}
	docsOperation struct {
		ID, Method, Path, Summary, Description string
		Roles                                  string
		Secured                                bool
		Params                                 []docsMember
		Body                                   *docsBody
		Curl, Example                          string
		Answers                                []docsAnswer
	}
	docsBody struct {
		Type, Description string
		Members           []docsMember
	}
	docsMember struct {
		Name, In, Type, Prefix, Schema, Description, Limits string
		Required                                            bool
	}
	docsAnswer struct {
		Status, Description, Type, Schema string
		Headers                           []string
	}
	docsScheme  struct{ Name, Description string }
	docsProblem struct {
		Class, Title, Advice string
		Status               int
	}
	docsSchema struct {
		Name    string
		Members []docsMember
	}
)

// viewDocs says what the readable page of the document shows.
func viewDocs(doc *huma.OpenAPI) docsPage {
	view := docsPage{Title: doc.Info.Title, Version: doc.Info.Version, Description: doc.Info.Description}
	for _, tag := range doc.Tags {
		group := docsGroup{Name: tag.Name, Description: tag.Description}
		for _, address := range slices.Sorted(maps.Keys(doc.Paths)) {
			item := doc.Paths[address]
			for _, op := range []*huma.Operation{item.Post, item.Get, item.Head, item.Put, item.Patch, item.Delete} {
				if op != nil && slices.Contains(op.Tags, tag.Name) {
					group.Operations = append(group.Operations, viewOperation(doc, op))
				}
			}
		}
		view.Groups = append(view.Groups, group)
	}
	for _, name := range slices.Sorted(maps.Keys(doc.Components.SecuritySchemes)) {
		view.Schemes = append(view.Schemes, docsScheme{Name: name, Description: doc.Components.SecuritySchemes[name].Description})
	}
	for _, m := range meanings() {
		view.Problems = append(view.Problems, docsProblem{Class: string(m.class), Title: m.title, Advice: m.advice, Status: m.status})
	}
	schemas := doc.Components.Schemas.Map()
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		view.Schemas = append(view.Schemas, docsSchema{Name: name, Members: viewMembers(schemas[name])})
	}
	return view
}

func viewOperation(doc *huma.OpenAPI, op *huma.Operation) docsOperation {
	v := docsOperation{
		ID: op.OperationID, Method: op.Method, Path: op.Path, Summary: op.Summary, Description: op.Description,
		Secured: len(op.Security) > 0, Curl: curl(op),
	}
	if roles, ok := op.Metadata[metaRoles].([]string); ok {
		v.Roles = strings.Join(roles, " or ")
	}
	for _, p := range op.Parameters {
		m := viewMember(p.Name, p.Schema)
		m.In, m.Required = p.In, p.Required
		if p.Description != "" {
			m.Description = p.Description
		}
		v.Params = append(v.Params, m)
	}
	if op.RequestBody != nil {
		for _, kind := range slices.Sorted(maps.Keys(op.RequestBody.Content)) {
			schema := resolveSchema(doc, op.RequestBody.Content[kind].Schema)
			v.Body = &docsBody{Type: kind, Description: op.RequestBody.Description, Members: viewMembers(schema)}
		}
	}
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		r := op.Responses[status]
		if r.Ref != "" {
			r = doc.Components.Responses[path.Base(r.Ref)]
		}
		a := docsAnswer{Status: status, Description: r.Description, Headers: slices.Sorted(maps.Keys(r.Headers))}
		for kind, m := range r.Content {
			a.Type = kind
			if m.Schema != nil && m.Schema.Ref != "" {
				a.Schema = path.Base(m.Schema.Ref)
			}
			if status < "300" && m.Example != nil {
				v.Example = indent(m.Example)
			}
		}
		v.Answers = append(v.Answers, a)
	}
	return v
}

func resolveSchema(doc *huma.OpenAPI, schema *huma.Schema) *huma.Schema {
	for schema != nil && schema.Ref != "" {
		schema = doc.Components.Schemas.SchemaFromRef(schema.Ref)
	}
	return schema
}

func viewMembers(schema *huma.Schema) []docsMember {
	if schema == nil {
		return nil
	}
	var members []docsMember
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		m := viewMember(name, schema.Properties[name])
		m.Required = slices.Contains(schema.Required, name)
		members = append(members, m)
	}
	return members
}

func viewMember(name string, schema *huma.Schema) docsMember {
	m := docsMember{Name: name}
	if schema == nil {
		return m
	}
	m.Description, m.Limits = schema.Description, limitsOf(schema)
	inner := schema
	for inner.Type == huma.TypeArray && inner.Items != nil {
		inner, m.Prefix = inner.Items, m.Prefix+"list of "
	}
	if values, ok := inner.AdditionalProperties.(*huma.Schema); ok && inner.Type == huma.TypeObject {
		inner, m.Prefix = values, m.Prefix+"map to "
	}
	if inner.Ref != "" {
		m.Schema = path.Base(inner.Ref)
		return m
	}
	kind := inner.Type
	if kind == "" {
		kind = "any"
	}
	if inner.Format != "" && kind == huma.TypeString {
		kind = inner.Format
	}
	m.Type = m.Prefix + kind
	return m
}

// limitsOf says what values a schema allows.
func limitsOf(s *huma.Schema) string {
	var parts []string
	if len(s.Enum) > 0 {
		words := make([]string, len(s.Enum))
		for i, v := range s.Enum {
			words[i] = fmt.Sprint(v)
		}
		parts = append(parts, "one of "+strings.Join(words, ", "))
	}
	if s.Minimum != nil {
		parts = append(parts, fmt.Sprintf("at least %v", *s.Minimum))
	}
	if s.Maximum != nil {
		parts = append(parts, fmt.Sprintf("at most %v", *s.Maximum))
	}
	if s.MaxLength != nil {
		parts = append(parts, fmt.Sprintf("at most %d characters", *s.MaxLength))
	}
	if s.MaxItems != nil {
		parts = append(parts, fmt.Sprintf("at most %d items", *s.MaxItems))
	}
	if s.Pattern != "" {
		parts = append(parts, "like "+s.Pattern)
	}
	if s.Default != nil {
		parts = append(parts, fmt.Sprintf("default %v", s.Default))
	}
	return strings.Join(parts, "; ")
}

// curl shows the operation on a command line.
func curl(op *huma.Operation) string {
	var b strings.Builder
	b.WriteString("curl -s")
	address := op.Path
	for _, p := range op.Parameters {
		if p.In == "path" {
			address = strings.ReplaceAll(address, "{"+p.Name+"}", fmt.Sprint(p.Example))
		}
	}
	switch op.Method {
	case http.MethodDelete, http.MethodPatch:
		b.WriteString(" -X " + op.Method)
	case http.MethodHead:
		b.WriteString(" -I")
	}
	if op.OperationID == "get-job-result" {
		b.WriteString(" -L")
	}
	if op.OperationID == "stream-job-events" {
		b.WriteString(" -N")
	}
	b.WriteString(" $NARRATIVE" + address)
	if len(op.Security) > 0 {
		b.WriteString(" \\\n  -H \"Authorization: Bearer $TOKEN\"")
	}
	for _, p := range op.Parameters {
		if p.In == "header" && p.Required {
			fmt.Fprintf(&b, " \\\n  -H '%s: %v'", p.Name, p.Example)
		}
	}
	switch {
	case op.RequestBody != nil && op.RequestBody.Content[contentOffset] != nil:
		b.WriteString(" \\\n  -H 'Content-Type: " + contentOffset + "' \\\n  --data-binary @rest-of-customers.csv")
	case op.RequestBody != nil && op.RequestBody.Content["multipart/form-data"] != nil:
		b.WriteString(" \\\n  -F name=customers -F file=@customers.csv")
	case op.RequestBody != nil:
		b.WriteString(" \\\n  -H 'Content-Type: application/json' \\\n  -d '" + string(encode(op.RequestBody.Content["application/json"].Example)) + "'")
	case op.Method == http.MethodPost:
		b.WriteString(" -X POST")
	}
	return b.String()
}

func indent(example any) string {
	if text, ok := example.(string); ok {
		return text
	}
	var out bytes.Buffer
	if json.Indent(&out, encode(example), "", "  ") != nil {
		return ""
	}
	return out.String()
}
