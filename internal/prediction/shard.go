package prediction

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml"
)

// ShardKind declares the job that predicts one shard of a file.
func ShardKind() job.Kind {
	return job.Kind{Name: "prediction_shard", Pool: "batch", Version: 3, Timeout: 12 * time.Hour, MaxFailures: 3, MaxCrashes: 5}
}

// ShardRequest is the payload of a shard's job: everything that could change
// between one shard and the next is settled by their parent.
type ShardRequest struct {
	Request
	Number    int            `json:"number"` // from 1
	Parquet   bool           `json:"parquet,omitempty"`
	Format    tabular.Format `json:"csv_format"`          // of a CSV file
	From      tabular.Mark   `json:"from"`                // of a Parquet file it holds the row only
	Until     tabular.Mark   `json:"until"`               // of a CSV file
	Groups    [2]int         `json:"groups"`              // of a Parquet file: the first row group, and the one behind the last
	Rows      int64          `json:"shard_rows"`          // how many there are
	Threshold float64        `json:"threshold,omitempty"` // binary only
}

// ShardResult is what became of a shard.
type ShardResult struct {
	Rows      int64            `json:"rows"`
	BadRows   int64            `json:"bad_rows"`
	OutputKey string           `json:"output_key"`
	Output    int64            `json:"output_bytes"`
	ErrorsKey string           `json:"errors_key,omitempty"`
	Errors    int64            `json:"errors_bytes,omitempty"`
	Extra     string           `json:"extra,omitempty"`  // the warning of columns that the model does not use
	Blamed    map[string]int64 `json:"blamed,omitempty"` // column → bad rows
	Unseen    map[string]int64 `json:"unseen,omitempty"` // column → rows with an unseen category
	// Threshold is the one that the shard was predicted with; binary only. Those
	// of older programs do not tell.
	Threshold *float64 `json:"threshold,omitempty"`
}

// Files names what the job keeps until its parent has ended.
func (r *ShardResult) Files() map[string]string {
	files := map[string]string{"predictions": r.OutputKey}
	if r.ErrorsKey != "" {
		files["errors"] = r.ErrorsKey
	}
	return files
}

// plan is how a file is divided. It is kept as a checkpoint, so that another
// attempt, on a worker of other settings maybe, divides it in the same way.
type plan struct {
	Shards []ShardRequest `json:"shards"`
}

// planCheckpoint is the name of the plan among the job's checkpoints.
const planCheckpoint = "plan"

// The shares of a divided prediction's progress.
const (
	dividedAt = 0.05
	joinedAt  = 0.95
)

// shards returns into how many parts the request is to be divided; fewer than
// two means not at all.
func (p *run) shards() int {
	switch {
	case p.req.Shards > 0:
		return p.req.Shards
	case p.result.Format == tabular.KindParquet || p.dataset.Version == nil || p.config.ShardRows <= 0:
		return 1
	case !p.dataset.Version.Format.Divisible():
		return 1
	}
	return int(min((p.dataset.Version.Rows+p.config.ShardRows-1)/p.config.ShardRows, MaxShards))
}

// divide returns a verdict that divides the prediction into jobs, or nil when
// there is to be, or can be, only one.
func (p *run) divide(ctx context.Context, parts int) error {
	made, err := p.loadPlan(ctx)
	if err != nil {
		return err
	}
	if made == nil {
		p.task.Report.Progress("divide", 0, 0, 0)
		if made, err = p.cut(ctx, parts); err != nil {
			return err
		}
		if err := p.savePlan(ctx, made); err != nil {
			return err
		}
	}
	if len(made.Shards) < 2 {
		return nil
	}
	kind := ShardKind()
	switch {
	case len(p.model.Recipe) > 0:
	case p.req.Version > 1:
		kind.Version = 2 // workers that know no recipes can do it
	default:
		kind.Version = 1 // those that know no versions, too
	}
	var rows int64
	fan := job.Fan{Until: joinedAt, Tolerate: p.req.MaxFailedShards}
	for _, s := range made.Shards {
		rows += s.Rows
		fan.Children = append(fan.Children, job.ChildSpec{
			Name: fmt.Sprintf("shard-%05d", s.Number), Kind: kind, Weight: float64(max(s.Rows, 1)), Payload: s, Memory: memory,
		})
	}
	p.task.Report.Progress("divide", dividedAt, 0, rows)
	p.task.Report.Logf("divided %d rows into %d shards", rows, len(made.Shards))
	return job.FanOut(fan)
}

func (p *run) loadPlan(ctx context.Context) (*plan, error) {
	data, ok, err := p.task.Saved.Load(ctx, planCheckpoint)
	if err != nil || !ok {
		return nil, err
	}
	made := &plan{}
	if err := json.Unmarshal(data, made); err != nil {
		return nil, fmt.Errorf("decode the plan of job %s: %w", p.task.Job.ID, err)
	}
	return made, nil
}

func (p *run) savePlan(ctx context.Context, made *plan) error {
	data, err := json.Marshal(made)
	if err != nil {
		return fmt.Errorf("encode the plan of job %s: %w", p.task.Job.ID, err)
	}
	return p.task.Saved.Save(ctx, planCheckpoint, data)
}

// cut reads the file once, without its values, and says where its shards begin.
func (p *run) cut(ctx context.Context, parts int) (*plan, error) {
	r, closer, err := p.open(ctx)
	if err != nil {
		return nil, err
	}
	defer closer.Close() //nolint:errcheck // only read
	request := p.req
	request.Shards, request.MaxFailedShards = 0, 0
	shard := ShardRequest{Request: request, Threshold: p.result.Threshold}
	made := &plan{}
	if !tabular.FormatOf(r).Divisible() {
		return made, nil // one part it is: there is no place to begin at but the first
	}
	switch r := r.(type) {
	case *tabular.ParquetReader:
		shard.Parquet = true
		made.Shards = cutGroups(shard, r.Groups(), parts)
	case *tabular.CSVReader:
		shard.Format = r.Format()
		marks, err := r.Split(ctx, p.size, parts, func(read int64) {
			p.task.Report.Progress("divide", dividedAt*min(float64(read)/float64(max(p.size, 1)), 1), 0, 0)
		})
		if err != nil {
			return nil, fmt.Errorf("divide data set %s: %w", p.dataset.ID, err)
		}
		if shard.Format = r.Format(); !shard.Format.Divisible() {
			return made, nil // the first byte that is not ASCII told the encoding
		}
		for i, from := range marks[:len(marks)-1] {
			shard.Number, shard.From, shard.Until = i+1, from, marks[i+1]
			shard.Rows = shard.Until.Row - from.Row
			made.Shards = append(made.Shards, shard)
		}
	}
	return made, nil
}

// cutGroups divides the row groups of a file into at most that many runs of
// about as many rows each.
func cutGroups(shard ShardRequest, groups []int64, parts int) []ShardRequest {
	var all, done int64
	for _, n := range groups {
		all += n
	}
	var shards []ShardRequest
	shard.Number, shard.Groups, shard.Rows = 1, [2]int{}, 0
	for i, n := range groups {
		if shard.Rows > 0 && shard.Number < parts && done >= all*int64(shard.Number)/int64(parts) {
			shards = append(shards, shard)
			shard.Number++
			shard.Groups, shard.Rows, shard.From.Row = [2]int{i, i}, 0, done
		}
		shard.Groups[1] = i + 1
		shard.Rows += n
		done += n
	}
	return append(shards, shard)
}

// RunShard predicts one shard of a file.
func (r *Runner) RunShard(ctx context.Context, t *job.Task, req ShardRequest) (*ShardResult, error) {
	p, err := r.prepare(ctx, t, req.Request)
	if err != nil {
		return nil, err
	}
	p.shard = &req
	p.scorer.threshold, p.result.Threshold = req.Threshold, req.Threshold
	started := r.config.Now()
	if err := t.UntilDrained(ctx, p.run); err != nil {
		return nil, err
	}
	r.config.Observe(p.model.Task, p.result.Rows, r.config.Now().Sub(started))
	made := &ShardResult{
		Rows: p.result.Rows, BadRows: p.result.BadRows, Extra: p.extra, Blamed: p.blamed, Unseen: p.unseen,
		OutputKey: p.result.OutputKey, Output: p.written, ErrorsKey: p.result.ErrorsKey, Errors: p.errors.bytes,
	}
	if p.scorer.predictor.Task() == ml.Binary {
		made.Threshold = &req.Threshold
	}
	return made, nil
}

// openShard opens the shard's part of the file.
func (p *run) openShard(ctx context.Context) (tabular.Reader, io.Closer, error) {
	r, closer, err := p.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	p.rows = p.shard.Rows
	switch r := r.(type) {
	case *tabular.ParquetReader:
		if p.shard.Parquet {
			r.Part(p.shard.Groups[0], p.shard.Groups[1])
			return r, closer, nil
		}
	case *tabular.CSVReader:
		if p.shard.Parquet {
			break
		}
		if err := closer.Close(); err != nil {
			return nil, nil, fmt.Errorf("close file of data set %s: %w", p.dataset.ID, err)
		}
		at, size, err := p.config.Files.OpenAt(ctx, p.dataset.RawKey)
		if err != nil {
			return nil, nil, fmt.Errorf("open file of data set %s: %w", p.dataset.ID, err)
		}
		from := p.shard.From.Offset
		r.Part(io.NewSectionReader(at, from, max(size-from, 0)), p.shard.From, p.shard.Until.Offset)
		return r, nothing{}, nil
	}
	return nil, nil, errors.Join(fault.New(fault.ClassInternal, "file_changed", "the file of data set %s is of another kind than when it was divided", p.dataset.ID), closer.Close())
}

// nothing is what is closed of a part of a file.
type nothing struct{}

// Close implements io.Closer.
func (nothing) Close() error { return nil }

// join makes one prediction of what the shards made.
func (p *run) join(ctx context.Context) error {
	children, err := p.task.Children(ctx)
	if err != nil {
		return err
	}
	p.task.Report.Progress("join", joinedAt, 0, 0)
	var outputs, errorFiles []string
	var output, errorsSize int64
	for _, c := range children {
		if c.State != job.Succeeded {
			if err := p.miss(c); err != nil {
				return err
			}
			continue
		}
		var made ShardResult
		if err := json.Unmarshal(c.Result, &made); err != nil {
			return fmt.Errorf("decode result of job %s: %w", c.ID, err)
		}
		outputs, output = append(outputs, made.OutputKey), output+made.Output
		if made.ErrorsKey != "" {
			errorFiles, errorsSize = append(errorFiles, made.ErrorsKey), errorsSize+made.Errors
		}
		p.result.Rows += made.Rows
		p.result.BadRows += made.BadRows
		add(p.blamed, made.Blamed)
		add(p.unseen, made.Unseen)
		p.extra = made.Extra
		if made.Threshold != nil { // the model's may be another one by now
			p.result.Threshold = *made.Threshold
		}
	}
	p.result.Shards = len(children)
	switch {
	case len(outputs) == 0:
		return p.nothingLeft()
	case children[0].State != job.Succeeded:
		head, size, err := p.header(ctx)
		if err != nil {
			return err
		}
		outputs, output = append(head, outputs...), output+size
	}
	if err := p.complete(); err != nil {
		return err
	}
	p.result.OutputKey = p.task.Prefix + "predictions." + p.result.Format
	if err := p.joinFiles(ctx, p.result.OutputKey, contentType(p.result.Format), outputs, output); err != nil {
		return err
	}
	if len(errorFiles) > 0 {
		p.result.ErrorsKey = p.task.Prefix + errorsName
		if err := p.joinFiles(ctx, p.result.ErrorsKey, contentType(tabular.KindJSONL), errorFiles, errorsSize); err != nil {
			return err
		}
	}
	p.tell()
	return nil
}

func add(sum, more map[string]int64) {
	for name, n := range more {
		sum[name] += n
	}
}

func (p *run) joinFiles(ctx context.Context, key, kind string, files []string, want int64) error {
	size, err := p.config.Files.Join(ctx, key, kind, files)
	if err == nil && size != want {
		err = fault.New(fault.ClassInternal, "shard_changed", "the %d files that %s is made of have %d bytes, and had %d", len(files), key, size, want)
	}
	if err != nil {
		return fmt.Errorf("join %s: %w", key, err)
	}
	return nil
}
