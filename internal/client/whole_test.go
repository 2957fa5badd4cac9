package client_test

import (
	"encoding/json"
	"testing"

	"github.com/narrativeml/narrative/internal/client"
)

// What the client does not know of is written as it was read, and what was not
// there is not made up.
func TestAnswersAreWrittenAsTheyWereRead(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"items":[{"id":"job_1","subjects":["ds_1","mdl_1"],"scope":"tenant","progress":{"fraction":0},"new":{"a":1}}],"next_cursor":"c"}`,
		`{"items":[]}`,
	} {
		check[client.Page[*client.Job]](t, text)
	}
	check[client.Page[*client.Dataset]](t, `{"items":[{"id":"ds_1","sha256":"00","columns":[{"name":"a","type":"string","nullable":false}]}]}`)
	check[client.Page[*client.Model]](t, `{"items":[{"id":"mdl_1","links":{"self":"/x"},"seed":1}]}`)
	check[client.Accepted](t, `{"job_id":"job_1","job":{"id":"job_1","epoch":1}}`)

	var j client.Job
	if err := json.Unmarshal([]byte(`{"id":"job_1","state":"running"}`), &j); err != nil || j.ID != "job_1" || j.State != "running" {
		t.Errorf("job %+v, error %v", j, err)
	}
	made, err := json.Marshal(&client.Dataset{ID: "ds_2"})
	if err != nil || !json.Valid(made) {
		t.Errorf("%s, error %v", made, err)
	}
	var d client.Dataset
	if err := json.Unmarshal(made, &d); err != nil || d.ID != "ds_2" {
		t.Errorf("data set %+v, error %v", d, err)
	}
}

func check[T any](tb testing.TB, text string) {
	tb.Helper()
	v := new(T)
	if err := json.Unmarshal([]byte(text), v); err != nil {
		tb.Fatal(err)
	}
	if got, err := json.Marshal(v); err != nil || string(got) != text {
		tb.Errorf("%s, error %v, want %s", got, err, text)
	}
}
