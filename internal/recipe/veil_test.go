package recipe_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/pii"
	"github.com/narrativeml/narrative/internal/recipe"
)

// TestPersonalColumnsInSteps: what steps make of personal columns is personal in the
// versions that they make, and names of columns are not made of it.
func TestPersonalColumnsInSteps(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t), t.Context()
	id := b.table(t, ann, people())
	if _, _, err := b.datasets.SetPolicies(ctx, ann, id, policies("plan", "warn"), nil); err != nil {
		t.Fatal(err)
	}
	_, err := b.Check(ctx, ann, recipe.Use{DatasetID: id, Steps: steps(trimOf("plan"), step("encode_one_hot", map[string]any{"columns": []any{"plan"}}))})
	checkFault(t, err, fault.ClassInvalid, "column_is_personal", "body.steps[1].parameters.columns")
	b.apply(t, ann, recipe.Request{Use: recipe.Use{DatasetID: id, Steps: steps(step("rename_columns", map[string]any{"names": map[string]any{"plan": "x"}}), step("derive_column", map[string]any{"name": "y", "expression": `x + "!"`}))}})
	got := strings.Join(b.row(t, ann.Tenant, id), " ")
	if strings.Contains(got, "free") || !strings.HasSuffix(got, "masked: email ssn born x y") {
		t.Errorf("the row is %s", got)
	}
	other := b.table(t, ann, "id,note\n1,a\n2,b\n3,c\n")
	join := step("join_table", map[string]any{"dataset": id, "on": []any{"id"}, "other_on": []any{"score"}, "columns": []any{"x"}, "prefix": "z_", "repeated": "first"})
	shown, err := b.Preview(ctx, ann, recipe.Use{DatasetID: other, Steps: steps(join)}, 10)
	if err != nil || strings.Contains(fmt.Sprint(shown.After.Values), "free") || strings.Contains(fmt.Sprint(shown.After.Values), "pro") {
		t.Errorf("the join shows %v, %v", shown, err)
	}
	b.apply(t, ann, recipe.Request{Use: recipe.Use{DatasetID: other, Steps: steps(join)}})
	if got := strings.Join(b.row(t, ann.Tenant, other), " "); strings.Contains(got, "pro") || !strings.HasSuffix(got, "masked: z_x") {
		t.Errorf("the joined row is %s", got)
	}
	// What is hashed or masked in a preview is shown as that.
	shown, err = b.Preview(ctx, ann, recipe.Use{DatasetID: id, Steps: steps(step("hash_values", map[string]any{"columns": []any{"x"}}))}, 1)
	if want := b.keys.Of("acme").Hash("free"); err != nil || !strings.Contains(fmt.Sprint(shown.After.Values), want) || strings.Contains(fmt.Sprint(shown.Before.Values), "free") {
		t.Errorf("%v, want %s, %v", shown, want, err)
	}
}

func trimOf(column string) recipe.Step {
	return step("trim_text", map[string]any{"columns": []any{column}})
}

// TestKindsAgree: the step masks every kind of personal data that there is.
func TestKindsAgree(t *testing.T) {
	t.Parallel()
	for _, o := range recipe.Vocabulary() {
		if o.Name != "mask_values" {
			continue
		}
		var kinds []string
		for _, k := range append([]pii.Kind{pii.Other}, pii.Kinds()...) {
			kinds = append(kinds, string(k))
		}
		if !slices.Equal(o.Parameters[1].Choices, kinds) {
			t.Errorf("it has the kinds %q, should have %q", o.Parameters[1].Choices, kinds)
		}
		return
	}
	t.Error("there is no mask_values")
}
