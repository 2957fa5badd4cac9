package cli_test

import (
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/cli"
	"github.com/narrativeml/narrative/internal/client/clienttest"
)

// TestRecipesAndVersions talks to a server that answers what the API would.
func TestRecipesAndVersions(t *testing.T) {
	t.Parallel()
	answers := map[string]string{
		"POST /api/v1/recipes":                                     `{"id":"rcp_1","name":"clean","version":1}`,
		"GET /api/v1/recipes":                                      `{"items":[{"id":"rcp_1","name":"clean","version":2,"visibility":"private","steps":[{"name":"trim_text"}]}]}`,
		"GET /api/v1/recipes/rcp_1":                                `{"id":"rcp_1","name":"clean","version":2,"visibility":"private","steps":[{"name":"trim_text","parameters":{"columns":["city"]}}]}`,
		"PUT /api/v1/recipes/rcp_1":                                `{"id":"rcp_1","name":"clean","version":3,"visibility":"public"}`,
		"GET /api/v1/recipes/rcp_1/python":                         `{"format":"python","code":"def transform(df):\n    return df\n"}`,
		"DELETE /api/v1/recipes/rcp_1":                             ``,
		"POST /api/v1/recipes/check":                               `{"passes":2,"steps":[{"name":"trim_text","runs":"streaming","explanation":"Trims the white space around \"city\", \"name\", \"street\", and what else there is to say of it."}],"compatibility":{"missing":[],"retyped":["a","b"],"unknown":["c"]}}`,
		"POST /api/v1/recipes/preview":                             `{"label":"All 2 rows.","steps":[{"name":"trim_text","rows_before":2,"rows_after":2,"cells_changed":1},{"name":"sort_rows","rows_before":2,"rows_after":2}],"before":{"columns":[{"name":"city"}],"rows":[[" Oslo"],[null]]},"after":{"columns":[{"name":"city"},{"name":"number"}],"rows":[["Oslo",9007199254740993],[null,1.50]]},"sample_rows":2}`,
		"GET /api/v1/datasets/ds_1/suggestions":                    `{"items":[{"name":"trim_text","reason":"spaces","effect":0.125,"auto":true}],"clean":[{"name":"trim_text"}]}`,
		"GET /api/v1/datasets/ds_2/suggestions":                    `{"items":[],"clean":[]}`,
		"GET /api/v1/datasets/ds_1/versions":                       `{"items":[{"number":2,"parent":1,"quality_after":0.5,"counts":[{"rows_in":12,"rows_out":10}],"hash":"0123456789abcdef","rows":10,"steps":[{"name":"trim_text"}]},{"number":1,"rows":12,"gone":true}]}`,
		"GET /api/v1/datasets/ds_3/profile?version=2":              `{"rows":7,"columns":[{"name":"as it was","type":"integer"}]}`,
		"GET /api/v1/datasets/ds_3/charts/histogram?version=2&x=a": `{"kind":"histogram","x":"a","rows":7}`,
		"GET /api/v1/datasets/ds_3/versions":                       `{"items":[{"number":3,"parent":2},{"number":2,"parent":1,"sealed":true,"pinned":true},{"number":1,"sealed":true,"erased":true}]}`,
		"PATCH /api/v1/datasets/ds_1/versions/2":                   `{"number":2,"parent":1,"rows":10,"pinned":true}`,
		"GET /api/v1/datasets/ds_1/versions/1/comparison?with=2":   `{"same":false,"rows":-2,"columns_added":["a","b"],"quality_from":0.5,"quality_to":0.75,"columns_changed":[{"name":"age","from":{"type":"integer","missing":1200,"distinct":7,"mean":3.25,"std":1},"to":{"type":"float","missing":0,"distinct":7}}]}`,
		"GET /api/v1/datasets/ds_1/versions/2/comparison?with=2":   `{"same":true}`,
		"GET /api/v1/models/mdl_1":                                 `{"id":"mdl_1","task":"binary","target":"late","holdout_rows":9,"leaderboard":[],"recipe":[{"name":"trim_text","explanation":"Trims city.","prediction":"apply","version":2},{"name":"sample_rows","explanation":"Draws rows.","prediction":"skip"}]}`,
		"POST /api/v1/transforms":                                  `{"job_id":"job_7","job":{"id":"job_7","kind":"transform","state":"queued"}}`,
		"GET /api/v1/jobs/job_7":                                   `{"id":"job_7","kind":"transform","state":"succeeded","result":{"dataset_id":"ds_1","rows":1234,"columns":3,"hash":"abc"}}`,
	}
	sent := ""
	sh := setup(t, func(s *clienttest.Server) {
		s.Token = "secret-token"
		s.Refuse = func(w http.ResponseWriter, r *http.Request) bool {
			key := r.Method + " " + r.URL.Path
			if strings.HasSuffix(r.URL.Path, "/comparison") || strings.HasPrefix(r.URL.Path, "/api/v1/datasets/ds_3/") && r.URL.RawQuery != "" {
				key += "?" + r.URL.RawQuery
			}
			answer, ok := answers[key]
			if !ok {
				return false
			}
			if b, err := io.ReadAll(r.Body); err == nil && len(b) > 0 {
				sent = string(b)
			}
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("ETag", `W/"3"`)
			_, _ = io.WriteString(w, answer)
			return true
		}
	})
	steps := sh.path("steps.json")
	if err := os.WriteFile(steps, []byte(`[{"name":"trim_text","parameters":{"columns":["city"]}}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	exported := sh.path("exported.json")
	if _, out, _ := sh.run(t.Context(), "recipe", "show", "rcp_1", "--json"); os.WriteFile(exported, []byte(out), 0o600) != nil {
		t.Fatal(out)
	}
	for _, test := range []struct{ args, want, sent string }{
		{"recipe create clean --tag a,b --dataset ds_1 --steps " + steps, "rcp_1", `"tags":["a","b"]`},
		{"recipe list", "rcp_1   clean        2", ""},
		{"recipe list --public --json", `"name": "clean"`, ""},
		{"recipe show rcp_1", `{"columns":["city"]}`, ""},
		{"recipe python rcp_1 --recipe-version 1 --dataset ds_1", "def transform(df):", ""},
		{"recipe update rcp_1 --visibility public", "rcp_1, version 3, public", `"name":"clean"`},
		{"recipe update rcp_1 --tag x --name n -s " + steps, "version 3", `"tags":["x"],"visibility":"private","steps":[`},
		{"recipe list --tag a", "clean", ""},
		{"show mdl_1", "version 2     apply          Trims city.", ""},
		{"show mdl_1", "the training  skip           Draws rows.", ""},
		{"recipe check ds_1 --recipe rcp_1 --recipe-version 1", "columns of another type: a, b", `"recipe_version":1`},
		{"recipe delete rcp_1", "", ""},
		{"recipe check ds_1 --recipe rcp_1", "and what else there is to say of it.", `"recipe_id":"rcp_1"`},
		{"recipe preview ds_1 --version 2 -s " + steps, "All 2 rows.", `"version":2`},
		{"recipe preview ds_1 -s " + steps, "before:\ncity\n─────\n Oslo\n", ""},
		{"recipe preview ds_1 -s " + steps, "9007199254740993", ""},
		{"recipe preview ds_1 --json -s " + steps, `"sample_rows": 2`, ""},
		{"recipe check ds_1 --json -r rcp_1", `"unknown": [`, ""},
		{"recipe suggest ds_1 --json", `"effect": 0.125`, ""},
		{"version compare ds_1 1 2 --json", `"columns_added": [`, ""},
		{"recipe create again --steps " + exported, "rcp_1", `"steps":[{"name":"trim_text","parameters":{"columns":["city"]}}]`},
		{"recipe apply ds_1 -q -s " + steps, "1,234 rows of 3 columns, hash abc", `"steps":[{"name":"trim_text"`},
		{"recipe apply ds_1 -d -r rcp_1 --priority 3", "job_7", `"priority":3`},
		{"recipe suggest ds_1", "12.50 %", ""},
		{"recipe clean ds_1", "--yes applies it", `"steps":[{"name":"trim_text"}]`},
		{"recipe clean ds_1 -q --yes", "1,234 rows", `"steps":[{"name":"trim_text"}]`},
		{"recipe clean ds_2", "nothing to clean", ""},
		{"recipe", "Save steps as a recipe", ""},
		{"version list ds_1", "0123456789ab", ""},
		{"profile ds_3 --version 2", "as it was", ""},
		{"chart ds_3 histogram --version 2 --x a", `"rows": 7`, ""},
		{"version list ds_3", "sealed", ""},
		{"version list ds_3", "erased", ""},
		{"version list ds_1 --json", `"rows_out": 10`, ""},
		{"version pin ds_1 2", "pinned", `{"pinned":true}`},
		{"version unpin ds_1 2", "2", `{"pinned":false}`},
		{"version compare ds_1 1 2", "rows -2; columns added: a, b; removed: none", ""},
		{"version compare ds_1 1 2", "quality 0.500, then 0.750", ""},
		{"version compare ds_1 1 2", "age     integer → float  1,200 → 0         7  3.25 → -  1 → -", ""},
		{"version compare ds_1 2 2", "they hold the same", ""},
		{"version reproduce ds_1 2 -q", "1,234 rows", `"reproduce":2`},
	} {
		sent = ""
		code, out, errs := sh.run(t.Context(), strings.Fields(test.args)...)
		if code != 0 || !strings.Contains(out, test.want) || !strings.Contains(sent, test.sent) {
			t.Errorf("narrative %s: exit code %d, want %q; sent %s, got\n%s%s", test.args, code, test.want, sent, out, errs)
		}
	}
	bad := sh.path("bad.json")
	if err := os.WriteFile(bad, []byte(`{"name":"trim_text"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]int{
		"recipe check ds_1":                            cli.ExitUsage,
		"recipe check ds_1 -r rcp_1 -s " + steps:       cli.ExitUsage,
		"recipe check ds_1 -s " + bad:                  cli.ExitUsage,
		"recipe check ds_1 -s " + bad + ".none":        cli.ExitUsage,
		"recipe create clean":                          cli.ExitUsage,
		"recipe show rcp_9":                            cli.ExitNotFound,
		"version pin ds_1 0":                           cli.ExitUsage,
		"profile ds_1 --renew --version 2":             cli.ExitUsage,
		"profile ds_1 --version x":                     cli.ExitUsage,
		"version compare ds_1 1 x":                     cli.ExitUsage,
		"version compare ds_1 x 1":                     cli.ExitUsage,
		"version reproduce ds_1 -- -1":                 cli.ExitUsage,
		"recipe list --url http://[::1":                cli.ExitUsage,
		"version list ds_1 --url http://[::1":          cli.ExitUsage,
		"recipe apply ds_1 -r rcp_1 --url http://[::1": cli.ExitUsage,
		"recipe suggest ds_1 --url http://[::1":        cli.ExitUsage,
	} {
		if code, out, errs := sh.run(t.Context(), strings.Fields(args)...); code != want {
			t.Errorf("narrative %s: exit code %d, want %d; %s%s", args, code, want, out, errs)
		}
	}
}
