package dataset

import (
	"bytes"
	"context"
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
}

// Runner runs ingest jobs.
type Runner struct {
	table   *store.Table[Dataset, *Dataset]
	history *History
	files   IngestFiles
	limits  tabular.Limits
	now     func() time.Time
}

// NewRunner returns a Runner. The store has ensured Collections.
func NewRunner(c RunnerConfig) *Runner {
	r := &Runner{table: store.NewTable[Dataset](c.Driver, collection()), history: NewHistory(c.Driver, c.KeepVersions), files: c.Files, limits: c.Limits, now: c.Now}
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

// ingest inspects the file and writes what is made of it.
func (r *Runner) ingest(ctx context.Context, in *ingest) (*IngestResult, error) {
	t, d := in.task, in.dataset
	table, err := in.inspect(ctx)
	if err != nil {
		return nil, err
	}
	t.Report.Logf("read %d rows of %d columns as %s", table.Rows, len(table.Schema), describeFormat(table.Format))
	if err := in.choose(ctx, table); err != nil {
		return nil, err
	}
	v := Version{
		JobID: t.Job.ID, Epoch: t.Job.Epoch, Format: table.Format, Schema: table.Schema, Rows: table.Rows,
		TableKey: t.Prefix + "table.parquet", ProfileKey: t.Prefix + "profile.json", SampleKey: t.Prefix + "sample.parquet", CreatedAt: r.now().UTC(),
		Number:  1,
		Reading: in.reading,
	}
	content := NewContent(table.Schema)
	p, err := in.write(ctx, table, v.TableKey, content)
	if err != nil {
		return nil, err
	}
	if err := in.unfit(table, p); err != nil {
		return nil, err
	}
	v.Hash = content.Hash()
	if err := content.Sample(ctx, r.files, v.SampleKey); err != nil {
		return nil, fmt.Errorf("data set %s: %w", d.ID, err)
	}
	v.Types = found(p, in.settings)
	if err := keepProfile(ctx, r.files, v.ProfileKey, p); err != nil {
		return nil, fmt.Errorf("data set %s: %w", d.ID, err)
	}
	t.Report.Progress("done", 1, table.Rows, table.Rows)
	return &IngestResult{DatasetID: d.ID, Rows: v.Rows, Columns: len(v.Schema), Version: v}, nil
}

// keepProfile stores the profile.
func keepProfile(ctx context.Context, files IngestFiles, key string, p *profile.Profile) error {
	b, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("encode profile: %w", err)
	}
	if _, err := files.Put(ctx, key, "application/json", bytes.NewReader(b)); err != nil {
		return fmt.Errorf("store profile: %w", err)
	}
	return nil
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
	return r.publish(ctx, made.DatasetID, func(d *Dataset) error {
		if !made.Version.first(d) {
			return store.ErrUnchanged
		}
		d.Version, d.State = &made.Version, Ready
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
}

// checked reports how much of the file has been inspected, by bytes read.
func (in *ingest) checked(rows int64) {
	share := min(1, float64(in.read.Load())/float64(max(in.dataset.Size, 1)))
	in.task.Report.Progress("check", inferredAt*share, rows, 0)
}

// inspect reads the file once and says what it holds.
func (in *ingest) inspect(ctx context.Context) (*tabular.Table, error) {
	o := tabular.Options{Format: in.dataset.Options, Limits: in.runner.limits}
	return tabular.Inspect(ctx, in, o, in.checked)
}

// write reads the file again and writes the typed table; it returns the
// profile.
func (in *ingest) write(ctx context.Context, table *tabular.Table, key string, content *Content) (*profile.Profile, error) {
	r, src, from, err := in.reader(ctx, table, table.Schema)
	if err != nil {
		return nil, err
	}
	defer src.Close() //nolint:errcheck // only read
	rows := int64(0)
	profiled := newProfiler(table.Schema, profileOptions(in.settings, in.runner.now()))
	err = writeTable(ctx, in.runner.files, key, table.Schema, func(w tabular.Writer) error {
		return tabular.Stream(ctx, r, func(c *tabular.Chunk) error {
			if err := profiled.add(ctx, c); err != nil {
				return err
			}
			if err := w.Write(c.Frame); err != nil {
				return err
			}
			content.Add(c.Frame)
			rows += int64(c.Frame.Rows())
			in.task.Report.Progress("write", from+(1-from)*float64(rows)/float64(max(table.Rows, rows, 1)), rows, table.Rows)
			return nil
		})
	})
	p, profileErr := profiled.finish()
	if err != nil {
		return nil, err
	}
	if profileErr != nil {
		return nil, fmt.Errorf("data set %s: %w", in.dataset.ID, profileErr)
	}
	if rows != table.Rows {
		return nil, fault.New(fault.ClassInternal, "file_changed", "the file of data set %s had %d rows and then %d", in.dataset.ID, table.Rows, rows)
	}
	return p, nil
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
	return &counting{ReadCloser: src, read: &in.read}, nil
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

// writeTable streams what fill writes to the file store.
func writeTable(ctx context.Context, files IngestFiles, key string, schema tabular.Schema, fill func(tabular.Writer) error) error {
	out := tabular.NewOutlet(ctx, func(ctx context.Context, r io.Reader) error {
		if _, err := files.Put(ctx, key, "application/vnd.apache.parquet", r); err != nil {
			return fmt.Errorf("store table %s: %w", key, err)
		}
		return nil
	})
	w, err := tabular.NewParquetWriter(out, schema)
	if err == nil {
		err = fill(w)
	}
	if err == nil {
		err = w.Close()
	}
	return out.Close(err)
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
