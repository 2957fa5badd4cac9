package workflow

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/dataset/profile"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/model"
	"github.com/narrativeml/narrative/internal/recipe"
	"github.com/narrativeml/narrative/internal/store"
)

// Datasets finds data sets, their versions and their profiles.
type Datasets interface {
	Get(ctx context.Context, tenant, id string) (*dataset.Dataset, error)
	Versions(ctx context.Context, tenant, id string) ([]*dataset.Revision, error)
	ProfileOf(ctx context.Context, d *dataset.Dataset) ([]byte, error)
}

// Jobs lists jobs by what they are about.
type Jobs interface {
	List(ctx context.Context, tenant string, f job.Filter, cursor string, limit int) (store.Page[*job.Job], error)
}

// Recipes suggests steps.
type Recipes interface {
	Suggest(ctx context.Context, caller account.Caller, datasetID string, version int) ([]recipe.Suggestion, error)
}

// Models finds models.
type Models interface {
	Get(ctx context.Context, tenant, id string) (*model.Model, error)
}

var (
	_ Datasets = (*dataset.Service)(nil)
	_ Jobs     = (*job.Service)(nil)
	_ Recipes  = (*recipe.Service)(nil)
	_ Models   = (*model.Service)(nil)
)

// Remark is what a source has to say about a stage.
type Remark struct {
	Stage    Name
	Gate     *Gate   // of the stage
	Action   *Action // that meets the gate
	Evidence []Evidence
}

// Source knows something about data sets that are ready, beside what this package
// looks at itself. What it says holds at the moment; nothing of it is kept.
type Source interface {
	Remarks(ctx context.Context, d *dataset.Dataset, p *profile.Profile) ([]Remark, error)
}

// ServiceConfig is what a Service needs.
type ServiceConfig struct {
	Driver   store.Driver
	Datasets Datasets
	Jobs     Jobs
	Recipes  Recipes
	Models   Models
	Sources  []Source         // beside the findings of the profile
	Now      func() time.Time // default time.Now
}

// Service shows workflows. It is safe for concurrent use.
type Service struct {
	table    *store.Table[record, *record]
	datasets Datasets
	jobs     Jobs
	recipes  Recipes
	models   Models
	sources  []Source
	now      func() time.Time
}

// NewService returns a Service. The store has ensured Collections.
func NewService(c ServiceConfig) *Service {
	s := &Service{
		table: store.NewTable[record](c.Driver, collection()), datasets: c.Datasets, jobs: c.Jobs, recipes: c.Recipes, models: c.Models,
		sources: append([]Source{findings{}}, c.Sources...), now: c.Now,
	}
	if s.now == nil {
		s.now = time.Now
	}
	return s
}

// maxJobs is how many of the newest jobs about a thing are looked at.
const maxJobs = 100

// Show returns the way of the tenant's data set, or fault.NotFound
// "dataset_not_found".
func (s *Service) Show(ctx context.Context, tenant, id string) (*Flow, error) {
	d, err := s.datasets.Get(ctx, tenant, id)
	if err != nil {
		return nil, err
	}
	w := &way{dataset: d, flow: &Flow{DatasetID: d.ID}}
	for _, name := range Names() {
		w.flow.Stages = append(w.flow.Stages, Stage{Name: name, State: Ready})
	}
	if w.decided, err = s.decided(ctx, d.ID); err != nil {
		return nil, err
	}
	w.flow.Revision = w.decided.Revision
	if w.jobs, err = s.about(ctx, tenant, d.ID); err != nil {
		return nil, err
	}
	switch {
	case d.State == dataset.NeedsConfirmation:
		w.flow.Version = max(d.Version.Number, 1)
		w.remarks = append(w.remarks, unconfirmed(d))
	case d.State == dataset.NeedsPolicy:
		w.flow.Version = max(d.Version.Number, 1)
		w.remarks = append(w.remarks, w.unprotected())
	case d.State == dataset.Ready && d.Version != nil:
		if err := s.lookAt(ctx, w); err != nil {
			return nil, err
		}
	}
	w.decide()
	w.next()
	return w.flow, nil
}

// unconfirmed is said of a data set with personal data that somebody has to
// confirm.
func unconfirmed(d *dataset.Dataset) Remark {
	return Remark{
		Stage: Profile,
		Gate: &Gate{
			Code: "personal_data_confirmed", Message: "somebody has confirmed the personal data in the table",
			Remedy: "look at what was found, set policies where it is none, and confirm it",
		},
		Action: &Action{
			Operation: "confirm-pii", Method: "POST", Path: api + "/datasets/" + d.ID + "/pii/confirm", Command: "narrative pii confirm " + d.ID,
			Reason: "the table holds personal data, and nothing is done with it before that is confirmed",
		},
	}
}

// unprotected is said of a data set whose policies are to be applied.
func (w *way) unprotected() Remark {
	r := Remark{
		Stage: Profile,
		Gate: &Gate{
			Code: "policies_applied", Message: "what policies mask, hash or drop is taken out of the table",
			Remedy: "apply the policies, or wait for the job that does",
		},
		Action: &Action{
			Operation: "apply-pii", Method: "POST", Path: api + "/datasets/" + w.id() + "/pii/apply", Command: "narrative pii apply " + w.id(),
			Reason: "the table holds personal data, and nothing is done with it before its policies are applied",
		},
	}
	if j := newest(w.jobs, underWay(kindProtect)); j != nil {
		r.Action = &Action{
			Operation: "get-job", Method: "GET", Path: api + "/jobs/" + j.ID + "?wait=30s", Command: "narrative watch " + j.ID, Reason: "a job applies the policies of personal data",
		}
	}
	return r
}

// about returns the newest jobs about a thing, the newest first.
func (s *Service) about(ctx context.Context, tenant, id string) ([]*job.Job, error) {
	page, err := s.jobs.List(ctx, tenant, job.Filter{Subject: id}, "", maxJobs)
	if err != nil {
		return nil, fmt.Errorf("jobs about %s: %w", id, err)
	}
	return page.Items, nil
}

// lookAt gathers what there is of a data set that is ready.
func (s *Service) lookAt(ctx context.Context, w *way) error {
	d := w.dataset
	w.flow.Version = max(d.Version.Number, 1)
	raw, err := s.datasets.ProfileOf(ctx, d)
	if err != nil {
		return err
	}
	if w.profile, err = profile.Decode(raw); err != nil {
		return fmt.Errorf("data set %s: %w", d.ID, err)
	}
	if w.versions, err = s.datasets.Versions(ctx, d.Tenant, d.ID); err != nil {
		return err
	}
	for _, source := range s.sources {
		remarks, err := source.Remarks(ctx, d, w.profile)
		if err != nil {
			return fmt.Errorf("data set %s: %w", d.ID, err)
		}
		w.remarks = append(w.remarks, remarks...)
	}
	for _, c := range d.TableColumns() {
		if c.Role == roleTarget {
			w.flow.Target = c.Name
		}
	}
	if err := s.suggest(ctx, w); err != nil {
		return err
	}
	return s.lookAtModels(ctx, w)
}

// suggest finds out what would be mended, when nobody has done or decided anything
// about it yet.
func (s *Service) suggest(ctx context.Context, w *way) error {
	if _, skipped := w.decided.Skipped[Prepare]; skipped || len(w.steps(prepares)) > 0 {
		return nil
	}
	all, err := s.recipes.Suggest(ctx, account.Caller{Tenant: w.dataset.Tenant}, w.dataset.ID, w.flow.Version)
	if err != nil {
		return fmt.Errorf("suggest steps for data set %s: %w", w.dataset.ID, err)
	}
	w.suggested, w.clean = all, recipe.Clean(all)
	return nil
}

// maxModels is how many models are looked at.
const maxModels = 20

// lookAtModels finds the models that the data set's trainings have made, the newest
// first, and the jobs about the newest.
func (s *Service) lookAtModels(ctx context.Context, w *way) error {
	for _, j := range w.jobs {
		if j.Kind != kindTraining || j.State != job.Succeeded || len(w.models) == maxModels {
			continue
		}
		var made struct {
			ModelID string `json:"model_id"`
		}
		if json.Unmarshal(j.Result, &made) != nil || made.ModelID == "" {
			continue
		}
		m, err := s.models.Get(ctx, w.dataset.Tenant, made.ModelID)
		if fault.ClassOf(err) == fault.ClassNotFound {
			continue // deleted, or expired
		}
		if err != nil {
			return fmt.Errorf("model %s: %w", made.ModelID, err)
		}
		w.models = append(w.models, m)
	}
	if len(w.models) == 0 {
		return nil
	}
	// The one that was made of what there is now stands for all.
	if i := slices.IndexFunc(w.models, func(m *model.Model) bool { return max(m.DatasetVersion, 1) == w.flow.Version }); i > 0 {
		w.models[0], w.models[i] = w.models[i], w.models[0]
	}
	var err error
	w.modelJobs, err = s.about(ctx, w.dataset.Tenant, w.models[0].ID)
	return err
}

// findings are the source of what the profile has found.
type findings struct{}

var _ Source = findings{}

// maxFindings is how many are named.
const maxFindings = 5

// Remarks implements Source.
func (findings) Remarks(_ context.Context, _ *dataset.Dataset, p *profile.Profile) ([]Remark, error) {
	made := Remark{Stage: Profile}
	if q := p.Quality; q != nil {
		made.Evidence = append(made.Evidence, Evidence{Kind: EvidenceProfile, Text: fmt.Sprintf("quality %.3f", q.Score)})
	}
	left := Remark{Stage: Prepare}
	leaks := Remark{Stage: Train}
	n := 0
	for _, found := range p.Findings {
		e := Evidence{Kind: EvidenceFinding, Code: found.Code, Text: found.Message}
		switch {
		case found.Code == codeLeak:
			leaks.Evidence = append(leaks.Evidence, e)
		case found.Severity == profile.Low:
		case n < maxFindings:
			left.Evidence = append(left.Evidence, e)
			n++
		}
	}
	made.Evidence = append(made.Evidence, Evidence{Kind: EvidenceProfile, Text: fmt.Sprintf("%d findings", len(p.Findings))})
	return []Remark{made, left, leaks}, nil
}

// codeLeak is that of the finding that a column tells the target alone.
const codeLeak = "leakage_suspect"
