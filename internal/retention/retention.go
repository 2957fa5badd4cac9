package retention

import (
	"time"

	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/store"
)

// Request asks for a clean-up.
type Request struct {
	DryRun bool `json:"dry_run,omitempty" doc:"Only list what would go"`

	job.Order
}

// Config says how long things are kept. A zero period keeps for ever, except
// Grace.
type Config struct {
	Results   time.Duration // files of predictions and curves of tunings, after the job's end
	Temporary time.Duration // objects under tmp/ and uploads that nobody finished
	Jobs      time.Duration // records of jobs, after their end, once they have no file
	Health    time.Duration // what sweeps found out about the parts
	Audit     time.Duration // records of who saw personal data
	Grace     time.Duration // between the mark and the deletion
}

// DefaultConfig returns the periods that hold where none is configured.
func DefaultConfig() Config {
	const day = 24 * time.Hour
	return Config{Results: 30 * day, Temporary: day, Jobs: 365 * day, Health: 30 * day, Audit: 365 * day, Grace: day}
}

// Result is what a clean-up did, or would do.
type Result struct {
	DryRun         bool  `json:"dry_run"`
	Examined       int64 `json:"examined"`        // objects looked at
	Kept           int64 `json:"kept"`            // objects that something points to
	Marked         int64 `json:"marked"`          // objects newly found to go after the grace period
	Waiting        int64 `json:"waiting"`         // marked earlier, still within the grace period
	Unmarked       int64 `json:"unmarked"`        // marked earlier, pointed to again
	Deleted        int64 `json:"deleted"`         // objects deleted, or that would be
	DeletedBytes   int64 `json:"deleted_bytes"`   // their size
	AbortedUploads int   `json:"aborted_uploads"` // multipart uploads that nobody finished
	RemovedJobs    int   `json:"removed_jobs"`    // records of jobs
	// FinishedUploads is how many resumable uploads were whole and left by their
	// clients, and ExpiredUploads of how many nothing arrived any more.
	FinishedUploads int `json:"finished_uploads,omitempty"`
	ExpiredUploads  int `json:"expired_uploads,omitempty"`
	// RemovedFindings is how many old rows of the health's history went.
	RemovedFindings int `json:"removed_findings,omitempty"`
	// RemovedAccesses is how many old records of who saw personal data went.
	RemovedAccesses int    `json:"removed_accesses,omitempty"`
	Objects         []Item `json:"objects"` // what was not kept, at most MaxItems
	Truncated       bool   `json:"truncated,omitempty"`
}

// MaxItems bounds the list in a Result.
const MaxItems = 1000

// Item is one object that is not kept.
type Item struct {
	Key      string    `json:"key"`
	Size     int64     `json:"size"`
	Reason   string    `json:"reason"` // why nothing keeps it
	Action   string    `json:"action"` // mark, wait or delete
	MarkedAt time.Time `json:"marked_at,omitzero"`
}

// mark is the record that an object was found without anything that keeps it.
type mark struct {
	store.Meta
	Key      string    `json:"key"`
	Reason   string    `json:"reason"`
	MarkedAt time.Time `json:"marked_at"`
}

const indexKey = "key"

// Collections declares what the package keeps in the store.
func Collections() []store.Collection { return []store.Collection{marks()} }

func marks() store.Collection {
	return store.Collection{Name: "marks", Indexes: []store.Index{{
		Name: indexKey, Fields: []store.IndexField{{Name: "key", Type: store.String}},
	}}}
}

// Keys implements store.Entity.
func (m *mark) Keys() map[string]any { return map[string]any{"key": m.Key} }
