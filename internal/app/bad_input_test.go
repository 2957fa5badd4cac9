package app_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/client"
)

func TestBadInput(t *testing.T) { //nolint:paralleltest // one platform at a time
	b := setup(t)
	_, good := b.ingest(t, "good.csv", table("a,b", "1,x", "2,y"))
	if good != nil {
		t.Fatal(good.Message)
	}
	t.Run("files", b.badFiles)
	t.Run("targets", b.badTargets)
	t.Run("rows to predict", b.badRows)
	t.Run("requests", b.badRequests)
	// Nothing stored was lost or changed by any of it.
	page, err := b.client.Datasets(t.Context(), "", 100)
	if err != nil {
		t.Fatal(err)
	}
	ready := 0
	for _, d := range page.Items {
		if d.Name == "good.csv" && d.State == "ready" {
			ready++
		}
	}
	if ready != 1 {
		t.Errorf("%d of the good data set are left", ready)
	}
}

// badFiles uploads files that cannot be used. Each upload is accepted, and its
// job fails with a code and a place.
func (b *bench) badFiles(t *testing.T) { //nolint:paralleltest // one after the other, so that the log can be read
	wide := make([]string, 10_001)
	for i := range wide {
		wide[i] = "c" + strconv.Itoa(i)
	}
	binary := append([]byte{0x7f, 'E', 'L', 'F', 2, 1, 1, 0}, bytes.Repeat([]byte{0, 1, 2, 0xff}, 1000)...)
	tests := []struct {
		name string
		file io.Reader
		code string
		say  string // part of the message or of a place
	}{
		{"header only", table("a,b"), "csv_header_only", "row"},
		{"ragged", table("a,b", "1,2", "3,4,5"), "csv_ragged_row", "3"},
		{"unclosed quote", table("a,b", `1,"x`, "2,y"), "csv_unclosed_quote", "2"},
		{"endless field", io.MultiReader(strings.NewReader("a,b\n1,\""), strings.NewReader(strings.Repeat("x", 2<<20)), strings.NewReader("\"\n")), "csv_field_too_long", ""},
		{"NUL byte", table("a,b", "1,x\x00y"), "csv_nul_byte", "2"},
		{"duplicate names", table("a,a", "1,x"), "csv_duplicate_column", "a"},
		{"empty names", table("a,,", "1,x,y"), "csv_empty_column_name", ""},
		{"too many columns", table(strings.Join(wide, ","), strings.Join(wide, ",")), "csv_too_many_columns", "10000"},
		{"binary", bytes.NewReader(binary), "csv_not_text", ""},
		{"broken JSON", strings.NewReader("[{\"a\":1},\n{\"a\":]"), "json_syntax", "line 2"},
		{"broken workbook", strings.NewReader("PK\x03\x04 and no more"), "xlsx_damaged", ""},
		{"gzip cut off", strings.NewReader("\x1f\x8b\x08\x00\x00"), "compression_damaged", "early"},
		{"two encodings", table("a,b", "ü,1", "ö,2", "\xe4,3"), "csv_invalid_utf8", "line 4"},
		{"bomb", bomb(t), "expands_too_far", "250 times"},
		{"lying footer", strings.NewReader("PAR1" + strings.Repeat("\x15\x00", 500) + "\xe8\x03\x00\x00PAR1"), "parquet_damaged", ""},
		{"footer of 2 GB", strings.NewReader("PAR1" + strings.Repeat("\x15\x00", 500) + "\xff\xff\xff\x7fPAR1"), "parquet_damaged", ""},
		{"infinity", table("a,b", "1,2", "inf,3"), "infinite_value", "a"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, failure := b.ingest(t, tt.name+".csv", tt.file)
			expect(t, failure, tt.code, tt.say)
		})
	}
	t.Run("empty", func(t *testing.T) { // refused at once
		_, err := b.client.Upload(t.Context(), client.Upload{Name: "empty", Filename: "empty.csv", Body: strings.NewReader("")})
		problem(t, err, http.StatusUnprocessableEntity, "csv_empty")
	})
}

// bomb packs 300 MiB of long texts into some hundred KiB.
func bomb(t *testing.T) io.Reader {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, err := io.WriteString(w, "a,b\n")
	texts := []byte(strings.Repeat("x", 1<<19) + ",1\n" + strings.Repeat("y", 1<<19) + ",2\n")
	for range 300 {
		if err == nil {
			_, err = w.Write(texts)
		}
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return &out
}

// expect checks why a job failed.
func expect(t *testing.T, failure *client.Failure, code, say string) {
	t.Helper()
	if failure == nil {
		t.Fatalf("the job succeeded, want it failed with %s", code)
	}
	text := failure.Message + fmt.Sprint(failure.Fields)
	if failure.Code != code || !strings.Contains(text, say) {
		t.Errorf("code %s, %q; want %s and %q", failure.Code, text, code, say)
	}
}

// badTargets trains on targets that cannot be learned.
func (b *bench) badTargets(t *testing.T) { //nolint:paralleltest // likewise
	lines := []string{"n,constant,nothing,unique,lonely,class"}
	for i := range 60 {
		lonely, class := "a", "no"
		if i == 17 {
			lonely = "b"
		}
		if i%3 == 0 {
			class = "yes"
		}
		lines = append(lines, fmt.Sprintf("%d,7,,id-%d,%s,%s", i, i, lonely, class))
	}
	id, failure := b.ingest(t, "targets.csv", table(lines...))
	if failure != nil {
		t.Fatal(failure.Message)
	}
	_, err := b.client.Train(t.Context(), client.TrainRequest{DatasetID: id, Target: "absent"}, "")
	problem(t, err, http.StatusUnprocessableEntity, "unknown_column")
	for target, code := range map[string]string{
		"constant": "target_constant", "nothing": "target_all_null", "unique": "target_unique_per_row", "lonely": "class_too_small",
	} {
		t.Run(target, func(t *testing.T) {
			a, err := b.client.Train(t.Context(), client.TrainRequest{DatasetID: id, Target: target}, "")
			if err != nil {
				t.Fatal(err)
			}
			_, failure := b.wait(t, a.ID)
			expect(t, failure, code, target)
		})
	}
}

// badRows applies a model to files that do not fit it.
func (b *bench) badRows(t *testing.T) { //nolint:paralleltest // likewise
	set, trained := b.sampled(t, "penguins")
	a, err := b.client.Train(t.Context(), client.TrainRequest{DatasetID: trained, Target: set.Target, Features: []string{"island", "bill_length_mm", "body_mass_g"}}, "")
	if err != nil {
		t.Fatal(err)
	}
	var model struct {
		ModelID string `json:"model_id"`
	}
	b.result(t, a.ID, &model)
	predict := func(t *testing.T, file io.Reader) (*client.Job, error) {
		t.Helper()
		id, failure := b.ingest(t, "rows.csv", file)
		if failure != nil {
			t.Fatal(failure.Message)
		}
		return b.client.Predict(t.Context(), client.PredictRequest{ModelID: model.ModelID, DatasetID: id}, "")
	}
	t.Run("lacks a column", func(t *testing.T) { // refused at once
		_, err := predict(t, table("island,bill_length_mm", "Dream,40"))
		problem(t, err, http.StatusUnprocessableEntity, "missing_columns")
	})
	t.Run("extra columns, unseen categories, other types", func(t *testing.T) {
		j, err := predict(t, table("extra,island,bill_length_mm,body_mass_g", "1,Dream,40,4000", "2,Atlantis,41,4100", "3,Dream,long,4200", "4,Biscoe,45,"))
		if err != nil {
			t.Fatal(err)
		}
		var made client.Predicted
		b.result(t, j.ID, &made)
		warnings := strings.Join(made.Warnings, "\n")
		if made.Rows != 3 || made.BadRows != 1 || !strings.Contains(warnings, "extra") || !strings.Contains(warnings, "island") {
			t.Errorf("%d rows, %d bad, warnings %q", made.Rows, made.BadRows, made.Warnings)
		}
		rows := strings.Split(strings.TrimSpace(b.download(t, j.ID, "predictions")), "\n")
		if len(rows) != 4 || !strings.HasPrefix(rows[1], "1,") || !strings.HasPrefix(rows[2], "2,") || !strings.HasPrefix(rows[3], "4,") {
			t.Errorf("the predictions are %q", rows)
		}
		if bad := b.download(t, j.ID, "errors"); !strings.Contains(bad, `"line":4`) || !strings.Contains(bad, "bill_length_mm") {
			t.Errorf("the bad rows are %q", bad)
		}
	})
}

// badRequests are refused at once.
func (b *bench) badRequests(t *testing.T) { //nolint:paralleltest // likewise
	big := `{"target":"` + strings.Repeat("x", 2<<20) + `"}`
	tests := []struct {
		name, method, path, body string
		status                   int
		say                      string
	}{
		{"id that is none", http.MethodGet, "/jobs/42", "", http.StatusUnprocessableEntity, "job_"},
		{"id of nothing", http.MethodGet, "/jobs/job_" + strings.Repeat("0", 32), "", http.StatusNotFound, "job_not_found"},
		{"body too large", http.MethodPost, "/training", big, http.StatusRequestEntityTooLarge, "body"},
		{"unknown field", http.MethodPost, "/training", `{"dataset_id":"ds_` + strings.Repeat("0", 32) + `","target":"a","colour":"red"}`, http.StatusUnprocessableEntity, "colour"},
		{"not JSON", http.MethodPost, "/training", `{"dataset_id":`, http.StatusBadRequest, "JSON"},
		{"no route", http.MethodGet, "/nothing", "", http.StatusNotFound, "problem"},
		{"wrong method", http.MethodPut, "/jobs", "", http.StatusMethodNotAllowed, ""},
		{"cursor that is none", http.MethodGet, "/jobs?cursor=zzz", "", http.StatusUnprocessableEntity, "cursor"},
		{"unknown state", http.MethodGet, "/jobs?state=asleep", "", http.StatusUnprocessableEntity, "state"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, contentType, body := b.send(t, tt.method, tt.path, tt.body)
			if status != tt.status || contentType != "application/problem+json" || !strings.Contains(body, `"code"`) {
				t.Errorf("%d %s %s, want %d", status, contentType, body, tt.status)
			}
			if tt.say != "problem" && !strings.Contains(body, tt.say) {
				t.Errorf("%s does not say %q", body, tt.say)
			}
		})
	}
	t.Run("cursor of another query", func(t *testing.T) {
		page, err := b.client.Jobs(t.Context(), client.JobFilter{}, "", 1)
		if err != nil || page.Next == "" {
			t.Fatalf("cursor %q, error %v", page.Next, err)
		}
		_, err = b.client.Jobs(t.Context(), client.JobFilter{Kind: "ingest"}, page.Next, 1)
		problem(t, err, http.StatusUnprocessableEntity, "invalid_cursor")
	})
}

func (b *bench) send(t *testing.T, method, path, body string) (status int, contentType, text string) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, b.url+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header.Get("Content-Type"), string(answer)
}
