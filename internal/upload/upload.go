package upload

import (
	"strings"
	"time"

	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/store"
)

// State is where an upload is on its way.
type State string

// The states of an upload.
const (
	Open     State = "open"     // more may arrive
	Finished State = "finished" // it is a data set
)

// Upload is the record of a file on its way in.
type Upload struct {
	store.Meta
	Tenant         string `json:"tenant"`
	User           string `json:"user"`
	IdempotencyKey string `json:"idempotency_key"` // the client's, else the upload's identifier
	State          State  `json:"state"`
	Size           int64  `json:"size"`  // of the whole file
	Token          string `json:"token"` // by which the file store knows what has arrived

	Sent     map[string]string     `json:"metadata,omitempty"` // as the client sent it
	Name     string                `json:"name"`               // and as it was understood
	Filename string                `json:"filename"`
	Options  dataset.FormatOptions `json:"options"`
	Priority *int                  `json:"priority,omitempty"`
	After    []string              `json:"after,omitempty"`
	SHA256   string                `json:"sha256,omitempty"` // of the file, as the client says

	DatasetID string    `json:"dataset_id"`       // reserved from the start
	JobID     string    `json:"job_id,omitempty"` // the ingest job
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"` // moves on while bytes arrive

	Offset int64 `json:"-"` // how much has arrived, as the file store says
}

// identifiers of an upload and its data set differ in their prefix.
const (
	prefix        = "upl_"
	datasetPrefix = "ds_"
)

// IDOf returns the identifier of the upload that the data set may have come by.
func IDOf(datasetID string) string { return prefix + strings.TrimPrefix(datasetID, datasetPrefix) }

// key is where the file is put together and stays.
func (u *Upload) key() string { return dataset.RawKey(u.Tenant, u.DatasetID) }

// made is what the data set is made of.
func (u *Upload) made() dataset.Upload {
	return dataset.Upload{
		Tenant: u.Tenant, User: u.User, Name: u.Name, Filename: u.Filename, Options: u.Options,
		Priority: u.Priority, After: u.After, SHA256: u.SHA256,
	}
}

// expired reports whether the upload's time is over.
func (u *Upload) expired(now time.Time) bool { return !now.Before(u.ExpiresAt) }

const (
	indexState  = "tenant_state"
	indexKey    = "key"
	indexExpiry = "expiry"
)

// Collections declares what the package keeps in the store.
func Collections() []store.Collection { return []store.Collection{collection(), locks()} }

func collection() store.Collection {
	return store.Collection{Name: "uploads", Indexes: []store.Index{
		{Name: indexState, Fields: []store.IndexField{
			{Name: "tenant", Type: store.String},
			{Name: "state", Type: store.String},
			{Name: "created_at", Type: store.Int},
		}},
		{Name: indexKey, Unique: true, Fields: []store.IndexField{
			{Name: "tenant", Type: store.String},
			{Name: "idempotency_key", Type: store.String},
		}},
		{Name: indexExpiry, Fields: []store.IndexField{{Name: "expires_at", Type: store.Int}}},
	}}
}

// Keys implements store.Entity.
func (u *Upload) Keys() map[string]any {
	return map[string]any{
		"tenant": u.Tenant, "state": string(u.State), "created_at": u.CreatedAt.UnixMicro(),
		"idempotency_key": u.IdempotencyKey, "expires_at": u.ExpiresAt.UnixMicro(),
	}
}
