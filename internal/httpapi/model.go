package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/narrativeml/narrative/internal/model"
)

// Model is a model as a client sees it.
type Model struct {
	ID            string      `json:"id" pattern:"^mdl_[0-9a-f]{32}$"`
	Name          string      `json:"name"`
	DatasetID     string      `json:"dataset_id" doc:"The data set it has learnt from"`
	Version       int         `json:"dataset_version" doc:"Of the data set" example:"1"`
	JobID         string      `json:"job_id" doc:"The training job"`
	User          string      `json:"user" doc:"Who trained it"`
	Task          string      `json:"task" enum:"binary,multiclass,regression"`
	Target        string      `json:"target" doc:"The column it predicts"`
	Classes       []string    `json:"classes,omitempty" nullable:"false"`
	PositiveClass string      `json:"positive_class,omitempty"`
	Inputs        []Column    `json:"inputs" nullable:"false" doc:"The columns that a row must have"`
	Recipe        []ModelStep `json:"recipe" nullable:"false" doc:"The steps that a row goes through first, in order, with what they have learned: those that made the version of the data set, then those of the training"`
	Prepared      []Column    `json:"prepared,omitempty" nullable:"false" doc:"The columns that a row must have that has been through the steps of the data set; present when it has such"`
	Algorithm     string      `json:"algorithm" doc:"The best of the leaderboard"`
	Metric        string      `json:"metric" doc:"What the leaderboard is ordered by"`
	Leaderboard   []Candidate `json:"leaderboard" nullable:"false" doc:"Best first"`
	Rows          int64       `json:"rows" doc:"Of the data set"`
	HoldoutRows   int64       `json:"holdout_rows" doc:"Kept out of the training to measure it"`
	Seed          uint64      `json:"seed"`
	SHA256        string      `json:"sha256" doc:"Of the model file, hexadecimal"`
	Threshold     *Threshold  `json:"threshold,omitempty" doc:"Binary only: set by tuning"`
	CreatedAt     time.Time   `json:"created_at"`
	ExpiresAt     *time.Time  `json:"expires_at,omitempty"`
	Links         ModelLinks  `json:"links"`
}

// ModelStep is a step of a recipe that a model carries.
type ModelStep struct {
	Step
	Explanation string `json:"explanation" doc:"What it does, in words"`
	Prediction  string `json:"prediction" enum:"apply,skip" doc:"What becomes of it when rows are predicted; all of those are answered, so a step that removes rows is skipped"`
	Version     int    `json:"version,omitempty" doc:"The version of the data set that it made; missing: it has learned in the training"`
}

func viewModelSteps(steps []model.RecipeStep) []ModelStep {
	out := make([]ModelStep, 0, len(steps))
	for _, s := range steps {
		use := "apply"
		if s.Skipped {
			use = "skip"
		}
		out = append(out, ModelStep{Step: Step{Name: s.Name, Parameters: s.Parameters}, Explanation: s.Explanation, Prediction: use, Version: s.Version})
	}
	return out
}

// Candidate is one line of a leaderboard.
type Candidate struct {
	Algorithm  string             `json:"algorithm"`
	CV         map[string]float64 `json:"cv" doc:"Metric: mean over the folds"`
	CVStd      map[string]float64 `json:"cv_std" doc:"Metric: standard deviation over the folds"`
	Holdout    map[string]float64 `json:"holdout" doc:"Metric: on the held-out rows"`
	FitSeconds float64            `json:"fit_seconds" doc:"Of all its fits"`
}

// Threshold is the probability from which on a row gets the positive label.
type Threshold struct {
	Value     float64   `json:"value"`
	Objective string    `json:"objective" doc:"f1, fbeta, youden or balanced_accuracy"`
	Beta      float64   `json:"beta,omitempty"`
	Score     float64   `json:"score" doc:"Of the objective, out of fold"`
	JobID     string    `json:"job_id" doc:"The tuning job"`
	CreatedAt time.Time `json:"created_at"`
}

// ModelLinks are the addresses around a model.
type ModelLinks struct {
	Self    string `json:"self"`
	Dataset string `json:"dataset"`
	Job     string `json:"job" doc:"The training job"`
}

// ModelRef names a model in a path.
type ModelRef struct {
	ID string `path:"id" pattern:"^mdl_[0-9a-f]{32}$" patternDescription:"a model's identifier, mdl_ and 32 hexadecimal digits" doc:"The model's identifier" example:"mdl_0197290c5e5b7c3a9d0e1f2a3b4c5d6e"`
}

type modelOutput struct{ Body Model }

func (s *server) registerModels() {
	register(s, operation(tagModels, "GET /models", "list-models", "List models",
		`The newest first.`), func(ctx context.Context, in *struct{ Paging }) (*pageOutput[Model], error) {
		page, err := s.models.List(ctx, callerOf(ctx).Tenant, in.Cursor, in.Limit)
		if err != nil {
			return nil, err
		}
		return pageOf(ctx, page.Items, page.Next, viewModel), nil
	})
	register(s, operation(tagModels, "GET /models/{id}", "get-model", "Look at a model",
		`Its leaderboard, its inputs and, when it was tuned, its threshold.`, http.StatusNotFound),
		func(ctx context.Context, in *ModelRef) (*modelOutput, error) {
			m, err := s.models.Get(ctx, callerOf(ctx).Tenant, in.ID)
			if err != nil {
				return nil, err
			}
			return &modelOutput{Body: viewModel(m)}, nil
		})
	register(s, operation(tagModels, "DELETE /models/{id}", "delete-model", "Delete a model",
		`It is gone at once; its files go at the next clean-up. Predictions made with it stay.`, http.StatusNotFound, http.StatusConflict),
		func(ctx context.Context, in *ModelRef) (*struct{}, error) {
			return nil, s.models.Delete(ctx, callerOf(ctx).Tenant, in.ID)
		})
}

func viewModel(m *model.Model) Model {
	v := Model{
		ID: m.ID, Name: m.Name, DatasetID: m.DatasetID, JobID: m.JobID, User: m.User, Task: m.Task,
		Target: m.Target, Classes: m.Classes, PositiveClass: m.PositiveClass, Inputs: viewColumns(m.Inputs),
		Version: max(m.DatasetVersion, 1), Recipe: viewModelSteps(m.Recipe),
		Algorithm: m.Algorithm, Metric: m.Metric, Leaderboard: make([]Candidate, 0, len(m.Leaderboard)),
		Rows: m.Rows, HoldoutRows: m.HoldoutRows, Seed: m.Seed, SHA256: m.SHA256,
		CreatedAt: m.CreatedAt.UTC(), ExpiresAt: moment(m.ExpiresAt),
		Links: ModelLinks{Self: modelPath(m.ID), Dataset: datasetPath(m.DatasetID), Job: jobPath(m.JobID)},
	}
	for _, c := range m.Leaderboard {
		v.Leaderboard = append(v.Leaderboard, Candidate{
			Algorithm: c.Algorithm, CV: finite(c.CV), CVStd: finite(c.CVStd), Holdout: finite(c.Holdout), FitSeconds: c.FitSeconds,
		})
	}
	if len(m.Prepared) > 0 {
		v.Prepared = viewColumns(m.Prepared)
	}
	if t := m.Threshold; t != nil {
		v.Threshold = &Threshold{Value: t.Value, Objective: t.Objective, Beta: t.Beta, Score: t.Score, JobID: t.JobID, CreatedAt: t.CreatedAt.UTC()}
	}
	return v
}
