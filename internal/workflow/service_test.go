package workflow_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/dataset/profile"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/model"
	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/internal/workflow"
)

// letters are the states of the stages, in order: locked, ready, in progress, done,
// failed, stale.
func letters(f *workflow.Flow) string {
	var b strings.Builder
	for _, s := range f.Stages {
		b.WriteString(map[workflow.State]string{
			workflow.Locked: "L", workflow.Ready: "R", workflow.InProgress: "P", workflow.Done: "D", workflow.Failed: "F", workflow.Stale: "S",
		}[s.State])
	}
	return b.String()
}

func next(f *workflow.Flow) string {
	if f.Next == nil {
		return ""
	}
	return f.Next.Operation
}

func TestStates(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*world)
		states string
		next   string
	}{
		"uploaded":                 {func(w *world) { w.d.State, w.d.Version = dataset.Uploaded, nil; w.job("ingest", job.Running, "") }, "PLLLLLLL", "get-job"},
		"rejected":                 {func(w *world) { w.d.State, w.d.Version = dataset.Rejected, nil; w.job("ingest", job.Failed, "") }, "FLLLLLLL", "upload-dataset"},
		"waits for a confirmation": {func(w *world) { w.d.State = dataset.NeedsConfirmation }, "DLLLLLLL", "confirm-pii"},
		"waits for its policies":   {func(w *world) { w.d.State = dataset.NeedsPolicy }, "DLLLLLLL", "apply-pii"},
		"policies are applied":     {func(w *world) { w.d.State = dataset.NeedsPolicy; w.job("protect", job.Running, "") }, "DLLLLLLL", "get-job"},
		"policies were applied": {func(w *world) {
			w.target(true)
			w.version(1, "mask_values", "drop_columns")
			w.versions[0].Protects = true
		}, "DDRLLLLL", "transform"},
		"rejected, and its job is gone": {func(w *world) { w.d.State, w.d.Version = dataset.Rejected, nil }, "FLLLLLLL", "upload-dataset"},
		"ready":                         {nil, "DDRLLLLL", "change-schema"},
		"a target":                      {func(w *world) { w.target(true) }, "DDRLLLLL", "transform"},
		"a target unknown":              {func(w *world) { w.target(false) }, "DSRLLLLL", "make-profile"},
		"read again":                    {func(w *world) { w.job("retype", job.Queued, "") }, "PLLLLLLL", "get-job"},
		"read again in vain":            {func(w *world) { w.target(true); w.job("retype", job.Failed, "") }, "DDRLLLLL", "transform"},
		"profiled anew":                 {func(w *world) { w.job("profile", job.Pending, "") }, "DPRLLLLL", "get-job"},
		"profiled in vain":              {func(w *world) { w.target(true); w.job("profile", job.Failed, "") }, "DFRLLLLL", "retry-job"},
		"nothing to mend":               {func(w *world) { w.target(true); w.suggests = nil }, "DDDRLLLL", "transform"},
		"nothing by itself":             {func(w *world) { w.target(true); w.suggests = w.suggests[1:] }, "DDRLLLLL", "suggest-steps"},
		"no dates":                      {func(w *world) { w.target(true); w.suggests = nil; w.d.Version.Schema = w.d.Version.Schema[:2] }, "DDDRLLLL", "change-workflow"},
		"being cleaned":                 {func(w *world) { w.target(true); w.transform(job.Running, "trim_text") }, "DDPLLLLL", "get-job"},
		"cleaned in vain":               {func(w *world) { w.target(true); w.transform(job.Failed, "trim_text") }, "DDFLLLLL", "retry-job"},
		"of another program":            {func(w *world) { w.target(true); w.job("transform", job.Failed, "").Payload = []byte("x") }, "DDRLLLLL", "transform"},
		"clean":                         {func(w *world) { w.target(true); w.version(1, "trim_text") }, "DDDRLLLL", "transform"},
		"clean, with features":          {func(w *world) { w.target(true); w.version(1, "trim_text"); w.version(2, "extract_date_parts") }, "DDDDRLLL", "train"},
		"both at once":                  {func(w *world) { w.target(true); w.version(1, "trim_text", "encode_cycles") }, "DDDDRLLL", "train"},
		"features only":                 {func(w *world) { w.target(true); w.version(1, "bin_numbers") }, "DDRDRLLL", "transform"},
		"read anew since":               {func(w *world) { w.target(true); w.version(1, "trim_text", "encode_cycles"); w.version(0) }, "DDSSLLLL", "transform"},
		"being trained":                 {func(w *world) { w.target(true); w.job("training", job.Awaiting, "") }, "DDRLPLLL", "transform"},
		"trained in vain": {func(w *world) {
			w.version(1, "trim_text", "encode_cycles")
			w.target(true)
			w.job("training", job.Failed, "")
		}, "DDDDFLLL", "retry-job"},
		"trained":         {func(w *world) { w.version(1, "trim_text", "encode_cycles"); w.trained("mdl_1", 2) }, "DDDDDDRL", "predict"},
		"trained at once": {func(w *world) { w.suggests = nil; w.trained("mdl_1", 0) }, "DDDRDDRL", "transform"},
		"trained before":  {func(w *world) { w.version(1, "trim_text", "encode_cycles"); w.trained("mdl_1", 1) }, "DDDDSSRL", "train"},
		"the newest in use": {func(w *world) {
			w.version(1, "trim_text", "encode_cycles")
			w.trained("mdl_2", 2)
			w.trained("mdl_1", 1)
		}, "DDDDDDRL", "predict"},
		"models gone":    {func(w *world) { w.target(true); w.trained("mdl_1", 1); delete(w.models, "mdl_1") }, "DDRLLLLL", "transform"},
		"no model named": {func(w *world) { w.target(true); w.job("training", job.Succeeded, "{}") }, "DDRLLLLL", "transform"},
		"being tuned": {func(w *world) {
			w.version(1, "trim_text", "encode_cycles")
			w.trained("mdl_1", 2).Threshold = &model.Threshold{Value: 0.4, Objective: "f1", JobID: "job_t"}
			w.job("tuning", job.Running, "", "mdl_1")
		}, "DDDDDPRL", "get-job"},
		"being predicted": {func(w *world) {
			w.version(1, "trim_text", "encode_cycles")
			w.trained("mdl_1", 2)
			w.job("prediction", job.Running, "", "mdl_1")
		}, "DDDDDDPL", "get-job"},
		"predicted in vain": {func(w *world) {
			w.version(1, "trim_text", "encode_cycles")
			w.trained("mdl_1", 2)
			w.job("prediction", job.Failed, "", "mdl_1")
		}, "DDDDDDFL", "retry-job"},
		"predicted": {func(w *world) {
			w.version(1, "trim_text", "encode_cycles")
			w.trained("mdl_1", 2)
			w.job("prediction", job.Succeeded, "", "mdl_1")
		}, "DDDDDDDL", ""},
		"predicted with the old": {func(w *world) {
			w.version(1, "trim_text", "encode_cycles")
			w.trained("mdl_1", 1)
			w.job("prediction", job.Succeeded, "", "mdl_1")
		}, "DDDDSSSL", "train"},
		"blocked by another": {func(w *world) {
			w.target(true)
			w.remarks = []workflow.Remark{{
				Stage: workflow.Prepare, Gate: &workflow.Gate{Code: "pii_unconfirmed", Message: "personal data are confirmed", Remedy: "confirm them"},
				Action: &workflow.Action{Operation: "confirm", Reason: "there are personal data"},
			}}
		}, "DDLLLLLL", "confirm"},
		"not blocked by another": {func(w *world) {
			w.target(true)
			w.remarks = []workflow.Remark{{Stage: workflow.Prepare, Gate: &workflow.Gate{Code: "pii_unconfirmed", Met: true, Remedy: "none"}}}
		}, "DDRLLLLL", "transform"},
		"nothing can be a target": {func(w *world) {
			w.d.Version.Schema = w.d.Version.Schema[2:]
			w.suggests = nil
		}, "DDDRLLLL", "transform"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t, tt.change).show(t)
			if got := letters(f); got != tt.states || next(f) != tt.next {
				t.Errorf("states %s, next %q; want %s, %q", got, next(f), tt.states, tt.next)
			}
			if len(f.Stages) != 8 || !slices.EqualFunc(f.Stages, workflow.Names(), func(s workflow.Stage, n workflow.Name) bool { return s.Name == n }) {
				t.Errorf("the stages are %+v", f.Stages)
			}
			for _, s := range f.Stages {
				unmet := slices.ContainsFunc(s.Gates, func(g workflow.Gate) bool { return !g.Met })
				if s.State == workflow.Locked && !unmet || s.State == workflow.Ready && unmet {
					t.Errorf("%s is %s: %+v", s.Name, s.State, s.Gates)
				}
				if s.Open() == (s.State == workflow.Locked) || s.State != workflow.Locked && s.State != workflow.Ready && len(s.Evidence) == 0 {
					t.Errorf("%s is %s and nothing shows it", s.Name, s.State)
				}
				for _, g := range s.Gates {
					if g.Met != (g.Remedy == "") {
						t.Errorf("%s: %+v", s.Name, g)
					}
				}
			}
			if a := f.Next; a != nil && a.Operation != "confirm" && (a.Method == "" || !strings.HasPrefix(a.Path, "/api/v1/") || a.Command == "" || a.Reason == "" || a.Stage == "") {
				t.Errorf("next is %+v", a)
			}
		})
	}
}

// TestFailuresBesideWhatThereIs tells of steps that failed after others had been applied.
func TestFailuresBesideWhatThereIs(t *testing.T) {
	t.Parallel()
	f := setup(t, func(w *world) {
		w.target(true)
		w.version(1, "trim_text")
		w.transform(job.Failed, "change_case")
	}).show(t)
	s := f.Stage(workflow.Prepare)
	if s.State != workflow.Done || !slices.ContainsFunc(s.Evidence, func(e workflow.Evidence) bool {
		return e.Kind == workflow.EvidenceJob && strings.Contains(e.Text, "failed")
	}) {
		t.Errorf("the stage is %+v", s)
	}
}

func TestActions(t *testing.T) {
	t.Parallel()
	f := setup(t, nil).show(t)
	if c := f.Next.Choices; len(c) != 1 || c[0].Location != "body.columns[0].name" || !slices.Equal(c[0].Candidates, []string{"x", "y"}) {
		t.Errorf("the choices are %+v", c)
	}
	f = setup(t, func(w *world) { w.target(true) }).show(t)
	steps, _ := f.Next.Body["steps"].([]any)
	first, _ := steps[0].(map[string]any)
	if f.Target != "y" || f.Next.Body["dataset_id"] != id || f.Next.Body["version"] != 1 || len(steps) != 1 || first["name"] != "impute_missing" {
		t.Errorf("next is %+v", f.Next)
	}
	// What was applied before is applied again, each kind in its stage.
	f = setup(t, func(w *world) { w.target(true); w.version(1, "trim_text", "encode_cycles"); w.version(0) }).show(t)
	steps, _ = f.Next.Body["steps"].([]any)
	if first, _ = steps[0].(map[string]any); len(steps) != 1 || first["name"] != "trim_text" || f.Next.Body["version"] != 3 {
		t.Errorf("next is %+v", f.Next)
	}
	// Of dates all hours are the same, of instants they are not.
	f = setup(t, func(w *world) {
		w.target(true)
		w.suggests = nil
		w.d.Version.Schema = append(w.d.Version.Schema, tabular.Field{Name: "day", Type: tabular.Datetime})
		w.d.Version.Types = []tabular.Semantic{tabular.SemanticFloat, tabular.SemanticText, tabular.SemanticDatetime, tabular.SemanticDate}
	}).show(t)
	if got := fmt.Sprint(f.Next.Body["steps"]); got != "[map[name:extract_date_parts parameters:map[columns:[day] parts:[year month day weekday]]] map[name:extract_date_parts parameters:map[columns:[at]]]]" {
		t.Errorf("the steps are %s", got)
	}
	if want := `printf %s '[{"name":"extract_date_parts","parameters":{"columns":["day"],"parts":["year","month","day","weekday"]}},{"name":"extract_date_parts","parameters":{"columns":["at"]}}]' | narrative recipe apply ds_1 --steps -`; f.Next.Command != want {
		t.Errorf("the command is %s, want %s", f.Next.Command, want)
	}
	// A target that nobody has named is that of the model, or a choice.
	f = setup(t, func(w *world) { w.version(1, "trim_text", "encode_cycles"); w.trained("mdl_1", 1) }).show(t)
	if f.Next.Body["target"] != "y" || !strings.Contains(f.Next.Command, "--target y") {
		t.Errorf("next is %+v", f.Next)
	}
	f = setup(t, func(w *world) {
		w.version(1, "trim_text", "encode_cycles")
		w.d.Version.Schema = tabular.Schema{{Name: "the day", Type: tabular.Datetime}}
	}).show(t)
	if c := f.Next.Choices; f.Next.Operation != "train" || len(c) != 1 || c[0].Location != "body.target" || !slices.Equal(c[0].Candidates, []string{"the day"}) {
		t.Errorf("next is %+v", f.Next)
	}
	f = setup(t, func(w *world) {
		w.version(1, "trim_text", "encode_cycles")
		w.d.Version.Schema[0].Name = "it's"
		w.profile.Columns[0] = profile.Column{Name: "it's", Role: tabular.RoleTarget}
		w.d.Settings = map[string]dataset.Setting{"it's": {Role: tabular.RoleTarget}}
	}).show(t)
	if f.Next.Command != `narrative train ds_1 --target 'it'\''s'` {
		t.Errorf("the command is %s", f.Next.Command)
	}
}

func TestEvidence(t *testing.T) {
	t.Parallel()
	f := setup(t, func(w *world) { w.target(true); w.version(1, "trim_text", "cap_outliers") }).show(t)
	want := workflow.Evidence{Kind: workflow.EvidenceVersion, Number: 2, Text: "trim_text, cap_outliers; 10 rows became 10, quality 0.500 became 0.750", At: clock().Add(60e9)}
	if s := f.Stage(workflow.Prepare); !slices.Contains(s.Evidence, want) {
		t.Errorf("the evidence is %+v", s.Evidence)
	}
	if s := f.Stage(workflow.Train); len(s.Evidence) != 1 || s.Evidence[0].Code != "leakage_suspect" {
		t.Errorf("the evidence is %+v", s.Evidence)
	}
	if s := f.Stage(workflow.Profile); !slices.ContainsFunc(s.Evidence, func(e workflow.Evidence) bool { return e.Text == "quality 0.800" }) {
		t.Errorf("the evidence is %+v", s.Evidence)
	}
	if f.Stage("dance") != nil {
		t.Error("there is a stage that there is not")
	}
}

func TestDecisions(t *testing.T) {
	t.Parallel()
	b := setup(t, func(w *world) { w.target(true) })
	decide := func(revision int64, changes ...workflow.Change) (*workflow.Flow, error) {
		d := workflow.Decisions{Tenant: tenant, User: "ada", ID: id, Changes: changes}
		if revision >= 0 {
			d.Revision = &revision
		}
		return b.Decide(t.Context(), d)
	}
	skip := workflow.Change{Stage: workflow.Prepare, Skipped: true, Note: "on purpose"}
	f, err := decide(0, skip)
	if err != nil || letters(f) != "DDDRLLLL" || f.Revision != 1 || *f.Stage(workflow.Prepare).Skipped != (workflow.Decision{User: "ada", At: clock(), Note: "on purpose"}) {
		t.Fatalf("%+v, error %v", f, err)
	}
	if f, err = decide(-1, skip); err != nil || f.Revision != 1 {
		t.Errorf("again: revision %d, error %v", f.Revision, err)
	}
	if _, err = decide(0, skip); fault.CodeOf(err) != workflow.CodeChanged {
		t.Errorf("an outdated decision: %v", err)
	}
	if f, err = decide(1, workflow.Change{Stage: workflow.Engineer, Skipped: true}); err != nil || letters(f) != "DDDDRLLL" || f.Revision != 2 {
		t.Errorf("%+v, error %v", f, err)
	}
	if f, err = decide(2, workflow.Change{Stage: workflow.Prepare}); err != nil || letters(f) != "DDRDRLLL" {
		t.Errorf("%+v, error %v", f, err)
	}
	if f, err = decide(-1, workflow.Change{Stage: workflow.Prepare}); err != nil || f.Revision != 3 {
		t.Errorf("taken up twice: %+v, error %v", f, err)
	}
	for name, d := range map[string]workflow.Decisions{
		"nothing": {}, "no stage": {Changes: []workflow.Change{{Stage: "dance"}}}, "not optional": {Changes: []workflow.Change{{Stage: workflow.Train}}},
		"twice": {Changes: []workflow.Change{skip, skip}}, "long": {Changes: []workflow.Change{{Stage: workflow.Prepare, Note: strings.Repeat("ä", 501)}}},
	} {
		d.Tenant, d.ID = tenant, id
		if _, err := b.Decide(t.Context(), d); fault.CodeOf(err) != "workflow_invalid" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := b.Decide(t.Context(), workflow.Decisions{Tenant: "globex", ID: id, Changes: []workflow.Change{skip}}); fault.CodeOf(err) != "dataset_not_found" {
		t.Errorf("of another tenant: %v", err)
	}
	if _, err := b.Show(t.Context(), "globex", id); fault.CodeOf(err) != "dataset_not_found" {
		t.Errorf("shown to another tenant: %v", err)
	}
}

// Of many who decide on what they have read, one is first, and nobody's decision
// about another stage is lost.
func TestDecisionsRace(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	zero := int64(0)
	var wg sync.WaitGroup
	won := make(chan string, 20)
	for i := range 20 {
		wg.Go(func() {
			_, err := b.Decide(t.Context(), workflow.Decisions{
				Tenant: tenant, User: string(rune('a' + i)), ID: id, Revision: &zero, Changes: []workflow.Change{{Stage: workflow.Prepare, Skipped: true}},
			})
			switch {
			case err == nil:
				won <- string(rune('a' + i))
			case fault.CodeOf(err) != workflow.CodeChanged:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	close(won)
	f := b.show(t)
	winner := <-won
	if _, more := <-won; more || f.Revision != 1 || f.Stage(workflow.Prepare).Skipped.User != winner {
		t.Errorf("the decision is %+v of revision %d; %s won", f.Stage(workflow.Prepare).Skipped, f.Revision, winner)
	}
}

func TestFailuresAreTold(t *testing.T) {
	t.Parallel()
	for _, part := range []string{"dataset", "versions", "profile", "jobs", "suggest", "source", "model"} {
		b := setup(t, func(w *world) { w.trained("mdl_1", 1) })
		broken := fault.Unavailable("store_unavailable", "away")
		b.fail[part] = broken
		if _, err := b.Show(t.Context(), tenant, id); !errors.Is(err, broken) {
			t.Errorf("%s: %v", part, err)
		}
	}
	b := setup(t, func(w *world) { w.profile.Version = profile.Version + 1 })
	if _, err := b.Show(t.Context(), tenant, id); err == nil {
		t.Error("a profile of another program was read")
	}
}
