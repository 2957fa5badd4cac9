package cli_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/cli"
	"github.com/narrativeml/narrative/internal/client/clienttest"
)

func TestQueuesAndTenants(t *testing.T) {
	t.Parallel()
	raced := 0
	sh := setup(t, func(s *clienttest.Server) {
		s.Token = "secret-token"
		s.Refuse = func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodPut || raced > 0 {
				return false
			}
			raced++ // somebody else is faster, once
			clienttest.Problem(w, http.StatusPreconditionFailed, "policy_changed", "somebody else has changed it")
			return true
		}
	})
	for _, test := range []struct{ args, want string }{
		{"queue list", "training  open"},
		{"queue pause training", "training  paused"},
		{"queue limit training --kind training=2,tuning=1", "training=2 tuning=1"},
		{"queue limit training --kind tuning=none", "training=2"},
		{"queue show training", "training  paused"},
		{"queue resume training --json", `"kind_limits": {`},
		{"queue", "Start nothing of a queue"},
		{"tenant set acme --weight 3 --max-running 4 --rate 120 --max-waiting 0 --kind training=1", "none      training=1"},
		{"tenant pause acme", "acme    paused       3"},
		{"tenant set acme --max-running default --kind training=none", "default"},
		{"tenant resume acme", "acme    open        3"},
		{"tenant show other", "other   open        1"},
		{"tenant list --json", `"tenant": "acme"`},
		{"upload " + sh.path("t.csv") + " --priority 7 --after job_8,job_9 -d", "ds_1 job_1"},
		{"tune mdl_1 -d --priority 9", "job_2"},
		{"priority job_2 8", "priority 8"},
	} {
		code, out, errs := sh.run(t.Context(), strings.Fields(test.args)...)
		if code != 0 || !strings.Contains(out, test.want) {
			t.Errorf("narrative %s: exit code %d, want %q; got\n%s%s", test.args, code, test.want, out, errs)
		}
	}
	if raced != 1 || sh.server.Form("ds_1")["priority"] != "7" || sh.server.Form("ds_1")["after"] != "job_8,job_9" {
		t.Errorf("raced %d times; the upload's form is %v", raced, sh.server.Form("ds_1"))
	}
	for args, want := range map[string]int{
		"queue pause nowhere":                    cli.ExitNotFound,
		"queue show nowhere":                     cli.ExitNotFound,
		"priority job_99 1":                      cli.ExitNotFound,
		"priority job_2 10":                      cli.ExitUsage,
		"priority job_2":                         cli.ExitUsage,
		"tune mdl_1 --priority high":             cli.ExitUsage,
		"queue limit training --kind training":   cli.ExitUsage,
		"queue limit training --kind training=0": cli.ExitUsage,
		"tenant set acme --weight 0":             cli.ExitUsage,
		"tenant set acme --rate few":             cli.ExitUsage,
		"queue pause training --url http://[::1": cli.ExitUsage,
		"queue list --url http://[::1":           cli.ExitUsage,
		"priority job_2 3 --url http://[::1":     cli.ExitUsage,
		"tenant list --url http://[::1":          cli.ExitUsage,
		"tenant show acme --url http://[::1":     cli.ExitUsage,
	} {
		if code, out, errs := sh.run(t.Context(), strings.Fields(args)...); code != want {
			t.Errorf("narrative %s: exit code %d, want %d; %s%s", args, code, want, out, errs)
		}
	}
}
