package clienttest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// held is every fifth row, from the first.
const held = 5

// score predicts the held-out rows of the first table by the mean of the
// target over the rows with the same last column, and returns the file's lines
// and the area under the curve, found by comparing all pairs.
func (s *Server) score() (lines []string, auc float64) {
	table := s.tables["ds_1"]
	t := slices.Index(table[0], s.target)
	if t < 0 {
		return nil, 0
	}
	last := len(table[0]) - 1
	positive := rarer(table[1:], t)
	type tally struct{ all, yes float64 }
	seen := map[string]tally{}
	for i, row := range table[1:] {
		if i%held == 0 {
			continue
		}
		c := seen[row[last]]
		c.all++
		if row[t] == positive {
			c.yes++
		}
		seen[row[last]] = c
	}
	other := ""
	for _, row := range table[1:] {
		if row[t] != positive {
			other = row[t]
			break
		}
	}
	lines = []string{"row_id,prediction,probability_" + other + ",probability_" + positive}
	var yes, no []float64
	for i, row := range table[1:] {
		if i%held != 0 {
			continue
		}
		c := seen[row[last]]
		p := (c.yes + 1) / (c.all + 2)
		label := other
		if p >= threshold {
			label = positive
		}
		if row[t] == positive {
			yes = append(yes, p)
		} else {
			no = append(no, p)
		}
		lines = append(lines, fmt.Sprintf("%d,%s,%s,%s", i+1, label, strconv.FormatFloat(1-p, 'g', -1, 64), strconv.FormatFloat(p, 'g', -1, 64)))
	}
	won := 0.0
	for _, a := range yes {
		for _, b := range no {
			switch {
			case a > b:
				won++
			case a == b:
				won += 0.5
			}
		}
	}
	return lines, won / float64(len(yes)*len(no))
}

func rarer(rows [][]string, column int) string {
	count := map[string]int{}
	for _, row := range rows {
		count[row[column]]++
	}
	best := ""
	for v, n := range count {
		if best == "" || n < count[best] || n == count[best] && v < best {
			best = v
		}
	}
	return best
}

func (s *Server) modelRecord() map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.target == "" {
		return map[string]any{"id": "mdl_1"}
	}
	lines, auc := s.score()
	classes := strings.Split(strings.ReplaceAll(strings.TrimPrefix(lines[0], "row_id,prediction,"), "probability_", ""), ",")
	m := map[string]any{
		"id": "mdl_1", "name": "fake", "dataset_id": "ds_1", "job_id": "job_2", "task": "binary", "target": s.target,
		"classes": classes, "positive_class": classes[1], "algorithm": "frequency", "metric": "roc_auc",
		"rows": len(s.tables["ds_1"]) - 1, "holdout_rows": len(lines) - 1,
		"leaderboard": []any{
			map[string]any{"algorithm": "frequency", "cv": map[string]any{"roc_auc": 0.6, "log_loss": 0.5}, "cv_std": map[string]any{"roc_auc": 0.01, "log_loss": 0.02}, "holdout": map[string]any{"roc_auc": auc, "log_loss": 0.5}, "fit_seconds": 0.1},
			map[string]any{"algorithm": "baseline", "cv": map[string]any{"roc_auc": 0.5}, "cv_std": map[string]any{"roc_auc": 0}, "holdout": map[string]any{"roc_auc": 0.5}, "fit_seconds": 0.0},
		},
		"created_at": "2025-01-02T03:04:05Z",
	}
	for _, j := range s.jobs {
		if j["kind"] == "tuning" && j["state"] == succeeded {
			m["threshold"] = map[string]any{"value": threshold, "objective": "f1", "score": 0.5}
		}
	}
	return m
}

func (s *Server) datasets() []any {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []any{}
	for id := range s.tables {
		all = append(all, s.datasetRecord(id))
	}
	return all
}

func (s *Server) datasetRecord(id string) map[string]any {
	table := s.tables[id]
	columns := make([]any, len(table[0]))
	for i, name := range table[0] {
		columns[i] = map[string]any{"name": name, "type": "string"}
	}
	return map[string]any{
		"id": id, "name": s.uploads[id]["name"], "filename": s.uploads[id]["filename"], "state": "ready", "size": 10,
		"format":     map[string]any{"kind": "csv", "delimiter": ",", "header": true, "encoding": "utf-8", "sheets": []string{"a", "b"}},
		"created_at": "2025-01-02T03:04:05Z", "rows": len(table) - 1, "columns": columns,
	}
}

func (s *Server) dataset(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := r.PathValue("id")
	if s.tables[id] == nil {
		Problem(w, http.StatusNotFound, "dataset_not_found", "there is no data set "+id)
		return
	}
	answer(w, http.StatusOK, s.datasetRecord(id))
}

// frequency counts the rows that agree with the first in a column.
func frequency(table [][]string, column int) int {
	n := 0
	for _, row := range table[1:] {
		if row[column] == table[1][column] {
			n++
		}
	}
	return n
}

func (s *Server) profile(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	table := s.tables[r.PathValue("id")]
	if table == nil {
		Problem(w, http.StatusNotFound, "dataset_not_found", "there is no such data set")
		return
	}
	columns := []any{}
	for i, name := range table[0] {
		c := map[string]any{"name": name, "type": "string", "count": len(table) - 1, "missing": 0, "distinct": 2, "top": []any{map[string]any{"value": table[1][i], "count": frequency(table, i)}}}
		if _, err := strconv.ParseFloat(table[1][i], 64); err == nil {
			c["type"], c["min"], c["max"], c["mean"] = "integer", 1, 80, 40.5
			c["quantiles"] = map[string]any{"p50": 39.0}
			c["histogram"] = map[string]any{"edges": []any{1, 40, 80}, "counts": []any{3, 9}}
		}
		columns = append(columns, c)
	}
	answer(w, http.StatusOK, map[string]any{"rows": len(table) - 1, "columns": columns})
}

// look moves the job on: the first look sees it half done, the next its end.
// s.mu is held.
func (s *Server) look(id string) map[string]any {
	j := s.jobs[id]
	switch {
	case j == nil:
	case j["looked"] == nil && j["state"] == "running":
		j["looked"] = true
	case j["state"] == "running":
		j["state"], j["revision"] = succeeded, j["revision"].(int)+1
		j["progress"] = map[string]any{"stage": "done", "fraction": 1.0}
		if s.Fail == j["kind"] {
			j["state"], j["result"] = "failed", nil
			j["failure"] = map[string]any{"code": "constant_target", "message": "the target never changes", "errors": []any{map[string]any{"location": "body.target", "message": "choose another"}}}
		}
	}
	return j
}

func (s *Server) job(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.look(r.PathValue("id"))
	if j == nil {
		Problem(w, http.StatusNotFound, "job_not_found", "there is no such job")
		return
	}
	etag := fmt.Sprintf("%q", strconv.Itoa(j["revision"].(int)))
	w.Header().Set("ETag", etag)
	if r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	answer(w, http.StatusOK, j)
}

// events sends the looks at a job until it has ended.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.look(r.PathValue("id"))
	if j == nil {
		Problem(w, http.StatusNotFound, "job_not_found", "there is no such job")
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	position := fmt.Sprintf("%d.1", j["revision"])
	if r.Header.Get("Last-Event-ID") == position {
		if state := j["state"]; state != "running" {
			w.WriteHeader(http.StatusNoContent)
		}
		return
	}
	for {
		data, err := json.Marshal(j)
		if err != nil {
			Problem(w, http.StatusInternalServerError, "internal", err.Error())
			return
		}
		writeEvents(w, fmt.Sprintf("%d.1", j["revision"]), string(data))
		if s.Cut || j["state"] != "running" {
			return
		}
		j = s.look(j["id"].(string))
	}
}

func writeEvents(w http.ResponseWriter, position, data string) {
	line := `{"seq":1,"level":"info","message":"a line","attempt":1,"at":"2025-01-02T03:04:05Z"}`
	_, _ = fmt.Fprintf(w, ": hello\n\nid: %[1]s\nevent: log\ndata: %[2]s\n\nid: %[1]s\nevent: job\ndata: %[3]s\n\n", position, line, data) // the client may be gone
}

func (s *Server) listJobs(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	items := []any{}
	for _, id := range slices.Backward(s.order) {
		mine := r.URL.Query().Get("scope") != "system" // of which there are none
		if kind := r.URL.Query().Get("kind"); mine && (kind == "" || kind == s.jobs[id]["kind"]) {
			items = append(items, s.jobs[id])
		}
	}
	answer(w, http.StatusOK, map[string]any{"items": items})
}

func (s *Server) logs(w http.ResponseWriter, r *http.Request) {
	after, err := strconv.Atoi(r.URL.Query().Get("after"))
	if err != nil {
		Problem(w, http.StatusUnprocessableEntity, "invalid_query", "after is a number")
		return
	}
	items := []any{}
	for seq := after + 1; seq <= 3; seq++ {
		items = append(items, map[string]any{"seq": seq, "attempt": 1, "level": "info", "message": "line " + strconv.Itoa(seq), "at": "2025-01-02T03:04:05Z"})
	}
	page := map[string]any{"items": items}
	if len(items) > 2 {
		page = map[string]any{"items": items[:2], "next_after": after + 2}
	}
	answer(w, http.StatusOK, page)
}

func (s *Server) change(state string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		j := s.jobs[r.PathValue("id")]
		if j == nil {
			Problem(w, http.StatusNotFound, "job_not_found", "there is no such job")
			return
		}
		j["state"] = state
		answer(w, http.StatusOK, j)
	}
}

func (s *Server) result(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := r.PathValue("id")
	if r.URL.Query().Get("file") == "" && s.jobs[id]["kind"] == "prediction" {
		Problem(w, http.StatusUnprocessableEntity, "result_file_required", "the result has several files; name one of them")
		return
	}
	if _, ok := s.results[id]; !ok {
		Problem(w, http.StatusNotFound, "file_not_found", "the job made no such file")
		return
	}
	w.Header().Set("Location", s.files.URL+"/"+id+"?signature=x")
	w.WriteHeader(http.StatusSeeOther)
}

// file is another server: as S3 does, it refuses a second credential.
func (s *Server) file(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Header.Get("Authorization") != "" {
		http.Error(w, "only one auth mechanism allowed", http.StatusBadRequest)
		return
	}
	_, _ = w.Write([]byte(s.results[strings.TrimPrefix(r.URL.Path, "/")])) // the client may be gone
}
