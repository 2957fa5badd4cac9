package jobs_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job/jobtest"
	"github.com/narrativeml/narrative/internal/pii"
	"github.com/narrativeml/narrative/internal/prediction"
	"github.com/narrativeml/narrative/internal/recipe"
	"github.com/narrativeml/narrative/internal/training"
)

// customers is a table in which who somebody is tells much.
func customers(rows int) string {
	var s strings.Builder
	s.WriteString("email,visits,late\n")
	for i := range rows {
		who := i * 7 % 5
		fmt.Fprintf(&s, "user%d@example.org,%d,%s\n", who, i*31%17, []string{"yes", "no"}[min(who%3, 1)])
	}
	return s.String()
}

// TestModelsHash learns from hashes, and predicts files that hold what was hashed; the
// model has neither the key nor a value.
func TestModelsHash(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t), t.Context()
	id := b.upload(t, "customers.csv", strings.NewReader(customers(200)))
	before := b.train(t, training.Request{DatasetID: id})
	_, j, err := b.datasets.SetPolicies(ctx, ann, id, []dataset.PolicyChange{{Column: "email", Policy: dataset.PolicyHash}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	b.run(t, j)
	m := b.train(t, training.Request{DatasetID: id})
	if m.DatasetVersion != 2 || len(m.Recipe) != 1 || m.Recipe[0].Name != "hash_values" || m.Recipe[0].Skipped {
		t.Fatalf("the model carries %+v from version %d", m.Recipe, m.DatasetVersion)
	}
	file, err := b.files.Get(m.FileKey)
	if err != nil || strings.Contains(string(file), "user1@") || strings.Contains(string(file), strings.Repeat("secret", 8)) {
		t.Errorf("the model holds a value or the secret, %v", err)
	}
	predicted := func(req prediction.Request) []string {
		t.Helper()
		made, rows := b.predict(t, req)
		if made.BadRows > 0 || slices.ContainsFunc(made.Warnings, func(w string) bool { return strings.Contains(w, "not seen") }) {
			t.Errorf("predicted %+v", made)
		}
		return strings.Fields(string(rows))
	}
	other := b.upload(t, "more.csv", strings.NewReader(customers(200)))
	raw, own := predicted(prediction.Request{ModelID: m.ID, DatasetID: other}), predicted(prediction.Request{ModelID: m.ID, DatasetID: id})
	if len(raw) != 201 || !slices.Equal(raw, own) {
		t.Errorf("of the file %q, of the version that is hashed %q", raw[:3], own[:3])
	}
	// A data set whose file is sealed is predicted as the same policy has made it.
	closed := b.upload(t, "closed.csv", strings.NewReader(customers(200)))
	if _, j, err = b.datasets.SetPolicies(ctx, ann, closed, []dataset.PolicyChange{{Column: "email", Policy: dataset.PolicyHash}}, nil); err != nil {
		t.Fatal(err)
	}
	b.run(t, j)
	if _, _, err := b.prediction.Submit(ctx, ann, prediction.Request{ModelID: m.ID, DatasetID: closed}, ""); fault.CodeOf(err) != dataset.CodeSealed {
		t.Errorf("predicted a file that is sealed: %v", err)
	}
	if got := predicted(prediction.Request{ModelID: m.ID, DatasetID: closed, Version: 2, Prepared: true}); !slices.Equal(got, own) {
		t.Errorf("of the version that is hashed %q, want %q", got[:3], own[:3])
	}
	// What the other model learned from is sealed.
	if _, _, err := b.prediction.Submit(ctx, ann, prediction.Request{ModelID: before.ID, DatasetID: id}, ""); fault.CodeOf(err) != dataset.CodeSealed {
		t.Errorf("predicted rows that are sealed: %v", err)
	}
	// With another secret the hashes are others, and nothing is predicted.
	b.open(pii.NewKeys(strings.Repeat("another", 8)))
	again, _, err := b.prediction.Submit(ctx, ann, prediction.Request{ModelID: m.ID, DatasetID: other}, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.handlers["prediction"].Run(ctx, jobtest.NewTask(again, nil).Task); fault.CodeOf(err) != "hash_key_changed" || fault.ClassOf(err) != fault.ClassConflict {
		t.Errorf("predicted with another key: %v", err)
	}
	next, _, err := b.training.Submit(ctx, ann, training.Request{DatasetID: id, Target: "late"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.handlers["training"].Run(ctx, jobtest.NewTask(next, nil).Task); fault.CodeOf(err) != "hash_key_changed" {
		t.Errorf("trained with another key: %v", err)
	}
}

// TestErasedLineage: what steps of erased versions have learned is erased, too, and a
// model says that it does not carry them.
func TestErasedLineage(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t), t.Context()
	sue := ann
	sue.Roles = []string{"analyst", "steward"}
	id := b.upload(t, "customers.csv", strings.NewReader(customers(200)))
	b.transform(t, id, recipe.Step{Name: "scale_numbers", Parameters: parameters{"columns": []any{"visits"}}})
	_, j, err := b.datasets.SetPolicies(ctx, ann, id, []dataset.PolicyChange{{Column: "email", Policy: dataset.PolicyMask}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	b.run(t, j)
	if m := b.train(t, training.Request{DatasetID: id}); len(m.Recipe) != 2 {
		t.Errorf("it carries %+v", m.Recipe)
	}
	if _, err := b.datasets.Erase(ctx, sue, id); err != nil {
		t.Fatal(err)
	}
	for _, key := range b.files.Keys("jobs/") {
		keep, err := b.datasets.References(ctx, id, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(keep, key) {
			if err := b.files.Delete(ctx, key); err != nil {
				t.Fatal(err)
			}
		}
	}
	m := b.train(t, training.Request{DatasetID: id})
	if len(m.Recipe) != 0 || m.DatasetVersion != 3 {
		t.Errorf("it carries %+v", m.Recipe)
	}
}
