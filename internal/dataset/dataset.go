// Package dataset: see doc.go (written with the service).
package dataset

import (
	"time"

	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/tabular"
)

// State is where a data set is on its way.
type State string

// The states of a data set.
const (
	Uploaded State = "uploaded" // the file is stored, an ingest job is under way
	Ready    State = "ready"    // typed, profiled and usable
	Rejected State = "rejected" // the ingest job found the file unusable; Failure of the job says why
)

// Dataset is the record of one uploaded table.
type Dataset struct {
	store.Meta
	Tenant    string    `json:"tenant"`
	User      string    `json:"user"`
	Name      string    `json:"name"`
	Filename  string    `json:"filename"`
	Size      int64     `json:"size"`   // bytes as uploaded
	SHA256    string    `json:"sha256"` // of the bytes as uploaded, hexadecimal
	State     State     `json:"state"`
	JobID     string    `json:"job_id"`  // the ingest job
	RawKey    string    `json:"raw_key"` // the file as uploaded
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	Deleted   bool      `json:"deleted,omitempty"` // hidden; its files go at the next clean-up

	Version *Version `json:"version,omitempty"` // set by ingest
}

// Version is what an ingest made of the file.
type Version struct {
	JobID      string         `json:"job_id"`
	Epoch      int            `json:"epoch"`
	Format     tabular.Format `json:"format"` // how the file was read, sniffed or as told
	Schema     tabular.Schema `json:"schema"`
	Rows       int64          `json:"rows"`
	TableKey   string         `json:"table_key"`   // the typed table, Parquet
	ProfileKey string         `json:"profile_key"` // the profile, JSON
	CreatedAt  time.Time      `json:"created_at"`
}
