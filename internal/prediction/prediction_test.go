package prediction_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/model"
	"github.com/narrativeml/narrative/internal/prediction"
	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml/frame"
)

const raw = "id,word,x,y,other\n" +
	"a,up,0,no,1\n" +
	"b,down,2.5,yes,1\n" +
	"c,up,abc,no,1\n" + // bad: type
	"d,sideways,NA,no,1\n" + // unseen, missing
	"e,up\n" + // bad: ragged
	",up,-3,no,1\n"

func (b *bundle) text(tb testing.TB, key string) string {
	tb.Helper()
	text, err := b.files.get(key)
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

func sigmoid(x float64) string { return strconv.FormatFloat(1/(1+math.Exp(-x)), 'f', -1, 64) }
func against(x float64) string { return strconv.FormatFloat(1-1/(1+math.Exp(-x)), 'f', -1, 64) }

func TestEveryRowIsAccountedFor(t *testing.T) {
	t.Parallel()
	b := setup(t, []byte(raw))
	got, err := b.run(t.Context(), request())
	if err != nil {
		t.Fatal(err)
	}
	if got.Rows != 4 || got.BadRows != 2 || got.Threshold != 0.5 || got.Format != "csv" || got.OutputKey != "jobs/job_1/1/predictions.csv" {
		t.Errorf("result %+v", got)
	}
	want := "row_id,prediction,probability_no,probability_yes\n" +
		"1,yes,0.5,0.5\n" +
		"2,yes," + against(2.5) + "," + sigmoid(2.5) + "\n" +
		"4,yes,0.5,0.5\n" +
		"6,no," + against(-3) + "," + sigmoid(-3) + "\n"
	if out := b.text(t, got.OutputKey); out != want {
		t.Errorf("output\n%s\nwant\n%s", out, want)
	}
	var bad []tabular.BadRow
	for line := range strings.Lines(b.text(t, got.ErrorsKey)) {
		var row tabular.BadRow
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatal(err)
		}
		bad = append(bad, row)
	}
	if len(bad) != 2 || bad[0].Row != 3 || bad[0].Line != 4 || bad[0].Column != "x" || !strings.Contains(bad[0].Reason, `"abc"`) ||
		bad[1].Row != 5 || bad[1].Line != 6 || bad[1].Code != "csv_ragged_row" {
		t.Errorf("bad rows %+v", bad)
	}
	if len(got.Warnings) != 3 || !strings.Contains(got.Warnings[0], `columns that the model does not use: 2, "id", "other"`) ||
		!strings.Contains(got.Warnings[1], `column "x" is to blame: 1`) ||
		!strings.Contains(got.Warnings[2], `rows with a category of column "word" that the model has not seen in training: 1`) {
		t.Errorf("warnings %q", got.Warnings)
	}
	if names := got.Files(); names["predictions"] != got.OutputKey || names["errors"] != got.ErrorsKey {
		t.Errorf("files %v", names)
	}
	if f := b.report.fractions; !slices.IsSorted(f) || f[len(f)-1] != 1 {
		t.Errorf("progress %v", f)
	}
}

func TestThresholdAndIDs(t *testing.T) {
	t.Parallel()
	b := setup(t, []byte(raw))
	b.records.model.Threshold = &model.Threshold{Value: 0.9}
	req := request()
	req.IDColumn, req.Format = "id", "jsonl"
	got, err := b.run(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"row_id":"a","prediction":"no","probability_no":0.5,"probability_yes":0.5}
{"row_id":"b","prediction":"yes","probability_no":` + against(2.5) + `,"probability_yes":` + sigmoid(2.5) + `}
{"row_id":"d","prediction":"no","probability_no":0.5,"probability_yes":0.5}
{"row_id":null,"prediction":"no","probability_no":` + against(-3) + `,"probability_yes":` + sigmoid(-3) + "}\n"
	if out := b.text(t, got.OutputKey); out != want || got.Threshold != 0.9 {
		t.Errorf("threshold %v, output\n%s\nwant\n%s", got.Threshold, out, want)
	}
}

func TestTheIDMayBeAnInput(t *testing.T) {
	t.Parallel()
	b := setup(t, []byte("x,word\n007,up\n8,down\n"))
	req := request()
	req.IDColumn = "x"
	got, err := b.run(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if out := b.text(t, got.OutputKey); !strings.Contains(out, "\n007,yes,") || !strings.Contains(out, "\n8,yes,") {
		t.Errorf("output %s", out)
	}
	if got.ErrorsKey != "" || len(got.Files()) != 1 {
		t.Errorf("an errors file without errors: %+v", got)
	}
}

func TestRegressionAndMulticlass(t *testing.T) {
	t.Parallel()
	b := setup(t, []byte("x,word\n-1.5,up\n4,up\n"))
	b.records.predictor = &logistic{}
	got, err := b.run(t.Context(), request())
	if err != nil {
		t.Fatal(err)
	}
	if out := b.text(t, got.OutputKey); out != "row_id,prediction\n1,-1.5\n2,4\n" || got.Threshold != 0 {
		t.Errorf("result %+v, output %s", got, out)
	}
	b.records.predictor = &logistic{classes: []string{"a", "b", "=c"}}
	if got, err = b.run(t.Context(), request()); err != nil {
		t.Fatal(err)
	}
	out := b.text(t, got.OutputKey)
	if !strings.HasPrefix(out, "row_id,prediction,probability_a,probability_b,probability_=c\n1,a,") || !strings.Contains(out, "\n2,b,") {
		t.Errorf("output %s", out)
	}
}

// parquetFile writes a file that readers in this package read back.
func parquetFile(tb testing.TB, columns ...frame.Column) []byte {
	tb.Helper()
	f, err := frame.New(columns...)
	if err != nil {
		tb.Fatal(err)
	}
	var out bytes.Buffer
	w, err := tabular.NewParquetWriter(&out, tabular.SchemaOf(f))
	if err != nil {
		tb.Fatal(err)
	}
	if err := errors.Join(w.Write(f), w.Close()); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

func TestParquetInAndOut(t *testing.T) {
	t.Parallel()
	in := parquetFile(t,
		frame.StringsOf("word", []string{"up", "down", "up"}, nil),
		frame.StringsOf("x", []string{"1", "what", "-2"}, nil), // texts of numbers
		frame.NewInt("id", frame.Int, []int64{70, 80, 90}, nil),
	)
	b := setup(t, in)
	req := request()
	req.Format, req.IDColumn = "parquet", "id"
	got, err := b.run(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if got.Rows != 2 || got.BadRows != 1 {
		t.Errorf("result %+v", got)
	}
	out := []byte(b.text(t, got.OutputKey))
	r, err := tabular.NewParquetReader(bytes.NewReader(out), int64(len(out)), tabular.ParquetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	f, err := tabular.ReadFrame(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	id, _ := f.Column("row_id")
	label, _ := f.Column("prediction")
	if !slices.Equal(f.Names(), []string{"row_id", "prediction", "probability_no", "probability_yes"}) ||
		id.Text(0) != "70" || id.Text(1) != "90" || label.Text(0) != "yes" || label.Text(1) != "no" {
		t.Errorf("columns %q, ids %q", f.Names(), id.Dict())
	}
	if errs := b.text(t, got.ErrorsKey); !strings.Contains(errs, `{"row":2,"column":"x","code":"type_mismatch","reason":"\"what\" is not a float`) {
		t.Errorf("errors %s", errs)
	}
}

func TestHoldout(t *testing.T) {
	t.Parallel()
	var in strings.Builder
	in.WriteString("x,word\n")
	var held []int64
	for i := range 1000 {
		fmt.Fprintf(&in, "%d,up\n", i)
		if i%7 == 3 {
			held = append(held, int64(i))
		}
	}
	b := setup(t, []byte(in.String()))
	b.limits = tabular.Limits{ChunkRows: 30}
	b.files.objects["holdout"] = parquetFile(t, frame.NewInt("row", frame.Int, held, nil), frame.NewFloat("label", make([]float64, len(held))))
	b.records.model.HoldoutRows = int64(len(held))
	req := request()
	req.Rows = prediction.RowsHoldout
	got, err := b.run(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	var ids []int64
	for line := range strings.Lines(b.text(t, got.OutputKey)) {
		if id, _, _ := strings.Cut(line, ","); id != "row_id" {
			n, err := strconv.ParseInt(id, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, n-1)
		}
	}
	if !slices.Equal(ids, held) || got.Rows != int64(len(held)) {
		t.Errorf("rows %v, want %v", ids, held)
	}
	b.records.model.HoldoutRows++
	_, err = b.run(t.Context(), req)
	checkCode(t, err, fault.ClassConflict, "holdout_mismatch")
	delete(b.files.objects, "holdout")
	_, err = b.run(t.Context(), req)
	checkCode(t, err, fault.ClassNotFound, "file_not_found")
}

func TestFilesThatCannotBePredicted(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, raw, code string }{
		{"missing columns", "id,word\na,up\n", "missing_columns"},
		{"empty", "", "csv_empty"},
		{"header only", "x,word\n", "no_rows"},
		{"binary", "\x89PNG\r\n\x1a\n", "csv_not_text"},
		{"damaged", "PAR1xxxxPAR1", "parquet_damaged"},
		{"duplicate", "x,x,word\n1,2,up\n", "csv_duplicate_column"},
		{"JSON without a column", `[{"x":1},{"id":"a"}]`, "missing_columns"},
		{"JSON that breaks off", `[{"x":1,"word":"up"},`, "json_syntax"},
		{"a damaged workbook", "PK\x03\x04", "xlsx_damaged"},
		{"damaged gzip", "\x1f\x8b\x08\x00", "compression_damaged"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, []byte(tt.raw))
			_, err := b.run(t.Context(), request())
			checkCode(t, err, fault.ClassInvalid, tt.code)
			if len(b.files.objects) != 1 {
				t.Errorf("%d files were written", len(b.files.objects)-1)
			}
		})
	}
	b := setup(t, []byte("x,word\n1,up\n"))
	req := request()
	req.IDColumn = "nope"
	_, err := b.run(t.Context(), req)
	checkCode(t, err, fault.ClassInvalid, "unknown_id_column")
}

func TestNoGoodRowIsStillAnAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t, []byte("x,word\nabc,up\n"))
	got, err := b.run(t.Context(), request())
	if err != nil || got.Rows != 0 || got.BadRows != 1 {
		t.Errorf("result %+v, error %v", got, err)
	}
	if len(got.Warnings) != 2 || !strings.Contains(got.Warnings[0], "none of the 1 rows") || !strings.Contains(got.Warnings[1], `column "x"`) {
		t.Errorf("warnings %q", got.Warnings)
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	var in strings.Builder
	in.WriteString("x,word\n")
	for i := range 20_000 {
		fmt.Fprintf(&in, "%d,up\n", i)
		if i%100 == 0 {
			in.WriteString("bad\n")
		}
	}
	full := errors.New("disk full")
	for _, end := range []string{"predictions.csv", "errors.jsonl"} {
		t.Run(end, func(t *testing.T) {
			t.Parallel()
			b := setup(t, []byte(in.String()))
			b.limits = tabular.Limits{ChunkRows: 100}
			b.files.fail = map[string]error{end: full}
			if _, err := b.run(t.Context(), request()); !errors.Is(err, full) {
				t.Errorf("error %v", err)
			}
		})
	}
	t.Run("panic", func(t *testing.T) {
		t.Parallel()
		b := setup(t, []byte(in.String()))
		b.records.predictor = &logistic{classes: []string{"a", "b"}, stop: func() { panic("bug") }}
		if _, err := b.run(t.Context(), request()); err == nil || !strings.Contains(err.Error(), "bug") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("cancel", func(t *testing.T) {
		t.Parallel()
		b := setup(t, []byte(in.String()))
		b.limits = tabular.Limits{ChunkRows: 100}
		ctx, cancel := context.WithCancel(t.Context())
		b.records.predictor = &logistic{classes: []string{"a", "b"}, stop: cancel}
		if _, err := b.run(ctx, request()); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		if len(b.files.objects) != 1 {
			t.Errorf("%d files were written", len(b.files.objects)-1)
		}
	})
	t.Run("drain", func(t *testing.T) {
		t.Parallel()
		b := setup(t, nil)
		b.files.source = io.MultiReader(strings.NewReader("x,word"), endless{})
		b.report.each = func(float64) { // after the first chunk
			select {
			case <-b.draining:
			default:
				close(b.draining)
			}
		}
		if _, err := b.run(t.Context(), request()); !errors.Is(err, job.Drained) {
			t.Errorf("error %v", err)
		}
	})
}

// endless is rows without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	const row = "\n1,up"
	n := 0
	for n+len(row) <= len(p) {
		n += copy(p[n:], row)
	}
	return n, nil
}

func TestOrderOnManyThreads(t *testing.T) {
	t.Parallel()
	var in strings.Builder
	in.WriteString("x,word\n")
	const rows = 5000
	for i := range rows {
		fmt.Fprintf(&in, "%d,up\n", i)
	}
	b := setup(t, []byte(in.String()))
	b.limits = tabular.Limits{ChunkRows: 7}
	b.records.predictor = &logistic{}
	got, err := b.run(t.Context(), request())
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.text(t, got.OutputKey)), "\n")
	for i, line := range lines[1:] {
		if line != fmt.Sprintf("%d,%d", i+1, i) {
			t.Fatalf("line %d is %q", i+2, line)
		}
	}
	if len(lines) != rows+1 {
		t.Errorf("%d lines", len(lines))
	}
}

func TestSubmit(t *testing.T) {
	t.Parallel()
	caller := account.Caller{Tenant: "acme", User: "ann"}
	version := &dataset.Version{Schema: tabular.Schema{{Name: "x"}, {Name: "word"}, {Name: "id"}}}
	tests := []struct {
		name   string
		change func(*prediction.Request, *records)
		class  fault.Class
		code   string
	}{
		{"model", func(r *prediction.Request, _ *records) { r.ModelID = "mdl_2" }, fault.ClassNotFound, "model_not_found"},
		{"data set", func(r *prediction.Request, _ *records) { r.DatasetID = "ds_2" }, fault.ClassNotFound, "dataset_not_found"},
		{"tenant", func(_ *prediction.Request, s *records) { s.model.Tenant = "other" }, fault.ClassNotFound, "model_not_found"},
		{"format", func(r *prediction.Request, _ *records) { r.Format = "xml" }, fault.ClassInvalid, "unsupported_format"},
		{"rows", func(r *prediction.Request, _ *records) { r.Rows = "some" }, fault.ClassInvalid, "unsupported_rows"},
		{"holdout", func(r *prediction.Request, s *records) { r.Rows, s.model.DatasetID = "holdout", "ds_9" }, fault.ClassInvalid, "holdout_of_another_dataset"},
		{"id column", func(r *prediction.Request, _ *records) { r.IDColumn = "nope" }, fault.ClassInvalid, "unknown_id_column"},
		{"columns", func(_ *prediction.Request, s *records) {
			s.model.Inputs = append(s.model.Inputs, tabular.Field{Name: "z"})
		}, fault.ClassInvalid, "missing_columns"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			b.records.dataset.Version = version
			req := request()
			tt.change(&req, b.records)
			_, _, err := b.Submit(t.Context(), caller, req, "")
			checkCode(t, err, tt.class, tt.code)
			if b.jobs.last.Payload != nil {
				t.Error("a job was submitted")
			}
			if tt.class == fault.ClassInvalid {
				_, err = b.run(t.Context(), req)
				checkCode(t, err, tt.class, tt.code)
			}
		})
	}
	b := setup(t, nil)
	req := request()
	req.IDColumn = "unknown yet"
	j, created, err := b.Submit(t.Context(), caller, req, "key")
	last := b.jobs.last
	if err != nil || !created || j.ID != "job_1" || last.Kind.Name != "prediction" || last.Kind.Pool != "batch" ||
		last.Subject != "ds_1" || !slices.Equal(last.Also, []string{"mdl_1"}) || last.User != "ann" || last.IdempotencyKey != "key" || !reflect.DeepEqual(last.Payload, req) {
		t.Errorf("submission %+v, error %v", last, err)
	}
}
