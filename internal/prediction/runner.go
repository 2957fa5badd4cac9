package prediction

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/model"
	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml"
	"github.com/narrativeml/narrative/ml/frame"
)

// Files names what the job's owner may download.
func (r *Result) Files() map[string]string {
	files := map[string]string{"predictions": r.OutputKey}
	if r.ErrorsKey != "" {
		files["errors"] = r.ErrorsKey
	}
	return files
}

// Files is where inputs and outputs are.
type Files interface {
	Put(ctx context.Context, key, contentType string, r io.Reader) (size int64, err error)
	Open(ctx context.Context, key string) (io.ReadCloser, error)
	OpenAt(ctx context.Context, key string) (io.ReaderAt, int64, error)
	// Join stores as one file what the files hold, one after the other.
	Join(ctx context.Context, key, contentType string, files []string) (size int64, err error)
}

// Models finds and loads models.
type Models interface {
	ModelFinder
	// Load returns the fitted model.
	Load(ctx context.Context, m *model.Model) (Predictor, error)
	// LoadPrepared returns it without the steps of its data set.
	LoadPrepared(ctx context.Context, m *model.Model) (Predictor, error)
}

// Registry makes Models of a model service.
func Registry(s *model.Service) Models { return registry{s} }

type registry struct{ *model.Service }

// Load implements Models.
func (r registry) Load(ctx context.Context, m *model.Model) (Predictor, error) {
	return r.Service.Load(ctx, m)
}

// LoadPrepared implements Models.
func (r registry) LoadPrepared(ctx context.Context, m *model.Model) (Predictor, error) {
	whole, err := r.Service.Load(ctx, m)
	if err != nil {
		return nil, err
	}
	return whole.Prepared()
}

// Observer is told how many rows a job of the task predicted and how long it
// took.
type Observer func(task string, rows int64, took time.Duration)

// RunnerConfig is what a Runner needs.
type RunnerConfig struct {
	Files    Files
	Datasets Datasets
	Models   Models
	Limits   tabular.Limits // zero values: the defaults
	// ShardRows is how many rows a part of a file has, about, that is divided by
	// itself; 0: none is.
	ShardRows int64
	Threads   int              // that predict; 0: one a processor
	Observe   Observer         // may be nil
	Now       func() time.Time // default time.Now
}

// Runner runs prediction jobs.
type Runner struct{ config RunnerConfig }

// NewRunner returns a Runner.
func NewRunner(c RunnerConfig) *Runner {
	if c.Threads <= 0 {
		c.Threads = runtime.GOMAXPROCS(0)
	}
	if c.Observe == nil {
		c.Observe = func(string, int64, time.Duration) {}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Runner{config: c}
}

// Run predicts once. A file that cannot be used at all is a fault.Invalid.
func (r *Runner) Run(ctx context.Context, t *job.Task, req Request) (*Result, error) {
	p, err := r.prepare(ctx, t, req)
	if err != nil {
		return nil, err
	}
	if t.Job.Family != nil {
		if err := t.UntilDrained(ctx, p.join); err != nil {
			return nil, err
		}
		return p.result, nil
	}
	if parts := p.shards(); parts > 1 {
		err := t.UntilDrained(ctx, func(ctx context.Context) error { return p.divide(ctx, parts) })
		if err != nil {
			return nil, err
		}
	}
	started := r.config.Now()
	if err := t.UntilDrained(ctx, p.run); err != nil {
		return nil, err
	}
	r.config.Observe(p.model.Task, p.result.Rows, r.config.Now().Sub(started))
	return p.result, nil
}

// prepare finds what the request names and loads the model.
func (r *Runner) prepare(ctx context.Context, t *job.Task, req Request) (*run, error) {
	m, err := r.config.Models.Get(ctx, t.Job.Tenant, req.ModelID)
	if err != nil {
		return nil, err
	}
	d, err := r.config.Datasets.Input(ctx, t.Job.Tenant, req.DatasetID, req.Version)
	if err != nil {
		return nil, err
	}
	if err := check(m, d, req); err != nil {
		return nil, err
	}
	t.Report.Progress("load", 0, 0, 0)
	load := r.config.Models.Load
	if prepared(m, d, req) {
		load = r.config.Models.LoadPrepared
	}
	predictor, err := load(ctx, m)
	if err != nil {
		return nil, fmt.Errorf("load model %s: %w", m.ID, err)
	}
	p := &run{
		config: r.config, task: t, req: req, model: m, dataset: d,
		scorer: &scorer{predictor: predictor, id: req.IDColumn != ""},
		unseen: map[string]int64{}, blamed: map[string]int64{},
		result: &Result{ModelID: m.ID, DatasetID: d.ID, Format: req.Format},
	}
	if p.result.Format == "" {
		p.result.Format = tabular.KindCSV
	}
	if predictor.Task() == ml.Binary {
		p.scorer.threshold = defaultThreshold
		if m.Threshold != nil {
			p.scorer.threshold = m.Threshold.Value
		}
		p.result.Threshold = p.scorer.threshold
	}
	return p, nil
}

// run is one attempt.
type run struct {
	config  RunnerConfig
	task    *job.Task
	req     Request
	model   *model.Model
	dataset *dataset.Dataset
	scorer  *scorer
	result  *Result

	read   atomic.Int64 // bytes of the file
	size   int64        // of the file
	rows   int64        // in the file, if it tells; else 0
	unseen map[string]int64
	blamed map[string]int64 // column → bad rows
	errors *errorsFile

	shard   *ShardRequest // nil: the whole file
	extra   string        // the warning of columns that the model does not use
	written int64         // bytes of the output
}

// errorsName is what the file of bad rows is called.
const errorsName = "errors.jsonl"

func (p *run) run(ctx context.Context) error {
	if p.req.Rows == RowsHoldout {
		if err := p.loadHoldout(ctx); err != nil {
			return err
		}
	}
	open := p.open
	if p.shard != nil {
		open = p.openShard
	}
	r, closer, err := open(ctx)
	if err != nil {
		return err
	}
	defer closer.Close() //nolint:errcheck // only read
	p.extra = p.warningOfExtra(r.Names())

	p.result.OutputKey = p.task.Prefix + "predictions." + p.result.Format
	out := p.outlet(ctx, p.result.OutputKey, contentType(p.result.Format))
	p.errors = &errorsFile{open: func() *tabular.Outlet {
		p.result.ErrorsKey = p.task.Prefix + errorsName
		return p.outlet(ctx, p.result.ErrorsKey, contentType(tabular.KindJSONL))
	}}
	newWriter := tabular.NewWriter
	if p.shard != nil && p.shard.Number > 1 {
		newWriter = tabular.NewTailWriter
	}
	w, err := newWriter(&measured{out, &p.written}, p.result.Format, p.scorer.schema())
	if err == nil {
		err = p.predict(ctx, r, w)
	}
	if err == nil && p.shard == nil {
		err = p.complete()
	}
	if err == nil {
		err = w.Close()
	}
	err = out.Close(err)
	if err = p.errors.close(err); err != nil {
		return err
	}
	if p.shard == nil {
		p.tell()
	}
	return nil
}

// tell says what was done and what is to be minded.
func (p *run) tell() {
	p.warnAbsent()
	if p.extra != "" {
		p.result.Warnings = append(p.result.Warnings, p.extra)
	}
	p.warnBad()
	p.warnUnseen()
	for _, warning := range p.result.Warnings {
		p.task.Report.Logf("%s", warning)
	}
	p.task.Report.Logf("predicted %d rows, reported %d bad rows", p.result.Rows, p.result.BadRows)
	p.task.Report.Progress("done", 1, p.result.Rows+p.result.BadRows, p.result.Rows+p.result.BadRows)
}

// measured counts the bytes written.
type measured struct {
	io.Writer
	written *int64
}

// Write implements io.Writer.
func (m *measured) Write(b []byte) (int, error) {
	n, err := m.Writer.Write(b)
	*m.written += int64(n)
	return n, err
}

func contentType(format string) string {
	switch format {
	case tabular.KindParquet:
		return "application/vnd.apache.parquet"
	case tabular.KindJSONL:
		return "application/jsonl"
	default:
		return "text/csv; charset=utf-8"
	}
}

func (p *run) outlet(ctx context.Context, key, kind string) *tabular.Outlet {
	return tabular.NewOutlet(ctx, func(ctx context.Context, r io.Reader) error {
		if _, err := p.config.Files.Put(ctx, key, kind, r); err != nil {
			return fmt.Errorf("store %s: %w", key, err)
		}
		return nil
	})
}

// loadHoldout finds out which rows the model's training held out: indices of
// rows of the data set, from 0.
func (p *run) loadHoldout(ctx context.Context) error {
	at, size, err := p.config.Files.OpenAt(ctx, p.model.HoldoutKey)
	if err != nil {
		return fmt.Errorf("open holdout of model %s: %w", p.model.ID, err)
	}
	r, err := tabular.NewParquetReader(tabular.Buffered(at, size), size, tabular.ParquetOptions{
		Schema: tabular.Schema{{Name: "row", Type: tabular.Integer}},
	})
	if err != nil {
		return fmt.Errorf("open holdout of model %s: %w", p.model.ID, err)
	}
	defer r.Close() //nolint:errcheck // only read
	p.scorer.holdout = frame.Bitmap{0}
	err = tabular.Stream(ctx, r, func(c *tabular.Chunk) error {
		for _, row := range c.Frame.Columns()[0].Ints() {
			if row < 0 {
				return fmt.Errorf("row %d is negative", row)
			}
			p.scorer.holdout.Set(int(row))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read holdout of model %s: %w", p.model.ID, err)
	}
	return nil
}

// inputs returns the columns that the model needs of the table.
func (p *run) inputs() tabular.Schema { return inputs(p.model, p.dataset, p.req) }

// wanted returns the columns to read, with the types the model learned. Any
// number stands for a whole one, unless the steps of a recipe go by it.
func (p *run) wanted() tabular.Schema {
	of := p.inputs()
	exact := len(p.model.Recipe) > 0
	if prepared(p.model, p.dataset, p.req) {
		exact = slices.ContainsFunc(p.model.Recipe, func(s model.RecipeStep) bool { return s.Version == 0 })
	}
	schema := make(tabular.Schema, 0, len(of))
	for _, f := range of {
		if f.Type == tabular.Integer && !exact {
			f.Type = tabular.Float
		}
		f.Nullable = true
		schema = append(schema, f)
	}
	return schema
}

// predict scores chunks on several threads and writes them in order. At most
// as many chunks as threads, and three, are in memory.
func (p *run) predict(ctx context.Context, r tabular.Reader, w tabular.Writer) error {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	type outcome struct {
		chunk *scored
		err   error
	}
	queue := make(chan chan outcome, p.config.Threads)
	written := make(chan error, 1)
	go func() {
		var failed error
		for next := range queue {
			o := <-next
			if failed == nil {
				failed = o.err
			}
			if failed == nil {
				failed = p.write(w, o.chunk)
			}
			if failed != nil {
				cancel()
			}
		}
		written <- failed
	}()
	err := tabular.Stream(inner, r, func(c *tabular.Chunk) error {
		next := make(chan outcome, 1)
		select {
		case queue <- next:
		case <-inner.Done():
			return inner.Err()
		}
		go func() {
			o := outcome{}
			defer func() {
				if panicked := recover(); panicked != nil {
					o = outcome{err: fmt.Errorf("predict: panic: %v", panicked)}
				}
				next <- o
			}()
			o.chunk, o.err = p.scorer.score(c)
		}()
		return nil
	})
	close(queue)
	if failed := <-written; failed != nil {
		return failed
	}
	if err != nil {
		return fmt.Errorf("predict data set %s: %w", p.dataset.ID, err)
	}
	return nil
}

// write writes one chunk's output and errors and reports progress.
func (p *run) write(w tabular.Writer, c *scored) error {
	if err := w.Write(c.out); err != nil {
		return err
	}
	if err := p.errors.write(c.bad); err != nil {
		return err
	}
	p.result.Rows += int64(c.out.Rows())
	p.result.BadRows += int64(len(c.bad))
	for _, row := range c.bad {
		p.blamed[row.Column]++
	}
	for name, n := range c.unseen {
		p.unseen[name] += int64(n)
	}
	fraction := 0.0
	switch {
	case p.shard != nil:
		c.last -= p.shard.From.Row
		fraction = float64(c.last) / float64(max(p.rows, 1))
	case p.rows > 0:
		fraction = float64(c.last) / float64(p.rows)
	case p.size > 0:
		fraction = float64(p.read.Load()) / float64(p.size)
	}
	p.task.Report.Progress("predict", min(fraction, 1), c.last, p.rows)
	return nil
}

// complete checks that every row is accounted for.
func (p *run) complete() error {
	all := p.result.Rows + p.result.BadRows
	failed := len(p.result.FailedShards) > 0
	if p.req.Rows == RowsHoldout {
		if failed && all <= p.model.HoldoutRows {
			p.result.AbsentRows = p.model.HoldoutRows - all // the others of those parts were not asked for
			return nil
		}
		if all != p.model.HoldoutRows {
			return fault.Conflict("holdout_mismatch", "model %s held out %d rows, of which the file of data set %s has %d", p.model.ID, p.model.HoldoutRows, p.dataset.ID, all)
		}
		return nil
	}
	if all == 0 && !failed {
		return fault.Invalid("no_rows", "the file of data set %s has no rows to predict", p.dataset.ID)
	}
	return nil
}
