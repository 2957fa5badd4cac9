package model

import (
	"time"

	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/tabular"
)

// Model is the record of one trained model.
type Model struct {
	store.Meta
	Tenant    string `json:"tenant"`
	User      string `json:"user"`
	Name      string `json:"name"`
	DatasetID string `json:"dataset_id"`
	// DatasetVersion is the version that was learned from; 0 on old records.
	DatasetVersion int            `json:"dataset_version,omitempty"`
	JobID          string         `json:"job_id"` // the training job
	Task           string         `json:"task"`   // binary, multiclass or regression
	Target         string         `json:"target"`
	Classes        []string       `json:"classes,omitempty"`
	PositiveClass  string         `json:"positive_class,omitempty"`
	Inputs         tabular.Schema `json:"inputs"` // the columns a row must have, without the target
	Algorithm      string         `json:"algorithm"`
	Metric         string         `json:"metric"` // what the leaderboard is ordered by
	Leaderboard    []Candidate    `json:"leaderboard"`
	Rows           int64          `json:"rows"`
	HoldoutRows    int64          `json:"holdout_rows"`
	Seed           uint64         `json:"seed"`
	FileKey        string         `json:"file_key"`        // the model file
	SHA256         string         `json:"sha256"`          // of the model file, hexadecimal
	OutOfFoldKey   string         `json:"out_of_fold_key"` // Parquet: row, label, probabilities; rows that a fold was tested on
	HoldoutKey     string         `json:"holdout_key"`     // Parquet: row, label, probabilities
	Threshold      *Threshold     `json:"threshold,omitempty"`
	CreatedAt      time.Time      `json:"created_at"`
	ExpiresAt      time.Time      `json:"expires_at,omitzero"`
	Deleted        bool           `json:"deleted,omitempty"`
}

// Candidate is one line of the leaderboard, best first.
type Candidate struct {
	Algorithm  string             `json:"algorithm"`
	CV         map[string]float64 `json:"cv"`          // metric → mean over the folds
	CVStd      map[string]float64 `json:"cv_std"`      // metric → standard deviation over the folds
	Holdout    map[string]float64 `json:"holdout"`     // metric → on the held-out rows
	FitSeconds float64            `json:"fit_seconds"` // of all its fits
}

// Threshold is the probability of the positive class from which on a row gets
// the positive label.
type Threshold struct {
	Value     float64   `json:"value"`
	Objective string    `json:"objective"` // f1, fbeta, youden or balanced_accuracy
	Beta      float64   `json:"beta,omitempty"`
	Score     float64   `json:"score"` // of the objective, out of fold
	JobID     string    `json:"job_id"`
	CreatedAt time.Time `json:"created_at"`
}
