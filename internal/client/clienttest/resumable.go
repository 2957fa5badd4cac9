package clienttest

import (
	"encoding/base64"
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// arriving is an upload that may go on after a break.
type arriving struct {
	size     int
	data     []byte
	fields   map[string]string
	dataset  string
	job      string
	attempts int // requests that sent bytes

	parts map[int][]byte // of a presigned one
}

// Arrived returns how much has arrived of the upload, and by how many requests.
func (s *Server) Arrived(id string) (n, requests int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.arriving[id]; a != nil {
		return len(a.data), a.attempts
	}
	return 0, 0
}

// Forget drops the uploads that are not finished, as when their time is over.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.arriving)
}

func (s *Server) resumable(mux *http.ServeMux) {
	s.arriving = map[string]*arriving{}
	mux.HandleFunc("POST /api/v1/uploads", s.beginUpload)
	mux.HandleFunc("HEAD /api/v1/uploads/{id}", s.onUpload(func(w http.ResponseWriter, _ *http.Request, a *arriving) {
		w.Header().Set("Upload-Offset", strconv.Itoa(len(a.data)))
		w.Header().Set("Upload-Length", strconv.Itoa(a.size))
	}))
	mux.HandleFunc("GET /api/v1/uploads/{id}", s.onUpload(func(w http.ResponseWriter, _ *http.Request, a *arriving) {
		seen := map[string]any{"state": "open", "way": "resumable", "size": a.size, "dataset_id": a.dataset, "job_id": a.job}
		if a.parts != nil {
			seen["way"], seen["part_bytes"] = "presigned", s.partBytes()
		}
		answer(w, http.StatusOK, seen)
	}))
	mux.HandleFunc("PATCH /api/v1/uploads/{id}", s.addToUpload)
}

func (s *Server) beginUpload(w http.ResponseWriter, r *http.Request) {
	size, err := strconv.Atoi(r.Header.Get("Upload-Length"))
	if err != nil || r.Header.Get("Tus-Resumable") != "1.0.0" {
		Problem(w, http.StatusUnprocessableEntity, "invalid_upload_length", "Upload-Length must be a number")
		return
	}
	fields := map[string]string{}
	for pair := range strings.SplitSeq(r.Header.Get("Upload-Metadata"), ",") {
		name, encoded, _ := strings.Cut(pair, " ")
		value, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			Problem(w, http.StatusUnprocessableEntity, "invalid_upload_metadata", err.Error())
			return
		}
		fields[name] = string(value)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := "upload " + r.Header.Get("Idempotency-Key")
	id := s.keys[key]
	if id != "" {
		w.Header().Set("Idempotency-Replayed", "true")
	} else {
		id = "upl_" + strconv.Itoa(len(s.arriving)+1)
		s.keys[key], s.arriving[id] = id, &arriving{size: size, fields: fields}
	}
	w.Header().Set("Location", "/api/v1/uploads/"+id)
	w.WriteHeader(http.StatusCreated)
}

// onUpload finds the upload that a request is about.
func (s *Server) onUpload(do func(http.ResponseWriter, *http.Request, *arriving)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		a := s.arriving[r.PathValue("id")]
		if a == nil {
			Problem(w, http.StatusNotFound, "upload_not_found", "there is no upload "+r.PathValue("id"))
			return
		}
		do(w, r, a)
	}
}

// addToUpload keeps what arrives, also of a request that breaks off.
func (s *Server) addToUpload(w http.ResponseWriter, r *http.Request) {
	data, broken := io.ReadAll(r.Body)
	s.onUpload(func(w http.ResponseWriter, r *http.Request, a *arriving) {
		a.attempts++
		if r.Header.Get("Upload-Offset") != strconv.Itoa(len(a.data)) {
			Problem(w, http.StatusConflict, "offset_moved", "the upload is not at this Upload-Offset")
			return
		}
		a.data = append(a.data, data...)
		if broken != nil {
			return
		}
		if len(a.data) == a.size {
			if err := s.arrived(a); err != nil {
				Problem(w, http.StatusUnprocessableEntity, "csv_ragged", err.Error())
				return
			}
		}
		w.Header().Set("Upload-Offset", strconv.Itoa(len(a.data)))
		w.WriteHeader(http.StatusNoContent)
	})(w, r)
}

// arrived makes a data set of an upload that is whole. The caller holds the lock.
func (s *Server) arrived(a *arriving) error {
	rows, err := csv.NewReader(strings.NewReader(string(a.data))).ReadAll()
	if err != nil {
		return fmt.Errorf("read the table: %w", err)
	}
	a.dataset = "ds_" + strconv.Itoa(len(s.tables)+1)
	s.tables[a.dataset], s.uploads[a.dataset] = rows, a.fields
	a.job, _ = s.newJob("ingest", a.dataset, map[string]any{"dataset_id": a.dataset, "rows": len(rows) - 1})["id"].(string)
	return nil
}
