package jobs_test

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/job/jobtest"
	"github.com/narrativeml/narrative/internal/prediction"
	"github.com/narrativeml/narrative/internal/retention"
	"github.com/narrativeml/narrative/internal/sample"
	"github.com/narrativeml/narrative/internal/training"
	"github.com/narrativeml/narrative/internal/tuning"
	"github.com/narrativeml/narrative/jobs"
)

func TestTheCatalogue(t *testing.T) {
	t.Parallel()
	pools := map[string]string{"ingest": "data", "import": "data", "retype": "data", "profile": "data", "protect": "data", "transform": "data", "training": "training", "training_fold": "training", "tuning": "batch", "prediction": "batch", "prediction_shard": "batch", "cleanup": "maintenance"}
	b := setup(t)
	var names []string
	for _, k := range jobs.Kinds() {
		names = append(names, k.Name)
		if b.handlers[k.Name] == nil {
			t.Errorf("no handler for %s", k.Name)
		}
		if pools[k.Name] != k.Pool || k.Version < 1 || k.Timeout <= 0 || k.MaxFailures < 1 || k.MaxCrashes < k.MaxFailures {
			t.Errorf("kind %+v", k)
		}
		_, publishes := b.handlers[k.Name].(job.Publisher)
		if want := slices.Contains([]string{"ingest", "import", "retype", "profile", "protect", "transform", "training", "tuning"}, k.Name); publishes != want {
			t.Errorf("%s publishes: %v", k.Name, publishes)
		}
	}
	slices.Sort(names)
	if !slices.Equal(names, slices.Sorted(maps.Keys(b.handlers))) || !slices.Equal(names, slices.Sorted(maps.Keys(pools))) {
		t.Errorf("kinds %q, handlers %q", names, slices.Sorted(maps.Keys(b.handlers)))
	}
}

// TestFromFileToPredictions takes the binary sample through every kind of job.
func TestFromFileToPredictions(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t), t.Context()
	set, _ := sample.Lookup("insurance")
	file, err := set.Open()
	if err != nil {
		t.Fatal(err)
	}
	d, j, err := b.datasets.Create(ctx, dataset.Upload{Tenant: ann.Tenant, User: ann.User, Filename: set.Filename, Body: file})
	if err != nil {
		t.Fatal(err)
	}
	b.run(t, j)

	j, _, err = b.training.Submit(ctx, ann, training.Request{DatasetID: d.ID, Target: set.Target, PositiveClass: set.PositiveClass, Algorithms: []string{"baseline", "linear"}, Folds: 2}, "")
	if err != nil {
		t.Fatal(err)
	}
	var trained training.Result
	decode(t, b.run(t, j), &trained)

	j, _, err = b.tuning.Submit(ctx, ann, tuning.Request{ModelID: trained.ModelID, Method: "threshold"}, "")
	if err != nil {
		t.Fatal(err)
	}
	var tuned tuning.Result
	decode(t, b.run(t, j), &tuned)
	m, err := b.models.Get(ctx, ann.Tenant, trained.ModelID)
	if err != nil || m.Threshold == nil || m.Threshold.Value != tuned.Threshold || m.Threshold.JobID != j.ID {
		t.Fatalf("model %+v, %v", m, err)
	}

	j, _, err = b.prediction.Submit(ctx, ann, prediction.Request{ModelID: m.ID, DatasetID: d.ID, Rows: prediction.RowsHoldout}, "")
	if err != nil {
		t.Fatal(err)
	}
	var predicted prediction.Result
	decode(t, b.run(t, j), &predicted)
	if predicted.Rows != m.HoldoutRows || predicted.BadRows != 0 || predicted.Threshold != tuned.Threshold {
		t.Errorf("predicted %+v", predicted)
	}
	checkLabels(t, b, &predicted, set.PositiveClass)

	// Everything is pointed to, so nothing is to go.
	before := b.files.Keys("")
	j, _, err = b.retention.Submit(ctx, ann, retention.Request{DryRun: true}, "")
	if err != nil {
		t.Fatal(err)
	}
	var swept retention.Result
	decode(t, b.run(t, j), &swept)
	if int(swept.Kept) != len(before) || swept.Marked+swept.Deleted != 0 || !slices.Equal(b.files.Keys(""), before) {
		t.Errorf("clean-up %+v of %q", swept, before)
	}
}

// TestImportedFilesAreKept imports a file, and looks that a clean-up takes neither
// it nor what was made of it before the data set is deleted.
func TestImportedFilesAreKept(t *testing.T) {
	t.Parallel()
	b, ctx := setup(t), t.Context()
	d, j, _, err := b.datasets.Import(ctx, dataset.Import{Tenant: ann.Tenant, User: ann.User, Source: "https://files.example.com/x.csv"})
	if err != nil {
		t.Fatal(err)
	}
	var made dataset.ImportResult
	decode(t, b.run(t, j), &made)
	if text, err := b.files.Get(made.RawKey); err != nil || made.Rows != 3 || !strings.HasPrefix(string(text), "a,b\n") {
		t.Fatalf("%+v: %q, %v", made, text, err)
	}
	sweep := func() (swept retention.Result) {
		t.Helper()
		j, _, err := b.retention.Submit(ctx, ann, retention.Request{DryRun: true}, "")
		if err != nil {
			t.Fatal(err)
		}
		decode(t, b.run(t, j), &swept)
		return swept
	}
	if s := sweep(); s.Marked+s.Deleted != 0 || int(s.Kept) != len(b.files.Keys("")) {
		t.Errorf("clean-up %+v of %q", s, b.files.Keys(""))
	}
	if err := b.datasets.Delete(ctx, ann.Tenant, d.ID); err != nil {
		t.Fatal(err)
	}
	if s := sweep(); int(s.Marked) != len(b.files.Keys("")) {
		t.Errorf("clean-up %+v of %q", s, b.files.Keys(""))
	}
}

// checkLabels looks whether the labels obey the threshold and the rows ascend.
func checkLabels(t *testing.T, b *bundle, p *prediction.Result, positive string) {
	t.Helper()
	file, err := b.files.Get(p.OutputKey)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(string(file))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	at := slices.Index(rows[0], "probability_"+positive)
	if at < 0 || rows[0][0] != "row_id" || rows[0][1] != "prediction" {
		t.Fatalf("columns %q", rows[0])
	}
	last, chosen := 0, 0
	for _, row := range rows[1:] {
		id, err := strconv.Atoi(row[0])
		if err != nil || id <= last {
			t.Fatalf("row %s after %d", row[0], last)
		}
		last = id
		probability, err := strconv.ParseFloat(row[at], 64)
		if err != nil {
			t.Fatal(err)
		}
		if (row[1] == positive) != (probability >= p.Threshold) {
			t.Errorf("row %d: %s at %v, the threshold is %v", id, row[1], probability, p.Threshold)
		}
		if row[1] == positive {
			chosen++
		}
	}
	if chosen == 0 || chosen == len(rows)-1 {
		t.Errorf("%d of %d rows are positive", chosen, len(rows)-1)
	}
}

func decode(t *testing.T, b json.RawMessage, v any) {
	t.Helper()
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
}

// attempt is an attempt of a job that a test made up.
func attempt(k job.Kind, version int, payload string) *jobtest.Task {
	j := &job.Job{Tenant: "acme", Kind: k.Name, Version: version, Payload: json.RawMessage(payload), Epoch: 1}
	j.ID = "job_0123456789abcdef0123456789abcdef"
	return jobtest.NewTask(j, nil)
}

func TestPayloads(t *testing.T) {
	t.Parallel()
	b := setup(t)
	// What each handler says of an empty request: it was decoded, and is about
	// nothing that exists.
	empty := map[string]string{
		"ingest": "dataset_not_found", "import": "dataset_not_found", "retype": "dataset_not_found", "profile": "dataset_not_found", "training": "dataset_not_found", "tuning": "model_not_found", "prediction": "model_not_found",
		"prediction_shard": "model_not_found", "training_fold": "dataset_not_found", "transform": "dataset_not_found", "protect": "dataset_not_found",
	}
	for _, k := range jobs.Kinds() {
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel()
			for _, payload := range []string{
				`{"nonsense":1}`, `{"dataset_id":1,"model_id":1,"dry_run":1}`, `[]`, `"text"`, `{`, ``, `{"dry_run":"yes"}`,
			} {
				_, err := b.handlers[k.Name].Run(t.Context(), attempt(k, k.Version, payload).Task)
				if fault.CodeOf(err) != "invalid_payload" || fault.ClassOf(err) != fault.ClassInvalid {
					t.Errorf("payload %s: %v", payload, err)
				}
			}
			result, err := b.handlers[k.Name].Run(t.Context(), attempt(k, k.Version, `{}`).Task)
			if code := empty[k.Name]; code == "" {
				if err != nil || result == nil {
					t.Errorf("an empty request gives %v, %v", result, err)
				}
			} else if fault.CodeOf(err) != code || result != nil {
				t.Errorf("an empty request gives %v, %v, want %s", result, err, code)
			}
		})
	}
}

// A job of a newer program goes back to the line, where a newer worker may
// take it; nothing of it is read or done here.
func TestNewerJobsAreHandedBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, k := range jobs.Kinds() {
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel()
			for _, payload := range []string{`{}`, `{"new_field":true}`, `{`} {
				task := attempt(k, k.Version+1, payload)
				result, err := b.handlers[k.Name].Run(t.Context(), task.Task)
				checkSnoozed(t, err)
				if result != nil || len(task.Report.Steps()) > 0 {
					t.Errorf("result %v, progress %v", result, task.Report.Steps())
				}
			}
			if p, ok := b.handlers[k.Name].(job.Publisher); ok {
				checkSnoozed(t, p.Publish(t.Context(), attempt(k, k.Version+1, `{}`).Job, json.RawMessage(`{"new_form":1}`)))
			}
		})
	}
}

func checkSnoozed(t *testing.T, err error) {
	t.Helper()
	s, ok := errors.AsType[*job.SnoozeError](err)
	if !ok || s.For <= 0 || s.For > 5*time.Minute {
		t.Fatalf("error %v, want a short snooze", err)
	}
	if s.Code != "newer_worker_needed" || !regexp.MustCompile(`version \d+.* up to version \d+.*newer worker`).MatchString(s.Message) {
		t.Errorf("it waits for %+v", s.Reason)
	}
}
