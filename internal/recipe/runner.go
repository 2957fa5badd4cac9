package recipe

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/dataset/profile"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// Request asks for a transform job: steps that are applied to a version of a
// data set, or a version that is made again from its lineage.
type Request struct {
	Use
	Reproduce int `json:"reproduce,omitempty" minimum:"0" doc:"A version that is made again as it was, instead of steps"`
	job.Limits
	job.Order
}

// Payload is what a transform job has to do: a request as it was understood when
// it was made.
type Payload struct {
	Use
	Reproduce int `json:"reproduce,omitempty"`
	// Tables are the versions of joined data sets, of a version that is made
	// again.
	Tables []dataset.TableRef `json:"tables,omitempty"`
	// Expect is the hash that a version that is made again must have.
	Expect string `json:"expect,omitempty"`
}

// Kind declares the transform job.
func Kind() job.Kind {
	return job.Kind{Name: "transform", Pool: "data", Version: 1, Timeout: 6 * time.Hour, MaxFailures: 3, MaxCrashes: 5}
}

// Submit checks the request against the data set and submits a job. A repeated
// idempotency key gives the job it gave before; created tells which.
func (s *Service) Submit(ctx context.Context, caller account.Caller, req Request, idempotencyKey string) (j *job.Job, created bool, err error) {
	sub, err := s.Prepare(ctx, caller, req)
	if err != nil {
		return nil, false, err
	}
	sub.IdempotencyKey = idempotencyKey
	return s.jobs.Submit(ctx, sub)
}

// memory is what a transform takes beside what its steps hold.
const memory = 384 << 20

// Prepare checks the request as Submit does, and returns what would be
// submitted: the steps of a recipe as they are now go with the job.
func (s *Service) Prepare(ctx context.Context, caller account.Caller, req Request) (job.Submission, error) {
	what := Payload{Use: req.Use, Reproduce: req.Reproduce}
	if again, ok, err := s.reread(ctx, caller, req); ok || err != nil {
		return again, err
	}
	if err := s.lineage(ctx, caller, &what); err != nil {
		return job.Submission{}, err
	}
	d, steps, v, err := s.resolve(ctx, caller, what.Use)
	if err != nil {
		return job.Submission{}, err
	}
	b, err := bind(ctx, s.datasets, d, steps, s.budget, what.Tables)
	if err != nil {
		return job.Submission{}, err
	}
	what.Version, what.Steps = d.Version.Number, keyed(b, steps)
	if v != nil {
		what.RecipeVersion = v.Number
	}
	need := int64(memory)
	for i := range b.Len() {
		if b.Operation(i).Runs == preprocess.InMemory {
			need += min(s.held(), d.Version.Rows*64*int64(len(d.Version.Schema)+1))
		}
	}
	also := make([]string, 0, len(b.others.refs))
	for _, r := range b.others.refs {
		if r.DatasetID != d.ID && len(also) < job.MaxSubjects-1 {
			also = append(also, r.DatasetID)
		}
	}
	return job.Submission{
		Kind: Kind(), Tenant: caller.Tenant, User: caller.User, Subject: d.ID, Also: slices.Compact(slices.Sorted(slices.Values(also))),
		Payload: what, Memory: need, Limits: req.Limits, After: req.After, Priority: req.Priority,
	}, nil
}

// keyed returns the steps with the identifier of the key that they hash with, so that
// nobody makes another version of them when the key has changed.
func keyed(b *bound, steps []preprocess.Spec) []preprocess.Spec {
	steps = slices.Clone(steps)
	for i := range steps {
		if steps[i].Name == "hash_values" {
			steps[i] = b.Spec(i)
		}
	}
	return steps
}

// reread returns what makes a version again that was read from the file, if that
// is what is asked for.
func (s *Service) reread(ctx context.Context, caller account.Caller, req Request) (job.Submission, bool, error) {
	if req.Reproduce == 0 || len(req.Steps) > 0 || req.RecipeID != "" || req.Version != 0 {
		return job.Submission{}, false, nil
	}
	r, err := s.datasets.Revision(ctx, caller.Tenant, req.DatasetID, req.Reproduce)
	if err != nil || r.MadeBy() == dataset.MadeByRecipe {
		return job.Submission{}, false, err
	}
	if r.Version.Hash == "" {
		return job.Submission{}, false, fault.Invalid("version_without_hash", "version %d of data set %s was made by a program that kept no hash of it, so nobody could tell whether it was made again", req.Reproduce, req.DatasetID).
			With(fault.Field{Location: "body.reproduce", Message: "name a version with a hash", Value: req.Reproduce})
	}
	d, _, err := s.datasets.At(ctx, caller.Tenant, req.DatasetID, 0)
	if err != nil {
		return job.Submission{}, false, err
	}
	if d.SealedBefore > 0 { // the file is, too
		return job.Submission{}, false, dataset.ErrSealed(d, 1)
	}
	sub := dataset.Reread(d, r)
	sub.User, sub.Limits, sub.After, sub.Priority = caller.User, req.Limits, req.After, req.Priority
	return sub, true, nil
}

// held is what a step may hold.
func (s *Service) held() int64 {
	if s.budget > 0 {
		return s.budget
	}
	return 256 << 20
}

// lineage fills what is to be done to make a version again with what made it.
func (s *Service) lineage(ctx context.Context, caller account.Caller, req *Payload) error {
	if req.Reproduce == 0 {
		return nil
	}
	if len(req.Steps) > 0 || req.RecipeID != "" || req.Version != 0 {
		return fault.Invalid("steps_and_reproduce", "a version is made again from its own lineage; leave out steps, recipe_id and version").
			With(fault.Field{Location: "body.reproduce", Message: "goes with dataset_id only"})
	}
	r, err := s.datasets.Revision(ctx, caller.Tenant, req.DatasetID, req.Reproduce)
	if err != nil {
		return err
	}
	// A parent whose files are gone is made of its own parent first, in the same
	// job: the steps of both, one after the other.
	steps, parent, tables := r.Steps, r.Parent, r.Tables
	for parent != 0 {
		p, err := s.datasets.Revision(ctx, caller.Tenant, req.DatasetID, parent)
		if err != nil {
			return err
		}
		if !p.Gone {
			break
		}
		steps, tables, parent = slices.Concat(p.Steps, steps), append(tables, p.Tables...), p.Parent
	}
	req.Version, req.Steps, req.Tables, req.Expect = parent, steps, tables, r.Version.Hash
	return nil
}

// Result is what a transform job made.
type Result struct {
	DatasetID string              `json:"dataset_id"`
	Rows      int64               `json:"rows"`
	Columns   int                 `json:"columns"`
	Hash      string              `json:"hash"`
	Counts    []dataset.StepCount `json:"counts"`
	Record    *dataset.Revision   `json:"record"` // what is published; not shown to clients
}

// Files names what the job's owner may download.
func (r *Result) Files() map[string]string {
	v := r.Record.Version
	return map[string]string{"table": v.TableKey, "profile": v.ProfileKey, "sample": v.SampleKey, "fitted": r.Record.FittedKey}
}

// Publisher makes a version of what a job made.
type Publisher interface {
	PublishRevision(ctx context.Context, made *dataset.Revision) error
}

// RunnerConfig is what a Runner needs.
type RunnerConfig struct {
	Datasets  Datasets
	Files     dataset.IngestFiles
	Publisher Publisher
	Budget    int64            // as ServiceConfig has it
	Now       func() time.Time // default time.Now
}

// Runner runs transform jobs.
type Runner struct {
	datasets  Datasets
	files     dataset.IngestFiles
	publisher Publisher
	budget    int64
	now       func() time.Time
}

// NewRunner returns a Runner.
func NewRunner(c RunnerConfig) *Runner {
	r := &Runner{datasets: c.Datasets, files: c.Files, publisher: c.Publisher, budget: c.Budget, now: c.Now}
	if r.now == nil {
		r.now = time.Now
	}
	return r
}

// learnedCheckpoint is where what steps have learned is kept.
const learnedCheckpoint = "learned"

// Run applies the steps and writes the new table. What steps have learned when
// it is interrupted is found again by the next attempt.
func (r *Runner) Run(ctx context.Context, t *job.Task, req Payload) (*Result, error) {
	d, _, err := r.datasets.At(ctx, t.Job.Tenant, req.DatasetID, req.Version)
	if err != nil {
		return nil, err
	}
	return r.run(ctx, t, &applying{dataset: d, request: req})
}

func (r *Runner) run(ctx context.Context, t *job.Task, a *applying) (*Result, error) {
	var err error
	a.bound, err = bind(ctx, r.datasets, a.dataset, a.request.Steps, r.budget, a.request.Tables)
	if err != nil {
		return nil, err
	}
	var made *Result
	err = t.UntilDrained(ctx, func(ctx context.Context) (err error) {
		a.others.ctx = ctx
		made, err = r.apply(ctx, t, a)
		return err
	})
	if err != nil {
		return nil, err
	}
	t.Report.Progress("done", 1, made.Rows, made.Rows)
	return made, nil
}

// applying is one run.
type applying struct {
	*bound
	dataset  *dataset.Dataset
	request  Payload
	protects bool // policies are applied
}

func (r *Runner) apply(ctx context.Context, t *job.Task, a *applying) (*Result, error) {
	fitted, err := r.fit(ctx, t, a)
	if err != nil {
		return nil, newVeil(a.dataset).fault(a.bound, err)
	}
	pass := fitted.Start()
	version, p, err := r.write(ctx, t, a, pass)
	if err != nil {
		return nil, newVeil(a.dataset).fault(a.bound, err)
	}
	if want := a.request.Expect; want != "" && version.Hash != want {
		return nil, job.Permanent(fault.New(fault.ClassInternal, "other_content", "version %d of data set %s was made again and holds something else: its hash was %s and is %s",
			a.request.Reproduce, a.dataset.ID, want, version.Hash))
	}
	version.JobID, version.Epoch, version.CreatedAt = t.Job.ID, t.Job.Epoch, r.now().UTC()
	rev := r.revision(t, a, version)
	if rev.QualityBefore, err = r.qualityBefore(ctx, a.dataset); err != nil {
		return nil, err
	}
	rev.QualityAfter = quality(p)
	for i, c := range pass.Counts() {
		rev.Counts = append(rev.Counts, dataset.StepCount{In: c.In, Out: c.Out})
		t.Report.Logf("step %d, %s: %d rows in, %d out", i+1, a.Operation(i).Name, c.In, c.Out)
	}
	if _, err := r.files.Put(ctx, rev.FittedKey, "application/octet-stream", bytes.NewReader(preprocess.Append(nil, fitted.Steps()))); err != nil {
		return nil, fmt.Errorf("store fitted steps: %w", err)
	}
	return &Result{DatasetID: a.dataset.ID, Rows: version.Rows, Columns: len(version.Schema), Hash: version.Hash, Counts: rev.Counts, Record: rev}, nil
}

func (r *Runner) revision(t *job.Task, a *applying, v dataset.Version) *dataset.Revision {
	rev := &dataset.Revision{
		Tenant: t.Job.Tenant, DatasetID: a.dataset.ID, Version: v, User: t.Job.User,
		Parent: a.dataset.Version.Number, RecipeID: a.request.RecipeID, RecipeVersion: a.request.RecipeVersion, Steps: a.request.Steps,
		FittedKey: t.Prefix + "fitted.steps", RowsBefore: a.dataset.Version.Rows, Tables: a.others.refs, ReproducedFrom: a.request.Reproduce, Protects: a.protects,
	}
	rev.Added, rev.Removed, rev.Retyped = dataset.Difference(a.dataset.Version.Schema, v.Schema)
	return rev
}

// learnedAt is the share of a job's progress at which the steps have learned.
const learnedAt = 0.5

// fit lets the steps learn.
func (r *Runner) fit(ctx context.Context, t *job.Task, a *applying) (*preprocess.FittedRecipe, error) {
	var before preprocess.Learning
	saved, ok, err := t.Saved.Load(ctx, learnedCheckpoint)
	if err != nil {
		return nil, fmt.Errorf("load what the steps have learned: %w", err)
	}
	if ok && json.Unmarshal(saved, &before) != nil {
		before = nil // of another program: learn again
	}
	source := watched{table{r.datasets, a.dataset, nil}, func(rows int64) {
		t.Report.Progress("learn", learnedAt*share(rows, a.dataset.Version.Rows), rows, a.dataset.Version.Rows)
	}}
	return a.Fit(ctx, source, before, func(l preprocess.Learning) error {
		b, err := json.Marshal(l)
		if err != nil {
			return fmt.Errorf("encode what the steps have learned: %w", err)
		}
		return t.Saved.Save(ctx, learnedCheckpoint, b)
	})
}

func share(rows, all int64) float64 { return min(1, float64(rows)/float64(max(all, 1))) }

// watched tells how many rows were read.
type watched struct {
	table
	seen func(rows int64)
}

// Each implements preprocess.Source.
func (w watched) Each(ctx context.Context, fn func(x *frame.Frame) error) error {
	rows := int64(0)
	return w.table.Each(ctx, func(x *frame.Frame) error {
		rows += int64(x.Rows())
		w.seen(rows)
		return fn(x)
	})
}

// write reads the table, applies the steps and writes what they make. The
// columns are known when the first rows are.
func (r *Runner) write(ctx context.Context, t *job.Task, a *applying, pass *preprocess.Pass) (dataset.Version, *profile.Profile, error) {
	rows := newFlow(ctx, a.Schemas()[a.Len()])
	from := 0.0
	if a.Learns() {
		from = learnedAt
	}
	all := a.dataset.Version.Rows
	source := watched{table{r.datasets, a.dataset, nil}, func(n int64) { t.Report.Progress("write", from+(1-from)*share(n, all), n, all) }}
	go func() {
		err := source.Each(rows.ctx, func(x *frame.Frame) error {
			return rows.cut(x, func(x *frame.Frame) error { return pass.Next(x, rows.give) })
		})
		if err == nil {
			err = pass.End(rows.give)
		}
		rows.close(err)
	}()
	defer rows.stop()
	first, err := rows.take()
	if errors.Is(err, io.EOF) {
		return dataset.Version{}, nil, fault.Invalid("no_rows_left", "the steps leave no row of the table; a data set needs at least one").
			With(fault.Field{Location: "body.steps", Message: "remove fewer rows"})
	}
	if err != nil {
		return dataset.Version{}, nil, err
	}
	out := dataset.Output{Prefix: t.Prefix, Schema: outSchema(a, first), Of: a.dataset, Now: r.now().UTC()}
	out.Private, out.Concealed = newVeil(a.dataset).made(a.bound, out.Schema)
	return dataset.WriteVersion(ctx, r.files, out, func(write func(x *frame.Frame) error) error {
		for x := first; ; {
			if err := write(x); err != nil {
				return err
			}
			x, err = rows.take()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
		}
	})
}

// outSchema describes the table that is made. A column may miss values unless
// the steps say that it does not.
func outSchema(a *applying, first *frame.Frame) tabular.Schema {
	announced := a.Schemas()[a.Len()]
	out := tabular.SchemaOf(first)
	for i, f := range out {
		known, ok := announced.Lookup(f.Name)
		out[i].Nullable = !ok || known.Nullable || f.Type == tabular.Float
	}
	return out
}

// Publish makes the result a version of the data set.
func (r *Runner) Publish(ctx context.Context, j *job.Job, result json.RawMessage) error {
	var made Result
	if err := json.Unmarshal(result, &made); err != nil {
		return fmt.Errorf("decode result of job %s: %w", j.ID, err)
	}
	if made.Record == nil {
		return fmt.Errorf("result of job %s has no record", j.ID)
	}
	return r.publisher.PublishRevision(ctx, made.Record)
}

// scored is the part of a profile that says how good the table is.
type scored struct {
	Quality *struct {
		Score *float64 `json:"score"`
	} `json:"quality"`
}

// quality returns the score of a profile, nil when it has none.
func quality(p any) *float64 {
	b, err := json.Marshal(p)
	if err != nil {
		return nil
	}
	return qualityIn(b)
}

func qualityIn(b []byte) *float64 {
	var s scored
	if json.Unmarshal(b, &s) != nil || s.Quality == nil {
		return nil
	}
	return s.Quality.Score
}

func (r *Runner) qualityBefore(ctx context.Context, d *dataset.Dataset) (*float64, error) {
	b, err := r.datasets.ProfileOf(ctx, d)
	if err != nil {
		return nil, err
	}
	return qualityIn(b), nil
}
