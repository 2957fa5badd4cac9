package clienttest

import (
	"crypto/md5" //nolint:gosec // what file storages compare
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
)

func (s *Server) presigned(mux *http.ServeMux) {
	mux.HandleFunc("POST /api/v1/datasets/presign", s.beginPresigned)
	mux.HandleFunc("GET /api/v1/datasets/presign/{id}/parts", s.onUpload(s.listParts))
	mux.HandleFunc("POST /api/v1/datasets/presign/{id}/parts", s.onUpload(s.presignParts))
	mux.HandleFunc("POST /api/v1/datasets/presign/{id}/complete", s.onUpload(s.completeUpload))
}

func (s *Server) partBytes() int {
	if s.PartBytes == 0 {
		return 64
	}
	return s.PartBytes
}

func (s *Server) beginPresigned(w http.ResponseWriter, r *http.Request) {
	var asked map[string]any
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		Problem(w, http.StatusBadRequest, "malformed_body", err.Error())
		return
	}
	size, _ := asked["bytes"].(float64)
	fields := map[string]string{}
	for name, value := range asked {
		fields[name] = fmt.Sprint(value)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := "presigned " + r.Header.Get("Idempotency-Key")
	id := s.keys[key]
	if id != "" {
		w.Header().Set("Idempotency-Replayed", "true")
	} else {
		id = "upl_" + strconv.Itoa(len(s.arriving)+1)
		s.keys[key], s.arriving[id] = id, &arriving{size: int(size), fields: fields, parts: map[int][]byte{}}
	}
	answer(w, http.StatusCreated, map[string]any{"upload_id": id, "part_bytes": s.partBytes()})
}

// listParts lists the parts two at a time.
func (*Server) listParts(w http.ResponseWriter, r *http.Request, a *arriving) {
	after, _ := strconv.Atoi(r.URL.Query().Get("after"))
	page := map[string]any{"finished": a.dataset != ""}
	items := []any{}
	for _, number := range slices.Sorted(maps.Keys(a.parts)) {
		if number <= after || a.dataset != "" {
			continue
		}
		if items = append(items, map[string]any{"number": number, "bytes": len(a.parts[number])}); len(items) == 2 {
			page["next_after"] = number
			break
		}
	}
	page["items"] = items
	answer(w, http.StatusOK, page)
}

func (s *Server) presignParts(w http.ResponseWriter, r *http.Request, a *arriving) {
	var asked struct {
		Parts []struct {
			Number int    `json:"number"`
			MD5    string `json:"md5"`
		} `json:"parts"`
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		Problem(w, http.StatusBadRequest, "malformed_body", err.Error())
		return
	}
	parts := []any{}
	for _, p := range asked.Parts {
		sum, _ := hex.DecodeString(p.MD5)
		parts = append(parts, map[string]any{
			"number": p.Number, "bytes": min(s.partBytes(), a.size-(p.Number-1)*s.partBytes()), "url": s.files.URL + "/" + r.PathValue("id") + "/" + strconv.Itoa(p.Number),
			"headers": map[string]string{"Content-Md5": base64.StdEncoding.EncodeToString(sum)},
		})
	}
	answer(w, http.StatusOK, map[string]any{"parts": parts})
}

// putPart is the file storage that takes a part.
func (s *Server) putPart(w http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(r.Body)
	if s.RefusePart != nil && s.RefusePart(w, r) {
		return
	}
	sum := md5.Sum(data) //nolint:gosec // what file storages compare
	if err != nil || r.Header.Get("Authorization") != "" || r.Header.Get("Content-Md5") != base64.StdEncoding.EncodeToString(sum[:]) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, "<Error><Code>BadDigest</Code><Message>other bytes</Message></Error>")
		return
	}
	s.onUpload(func(w http.ResponseWriter, r *http.Request, a *arriving) {
		number, _ := strconv.Atoi(r.PathValue("number"))
		a.parts[number] = data
		a.attempts++
		w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:])+`"`)
	})(w, r)
}

func (s *Server) completeUpload(w http.ResponseWriter, r *http.Request, a *arriving) {
	var told struct {
		Parts []struct {
			Number int    `json:"number"`
			ETag   string `json:"etag"`
		} `json:"parts"`
	}
	if err := json.NewDecoder(r.Body).Decode(&told); err != nil {
		Problem(w, http.StatusBadRequest, "malformed_body", err.Error())
		return
	}
	for _, p := range told.Parts {
		sum := md5.Sum(a.parts[p.Number]) //nolint:gosec // what file storages compare
		if p.ETag != `"`+hex.EncodeToString(sum[:])+`"` {
			Problem(w, http.StatusConflict, "part_changed", "part "+strconv.Itoa(p.Number)+" is another")
			return
		}
	}
	if a.dataset == "" {
		a.data = nil
		for _, number := range slices.Sorted(maps.Keys(a.parts)) {
			a.data = append(a.data, a.parts[number]...)
		}
		if len(a.data) != a.size {
			Problem(w, http.StatusConflict, "file_incomplete", "parts have not arrived")
			return
		}
		if err := s.arrived(a); err != nil {
			Problem(w, http.StatusUnprocessableEntity, "csv_ragged", err.Error())
			return
		}
	}
	answer(w, http.StatusAccepted, map[string]any{"dataset_id": a.dataset, "job_id": a.job, "job": s.jobs[a.job]})
}
