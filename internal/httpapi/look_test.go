package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/dataset/chart"
	"github.com/narrativeml/narrative/internal/httpapi"
)

// of is the address of a look at a version.
func of(version any, look string) string {
	join := "?"
	if strings.Contains(look, join) {
		join = "&"
	}
	return look + join + fmt.Sprint("version=", version)
}

// Answers of versions are kept apart, and the newest is the same with its number as
// without.
func TestAnswersOfVersionsAreKeptApart(t *testing.T) {
	t.Parallel()
	answers, redis := shared(t)
	b := setup(t, func(b *bench) { b.deps.Answers = answers })
	d := b.datasets.add("ada", dataset.Ready)
	b.datasets.change(d.ID, func(d *dataset.Dataset) { v := *d.Version; v.Number = 3; d.Version = &v })
	kept := 0
	for _, look := range looks(d.ID) {
		newest, same := b.get(t, look, ada), b.get(t, of(3, look), ada)
		if tag := newest.header.Get("ETag"); tag == "" || tag != same.header.Get("ETag") || string(newest.body) != string(same.body) {
			t.Errorf("%s: tags %s and %s", look, tag, same.header.Get("ETag"))
		}
		tags := map[string]bool{newest.header.Get("ETag"): true}
		for version := 1; version <= 2; version++ {
			r := b.get(t, of(version, look), ada)
			if r.status != http.StatusOK || r.header.Get("Cache-Control") != newest.header.Get("Cache-Control") {
				t.Errorf("%s: status %d, %s", of(version, look), r.status, r.body)
			}
			if again := b.get(t, of(version, look), ada, "If-None-Match", r.header.Get("ETag")); again.status != http.StatusNotModified {
				t.Errorf("%s with its tag: status %d", of(version, look), again.status)
			}
			tags[r.header.Get("ETag")] = true
		}
		if len(tags) != 3 {
			t.Errorf("%s: three versions have %d tags", look, len(tags))
		}
		kept += 3
		settled(redis, kept)
	}
	for _, look := range looks(d.ID)[:3] {
		for _, version := range []string{"0", "-1", "1.5", "first"} {
			wantProblem(t, b.get(t, of(version, look), ada), http.StatusUnprocessableEntity, "invalid_request")
		}
	}
}

// An older version is shown as it was: its columns, its rows, its charts.
func TestOlderVersionsAreShown(t *testing.T) {
	t.Parallel()
	b := withWorker(t)
	id := b.ingested(t, ada, messy())
	at := datasetsPath + "/" + id
	first := map[string]reply{}
	for _, look := range []string{"/profile", "/preview?limit=3", "/charts/histogram?x=state", "/suggestions"} {
		first[look] = b.get(t, at+look, ada)
	}
	b.finished(t, ada, b.send(t, "/api/v1/transforms", ada, `{"dataset_id":"`+id+`","steps":[{"name":"drop_columns","parameters":{"columns":["state"]}},{"name":"remove_duplicates"}]}`))
	for look, before := range first {
		now, then := b.get(t, at+look, ada), b.get(t, at+of(1, look), ada)
		if then.status != http.StatusOK || string(then.body) != string(before.body) {
			t.Errorf("%s: status %d, %.300s; it was %.300s", of(1, look), then.status, then.body, before.body)
		}
		if string(now.body) == string(before.body) {
			t.Errorf("%s is the same of the newest: %.300s", look, now.body)
		}
		wantProblem(t, b.get(t, at+of(3, look), ada), http.StatusNotFound, "version_not_found")
		wantProblem(t, b.get(t, at+of(1, look), bob), http.StatusNotFound, "dataset_not_found")
	}
	if c := decode[chart.Chart](t, b.get(t, at+"/charts/histogram?x=n&version=1", ada)); c.Rows != 41 {
		t.Errorf("a chart of version 1 is of %d rows", c.Rows)
	}
	wantProblem(t, b.get(t, at+"/charts/histogram?x=state", ada), http.StatusUnprocessableEntity, "unknown_column")
	// How the file was read is not how the newest version is kept.
	if f := decode[httpapi.Dataset](t, b.get(t, at, ada)).Format; f == nil || f.Kind != "csv" || f.Encoding != "utf-8" || f.Delimiter != "," {
		t.Errorf("the format is %+v", f)
	}
}

// TestPersonalDataStaysHiddenInOlderVersions: neither versions from before a column was
// said to be personal, nor those that had it under another name, tell a value; and
// sealed ones tell nothing.
func TestPersonalDataStaysHiddenInOlderVersions(t *testing.T) {
	t.Parallel()
	h := hiding{withWorker(t), t}
	// Nobody takes the planted name for personal in a column of codes and remarks.
	var table strings.Builder
	table.WriteString("amount,plan,remark,email\n")
	for i := range 60 {
		fmt.Fprintf(&table, "%d,%s,seen by %s on day %d,%s%d@example.org\n", i*37%80, []string{"free", "pro"}[i%2], plantedName, i, plantedEmail, i)
	}
	id := h.uploaded(table.String())
	at := "/api/v1/datasets/" + id
	shown := h.ask(t, http.MethodGet, at+"/preview", hidingAnalyst, nil)
	if !strings.Contains(string(shown.body), plantedName) {
		t.Fatalf("it is found to be personal already: %s", shown.body)
	}
	h.ended(h.send("/api/v1/transforms", `{"dataset_id":"`+id+`","steps":[{"name":"rename_columns","parameters":{"names":{"remark":"note"}}},{"name":"drop_columns","parameters":{"columns":["email"]}}]}`), "succeeded")
	patch := func(body string, status int) reply {
		return h.silent(body, h.ask(t, http.MethodPatch, at+"/pii", hidingAnalyst, strings.NewReader(body), "Content-Type", "application/json"), status)
	}
	patch(`{"columns":[{"column":"note","policy":"warn"}]}`, http.StatusOK)
	for _, look := range []string{"/profile", "/preview?limit=60", "/suggestions", "/charts/heat_map?x=plan&y=amount"} {
		h.get(at+of(1, look), http.StatusOK)
		h.get(at+look, http.StatusOK)
	}
	h.get(at+"/versions/1/comparison?with=2", http.StatusOK)
	for _, column := range []string{"remark", "email"} {
		wantProblem(t, h.get(at+of(1, "/charts/histogram?x="+column), http.StatusForbidden), http.StatusForbidden, "column_is_personal")
	}
	wantProblem(t, h.get(at+of(1, "/preview?unmasked=true"), http.StatusForbidden), http.StatusForbidden, "role_required")
	if got := h.ask(t, http.MethodGet, at+of(1, "/preview?unmasked=true"), hidingSteward, nil); got.status != http.StatusOK || !strings.Contains(string(got.body), plantedName) || got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("a steward sees %d %.300s", got.status, got.body)
	}
	audit := decode[httpapi.Page[httpapi.Access]](t, h.ask(t, http.MethodGet, "/api/v1/audit", hidingSteward, nil))
	if a := audit.Items[0]; a.Action != "read_unmasked" || a.Version != 1 || fmt.Sprint(a.Details) != "[email remark]" {
		t.Errorf("written down is %+v", a)
	}
	h.ended(patch(`{"columns":[{"column":"note","policy":"drop"}]}`, http.StatusAccepted), "succeeded")
	for _, look := range []string{"/profile", "/preview", "/preview?unmasked=true", "/suggestions", "/charts/histogram?x=amount"} {
		wantProblem(t, h.ask(t, http.MethodGet, at+of(1, look), hidingSteward, nil), http.StatusConflict, "version_sealed")
	}
	h.ask(t, http.MethodPost, at+"/pii/erase", hidingSteward, nil)
	wantProblem(t, h.ask(t, http.MethodGet, at+of(2, "/profile"), hidingSteward, nil), http.StatusConflict, "version_erased")
}
