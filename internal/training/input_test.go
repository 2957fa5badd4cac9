package training_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/job/jobtest"
	"github.com/narrativeml/narrative/internal/training"
	"github.com/narrativeml/narrative/ml/frame"
)

// csv writes 60 rows of a target and two features.
func csv(target func(i int) string) string {
	var b strings.Builder
	b.WriteString("target,x,word\n")
	for i := range 60 {
		fmt.Fprintf(&b, "%s,%d,%s\n", target(i), i*i%17, []string{"up", "down"}[i%2])
	}
	return b.String()
}

func yesNo(i int) string { return []string{"yes", "no", "no"}[i%3] }

func TestRefusedBeforeAJobIsSubmitted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	good := training.Request{DatasetID: b.table(t, strings.NewReader(csv(yesNo))), Target: "target"}
	pending, _ := b.upload(t, strings.NewReader(csv(yesNo)))
	rejected, ingest := b.upload(t, strings.NewReader("target,x\n"))
	ingest.State = job.Failed
	deleted := b.table(t, strings.NewReader(csv(yesNo)))
	if err := b.datasets.Delete(t.Context(), ann.Tenant, deleted); err != nil {
		t.Fatal(err)
	}
	before := len(b.line.Jobs())
	bob := account.Caller{Tenant: "rival", User: "bob"}
	tests := []struct {
		name     string
		caller   account.Caller
		change   func(r *training.Request)
		class    fault.Class
		code     string
		location string
	}{
		{"no such data set", ann, func(r *training.Request) { r.DatasetID = "ds_none" }, fault.ClassNotFound, "dataset_not_found", ""},
		{"data set of another tenant", bob, func(*training.Request) {}, fault.ClassNotFound, "dataset_not_found", ""},
		{"deleted data set", ann, func(r *training.Request) { r.DatasetID = deleted }, fault.ClassNotFound, "dataset_not_found", ""},
		{"data set not ready", ann, func(r *training.Request) { r.DatasetID = pending.ID }, fault.ClassConflict, "dataset_not_ready", ""},
		{"rejected data set", ann, func(r *training.Request) { r.DatasetID = rejected.ID }, fault.ClassConflict, "dataset_not_ready", ""},
		{"no target", ann, func(r *training.Request) { r.Target = "" }, fault.ClassInvalid, "unknown_column", "body.target"},
		{"missing target", ann, func(r *training.Request) { r.Target = "Target" }, fault.ClassInvalid, "unknown_column", "body.target"},
		{"unknown feature", ann, func(r *training.Request) { r.Features = []string{"x", "y"} }, fault.ClassInvalid, "unknown_column", "body.features[1]"},
		{"unknown exclusion", ann, func(r *training.Request) { r.Exclude = []string{"y"} }, fault.ClassInvalid, "unknown_column", "body.exclude[0]"},
		{"target as feature", ann, func(r *training.Request) { r.Features = []string{"target"} }, fault.ClassInvalid, "unknown_column", "body.features[0]"},
		{"target left out", ann, func(r *training.Request) { r.Exclude = []string{"target"} }, fault.ClassInvalid, "unknown_column", "body.exclude[0]"},
		{"feature twice", ann, func(r *training.Request) { r.Features = []string{"x", "x"} }, fault.ClassInvalid, "duplicate_feature", `column "x"`},
		{"everything left out", ann, func(r *training.Request) { r.Exclude = []string{"x", "word"} }, fault.ClassInvalid, "no_features", "body.exclude"},
		{"positive class of a regression", ann, func(r *training.Request) { r.Task, r.PositiveClass = "regression", "yes" }, fault.ClassInvalid, "positive_class_not_binary", "body.positive_class"},
		{"unknown task", ann, func(r *training.Request) { r.Task = "clustering" }, fault.ClassInvalid, "unknown_task", "body.task"},
		{"unknown algorithm", ann, func(r *training.Request) { r.Algorithms = []string{"oracle"} }, fault.ClassInvalid, "unknown_algorithm", "body.algorithms"},
		{"unknown metric", ann, func(r *training.Request) { r.Metric = "luck" }, fault.ClassInvalid, "unknown_metric", "body.metric"},
		{"metric of another task", ann, func(r *training.Request) { r.Task, r.Metric = "binary", "rmse" }, fault.ClassInvalid, "metric_not_for_task", "body.metric"},
		{"unknown encoding", ann, func(r *training.Request) { r.Encoding = "hash" }, fault.ClassInvalid, "unknown_encoding", "body.encoding"},
		{"unknown imputation", ann, func(r *training.Request) { r.Imputation = "guess" }, fault.ClassInvalid, "unknown_imputation", "body.imputation"},
		{"unknown scaling", ann, func(r *training.Request) { r.Scaling = "log" }, fault.ClassInvalid, "unknown_scaling", "body.scaling"},
		{"negative variance", ann, func(r *training.Request) { r.MinVariance = -1 }, fault.ClassInvalid, "invalid_parameter", "body.min_variance"},
		{"correlation above one", ann, func(r *training.Request) { r.MaxCorrelation = 1.5 }, fault.ClassInvalid, "invalid_parameter", "body.max_correlation"},
		{"too many folds", ann, func(r *training.Request) { r.Folds = 21 }, fault.ClassInvalid, "invalid_parameter", "body.folds"},
		{"no test rows", ann, func(r *training.Request) { r.TestFraction = math.NaN() }, fault.ClassInvalid, "invalid_parameter", "body.test_fraction"},
		{"negative trees", ann, func(r *training.Request) { r.Trees = -1 }, fault.ClassInvalid, "invalid_parameter", "body.trees"},
		{"unknown split", ann, func(r *training.Request) { r.Split = "stratified" }, fault.ClassInvalid, "unknown_split", "body.split"},
		{"groups without a column", ann, func(r *training.Request) { r.Split = "grouped" }, fault.ClassInvalid, "split_column_missing", "body.group_column"},
		{"time without a column", ann, func(r *training.Request) { r.Split = "time" }, fault.ClassInvalid, "split_column_missing", "body.time_column"},
		{"unknown group column", ann, func(r *training.Request) { r.Split, r.GroupColumn = "grouped", "clinic" }, fault.ClassInvalid, "unknown_column", "body.group_column"},
		{"unknown time column", ann, func(r *training.Request) { r.Split, r.TimeColumn = "time", "day" }, fault.ClassInvalid, "unknown_column", "body.time_column"},
		{"target as group", ann, func(r *training.Request) { r.Split, r.GroupColumn = "grouped", "target" }, fault.ClassInvalid, "unknown_column", "body.group_column"},
		{"target as time", ann, func(r *training.Request) { r.Split, r.TimeColumn = "time", "target" }, fault.ClassInvalid, "unknown_column", "body.time_column"},
		{"words as time", ann, func(r *training.Request) { r.Split, r.TimeColumn = "time", "word" }, fault.ClassInvalid, "column_type", "body.time_column"},
		{"group as feature", ann, func(r *training.Request) { r.Split, r.GroupColumn, r.Features = "grouped", "x", []string{"x", "word"} }, fault.ClassInvalid, "group_is_feature", "body.group_column"},
		{"only the group is left", ann, func(r *training.Request) { r.Split, r.GroupColumn, r.Exclude = "grouped", "x", []string{"word"} }, fault.ClassInvalid, "no_features", "body.exclude"},
		{"group column at random", ann, func(r *training.Request) { r.GroupColumn = "x" }, fault.ClassInvalid, "parameter_not_for_split", "body.group_column"},
		{"gap at random", ann, func(r *training.Request) { r.Gap = 3 }, fault.ClassInvalid, "parameter_not_for_split", "body.gap"},
		{"repeats by time", ann, func(r *training.Request) { r.Split, r.TimeColumn, r.Repeats = "time", "x", 2 }, fault.ClassInvalid, "parameter_not_for_split", "body.repeats"},
		{"too many repeats", ann, func(r *training.Request) { r.Repeats = 21 }, fault.ClassInvalid, "invalid_parameter", "body.repeats"},
		{"unknown weight column", ann, func(r *training.Request) { r.WeightColumn = "mass" }, fault.ClassInvalid, "unknown_column", "body.weight_column"},
		{"target as weight", ann, func(r *training.Request) { r.WeightColumn = "target" }, fault.ClassInvalid, "unknown_column", "body.weight_column"},
		{"words as weight", ann, func(r *training.Request) { r.WeightColumn = "word" }, fault.ClassInvalid, "column_type", "body.weight_column"},
		{"weight as feature", ann, func(r *training.Request) { r.WeightColumn, r.Features = "x", []string{"x", "word"} }, fault.ClassInvalid, "weight_is_feature", "body.weight_column"},
		{"only the weight is left", ann, func(r *training.Request) { r.WeightColumn, r.Exclude = "x", []string{"word"} }, fault.ClassInvalid, "no_features", "body.exclude"},
		{"unknown class weight", ann, func(r *training.Request) { r.ClassWeight = "heavy" }, fault.ClassInvalid, "unknown_class_weight", "body.class_weight"},
		{"classes of a number", ann, func(r *training.Request) { r.Task, r.ClassWeight = "regression", "balanced" }, fault.ClassInvalid, "class_weight_not_for_task", "body.class_weight"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			req := good
			tt.change(&req)
			j, created, err := b.Submit(t.Context(), tt.caller, req, "")
			if j != nil || created {
				t.Errorf("a job was submitted: %+v", j)
			}
			checkFault(t, err, tt.class, tt.code, tt.location)
		})
	}
	t.Cleanup(func() {
		if n := len(b.line.Jobs()); n != before {
			t.Errorf("%d jobs were submitted", n-before)
		}
	})
}

func TestUnknownColumnNamesThoseThereAre(t *testing.T) {
	t.Parallel()
	b := setup(t)
	names := make([]string, 30)
	for i := range names {
		names[i] = fmt.Sprintf("c%02d", i)
	}
	line := strings.Repeat("1,", 29) + "1\n"
	id := b.table(t, strings.NewReader(strings.Join(names, ",")+"\n"+line+line))
	_, _, err := b.Submit(t.Context(), ann, training.Request{DatasetID: id, Target: "y"}, "")
	e, _ := fault.As(err)
	if e == nil || len(e.Fields) != 1 {
		t.Fatalf("error %v", err)
	}
	if m := e.Fields[0].Message; !strings.Contains(m, `"c00"`) || !strings.Contains(m, `"c19"`) || strings.Contains(m, `"c20"`) || !strings.HasSuffix(m, "and 10 more") {
		t.Errorf("message %q", m)
	}
	if e.Fields[0].Value != "y" {
		t.Errorf("value %v", e.Fields[0].Value)
	}
}

func TestUnusableTablesAreExplained(t *testing.T) {
	t.Parallel()
	rare := func(i int) string {
		if i == 41 {
			return "maybe"
		}
		return yesNo(i)
	}
	none := func(int) string { return "" }
	tests := []struct {
		name           string
		target         func(i int) string
		change         func(r *training.Request)
		code, location string
		text           string // in the message
	}{
		{name: "constant target", target: func(int) string { return "yes" }, code: "target_constant", location: `column "target"`, text: `"yes" in every row`},
		{name: "constant number", target: func(int) string { return "4" }, code: "target_constant", location: `column "target"`},
		{name: "target without a value", target: none, code: "target_all_null", location: `column "target"`, text: "missing in every row"},
		{name: "unique target", target: func(i int) string { return fmt.Sprint("n", i) }, code: "target_unique_per_row", location: `column "target"`, text: "60 different values in 60 rows"},
		{
			name: "unique numbers as classes", target: func(i int) string { return fmt.Sprint(i * 3) }, code: "target_unique_per_row", location: `column "target"`,
			change: func(r *training.Request) { r.Task = "multiclass" },
		},
		{name: "class of one row", target: rare, code: "class_too_small", location: `column "target"`, text: `class "maybe" of the target "target" has 1 row`},
		{
			name: "too little variance", target: yesNo, code: "no_features", location: "body.min_variance", text: "leave no column",
			change: func(r *training.Request) { r.MinVariance, r.Features = 1e9, []string{"x"} },
		},
		{name: "dates", target: func(i int) string { return fmt.Sprintf("2024-01-%02d", i%28+1) }, code: "target_type", location: `column "target"`},
		{
			name: "wrong positive class", target: yesNo, code: "unknown_class", location: "body.positive_class", text: `should be "no" or "yes"`,
			change: func(r *training.Request) { r.PositiveClass = "perhaps" },
		},
		{
			name: "positive class of three", target: func(i int) string { return fmt.Sprint("c", i%3) }, code: "positive_class_not_for_task", location: "body.positive_class",
			change: func(r *training.Request) { r.PositiveClass = "c1" },
		},
		{
			name: "metric of another task", target: yesNo, code: "metric_not_for_task", location: "body.metric",
			change: func(r *training.Request) { r.Metric = "r2" },
		},
		{
			name: "regression of words", target: yesNo, code: "task_not_for_target", location: `column "target"`,
			change: func(r *training.Request) { r.Task = "regression" },
		},
		{
			name: "binary of three", target: func(i int) string { return fmt.Sprint("c", i%3) }, code: "task_not_for_target", location: `column "target"`,
			change: func(r *training.Request) { r.Task = "binary" },
		},
		{
			name: "too few groups", target: yesNo, code: "too_few_groups", location: `column "word"`, text: "2 different values",
			change: func(r *training.Request) { r.Split, r.GroupColumn = "grouped", "word" },
		},
		{
			name: "gap over everything", target: yesNo, code: "gap_too_large", location: "body.gap",
			change: func(r *training.Request) { r.Split, r.TimeColumn, r.Gap = "time", "x", 1000 },
		},
		{
			name: "metric without a value", target: func(i int) string { return fmt.Sprint(i - 30) }, code: "metric_undefined", location: "body.metric", text: "rmsle is undefined when the true value is",
			change: func(r *training.Request) { r.Task, r.Metric = "regression", "rmsle" },
		},
		{name: "too few rows with a target", target: func(i int) string {
			if i < 12 {
				return yesNo(i)
			}
			return ""
		}, code: "class_too_small", location: `column "target"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			req := training.Request{DatasetID: b.table(t, strings.NewReader(csv(tt.target))), Target: "target"}
			if tt.change != nil {
				tt.change(&req)
			}
			j := b.submit(t, req)
			_, err := b.run(t.Context(), jobtest.NewTask(j, nil))
			checkFault(t, err, fault.ClassInvalid, tt.code, tt.location)
			if e, _ := fault.As(err); !strings.Contains(e.Message, tt.text) {
				t.Errorf("message %q, want %q in it", e.Message, tt.text)
			}
			if keys := b.files.Keys(j.Prefix()); len(keys) > 0 {
				t.Errorf("files %q of a training that failed", keys)
			}
		})
	}
}

// tables answers with a table of its own.
type tables struct {
	*dataset.Service
	table *frame.Frame
	err   error
}

func (s tables) Frame(context.Context, *dataset.Dataset, []string) (*frame.Frame, error) {
	return s.table, s.err
}

func TestNumbersOutOfRangeAreExplained(t *testing.T) {
	t.Parallel()
	const n = 60
	column := func(name string, at int, odd float64) frame.Column {
		values := make([]float64, n)
		for i := range values {
			values[i] = float64(i * i % 23)
		}
		if at >= 0 {
			values[at] = odd
		}
		return frame.NewFloat(name, values)
	}
	for name, tt := range map[string]struct {
		target, x      frame.Column
		algorithms     []string
		code, location string
	}{
		"infinite feature":  {column("target", -1, 0), column("x", 16, math.Inf(1)), nil, "infinite_value", `row 17, column "x"`},
		"infinite target":   {column("target", 30, math.Inf(-1)), column("x", -1, 0), nil, "infinite_value", `row 31, column "target"`},
		"enormous target":   {column("target", 7, 1e200), column("x", -1, 0), nil, "target_magnitude", `row 8, column "target"`},
		"enormous baseline": {column("target", 7, -1e200), column("x", -1, 0), []string{"baseline"}, "target_magnitude", `row 8, column "target"`},
		"enormous feature":  {column("target", -1, 0), column("x", 3, 1e300), nil, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			data, err := frame.New(tt.target, tt.x)
			if err != nil {
				t.Fatal(err)
			}
			b.config.Tables = tables{Service: b.datasets, table: data}
			id := b.table(t, strings.NewReader(csv(func(i int) string { return fmt.Sprint(i * 7 % 31) })))
			j := b.submit(t, training.Request{DatasetID: id, Target: "target", Task: "regression", Features: []string{"x"}, Algorithms: tt.algorithms})
			made, err := b.run(t.Context(), jobtest.NewTask(j, nil))
			if tt.code != "" {
				checkFault(t, err, fault.ClassInvalid, tt.code, tt.location)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			encode(t, made) // every figure is finite
		})
	}
}
