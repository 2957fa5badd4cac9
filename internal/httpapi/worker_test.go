package httpapi_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/httpapi"
	"github.com/narrativeml/narrative/internal/job"
)

// Operators see the processes that run jobs; one that stopped is among them.
func TestWorkersForOperators(t *testing.T) {
	t.Parallel()
	const path = "/api/v1/workers"
	d := newDomain(t, deaf{})
	ctx, stop := context.WithCancel(t.Context())
	over := make(chan struct{})
	for _, id := range []string{"wkr_a", "wkr_b"} {
		r := job.NewRunner(job.RunnerConfig{Worker: id, Driver: d.driver, Files: d.files, Slots: map[string]int{"training": 2}, Memory: 4 << 30})
		if id == "wkr_b" {
			ended, end := context.WithCancel(t.Context())
			end()
			r.Register(ended, "other", 7)
			continue
		}
		go func() { defer close(over); r.Register(ctx, "box", 42) }()
	}
	b := setup(t, d.behind)
	var alive []httpapi.Worker
	for deadline := time.Now().Add(20 * time.Second); len(alive) == 0 && time.Now().Before(deadline); {
		alive = decode[httpapi.Page[httpapi.Worker]](t, b.get(t, path+"?state=alive", operator)).Items
	}
	if len(alive) != 1 || alive[0].Worker != "wkr_a" || alive[0].Host != "box" || alive[0].PID != 42 || alive[0].Slots["training"] != 2 || alive[0].Memory != 4<<30 || alive[0].HeartbeatAt.IsZero() {
		t.Errorf("alive: %+v", alive)
	}
	first := decode[httpapi.Page[httpapi.Worker]](t, b.get(t, path+"?limit=1", operator))
	if len(first.Items) != 1 || first.NextCursor == "" {
		t.Fatalf("%+v", first)
	}
	second := decode[httpapi.Page[httpapi.Worker]](t, b.get(t, path+"?limit=1&cursor="+first.NextCursor, operator))
	if len(second.Items) != 1 || second.Items[0].Worker != "wkr_b" || second.Items[0].State != job.WorkerStopped || second.NextCursor != "" {
		t.Errorf("%+v", second)
	}
	wantProblem(t, b.get(t, path, ada), http.StatusForbidden, "role_required")
	wantProblem(t, b.get(t, path+"?state=asleep", operator), http.StatusUnprocessableEntity, "invalid_request")
	stop()
	<-over
}
