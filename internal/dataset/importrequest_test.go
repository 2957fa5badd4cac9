package dataset_test

import (
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
)

func TestImportRequests(t *testing.T) {
	t.Parallel()
	b := setupImport(t)
	good := dataset.Import{Tenant: "acme", User: "ann", Source: farAway, IdempotencyKey: "k1"}
	first, j, created, err := b.Import(t.Context(), good)
	if err != nil || !created {
		t.Fatal(err)
	}
	made, _, err := b.run(t.Context(), j) // it is the same request when the file is here
	if err != nil {
		t.Fatal(err)
	}
	b.check(t, j, made)
	again, same, created, err := b.Import(t.Context(), good)
	if err != nil || created || again.ID != first.ID || same.ID != j.ID {
		t.Errorf("again: %+v %+v %v: %v", again, same, created, err)
	}
	for name, tt := range map[string]struct {
		change func(*dataset.Import)
		class  fault.Class
		code   string
	}{
		"another source":  {func(i *dataset.Import) { i.Source += "2" }, fault.ClassConflict, "idempotency_key_reused"},
		"another name":    {func(i *dataset.Import) { i.Name = "x" }, fault.ClassConflict, "idempotency_key_reused"},
		"other options":   {func(i *dataset.Import) { i.Options.Delimiter = ";" }, fault.ClassConflict, "idempotency_key_reused"},
		"a private one":   {func(i *dataset.Import) { i.Source = "https://private" }, fault.ClassInvalid, "source_address"},
		"a long name":     {func(i *dataset.Import) { i.Name = strings.Repeat("x", 201) }, fault.ClassInvalid, "name_too_long"},
		"a bad key":       {func(i *dataset.Import) { i.IdempotencyKey = "\x00" }, fault.ClassInvalid, "invalid_idempotency_key"},
		"an unknown kind": {func(i *dataset.Import) { i.Options.Kind = "xml" }, fault.ClassInvalid, "invalid_kind"},
		"after nothing":   {func(i *dataset.Import) { i.After = []string{"job_none"} }, fault.ClassNotFound, "job_not_found"},
		"no tenant":       {func(i *dataset.Import) { i.Tenant = "" }, fault.ClassInternal, "internal"},
	} {
		im := good
		tt.change(&im)
		_, _, _, err := b.Import(t.Context(), im)
		if fault.CodeOf(err) != tt.code || fault.ClassOf(err) != tt.class {
			t.Errorf("%s: %v, want %s", name, err, tt.code)
		}
	}
	// An upload with the key of an import is another request, and the other way
	// round.
	u := upload("a\n1\n")
	u.IdempotencyKey = "k1"
	_, _, err = b.Create(t.Context(), u)
	checkCode(t, err, fault.ClassConflict, "idempotency_key_reused")
	u.IdempotencyKey, u.Body = "k2", strings.NewReader("a\n1\n")
	if _, _, err = b.Create(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	good.IdempotencyKey = "k2"
	_, _, _, err = b.Import(t.Context(), good)
	checkCode(t, err, fault.ClassConflict, "idempotency_key_reused")
}

func TestNamesOfSources(t *testing.T) {
	t.Parallel()
	b := setupImport(t)
	for source, want := range map[string][3]string{
		"https://example.com/a/b%20c.csv.gz?x=/y.csv#z":   {"b c.csv.gz", "b c.csv", "https://example.com/a/b%20c.csv.gz"},
		"https://example.com":                             {"import", "import", "https://example.com"},
		"https://example.com/?file=x":                     {"import", "import", "https://example.com/"},
		"https://example.com/a%2Fb%0A\u202e.csv":          {"b.csv", "b", "https://example.com/a%2Fb%0A\u202e.csv"},
		"s3://landing/acme/a?b#c.csv":                     {"a?b#c.csv", "a?b#c", "s3://landing/acme/a?b#c.csv"},
		"https://example.com/" + strings.Repeat("ü", 200): {strings.Repeat("ü", 127), strings.Repeat("ü", 127), "https://example.com/" + strings.Repeat("ü", 200)},
	} {
		d, _, _, err := b.Import(t.Context(), dataset.Import{Tenant: "acme", Source: source})
		if err != nil || d.Filename != want[0] || d.Name != want[1] || d.Origin() != want[2] {
			t.Errorf("%s: %q, %q, %q: %v", source, d.Filename, d.Name, d.Origin(), err)
		}
	}
}

// TestRefusedJobsLeaveNothing checks that neither record nor file stays of a
// data set whose job is refused.
func TestRefusedJobsLeaveNothing(t *testing.T) {
	t.Parallel()
	full := fault.New(fault.ClassExhausted, "too_many_waiting_jobs", "too many")
	b := setupImport(t)
	list := func() int {
		page, err := b.List(t.Context(), "acme", "", 10)
		if err != nil {
			t.Fatal(err)
		}
		return len(page.Items)
	}
	b.line.Fail(full)
	_, _, err := b.Create(t.Context(), upload("a\n1\n"))
	checkCode(t, err, fault.ClassExhausted, "too_many_waiting_jobs")
	_, _, _, err = b.Import(t.Context(), dataset.Import{Tenant: "acme", Source: farAway, IdempotencyKey: "k"})
	checkCode(t, err, fault.ClassExhausted, "too_many_waiting_jobs")
	if n, keys := list(), b.files.Keys(""); n != 0 || len(keys) != 0 {
		t.Errorf("%d data sets and %q are left", n, keys)
	}
	// When it is not known whether there is a job, the record stays, for whoever
	// asks again.
	b.line.Fail(fault.Unavailable("store_unavailable", "away"))
	_, _, err = b.Create(t.Context(), upload("a\n1\n"))
	checkCode(t, err, fault.ClassUnavailable, "store_unavailable")
	b.line.Fail(nil)
	if n, keys := list(), b.files.Keys(""); n != 1 || len(keys) != 1 {
		t.Errorf("%d data sets and %q are left", n, keys)
	}
	// The key is free again.
	if _, _, created, err := b.Import(t.Context(), dataset.Import{Tenant: "acme", Source: farAway, IdempotencyKey: "k"}); err != nil || !created {
		t.Errorf("again: %v, %v", created, err)
	}
}
