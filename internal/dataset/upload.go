package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/tabular"
)

// FormatOptions are what a client knows about its file.
type FormatOptions = tabular.FormatOptions

// Upload is a file on its way in.
type Upload struct {
	Tenant         string
	User           string
	Name           string // empty: the file's, without its extension
	Filename       string
	IdempotencyKey string // empty: none
	Options        FormatOptions
	Priority       *int     // of the ingest job; nil: the default
	After          []string // jobs that have to succeed before the ingest job runs
	SHA256         string   // of the file, in hexadecimal, as the client says; empty: not said. The ingest job compares it
	Body           io.Reader
}

const (
	maxKey      = 255 // bytes of an idempotency key
	maxNameSize = 200 // bytes of a data set's name
)

// Create stores the file, without holding more than a part of it, records the
// data set and submits its ingest job. It returns fault.TooLarge
// "upload_too_large" for a body above the limit and fault.Invalid "csv_empty"
// for none, and keeps nothing then. A repeated idempotency key with the same
// file gives the data set that exists; with anything else it is the conflict
// idempotency_key_reused.
func (s *Service) Create(ctx context.Context, u Upload) (*Dataset, *job.Job, error) {
	if u.Body == nil {
		return nil, nil, errors.New("create data set: a body is needed")
	}
	if err := s.Admit(ctx, u); err != nil {
		return nil, nil, err // before the file is read, which may be large
	}
	d := s.draft(u, NewID())
	if u.IdempotencyKey != "" {
		found, err := s.byKey(ctx, d)
		if err != nil {
			return nil, nil, err
		}
		if found != nil {
			return s.repeat(ctx, found, d, u.Body)
		}
	}
	if err := s.Room(ctx, u.Tenant); err != nil {
		return nil, nil, err // likewise
	}
	body := s.meter(u.Body)
	if err := s.keep(ctx, d.RawKey, body); err != nil {
		return nil, nil, err
	}
	d.Size, d.SHA256 = body.size, body.sum()
	return s.record(ctx, d, s.submitNew)
}

// NewID returns an identifier for a data set.
func NewID() string { return store.NewID("ds") }

// RawKey is where the file of the tenant's data set is kept as it was uploaded.
func RawKey(tenant, id string) string { return "uploads/" + tenant + "/" + id + "/raw" }

// Admit refuses an upload that could not become a data set, whatever its file
// holds.
func (s *Service) Admit(ctx context.Context, u Upload) error {
	if err := checkUpload(u); err != nil {
		return err
	}
	return s.jobs.CheckAfter(ctx, u.Tenant, u.After)
}

// Room refuses while so many jobs of the tenant wait that the ingest job of an
// upload would not be taken.
func (s *Service) Room(ctx context.Context, tenant string) error {
	return s.jobs.CheckRoom(ctx, tenant)
}

// Adopt makes the data set of that identifier of a file of that size, which has
// been stored under RawKey, and submits its ingest job. It may be repeated: the
// data set and the job are made once.
func (s *Service) Adopt(ctx context.Context, u Upload, id string, size int64) (*Dataset, *job.Job, error) {
	if err := checkUpload(u); err != nil {
		return nil, nil, err
	}
	d := s.draft(u, id)
	d.IdempotencyKey, d.Size = id, size
	return s.record(ctx, d, s.ingest) // whose refusal costs nobody a file that has arrived: it is asked for again
}

// draft is the record of an upload before its file is known.
func (s *Service) draft(u Upload, id string) *Dataset {
	d := s.newDataset(id, u.IdempotencyKey)
	d.Tenant, d.User, d.Name, d.Filename = u.Tenant, u.User, u.Name, u.Filename
	d.Options, d.Priority, d.After = u.Options, u.Priority, u.After
	d.RawKey, d.Said = RawKey(u.Tenant, id), u.SHA256
	d.nameByFile()
	return d
}

// newDataset returns the record of a data set that begins now.
func (s *Service) newDataset(id, key string) *Dataset {
	now := s.now().UTC()
	d := &Dataset{Meta: store.Meta{ID: id}, IdempotencyKey: key, State: Uploaded, CreatedAt: now}
	if key == "" {
		d.IdempotencyKey = id
	}
	if s.retention > 0 {
		d.ExpiresAt = now.Add(s.retention)
	}
	return d
}

// nameByFile names the data set after its file unless it has a name.
func (d *Dataset) nameByFile() {
	if d.Name == "" {
		d.Name = strings.TrimSuffix(path.Base(d.Filename), path.Ext(d.Filename))
	}
}

func checkUpload(u Upload) error {
	if u.Tenant == "" {
		return errors.New("create data set: a tenant is needed")
	}
	if u.SHA256 != "" {
		if sum, err := hex.DecodeString(u.SHA256); err != nil || len(sum) != sha256.Size || strings.ToLower(u.SHA256) != u.SHA256 {
			return fault.Invalid("invalid_sha256", "the SHA-256 of the file is %q; it must be 64 hexadecimal digits in lower case", u.SHA256).
				With(fault.Field{Location: "body.sha256", Message: "must be 64 hexadecimal digits"})
		}
	}
	return checkNames(u.Name, u.IdempotencyKey, u.Options)
}

// checkNames refuses what a request for a data set may not say.
func checkNames(name, key string, options FormatOptions) error {
	if len(name) > maxNameSize {
		return fault.Invalid("name_too_long", "the name has %d bytes; at most %d are allowed", len(name), maxNameSize).
			With(fault.Field{Location: "body.name", Message: "too long"})
	}
	bad := len(key) > maxKey
	for _, c := range []byte(key) {
		bad = bad || c < ' ' || c > '~'
	}
	if bad {
		return fault.Invalid("invalid_idempotency_key", "an idempotency key has at most %d printable ASCII characters", maxKey).
			With(fault.Field{Location: "header.Idempotency-Key", Message: "use a UUID or another short random string"})
	}
	return options.Validate()
}

// keep stores the body under the key, or nothing.
func (s *Service) keep(ctx context.Context, key string, body *meter) error {
	_, err := s.files.Put(ctx, key, "application/octet-stream", body)
	if err == nil && body.size == 0 && body.err == nil {
		err = fault.Invalid("csv_empty", "the file is empty; upload a table with a header and at least one row").
			With(fault.Field{Location: "body.file", Message: "is empty"})
	}
	if body.err != nil { // the file store may have lost its kind on the way
		err = body.err
	}
	if err == nil {
		return nil
	}
	if rest := s.files.Delete(context.WithoutCancel(ctx), key); rest != nil {
		err = fmt.Errorf("%w (and what was stored of it is left for the next clean-up: %w)", err, rest)
	}
	if _, ok := fault.As(err); ok {
		return err
	}
	return fmt.Errorf("store upload %s: %w", key, err)
}

// submitter submits the job of a data set.
type submitter func(ctx context.Context, d *Dataset) (*Dataset, *job.Job, error)

// record inserts the data set and submits its job. When it is not known whether
// the record was stored, as after a lost reply, its file stays: a repeated
// request may find the record. The next clean-up takes a file that no record
// names.
func (s *Service) record(ctx context.Context, d *Dataset, submit submitter) (*Dataset, *job.Job, error) {
	err := s.table.Insert(ctx, d)
	switch {
	case err == nil:
		return submit(ctx, d)
	case !errors.Is(err, store.ErrDuplicate):
		return nil, nil, storeFault(err)
	}
	found, err := s.byKey(ctx, d)
	if err != nil {
		return nil, nil, err
	}
	if found != nil && found.ID == d.ID { // an earlier try was stored, and its reply lost
		return submit(ctx, found)
	}
	// Another upload with this key was faster.
	if rest := s.files.Delete(context.WithoutCancel(ctx), d.RawKey); rest != nil {
		return nil, nil, fmt.Errorf("delete repeated upload %s: %w", d.RawKey, rest)
	}
	if found == nil {
		return nil, nil, fault.Unavailable("store_unavailable", "the data set could not be recorded; please try again in a moment")
	}
	return s.same(ctx, found, d)
}

// submitNew submits the job of a data set that was just recorded. When the job
// is refused, as when too many of the tenant's wait, the record and its file go:
// whoever asked knows of no data set.
func (s *Service) submitNew(ctx context.Context, d *Dataset) (*Dataset, *job.Job, error) {
	made, j, err := s.ingest(ctx, d)
	switch fault.ClassOf(err) {
	case fault.ClassExhausted, fault.ClassInvalid, fault.ClassNotFound, fault.ClassConflict, fault.ClassTooLarge:
	default: // nothing is wrong, or it is not known whether the job was stored
		return made, j, err
	}
	ctx = context.WithoutCancel(ctx)
	rest := s.table.Delete(ctx, d.ID, d.Revision)
	if errors.Is(rest, store.ErrStale) || errors.Is(rest, store.ErrNotFound) {
		return nil, nil, err // somebody has submitted it meanwhile, or it is gone
	}
	if rest == nil && d.RawKey != "" {
		rest = s.files.Delete(ctx, d.RawKey)
	}
	if rest != nil {
		err = fmt.Errorf("%w (and what was stored of it is left: %w)", err, rest)
	}
	return nil, nil, err
}

// ingest submits the data set's job, at most one.
func (s *Service) ingest(ctx context.Context, d *Dataset) (*Dataset, *job.Job, error) {
	kind := Kind()
	if d.Source != "" {
		kind = ImportKind()
	}
	j, _, err := s.jobs.Submit(ctx, job.Submission{
		Kind: kind, Tenant: d.Tenant, User: d.User, Subject: d.ID, IdempotencyKey: d.ID, Priority: d.Priority, After: d.After,
		Payload: IngestRequest{DatasetID: d.ID}, Memory: ingestMemory,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("submit ingest of data set %s: %w", d.ID, err)
	}
	d, err = s.table.Update(ctx, d.ID, func(d *Dataset) error {
		if d.JobID == j.ID {
			return store.ErrUnchanged
		}
		d.JobID = j.ID
		return nil
	})
	if err != nil {
		return nil, nil, storeFault(err)
	}
	return d, j, nil
}

// ingestMemory is what an ingest takes: it streams the file, and holds some
// blocks of rows and what the profile counts of each column.
const ingestMemory = 512 << 20

// byKey returns the data set with d's idempotency key, or nil.
func (s *Service) byKey(ctx context.Context, d *Dataset) (*Dataset, error) {
	page, err := s.table.Find(ctx, store.Query{Index: indexKey, Equal: []any{d.Tenant, d.IdempotencyKey}, Limit: 1})
	if err != nil {
		return nil, storeFault(err)
	}
	if len(page.Items) == 0 {
		return nil, nil //nolint:nilnil // not there is no error here
	}
	return page.Items[0], nil
}

// repeat reads a body that may have been uploaded before, without storing it.
func (s *Service) repeat(ctx context.Context, found, d *Dataset, r io.Reader) (*Dataset, *job.Job, error) {
	body := s.meter(r)
	if _, err := io.Copy(io.Discard, body); err != nil {
		return nil, nil, err
	}
	d.Size, d.SHA256 = body.size, body.sum()
	return s.same(ctx, found, d)
}

// same returns the data set that was found if d is the same upload.
func (s *Service) same(ctx context.Context, found, d *Dataset) (*Dataset, *job.Job, error) {
	if found.Deleted || found.SHA256 != d.SHA256 || found.Name != d.Name || found.Filename != d.Filename || !reflect.DeepEqual(found.Options, d.Options) ||
		found.Source != "" || !slices.Equal(found.After, d.After) {
		return nil, nil, errKeyReused()
	}
	return s.known(ctx, found)
}

func errKeyReused() error {
	return fault.Conflict("idempotency_key_reused", "the idempotency key was used for another upload or import; a new one needs a new key").
		With(fault.Field{Location: "header.Idempotency-Key", Message: "use a key of its own for every request"})
}

// known returns a data set that was asked for before, and its job.
func (s *Service) known(ctx context.Context, found *Dataset) (*Dataset, *job.Job, error) {
	if found.JobID == "" {
		return s.ingest(ctx, found)
	}
	j, err := s.jobs.Get(ctx, found.Tenant, found.JobID)
	if err != nil {
		return nil, nil, fmt.Errorf("ingest of data set %s: %w", found.ID, err)
	}
	return s.settle(found, j), j, nil
}

// meter counts and hashes what is read through it, up to a limit.
type meter struct {
	src   io.Reader
	limit int64
	size  int64
	hash  hash.Hash
	err   error // why reading ended early
}

func (s *Service) meter(r io.Reader) *meter {
	return &meter{src: r, limit: s.maxUpload, hash: sha256.New()}
}

func (m *meter) sum() string { return hex.EncodeToString(m.hash.Sum(nil)) }

// Read implements io.Reader.
func (m *meter) Read(p []byte) (int, error) {
	if m.err != nil {
		return 0, m.err
	}
	n, err := m.src.Read(p)
	m.size += int64(n)
	if m.size > m.limit {
		m.err = fault.TooLarge("upload_too_large", "the upload has more than %d bytes", m.limit).
			With(fault.Field{Location: "body.file", Message: fmt.Sprintf("at most %d bytes are allowed", m.limit)})
		return 0, m.err
	}
	_, _ = m.hash.Write(p[:n]) // never fails
	if err != nil && !errors.Is(err, io.EOF) {
		m.err = err
	}
	return n, err
}
