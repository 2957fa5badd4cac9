package dataset

import (
	"fmt"
	"time"

	"github.com/narrativeml/narrative/internal/pii"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/tabular"
)

// State is where a data set is on its way.
type State string

// The states of a data set.
const (
	Uploaded State = "uploaded" // the file is stored or being fetched, an ingest or import job is under way
	// NeedsConfirmation: ready, but for somebody who knows of the personal data in it.
	NeedsConfirmation State = "needs_confirmation"
	// NeedsPolicy: policies are to be applied, before which nothing of it is read.
	NeedsPolicy State = "needs_policy"

	Ready    State = "ready"    // typed, profiled and usable
	Rejected State = "rejected" // the ingest job found the file unusable; Failure of the job says why
)

// Dataset is the record of one uploaded table.
type Dataset struct {
	store.Meta
	Tenant   string `json:"tenant"`
	User     string `json:"user"`
	Name     string `json:"name"`
	Filename string `json:"filename"`
	// IdempotencyKey is the client's, else the data set's identifier.
	IdempotencyKey string                `json:"idempotency_key"`
	Source         string                `json:"source,omitempty"`     // where the file is fetched from; until it is here it may hold a secret, see Origin
	SourceSum      string                `json:"source_sum,omitempty"` // tells whether another source is the same
	Options        tabular.FormatOptions `json:"options"`              // what the client told about the format
	Priority       *int                  `json:"priority,omitempty"`   // of the ingest job; nil: the default
	After          []string              `json:"after,omitempty"`      // jobs that have to succeed before the ingest job runs
	Size           int64                 `json:"size"`                 // bytes as uploaded
	SHA256         string                `json:"sha256"`               // of the bytes as uploaded, hexadecimal; of a file that came in pieces the ingest job finds it
	Said           string                `json:"said,omitempty"`       // what the client says that SHA256 is
	State          State                 `json:"state"`
	JobID          string                `json:"job_id"`  // the ingest job
	RawKey         string                `json:"raw_key"` // the file as uploaded; empty while it is fetched
	CreatedAt      time.Time             `json:"created_at"`
	ExpiresAt      time.Time             `json:"expires_at,omitzero"`
	Deleted        bool                  `json:"deleted,omitempty"` // hidden; its files go at the next clean-up

	Version    *Version           `json:"version,omitempty"`     // set by ingest
	FileFormat *tabular.Format    `json:"file_format,omitempty"` // how the file was read, once there are other versions; see ReadAs
	Settings   map[string]Setting `json:"settings,omitempty"`    // what people have set for columns, by name

	Privacy     map[string]Policy `json:"privacy,omitempty"` // what people have set for columns of personal data
	ConfirmedBy string            `json:"confirmed_by,omitempty"`
	ConfirmedAt time.Time         `json:"confirmed_at,omitzero"` // when somebody confirmed the personal data

	ProtectJobID string `json:"protect_job_id,omitempty"` // that applies policies, or did so last
	SealedBefore int    `json:"sealed_before,omitempty"`  // the version that policies made last: what is older, and the file, is sealed
	ErasedBefore int    `json:"erased_before,omitempty"`  // likewise, of what is to have no files any more

	since map[string]pii.Kind // of an older version that is looked at: columns that are hidden because of the newest
}

// Version is a table of the data set: what an ingest made of the file, or what a
// recipe made of another version.
type Version struct {
	Number     int            `json:"number,omitempty"` // from 1; 0 on old records, which have one version
	Hash       string         `json:"hash,omitempty"`   // of what the table holds; old records have none
	JobID      string         `json:"job_id"`
	Epoch      int            `json:"epoch"`
	Format     tabular.Format `json:"format"` // of the file that it was read from, sniffed or as told; of what steps made that of the table
	Schema     tabular.Schema `json:"schema"`
	Rows       int64          `json:"rows"`
	TableKey   string         `json:"table_key"`            // the typed table, Parquet
	ProfileKey string         `json:"profile_key"`          // the profile, JSON
	SampleKey  string         `json:"sample_key,omitempty"` // some rows, Parquet; old records have none
	CreatedAt  time.Time      `json:"created_at"`

	Types        []tabular.Semantic     `json:"types,omitempty"`          // of the columns, in order, as they were found
	PII          []pii.Finding          `json:"pii,omitempty"`            // columns of personal data
	Concealed    map[string]Concealment `json:"concealed,omitempty"`      // columns that hold masked or hashed values
	Scanned      bool                   `json:"pii_scanned,omitempty"`    // somebody has looked for them
	Reading      int                    `json:"reading,omitempty"`        // how often the file was read again for other types
	ProfileJobID string                 `json:"profile_job_id,omitempty"` // that made the profile, when it is not JobID
	ProfiledAt   time.Time              `json:"profiled_at,omitzero"`     // when that one asked for the roles
}

// Content identifies what is shown of a data set that is ready: it is another one
// when its table, its profile, or what people have set for its columns is.
func (d *Dataset) Content() string {
	v := d.Version
	return fmt.Sprintf("%d %d %q %q %q", d.Revision, v.number(), v.Hash, v.TableKey, v.ProfileKey)
}

// number is that of the version, for old records too.
func (v *Version) number() int { return max(v.Number, 1) }

// files names what can be downloaded, by key.
func (v *Version) files() map[string]string {
	files := map[string]string{"table": v.TableKey, "profile": v.ProfileKey}
	if v.SampleKey != "" {
		files["sample"] = v.SampleKey
	}
	return files
}

// keys are those of the files of the version.
func (v *Version) keys() []string {
	keys := []string{v.TableKey, v.ProfileKey}
	if v.SampleKey != "" {
		keys = append(keys, v.SampleKey)
	}
	return keys
}

const (
	indexTenant = "tenant"
	indexKey    = "key"
)

// Collections declares what the package keeps in the store.
func Collections() []store.Collection {
	return []store.Collection{collection(), versions(), accesses(), rules()}
}

func collection() store.Collection {
	return store.Collection{Name: "datasets", Indexes: []store.Index{
		{Name: indexTenant, Fields: []store.IndexField{
			{Name: "tenant", Type: store.String},
			{Name: "deleted", Type: store.Int},
			{Name: "created_at", Type: store.Int},
		}},
		{Name: indexKey, Unique: true, Fields: []store.IndexField{
			{Name: "tenant", Type: store.String},
			{Name: "idempotency_key", Type: store.String},
		}},
	}}
}

// Keys implements store.Entity.
func (d *Dataset) Keys() map[string]any {
	deleted := int64(0)
	if d.Deleted {
		deleted = 1
	}
	return map[string]any{
		"tenant":          d.Tenant,
		"deleted":         deleted,
		"created_at":      d.CreatedAt.UnixMicro(),
		"idempotency_key": d.IdempotencyKey,
	}
}

// expired reports whether the data set's time is over.
func (d *Dataset) expired(now time.Time) bool {
	return !d.ExpiresAt.IsZero() && !now.Before(d.ExpiresAt)
}
