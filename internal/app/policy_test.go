package app_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/client"
)

// TestADefaultPolicy: with a policy that hashes an upload is followed by the version
// that can be used, which a process of its own makes with the secret that it is given.
func TestADefaultPolicy(t *testing.T) { //nolint:paralleltest // one platform at a time
	const secret = "a secret of at least thirty-two bytes"
	b := setup(t, "NARRATIVE_PII_POLICY=hash", "NARRATIVE_PII_HASH_SECRET="+secret)
	var table strings.Builder
	table.WriteString("email,visits,paid\n")
	for i := range 60 {
		fmt.Fprintf(&table, "user%d@example.org,%d,%s\n", i%6, i*31%17, []string{"yes", "no"}[i%2])
	}
	id, failure := b.ingest(t, "customers.csv", strings.NewReader(table.String()))
	if failure != nil {
		t.Fatal(failure.Message)
	}
	var p *client.Privacy
	for deadline := time.Now().Add(patience); p == nil || p.State != "ready"; {
		var err error
		if p, err = b.client.Privacy(t.Context(), id); err != nil || time.Now().After(deadline) {
			t.Fatalf("%+v, %v", p, err)
		}
		if p.State == "needs_policy" && p.JobID != "" {
			b.result(t, p.JobID, &struct{}{})
		}
	}
	if p.Sealed != 2 || len(p.Columns) != 1 || p.Columns[0].Policy != "hash" || !p.Columns[0].Applied {
		t.Errorf("%+v", p)
	}
	a, err := b.client.Train(t.Context(), client.TrainRequest{DatasetID: id, Target: "paid", Algorithms: []string{"linear"}}, "")
	if err != nil {
		t.Fatal(err)
	}
	var made struct {
		ModelID string `json:"model_id"`
	}
	b.result(t, a.ID, &made)
	if a, err = b.client.Predict(t.Context(), client.PredictRequest{ModelID: made.ModelID, DatasetID: id, Rows: "holdout"}, ""); err != nil {
		t.Fatal(err)
	}
	var predicted client.Predicted
	if b.result(t, a.ID, &predicted); predicted.Rows != 12 {
		t.Errorf("predicted %+v", predicted)
	}
}
