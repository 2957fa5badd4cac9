package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/httpapi"
)

// What is planted in columns of personal data, and looked for in answers.
const (
	plantedName  = "Zebulonia Quixworth"
	plantedEmail = "zebulonia.quixworth"
	plantedCard  = "4111111111111111"
)

// personal is a table of personal data, with the planted values in several rows.
func personal() string {
	var b strings.Builder
	b.WriteString("full_name,email,card_number,dob,amount,plan\n")
	for i := range 60 {
		name, mail, card := fmt.Sprintf("Maria Smith%s", strings.Repeat("a", i%7)), fmt.Sprintf("user%d@example.org", i), "5555555555554444"
		if i%5 == 0 {
			name, mail, card = plantedName, plantedEmail+"@example.org", plantedCard
		}
		fmt.Fprintf(&b, "%s,%s,%s,%d-03-%02d,%d,%s\n", name, mail, card, 1950+i%40, 1+i%28, i*37%80, []string{"free", "pro"}[i%2])
	}
	return b.String()
}

func silentAbout(t *testing.T, what string, body []byte) {
	t.Helper()
	for _, value := range []string{plantedName, "Quixworth", plantedEmail, plantedCard} {
		if strings.Contains(string(body), value) {
			t.Errorf("%s tells %q: %.400s", what, value, body)
		}
	}
}

// TestPersonalDataStaysHidden plants values in columns of personal data and looks
// for them in everything that the API shows to somebody without the right.
func TestPersonalDataStaysHidden(t *testing.T) {
	t.Parallel()
	b := withWorker(t)
	const analyst, steward = "ada:analyst", "ada:analyst,steward"
	uploaded := b.upload(t, analyst, nil, "file", personal())
	id := decode[httpapi.Accepted](t, uploaded).DatasetID
	ingest := b.finished(t, analyst, uploaded)
	at := "/api/v1/datasets/" + id

	seen := decode[httpapi.Privacy](t, b.ask(t, http.MethodGet, at+"/pii", analyst, nil))
	kinds := map[string]string{}
	for _, c := range seen.Columns {
		kinds[c.Column] = c.Type
	}
	want := map[string]string{"full_name": "person_name", "email": "email", "card_number": "credit_card", "dob": "date_of_birth"}
	if fmt.Sprint(kinds) != fmt.Sprint(want) || !seen.Scanned || seen.Risk != "high" {
		t.Fatalf("found %v, risk %s, should be %v", kinds, seen.Risk, want)
	}

	paths := []string{
		at, at + "/pii", at + "/preview", at + "/profile", at + "/schema", at + "/suggestions", at + "/versions", at + "/versions/1", "/api/v1/jobs/" + ingest.ID,
		"/api/v1/jobs/" + ingest.ID + "/logs", "/api/v1/jobs/" + ingest.ID + "/history", at + "/charts/heat_map", "/api/v1/datasets",
	}
	for _, path := range paths {
		got := b.ask(t, http.MethodGet, path, analyst, nil)
		if got.status != http.StatusOK {
			t.Errorf("%s: status %d: %s", path, got.status, got.body)
		}
		silentAbout(t, path, got.body)
	}
	for column := range want {
		for _, kind := range []string{"histogram?x=", "histogram?bins=5&x=", "box_plot?y=amount&by=", "scatter?y=amount&x=", "line?y=amount&x=", "time_series?y=amount&x=", "heat_map?y=plan&x="} {
			got := b.ask(t, http.MethodGet, at+"/charts/"+kind+url.QueryEscape(column), analyst, nil)
			if got.status < http.StatusBadRequest {
				t.Errorf("a chart %s%s is drawn: %s", kind, column, got.body)
			}
			silentAbout(t, kind+column, got.body)
		}
	}
	for name, steps := range map[string]string{
		"case":   `[{"name":"change_case","parameters":{"columns":["full_name","email"],"case":"upper"}}]`,
		"derive": `[{"name":"derive_column","parameters":{"name":"copy","expression":"full_name + email"}}]`,
		"rename": `[{"name":"rename_columns","parameters":{"names":{"full_name":"x"}}}]`,
		"type":   `[{"name":"convert_type","parameters":{"columns":["full_name"],"type":"integer","unknown":"fail"}}]`,
	} {
		got := b.send(t, "/api/v1/recipes/preview", analyst, `{"dataset_id":"`+id+`","limit":60,"steps":`+steps+`}`)
		// What is refused for its form would show nothing anyway.
		if name == "type" && !strings.Contains(string(got.body), "value_type") || name != "type" && got.status != http.StatusOK {
			t.Errorf("%s: status %d: %.300s", name, got.status, got.body)
		}
		silentAbout(t, "the preview of "+name, got.body)
		if strings.Contains(strings.ToUpper(string(got.body)), strings.ToUpper("Quixworth")) {
			t.Errorf("the preview of %s tells it in other letters: %.300s", name, got.body)
		}
	}
	for _, file := range []string{"", "?file=table", "?file=sample"} {
		wantProblem(t, b.ask(t, http.MethodGet, "/api/v1/jobs/"+ingest.ID+"/result"+file, analyst, nil), http.StatusForbidden, "role_required")
	}
	wantProblem(t, b.ask(t, http.MethodGet, at+"/preview?unmasked=true", analyst, nil), http.StatusForbidden, "role_required")
	wantProblem(t, b.ask(t, http.MethodGet, "/api/v1/audit", analyst, nil), http.StatusForbidden, "role_required")
	b.stewards(t, at, ingest.ID, steward)
	b.unfit(t, at, analyst)
}

// stewards sees the values, and finds that it was written down.
func (b *bench) stewards(t *testing.T, at, job, steward string) {
	t.Helper()
	if got := b.ask(t, http.MethodGet, at+"/preview?unmasked=true", steward, nil); got.status != http.StatusOK || !strings.Contains(string(got.body), plantedName) || !strings.Contains(string(got.body), plantedCard) {
		t.Errorf("a steward sees %d %.200s", got.status, got.body)
	}
	silentAbout(t, "a steward's plain preview", b.ask(t, http.MethodGet, at+"/preview", steward, nil).body)
	if got := b.ask(t, http.MethodGet, "/api/v1/jobs/"+job+"/result?file=table", steward, nil); got.status >= http.StatusBadRequest {
		t.Errorf("a steward's download: %d %s", got.status, got.body)
	}
	got := b.ask(t, http.MethodGet, "/api/v1/audit", steward, nil)
	silentAbout(t, "the audit", got.body)
	page := decode[httpapi.Page[httpapi.Access]](t, got)
	if len(page.Items) != 2 || page.Items[0].Action != "download" || page.Items[1].Action != "read_unmasked" || page.Items[1].User != "ada" || len(page.Items[1].Details) != 4 {
		t.Errorf("the audit is %s", got.body)
	}
	if other := decode[httpapi.Page[httpapi.Access]](t, b.ask(t, http.MethodGet, "/api/v1/audit", "eve:analyst,steward", nil)); len(other.Items) != 0 {
		t.Errorf("another tenant's steward sees %+v", other.Items)
	}
}

// unfit chooses a type that no value has: the job's error tells none of them.
func (b *bench) unfit(t *testing.T, at, analyst string) {
	t.Helper()
	for _, column := range []string{"full_name", "email"} {
		got := b.ask(t, http.MethodPatch, at+"/schema", analyst, strings.NewReader(`{"columns":[{"name":"`+column+`","type":"integer"}]}`), "Content-Type", "application/json")
		if got.status != http.StatusAccepted {
			t.Fatalf("status %d: %s", got.status, got.body)
		}
		var made struct {
			JobID string `json:"job_id"`
		}
		if err := json.Unmarshal(got.body, &made); err != nil {
			t.Fatal(err)
		}
		for {
			j := b.ask(t, http.MethodGet, "/api/v1/jobs/"+made.JobID+"?wait=10s", analyst, nil)
			silentAbout(t, "the job that failed", j.body)
			if state := decode[httpapi.Job](t, j).State; state == "failed" {
				if !strings.Contains(string(j.body), "type_unfit") {
					t.Errorf("it failed otherwise: %s", j.body)
				}
				break
			} else if state == "succeeded" {
				t.Fatalf("%s became integer", column)
			}
		}
	}
}
