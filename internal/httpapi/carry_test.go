package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/httpapi"
)

// deliveries is a messy table of which a column is to be predicted.
func deliveries(rows int, target bool) string {
	var b strings.Builder
	b.WriteString("city,weight,count")
	if target {
		b.WriteString(",late")
	}
	for i := range rows {
		weight := fmt.Sprint(float64(i*7%50) + 0.5)
		if i%11 == 0 {
			weight = ""
		}
		fmt.Fprintf(&b, "\n%s,%s,%d", []string{" Oslo", "ROME", "kyiv "}[i%3], weight, 1+i%9)
		if target {
			fmt.Fprintf(&b, ",%v", map[bool]string{true: "yes", false: "no"}[i%9 > 4])
		}
	}
	return b.String()
}

// TestRecipesFromSharingToPrediction takes a recipe through the API: saved, shared,
// changed, found by a tag, checked against another data set, exported, learned
// within a training, carried by models, and applied by them.
func TestRecipesFromSharingToPrediction(t *testing.T) {
	t.Parallel()
	b := withWorker(t)
	const recipes, steps = "/api/v1/recipes", `[{"name":"trim_text","parameters":{"columns":["city"]}},{"name":"impute_missing","parameters":{"columns":["weight"],"strategy":"median"}}]`
	upload := func(token, file string) string {
		t.Helper()
		r := b.upload(t, token, nil, "name", "deliveries", "file", file)
		b.finished(t, token, r)
		return decode[httpapi.Accepted](t, r).DatasetID
	}
	id := upload(ada, deliveries(200, true))
	r := b.send(t, recipes, ada, `{"name":"clean","tags":["post"],"visibility":"public","dataset_id":"`+id+`","steps":`+steps+`}`)
	if r.status != http.StatusCreated {
		t.Fatalf("status %d: %s", r.status, r.body)
	}
	saved := decode[httpapi.Recipe](t, r)
	for query, want := range map[string]int{"?tag=post": 1, "?tag=other": 0, "": 1} {
		if page := decode[httpapi.Page[httpapi.Recipe]](t, b.get(t, recipes+query, ada)); len(page.Items) != want {
			t.Errorf("recipes%s: %+v", query, page)
		}
	}
	const stranger = "eve:analyst"
	if seen := decode[httpapi.Recipe](t, b.get(t, recipes+"/"+saved.ID, stranger)); seen.Mine || seen.User != "" || seen.Columns != nil {
		t.Errorf("another tenant sees %+v", seen)
	}
	if page := decode[httpapi.Page[httpapi.Recipe]](t, b.get(t, recipes+"?public=true&tag=post", stranger)); len(page.Items) != 1 {
		t.Errorf("public recipes: %+v", page)
	}
	change := `{"name":"clean","tags":["post"],"visibility":"public","steps":` + strings.Replace(steps, "median", "mean", 1) + `}`
	put := func(token string) reply {
		t.Helper()
		return b.ask(t, http.MethodPut, recipes+"/"+saved.ID, token, strings.NewReader(change), "Content-Type", "application/json")
	}
	wantProblem(t, put(stranger), http.StatusForbidden, "recipe_of_another")
	if changed := decode[httpapi.Recipe](t, put(ada)); changed.Version != 2 || len(changed.Versions) != 2 {
		t.Errorf("changed: %+v", changed)
	}
	theirs := upload(stranger, deliveries(30, false))
	plan := decode[httpapi.RecipePlan](t, b.send(t, recipes+"/check", stranger, `{"dataset_id":"`+theirs+`","recipe_id":"`+saved.ID+`","recipe_version":1}`))
	if plan.Compatibility == nil || len(plan.Compatibility.Missing) != 0 || len(plan.Steps) != 2 { // nothing of the column late, which no step names
		t.Errorf("plan %+v", plan)
	}
	if code := decode[httpapi.RecipeCode](t, b.get(t, recipes+"/"+saved.ID+"/python?version=1", stranger)); !strings.Contains(code.Code, "median()") {
		t.Errorf("code %s", code.Code)
	}

	b.finished(t, ada, b.send(t, "/api/v1/transforms", ada, `{"dataset_id":"`+id+`","recipe_id":"`+saved.ID+`"}`))
	wantProblem(t, b.send(t, "/api/v1/training", ada, `{"dataset_id":"`+id+`","target":"late","steps":[{"name":"trim_text","parameters":{"columns":["late"]}}]}`), http.StatusUnprocessableEntity, "step_reads_target")
	j := b.finished(t, ada, b.send(t, "/api/v1/training", ada, `{"dataset_id":"`+id+`","target":"late","algorithms":["linear"],"folds":2,"steps":[{"name":"change_case","parameters":{"columns":["city"],"case":"lower"}}]}`))
	var made struct {
		ModelID string `json:"model_id"`
		Rows    int    `json:"rows"`
		BadRows int    `json:"bad_rows"`
	}
	if err := json.Unmarshal(j.Result, &made); err != nil {
		t.Fatal(err)
	}
	model := decode[httpapi.Model](t, b.get(t, "/api/v1/models/"+made.ModelID, ada))
	if len(model.Recipe) != 3 || model.Version != 2 || model.Recipe[1].Version != 2 || model.Recipe[2].Version != 0 || model.Recipe[2].Explanation != `Writes "city" in lower case.` || len(model.Prepared) == 0 {
		t.Errorf("model %+v", model)
	}
	other := upload(ada, deliveries(40, false))
	done := b.finished(t, ada, b.send(t, "/api/v1/predictions", ada, `{"model_id":"`+model.ID+`","dataset_id":"`+other+`"}`))
	if err := json.Unmarshal(done.Result, &made); err != nil || made.Rows != 40 || made.BadRows != 0 {
		t.Errorf("predicted %s: %v", done.Result, err)
	}
	short := upload(ada, "city,count\nOslo,1\nRome,2\n")
	wantProblem(t, b.send(t, "/api/v1/predictions", ada, `{"model_id":"`+model.ID+`","dataset_id":"`+short+`"}`), http.StatusUnprocessableEntity, "missing_columns")
	wantProblem(t, b.send(t, "/api/v1/predictions", stranger, `{"model_id":"`+model.ID+`","dataset_id":"`+theirs+`"}`), http.StatusNotFound, "model_not_found")
}
