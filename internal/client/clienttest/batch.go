package clienttest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
)

// batch makes the jobs of a batch, all of them or none.
func (s *Server) batch(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Jobs []map[string]json.RawMessage `json:"jobs"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || r.Header.Get("Idempotency-Key") == "" {
		Problem(w, http.StatusUnprocessableEntity, "invalid_body", "send JSON and an Idempotency-Key")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := map[string]bool{}
	for _, one := range in.Jobs {
		if name := string(one["name"]); seen[name] || name == "" {
			Problem(w, http.StatusUnprocessableEntity, "duplicate_job_name", "two jobs have one name")
			return
		}
		seen[string(one["name"])] = true
	}
	made := []any{}
	for _, one := range in.Jobs {
		for _, kind := range []string{"training", "tuning", "prediction"} {
			var body map[string]any
			if json.Unmarshal(one[kind], &body) != nil {
				continue
			}
			j := s.newJob(kind, fmt.Sprint(cmp.Or(body["dataset_id"], body["model_id"])), nil)
			j["result"], j["after"] = s.run(kind, j["id"].(string), body), body["after"]
			made = append(made, map[string]any{"name": one["name"], "job_id": j["id"], "job": j})
		}
	}
	answer(w, http.StatusAccepted, map[string]any{"jobs": made})
}

// history is that of every job.
func (s *Server) history(w http.ResponseWriter, r *http.Request) {
	events := []any{
		map[string]any{"seq": 1, "at": "2025-01-02T03:04:05Z", "state": "pending", "epoch": 0, "by": "ann"},
		map[string]any{"seq": 2, "at": "2025-01-02T03:04:06Z", "state": "pending", "epoch": 0, "event": "priority_changed", "reason": "5 to 9", "by": "eve"},
		map[string]any{"seq": 3, "at": "2025-01-02T03:04:07Z", "state": "running", "epoch": 1, "worker": "wkr_1"},
	}
	if r.URL.Query().Get("after") == "0" {
		answer(w, http.StatusOK, map[string]any{"items": events[:2], "next_after": 2})
		return
	}
	answer(w, http.StatusOK, map[string]any{"items": events[2:]})
}

// schedules are two: one that is well and one that is not.
func (s *Server) schedules(w http.ResponseWriter, _ *http.Request) {
	s.list(w, []any{
		map[string]any{"name": "cleanup", "spec": "17 * * * *", "last_at": "2025-01-02T03:17:00Z", "done": true, "tries": 1, "next_at": "2025-01-02T04:17:00Z"},
		map[string]any{"name": "health", "spec": "* * * * *", "last_at": "2025-01-02T03:04:00Z", "tries": 2, "missed": 7, "missed_at": "2025-01-02T03:04:00Z"},
	})
}

// workers are one that works; with the state that is asked for, if one is.
func (s *Server) workers(w http.ResponseWriter, r *http.Request) {
	s.list(w, []any{map[string]any{
		"worker": "wkr_1", "state": cmp.Or(r.URL.Query().Get("state"), "alive"), "host": "box", "pid": 42, "running": 1,
		"slots": map[string]int{"training": 2, "batch": 4}, "busy": map[string]int{"training": 1}, "memory_bytes": 4 << 30, "memory_used_bytes": 1 << 30,
		"started_at": "2025-01-02T03:00:00Z", "heartbeat_at": "2025-01-02T03:04:05Z",
	}})
}

// findings are of the part that is asked for.
func (s *Server) findings(w http.ResponseWriter, r *http.Request) {
	s.list(w, []any{map[string]any{
		"check": cmp.Or(r.URL.Query().Get("check"), "store"), "status": "unavailable", "breaker": "open", "latency_ms": 2000.3,
		"error": "no answer", "changed": true, "at": "2025-01-02T03:04:05Z",
	}})
}
