package demo_test

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/client"
	"github.com/narrativeml/narrative/internal/client/clienttest"
	"github.com/narrativeml/narrative/internal/demo"
	"github.com/narrativeml/narrative/internal/secret"
)

func run(t *testing.T, change func(*clienttest.Server)) (string, error) {
	t.Helper()
	server := clienttest.New()
	t.Cleanup(server.Close)
	if change != nil {
		change(server)
	}
	var out bytes.Buffer
	err := demo.Run(t.Context(), demo.Options{BaseURL: server.URL, Token: secret.New("t"), Out: &out})
	return out.String(), err
}

func TestRun(t *testing.T) {
	t.Parallel()
	text, err := run(t, func(s *clienttest.Server) { s.Token = "t" })
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for _, want := range []string{
		"Who lacks health insurance", "public domain", "The profile of 8,802 rows", "▃█", "yes 80 %",
		"The leaderboard, by roc_auc (1,761 rows held out)", "1  frequency", "2  baseline",
		"tuned", "0.2500", "The first predictions", "roc_auc of the downloaded file: 0.", "keep 11", "every check held",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not shown", want)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

func TestMismatchesAreFound(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil func([]string) []string
		want  string
	}{
		"a row too few":       {func(l []string) []string { return l[:len(l)-1] }, "rows were predicted"},
		"rows swapped":        {func(l []string) []string { l[1], l[2] = l[2], l[1]; return l }, "stands at place 2"},
		"a row twice":         {func(l []string) []string { l[2] = l[1]; return l }, "stands at place 2"},
		"a row from nowhere":  {func(l []string) []string { l[len(l)-1] = "99999,yes,0.9,0.1"; return l }, "row 99999 stands"},
		"a label is wrong":    {func(l []string) []string { l[1] = "1,yes,0.1,0.9"; return l }, "is predicted"},
		"a chance is wrong":   {func(l []string) []string { l[1] = "1,no,-1,2"; return l }, "a prediction is"},
		"another chance":      {func(l []string) []string { l[1] = "1,no,0,0.999"; return l }, "by the leaderboard"},
		"a column is missing": {func(l []string) []string { l[0] = "row_id,prediction,x,y"; return l }, `no column "probability_no"`},
		"not a table":         {func(l []string) []string { l[1] = `"`; return l }, "read the predictions"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := run(t, func(s *clienttest.Server) { s.Spoil = test.spoil })
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v, want %q", err, test.want)
			}
		})
	}
}

func TestFailuresStopIt(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"ingest", "training", "tuning", "prediction", "cleanup"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			text, err := run(t, func(s *clienttest.Server) { s.Fail = kind })
			if _, ok := errors.AsType[*client.JobError](err); !ok || !strings.Contains(text, "failed") {
				t.Errorf("error is %v after %s", err, text)
			}
		})
	}
	for _, path := range []string{"POST /api/v1/datasets", "GET /api/v1/datasets/ds_1/profile", "POST /api/v1/training", "GET /api/v1/models/mdl_1", "POST /api/v1/tuning", "POST /api/v1/predictions", "GET /api/v1/jobs/job_4/result", "POST /api/v1/cleanup"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			_, err := run(t, func(s *clienttest.Server) {
				s.Refuse = func(w http.ResponseWriter, r *http.Request) bool {
					if r.Method+" "+r.URL.Path != path {
						return false
					}
					clienttest.Problem(w, http.StatusForbidden, "not_here", "no")
					return true
				}
			})
			if e, ok := errors.AsType[*client.Error](err); !ok || e.Code != "not_here" {
				t.Errorf("error is %v", err)
			}
		})
	}
	if err := demo.Run(t.Context(), demo.Options{BaseURL: "nowhere"}); err == nil {
		t.Error("a server without an address was reached")
	}
}

// The ranks give what comparing all pairs gives.
func TestAUC(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		truth, scores := make([]bool, 60), make([]float64, 60)
		for i := range truth {
			truth[i], scores[i] = random.IntN(3) == 0, float64(random.IntN(12))
		}
		won, pairs := 0.0, 0.0
		for i := range truth {
			for j := range truth {
				if truth[i] && !truth[j] {
					pairs++
					switch {
					case scores[i] > scores[j]:
						won++
					case scores[i] == scores[j]:
						won += 0.5
					}
				}
			}
		}
		if got := demo.AUC(truth, scores); math.Abs(got-won/pairs) > 1e-12 {
			t.Fatalf("AUC is %v, by pairs %v", got, won/pairs)
		}
	}
	if !math.IsNaN(demo.AUC([]bool{true}, []float64{1})) {
		t.Error("one class has an area")
	}
}

func TestTables(t *testing.T) {
	t.Parallel()
	if got := demo.Curve([]client.Point{{Threshold: 0, Score: 0.2}, {Threshold: 0.5, Score: 1}, {Threshold: 1, Score: 0.5}, {Threshold: math.NaN()}}); !strings.HasPrefix(got, "▂") || !strings.HasSuffix(got, "▅") || !strings.Contains(got, "█") {
		t.Errorf("the curve is %q", got)
	}
	_, rows := demo.LeaderboardTable(&client.Model{Metric: "rmse", Leaderboard: []client.Candidate{{Algorithm: "gbdt", Holdout: map[string]float64{"rmse": 1, "mae": 0.5}}}})
	if !slices.Equal(rows[0], []string{"1", "gbdt", "–", "–", "1.0000", "0.5000", "0.00"}) {
		t.Errorf("the leaderboard is %q", rows)
	}
	_, rows = demo.ProfileTable(&client.Profile{Columns: []client.ProfileColumn{
		{Name: "a", Type: "boolean", Count: 4, Top: []client.TopValue{{Value: true, Count: 3}, {Value: nil, Count: 1}, {Value: 1.5}, {Value: "x"}}},
		{Name: "b", Type: "string"},
	}})
	if rows[0][7] != "true 75 %,  25 %, 1.5 0 %" || rows[1][7] != "" {
		t.Errorf("the profile is %q", rows)
	}
}
