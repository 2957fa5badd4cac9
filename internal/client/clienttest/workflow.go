package clienttest

import (
	"encoding/json"
	"net/http"
)

// workflow answers with a data set that is profiled; what is left out is done.
func (s *Server) workflow(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Stages []struct {
			Name    string `json:"name"`
			Skipped bool   `json:"skipped"`
			Note    string `json:"note"`
		} `json:"stages"`
	}
	if r.Method == http.MethodPatch {
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || len(body.Stages) == 0 {
			Problem(w, http.StatusUnprocessableEntity, "workflow_invalid", "name stages")
			return
		}
	}
	id := r.PathValue("id")
	prepare := map[string]any{"name": "prepare", "state": "ready", "optional": true, "gates": []any{}, "evidence": []any{}}
	for _, c := range body.Stages {
		if c.Name == "prepare" && c.Skipped {
			prepare["state"], prepare["skipped"] = "done", map[string]any{"user": "ada", "at": "2025-01-02T03:04:05Z", "note": c.Note}
		}
	}
	v := map[string]any{"dataset_id": id, "version": 1, "revision": len(body.Stages), "stages": []any{
		map[string]any{"name": "load", "state": "done", "gates": []any{}, "evidence": []any{
			map[string]any{"kind": "job", "id": "job_1", "text": "ingest"}, map[string]any{"kind": "version", "number": 1, "text": "11 rows, 3 columns"},
		}},
		prepare,
		map[string]any{"name": "train", "state": "locked", "evidence": []any{}, "gates": []any{
			map[string]any{"code": "features_settled", "met": false, "message": "features are made", "remedy": "make some"},
		}},
	}}
	if prepare["state"] == "ready" {
		v["next"] = map[string]any{"stage": "prepare", "operation": "transform", "method": "POST", "path": "/api/v1/transforms", "command": "narrative recipe clean " + id + " --yes", "reason": "2 steps would clean the table"}
	}
	answer(w, http.StatusOK, v)
}
