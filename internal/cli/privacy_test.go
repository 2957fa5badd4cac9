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
		"pii show": cli.ExitUsage, "pii set ds_1": cli.ExitUsage, "pii set ds_1 warn": cli.ExitUsage, "pii set ds_1 =warn": cli.ExitUsage, "audit x": cli.ExitUsage, "pii show ds_9": cli.ExitNotFound,
	} {
		if code, _, errs := sh.run(t.Context(), strings.Fields(args)...); code != want {
			t.Errorf("narrative %s: exit code %d, want %d: %s", args, code, want, errs)
		}
	}
}
