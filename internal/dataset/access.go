package dataset

import (
	"context"
	"errors"
	"time"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/store"
)

// What is written down about personal data.
const (
	ActionRead     = "read_unmasked" // rows were shown as they are
	ActionDownload = "download"      // a link to a file with rows was given out
	ActionPolicy   = "set_policy"
	ActionConfirm  = "confirm"
	ActionRules    = "set_rules"      // what holds for the tenant
	ActionApply    = "apply_policies" // policies that held already
	ActionErase    = "erase"          // what was sealed
)

// Access is the record that somebody saw personal data, or changed who does. It
// holds no value.
type Access struct {
	store.Meta
	Tenant    string    `json:"tenant"`
	User      string    `json:"user"`
	DatasetID string    `json:"dataset_id"`
	Version   int       `json:"version"`
	Action    string    `json:"action"`
	Details   []string  `json:"details"` // the columns; of policies what they became
	At        time.Time `json:"at"`
}

// Keys implements store.Entity.
func (a *Access) Keys() map[string]any {
	return map[string]any{"tenant": a.Tenant, "dataset_id": a.DatasetID, "at": a.At.UnixMicro()}
}

const (
	indexAccessTenant  = "tenant_at"
	indexAccessDataset = "dataset_at"
	indexAccessAt      = "at"
)

func accesses() store.Collection {
	at := store.IndexField{Name: "at", Type: store.Int}
	return store.Collection{Name: "dataset_accesses", Indexes: []store.Index{
		{Name: indexAccessTenant, Fields: []store.IndexField{{Name: "tenant", Type: store.String}, at}},
		{Name: indexAccessDataset, Fields: []store.IndexField{{Name: "tenant", Type: store.String}, {Name: "dataset_id", Type: store.String}, at}},
		{Name: indexAccessAt, Fields: []store.IndexField{at}},
	}}
}

// note writes down what is about to happen.
func (s *Service) note(ctx context.Context, caller account.Caller, d *Dataset, action string, details []string) error {
	return s.noteOf(ctx, caller, d.ID, d.Version.number(), action, details)
}

func (s *Service) noteOf(ctx context.Context, caller account.Caller, id string, version int, action string, details []string) error {
	return storeFault(s.accesses.Insert(ctx, &Access{
		Meta: store.Meta{ID: store.NewID("acc")}, Tenant: caller.Tenant, User: caller.User, DatasetID: id, Version: version,
		Action: action, Details: details, At: s.now().UTC(),
	}))
}

// Accesses returns what was written down about the tenant's data sets, or about one
// of them, the newest first, to callers who may see personal data themselves. A data
// set that is gone still has its records.
func (s *Service) Accesses(ctx context.Context, caller account.Caller, datasetID, cursor string, limit int) (store.Page[*Access], error) {
	if !caller.Has(account.RoleSteward) {
		return store.Page[*Access]{}, errSteward("the record of who saw what")
	}
	q := store.Query{Index: indexAccessTenant, Equal: []any{caller.Tenant}, Descending: true, Cursor: cursor, Limit: limit}
	if datasetID != "" {
		q.Index, q.Equal = indexAccessDataset, []any{caller.Tenant, datasetID}
	}
	page, err := s.accesses.Find(ctx, q)
	return page, storeFault(err)
}

// ForgetAccesses deletes the records from before the time.
func (s *Service) ForgetAccesses(ctx context.Context, before time.Time) (int, error) {
	removed := 0
	q := store.Query{Index: indexAccessAt, Limit: 500}
	for {
		page, err := s.accesses.Find(ctx, q)
		if err != nil {
			return removed, storeFault(err)
		}
		for _, a := range page.Items {
			if !a.At.Before(before) {
				return removed, nil
			}
			if err := s.accesses.Delete(ctx, a.ID, a.Revision); err != nil && !errors.Is(err, store.ErrNotFound) {
				return removed, storeFault(err)
			}
			removed++
		}
		if page.Next == "" {
			return removed, nil
		}
		q.Cursor = page.Next
	}
}
