package prediction_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/prediction"
	"github.com/narrativeml/narrative/ml/frame"
)

// rowsOf returns the lines of an output by the row that each is of, and the
// header.
func rowsOf(text, format string) (header string, rows map[string]string) {
	rows = map[string]string{}
	for line := range strings.Lines(text) {
		if header == "" && format == "csv" {
			header = line
			continue
		}
		id, _, _ := strings.Cut(line, ",")
		rows[strings.TrimPrefix(id, `{"row_id":`)] = line
	}
	return header, rows
}

// Where the request says that parts may fail, the others are joined, and the
// result says which rows are absent.
func TestPartsThatMayFail(t *testing.T) {
	t.Parallel()
	broken := job.ChildResult{State: job.Failed, Failure: &job.Failure{Code: "job_crashed", Message: "It died."}}
	cancelled := job.ChildResult{State: job.Cancelled}
	for _, tt := range []struct {
		name, format string
		lost         map[int]job.ChildResult
	}{
		{"one in the middle", "csv", map[int]job.ChildResult{2: broken}},
		{"the first, which has the header", "csv", map[int]job.ChildResult{0: broken, 1: cancelled}},
		{"lines", "jsonl", map[int]job.ChildResult{0: cancelled, 4: broken}},
		{"all but one", "csv", map[int]job.ChildResult{0: broken, 1: broken, 2: broken, 3: cancelled}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := &divided{bundle: setup(t, messy(400, "\n")), lost: tt.lost}
			req := request()
			req.Format = tt.format
			whole, err := d.bundle.run(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			header, want := rowsOf(d.text(t, whole.OutputKey), tt.format)
			req.Shards, req.MaxFailedShards = 5, 4
			got, err := d.run(t.Context(), t, req)
			if err != nil {
				t.Fatal(err)
			}
			absent := map[string]bool{}
			for k, f := range got.FailedShards {
				lost, ok := tt.lost[f.Shard-1]
				if !ok || f.JobID != fmt.Sprint("job_child", f.Shard-1) || k > 0 && f.Shard <= got.FailedShards[k-1].Shard {
					t.Errorf("part %+v", f)
				}
				if code := map[job.State]string{job.Failed: "job_crashed", job.Cancelled: "cancelled"}[lost.State]; f.Code != code || f.Message == "" {
					t.Errorf("part %d says %s: %s", f.Shard, f.Code, f.Message)
				}
				for row := f.FirstRow; row <= f.LastRow; row++ {
					absent[fmt.Sprint(row)] = true
				}
			}
			if len(got.FailedShards) != len(tt.lost) || got.AbsentRows != int64(len(absent)) || got.Rows+got.BadRows+got.AbsentRows != whole.Rows+whole.BadRows || got.Shards != 5 {
				t.Errorf("%+v, and %d rows as a whole", got, whole.Rows+whole.BadRows)
			}
			head, rows := rowsOf(d.text(t, got.OutputKey), tt.format)
			if head != header || int64(len(rows)) != got.Rows {
				t.Errorf("header %q, %d rows", head, len(rows))
			}
			for id, line := range want {
				if there, ok := rows[id]; ok == absent[id] || ok && there != line {
					t.Errorf("row %s: %q, want %q", id, there, line)
				}
			}
			if len(got.Warnings) == 0 || !strings.Contains(got.Warnings[0], fmt.Sprintf("%d of 5 parts failed, and %d rows are absent", len(tt.lost), got.AbsentRows)) {
				t.Errorf("warnings %q", got.Warnings)
			}
		})
	}
}

func TestPartsOfTheHoldoutThatMayFail(t *testing.T) {
	t.Parallel()
	d := &divided{bundle: setup(t, messy(300, "\n"))}
	var indices []int64
	for i := int64(3); i < 250; i += 7 {
		indices = append(indices, i)
	}
	d.files.objects["holdout"] = parquetFile(t, frame.NewInt("row", frame.Int, indices, nil))
	d.records.model.HoldoutRows = int64(len(indices))
	req := request()
	req.Rows, req.Shards, req.MaxFailedShards = prediction.RowsHoldout, 5, 1
	d.lost = map[int]job.ChildResult{1: {State: job.Cancelled}}
	got, err := d.run(t.Context(), t, req)
	if err != nil {
		t.Fatal(err)
	}
	if got.AbsentRows == 0 || got.Rows+got.BadRows+got.AbsentRows != int64(len(indices)) || len(got.FailedShards) != 1 {
		t.Errorf("%+v", got)
	}
	d.records.model.HoldoutRows = 1
	_, err = d.run(t.Context(), t, req)
	checkCode(t, err, fault.ClassConflict, "holdout_mismatch")
}

func TestNoPartIsLeft(t *testing.T) {
	t.Parallel()
	d := &divided{bundle: setup(t, messy(100, "\n")), lost: map[int]job.ChildResult{}}
	for i := range 3 {
		d.lost[i] = job.ChildResult{State: job.Failed, Failure: &job.Failure{Code: "job_crashed", Message: "It died."}}
	}
	req := request()
	req.Shards, req.MaxFailedShards = 3, 3
	_, err := d.run(t.Context(), t, req)
	checkCode(t, err, fault.ClassConflict, "all_shards_failed")
	if !strings.Contains(err.Error(), "job_crashed") {
		t.Errorf("it does not say why: %v", err)
	}
}

func TestPartsThatCannotFailAlone(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		req  prediction.Request
		code string
	}{
		{prediction.Request{MaxFailedShards: -1}, "max_failed_shards_out_of_range"},
		{prediction.Request{MaxFailedShards: 1001}, "max_failed_shards_out_of_range"},
		{prediction.Request{MaxFailedShards: 1, Shards: 1}, "max_failed_shards_not_divided"},
		{prediction.Request{MaxFailedShards: 1, Format: "parquet"}, "max_failed_shards_not_divided"},
	} {
		d := &divided{bundle: setup(t, []byte(raw))}
		tt.req.ModelID, tt.req.DatasetID = "mdl_1", "ds_1"
		_, _, err := d.Submit(t.Context(), account.Caller{Tenant: "acme"}, tt.req, "")
		checkCode(t, err, fault.ClassInvalid, tt.code)
	}
	d := &divided{bundle: setup(t, []byte(raw))}
	for want, req := range map[int]prediction.Request{1: {}, 2: {Shards: 2}, 4: {Shards: 2, MaxFailedShards: 1}} {
		req.ModelID, req.DatasetID = "mdl_1", "ds_1"
		sub, err := d.Prepare(t.Context(), account.Caller{Tenant: "acme"}, req)
		if err != nil || sub.Kind.Version != want {
			t.Errorf("%+v is of version %d, %v; want %d", req, sub.Kind.Version, err, want)
		}
	}
}
