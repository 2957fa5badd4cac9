package cli_test

import (
	"os"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/cli"
	"github.com/narrativeml/narrative/internal/client/clienttest"
)

const batch = `{"jobs": [
  {"name": "second", "prediction": {"model_id": "mdl_1", "dataset_id": "ds_1", "after": ["first"]}},
  {"name": "first", "training": {"dataset_id": "ds_1", "target": "label"}}]}`

func TestBatch(t *testing.T) {
	t.Parallel()
	sh := setup(t, nil)
	if err := os.WriteFile(sh.path("b.json"), []byte(batch), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := sh.run(t.Context(), "upload", sh.path("t.csv"), "-q"); code != 0 {
		t.Fatal(errs)
	}
	if code, _, errs := sh.run(t.Context(), "train", "ds_1", "-t", "label", "-q"); code != 0 {
		t.Fatal(errs)
	}
	sh.in = strings.NewReader(batch)
	for _, test := range []struct{ args, want, errs string }{
		{"batch " + sh.path("b.json") + " -d", "second  job_3  prediction  running", ""},
		{"batch -", "first   job_6  training    succeeded", "half of training"},
		{"batch " + sh.path("b.json") + " --json -q --idempotency-key k", `"job_id": "job_7"`, ""},
	} {
		code, out, errs := sh.run(t.Context(), strings.Fields(test.args)...)
		if code != 0 || !strings.Contains(out, test.want) || !strings.Contains(errs, test.errs) {
			t.Errorf("narrative %s: exit code %d, want %q and %q; got\n%s%s", test.args, code, test.want, test.errs, out, errs)
		}
	}
}

// All jobs of a batch are followed to their ends, also behind one that fails.
func TestABatchOfWhichOneFails(t *testing.T) {
	t.Parallel()
	sh := setup(t, func(s *clienttest.Server) { s.Fail = "prediction" })
	if code, _, errs := sh.run(t.Context(), "upload", sh.path("t.csv"), "-q"); code != 0 {
		t.Fatal(errs)
	}
	sh.in = strings.NewReader(batch)
	code, out, errs := sh.run(t.Context(), "batch", "-", "-q")
	if code != cli.ExitJobFailed || !strings.Contains(out, "second  job_2  prediction  failed") || !strings.Contains(out, "first   job_3  training    succeeded") || !strings.Contains(errs, "the prediction job job_2 failed") {
		t.Errorf("exit code %d\n%s%s", code, out, errs)
	}
}

func TestBatchesThatAreNone(t *testing.T) {
	t.Parallel()
	sh := setup(t, nil)
	for text, want := range map[string]string{
		"{\"jobs\": [\n  {\"name\": first}]}": "not JSON: line 2, column 13",
		`{"jobs": [`:                          "not JSON: line 1, column 10",
		``:                                    "not JSON",
		`[]`:                                  "has no jobs",
		`{"jobs": []}`:                        "has no jobs",
		`{"jobs": "all"}`:                     "has no jobs",
	} {
		sh.in = strings.NewReader(text)
		if code, out, errs := sh.run(t.Context(), "batch", "-"); code != cli.ExitUsage || !strings.Contains(errs, want) {
			t.Errorf("%q: exit code %d, want %q; got %s%s", text, code, want, out, errs)
		}
	}
	for args, want := range map[string]string{
		"batch":                              "accepts 1 arg",
		"batch /no/such/file":                "no such file",
		"batch - --url http://[::1":          "is no URL",
		"history job_1 --url http://[::1":    "is no URL",
		"schedules --url http://[::1":        "is no URL",
		"health --check s3 --url http://[::": "is no URL",
	} {
		sh.in = strings.NewReader(batch)
		if code, out, errs := sh.run(t.Context(), strings.Fields(args)...); code != cli.ExitUsage || !strings.Contains(errs, want) {
			t.Errorf("%s: exit code %d, want %q; got %s%s", args, code, want, out, errs)
		}
	}
	sh.in = strings.NewReader(strings.Replace(batch, "second", "first", 1))
	if code, _, errs := sh.run(t.Context(), "batch", "-"); code != cli.ExitFailure || !strings.Contains(errs, "duplicate_job_name") {
		t.Errorf("exit code %d, %s", code, errs)
	}
}

// What happened to jobs, schedules and parts, as operators see it.
func TestHistories(t *testing.T) {
	t.Parallel()
	sh := setup(t, nil)
	for _, test := range []struct{ args, want string }{
		{"history job_1", "2  2025-01-02 03:04:06  priority_changed      0  5 to 9 by eve\n"},
		{"history job_1", "3  2025-01-02 03:04:07  running               1  on wkr_1\n"},
		{"history job_1 --json", `"event": "priority_changed"`},
		{"schedules", "cleanup   17 * * * *  2025-01-02 03:17:00  yes          2025-01-02 04:17:00       0  never\n"},
		{"schedules", "no, 2 tries  never                     7  2025-01-02 03:04:00\n"},
		{"schedules --json", `"missed": 7`},
		{"workers", "wkr_1   alive  box    42        1  batch 0/4, training 1/2  1 GiB of 4 GiB  2025-01-02 03:04:05\n"},
		{"workers --state lost --json", `"state": "lost"`},
		{"health --check s3", "2025-01-02 03:04:05  s3    unavailable (changed)  open     2000.3 ms  no answer\n"},
		{"health --json", `"check": "store"`},
	} {
		code, out, errs := sh.run(t.Context(), strings.Fields(test.args)...)
		if code != 0 || !strings.Contains(out, test.want) {
			t.Errorf("narrative %s: exit code %d, want %q; got\n%s%s", test.args, code, test.want, out, errs)
		}
	}
}
