package prediction

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/tabular"
)

// checkFailed refuses what cannot be tolerated.
func (r Request) checkFailed() error {
	switch n := r.MaxFailedShards; {
	case n < 0 || n > MaxFailedShards:
		return fault.Invalid("max_failed_shards_out_of_range", "max_failed_shards is %d; it must be from 0 to %d", n, MaxFailedShards).
			With(fault.Field{Location: "body.max_failed_shards", Message: fmt.Sprintf("must be from 0 to %d", MaxFailedShards), Value: n})
	case n > 0 && (r.Shards == 1 || r.Format == tabular.KindParquet):
		return fault.Invalid("max_failed_shards_not_divided", "a prediction with shards 1 or with an output in Parquet is not divided, so that no part of it can fail alone; leave out max_failed_shards, or ask for shards and for csv or jsonl").
			With(fault.Field{Location: "body.max_failed_shards", Message: "only for a prediction that is divided", Value: n})
	}
	return nil
}

// miss notes that a part is absent from the output, which the request
// tolerates.
func (p *run) miss(c job.ChildResult) error {
	var req ShardRequest
	if err := json.Unmarshal(c.Payload, &req); err != nil {
		return fmt.Errorf("decode payload of job %s: %w", c.ID, err)
	}
	f := FailedShard{
		Shard: c.Number, JobID: c.ID, FirstRow: req.From.Row + 1, LastRow: req.From.Row + req.Rows,
		Code: "cancelled", Message: "The part was cancelled.",
	}
	if c.State != job.Cancelled && c.Failure != nil {
		f.Code, f.Message = c.Failure.Code, c.Failure.Message
	}
	p.result.FailedShards = append(p.result.FailedShards, f)
	p.result.AbsentRows += req.Rows
	return nil
}

// header stores the header of a CSV file whose first part, which has it, is
// absent. It returns no files for other formats.
func (p *run) header(ctx context.Context) (files []string, size int64, err error) {
	if p.result.Format != tabular.KindCSV {
		return nil, 0, nil
	}
	key := p.task.Prefix + "header." + p.result.Format
	out := p.outlet(ctx, key, contentType(p.result.Format))
	w, err := tabular.NewWriter(&measured{out, &size}, p.result.Format, p.scorer.schema())
	if err == nil {
		err = w.Close()
	}
	if err = out.Close(err); err != nil {
		return nil, 0, err
	}
	return []string{key}, size, nil
}

// nothingLeft is the failure of a prediction of which no part is left.
func (p *run) nothingLeft() error {
	first := p.result.FailedShards[0]
	return fault.Conflict("all_shards_failed", "none of the %d parts could be predicted; the first failed with %s: %s", len(p.result.FailedShards), first.Code, first.Message)
}

// warnAbsent says which rows are absent.
func (p *run) warnAbsent() {
	failed := p.result.FailedShards
	if len(failed) == 0 {
		return
	}
	const show = 5
	ranges := make([]string, 0, show)
	for _, f := range failed[:min(len(failed), show)] {
		ranges = append(ranges, fmt.Sprintf("%d to %d (%s)", f.FirstRow, f.LastRow, f.Code))
	}
	more := ""
	if len(failed) > show {
		more = fmt.Sprintf(" and %d more parts", len(failed)-show)
	}
	p.result.Warnings = append(p.result.Warnings, fmt.Sprintf("%d of %d parts failed, and %d rows are absent from the output: of the file's rows those from %s%s",
		len(failed), p.result.Shards, p.result.AbsentRows, strings.Join(ranges, ", "), more))
}
