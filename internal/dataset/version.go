package dataset

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// Revision is the record of one version of a data set. What it says of the
// table never changes; whether it is pinned, used or gone does.
type Revision struct {
	store.Meta
	Tenant    string  `json:"tenant"`
	DatasetID string  `json:"dataset_id"`
	Version   Version `json:"version"`
	User      string  `json:"user"`

	// What made it; a version without a parent is what the ingest made, one without
	// steps was read from the file, too, with the types that people had chosen.
	Parent        int                `json:"parent,omitempty"`
	Columns       map[string]Setting `json:"columns,omitempty"`
	RecipeID      string             `json:"recipe_id,omitempty"`
	RecipeVersion int                `json:"recipe_version,omitempty"`
	Steps         []preprocess.Spec  `json:"steps,omitempty"`
	Counts        []StepCount        `json:"counts,omitempty"` // of the steps
	Tables        []TableRef         `json:"tables,omitempty"` // the versions of other data sets that were joined
	FittedKey     string             `json:"fitted_key,omitempty"`

	RowsBefore     int64    `json:"rows_before,omitempty"`
	Added          []string `json:"added,omitempty"` // columns, against the parent
	Removed        []string `json:"removed,omitempty"`
	Retyped        []string `json:"retyped,omitempty"`
	QualityBefore  *float64 `json:"quality_before,omitempty"` // of the profiles, when they have one
	QualityAfter   *float64 `json:"quality_after,omitempty"`
	ReproducedFrom int      `json:"reproduced_from,omitempty"` // the version that this one repeats
	Protects       bool     `json:"protects,omitempty"`        // policies of personal data made it

	Pinned bool     `json:"pinned,omitempty"`
	Used   []string `json:"used,omitempty"` // models that were trained on it, and versions of other data sets that it was joined to
	Gone   bool     `json:"gone,omitempty"` // its files are cleaned up; it can be reproduced

	// What follows from the record of the data set, see Dataset.Sealed and Erased.
	Sealed bool `json:"-"`
	Erased bool `json:"-"`
}

// Kinds of versions by what made them.
const (
	MadeByIngest = "ingest"
	MadeByRetype = "retype"
	MadeByRecipe = "recipe"
	MadeByPolicy = "policy"
)

// MadeBy says what made the version.
func (r *Revision) MadeBy() string {
	switch {
	case r.Parent == 0:
		return MadeByIngest
	case len(r.Steps) == 0:
		return MadeByRetype
	case r.Protects:
		return MadeByPolicy
	default:
		return MadeByRecipe
	}
}

// ofSteps reports whether steps made the version of another one.
func (r *Revision) ofSteps() bool { return r.Parent != 0 && len(r.Steps) > 0 }

// StepCount is how many rows went into a step and came out.
type StepCount struct {
	In  int64 `json:"in"`
	Out int64 `json:"out"`
}

// TableRef names a version of a data set.
type TableRef struct {
	DatasetID string `json:"dataset_id"`
	Number    int    `json:"number"`
	Hash      string `json:"hash,omitempty"`
}

const indexNumber = "number"

func versions() store.Collection {
	return store.Collection{Name: "dataset_versions", Indexes: []store.Index{{
		Name: indexNumber, Unique: true,
		Fields: []store.IndexField{{Name: "dataset_id", Type: store.String}, {Name: "number", Type: store.Int}},
	}}}
}

// Keys implements store.Entity.
func (r *Revision) Keys() map[string]any {
	return map[string]any{"dataset_id": r.DatasetID, "number": int64(r.Version.number())}
}

// revisionID is the identifier of a version, so that one can be read without an
// index, as the process of a job does.
func revisionID(datasetID string, number int) string {
	return "ver_" + strings.TrimPrefix(datasetID, "ds_") + "_" + strconv.Itoa(number)
}

// History keeps the records of versions.
type History struct {
	table *store.Table[Revision, *Revision]
	keep  int
}

// NewHistory returns a History that keeps the files of so many of the newest
// versions; 0 means 10. The store has ensured Collections.
func NewHistory(driver store.Driver, keep int) *History {
	if keep <= 0 {
		keep = 10
	}
	return &History{table: store.NewTable[Revision](driver, versions()), keep: keep}
}

// first is the record of what an ingest made. It is stored only when there is
// another version, or something to say of it.
func first(d *Dataset) *Revision {
	return &Revision{Meta: store.Meta{ID: revisionID(d.ID, 1)}, Tenant: d.Tenant, DatasetID: d.ID, Version: *d.Version, User: d.User}
}

// list returns the records of the versions, the newest first.
func (h *History) list(ctx context.Context, d *Dataset) ([]*Revision, error) {
	var all []*Revision
	q := store.Query{Index: indexNumber, Equal: []any{d.ID}, Descending: true, Limit: 500}
	for {
		page, err := h.table.Find(ctx, q)
		if err != nil {
			return nil, storeFault(err)
		}
		all = append(all, page.Items...)
		if page.Next == "" {
			break
		}
		q.Cursor = page.Next
	}
	if len(all) == 0 && d.Version != nil {
		all = append(all, first(d))
	}
	return all, nil
}

func (h *History) references(ctx context.Context, d *Dataset) ([]string, error) {
	if d.Version == nil || d.Version.number() == 1 {
		return nil, nil
	}
	all, err := h.list(ctx, d)
	if err != nil {
		return nil, err
	}
	var keys []string
	for _, r := range all {
		if d.Erased(r) {
			continue
		}
		if !r.Gone {
			keys = append(keys, r.Version.keys()...)
		}
		if r.FittedKey != "" { // later versions, and models, go on from it
			keys = append(keys, r.FittedKey)
		}
	}
	return keys, nil
}

// Versions returns the versions of a data set that is ready, the newest first.
func (s *Service) Versions(ctx context.Context, tenant, id string) ([]*Revision, error) {
	d, err := s.ready(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	all, err := s.history.list(ctx, d)
	for _, r := range all {
		r.Sealed, r.Erased = d.Sealed(r), d.Erased(r)
	}
	return all, err
}

// Revision returns one version; 0 means the newest.
func (s *Service) Revision(ctx context.Context, tenant, id string, number int) (*Revision, error) {
	d, err := s.ready(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	return s.revision(ctx, d, number)
}

func (s *Service) revision(ctx context.Context, d *Dataset, number int) (*Revision, error) {
	if number == 0 {
		number = d.Version.number()
	}
	r, err := s.history.table.Get(ctx, revisionID(d.ID, number))
	switch {
	case err == nil:
		r.Sealed, r.Erased = d.Sealed(r), d.Erased(r)
		return r, nil
	case !errors.Is(err, store.ErrNotFound):
		return nil, storeFault(err)
	case number == 1 && d.Version.number() == 1:
		return first(d), nil
	}
	return nil, errNoVersion(d, number)
}

func errNoVersion(d *Dataset, number int) error {
	return fault.NotFound("version_not_found", "data set %s has no version %d; the newest is %d", d.ID, number, d.Version.number())
}

// At returns the data set as it was with a version, for those who read its
// table; 0 means the newest. It returns fault.Conflict "version_gone" when the
// files are cleaned up.
func (s *Service) At(ctx context.Context, tenant, id string, number int) (*Dataset, *Revision, error) {
	d, err := s.ready(ctx, tenant, id)
	if err != nil {
		return nil, nil, err
	}
	return s.at(ctx, d, number)
}

func (s *Service) at(ctx context.Context, d *Dataset, number int) (*Dataset, *Revision, error) {
	r, err := s.revision(ctx, d, number)
	if err != nil {
		return nil, nil, err
	}
	if d.Sealed(r) {
		return nil, nil, ErrSealed(d, r.Version.number())
	}
	if r.Gone {
		return nil, nil, fault.Conflict("version_gone", "the files of version %d of data set %s have been cleaned up; reproduce the version first", r.Version.number(), d.ID)
	}
	then := *d
	v := r.Version
	v.Number = v.number()
	then.Version = &v
	return &then, r, nil
}

// What Fixed and Input are asked for instead of a number.
const (
	Newest   = -1 // the version that there is now
	FromFile = -2 // the one that was read from the file, of which recipes made that
)

// Fixed returns the data set as it was with a version, whatever became of it
// since. 0 means the first one, as in requests that know of no versions. A data
// set that is not ready is returned as it is for 0, Newest and FromFile.
func (s *Service) Fixed(ctx context.Context, tenant, id string, number int) (*Dataset, error) {
	if number <= 0 {
		d, err := s.get(ctx, tenant, id)
		if err == nil {
			err = s.usable(ctx, d)
		}
		if err != nil {
			return nil, err
		}
		if number == Newest || d.Version == nil || d.Version.number() == 1 {
			return d, nil
		}
		first := number != FromFile
		if number = 1; !first {
			root, _, err := s.Lineage(ctx, tenant, id, 0)
			if err != nil {
				return nil, err
			}
			number = root.Version.number()
		}
	}
	d, _, err := s.At(ctx, tenant, id, number)
	return d, err
}

// usable refuses data sets of which something has to be done about personal data, and
// those that were not looked at where something may have to be done.
func (s *Service) usable(ctx context.Context, d *Dataset) error {
	if err := d.waits(); err != nil || d.Version != nil {
		return err
	}
	rules, err := s.rules.of(ctx, d.Tenant)
	if err != nil || !rules.protect() {
		return err
	}
	if d.State == Rejected {
		return fault.Conflict("dataset_not_ready", "data set %s is %s, so that nobody has looked through it, and policies may have to be applied to it; its job %s says what is wrong with its file", d.ID, d.State, d.JobID)
	}
	return fault.Conflict("dataset_not_ready", "data set %s is %s, and policies may have to be applied to it; wait for its job %s", d.ID, d.State, d.JobID)
}

// Input is Fixed for those who read the data set's file: of what was read from it
// that is the file as it was uploaded, of what a recipe made its table.
func (s *Service) Input(ctx context.Context, tenant, id string, number int) (*Dataset, error) {
	d, err := s.Fixed(ctx, tenant, id, number)
	if err != nil || d.Version == nil || d.Version.number() == 1 {
		return d, err
	}
	r, err := s.Revision(ctx, tenant, id, d.Version.number())
	if err != nil || !r.ofSteps() {
		return d, err
	}
	then := *d
	then.RawKey = d.Version.TableKey
	return &then, nil
}

// Pin keeps the files of a version, or lets them go when it is their time.
func (s *Service) Pin(ctx context.Context, tenant, id string, number int, pinned bool) (*Revision, error) {
	return s.mark(ctx, tenant, id, number, func(r *Revision) error {
		if r.Gone && pinned {
			return fault.Conflict("version_gone", "the files of version %d of data set %s have been cleaned up; reproduce the version and pin that one", number, id)
		}
		if r.Pinned == pinned {
			return store.ErrUnchanged
		}
		r.Pinned = pinned
		return nil
	})
}

// Use notes that something was made of a version, so that its files stay.
func (s *Service) Use(ctx context.Context, tenant, id string, number int, by string) error {
	_, err := s.mark(ctx, tenant, id, number, func(r *Revision) error {
		if slices.Contains(r.Used, by) || len(r.Used) >= maxUses {
			return store.ErrUnchanged
		}
		r.Used = append(r.Used, by)
		return nil
	})
	return err
}

func (s *Service) mark(ctx context.Context, tenant, id string, number int, change func(*Revision) error) (*Revision, error) {
	r, err := s.Revision(ctx, tenant, id, number)
	if err != nil {
		return nil, err
	}
	if r.Revision == 0 { // what an ingest made, and nothing was said of it yet
		if err := s.history.table.Insert(ctx, r); err != nil && !errors.Is(err, store.ErrDuplicate) {
			return nil, storeFault(err)
		}
	}
	changed, err := s.history.table.Update(ctx, r.ID, change)
	if err != nil {
		return nil, storeFault(err)
	}
	return changed, nil
}

// Label names the version for people.
func (v *Version) Label() string { return "version " + strconv.Itoa(v.number()) }

// Source opens the rows of a version, or of its sample, a chunk at a time.
func (s *Service) Source(ctx context.Context, d *Dataset, columns []string) (*tabular.ParquetReader, error) {
	return s.open(ctx, d, columns, 0)
}

// ProfileOf returns the profile of the version that the data set is at, as it was
// written, see
// [github.com/narrativeml/narrative/internal/dataset/profile.Profile].
func (s *Service) ProfileOf(ctx context.Context, d *Dataset) ([]byte, error) {
	b, err := s.readProfile(ctx, d.Version.ProfileKey)
	if err != nil {
		return nil, fmt.Errorf("profile of data set %s: %w", d.ID, err)
	}
	return masked(d, b)
}

func (s *Service) readProfile(ctx context.Context, key string) ([]byte, error) {
	r, err := s.files.Open(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("open profile %s: %w", key, err)
	}
	defer r.Close() //nolint:errcheck // only read
	b, err := io.ReadAll(io.LimitReader(r, maxProfile))
	if err != nil {
		return nil, fmt.Errorf("read profile %s: %w", key, err)
	}
	return b, nil
}

// OpenSample opens the sample of a version; false when it has none, as those of
// old records.
func (s *Service) OpenSample(ctx context.Context, d *Dataset) (*tabular.ParquetReader, bool, error) {
	if d.Version.SampleKey == "" {
		r, err := s.open(ctx, d, nil, SampleRows(len(d.Version.Schema)))
		return r, false, err
	}
	src, size, err := s.files.OpenAt(ctx, d.Version.SampleKey)
	if err != nil {
		return nil, false, fmt.Errorf("open sample of data set %s: %w", d.ID, err)
	}
	schema := slices.Clone(d.Version.Schema)
	for k := range schema {
		schema[k].Nullable = true
	}
	r, err := tabular.NewParquetReader(tabular.Buffered(src, size), size, tabular.ParquetOptions{Schema: schema})
	if err != nil {
		return nil, false, fmt.Errorf("open sample of data set %s: %w", d.ID, err)
	}
	return r, true, nil
}
