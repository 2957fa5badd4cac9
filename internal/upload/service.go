package upload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"time"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
)

// Files puts files together. A token stands for one that is not whole.
type Files interface {
	Assemble(ctx context.Context, key, contentType string, size int64) (token string, err error)
	// Assembled says how much is there, and whether the file has appeared.
	Assembled(ctx context.Context, key, token string) (offset int64, whole bool, err error)
	// Append returns how many bytes were kept, with an error too.
	Append(ctx context.Context, key, token string, offset int64, r io.Reader) (int64, error)
	Finish(ctx context.Context, key, token string) error
	Abandon(ctx context.Context, key, token string) error
}

// Datasets makes data sets of whole files.
type Datasets interface {
	// Admit refuses what could not become a data set.
	Admit(ctx context.Context, u dataset.Upload) error
	// Room refuses while too many jobs of the tenant wait.
	Room(ctx context.Context, tenant string) error
	// Adopt may be repeated.
	Adopt(ctx context.Context, u dataset.Upload, id string, size int64) (*dataset.Dataset, *job.Job, error)
}

// ServiceConfig is what a Service needs. Driver, Files and Datasets are required.
type ServiceConfig struct {
	Driver     store.Driver
	Files      Files
	Direct     Direct // nil: clients do not reach the file store, and nothing is presigned
	Datasets   Datasets
	MaxSize    int64            // bytes of a file; default 100 GiB
	MaxOpen    int              // unfinished uploads of a tenant; default 100
	Retention  time.Duration    // of an upload for which nothing arrives; default 24 h
	AddressTTL time.Duration    // for which a presigned address is good; default 15 min
	Now        func() time.Time // default time.Now
}

// Service keeps uploads. It is safe for concurrent use.
type Service struct {
	table      *store.Table[Upload, *Upload]
	locks      *lockTable
	files      Files
	direct     Direct
	datasets   Datasets
	maxSize    int64
	maxOpen    int64
	retention  time.Duration
	addressTTL time.Duration
	now        func() time.Time
}

// NewService returns a Service. The store has ensured Collections.
func NewService(c ServiceConfig) *Service {
	s := &Service{
		table: store.NewTable[Upload](c.Driver, collection()), locks: store.NewTable[lockRecord](c.Driver, locks()),
		files: c.Files, direct: c.Direct, datasets: c.Datasets,
		maxSize: c.MaxSize, maxOpen: int64(c.MaxOpen), retention: c.Retention, addressTTL: c.AddressTTL, now: c.Now,
	}
	if s.maxSize <= 0 {
		s.maxSize = 100 << 30
	}
	if s.maxOpen <= 0 {
		s.maxOpen = 100
	}
	if s.retention <= 0 {
		s.retention = 24 * time.Hour
	}
	if s.addressTTL <= 0 {
		s.addressTTL = 15 * time.Minute
	}
	if s.now == nil {
		s.now = time.Now
	}
	return s
}

// MaxSize is the longest file that is taken.
func (s *Service) MaxSize() int64 { return s.maxSize }

// Create begins an upload of a file of that size, of which nothing is there
// yet. A repeated idempotency key of the same upload gives the one that exists,
// and created is false; with anything else it is the conflict
// idempotency_key_reused.
func (s *Service) Create(ctx context.Context, u dataset.Upload, metadata map[string]string, size int64) (up *Upload, created bool, err error) {
	if err := s.admit(ctx, u, size, "header.Upload-Length"); err != nil {
		return nil, false, err
	}
	up = s.draft(u, size)
	up.Sent = metadata
	return s.begin(ctx, up, func() (string, error) { return s.files.Assemble(ctx, up.key(), up.ContentType, size) })
}

// draft is the record of an upload that begins now.
func (s *Service) draft(u dataset.Upload, size int64) *Upload {
	now := s.now().UTC()
	id := dataset.NewID()
	return &Upload{
		Meta: store.Meta{ID: IDOf(id)}, Tenant: u.Tenant, User: u.User, IdempotencyKey: u.IdempotencyKey, State: Open, Size: size,
		Name: u.Name, Filename: u.Filename, Options: u.Options, Priority: u.Priority, After: u.After, SHA256: u.SHA256,
		ContentType: "application/octet-stream", DatasetID: id, CreatedAt: now, ExpiresAt: now.Add(s.retention),
	}
}

// begin records the upload for which the file store has begun a file, unless its
// idempotency key was used before.
func (s *Service) begin(ctx context.Context, up *Upload, assemble func() (token string, err error)) (_ *Upload, created bool, err error) {
	if up.IdempotencyKey == "" {
		up.IdempotencyKey = up.ID
	} else if found, err := s.byKey(ctx, up); found != nil || err != nil {
		return found, false, err
	}
	if err := s.room(ctx, up.Tenant); err != nil {
		return nil, false, err
	}
	if up.Token, err = assemble(); err != nil {
		return nil, false, fmt.Errorf("begin upload %s: %w", up.ID, err)
	}
	switch err := s.table.Insert(ctx, up); {
	case err == nil:
		return up, true, nil
	case !errors.Is(err, store.ErrDuplicate):
		return nil, false, storeFault(err) // the next clean-up takes what the file store has begun
	}
	found, err := s.byKey(ctx, up)
	if found == nil && err == nil {
		err = fault.Unavailable("store_unavailable", "the upload could not be recorded; please try again in a moment")
	}
	if err == nil && found.ID == up.ID { // an earlier try was stored, and its reply lost
		return found, true, nil
	}
	if rest := s.files.Abandon(context.WithoutCancel(ctx), up.key(), up.Token); rest != nil && err == nil {
		err = fmt.Errorf("abandon upload %s: %w", up.ID, rest)
	}
	return found, false, err
}

// room refuses while the tenant has as much under way as it may.
func (s *Service) room(ctx context.Context, tenant string) error {
	open, err := s.table.Count(ctx, store.Query{Index: indexState, Equal: []any{tenant, string(Open)}}, s.maxOpen)
	if err != nil {
		return storeFault(err)
	}
	if open >= s.maxOpen {
		return fault.New(fault.ClassExhausted, "too_many_uploads", "%d uploads have begun and are not finished, as many as a tenant may have; finish one or delete it", open)
	}
	return s.datasets.Room(ctx, tenant)
}

// admit refuses a file that could not become a data set; where says by what its
// size was told.
func (s *Service) admit(ctx context.Context, u dataset.Upload, size int64, where string) error {
	if size > s.maxSize {
		return fault.TooLarge("upload_too_large", "the file has %d bytes; at most %d are allowed", size, s.maxSize).
			With(fault.Field{Location: where, Message: fmt.Sprintf("at most %d bytes are allowed", s.maxSize)})
	}
	if size <= 0 {
		return fault.Invalid("csv_empty", "the file is empty; upload a table with a header and at least one row").
			With(fault.Field{Location: where, Message: "must be positive"})
	}
	return s.datasets.Admit(ctx, u)
}

// byKey returns the upload with up's idempotency key, or nil. It refuses one that
// is of another file.
func (s *Service) byKey(ctx context.Context, up *Upload) (*Upload, error) {
	page, err := s.table.Find(ctx, store.Query{Index: indexKey, Equal: []any{up.Tenant, up.IdempotencyKey}, Limit: 1})
	if err != nil {
		return nil, storeFault(err)
	}
	if len(page.Items) == 0 {
		return nil, nil //nolint:nilnil // not there is no error here
	}
	found := page.Items[0]
	if found.expired(s.now()) {
		if err := s.sweep(ctx, found, false, &swept{}); err != nil {
			return nil, err
		}
		again, err := s.table.Get(ctx, found.ID)
		if errors.Is(err, store.ErrNotFound) {
			return nil, nil //nolint:nilnil // the key is free again
		}
		if err != nil {
			return nil, storeFault(err)
		}
		found = again // it was whole, and is a data set now
	}
	if found.Way != up.Way || found.Size != up.Size || found.Name != up.Name || found.Filename != up.Filename ||
		found.SHA256 != up.SHA256 || found.MD5 != up.MD5 || found.CRC32 != up.CRC32 ||
		found.Way == Presigned && found.ContentType != up.ContentType || !reflect.DeepEqual(found.Options, up.Options) || !slices.Equal(found.After, up.After) {
		return nil, fault.Conflict("idempotency_key_reused", "the idempotency key was used for another upload; a new upload needs a new key").
			With(fault.Field{Location: "header.Idempotency-Key", Message: "use a key of its own for every upload"})
	}
	return s.look(ctx, found)
}

// Get returns the tenant's upload and how much of it has arrived. One that is
// done is finished, if that was not done. Another tenant's, and one
// whose time is over, is fault.NotFound "upload_not_found".
func (s *Service) Get(ctx context.Context, tenant, id string) (*Upload, error) {
	up, err := s.find(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	if up, err = s.look(ctx, up); err != nil {
		return nil, err
	}
	if up.State == Open && up.done() {
		return s.Finish(ctx, up)
	}
	return up, nil
}

// Known returns nil when the tenant has the upload, else fault.NotFound
// "upload_not_found". It looks at the record alone.
func (s *Service) Known(ctx context.Context, tenant, id string) error {
	_, err := s.find(ctx, tenant, id)
	return err
}

// find returns the record as it is stored.
func (s *Service) find(ctx context.Context, tenant, id string) (*Upload, error) {
	up, err := s.table.Get(ctx, id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, storeFault(err)
	}
	if err != nil || up.Tenant != tenant || up.expired(s.now()) {
		return nil, errNotFound(id)
	}
	return up, nil
}

// look finds out how much has arrived.
func (s *Service) look(ctx context.Context, up *Upload) (*Upload, error) {
	if up.State == Finished {
		up.Offset = up.Size
		return up, nil
	}
	var err error
	up.Offset, up.whole, err = s.files.Assembled(ctx, up.key(), up.Token)
	if fault.ClassOf(err) == fault.ClassNotFound {
		return nil, errNotFound(up.ID) // it was given up, or its data set was deleted, while we looked
	}
	if err != nil {
		return nil, fmt.Errorf("look at upload %s: %w", up.ID, err)
	}
	return up, nil
}

func errNotFound(id string) error {
	return fault.NotFound("upload_not_found", "there is no upload %.60q; it may have expired or been deleted: begin a new one", id)
}

// storeFault says that the store did not answer. Faults pass through.
func storeFault(err error) error {
	if _, ok := fault.As(err); ok || err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	return fault.Unavailable("store_unavailable", "the uploads cannot be reached; please try again in a moment").Because(err)
}

// List returns the tenant's unfinished uploads, newest first, without how much
// of them has arrived.
func (s *Service) List(ctx context.Context, tenant, cursor string, limit int) (store.Page[*Upload], error) {
	page, err := s.table.Find(ctx, store.Query{Index: indexState, Equal: []any{tenant, string(Open)}, Descending: true, Cursor: cursor, Limit: limit})
	if err != nil {
		return store.Page[*Upload]{}, storeFault(err)
	}
	now := s.now()
	page.Items = slices.DeleteFunc(page.Items, func(up *Upload) bool { return up.expired(now) })
	return page, nil
}

// touchEvery is the share of the retention after which an upload is kept longer.
const touchEvery = 48

// Append adds what r gives at the upload's offset and returns how many bytes were
// kept, with an error too. The caller holds the upload's lock.
func (s *Service) Append(ctx context.Context, up *Upload, offset int64, r io.Reader) (int64, error) {
	if up.State == Finished {
		return 0, fault.Conflict("upload_finished", "the upload is finished; it is the data set %s", up.DatasetID)
	}
	if err := s.touch(ctx, up); err != nil {
		return 0, err
	}
	n, err := s.files.Append(ctx, up.key(), up.Token, offset, &moving{reader: r, every: s.retention / touchEvery, now: s.now, since: s.now(), move: func() error { return s.touch(ctx, up) }})
	up.Offset = offset + n
	if err != nil {
		return n, fmt.Errorf("add to upload %s: %w", up.ID, err)
	}
	return n, nil
}

// touch keeps the upload for longer, unless that was done shortly before.
func (s *Service) touch(ctx context.Context, up *Upload) error {
	until := s.now().UTC().Add(s.retention)
	if until.Sub(up.ExpiresAt) < s.retention/touchEvery {
		return nil
	}
	changed, err := s.table.Update(ctx, up.ID, func(found *Upload) error {
		if found.State == Finished {
			return store.ErrUnchanged
		}
		found.ExpiresAt = until
		return nil
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return errNotFound(up.ID)
	case err != nil:
		return storeFault(err)
	}
	up.ExpiresAt, up.Revision = changed.ExpiresAt, changed.Revision
	return nil
}

// moving keeps an upload for longer while its bytes arrive.
type moving struct {
	reader io.Reader
	every  time.Duration
	now    func() time.Time
	since  time.Time
	move   func() error
}

// Read implements io.Reader.
func (m *moving) Read(p []byte) (int, error) {
	if now := m.now(); now.Sub(m.since) >= m.every {
		m.since = now
		if err := m.move(); err != nil {
			return 0, err
		}
	}
	return m.reader.Read(p) //nolint:wrapcheck // a reader passes errors on
}

// Finish makes a data set of an upload of which everything has arrived. It may
// be repeated, and by several at once: the data set and its job are made once.
func (s *Service) Finish(ctx context.Context, up *Upload) (*Upload, error) {
	if up.State == Finished {
		return up, nil
	}
	if err := s.files.Finish(ctx, up.key(), up.Token); err != nil {
		if fault.ClassOf(err) == fault.ClassNotFound {
			return nil, errNotFound(up.ID)
		}
		return nil, fmt.Errorf("finish upload %s: %w", up.ID, err)
	}
	_, j, err := s.datasets.Adopt(ctx, up.made(), up.DatasetID, up.Size)
	if err != nil {
		return nil, fmt.Errorf("make a data set of upload %s: %w", up.ID, err)
	}
	changed, err := s.table.Update(ctx, up.ID, func(found *Upload) error {
		if found.State == Finished {
			return store.ErrUnchanged
		}
		found.State, found.JobID, found.ExpiresAt = Finished, j.ID, s.now().UTC().Add(s.retention)
		return nil
	})
	if err != nil {
		return nil, storeFault(err)
	}
	changed.Offset = changed.Size
	return changed, nil
}

// Terminate gives up the tenant's upload and what has arrived of it. One of
// which everything has is a data set, and is refused. The caller holds the lock.
func (s *Service) Terminate(ctx context.Context, up *Upload) error {
	if up.State == Finished {
		return fault.Conflict("upload_finished", "the upload is finished; delete the data set %s", up.DatasetID)
	}
	return s.remove(ctx, up)
}

// remove gives up an upload that is not whole. The record goes last: without it
// nobody would find the rest.
func (s *Service) remove(ctx context.Context, up *Upload) error {
	if up.State == Open {
		if err := s.files.Abandon(ctx, up.key(), up.Token); err != nil {
			return fmt.Errorf("abandon upload %s: %w", up.ID, err)
		}
	}
	if err := s.table.Delete(ctx, up.ID, 0); err != nil && !errors.Is(err, store.ErrNotFound) {
		return storeFault(err)
	}
	return nil
}
