package recipe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/pii"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// Tables finds versions of data sets and reads their tables.
type Tables interface {
	At(ctx context.Context, tenant, id string, number int) (*dataset.Dataset, *dataset.Revision, error)
	Source(ctx context.Context, d *dataset.Dataset, columns []string) (*tabular.ParquetReader, error)
	// Concealer hides values of the tenant.
	Concealer(tenant string) *pii.Concealer
}

// Datasets finds data sets and reads their tables.
type Datasets interface {
	Tables
	// Look is At for what is shown of a version.
	Look(ctx context.Context, tenant, id string, number int) (*dataset.Dataset, error)
	Revision(ctx context.Context, tenant, id string, number int) (*dataset.Revision, error)
	OpenSample(ctx context.Context, d *dataset.Dataset) (*tabular.ParquetReader, bool, error)
	ProfileOf(ctx context.Context, d *dataset.Dataset) ([]byte, error)
	// Protectable returns a data set that waits for its policies, as it is now.
	Protectable(ctx context.Context, tenant, id string, number int) (*dataset.Dataset, error)
}

var _ Datasets = (*dataset.Service)(nil)

// Jobs takes submissions.
type Jobs interface {
	Submit(ctx context.Context, s job.Submission) (*job.Job, bool, error)
}

// ServiceConfig is what a Service needs.
type ServiceConfig struct {
	Driver   store.Driver
	Datasets Datasets
	Jobs     Jobs
	Budget   int64            // bytes that a step may hold; 0: the default of ml/preprocess
	Now      func() time.Time // default time.Now
}

// Service keeps recipes. It is safe for concurrent use.
type Service struct {
	table    *store.Table[Recipe, *Recipe]
	datasets Datasets
	jobs     Jobs
	budget   int64
	now      func() time.Time
}

// NewService returns a Service. The store has ensured Collections.
func NewService(c ServiceConfig) *Service {
	s := &Service{table: store.NewTable[Recipe](c.Driver, collection()), datasets: c.Datasets, jobs: c.Jobs, budget: c.Budget, now: c.Now}
	if s.now == nil {
		s.now = time.Now
	}
	return s
}

// Draft is what somebody saves as a recipe, or as a new version of one.
type Draft struct {
	Name        string
	Description string
	Tags        []string
	Visibility  Visibility
	Steps       []preprocess.Spec
	DatasetID   string // whose columns it is checked against; may be empty
}

// Bounds of a recipe.
const (
	maxName        = 200
	maxDescription = 4000
	maxTags        = 20
	maxTag         = 50
)

func (d *Draft) check() error {
	var wrong []fault.Field
	if n := utf8.RuneCountInString(d.Name); strings.TrimSpace(d.Name) == "" || n > maxName {
		wrong = append(wrong, fault.Field{Location: "body.name", Message: fmt.Sprintf("must have 1 to %d characters", maxName)})
	}
	if utf8.RuneCountInString(d.Description) > maxDescription {
		wrong = append(wrong, fault.Field{Location: "body.description", Message: fmt.Sprintf("must have at most %d characters", maxDescription)})
	}
	if len(d.Tags) > maxTags {
		wrong = append(wrong, fault.Field{Location: "body.tags", Message: fmt.Sprintf("must be at most %d", maxTags)})
	}
	for i, tag := range d.Tags {
		if strings.TrimSpace(tag) == "" || utf8.RuneCountInString(tag) > maxTag || slices.Contains(d.Tags[:i], tag) {
			wrong = append(wrong, fault.Field{Location: fmt.Sprintf("body.tags[%d]", i), Message: fmt.Sprintf("must have 1 to %d characters, and be named once", maxTag), Value: tag})
		}
	}
	switch d.Visibility {
	case "":
		d.Visibility = Private
	case Private, Shared, Public:
	default:
		wrong = append(wrong, fault.Field{Location: "body.visibility", Message: "must be private, tenant or public", Value: string(d.Visibility)})
	}
	if len(wrong) > 0 {
		return fault.Invalid("invalid_recipe", "the recipe cannot be saved: %s %s", wrong[0].Location, wrong[0].Message).With(wrong...)
	}
	return nil
}

// version checks the steps of a draft and makes a version of them.
func (s *Service) version(ctx context.Context, caller account.Caller, d *Draft) (*Version, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	v := &Version{Steps: d.Steps, DatasetID: d.DatasetID, User: caller.User, CreatedAt: s.now().UTC()}
	if d.DatasetID == "" {
		return v, Invalid(preprocess.Check(d.Steps))
	}
	at, _, err := s.datasets.At(ctx, caller.Tenant, d.DatasetID, 0)
	if err != nil {
		return nil, err
	}
	if _, err := bind(ctx, s.datasets, at, d.Steps, s.budget, nil); err != nil {
		return nil, err
	}
	v.Schema = at.Version.Schema
	return v, nil
}

// Create saves a recipe. A repeated idempotency key gives the recipe that it gave
// before; created tells which.
func (s *Service) Create(ctx context.Context, caller account.Caller, d Draft, idempotencyKey string) (r *Recipe, created bool, err error) {
	v, err := s.version(ctx, caller, &d)
	if err != nil {
		return nil, false, err
	}
	v.Number = 1
	r = &Recipe{
		Meta: store.Meta{ID: store.NewID("rcp")}, Tenant: caller.Tenant, User: caller.User, Name: strings.TrimSpace(d.Name), Description: d.Description,
		Tags: d.Tags, Visibility: d.Visibility, Versions: []Version{*v}, CreatedAt: v.CreatedAt, UpdatedAt: v.CreatedAt, IdempotencyKey: idempotencyKey,
	}
	if r.IdempotencyKey == "" {
		r.IdempotencyKey = r.ID
	}
	err = s.table.Insert(ctx, r)
	if errors.Is(err, store.ErrDuplicate) {
		page, err := s.table.Find(ctx, store.Query{Index: indexKey, Equal: []any{caller.Tenant, r.IdempotencyKey}, Limit: 1})
		if err != nil || len(page.Items) == 0 {
			return nil, false, storeFault(err)
		}
		if before := page.Items[0]; before.visible(caller.Tenant, caller.User) {
			return before, false, nil
		}
		return nil, false, fault.Conflict("idempotency_key_used", "the idempotency key has been used for a recipe that was deleted, or is somebody else's; use another one")
	}
	return r, true, storeFault(err)
}

// Update saves a new version of a recipe, and its name, tags and visibility. A
// draft without steps keeps those there are.
func (s *Service) Update(ctx context.Context, caller account.Caller, id string, d Draft) (*Recipe, error) {
	old, err := s.own(ctx, caller, id)
	if err != nil {
		return nil, err
	}
	var v *Version
	if len(d.Steps) > 0 {
		if v, err = s.version(ctx, caller, &d); err != nil {
			return nil, err
		}
	} else if err := d.check(); err != nil {
		return nil, err
	}
	r, err := s.table.Update(ctx, old.ID, func(r *Recipe) error {
		r.Name, r.Description, r.Tags, r.Visibility, r.UpdatedAt = strings.TrimSpace(d.Name), d.Description, d.Tags, d.Visibility, s.now().UTC()
		if v != nil {
			v.Number = r.Latest().Number + 1
			r.Versions = append(r.Versions, *v)
			r.Versions = r.Versions[max(0, len(r.Versions)-MaxVersions):]
		}
		return nil
	})
	return r, storeFault(err)
}

// Delete hides a recipe.
func (s *Service) Delete(ctx context.Context, caller account.Caller, id string) error {
	if _, err := s.own(ctx, caller, id); err != nil {
		return err
	}
	_, err := s.table.Update(ctx, id, func(r *Recipe) error {
		r.Deleted = true
		return nil
	})
	return storeFault(err)
}

// Get returns a recipe that the caller may see.
func (s *Service) Get(ctx context.Context, caller account.Caller, id string) (*Recipe, error) {
	r, err := s.table.Get(ctx, id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, storeFault(err)
	}
	if err != nil || !r.visible(caller.Tenant, caller.User) {
		return nil, notFound(id)
	}
	return r, nil
}

// own returns a recipe that the caller may change.
func (s *Service) own(ctx context.Context, caller account.Caller, id string) (*Recipe, error) {
	r, err := s.Get(ctx, caller, id)
	if err != nil {
		return nil, err
	}
	if r.Tenant != caller.Tenant {
		return nil, fault.New(fault.ClassForbidden, "recipe_of_another", "recipe %s is public and belongs to another tenant; save a copy of your own to change it", id)
	}
	return r, nil
}

func notFound(id string) error {
	return fault.NotFound("recipe_not_found", "there is no recipe %.60q", id)
}

// Filter says which recipes are listed.
type Filter struct {
	Public bool   // those that are public, of all tenants, instead of the caller's tenant's
	Tag    string // those that have it; empty: all
}

// List returns the recipes that the caller may see, the newest first. A page may
// hold fewer than limit and still have a next one.
func (s *Service) List(ctx context.Context, caller account.Caller, f Filter, cursor string, limit int) (store.Page[*Recipe], error) {
	q := store.Query{Index: indexTenant, Equal: []any{caller.Tenant, int64(0)}, Descending: true, Cursor: cursor, Limit: limit}
	if f.Public {
		q.Index, q.Equal = indexPublic, []any{int64(1)}
	}
	page, err := s.table.Find(ctx, q)
	if err != nil {
		return page, storeFault(err)
	}
	page.Items = slices.DeleteFunc(page.Items, func(r *Recipe) bool {
		return !r.visible(caller.Tenant, caller.User) || f.Tag != "" && !slices.Contains(r.Tags, f.Tag)
	})
	return page, nil
}

// storeFault says that the store did not answer. Faults pass through.
func storeFault(err error) error {
	if _, ok := fault.As(err); ok || err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	return fault.Unavailable("store_unavailable", "the recipes cannot be reached; please try again in a moment").Because(err)
}

// steps returns the steps that a request is about: those it has, or those of a
// recipe.
func (s *Service) steps(ctx context.Context, caller account.Caller, u Use) ([]preprocess.Spec, *Version, error) {
	if u.RecipeID == "" {
		if len(u.Steps) == 0 {
			return nil, nil, fault.Invalid("no_steps", "the request has no steps and names no recipe; it needs one of them").
				With(fault.Field{Location: "body.steps", Message: "give steps, or a recipe_id"})
		}
		return u.Steps, nil, nil
	}
	if len(u.Steps) > 0 {
		return nil, nil, fault.Invalid("steps_and_recipe", "the request has steps and names a recipe; it should have one of them").
			With(fault.Field{Location: "body.recipe_id", Message: "leave it out, or leave out steps"})
	}
	r, err := s.Get(ctx, caller, u.RecipeID)
	if err != nil {
		return nil, nil, err
	}
	v, ok := r.version(u.RecipeVersion)
	if !ok {
		return nil, nil, fault.NotFound("recipe_version_not_found", "recipe %s has no version %d; the newest is %d", r.ID, u.RecipeVersion, r.Latest().Number)
	}
	if r.Tenant != caller.Tenant {
		v = v.published()
	}
	return v.Steps, v, nil
}

// Steps returns the steps of a recipe that the caller may see, of a version, 0 for
// the newest, and its number.
func (s *Service) Steps(ctx context.Context, caller account.Caller, id string, version int) ([]preprocess.Spec, int, error) {
	steps, v, err := s.steps(ctx, caller, Use{RecipeID: id, RecipeVersion: version})
	if err != nil {
		return nil, 0, err
	}
	return steps, v.Number, nil
}

// Use says which steps are applied to what.
type Use struct {
	DatasetID     string            `json:"dataset_id" doc:"The data set"`
	Version       int               `json:"version,omitempty" minimum:"0" doc:"Its version; default: the newest"`
	RecipeID      string            `json:"recipe_id,omitempty" doc:"A recipe that was saved, instead of steps"`
	RecipeVersion int               `json:"recipe_version,omitempty" minimum:"0" doc:"Its version; default: the newest"`
	Steps         []preprocess.Spec `json:"steps,omitempty" nullable:"false" doc:"The steps, in order"`
}
