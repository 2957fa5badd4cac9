package recipe_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/job/jobtest"
	"github.com/narrativeml/narrative/internal/pii"
	"github.com/narrativeml/narrative/internal/recipe"
)

// hidden looks at everything of the newest version that anybody is shown, and wants
// nothing of the values in it.
func (b *bundle) hidden(tb testing.TB, what, id string, values ...string) {
	tb.Helper()
	b.hiddenIn(tb, what, id, 0, values...)
}

func (b *bundle) hiddenIn(tb testing.TB, what, id string, version int, values ...string) {
	tb.Helper()
	d, err := b.datasets.Look(tb.Context(), ann.Tenant, id, version)
	if err != nil {
		tb.Fatal(err)
	}
	p, err := b.datasets.Preview(tb.Context(), d, 100)
	if err != nil {
		tb.Fatal(err)
	}
	profile, err := b.datasets.ProfileOf(tb.Context(), d)
	if err != nil {
		tb.Fatal(err)
	}
	for _, value := range values {
		if shown := fmt.Sprint(p.Rows); strings.Contains(shown, value) {
			tb.Errorf("%s: the preview tells %q: %.300s", what, value, shown)
		}
		if strings.Contains(string(profile), value) {
			tb.Errorf("%s: the profile tells %q", what, value)
		}
	}
}

func (b *bundle) reprofile(tb testing.TB, id string) {
	tb.Helper()
	j, _, err := b.datasets.Reprofile(tb.Context(), ann.Tenant, ann.User, id, "")
	if err != nil {
		tb.Fatal(err)
	}
	b.now = b.now.Add(1)
	profiler := dataset.Profiler{Runner: b.ingest}
	made, err := profiler.Run(tb.Context(), jobtest.NewTask(j, nil).Task, dataset.ProfileRequest{DatasetID: id})
	if err != nil {
		tb.Fatal(err)
	}
	if err := profiler.Publish(tb.Context(), j, encode(tb, made)); err != nil {
		tb.Fatal(err)
	}
	b.end(tb, j.ID, job.Succeeded)
}

func apply(id string, all ...recipe.Step) recipe.Request {
	return recipe.Request{Use: recipe.Use{DatasetID: id, Steps: all}}
}

func renamed(from, to string) recipe.Step {
	return step("rename_columns", map[string]any{"names": map[string]any{from: to}})
}

func dropped(columns ...any) recipe.Step {
	return step("drop_columns", map[string]any{"columns": columns})
}

// TestPersonalColumnsStayPersonal: what is known of a column is not forgotten when a
// step leaves values that say nothing by themselves, or when somebody looks again.
func TestPersonalColumnsStayPersonal(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		step  recipe.Step
		value string
	}{
		"derived, in another form": {step("derive_column", map[string]any{"name": "y", "expression": `"zz" + replace(replace(email, "@", " "), ".", " ")`}), "user7"},
		"another form in place":    {step("derive_column", map[string]any{"name": "contact", "expression": `replace(replace(contact, "@", " "), ".", " ")`}), "user7"},
		"few rows":                 {step("filter_rows", map[string]any{"condition": `score == 44`}), "Maria Garcia"},
		"the largest of one":       {step("aggregate_by_group", map[string]any{"by": []any{"score"}, "values": map[string]any{"m": "max(card)"}}), "5555555555554444"},
		"rounded":                  {step("round_numbers", map[string]any{"columns": []any{"card"}, "digits": -1}), "555555555555444"},
		"a number in place":        {step("convert_type", map[string]any{"columns": []any{"born"}, "type": "float"}), "-6"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			lines := strings.Split(people(), "\n")
			lines[0] += ",contact,f1,card"
			for i := 1; i < len(lines)-1; i++ {
				mail, _, _ := strings.Cut(lines[i], ",")
				lines[i] += "," + mail + "," + []string{"Maria Garcia", "John Miller", "Anna Schmidt", "Robert Johnson"}[(i-1)%4] + ",5555555555554444"
			}
			id := b.table(t, ann, strings.Join(lines, "\n"))
			b.hidden(t, "at first", id, test.value)
			b.apply(t, ann, apply(id, test.step))
			b.hidden(t, "afterwards", id, test.value)
			b.reprofile(t, id)
			b.hidden(t, "looked at again", id, test.value)
			b.apply(t, ann, apply(id, dropped("plan")))
			b.hidden(t, "one version later", id, test.value)
		})
	}
}

// TestOtherColumnsAreNotPersonal: a column that is made of nothing personal is shown,
// also under the name of one that was.
func TestOtherColumnsAreNotPersonal(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t), t.Context()
	id := b.table(t, ann, people())
	b.apply(t, ann, apply(id, step("derive_column", map[string]any{"name": "y", "expression": `email + "!"`})))
	b.apply(t, ann, apply(id, dropped("y"), step("derive_column", map[string]any{"name": "y", "expression": `score * 1000 + 1`}),
		step("compute_age", map[string]any{"column": "born", "name": "age", "at": "2024-01-01"}),
		step("aggregate_by_group", map[string]any{"by": []any{"plan"}, "values": map[string]any{"n": "count(email)"}})))
	d, err := b.datasets.Look(ctx, ann.Tenant, id, 0)
	if err != nil {
		t.Fatal(err)
	}
	profile, err := b.datasets.ProfileOf(ctx, d)
	if _, private := d.Private()["y"]; err != nil || private || !strings.Contains(string(profile), "78001") {
		t.Errorf("private %v, %v, profile %s", private, err, profile)
	}
	if got := strings.Join(b.row(t, ann.Tenant, id), " "); !strings.Contains(got, "y=1 age=") || !strings.HasSuffix(got, "n=30 masked: email ssn born") {
		t.Errorf("the row is %s", got)
	}
}

// TestNamesDoNotShowColumns: who may not see values does not come to see them by
// allowing a name that a personal column has in another version, or will have.
func TestNamesDoNotShowColumns(t *testing.T) {
	t.Parallel()
	t.Run("allowed before", func(t *testing.T) {
		t.Parallel()
		b, ctx := setup(t), t.Context()
		id := b.table(t, ann, people())
		if _, _, err := b.datasets.SetPolicies(ctx, ann, id, policies("plan", "allow"), nil); err != nil {
			t.Fatal(err)
		}
		b.apply(t, ann, apply(id, dropped("plan"), renamed("email", "plan")))
		b.hidden(t, "under another name", id, "user1@", "user7@")
		if _, _, err := b.datasets.SetPolicies(ctx, ann, id, policies("plan", "allow"), nil); fault.CodeOf(err) != "role_required" {
			t.Errorf("allowed once more: %v", err)
		}
		if _, _, err := b.datasets.SetPolicies(ctx, sue, id, policies("plan", "allow"), nil); err != nil {
			t.Fatal(err)
		}
		if got := b.row(t, ann.Tenant, id); !strings.Contains(strings.Join(got, " "), "plan=user0@example.org") {
			t.Errorf("a steward has allowed it, and it is shown as %q", got)
		}
	})
	t.Run("allowed afterwards", func(t *testing.T) {
		t.Parallel()
		b, ctx := setup(t), t.Context()
		id := b.table(t, ann, people())
		first, err := b.datasets.Look(ctx, ann.Tenant, id, 0)
		if err != nil {
			t.Fatal(err)
		}
		b.apply(t, ann, apply(id, dropped("email"), step("derive_column", map[string]any{"name": "email", "expression": `score + 1`})))
		if _, _, err := b.datasets.SetPolicies(ctx, ann, id, policies("email", "allow"), nil); fault.CodeOf(err) != "role_required" {
			t.Errorf("allowed: %v", err)
		}
		shown, err := b.Preview(ctx, ann, recipe.Use{DatasetID: id, Version: 1, Steps: steps(trimOf("plan"))}, 10)
		if err != nil || strings.Contains(fmt.Sprint(shown), "user0@") {
			t.Errorf("%v, %v", shown, err)
		}
		if err := b.datasets.Release(ctx, ann, dataset.Release{DatasetID: id, JobID: first.Version.JobID, File: "table"}); fault.CodeOf(err) != "role_required" {
			t.Errorf("a link: %v", err)
		}
	})
}

// TestMaskedAsSomethingElse: what is masked as if it held addresses of mail may still
// tell all but its first character.
func TestMaskedAsSomethingElse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.table(t, ann, people())
	b.apply(t, ann, apply(id,
		step("derive_column", map[string]any{"name": "y", "expression": `"x@" + ssn + ".com"`}),
		step("mask_values", map[string]any{"columns": []any{"y"}, "kind": "email"})))
	d, err := b.datasets.Look(t.Context(), ann.Tenant, id, 0)
	if err != nil || d.Private()["y"] != pii.SSN {
		t.Errorf("it holds %v, %v", d.Private(), err)
	}
}

// TestProfilesOfColumnsThatWereShown: a column that is hidden again is hidden in the
// profile that was made while it was shown, and links to it are for stewards.
func TestProfilesOfColumnsThatWereShown(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t), t.Context()
	id := b.table(t, ann, people())
	// Another column is hidden in the same change, so that as many are as before.
	_, j, err := b.datasets.SetPolicies(ctx, sue, id, policies("email", "allow", "plan", "warn"), nil)
	if err != nil || j == nil {
		t.Fatalf("job %v, %v", j, err)
	}
	b.end(t, j.ID, job.Succeeded)
	b.reprofile(t, id)
	link := b.link(t, id)
	if err := b.datasets.Release(ctx, ann, link); fault.CodeOf(err) != "role_required" {
		t.Errorf("a link to a profile that tells plans: %v", err)
	}
	b.hidden(t, "plans", id, "pro\"")
	if _, _, err := b.datasets.SetPolicies(ctx, ann, id, policies("email", "warn"), nil); err != nil {
		t.Fatal(err)
	}
	b.hidden(t, "hidden again", id, "user0@", "user7@")
	if err := b.datasets.Release(ctx, sue, link); err != nil {
		t.Errorf("a steward's link: %v", err)
	}
}

// TestProfilesOfColumnsThatAreMadeAnew: a column that was allowed is another by now,
// and nothing is said of it; the profile of before tells it still.
func TestProfilesOfColumnsThatAreMadeAnew(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t), t.Context()
	id := b.table(t, ann, people())
	masked := b.link(t, id)
	_, j, err := b.datasets.SetPolicies(ctx, sue, id, policies("email", "allow"), nil)
	if err != nil || j == nil {
		t.Fatalf("job %v, %v", j, err)
	}
	b.end(t, j.ID, job.Succeeded)
	b.reprofile(t, id)
	telling := b.link(t, id)
	b.apply(t, ann, apply(id, dropped("email"), step("derive_column", map[string]any{"name": "email", "expression": `ssn + "@example.org"`})))
	d, err := b.datasets.Look(ctx, ann.Tenant, id, 0)
	if err != nil || d.Privacy["email"] != "" {
		t.Fatalf("of the column it is said %q, %v", d.Privacy["email"], err)
	}
	if err := b.datasets.Release(ctx, ann, masked); err != nil {
		t.Errorf("a link to the profile in which it is masked: %v", err)
	}
	if err := b.datasets.Release(ctx, ann, telling); fault.CodeOf(err) != "role_required" {
		t.Errorf("a link to the profile that tells it: %v", err)
	}
}

// link returns what is asked before a link to the data set's profile is given out.
func (b *bundle) link(t *testing.T, id string) dataset.Release {
	t.Helper()
	d, err := b.datasets.Look(t.Context(), ann.Tenant, id, 0)
	if err != nil {
		t.Fatal(err)
	}
	return dataset.Release{DatasetID: id, JobID: d.Version.JobID, File: "profile", Profile: d.Version.ProfileKey}
}

// TestStepsOfATrainingMakeNoNames: names of columns are not made of personal data
// within a training, either.
func TestStepsOfATrainingMakeNoNames(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t), t.Context()
	id := b.table(t, ann, people())
	d, err := b.datasets.Look(ctx, ann.Tenant, id, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = recipe.Bind(ctx, b.datasets, d, recipe.Inside{Columns: d.Version.Schema, Target: "plan", Steps: steps(step("encode_one_hot", map[string]any{"columns": []any{"email"}}))})
	checkFault(t, err, fault.ClassInvalid, "column_is_personal", "body.steps[0].parameters.columns")
}

// TestFilesNobodyHasLookedThrough: a prediction can read a file whose ingest has not
// ended, or has failed at some row. What has rows of it is for stewards, and it is not
// read at all where the rules of the tenant may take something away.
func TestFilesNobodyHasLookedThrough(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t), t.Context()
	d, j, err := b.datasets.Create(ctx, dataset.Upload{Tenant: ann.Tenant, User: ann.User, Filename: "t.csv", Body: strings.NewReader(people() + "one,field,more,than,there,are\n")})
	if err != nil {
		t.Fatal(err)
	}
	link := dataset.Release{DatasetID: d.ID, JobID: "job_1", File: "predictions", Columns: []string{"email"}, Version: 1}
	for _, state := range []job.State{job.Running, job.Failed} {
		b.end(t, j.ID, state)
		if _, err := b.datasets.Input(ctx, ann.Tenant, d.ID, dataset.Newest); err != nil {
			t.Errorf("%s: %v", state, err)
		}
		if err := b.datasets.Release(ctx, ann, link); fault.CodeOf(err) != "role_required" {
			t.Errorf("%s: an analyst's link: %v", state, err)
		}
	}
	if err := b.datasets.Release(ctx, sue, link); err != nil {
		t.Errorf("a steward's link: %v", err)
	}
	page, err := b.datasets.Accesses(ctx, sue, d.ID, "", 10)
	if err != nil || len(page.Items) != 1 || fmt.Sprint(page.Items[0].Details) != "[email file predictions of job_1]" {
		t.Errorf("written down is %+v, %v", page.Items, err)
	}
	if _, err := b.datasets.SetRules(ctx, sue, dataset.NewRules("warn", map[string]string{"ssn": "drop"}, ""), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := b.datasets.Input(ctx, ann.Tenant, d.ID, dataset.Newest); fault.CodeOf(err) != "dataset_not_ready" {
		t.Errorf("read where a rule drops something: %v", err)
	}
}

// TestPoliciesOfVersionsThatAreMadeAgain: rules that came after a recipe had dropped the
// columns are applied to an older version when that is made again, and seal what was.
func TestPoliciesOfVersionsThatAreMadeAgain(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t), t.Context()
	id := b.table(t, ann, people())
	b.apply(t, ann, apply(id, dropped("score")))
	b.apply(t, ann, apply(id, dropped("email", "ssn", "born")))
	if _, err := b.datasets.SetRules(ctx, sue, dataset.NewRules("mask", nil, ""), nil); err != nil {
		t.Fatal(err)
	}
	if _, j, err := b.datasets.Apply(ctx, ann, id); err != nil || j != nil {
		t.Errorf("there is something to do: %+v, %v", j, err)
	}
	b.apply(t, ann, recipe.Request{Use: recipe.Use{DatasetID: id}, Reproduce: 2})
	p, err := b.datasets.Privacy(ctx, ann.Tenant, id)
	if err != nil || p.State != dataset.NeedsPolicy || p.JobID == "" {
		t.Fatalf("%+v, %v", p, err)
	}
	for _, j := range b.line.Jobs() {
		if j.ID != p.JobID {
			continue
		}
		made, err := b.protect(ctx, j)
		if err != nil {
			t.Fatal(err)
		}
		b.publish(t, j, made)
	}
	if p, err = b.datasets.Privacy(ctx, ann.Tenant, id); err != nil || p.State != dataset.Ready || p.SealedBefore != 5 {
		t.Errorf("%+v, %v", p, err)
	}
	if _, _, err := b.datasets.At(ctx, ann.Tenant, id, 1); fault.CodeOf(err) != dataset.CodeSealed {
		t.Errorf("version 1: %v", err)
	}
}
