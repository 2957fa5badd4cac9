package httpapi_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/httpapi"
)

// Whatever people do to a job is in its history, with who did it.
func TestEveryActIsInTheHistory(t *testing.T) {
	t.Parallel()
	b := withServices(t)
	id := decode[httpapi.Accepted](t, b.upload(t, ada, nil, "file", "a,b\n1,2\n")).JobID
	address := jobsPath + "/" + id
	for _, act := range []struct{ method, path, body string }{
		{http.MethodPatch, address, `{"priority":9}`},
		{http.MethodPost, address + "/cancel", ""},
		{http.MethodPost, address + "/retry", ""},
	} {
		r := b.ask(t, act.method, act.path, ada, strings.NewReader(act.body), "Content-Type", "application/json")
		if r.status >= 300 {
			t.Fatalf("%s %s: status %d: %s", act.method, act.path, r.status, r.body)
		}
	}
	var told []string
	for _, e := range decode[httpapi.History](t, b.get(t, address+"/history", ada)).Items {
		told = append(told, strings.Join([]string{e.State, e.Event, e.Reason, e.By}, " "))
	}
	want := []string{
		"pending   ada", "queued   ", "queued priority_changed 5 to 9 ada", "cancelled  cancelled_by_owner ada", "queued  retried_by_owner ada",
	}
	if !slices.Equal(told, want) {
		t.Errorf("the history is %q, want %q", told, want)
	}
}

// Which worker did what is for operators to know.
func TestWorkersAreForOperators(t *testing.T) {
	t.Parallel()
	b, _, j := buried(t)
	workers := func(events []httpapi.Event) (all []string) {
		for _, e := range events {
			if e.Worker != "" {
				all = append(all, e.State+" "+e.Worker)
			}
		}
		return all
	}
	if got := workers(decode[httpapi.DeadLetterDetail](t, b.get(t, deadPath+"/"+j.ID, operator)).History); !slices.Equal(got, []string{"running wkr_1", "failed wkr_1"}) {
		t.Errorf("an operator sees %q", got)
	}
	if got := workers(decode[httpapi.History](t, b.get(t, jobsPath+"/"+j.ID+"/history", ada)).Items); got != nil {
		t.Errorf("an analyst sees %q", got)
	}
}
