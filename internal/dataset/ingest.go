package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/narrativeml/narrative/internal/dataset/profile"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/tabular"
)

// IngestRequest is the payload of an ingest job.
type IngestRequest struct {
	DatasetID string `json:"dataset_id"`
}

// IngestResult is what an ingest job made.
type IngestResult struct {
	DatasetID string  `json:"dataset_id"`
	Rows      int64   `json:"rows"`
	Columns   int     `json:"columns"`
	Hash      string  `json:"hash,omitempty"`
	SHA256    string  `json:"sha256,omitempty"` // of the file, where the record does not say it
	Version   Version `json:"version"`
}

// Files names what the job's owner may download.
func (r *IngestResult) Files() map[string]string {
	return r.Version.files()
}

// IngestFiles is where the Runner reads and writes.
type IngestFiles interface {
	Put(ctx context.Context, key, contentType string, r io.Reader) (size int64, err error)
	Open(ctx context.Context, key string) (io.ReadCloser, error)
	OpenAt(ctx context.Context, key string) (io.ReaderAt, int64, error)
}

// RunnerConfig is what a Runner needs.
type RunnerConfig struct {
	Driver store.Driver
	Files  IngestFiles
	Limits tabular.Limits   // zero values: the defaults
	Now    func() time.Time // default time.Now
	// KeepVersions is as ServiceConfig has it.
	KeepVersions int
	Policy       Policy    // likewise
	Jobs         Submitter // takes jobs that apply policies
}

// Runner runs ingest jobs.
type Runner struct {
	table    *store.Table[Dataset, *Dataset]
	history  *History
	files    IngestFiles
	limits   tabular.Limits
	now      func() time.Time
	rules    rulebook
	guardian guardian
}

// NewRunner returns a Runner. The store has ensured Collections.
func NewRunner(c RunnerConfig) *Runner {
	r := &Runner{table: store.NewTable[Dataset](c.Driver, collection()), history: NewHistory(c.Driver, c.KeepVersions), files: c.Files, limits: c.Limits, now: c.Now, rules: newRulebook(c.Driver, c.Policy)}
	r.guardian = guardian{r.table, c.Jobs}
	if r.now == nil {
		r.now = time.Now
	}
	return r
}

// inferredAt is the share of an ingest's progress at which the file has been
// read once.
const inferredAt = 0.3

// Run makes a typed table and a profile of the data set's file. Whatever is
// wrong with the file is a fault.Invalid that says where.
func (r *Runner) Run(ctx context.Context, t *job.Task, req IngestRequest) (*IngestResult, error) {
	return r.run(ctx, t, req.DatasetID, func(*ingest) {})
}

// run ingests the data set's file as prepare says.
func (r *Runner) run(ctx context.Context, t *job.Task, id string, prepare func(*ingest)) (*IngestResult, error) {
	d, err := r.find(ctx, t, id)
	if err != nil {
		return nil, err
	}
	in := &ingest{runner: r, task: t, dataset: d, settings: d.Settings}
	prepare(in)
	var made *IngestResult
	err = t.UntilDrained(ctx, func(ctx context.Context) (err error) {
		made, err = r.ingest(ctx, in)
		return err
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// find returns the data set that the job is about.
func (r *Runner) find(ctx context.Context, t *job.Task, id string) (*Dataset, error) {
	d, err := r.table.Get(ctx, id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, storeFault(err)
	}
	if err != nil || d.Deleted || d.Tenant != t.Job.Tenant {
		return nil, errNotFound(id)
	}
	return d, nil
}

// ingest finds out what the file holds and writes what is made of it.
func (r *Runner) ingest(ctx context.Context, in *ingest) (*IngestResult, error) {
	t, d := in.task, in.dataset
	v := Version{JobID: t.Job.ID, Epoch: t.Job.Epoch, CreatedAt: r.now().UTC(), Number: 1, Reading: in.reading}
	v.TableKey, v.ProfileKey, v.SampleKey = keysOf(t.Prefix)
	table, w, err := in.convert(ctx)
	if err != nil {
		return nil, err
	}
	if err := in.unfit(table, w.profile); err != nil {
		return nil, err
	}
	v.Format, v.Schema, v.Rows, v.Hash = table.Format, table.Schema, table.Rows, w.content.Hash()
	v.Types, v.PII, v.Scanned = found(w.profile, in.settings), w.profile.PII, true
	t.Report.Progress("done", 1, table.Rows, table.Rows)
	return &IngestResult{DatasetID: d.ID, Rows: v.Rows, Columns: len(v.Schema), Hash: v.Hash, SHA256: in.digest, Version: v}, nil
}

// convert finds out what the file holds and writes the typed table: in one pass
// where that goes, else in two.
func (in *ingest) convert(ctx context.Context) (*tabular.Table, *described, error) {
	table, w, err := in.once(ctx)
	if err == nil && table == nil {
		table, err = in.inspect(ctx)
	}
	if err == nil {
		err = in.sum(ctx)
	}
	if err != nil {
		return nil, nil, err
	}
	in.task.Report.Logf("read %d rows of %d columns as %s", table.Rows, len(table.Schema), describeFormat(table.Format))
	if w != nil {
		return table, w, nil
	}
	if err := in.choose(ctx, table); err != nil {
		return nil, nil, err
	}
	w, err = in.write(ctx, table)
	return table, w, err
}

// found returns the types that the profile has found; of columns whose type was
// chosen, what follows from how they are stored.
func found(p *profile.Profile, settings map[string]Setting) []tabular.Semantic {
	types := make([]tabular.Semantic, len(p.Columns))
	for i, c := range p.Columns {
		types[i] = c.Type
		if settings[c.Name].Type != "" {
			types[i] = tabular.SemanticOf(tabular.Field{Type: c.Storage, Layout: c.Layout})
		}
	}
	return types
}

// describeFormat says in words how a file was read.
func describeFormat(f tabular.Format) string {
	what := f.Kind
	if f.Kind == tabular.KindCSV {
		what = fmt.Sprintf("CSV, delimiter %q, quote %q", f.Delimiter, f.Quote)
	}
	if f.Kind == tabular.KindXLSX {
		what = fmt.Sprintf("sheet %q of a workbook of %d", f.Sheet, len(f.Sheets))
	}
	if f.Kind == tabular.KindCSV || f.Kind == tabular.KindXLSX {
		if f.Header {
			what += ", with a header"
		} else {
			what += ", without a header"
		}
	}
	if f.Encoding != "" {
		what += ", in " + f.Encoding
	}
	if f.Compression != "" {
		what += ", compressed by " + f.Compression
	}
	return what
}

// Publish makes the result the data set's version. It only ever moves forward,
// and leaves a deleted data set as it is.
func (r *Runner) Publish(ctx context.Context, j *job.Job, result json.RawMessage) error {
	var made IngestResult
	if err := json.Unmarshal(result, &made); err != nil {
		return fmt.Errorf("decode result of job %s: %w", j.ID, err)
	}
	return r.publish(ctx, j, made.DatasetID, func(d *Dataset, rules *Rules) error {
		if !made.Version.first(d) {
			return store.ErrUnchanged
		}
		d.Version = &made.Version
		d.State = d.settled(rules)
		if d.SHA256 == "" {
			d.SHA256 = made.SHA256
		}
		return nil
	})
}

// first reports whether v, which was made of the file, is to be the data set's.
func (v *Version) first(d *Dataset) bool {
	return d.Version == nil || d.Version.number() == 1 && d.Version.Reading == 0 && d.Version.Epoch < v.Epoch
}

// ingest is one run.
type ingest struct {
	runner  *Runner
	task    *job.Task
	dataset *Dataset
	read    atomic.Int64 // bytes of the file in this pass

	settings map[string]Setting // of columns
	reading  int                // of the version
	digest   string             // SHA-256 of the file, where the record has none
}

// checked reports how much of the file has been inspected, by bytes read.
func (in *ingest) checked(rows int64) {
	in.task.Report.Progress("check", inferredAt*in.share(), rows, 0)
}

// share returns how much of the file was read in this pass.
func (in *ingest) share() float64 {
	return min(1, float64(in.read.Load())/float64(max(in.dataset.Size, 1)))
}

// inspect reads the file once and says what it holds.
func (in *ingest) inspect(ctx context.Context) (*tabular.Table, error) {
	o := tabular.Options{Format: in.dataset.Options, Limits: in.runner.limits}
	return tabular.Inspect(ctx, in, o, in.checked)
}

// once reads the beginning of a large file, and then the file by the types that
// the beginning has, and writes the typed table. Of a small file it says only what
// it holds. It returns nothing where the file has to be inspected before it is
// read: when types were chosen for its columns, when not all of it has the types
// of its beginning, and when something is wrong with it, since the first mistake
// in a file is the first of its records, and only then of its values.
func (in *ingest) once(ctx context.Context) (*tabular.Table, *described, error) {
	for _, set := range in.settings {
		if set.Type != "" || set.Layout != "" {
			return nil, nil, nil
		}
	}
	o := tabular.Options{Format: in.dataset.Options, Limits: in.runner.limits}
	table, trial, err := tabular.Try(ctx, in, o, in.checked)
	if err != nil || trial == nil {
		return table, nil, err
	}
	defer trial.Close() //nolint:errcheck // only read
	from := inferredAt * in.share()
	w, err := in.copy(ctx, trial, trial.Schema(), func(rows int64) {
		in.task.Report.Progress("write", from+(1-from)*in.share(), rows, 0)
	}, func(int64) (err error) {
		table, err = trial.Table()
		return err
	})
	if errors.Is(err, tabular.ErrTrial) || fault.ClassOf(err) == fault.ClassInvalid {
		in.task.Report.Logf("the file is read again, since not all of it is as its first %d rows are", trial.Beginning())
		return nil, nil, nil
	}
	return table, w, err
}

// write reads the file again and writes the typed table.
func (in *ingest) write(ctx context.Context, table *tabular.Table) (*described, error) {
	r, src, from, err := in.reader(ctx, table, table.Schema)
	if err != nil {
		return nil, err
	}
	defer src.Close() //nolint:errcheck // only read
	return in.copy(ctx, r, table.Schema, func(rows int64) {
		in.task.Report.Progress("write", from+(1-from)*float64(rows)/float64(max(table.Rows, rows, 1)), rows, table.Rows)
	}, func(rows int64) error {
		if rows != table.Rows {
			return fault.New(fault.ClassInternal, "file_changed", "the file of data set %s had %d rows and then %d", in.dataset.ID, table.Rows, rows)
		}
		return nil
	})
}

// copy writes what the reader has as a table of that schema. tell hears how many
// rows there were; accept is asked at the end whether the table is to be kept.
func (in *ingest) copy(ctx context.Context, r tabular.Reader, schema tabular.Schema, tell func(rows int64), accept func(rows int64) error) (*described, error) {
	rows := int64(0)
	d, err := writeDescribed(ctx, in.runner.files, in.task.Prefix, schema, profileOptions(in.dataset, in.settings, in.runner.now()), func(write func(*tabular.Chunk) error) error {
		err := tabular.Stream(ctx, r, func(c *tabular.Chunk) error {
			if err := write(c); err != nil {
				return err
			}
			rows += int64(c.Frame.Rows())
			tell(rows)
			return nil
		})
		if err != nil {
			return err
		}
		return accept(rows)
	})
	if err != nil {
		return nil, fmt.Errorf("data set %s: %w", in.dataset.ID, err)
	}
	return d, nil
}

// reader opens the file to be read with the types of the schema, which may leave
// columns of the table out, and says what is to be closed in the end and at what
// share of the job reading begins.
func (in *ingest) reader(ctx context.Context, table *tabular.Table, schema tabular.Schema) (tabular.Reader, io.Closer, float64, error) {
	from := inferredAt
	if table.Format.Kind == tabular.KindParquet {
		from = 0 // it was not read to be inspected
	}
	r, c, err := tabular.Open(ctx, in, tabular.Options{
		Format: table.Format.Told(), Limits: in.runner.limits, Schema: schema, Names: table.Schema.Names(),
	})
	return r, c, from, err
}

var _ tabular.File = (*ingest)(nil)

// Open implements tabular.File; it counts what is read.
func (in *ingest) Open(ctx context.Context) (io.ReadCloser, error) {
	src, err := in.runner.files.Open(ctx, in.dataset.RawKey)
	if err != nil {
		return nil, fmt.Errorf("open file of data set %s: %w", in.dataset.ID, err)
	}
	in.read.Store(0)
	counted := &counting{ReadCloser: src, read: &in.read}
	if in.dataset.SHA256 != "" || in.digest != "" {
		return counted, nil
	}
	return &digesting{ReadCloser: counted, hash: sha256.New(), in: in}, nil
}

// OpenAt implements tabular.File.
func (in *ingest) OpenAt(ctx context.Context) (io.ReaderAt, int64, error) {
	at, size, err := in.runner.files.OpenAt(ctx, in.dataset.RawKey)
	if err != nil {
		return nil, 0, fmt.Errorf("open file of data set %s: %w", in.dataset.ID, err)
	}
	in.read.Store(0)
	return &countingAt{ReaderAt: at, read: &in.read}, size, nil
}

// counting counts the bytes read.
type counting struct {
	io.ReadCloser
	read *atomic.Int64
}

// Read implements io.Reader.
func (c *counting) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.read.Add(int64(n))
	return n, err
}

// countingAt counts the bytes read.
type countingAt struct {
	io.ReaderAt
	read *atomic.Int64
}

// ReadAt implements io.ReaderAt.
func (c *countingAt) ReadAt(p []byte, at int64) (int, error) {
	n, err := c.ReaderAt.ReadAt(p, at)
	c.read.Add(int64(n))
	return n, err
}
