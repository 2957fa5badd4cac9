package cli_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/client/clienttest"
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
	sh.run(t.Context(), strings.Fields(`train ds_1 --target y --name n --task binary --positive-class yes --features a,b --exclude c
		--algorithms linear --metric f1 --encoding ordinal --folds 3 --test-fraction 0.3 --seed 7 --trees 9
		--split time --group-column g --time-column at --gap 4 --window 50 --repeats 2 --class-weight balanced
		--imputation mean --scaling robust --date-cycles --min-variance 0.1 --max-correlation 0.9 --priority 8`)...)
	priority := 8
	want := training.Request{
		DatasetID: "ds_1", Target: "y", Name: "n", Task: "binary", PositiveClass: "yes", Features: []string{"a", "b"}, Exclude: []string{"c"},
		Algorithms: []string{"linear"}, Metric: "f1", Encoding: "ordinal", Folds: 3, TestFraction: 0.3, Seed: 7, Trees: 9,
		Split: "time", GroupColumn: "g", TimeColumn: "at", Gap: 4, Window: 50, Repeats: 2, ClassWeight: "balanced",
		Imputation: "mean", Scaling: "robust", DateCycles: true, MinVariance: 0.1, MaxCorrelation: 0.9, Priority: &priority,
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
