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

// Way is how the bytes of an upload come.
type Way string

// The ways of an upload.
const (
	Resumed   Way = ""          // to the API, by requests that go on after each other
	Presigned Way = "presigned" // to the file store, in parts, at addresses that the API signs
)

// Upload is the record of a file on its way in.
type Upload struct {
	store.Meta
	Tenant         string `json:"tenant"`
	User           string `json:"user"`
	IdempotencyKey string `json:"idempotency_key"` // the client's, else the upload's identifier
	State          State  `json:"state"`
	Way            Way    `json:"way,omitempty"`
	Size           int64  `json:"size"`  // of the whole file
	Token          string `json:"token"` // by which the file store knows what has arrived

	Sent     map[string]string     `json:"metadata,omitempty"` // as the client sent it
	Name     string                `json:"name"`               // and as it was understood
	Filename string                `json:"filename"`
	Options  dataset.FormatOptions `json:"options"`
	Priority *int                  `json:"priority,omitempty"`
	After    []string              `json:"after,omitempty"`
	SHA256   string                `json:"sha256,omitempty"` // of the file, as the client says

	// Of presigned ones alone.
	ContentType string `json:"content_type,omitempty"` // of the file
	PartSize    int64  `json:"part_size,omitempty"`    // of every part but the last
	MD5         string `json:"md5,omitempty"`          // of a file of one part, as the client says
	CRC32       string `json:"crc32,omitempty"`        // likewise

	DatasetID string    `json:"dataset_id"`       // reserved from the start
	JobID     string    `json:"job_id,omitempty"` // the ingest job
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"` // moves on while bytes arrive

	Offset int64 `json:"-"` // how much has arrived from its beginning, as the file store says
	whole  bool  // the file has appeared
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

// Parts is of how many parts a presigned upload is made.
func (u *Upload) Parts() int {
	if u.PartSize <= 0 {
		return 0
	}
	return int((u.Size + u.PartSize - 1) / u.PartSize)
}

// length is that of the part of the number, from 1.
func (u *Upload) length(number int) int64 {
	return min(u.PartSize, u.Size-int64(number-1)*u.PartSize)
}

// done reports whether nothing more is to come, so that anybody may finish it. A
// presigned upload is done when its client says so: then its file appears.
func (u *Upload) done() bool { return u.whole || u.Way == Resumed && u.Offset == u.Size }

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
