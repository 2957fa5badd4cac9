package clienttest

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// policies are what operators set, by the path of the queue or tenant.
type policies struct {
	mu  sync.Mutex
	all map[string]policy
}

type policy struct {
	revision int
	settings map[string]any
}

func (p *policies) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/v1/queues", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{"items": []any{p.view("queue", "batch"), p.view("queue", "training")}})
	})
	mux.HandleFunc("GET /api/v1/tenants", func(w http.ResponseWriter, _ *http.Request) {
		p.mu.Lock()
		names := slices.Sorted(maps.Keys(p.all))
		p.mu.Unlock()
		items := []any{}
		for _, name := range names {
			if tenant, ok := strings.CutPrefix(name, "tenant "); ok {
				items = append(items, p.view("tenant", tenant))
			}
		}
		answer(w, http.StatusOK, map[string]any{"items": items})
	})
	for _, kind := range []string{"queue", "tenant"} {
		mux.HandleFunc("GET /api/v1/"+kind+"s/{name}", func(w http.ResponseWriter, r *http.Request) { p.show(w, kind, r.PathValue("name")) })
		mux.HandleFunc("PUT /api/v1/"+kind+"s/{name}", func(w http.ResponseWriter, r *http.Request) { p.put(w, r, kind) })
	}
}

func (p *policies) get(kind, name string) policy {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.all[kind+" "+name]
}

func (p *policies) view(kind, name string) map[string]any {
	v := map[string]any{kind: name}
	if kind == "tenant" {
		v["weight"] = 1
	}
	maps.Copy(v, p.get(kind, name).settings)
	return v
}

func etag(revision int) string { return `W/"` + strconv.Itoa(revision) + `"` }

func (p *policies) show(w http.ResponseWriter, kind, name string) {
	if kind == "queue" && name != "batch" && name != "training" {
		Problem(w, http.StatusNotFound, "queue_not_found", "there is no such queue")
		return
	}
	w.Header().Set("ETag", etag(p.get(kind, name).revision))
	answer(w, http.StatusOK, p.view(kind, name))
}

func (p *policies) put(w http.ResponseWriter, r *http.Request, kind string) {
	name := r.PathValue("name")
	settings := map[string]any{}
	if err := json.NewDecoder(r.Body).Decode(&settings); err != nil {
		Problem(w, http.StatusBadRequest, "malformed_json", err.Error())
		return
	}
	p.mu.Lock()
	old := p.all[kind+" "+name]
	if r.Header.Get("If-Match") != etag(old.revision) {
		p.mu.Unlock()
		Problem(w, http.StatusPreconditionFailed, "policy_changed", "somebody else has changed it")
		return
	}
	if p.all == nil {
		p.all = map[string]policy{}
	}
	p.all[kind+" "+name] = policy{revision: old.revision + 1, settings: settings}
	p.mu.Unlock()
	p.show(w, kind, name)
}

// prioritise changes the priority of a job that has not ended.
func (s *Server) prioritise(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Priority int `json:"priority"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		Problem(w, http.StatusBadRequest, "malformed_json", err.Error())
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.jobs[r.PathValue("id")]
	if j == nil {
		Problem(w, http.StatusNotFound, "job_not_found", "there is no such job")
		return
	}
	j["priority"] = in.Priority
	answer(w, http.StatusOK, j)
}
