package clienttest

import (
	"encoding/json"
	"net/http"
)

// deadLetter is the only one there is.
func deadLetter() map[string]any {
	return map[string]any{
		"id": "job_dead", "tenant": "acme", "user": "ann", "kind": "training", "pool": "training", "cause": "crashes_exhausted",
		"code": "worker_died", "message": "The worker died 3 times.", "attempt": 3, "crashes": 3, "at": "2025-01-02T03:04:05Z",
	}
}

func (s *Server) deadLetters(w http.ResponseWriter, r *http.Request) {
	if code := r.URL.Query().Get("code"); code != "" && code != "worker_died" {
		s.list(w, []any{})
		return
	}
	s.list(w, []any{deadLetter()})
}

func (s *Server) deadLetter(w http.ResponseWriter, r *http.Request) {
	if r.PathValue("id") != "job_dead" {
		Problem(w, http.StatusNotFound, "dead_letter_not_found", "there is no such dead letter")
		return
	}
	d := deadLetter()
	d["payload"] = map[string]any{"target": "y"}
	d["history"] = []any{
		map[string]any{"seq": 1, "at": "2025-01-02T03:04:05Z", "state": "pending", "epoch": 0},
		map[string]any{"seq": 2, "at": "2025-01-02T03:04:06Z", "state": "failed", "epoch": 3, "reason": "worker_died", "by": "ops"},
	}
	d["log"] = []any{map[string]any{"seq": 1, "at": "2025-01-02T03:04:05Z", "level": "error", "message": "it broke"}}
	answer(w, http.StatusOK, d)
}

func (s *Server) requeue(w http.ResponseWriter, r *http.Request) {
	var in struct {
		IDs    []string `json:"ids"`
		Code   string   `json:"code"`
		All    bool     `json:"all"`
		DryRun bool     `json:"dry_run"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		Problem(w, http.StatusBadRequest, "malformed_json", err.Error())
		return
	}
	if len(in.IDs) == 0 && in.Code == "" && !in.All {
		Problem(w, http.StatusUnprocessableEntity, "requeue_nothing_named", "name the jobs")
		return
	}
	done, skipped := []string{}, []any{}
	for _, id := range in.IDs {
		if id == "job_dead" {
			done = append(done, id)
		} else {
			skipped = append(skipped, map[string]any{"id": id, "code": "dead_letter_not_found", "message": "it is none"})
		}
	}
	if len(in.IDs) == 0 {
		done = append(done, "job_dead")
	}
	answer(w, http.StatusOK, map[string]any{"dry_run": in.DryRun, "requeued": len(done), "ids": done, "skipped": skipped, "more": in.All})
}
