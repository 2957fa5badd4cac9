package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/httpapi"
)

// hiding is a bench of somebody without the right to see personal data.
type hiding struct {
	*bench
	t *testing.T
}

const (
	hidingAnalyst  = "ada:analyst"
	hidingSteward  = "ada:analyst,steward"
	hidingOperator = "ada:analyst,operator"
)

// silent asks, and looks for what is planted.
func (h hiding) silent(what string, got reply, status int) reply {
	h.t.Helper()
	if got.status != status {
		h.t.Errorf("%s: status %d, want %d: %.400s", what, got.status, status, got.body)
	}
	silentAbout(h.t, what, got.body)
	return got
}

func (h hiding) get(path string, status int) reply {
	h.t.Helper()
	return h.silent(path, h.ask(h.t, http.MethodGet, path, hidingAnalyst, nil), status)
}

// ended waits for a job, and looks at everything that is shown of it.
func (h hiding) ended(got reply, state string) httpapi.Job {
	h.t.Helper()
	if got.status != http.StatusAccepted {
		h.t.Fatalf("status %d: %s", got.status, got.body)
	}
	var made struct {
		JobID string `json:"job_id"`
	}
	if err := json.Unmarshal(got.body, &made); err != nil {
		h.t.Fatal(err)
	}
	at := "/api/v1/jobs/" + made.JobID
	for {
		j := decode[httpapi.Job](h.t, h.get(at+"?wait=10s", http.StatusOK))
		if j.State != "succeeded" && j.State != "failed" && j.State != "cancelled" {
			continue
		}
		if j.State != state {
			h.t.Errorf("the %s job is %s: %+v", j.Kind, j.State, j.Failure)
		}
		for _, more := range []string{"/logs", "/history", "/events"} {
			h.get(at+more, http.StatusOK)
		}
		return j
	}
}

func (h hiding) send(path, body string) reply {
	h.t.Helper()
	return h.bench.send(h.t, path, hidingAnalyst, body)
}

func (h hiding) uploaded(table string) string {
	h.t.Helper()
	got := h.upload(h.t, hidingAnalyst, nil, "file", table)
	h.finished(h.t, hidingAnalyst, got)
	return decode[httpapi.Accepted](h.t, got).DatasetID
}

// unknown is a table with planted values that no training has seen, some of them in
// columns of other types.
func unknown() string {
	lines := strings.Split(strings.TrimSpace(personal()), "\n")
	for i := 2; i < len(lines); i += 3 {
		fields := strings.Split(lines[i], ",")
		fields[0], fields[1] = plantedName+" the Second", plantedEmail+"@example.com"
		if i%2 == 0 {
			fields[3] = plantedName
		}
		lines[i] = strings.Join(fields, ",")
	}
	return strings.Join(lines, "\n") + "\n"
}

// TestPersonalDataStaysHiddenInModels learns from personal data, with steps that fail
// at values of it, and predicts; and looks for the values in whatever is shown.
func TestPersonalDataStaysHiddenInModels(t *testing.T) {
	t.Parallel()
	h := hiding{withWorker(t), t}
	id := h.uploaded(personal())
	h.silent("a personal target", h.send("/api/v1/training", `{"dataset_id":"`+id+`","target":"full_name"}`), http.StatusUnprocessableEntity)
	train := func(more string) reply {
		return h.send("/api/v1/training", `{"dataset_id":"`+id+`","target":"plan","algorithms":["baseline","linear"],"folds":2`+more+`}`)
	}
	trained := h.ended(train(""), "succeeded")
	var made struct {
		ModelID string `json:"model_id"`
	}
	if err := json.Unmarshal(trained.Result, &made); err != nil {
		t.Fatal(err)
	}
	h.get("/api/v1/models/"+made.ModelID, http.StatusOK)
	h.get("/api/v1/models", http.StatusOK)
	h.get("/api/v1/workflow/"+id, http.StatusOK)
	for file, status := range map[string]int{"model": http.StatusForbidden, "out_of_fold": http.StatusSeeOther, "holdout": http.StatusSeeOther} {
		h.get("/api/v1/jobs/"+trained.ID+"/result?file="+file, status)
	}
	other := h.uploaded(unknown())
	predicted := h.ended(h.send("/api/v1/predictions", `{"model_id":"`+made.ModelID+`","dataset_id":"`+other+`"}`), "succeeded")
	if !strings.Contains(string(predicted.Result), "not seen") || !strings.Contains(string(predicted.Result), "bad rows") {
		t.Errorf("nothing is told of unknown and of bad values: %s", predicted.Result)
	}
	h.get("/api/v1/jobs/"+predicted.ID+"/result?file=errors", http.StatusForbidden)
	h.get("/api/v1/jobs/"+predicted.ID+"/result?file=predictions", http.StatusSeeOther)

	const fails = `[{"name":"convert_type","parameters":{"columns":["full_name"],"type":"integer","unknown":"fail"}}]`
	failed := h.ended(train(`,"steps":`+fails), "failed")
	if failed.Failure.Code != "value_type" || strings.Contains(failed.Failure.Message, "Maria") {
		t.Errorf("it fails otherwise: %+v", failed.Failure)
	}
	h.ended(h.send("/api/v1/transforms", `{"dataset_id":"`+id+`","steps":`+fails+`}`), "failed")
	// A model whose steps fail at what the training did not have.
	var ages strings.Builder
	ages.WriteString("full_name,age,plan\n")
	for i := range 60 {
		fmt.Fprintf(&ages, "%d,%d,%s\n", i, i%7, []string{"free", "pro"}[i%2])
	}
	numbered := h.uploaded(strings.ReplaceAll(ages.String(), "\n0,", "\nx,"))
	learned := h.ended(h.send("/api/v1/training", `{"dataset_id":"`+numbered+`","target":"plan","algorithms":["linear"],"folds":2,"steps":[{"name":"replace_values","parameters":{"columns":["full_name"],"values":{"x":"0"}}},`+fails[1:]+`}`), "succeeded")
	if err := json.Unmarshal(learned.Result, &made); err != nil {
		t.Fatal(err)
	}
	named := h.uploaded(strings.ReplaceAll(ages.String(), "\n7,", "\n"+plantedName+","))
	failed = h.ended(h.send("/api/v1/predictions", `{"model_id":"`+made.ModelID+`","dataset_id":"`+named+`"}`), "failed")
	if failed.Failure.Code != "value_type" {
		t.Errorf("it fails otherwise: %+v", failed.Failure)
	}
	letters := h.ask(t, http.MethodGet, "/api/v1/dead-letters", hidingOperator, nil)
	h.silent("dead letters", letters, http.StatusOK)
}

// TestPersonalDataStaysHiddenInSteps: neither what steps show nor what they learn tells
// a value.
func TestPersonalDataStaysHiddenInSteps(t *testing.T) {
	t.Parallel()
	h := hiding{withWorker(t), t}
	table := strings.Split(personal(), "\n")
	for i := 3; i < len(table)-1; i += 4 { // the most frequent name is the planted one
		table[i] = "," + strings.SplitN(table[i], ",", 2)[1]
	}
	id := h.uploaded(strings.Join(table, "\n"))
	const steps = `[{"name":"impute_missing","parameters":{"columns":["full_name"],"strategy":"mode"}},{"name":"encode_frequency","parameters":{"columns":["email"]}},{"name":"rename_columns","parameters":{"names":{"full_name":"x"}}}]`
	for _, path := range []string{"check", "preview"} {
		h.silent(path, h.send("/api/v1/recipes/"+path, `{"dataset_id":"`+id+`","steps":`+steps+`}`), http.StatusOK)
	}
	h.silent("names of columns", h.send("/api/v1/recipes/preview", `{"dataset_id":"`+id+`","steps":[{"name":"encode_one_hot","parameters":{"columns":["full_name"]}}]}`), http.StatusUnprocessableEntity)
	applied := h.ended(h.send("/api/v1/transforms", `{"dataset_id":"`+id+`","steps":`+steps+`}`), "succeeded")
	at := "/api/v1/datasets/" + id
	for _, path := range []string{"", "/preview", "/profile", "/schema", "/suggestions", "/versions", "/versions/2", "/versions/2/comparison?with=1", "/pii", "/charts/heat_map"} {
		h.get(at+path, http.StatusOK)
	}
	h.get(at+"/charts/histogram?x=x", http.StatusForbidden)
	for _, file := range []string{"table", "sample", "fitted"} {
		h.get("/api/v1/jobs/"+applied.ID+"/result?file="+file, http.StatusForbidden)
	}
	saved := h.silent("a recipe", h.send("/api/v1/recipes", `{"name":"clean","dataset_id":"`+id+`","steps":[{"name":"drop_columns","parameters":{"columns":["x"]}}]}`), http.StatusCreated)
	h.get("/api/v1/recipes/"+decode[httpapi.Recipe](t, saved).ID+"/python", http.StatusOK)
}

// TestPoliciesByTheAPI walks a data set from a tenant's default policy to versions
// that can be used, and to what is erased.
func TestPoliciesByTheAPI(t *testing.T) {
	t.Parallel()
	h := hiding{withWorker(t), t}
	put := func(token, body, match string) reply {
		headers := []string{"Content-Type", "application/json"}
		if match != "" {
			headers = append(headers, "If-Match", match)
		}
		return h.ask(t, http.MethodPut, "/api/v1/pii/policy", token, strings.NewReader(body), headers...)
	}
	const rules = `{"default":"mask","kinds":{"email":"hash","date_of_birth":"drop"}}`
	wantProblem(t, put(hidingAnalyst, rules, ""), http.StatusForbidden, "role_required")
	wantProblem(t, put(hidingSteward, `{"default":"burn"}`, ""), http.StatusUnprocessableEntity, "pii_invalid")
	if got := put(hidingSteward, rules, `W/"0"`); got.status != http.StatusOK || got.header.Get("ETag") != `W/"1"` {
		t.Fatalf("status %d, ETag %s: %s", got.status, got.header.Get("ETag"), got.body)
	}
	wantProblem(t, put(hidingSteward, rules, `W/"0"`), http.StatusPreconditionFailed, "pii_changed")
	id := h.uploaded(personal())
	at := "/api/v1/datasets/" + id
	var seen httpapi.Privacy
	for seen.Sealed == 0 { // the ingest has submitted the job, or has not ended to
		got := h.get(at+"/pii", http.StatusOK)
		seen = decode[httpapi.Privacy](t, got)
		if seen.State == "needs_policy" && seen.JobID != "" {
			h.ended(reply{status: http.StatusAccepted, body: []byte(`{"job_id":"` + seen.JobID + `"}`)}, "succeeded")
		}
	}
	var names []string
	for _, c := range seen.Columns {
		names = append(names, c.Column+"="+c.Policy)
		if !c.Applied {
			t.Errorf("%+v is not applied", c)
		}
	}
	if seen.State != "ready" || !slices.Equal(names, []string{"card_number=mask", "email=hash", "full_name=mask"}) || seen.Risk != "none" {
		t.Errorf("%+v", seen)
	}
	preview := string(h.get(at+"/preview", http.StatusOK).body)
	if !strings.Contains(preview, "***1111") || strings.Contains(preview, "dob") || strings.Contains(preview, `"masked"`) {
		t.Errorf("the preview is %.600s", preview)
	}
	if got := h.ask(t, http.MethodGet, at+"/preview?unmasked=true", hidingSteward, nil); got.status != http.StatusOK {
		t.Errorf("a steward sees %d %s", got.status, got.body)
	} else {
		silentAbout(t, "what a steward sees", got.body)
	}
	if got := h.get(at+"/versions", http.StatusOK); !strings.Contains(string(got.body), `"made_by":"policy"`) || !strings.Contains(string(got.body), `"sealed":true`) {
		t.Errorf("versions: %s", got.body)
	}
	wantProblem(t, h.send("/api/v1/transforms", `{"dataset_id":"`+id+`","reproduce":2}`), http.StatusConflict, "version_sealed")
	wantProblem(t, h.send("/api/v1/training", `{"dataset_id":"`+id+`","version":1,"target":"plan"}`), http.StatusConflict, "version_sealed")
	h.ended(h.send("/api/v1/training", `{"dataset_id":"`+id+`","target":"plan","algorithms":["linear"],"folds":2}`), "succeeded")
	patch := func(token, body string) reply {
		return h.ask(t, http.MethodPatch, at+"/pii", token, strings.NewReader(body), "Content-Type", "application/json")
	}
	wantProblem(t, patch(hidingSteward, `{"columns":[{"column":"email","policy":"allow"}]}`), http.StatusUnprocessableEntity, "pii_invalid")
	got := patch(hidingAnalyst, `{"columns":[{"column":"plan","policy":"mask"}]}`)
	if got.status != http.StatusAccepted || !strings.HasPrefix(got.header.Get("Location"), "/api/v1/jobs/job_") {
		t.Fatalf("status %d, Location %q: %s", got.status, got.header.Get("Location"), got.body)
	}
	wantCode := func(got reply, codes ...string) {
		t.Helper()
		if p := decode[problem](t, got); !slices.Contains(codes, p.Code) {
			t.Errorf("code %s: %s", p.Code, got.body)
		}
	}
	h.ended(got, "succeeded")
	if got := h.ask(t, http.MethodPost, at+"/pii/apply", hidingAnalyst, nil); got.status != http.StatusOK {
		t.Errorf("nothing is to be applied: status %d: %s", got.status, got.body)
	}
	wantCode(h.ask(t, http.MethodPost, at+"/pii/erase", hidingAnalyst, nil), "role_required")
	erased := decode[httpapi.Privacy](t, h.ask(t, http.MethodPost, at+"/pii/erase", hidingSteward, nil))
	if erased.Erased != 3 || erased.Sealed != 3 {
		t.Errorf("%+v", erased)
	}
	wantProblem(t, h.send("/api/v1/transforms", `{"dataset_id":"`+id+`","reproduce":3}`), http.StatusConflict, "version_erased")
	audit := string(h.ask(t, http.MethodGet, "/api/v1/audit", hidingSteward, nil).body)
	for _, action := range []string{"set_rules", "set_policy", "erase"} {
		if !strings.Contains(audit, `"action":"`+action+`"`) {
			t.Errorf("the audit has no %s: %s", action, audit)
		}
	}
}

// TestAllowedColumnsAreShown: the profile of a column that is allowed is made anew.
func TestAllowedColumnsAreShown(t *testing.T) {
	t.Parallel()
	h := hiding{withWorker(t), t}
	id := h.uploaded(personal())
	at := "/api/v1/datasets/" + id
	got := h.ask(t, http.MethodPatch, at+"/pii", hidingSteward, strings.NewReader(`{"columns":[{"column":"full_name","policy":"allow"}]}`), "Content-Type", "application/json")
	if got.status != http.StatusAccepted {
		t.Fatalf("status %d: %s", got.status, got.body)
	}
	made := h.finished(t, hidingAnalyst, got)
	if profile := h.ask(t, http.MethodGet, at+"/profile", hidingAnalyst, nil); !strings.Contains(string(profile.body), plantedName) || strings.Contains(string(profile.body), plantedEmail) {
		t.Errorf("the profile is %.300s", profile.body)
	}
	// Hidden again, it is hidden in that profile, too.
	if got := h.ask(t, http.MethodPatch, at+"/pii", hidingAnalyst, strings.NewReader(`{"columns":[{"column":"full_name","policy":"warn"}]}`), "Content-Type", "application/json"); got.status != http.StatusOK {
		t.Fatalf("status %d: %s", got.status, got.body)
	}
	h.get(at+"/profile", http.StatusOK)
	for _, file := range []string{"", "?file=profile"} {
		wantProblem(t, h.get("/api/v1/jobs/"+made.ID+"/result"+file, http.StatusForbidden), http.StatusForbidden, "role_required")
		if got := h.ask(t, http.MethodGet, "/api/v1/jobs/"+made.ID+"/result"+file, hidingSteward, nil); got.status != http.StatusSeeOther {
			t.Errorf("a steward's link: %d %s", got.status, got.body)
		}
	}
}
