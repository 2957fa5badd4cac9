package recipe_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/recipe"
)

// suggested lists what is suggested: step, columns, affected values or rows,
// whether the clean-up has it.
func suggested(all []recipe.Suggestion) []string {
	var out []string
	for _, g := range all {
		out = append(out, fmt.Sprintf("%s %v %d %v", g.Step.Name, g.Step.Parameters["columns"], g.Affected, g.Auto))
	}
	return out
}

// TestSuggestionsKnowRoles does not make up a target, nor drop what somebody has
// said is of use.
func TestSuggestionsKnowRoles(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t), t.Context()
	var csv strings.Builder
	csv.WriteString("customer,batch,churn,city,spare\n")
	for i := range 40 {
		churn, city := fmt.Sprint(i%3), []string{"Oslo", "oslo", "Oslo", "Rome"}[i%4]
		if i%4 == 1 {
			churn = ""
		}
		fmt.Fprintf(&csv, "%d,7,%s,%s,\n", i, churn, city)
	}
	id := b.table(t, ann, csv.String())
	all, err := b.Suggest(ctx, ann, id, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := suggested(all), []string{"drop_columns [batch spare] 80 true", "impute_missing [churn] 10 true", "change_case [city] 10 false"}; !slices.Equal(got, want) {
		t.Errorf("suggested %q, want %q", got, want)
	}
	if _, _, err := b.datasets.ChangeSchema(ctx, dataset.SchemaChange{Tenant: ann.Tenant, User: ann.User, ID: id, Columns: []dataset.ColumnChange{
		{Name: "churn", Role: "target"}, {Name: "batch", Role: "group"}, {Name: "spare", Role: "ignore"},
	}}); err != nil {
		t.Fatal(err)
	}
	if all, err = b.Suggest(ctx, ann, id, 0); err != nil {
		t.Fatal(err)
	}
	if got, want := suggested(all), []string{"drop_missing_rows [churn] 10 false", "change_case [city] 10 false"}; !slices.Equal(got, want) {
		t.Errorf("with roles: suggested %q, want %q", got, want)
	}
	if _, err := b.Preview(ctx, ann, recipe.Use{DatasetID: id, Steps: steps(all[0].Step, all[1].Step)}, 0); err != nil {
		t.Error(err)
	}
}

// TestSuggestedDuplicatesAreCounted has rows that are the same among more than the
// sample holds: few of them meet in it.
func TestSuggestedDuplicatesAreCounted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var csv strings.Builder
	csv.WriteString("a,b\n")
	for i := range 20_000 {
		fmt.Fprintf(&csv, "%d,%d\n", i%19_000, i%19_000*3)
	}
	all, err := b.Suggest(t.Context(), ann, b.table(t, ann, csv.String()), 0)
	if err != nil || !slices.Equal(suggested(all), []string{"remove_duplicates <nil> 1000 true"}) || all[0].Reason != "1000 rows are equal to an earlier one" {
		t.Errorf("suggested %+v: %v", all, err)
	}
}
