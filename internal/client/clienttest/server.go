package clienttest

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Server is a fake server. Set its fields before the first request.
type Server struct {
	URL   string
	Token string // what requests must carry; empty: nothing

	// Refuse, when set, may answer a request itself and return true.
	Refuse func(w http.ResponseWriter, r *http.Request) bool
	// Spoil, when set, may change the prediction file.
	Spoil   func(lines []string) []string
	BadRows int // of every prediction
	// PartBytes is how long the parts of presigned uploads are; 0: 64.
	PartBytes int
	// RefusePart, when set, may answer in the place of the file storage.
	RefusePart func(w http.ResponseWriter, r *http.Request) bool
	// Cut ends every event stream after one look at the job.
	Cut bool
	// Fail makes every job of this kind fail.
	Fail string

	api, files *httptest.Server

	mu       sync.Mutex
	requests []string          // "POST /api/v1/training"
	keys     map[string]string // idempotency key → job
	tables   map[string][][]string
	uploads  map[string]map[string]string // data set → form fields
	jobs     map[string]map[string]any
	order    []string
	results  map[string]string // link → content
	target   string
	policies policies
	arriving map[string]*arriving
	mux      *http.ServeMux
}

const (
	succeeded = "succeeded"
	threshold = 0.25
)

// New starts a server; call Close at the end.
func New() *Server {
	s := &Server{
		keys: map[string]string{}, tables: map[string][][]string{}, uploads: map[string]map[string]string{},
		jobs: map[string]map[string]any{}, results: map[string]string{},
	}
	mux := http.NewServeMux()
	s.resumable(mux)
	s.presigned(mux)
	mux.HandleFunc("POST /api/v1/datasets", s.upload)
	mux.HandleFunc("POST /api/v1/datasets/import", s.fetch)
	mux.HandleFunc("POST /api/v1/datasets/sniff", s.sniff)
	mux.HandleFunc("GET /api/v1/datasets", func(w http.ResponseWriter, _ *http.Request) { s.list(w, s.datasets()) })
	mux.HandleFunc("GET /api/v1/datasets/{id}", s.dataset)
	mux.HandleFunc("GET /api/v1/datasets/{id}/profile", s.profile)
	mux.HandleFunc("POST /api/v1/training", s.submit("training"))
	mux.HandleFunc("POST /api/v1/tuning", s.submit("tuning"))
	mux.HandleFunc("POST /api/v1/predictions", s.submit("prediction"))
	mux.HandleFunc("POST /api/v1/transforms", s.submit("transform"))
	mux.HandleFunc("POST /api/v1/recipes/preview", s.preview)
	mux.HandleFunc("POST /api/v1/cleanup", s.submit("cleanup"))
	mux.HandleFunc("GET /api/v1/models", func(w http.ResponseWriter, _ *http.Request) { s.list(w, []any{s.modelRecord()}) })
	mux.HandleFunc("GET /api/v1/models/{id}", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, s.modelRecord()) })
	mux.HandleFunc("GET /api/v1/jobs", s.listJobs)
	mux.HandleFunc("GET /api/v1/jobs/{id}", s.job)
	mux.HandleFunc("GET /api/v1/jobs/{id}/events", s.events)
	mux.HandleFunc("GET /api/v1/jobs/{id}/logs", s.logs)
	mux.HandleFunc("GET /api/v1/jobs/{id}/result", s.result)
	mux.HandleFunc("POST /api/v1/jobs/batch", s.batch)
	mux.HandleFunc("GET /api/v1/jobs/{id}/history", s.history)
	mux.HandleFunc("GET /api/v1/schedules", s.schedules)
	mux.HandleFunc("GET /api/v1/health/history", s.findings)
	mux.HandleFunc("GET /api/v1/workers", s.workers)
	mux.HandleFunc("GET /api/v1/dead-letters", s.deadLetters)
	mux.HandleFunc("GET /api/v1/dead-letters/{id}", s.deadLetter)
	mux.HandleFunc("POST /api/v1/dead-letters/requeue", s.requeue)
	mux.HandleFunc("POST /api/v1/jobs/{id}/cancel", s.change("cancelled"))
	mux.HandleFunc("POST /api/v1/jobs/{id}/retry", s.change("pending"))
	mux.HandleFunc("PATCH /api/v1/jobs/{id}", s.prioritise)
	mux.HandleFunc("GET /api/v1/workflow/{id}", s.workflow)
	mux.HandleFunc("PATCH /api/v1/workflow/{id}", s.workflow)
	s.policies.routes(mux)
	s.mux = mux
	s.api = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests = append(s.requests, r.Method+" "+r.URL.Path)
		s.mu.Unlock()
		switch {
		case s.Token != "" && r.Header.Get("Authorization") != "Bearer "+s.Token:
			Problem(w, http.StatusUnauthorized, "token_missing", "send a bearer token")
		case s.Refuse != nil && s.Refuse(w, r):
		default:
			mux.ServeHTTP(w, r)
		}
	}))
	storage := http.NewServeMux()
	storage.HandleFunc("/", s.file)
	storage.HandleFunc("PUT /{id}/{number}", s.putPart)
	s.files = httptest.NewServer(storage)
	s.URL = s.api.URL
	return s
}

// Serve answers a request as the server does that refuses none.
func (s *Server) Serve(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Close stops the server.
func (s *Server) Close() {
	s.api.Close()
	s.files.Close()
}

// Requests returns the requests so far, as "GET /api/v1/jobs".
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Form returns the form fields of an upload.
func (s *Server) Form(datasetID string) map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.uploads[datasetID]
}

// Problem answers with an error.
func Problem(w http.ResponseWriter, status int, code, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{ // the test's client is all that could be gone
		"status": status, "code": code, "title": http.StatusText(status), "detail": detail,
		"errors": []map[string]any{{"location": "body", "message": "look here"}},
	})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the test's client is all that could be gone
}

// list answers with all items on one page.
func (s *Server) list(w http.ResponseWriter, items []any) {
	answer(w, http.StatusOK, map[string]any{"items": items})
}

// sniff answers with the fields of the form as the format, and the first line of
// the file as the names of its columns.
func (s *Server) sniff(w http.ResponseWriter, r *http.Request) {
	file, header, err := r.FormFile("file")
	if err != nil {
		Problem(w, http.StatusUnprocessableEntity, "file_missing", err.Error())
		return
	}
	data, err := io.ReadAll(file)
	if err != nil {
		Problem(w, http.StatusBadRequest, "upload_broken", err.Error())
		return
	}
	format := map[string]any{"kind": "csv", "header": r.FormValue("header") != "false"}
	for _, name := range []string{"kind", "encoding", "compression", "delimiter", "quote", "sheet"} {
		if v := r.FormValue(name); v != "" {
			format[name] = v
		}
	}
	bad := []any{}
	if r.FormValue("part") == "true" {
		bad = append(bad, map[string]any{"row": 1, "line": 2, "code": "csv_ragged_row", "reason": fmt.Sprintf("%s has %d bytes and more", header.Filename, len(data))})
	}
	first, _, _ := strings.Cut(string(data), "\n")
	columns, row := []any{}, []any{}
	for name := range strings.SplitSeq(first, ",") {
		columns, row = append(columns, map[string]any{"name": name, "type": "string"}), append(row, nil)
	}
	if format["kind"] == "xlsx" {
		columns = nil
	}
	answer(w, http.StatusOK, map[string]any{"format": format, "columns": columns, "rows": []any{row}, "bad": bad})
}

func (s *Server) upload(w http.ResponseWriter, r *http.Request) {
	form, err := r.MultipartReader()
	if err != nil {
		Problem(w, http.StatusUnsupportedMediaType, "not_multipart", err.Error())
		return
	}
	fields := map[string]string{}
	for {
		part, err := form.NextPart()
		if err != nil {
			Problem(w, http.StatusUnprocessableEntity, "file_missing", "the form has no part named file")
			return
		}
		data, err := io.ReadAll(part)
		if err != nil {
			Problem(w, http.StatusBadRequest, "upload_broken", err.Error())
			return
		}
		if part.FormName() != "file" {
			fields[part.FormName()] = string(data)
			continue
		}
		fields["filename"] = part.FileName()
		rows, err := csv.NewReader(strings.NewReader(string(data))).ReadAll()
		if err != nil || len(rows) < 2 {
			Problem(w, http.StatusUnprocessableEntity, "csv_ragged", fmt.Sprint("the file is no table: ", err))
			return
		}
		s.mu.Lock()
		id := "ds_" + strconv.Itoa(len(s.tables)+1)
		s.tables[id], s.uploads[id] = rows, fields
		j := s.newJob("ingest", id, map[string]any{"dataset_id": id, "rows": len(rows) - 1})
		s.mu.Unlock()
		answer(w, http.StatusAccepted, map[string]any{"dataset_id": id, "job_id": j["id"], "job": j})
		return
	}
}

// fetch takes every source for a table of one row.
func (s *Server) fetch(w http.ResponseWriter, r *http.Request) {
	var body map[string]any
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		Problem(w, http.StatusBadRequest, "malformed_json", err.Error())
		return
	}
	fields := map[string]string{"filename": path.Base(fmt.Sprint(body["source"]))}
	for name, v := range body {
		fields[name] = fmt.Sprint(v)
	}
	s.mu.Lock()
	id := "ds_" + strconv.Itoa(len(s.tables)+1)
	s.tables[id], s.uploads[id] = [][]string{{"a", "label"}, {"1", "yes"}}, fields
	j := s.newJob("import", id, map[string]any{"dataset_id": id, "rows": 1})
	s.mu.Unlock()
	answer(w, http.StatusAccepted, map[string]any{"dataset_id": id, "job_id": j["id"], "job": j})
}

// newJob makes a job that ends the second time that it is looked at; s.mu is
// held.
func (s *Server) newJob(kind, subject string, result any) map[string]any {
	j := map[string]any{
		"id": "job_" + strconv.Itoa(len(s.jobs)+1), "revision": 1, "kind": kind, "subject": subject, "state": "running", "attempt": 1,
		"created_at": "2025-01-02T03:04:05Z", "started_at": "2025-01-02T03:04:06Z", "finished_at": "2025-01-02T03:04:07Z",
		"progress": map[string]any{"stage": "half of " + kind, "fraction": 0.5, "rows": 10, "rows_total": 20}, "result": result,
	}
	s.jobs[j["id"].(string)] = j
	s.order = append(s.order, j["id"].(string))
	return j
}

func (s *Server) submit(kind string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var body map[string]any
		key := r.Header.Get("Idempotency-Key")
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || key == "" {
			Problem(w, http.StatusUnprocessableEntity, "invalid_body", "send JSON and an Idempotency-Key")
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if id, ok := s.keys[key]; ok {
			answer(w, http.StatusAccepted, map[string]any{"job_id": id, "job": s.jobs[id]})
			return
		}
		j := s.newJob(kind, fmt.Sprint(cmp.Or(body["dataset_id"], body["model_id"])), nil)
		j["result"] = s.run(kind, j["id"].(string), body)
		switch kind {
		case "tuning":
			j["links"] = map[string]any{"files": []any{map[string]any{"name": "curve", "href": "/z"}}}
		case "prediction":
			j["links"] = map[string]any{"files": []any{map[string]any{"name": "errors", "href": "/y"}, map[string]any{"name": "predictions", "href": "/x"}}}
		}
		s.keys[key] = j["id"].(string)
		w.Header().Set("Location", "/api/v1/jobs/"+j["id"].(string))
		answer(w, http.StatusAccepted, map[string]any{"job_id": j["id"], "job": j})
	}
}

// preview answers that the steps change nothing.
func (s *Server) preview(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Dataset string           `json:"dataset_id"`
		Steps   []map[string]any `json:"steps"`
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || s.tables[body.Dataset] == nil {
		Problem(w, http.StatusNotFound, "dataset_not_found", "there is no such data set")
		return
	}
	steps := []any{}
	for _, step := range body.Steps {
		steps = append(steps, map[string]any{"name": step["name"], "rows_before": 1, "rows_after": 1})
	}
	answer(w, http.StatusOK, map[string]any{"label": "all rows", "steps": steps})
}

func (s *Server) run(kind, id string, body map[string]any) any {
	switch kind {
	case "training":
		s.target = fmt.Sprint(body["target"])
		return map[string]any{"model_id": "mdl_1"}
	case "tuning":
		points := make([]map[string]any, 0, 10)
		file := []string{"threshold,precision,recall"}
		for i := range 10 {
			at := float64(10-i) / 10
			file = append(file, fmt.Sprintf("%g,%g,%g", at, at, 1-at))
			points = append(points, map[string]any{"threshold": at, "precision": at, "recall": 1 - at, "specificity": at, "accuracy": 0.5, "score": 0.5 - math.Abs(at-threshold)})
		}
		s.results[id] = strings.Join(file, "\n") + "\n"
		return map[string]any{
			"model_id": "mdl_1", "objective": "f1", "curve_shown": 10, "curve_points": 1234,
			"threshold": threshold, "score": 0.5, "rows": 40,
			"best":    map[string]any{"threshold": threshold, "precision": 0.4, "recall": 0.6, "score": 0.5},
			"default": map[string]any{"threshold": 0.5, "precision": 0.6, "recall": 0.2, "score": 0.3},
			"curve":   points,
		}
	case "transform":
		return map[string]any{"dataset_id": body["dataset_id"], "rows": 1}
	case "prediction":
		lines, _ := s.score()
		if s.Spoil != nil {
			lines = s.Spoil(lines)
		}
		s.results[id] = strings.Join(lines, "\n") + "\n"
		rows := len(lines) - 1
		if body["rows"] != "holdout" { // the file has the held-out rows all the same
			rows = len(s.tables[fmt.Sprint(body["dataset_id"])]) - 1
		}
		return map[string]any{"rows": rows, "bad_rows": s.BadRows, "threshold": threshold}
	default:
		return map[string]any{"dry_run": body["dry_run"], "examined": 12, "kept": 11, "marked": 1, "objects": []any{
			map[string]any{"key": "tmp/left", "size": 2048, "reason": "temporary object is past its period", "action": "mark"},
		}}
	}
}
