package training_test

import (
	"context"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/job/jobtest"
	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/internal/training"
)

// catalogue has one data set.
type catalogue struct{ dataset.Dataset }

func (c catalogue) Fixed(context.Context, string, string, int) (*dataset.Dataset, error) {
	return &c.Dataset, nil
}

// TestTheMemoryOfATraining: the estimate grows with what is read of the table,
// and only with that; what the request says goes to the job and not into its
// payload.
func TestTheMemoryOfATraining(t *testing.T) {
	t.Parallel()
	schema := tabular.Schema{{Name: "y", Type: tabular.Float}, {Name: "a", Type: tabular.Float}, {Name: "b", Type: tabular.String}, {Name: "at", Type: tabular.Datetime}}
	memory := func(rows int64, req training.Request) int64 {
		t.Helper()
		service := training.NewService(jobtest.NewLine(), catalogue{dataset.Dataset{State: dataset.Ready, Version: &dataset.Version{Schema: schema, Rows: rows}}})
		req.Target, req.Limits = "y", job.Limits{Memory: "1TiB"}
		j, _, err := service.Submit(t.Context(), ann, req, "")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(j.Payload), "memory") {
			t.Errorf("the payload is %s", j.Payload)
		}
		return j.Memory
	}
	const mib = 1 << 20
	all := memory(1_000_000, training.Request{})
	for name, got := range map[string]int64{
		"fewer rows":    memory(500_000, training.Request{}),
		"without times": memory(1_000_000, training.Request{Exclude: []string{"at"}}),
		"without texts": memory(1_000_000, training.Request{Exclude: []string{"b"}}),
		"one feature":   memory(1_000_000, training.Request{Features: []string{"a"}}),
	} {
		if got >= all {
			t.Errorf("%s: %s, not less than %s", name, job.Size(got), job.Size(all))
		}
	}
	if got := memory(1_000_000, training.Request{DateCycles: true}); got <= all {
		t.Errorf("with cycles: %s, not more than %s", job.Size(got), job.Size(all))
	}
	if none := memory(1, training.Request{}); none < 100*mib || none > 300*mib {
		t.Errorf("a row takes %s", job.Size(none))
	}
	if got := memory(1<<62, training.Request{}); got != 1<<50 {
		t.Errorf("more rows than there are take %d", got)
	}
}
