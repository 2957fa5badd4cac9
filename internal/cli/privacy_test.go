package cli_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/cli"
	"github.com/narrativeml/narrative/internal/client/clienttest"
)

// TestPersonalData talks to a server that answers what the API would.
func TestPersonalData(t *testing.T) {
	t.Parallel()
	const shown = `{"dataset_id":"ds_1","version":1,"scanned":true,"state":"ready","risk":"medium","columns":[
		{"column":"contact","type":"email","confidence":0.97,"risk":"medium","policy":"warn","evidence":{"matched":998,"looked_at":1000,"check":"the form of an address","name":"contact"}},
		{"column":"remark","type":"other","confidence":1,"risk":"medium","policy":"warn","evidence":{"matched":0,"looked_at":0}}]}`
	answers := map[string]string{
		"GET /api/v1/datasets/ds_1/pii":          shown,
		"GET /api/v1/datasets/ds_2/pii":          `{"scanned":false,"state":"ready","risk":"none","columns":[]}`,
		"PATCH /api/v1/datasets/ds_1/pii":        shown,
		"POST /api/v1/datasets/ds_1/pii/confirm": shown,
		"POST /api/v1/datasets/ds_1/pii/apply":   `{"dataset_id":"ds_1","scanned":true,"state":"ready","risk":"none","sealed_before":2,"columns":[{"column":"contact","type":"email","policy":"hash","applied":true}]}`,
		"POST /api/v1/datasets/ds_2/pii/apply":   `{"dataset_id":"ds_1","job_id":"job_9","state":"needs_policy","columns":[]}`,
		"POST /api/v1/datasets/ds_1/pii/erase":   `{"dataset_id":"ds_1","scanned":true,"state":"ready","sealed_before":3,"erased_before":3,"columns":[]}`,
		"GET /api/v1/pii/policy":                 `{"configured":"warn","kinds":{"email":"hash","phone":"mask"},"remains":"seal"}`,
		"PUT /api/v1/pii/policy":                 `{"configured":"warn","default":"mask","remains":"erase"}`,
		"GET /api/v1/audit":                      `{"items":[{"id":"acc_1","user":"ada","dataset_id":"ds_1","version":1,"action":"read_unmasked","details":["contact","remark"]}]}`,
	}
	sent := ""
	sh := setup(t, func(s *clienttest.Server) {
		s.Token = "secret-token"
		s.Refuse = func(w http.ResponseWriter, r *http.Request) bool {
			answer, ok := answers[r.Method+" "+r.URL.Path]
			if !ok {
				return false
			}
			b, err := io.ReadAll(r.Body)
			if err != nil {
				return false
			}
			sent = string(b) + r.URL.RawQuery
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, answer)
			return true
		}
	})
	for _, test := range []struct{ args, want, sent string }{
		{"pii show ds_1", "998 of 1,000: the form of an address", ""},
		{"pii show ds_1", "somebody says so", ""},
		{"pii show ds_1", "risk medium, ready", ""},
		{"pii show ds_2", "nobody has looked", ""},
		{"pii set ds_1 a=b=allow remark=warn", "contact", `[{"column":"a=b","policy":"allow"},{"column":"remark","policy":"warn"}]`},
		{"pii confirm ds_1", "risk medium", ""},
		{"pii apply ds_1", "the values are not in this version", ""},
		{"pii apply ds_1", "versions before 2 are sealed", ""},
		{"pii apply ds_2 --detach --json", `"job_id": "job_9"`, ""},
		{"pii erase ds_1 --yes", "versions before 3 are erased", ""},
		{"pii policy", "warn (configured)", ""},
		{"pii policy --default mask --kind email=none --kind iban=drop --remains erase", "remains: erase", `{"default":"mask","kinds":{"iban":"drop","phone":"mask"},"remains":"erase"}`},
		{"pii policy --default none", "mask", `{"kinds":{"email":"hash","phone":"mask"},"remains":"seal"}`},
		{"audit --dataset ds_1 --limit 5", "contact, remark", "dataset_id=ds_1"},
		{"audit --json", `"action": "read_unmasked"`, ""},
	} {
		sent = ""
		code, out, errs := sh.run(t.Context(), strings.Fields(test.args)...)
		if code != 0 || !strings.Contains(out, test.want) || !strings.Contains(sent, test.sent) {
			t.Errorf("narrative %s: exit code %d, want %q; sent %s, got\n%s%s", test.args, code, test.want, sent, out, errs)
		}
	}
	for args, want := range map[string]int{
		"pii show": cli.ExitUsage, "pii set ds_1": cli.ExitUsage, "pii set ds_1 warn": cli.ExitUsage, "pii set ds_1 =warn": cli.ExitUsage, "pii erase ds_1": cli.ExitUsage, "pii policy --kind email": cli.ExitUsage, "pii policy x": cli.ExitUsage, "pii apply": cli.ExitUsage, "pii apply ds_2": cli.ExitNotFound, "audit x": cli.ExitUsage, "pii show ds_9": cli.ExitNotFound,
	} {
		if code, _, errs := sh.run(t.Context(), strings.Fields(args)...); code != want {
			t.Errorf("narrative %s: exit code %d, want %d: %s", args, code, want, errs)
		}
	}
}
