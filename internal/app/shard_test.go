package app_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/client"
)

// TestADividedPrediction predicts a file in parts, on a real file storage, and
// gets what a whole prediction gives; a second one comes after the first.
func TestADividedPrediction(t *testing.T) { //nolint:paralleltest // one platform at a time
	b := setup(t)
	r := rand.New(rand.NewPCG(1, 2))
	var table strings.Builder
	table.WriteString("x,colour,label\n")
	for range 3000 {
		x := r.NormFloat64()
		fmt.Fprintf(&table, "%.4f,%s,%s\n", x, []string{"red", "green"}[r.IntN(2)], map[bool]string{true: "yes", false: "no"}[x+r.NormFloat64() > 0])
	}
	id, failure := b.ingest(t, "points.csv", strings.NewReader(table.String()))
	if failure != nil {
		t.Fatal(failure.Message)
	}
	var broken strings.Builder // 300,000 rows whose output is longer than one part of S3
	broken.WriteString("x,colour\n")
	const rows = 300_000
	for i := range rows {
		if i%1000 == 5 {
			broken.WriteString("many,\"red\ngreen\"\n")
			continue
		}
		fmt.Fprintf(&broken, "%.4f,%s\n", r.NormFloat64(), []string{"red", "green"}[r.IntN(2)])
	}
	wanted, failure := b.ingest(t, "wanted.csv", strings.NewReader(broken.String()))
	if failure != nil {
		t.Fatal(failure.Message)
	}
	var made struct {
		ModelID string `json:"model_id"`
	}
	a, err := b.client.Train(t.Context(), client.TrainRequest{DatasetID: id, Target: "label", PositiveClass: "yes", Algorithms: []string{"linear"}, Folds: 2}, "")
	if err != nil {
		t.Fatal(err)
	}
	b.result(t, a.ID, &made)
	whole, err := b.client.Predict(t.Context(), client.PredictRequest{ModelID: made.ModelID, DatasetID: wanted, Shards: 1}, "")
	if err != nil {
		t.Fatal(err)
	}
	parts, err := b.client.Predict(t.Context(), client.PredictRequest{ModelID: made.ModelID, DatasetID: wanted, Shards: 3, Order: client.Order{After: []string{whole.ID}}}, "")
	if err != nil {
		t.Fatal(err)
	}
	if parts.State != "waiting" || parts.Waiting == nil || len(parts.After) != 1 {
		t.Errorf("it does not come after the first: %+v", parts)
	}
	var one, other client.Predicted
	first := b.result(t, whole.ID, &one)
	second := b.result(t, parts.ID, &other)
	if second.StartedAt.Before(first.FinishedAt) {
		t.Error("it ran before the job it comes after had ended")
	}
	if one.Rows != other.Rows || one.BadRows != other.BadRows || one.BadRows == 0 || one.Rows+one.BadRows != rows {
		t.Errorf("%+v in parts, %+v as a whole", other, one)
	}
	for _, name := range []string{"predictions", "errors"} {
		if want, got := b.download(t, whole.ID, name), b.download(t, parts.ID, name); want != got {
			t.Errorf("%s: %d bytes in parts, %d as a whole, or others", name, len(got), len(want))
		}
	}
	if second.Children == nil || second.Children.Count != 3 || second.Children.States["succeeded"] != 3 {
		t.Errorf("children %+v", second.Children)
	}
	page, err := b.client.Jobs(t.Context(), client.JobFilter{Parent: parts.ID}, "", 10)
	if err != nil || len(page.Items) != 3 || page.Items[0].Parent != parts.ID || page.Items[0].Kind != "prediction_shard" {
		t.Errorf("%d children are listed, %v", len(page.Items), err)
	}
	if page, err = b.client.Jobs(t.Context(), client.JobFilter{Kind: "prediction_shard"}, "", 10); err != nil || len(page.Items) != 0 {
		t.Errorf("children are in the list of all jobs: %d, %v", len(page.Items), err)
	}
	b.predictWithoutAPart(t, client.PredictRequest{ModelID: made.ModelID, DatasetID: wanted, Shards: 20, MaxFailed: 1}, one, b.download(t, whole.ID, "predictions"))
	_, err = b.client.Predict(t.Context(), client.PredictRequest{ModelID: made.ModelID, DatasetID: wanted, Shards: 1, MaxFailed: 1}, "")
	problem(t, err, 422, "max_failed_shards_not_divided")
	_, err = b.client.Predict(t.Context(), client.PredictRequest{ModelID: made.ModelID, DatasetID: wanted, Shards: 10_001}, "")
	problem(t, err, 422, "invalid_request")
	_, err = b.client.Predict(t.Context(), client.PredictRequest{ModelID: made.ModelID, DatasetID: wanted, Order: client.Order{After: []string{"job_00000000000000000000000000000000"}}}, "")
	problem(t, err, 404, "job_not_found")
}

// predictWithoutAPart predicts in parts, one of which is cancelled, as the
// request tolerates: the output is that of the whole file without its rows.
func (b *bench) predictWithoutAPart(t *testing.T, req client.PredictRequest, whole client.Predicted, text string) {
	t.Helper()
	one := map[string]int{"prediction_shard": 1}
	if _, err := b.client.ChangeQueue(t.Context(), "batch", func(q *client.QueueSettings) { q.KindLimits = one }); err != nil {
		t.Fatal(err)
	}
	a, err := b.client.Predict(t.Context(), req, "")
	if err != nil {
		t.Fatal(err)
	}
	var parts client.Page[*client.Job]
	for len(parts.Items) < req.Shards && t.Context().Err() == nil {
		if parts, err = b.client.Jobs(t.Context(), client.JobFilter{Parent: a.ID}, "", req.Shards); err != nil {
			t.Fatal(err)
		}
	}
	last := parts.Items[req.Shards-1].ID // one at a time is predicted, from the first on
	if _, err := b.client.Cancel(t.Context(), last); err != nil {
		t.Fatal(err)
	}
	if _, err := b.client.ChangeQueue(t.Context(), "batch", func(q *client.QueueSettings) { q.KindLimits = nil }); err != nil {
		t.Fatal(err)
	}
	var got client.Predicted
	b.result(t, a.ID, &got)
	if len(got.FailedShards) != 1 || got.FailedShards[0].JobID != last || got.FailedShards[0].Shard != req.Shards || got.FailedShards[0].Code != "cancelled" {
		t.Fatalf("%+v", got)
	}
	f := got.FailedShards[0]
	if got.AbsentRows != f.LastRow-f.FirstRow+1 || got.Rows+got.BadRows+got.AbsentRows != whole.Rows+whole.BadRows {
		t.Errorf("%+v, and %+v as a whole", got, whole)
	}
	if out := b.download(t, a.ID, "predictions"); !strings.HasPrefix(text, out) || int64(strings.Count(out, "\n")) != got.Rows+1 {
		t.Errorf("the output of %d bytes is not the beginning of the whole one", len(out))
	}
}
