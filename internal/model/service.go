package model

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/pii"
	"github.com/narrativeml/narrative/internal/store"
)

// Files is where model files and stored predictions are.
type Files interface {
	Open(ctx context.Context, key string) (io.ReadCloser, error)
	OpenAt(ctx context.Context, key string) (io.ReaderAt, int64, error)
}

// Jobs tells whether a job about a model is under way.
type Jobs interface {
	Active(ctx context.Context, subject string) (bool, error)
}

// ServiceConfig is what a Service needs.
type ServiceConfig struct {
	Driver store.Driver
	Files  Files
	Jobs   Jobs
	Keys   *pii.Keys        // that steps of models hash values with; nil: none can
	Now    func() time.Time // default time.Now
}

// Service keeps the records of models. It is safe for concurrent use.
type Service struct {
	table *store.Table[Model, *Model]
	files Files
	jobs  Jobs
	cache *cache
	keys  *pii.Keys
	now   func() time.Time
}

const indexTenant = "tenant"

// Collections declares what the package keeps in the store.
func Collections() []store.Collection {
	return []store.Collection{collection()}
}

func collection() store.Collection {
	return store.Collection{Name: "models", Indexes: []store.Index{{
		Name: indexTenant,
		Fields: []store.IndexField{
			{Name: "tenant", Type: store.String},
			{Name: "deleted", Type: store.Int},
			{Name: "created_at", Type: store.Int},
		},
	}}}
}

// Keys implements store.Entity.
func (m *Model) Keys() map[string]any {
	deleted := int64(0)
	if m.Deleted {
		deleted = 1
	}
	return map[string]any{"tenant": m.Tenant, "deleted": deleted, "created_at": m.CreatedAt.UnixMicro()}
}

// NewService returns a Service. The store has ensured Collections.
func NewService(c ServiceConfig) *Service {
	s := &Service{
		table: store.NewTable[Model](c.Driver, collection()),
		files: c.Files,
		jobs:  c.Jobs,
		keys:  c.Keys,
		cache: newCache(cachedModels),
		now:   c.Now,
	}
	if s.now == nil {
		s.now = time.Now
	}
	return s
}

// IDOf returns the identifier of the model that a training job makes.
func IDOf(jobID string) string {
	_, digits, _ := strings.Cut(jobID, "_")
	return "mdl_" + digits
}

// gone reports whether the model was deleted or has expired.
func (m *Model) gone(now time.Time) bool {
	return m.Deleted || !m.ExpiresAt.IsZero() && !now.Before(m.ExpiresAt)
}

// Get returns the tenant's model, or fault.NotFound "model_not_found".
func (s *Service) Get(ctx context.Context, tenant, id string) (*Model, error) {
	m, err := s.table.Get(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && (m.Tenant != tenant || m.gone(s.now())):
		return nil, fault.NotFound("model_not_found", "there is no model %.60q", id)
	case err != nil:
		return nil, err
	}
	return m, nil
}

// List returns a page of the tenant's models, newest first. A page may hold
// fewer than limit and still have a next one.
func (s *Service) List(ctx context.Context, tenant, cursor string, limit int) (store.Page[*Model], error) {
	page, err := s.table.Find(ctx, store.Query{
		Index: indexTenant, Equal: []any{tenant, int64(0)}, Descending: true, Cursor: cursor, Limit: limit,
	})
	now := s.now()
	page.Items = slices.DeleteFunc(page.Items, func(m *Model) bool { return m.gone(now) })
	return page, err
}

// Delete hides the model; its files go at a later clean-up. It returns
// fault.Conflict "model_in_use" while a job is about it.
func (s *Service) Delete(ctx context.Context, tenant, id string) error {
	if _, err := s.Get(ctx, tenant, id); err != nil {
		return err
	}
	busy, err := s.jobs.Active(ctx, id)
	if err != nil {
		return fmt.Errorf("look for jobs of model %s: %w", id, err)
	}
	if busy {
		return fault.Conflict("model_in_use", "a job is using model %s; wait for it or cancel it, then delete the model", id)
	}
	_, err = s.table.Update(ctx, id, func(m *Model) error {
		if m.Deleted {
			return store.ErrUnchanged
		}
		m.Deleted = true
		return nil
	})
	return err
}

// Publish inserts the record of a model that its training job has committed.
// Publishing it again changes nothing.
func (s *Service) Publish(ctx context.Context, m *Model) error {
	err := s.table.Insert(ctx, m)
	if errors.Is(err, store.ErrDuplicate) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("publish model %s: %w", m.ID, err)
	}
	return nil
}

// SetThreshold moves the model's decision threshold. Of several tunings the
// one that was made last holds, of equals the one of the later job, in whatever
// order they are published.
func (s *Service) SetThreshold(ctx context.Context, id string, t Threshold) error {
	_, err := s.table.Update(ctx, id, func(m *Model) error {
		if m.Threshold != nil && cmp.Or(m.Threshold.CreatedAt.Compare(t.CreatedAt), strings.Compare(m.Threshold.JobID, t.JobID)) >= 0 {
			return store.ErrUnchanged
		}
		m.Threshold = &t
		return nil
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil // deleted and swept while the tuning ran: there is nothing to move
	}
	return err
}

// References returns the keys of the files that the model's record points to;
// none when the record is gone, deleted or past its expiry.
func (s *Service) References(ctx context.Context, id string, now time.Time) ([]string, error) {
	m, err := s.table.Get(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if m.gone(now) {
		return nil, nil
	}
	return []string{m.FileKey, m.OutOfFoldKey, m.HoldoutKey}, nil
}
