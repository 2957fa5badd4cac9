package cli_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/client/clienttest"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/training"
)

// TestEveryParameterOfATraining checks that each has a flag which arrives.
func TestEveryParameterOfATraining(t *testing.T) {
	t.Parallel()
	var got training.Request
	var failed error
	sh := setup(t, func(s *clienttest.Server) {
		s.Refuse = func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != "/api/v1/training" {
				return false
			}
			d := json.NewDecoder(r.Body)
			d.DisallowUnknownFields()
			failed = d.Decode(&got)
			clienttest.Problem(w, http.StatusUnprocessableEntity, "seen", "that is all")
			return true
		}
	})
	sh.run(t.Context(), strings.Fields(`train ds_1 --version 2 --target y --name n --task binary --positive-class yes --features a,b --exclude c
		--algorithms linear --metric f1 --encoding ordinal --folds 3 --test-fraction 0.3 --seed 7 --trees 9
		--split time --group-column g --time-column at --gap 4 --window 50 --repeats 2 --class-weight balanced --weight-column w
		--imputation mean --scaling robust --date-cycles --min-variance 0.1 --max-correlation 0.9
		--memory 2GiB --deadline 2095-06-01T18:00:00Z --time-budget 90m --after job_1,job_2 --priority 8 --folds-as-jobs`)...)
	deadline, budget := time.Date(2095, 6, 1, 18, 0, 0, 0, time.UTC), int64(5400)
	priority := 8
	want := training.Request{
		DatasetID: "ds_1", Version: 2, Target: "y", Name: "n", Task: "binary", PositiveClass: "yes", Features: []string{"a", "b"}, Exclude: []string{"c"},
		Algorithms: []string{"linear"}, Metric: "f1", Encoding: "ordinal", Folds: 3, TestFraction: 0.3, Seed: 7, Trees: 9,
		Split: "time", GroupColumn: "g", TimeColumn: "at", Gap: 4, Window: 50, Repeats: 2, ClassWeight: "balanced", WeightColumn: "w",
		Imputation: "mean", Scaling: "robust", DateCycles: true, MinVariance: 0.1, MaxCorrelation: 0.9,
		Limits:      job.Limits{Memory: "2GiB", Deadline: &deadline, TimeBudget: &budget},
		FoldsAsJobs: true,
		Order:       job.Order{After: []string{"job_1", "job_2"}, Priority: &priority},
	}
	if failed != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v arrived (%v), want %+v", got, failed, want)
	}
	for i, v := 0, reflect.ValueOf(got); i < v.NumField(); i++ {
		if v.Field(i).IsZero() {
			t.Errorf("there is no flag for %s", v.Type().Field(i).Name)
		}
	}
}

// Limits that cannot be read never reach the server; a deadline may be told from
// now.
func TestLimitsOfAJob(t *testing.T) {
	t.Parallel()
	for flags, want := range map[string]string{
		"--time-budget -1s": "must be at least 1s", "--time-budget 0s": "must be at least 1s", "--time-budget soon": "invalid argument",
		"--deadline tomorrow": "write a time such as",
	} {
		sh := setup(t, nil)
		if code, _, errs := sh.run(t.Context(), strings.Fields("predict mdl_1 ds_1 "+flags)...); code != 2 || !strings.Contains(errs, want) {
			t.Errorf("%s: exit code %d, %s", flags, code, errs)
		}
	}
	var got client.Limits
	sh := setup(t, func(s *clienttest.Server) {
		s.Refuse = func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != "/api/v1/tuning" {
				return false
			}
			_ = json.NewDecoder(r.Body).Decode(&got)
			clienttest.Problem(w, http.StatusUnprocessableEntity, "seen", "that is all")
			return true
		}
	})
	before := time.Now()
	sh.run(t.Context(), "tune", "mdl_1", "--deadline", "2h")
	if got.Deadline == nil || got.Deadline.Before(before.Add(2*time.Hour)) || got.Memory != "" || got.TimeBudget != 0 {
		t.Errorf("%+v arrived", got)
	}
}
