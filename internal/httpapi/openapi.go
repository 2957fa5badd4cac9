package httpapi

import (
	"net/http"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/narrativeml/narrative/internal/account"
)

// The names of the security schemes.
const (
	schemeBearer       = "bearer"
	schemeCookie       = "session_cookie"
	schemeSecureCookie = "secure_session_cookie"
)

const schemaPrefix = "#/components/schemas/"

// describeAPI returns huma's configuration: what the document says beside the
// operations.
func describeAPI(config Config) huma.Config {
	format := jsonFormat()
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Narrative", Version: config.Version,
				Description: "Turns a table into a model, as durable jobs. Upload a data set, train a model, tune its decision, predict over files: every POST that makes a job answers 202 with the job's address at once; follow the job by polling, by a long poll or by its event stream. Every error is an RFC 9457 problem with a stable code.",
				License:     &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
			},
			Servers: []*huma.Server{{URL: "/", Description: "This server"}},
			Tags: []*huma.Tag{
				{Name: tagDatasets, Description: "Tables that were uploaded: typed, profiled and ready to learn from."},
				{Name: tagUploads, Description: "Uploads that go on after a break, by the protocol tus 1.0; what is whole becomes a data set."},
				{Name: tagRecipes, Description: "Make better tables: transformations, recipes, and the versions that they make."},
				{Name: tagWorkflow, Description: "How far a data set is on its way to a model in use, and what is best done next."},
				{Name: tagTraining, Description: "Compare algorithms and keep the best as a model."},
				{Name: tagTuning, Description: "Choose a model's decision threshold."},
				{Name: tagPredictions, Description: "Apply a model to every row of a file."},
				{Name: tagModels, Description: "What the trainings have made."},
				{Name: tagJobs, Description: "Everything that takes longer than a moment is a job: look at it, follow it, cancel it, try it again, download what it made."},
				{Name: tagQueues, Description: "What operators set: pauses, limits and shares of queues and tenants; and the workers."},
				{Name: tagCleanup, Description: "Delete the files that nothing needs any more."},
				{Name: tagDeadLetters, Description: "Jobs of all tenants that were given up though their owners made no mistake; for operators."},
				{Name: tagSchedules, Description: "What is done at times; for operators."},
				{Name: tagHealth, Description: "Whether the process lives and can work."},
			},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry(schemaPrefix, schemaName),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					schemeBearer:       {Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "A token signed with HS256, or the encrypted session token of Auth.js version 5. The claims: sub or id is the user, tenant the tenant (else the user), roles a list of analyst and operator (else analyst), exp the end."},
					schemeCookie:       {Type: "apiKey", In: "cookie", Name: account.SessionCookie, Description: "The session cookie of Auth.js, whole or in chunks. Writes need a matching Origin."},
					schemeSecureCookie: {Type: "apiKey", In: "cookie", Name: account.SecureSessionCookie, Description: "The same over HTTPS."},
				},
			},
		},
		OpenAPIPath:                  "/openapi",
		Formats:                      map[string]huma.Format{"application/json": format, "json": format},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{transform},
	}
}

// schemaName names the types of other packages after their area too, since every
// area has a Request: the folder of internal that they are in, however deep, or
// else their package.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	area := path.Base(t.PkgPath())
	if _, below, ok := strings.Cut(t.PkgPath(), "/internal/"); ok {
		area, _, _ = strings.Cut(below, "/")
	}
	if t.Name() == "" || t.PkgPath() == "" || area == "httpapi" || area == "fault" {
		return name
	}
	return strings.ToUpper(area[:1]) + area[1:] + name
}

// describeHealth adds the operations that huma does not route.
func (s *server) describeHealth() {
	registry := s.api.OpenAPI().Components.Schemas
	answer := func(description string, v any) *huma.Response {
		return &huma.Response{Description: description, Content: map[string]*huma.MediaType{
			"application/json": {Schema: registry.Schema(reflect.TypeOf(v), true, "")},
		}}
	}
	s.api.OpenAPI().AddOperation(&huma.Operation{
		Method: http.MethodGet, Path: "/health", OperationID: "health", Tags: []string{tagHealth},
		Summary: "Whether the process lives", Description: "Touches nothing else. Needs no token.",
		Responses: map[string]*huma.Response{"200": answer("It lives", Liveness{})},
	})
	unavailable := answer("It cannot work: a part that it needs does not answer", Readiness{})
	unavailable.Headers = map[string]*huma.Param{"Retry-After": {Description: "Seconds to wait before the next try", Schema: &huma.Schema{Type: huma.TypeString}}}
	s.api.OpenAPI().AddOperation(&huma.Operation{
		Method: http.MethodGet, Path: "/health/ready", OperationID: "ready", Tags: []string{tagHealth},
		Summary: "Whether the process can work", Description: "Checks every part at once, within seconds. Needs no token.",
		Responses: map[string]*huma.Response{
			"200": answer("It can work, perhaps degraded", Readiness{}),
			"503": unavailable,
		},
	})
}

// complete adds what the types do not say: every problem of every operation,
// the identifiers' form, headers and examples.
func (s *server) complete() {
	doc := s.api.OpenAPI()
	problem := doc.Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "Problem")
	// huma describes its own errors; ours take their place.
	for _, t := range []reflect.Type{reflect.TypeFor[huma.ErrorModel](), reflect.TypeFor[huma.ErrorDetail]()} {
		delete(doc.Components.Schemas.Map(), schemaName(t, ""))
	}
	for _, schema := range doc.Components.Schemas.Map() {
		describeIdentifiers(schema)
	}
	doc.Components.Headers = map[string]*huma.Header{
		"RequestID": {Description: "Names the request in the server's log; a harmless one of yours is kept", Schema: &huma.Schema{Type: huma.TypeString}, Example: "4XJ2WQ7M5VPZK3RT6NHB8DYC9A"},
	}
	doc.Components.Responses = problemResponses(problem)
	for _, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Head, item.Post, item.Put, item.Patch, item.Delete} {
			if op != nil {
				completeOperation(op)
			}
		}
	}
	illustrate(doc)
}

// describeIdentifiers gives members that are identifiers their form, so that
// what is not one is refused, in requests of other packages too.
func describeIdentifiers(schema *huma.Schema) {
	for name, prefix := range map[string]string{"dataset_id": "ds", "model_id": "mdl", "job_id": "job"} {
		if member := schema.Properties[name]; member != nil && member.Type == huma.TypeString {
			member.Pattern = "^" + prefix + "_[0-9a-f]{32}$"
			member.PatternDescription = prefix + "_ and 32 hexadecimal digits"
			member.Examples = []any{prefix + "_0197290c5e5b7c3a9d0e1f2a3b4c5d6e"}
		}
	}
	schema.PrecomputeMessages()
}

// problemResponses describes one response a status.
func problemResponses(schema *huma.Schema) map[string]*huma.Response {
	responses := map[string]*huma.Response{}
	for status, example := range problemExamples() {
		headers := map[string]*huma.Param{"X-Request-Id": {Ref: "#/components/headers/RequestID"}}
		text := func(description, example string) *huma.Param {
			return &huma.Param{Description: description, Schema: &huma.Schema{Type: huma.TypeString}, Example: example}
		}
		switch status {
		case http.StatusUnauthorized:
			headers["WWW-Authenticate"] = text("What was wrong with the token", `Bearer realm="narrative", error="invalid_token", error_description="the token has expired"`)
		case http.StatusTooManyRequests, http.StatusServiceUnavailable:
			headers["Retry-After"] = text("Seconds to wait before the next try", "5")
		}
		responses[problemName(status)] = &huma.Response{
			Description: example.Title, Headers: headers,
			Content: map[string]*huma.MediaType{problemType: {Schema: schema, Example: example}},
		}
	}
	return responses
}

func problemName(status int) string {
	return strings.ReplaceAll(http.StatusText(status), " ", "")
}

// completeOperation adds the problems that an operation may end in.
func completeOperation(op *huma.Operation) {
	delete(op.Responses, "default")
	own, _ := op.Metadata[metaProblems].([]int)
	problems := append([]int{http.StatusInternalServerError}, own...)
	if len(op.Security) > 0 {
		// The parameters and the body are checked; the services may be away.
		problems = append(problems, http.StatusUnauthorized, http.StatusForbidden, http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusServiceUnavailable)
	}
	if op.RequestBody != nil && !streams(op) {
		problems = append(problems, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	slices.Sort(problems)
	for _, status := range slices.Compact(problems) {
		key := strconv.Itoa(status)
		if op.Responses[key] == nil {
			op.Responses[key] = &huma.Response{Ref: "#/components/responses/" + problemName(status)}
		}
	}
	for key, r := range op.Responses {
		if r.Ref != "" {
			continue
		}
		if r.Headers == nil {
			r.Headers = map[string]*huma.Param{}
		}
		r.Headers["X-Request-Id"] = &huma.Param{Ref: "#/components/headers/RequestID"}
		describeStatus(op, key, r)
	}
	if what, ok := map[string]string{
		"get-job": "The job", "get-chart": "The chart", "preview-dataset": "The preview", "profile-dataset": "The profile", "get-workflow": "The workflow", "suggest-steps": "What is suggested",
	}[op.OperationID]; ok {
		op.Responses["304"] = &huma.Response{
			Description: what + " is unchanged since the ETag in If-None-Match",
			Headers:     map[string]*huma.Param{"ETag": op.Responses["200"].Headers["ETag"], "X-Request-Id": {Ref: "#/components/headers/RequestID"}},
		}
	}
	if slices.Contains([]string{"change-schema", "change-pii", "apply-pii"}, op.OperationID) {
		later := *op.Responses["200"]
		later.Description = "Accepted: the types hold when the job has succeeded; Location is where it is"
		op.Responses["202"] = &later
		op.Responses["200"].Description = "It is set"
	}
}

// describeStatus gives a success a description that says more than its name.
func describeStatus(op *huma.Operation, key string, r *huma.Response) {
	if r.Description != http.StatusText(mustStatus(key)) && r.Description != "" {
		return
	}
	switch key {
	case "200":
		r.Description = "Here it is"
	case "202":
		r.Description = "Accepted: the job is stored and will be done; Location is where it is"
	case "204":
		r.Description = "It is gone"
	case "303":
		r.Description = "The file is there"
	}
	if op.OperationID == "cancel-job" {
		r.Description = "The job is cancelled, or has been told to stop"
	}
}

// mustStatus reads a key of an operation's responses; others than numbers do
// not occur.
func mustStatus(key string) int {
	status, _ := strconv.Atoi(key)
	return status
}
