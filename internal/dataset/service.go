package dataset

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/pii"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml/frame"
)

// Files is where uploads and tables are.
type Files interface {
	Put(ctx context.Context, key, contentType string, r io.Reader) (size int64, err error)
	Open(ctx context.Context, key string) (io.ReadCloser, error)
	OpenAt(ctx context.Context, key string) (io.ReaderAt, int64, error)
	Delete(ctx context.Context, keys ...string) error
}

// Jobs takes and finds jobs.
type Jobs interface {
	Submit(ctx context.Context, s job.Submission) (*job.Job, bool, error)
	Get(ctx context.Context, tenant, id string) (*job.Job, error)
	Active(ctx context.Context, subject string) (bool, error)
	// CheckAfter refuses jobs to come after that the tenant does not have.
	CheckAfter(ctx context.Context, tenant string, after []string) error
	// CheckRoom refuses while too many of the tenant's jobs wait.
	CheckRoom(ctx context.Context, tenant string) error
}

// ServiceConfig is what a Service needs.
type ServiceConfig struct {
	Driver    store.Driver
	Files     Files
	Jobs      Jobs
	Sources   Sources          // what may be imported; nil: nothing is
	MaxUpload int64            // bytes; default 10 GiB
	Retention time.Duration    // after which a data set expires; 0: never
	Now       func() time.Time // default time.Now
	// KeepVersions is how many of the newest versions keep their files, beside
	// the first and those that are pinned or used; default 10.
	KeepVersions int
	// Policy is that of columns of personal data for which nobody has set one, and
	// the tenant has no rule; default PolicyWarn.
	Policy Policy
	Keys   *pii.Keys // that values are hashed with; nil: nothing can be
}

const defaultMaxUpload = 10 << 30

// Service keeps the records of data sets. It is safe for concurrent use.
type Service struct {
	table     *store.Table[Dataset, *Dataset]
	history   *History
	accesses  *store.Table[Access, *Access]
	rules     rulebook
	guardian  guardian
	keys      *pii.Keys
	files     Files
	jobs      Jobs
	sources   Sources
	maxUpload int64
	retention time.Duration
	now       func() time.Time
}

// NewService returns a Service. The store has ensured Collections.
func NewService(c ServiceConfig) *Service {
	s := &Service{
		table:   store.NewTable[Dataset](c.Driver, collection()),
		history: NewHistory(c.Driver, c.KeepVersions),
		files:   c.Files, jobs: c.Jobs, sources: c.Sources, maxUpload: c.MaxUpload, retention: c.Retention, now: c.Now,
		accesses: store.NewTable[Access](c.Driver, accesses()), rules: newRulebook(c.Driver, c.Policy), keys: c.Keys,
	}
	if s.maxUpload <= 0 {
		s.maxUpload = defaultMaxUpload
	}
	s.guardian = guardian{s.table, c.Jobs}
	if s.now == nil {
		s.now = time.Now
	}
	return s
}

// Kind declares the ingest job.
func Kind() job.Kind {
	return job.Kind{Name: "ingest", Pool: "data", Version: 1, Timeout: 6 * time.Hour, MaxFailures: 3, MaxCrashes: 5}
}

// Get returns the tenant's data set, or fault.NotFound "dataset_not_found",
// also for one that was deleted, has expired or is somebody else's.
func (s *Service) Get(ctx context.Context, tenant, id string) (*Dataset, error) {
	d, err := s.get(ctx, tenant, id)
	if err == nil {
		err = s.recallFormat(ctx, d)
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}

// get returns the record in the state that it is in.
func (s *Service) get(ctx context.Context, tenant, id string) (*Dataset, error) {
	d, err := s.find(ctx, tenant, id)
	if err != nil || d.State != Uploaded {
		return d, err
	}
	if d.JobID == "" {
		// The process that took the upload died before it submitted the job.
		d, _, err = s.ingest(ctx, d)
		return d, err
	}
	return s.derive(ctx, d)
}

// find returns the record as it is stored.
func (s *Service) find(ctx context.Context, tenant, id string) (*Dataset, error) {
	d, err := s.table.Get(ctx, id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, storeFault(err)
	}
	if err != nil || d.Tenant != tenant || d.Deleted || d.expired(s.now()) {
		return nil, errNotFound(id)
	}
	return d, nil
}

func errNotFound(id string) error {
	const longest = 60
	if len(id) > longest {
		id = id[:longest]
	}
	return fault.NotFound("dataset_not_found", "there is no data set %q", id)
}

// storeFault says that the store did not answer. Faults pass through.
func storeFault(err error) error {
	if _, ok := fault.As(err); ok || err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	return fault.Unavailable("store_unavailable", "the data sets cannot be reached; please try again in a moment").Because(err)
}

// derive finds out whether the ingest of an uploaded data set has failed.
func (s *Service) derive(ctx context.Context, d *Dataset) (*Dataset, error) {
	j, err := s.jobs.Get(ctx, d.Tenant, d.JobID)
	if fault.ClassOf(err) == fault.ClassNotFound {
		return d, nil // the job's record has been cleaned up
	}
	if err != nil {
		return nil, fmt.Errorf("ingest of data set %s: %w", d.ID, err)
	}
	return s.settle(d, j), nil
}

// settle gives an uploaded data set the state that follows from its job's.
func (s *Service) settle(d *Dataset, j *job.Job) *Dataset {
	if d.State == Uploaded && (j.State == job.Failed || j.State == job.Cancelled) {
		d.State = Rejected
	}
	return d
}

// List returns the tenant's data sets, the newest first.
func (s *Service) List(ctx context.Context, tenant, cursor string, limit int) (store.Page[*Dataset], error) {
	page, err := s.table.Find(ctx, store.Query{
		Index: indexTenant, Equal: []any{tenant, int64(0)}, Descending: true, Cursor: cursor, Limit: limit,
	})
	if err != nil {
		return page, storeFault(err)
	}
	items := page.Items
	page.Items = make([]*Dataset, 0, len(items))
	for _, d := range items {
		if d.expired(s.now()) {
			continue
		}
		if d.State == Uploaded && d.JobID != "" {
			if d, err = s.derive(ctx, d); err != nil {
				return store.Page[*Dataset]{}, err
			}
		}
		if err := s.recallFormat(ctx, d); err != nil {
			return store.Page[*Dataset]{}, err
		}
		page.Items = append(page.Items, d)
	}
	return page, nil
}

// Delete hides the data set; its files go at the next clean-up. It returns
// fault.Conflict "dataset_in_use" while a job is about it.
func (s *Service) Delete(ctx context.Context, tenant, id string) error {
	if _, err := s.find(ctx, tenant, id); err != nil {
		return err
	}
	active, err := s.jobs.Active(ctx, id)
	if err != nil {
		return fmt.Errorf("delete data set %s: %w", id, err)
	}
	if active {
		return fault.Conflict("dataset_in_use", "a job about data set %s has not ended; wait for it or cancel it first", id)
	}
	_, err = s.table.Update(ctx, id, func(d *Dataset) error {
		if d.Deleted {
			return store.ErrUnchanged
		}
		d.Deleted = true
		return nil
	})
	return storeFault(err)
}

// References returns the keys that the data set's record points to, none when
// it is gone, deleted or past its expiry at now.
func (s *Service) References(ctx context.Context, id string, now time.Time) ([]string, error) {
	d, err := s.table.Get(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, storeFault(err)
	}
	if d.Deleted || d.expired(now) {
		return nil, nil
	}
	var keys []string
	if d.RawKey != "" && d.ErasedBefore == 0 {
		keys = append(keys, d.RawKey)
	}
	if v := d.Version; v != nil {
		keys = append(keys, v.keys()...)
	}
	more, err := s.history.references(ctx, d)
	return append(keys, more...), err
}

// ready returns the data set if it has been ingested.
func (s *Service) ready(ctx context.Context, tenant, id string) (*Dataset, error) {
	d, err := s.get(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	if err := d.waits(); err != nil {
		return nil, err
	}
	if d.State != Ready || d.Version == nil {
		return nil, fault.Conflict("dataset_not_ready", "data set %s is %s; it is ready when its ingest job %s has succeeded", d.ID, d.State, d.JobID)
	}
	return d, nil
}

// waits says what has to be done about personal data before the data set is used.
func (d *Dataset) waits() error {
	switch d.State {
	case NeedsConfirmation:
		return errUnconfirmed(d.ID)
	case NeedsPolicy:
		return errUnprotected(d)
	case Uploaded, Ready, Rejected:
	}
	return nil
}

// Preview is the beginning of a data set.
type Preview struct {
	Schema    tabular.Schema `json:"schema"`
	Columns   []Column       `json:"-"`
	Rows      [][]any        `json:"rows"` // nil, int64, float64, bool or string; instants as text
	RowsTotal int64          `json:"rows_total"`
	Masked    []string       `json:"masked,omitempty"` // columns whose values are masked, and texts therefore
}

// MaxPreview is the most rows of a preview.
const MaxPreview = 1000

// Preview returns the first rows of a data set that is ready, at most limit of
// them; 0 means 100. Values of personal data are masked.
func (s *Service) Preview(ctx context.Context, d *Dataset, limit int) (*Preview, error) {
	p, err := s.preview(ctx, d, limit)
	if err != nil {
		return nil, err
	}
	p.mask(d.Private())
	return p, nil
}

// preview returns the first rows as they are.
func (s *Service) preview(ctx context.Context, d *Dataset, limit int) (*Preview, error) {
	if limit == 0 {
		limit = 100
	}
	if limit < 0 || limit > MaxPreview {
		return nil, fault.Invalid("limit_out_of_range", "limit is %d; it must lie between 1 and %d", limit, MaxPreview).
			With(fault.Field{Location: "query.limit", Message: fmt.Sprintf("must lie between 1 and %d", MaxPreview), Value: limit})
	}
	r, err := s.open(ctx, d, nil, limit)
	if err != nil {
		return nil, err
	}
	defer r.Close() //nolint:errcheck // only read
	p := &Preview{Schema: d.Version.Schema, Columns: d.TableColumns(), Rows: make([][]any, 0, limit), RowsTotal: d.Version.Rows}
	for len(p.Rows) < limit {
		c, err := r.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("preview data set %s: %w", d.ID, err)
		}
		for i := range min(c.Frame.Rows(), limit-len(p.Rows)) {
			row := make([]any, len(c.Frame.Columns()))
			for k, column := range c.Frame.Columns() {
				row[k] = tabular.FieldValue(p.Schema[k], column, i)
			}
			p.Rows = append(p.Rows, row)
		}
	}
	return p, nil
}

// open opens the typed table; columns may be nil for all.
func (s *Service) open(ctx context.Context, d *Dataset, columns []string, chunkRows int) (*tabular.ParquetReader, error) {
	o := tabular.ParquetOptions{Limits: tabular.Limits{ChunkRows: chunkRows}, Schema: d.Version.Schema}
	if columns != nil {
		o.Schema = nil
		for _, name := range columns {
			f, ok := d.Version.Schema.Lookup(name)
			if !ok {
				return nil, fault.Invalid("unknown_column", "data set %s has no column %q", d.ID, name).
					With(fault.Field{Location: fmt.Sprintf("column %q", name), Message: "no such column"})
			}
			o.Schema = append(o.Schema, f)
		}
	}
	src, size, err := s.files.OpenAt(ctx, d.Version.TableKey)
	if err != nil {
		return nil, fmt.Errorf("open table of data set %s: %w", d.ID, err)
	}
	r, err := tabular.NewParquetReader(tabular.Buffered(src, size), size, o)
	if err != nil {
		return nil, fmt.Errorf("open table of data set %s: %w", d.ID, err)
	}
	return r, nil
}

// Frame reads the named columns of a data set that is ready into memory, all of
// them if columns is nil.
func (s *Service) Frame(ctx context.Context, d *Dataset, columns []string) (*frame.Frame, error) {
	if d.Version == nil {
		return nil, fault.Conflict("dataset_not_ready", "data set %s is %s", d.ID, d.State)
	}
	r, err := s.open(ctx, d, columns, 0)
	if err != nil {
		return nil, err
	}
	defer r.Close() //nolint:errcheck // only read
	f, err := tabular.ReadFrame(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("read table of data set %s: %w", d.ID, err)
	}
	return f, nil
}

// maxProfile bounds a profile that is read into memory.
const maxProfile = 256 << 20
