package client

import (
	"encoding/json"
	"time"
)

// Accepted is the answer to a request that made a job.
type Accepted struct {
	JobID     string `json:"job_id"`
	DatasetID string `json:"dataset_id,omitempty"`
	ModelID   string `json:"model_id,omitempty"`
	Job       *Job   `json:"job"`
}

// Job is one job.
type Job struct {
	whole whole

	ID         string          `json:"id"`
	Revision   int64           `json:"revision"`
	Kind       string          `json:"kind"`
	Subject    string          `json:"subject"`
	State      string          `json:"state"`
	Priority   int             `json:"priority"`
	Attempt    int             `json:"attempt"`
	Progress   Progress        `json:"progress"`
	Result     json.RawMessage `json:"result"` // in the answer about one job only
	Failure    *Failure        `json:"failure"`
	Waiting    *Waiting        `json:"waiting"`
	Cancelling bool            `json:"cancel_requested"`
	LogLines   int             `json:"log_lines"`
	CreatedAt  time.Time       `json:"created_at"`
	StartedAt  time.Time       `json:"started_at"`
	FinishedAt time.Time       `json:"finished_at"`
	Memory     int64           `json:"memory_bytes"`      // that an attempt may use
	MemoryPeak int64           `json:"memory_peak_bytes"` // that one used, if it is known
	Parent     string          `json:"parent"`            // the job that this is a part of
	Children   *Children       `json:"children"`
	After      []string        `json:"after"`
	Links      JobLinks        `json:"links"`
}

// Children are the jobs that a job was divided into.
type Children struct {
	Count    int            `json:"count"`
	States   map[string]int `json:"states"`
	Tolerate int            `json:"tolerate"`
}

// JobLinks are the addresses around a job.
type JobLinks struct {
	Files []File `json:"files"`
}

// File is one file of a job's result.
type File struct {
	Name string `json:"name"`
}

// The states of a job that do not change any more.
const (
	Succeeded = "succeeded"
	Failed    = "failed"
	Cancelled = "cancelled"
)

// Terminal reports whether nothing will change any more.
func (j *Job) Terminal() bool {
	return j.State == Succeeded || j.State == Failed || j.State == Cancelled
}

// Progress is how far a job is.
type Progress struct {
	Stage    string    `json:"stage"`
	Fraction float64   `json:"fraction"` // 0 to 1
	Rows     int64     `json:"rows"`
	RowsAll  int64     `json:"rows_total"`
	ETA      time.Time `json:"eta"`
}

// Waiting is what keeps a job from being done, though nothing failed.
type Waiting struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Failure is why a job failed.
type Failure struct {
	Code    string  `json:"code"`
	Message string  `json:"message"`
	Fields  []Field `json:"errors"`
}

// Field is one place that was wrong.
type Field struct {
	Location string `json:"location"`
	Message  string `json:"message"`
	Value    any    `json:"value"`
}

// LogLine is one line that a job wrote.
type LogLine struct {
	Seq     int       `json:"seq"`
	At      time.Time `json:"at"`
	Attempt int       `json:"attempt"`
	Level   string    `json:"level"`
	Message string    `json:"message"`
}

// Dataset is one uploaded table.
type Dataset struct {
	whole whole

	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Filename  string    `json:"filename"`
	Source    string    `json:"source"` // where an imported file came from
	Size      int64     `json:"size"`
	State     string    `json:"state"`
	JobID     string    `json:"job_id"`
	Rows      int64     `json:"rows"`    // when it is ready
	Columns   []Column  `json:"columns"` // when it is ready
	Format    *Format   `json:"format"`  // when it is ready
	CreatedAt time.Time `json:"created_at"`
}

// Format is how a file is read.
type Format struct {
	Kind        string   `json:"kind"`
	Compression string   `json:"compression,omitempty"`
	Encoding    string   `json:"encoding,omitempty"`
	Delimiter   string   `json:"delimiter,omitempty"`
	Quote       string   `json:"quote,omitempty"`
	Header      bool     `json:"header"`
	BOM         bool     `json:"bom,omitempty"`
	Sheet       string   `json:"sheet,omitempty"`
	Sheets      []string `json:"sheets,omitempty"`
}

// Column is one column of a table.
type Column struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	Storage string `json:"storage"`
	Role    string `json:"role"`
}

// Model is one trained model.
type Model struct {
	whole whole

	ID            string      `json:"id"`
	Name          string      `json:"name"`
	DatasetID     string      `json:"dataset_id"`
	JobID         string      `json:"job_id"`
	Task          string      `json:"task"`
	Target        string      `json:"target"`
	Classes       []string    `json:"classes"`
	PositiveClass string      `json:"positive_class"`
	Recipe        []ModelStep `json:"recipe"`
	Algorithm     string      `json:"algorithm"`
	Metric        string      `json:"metric"`
	Leaderboard   []Candidate `json:"leaderboard"`
	Rows          int64       `json:"rows"`
	HoldoutRows   int64       `json:"holdout_rows"`
	Threshold     *Threshold  `json:"threshold"`
	CreatedAt     time.Time   `json:"created_at"`
}

// ModelStep is a step of a recipe that a model carries.
type ModelStep struct {
	Step
	Explanation string `json:"explanation"`
	Prediction  string `json:"prediction"` // apply or skip
	Version     int    `json:"version"`    // of the data set, that it made; 0: it has learned in the training
}

// TableRef names a version of a data set.
type TableRef struct {
	DatasetID string `json:"dataset_id"`
	Number    int    `json:"number"`
}

// Candidate is one line of a leaderboard.
type Candidate struct {
	Algorithm  string             `json:"algorithm"`
	CV         map[string]float64 `json:"cv"`
	CVStd      map[string]float64 `json:"cv_std"`
	Holdout    map[string]float64 `json:"holdout"`
	FitSeconds float64            `json:"fit_seconds"`
}

// Threshold is the probability from which on a row gets the positive label.
type Threshold struct {
	Value     float64 `json:"value"`
	Objective string  `json:"objective"`
	Score     float64 `json:"score"`
}

// Page is a part of a list.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next_cursor,omitempty"` // empty: this is the last page
}

// TrainRequest asks for a model.
type TrainRequest struct {
	FoldsAsJobs   bool     `json:"folds_as_jobs,omitempty"`
	DatasetID     string   `json:"dataset_id"`
	Version       int      `json:"version,omitempty"` // of the data set; 0: the default
	Target        string   `json:"target"`
	Name          string   `json:"name,omitempty"`
	Task          string   `json:"task,omitempty"`
	PositiveClass string   `json:"positive_class,omitempty"`
	Features      []string `json:"features,omitempty"`
	Exclude       []string `json:"exclude,omitempty"`
	Algorithms    []string `json:"algorithms,omitempty"`
	Metric        string   `json:"metric,omitempty"`
	Encoding      string   `json:"encoding,omitempty"`
	Folds         int      `json:"folds,omitempty"`
	TestFraction  float64  `json:"test_fraction,omitempty"`
	Seed          uint64   `json:"seed,omitempty"`
	Trees         int      `json:"trees,omitempty"`
	Split         string   `json:"split,omitempty"`
	GroupColumn   string   `json:"group_column,omitempty"`
	TimeColumn    string   `json:"time_column,omitempty"`
	Gap           int      `json:"gap,omitempty"`
	Window        int      `json:"window,omitempty"`
	Repeats       int      `json:"repeats,omitempty"`
	ClassWeight   string   `json:"class_weight,omitempty"`
	WeightColumn  string   `json:"weight_column,omitempty"`

	RecipeID      string     `json:"recipe_id,omitempty"`
	RecipeVersion int        `json:"recipe_version,omitempty"`
	Steps         []Step     `json:"steps,omitempty"`
	Tables        []TableRef `json:"tables,omitempty"` // versions of data sets that steps join

	Imputation     string  `json:"imputation,omitempty"`
	Scaling        string  `json:"scaling,omitempty"`
	DateCycles     bool    `json:"date_cycles,omitempty"`
	MinVariance    float64 `json:"min_variance,omitempty"`
	MaxCorrelation float64 `json:"max_correlation,omitempty"`

	Limits
	Order
}

// Order says when a job may run.
type Order struct {
	After    []string `json:"after,omitempty"`    // jobs that have to succeed before
	Priority *int     `json:"priority,omitempty"` // 0 to 9; nil: the server's default
}

// Limits are what a job may take.
type Limits struct {
	Memory     string     `json:"memory,omitempty"` // such as 2GiB; empty: an estimate
	Deadline   *time.Time `json:"deadline,omitempty"`
	TimeBudget int64      `json:"time_budget,omitempty"` // seconds of all attempts
}

// TuneRequest asks for a better decision.
type TuneRequest struct {
	ModelID   string  `json:"model_id"`
	Method    string  `json:"method"`
	Objective string  `json:"objective,omitempty"`
	Beta      float64 `json:"beta,omitempty"`

	Limits
	Order
}

// PredictRequest asks for predictions.
type PredictRequest struct {
	Shards    int    `json:"shards,omitempty"`
	MaxFailed int    `json:"max_failed_shards,omitempty"` // parts that may fail; their rows are absent
	ModelID   string `json:"model_id"`
	DatasetID string `json:"dataset_id"`
	Version   int    `json:"version,omitempty"`  // of the data set; 0: the default
	Prepared  bool   `json:"prepared,omitempty"` // the table has been through the steps of the model's data set
	Rows      string `json:"rows,omitempty"`
	Format    string `json:"format,omitempty"`
	IDColumn  string `json:"id_column,omitempty"`

	Limits
	Order
}

// CleanupRequest asks for a clean-up.
type CleanupRequest struct {
	DryRun bool `json:"dry_run,omitempty"`

	Order
}

// Tuned is the result of a tuning job.
type Tuned struct {
	ModelID     string  `json:"model_id"`
	Objective   string  `json:"objective"`
	Threshold   float64 `json:"threshold"`
	Score       float64 `json:"score"`
	Default     Point   `json:"default"` // at 0.5
	Best        Point   `json:"best"`
	Curve       []Point `json:"curve"`        // by falling threshold; of a long curve the points to draw
	CurvePoints int     `json:"curve_points"` // of the whole curve, which is the file "curve" of the result
	Rows        int     `json:"rows"`
}

// Point is how good the decisions are at one threshold.
type Point struct {
	Threshold   float64 `json:"threshold"`
	Precision   float64 `json:"precision"`
	Recall      float64 `json:"recall"`
	Specificity float64 `json:"specificity"`
	Accuracy    float64 `json:"accuracy"`
	Score       float64 `json:"score"`
}

// Predicted is the result of a prediction job.
type Predicted struct {
	Rows      int64    `json:"rows"`
	BadRows   int64    `json:"bad_rows"`
	Threshold float64  `json:"threshold"`
	Warnings  []string `json:"warnings"`

	AbsentRows   int64         `json:"absent_rows"` // since their parts failed, as the request tolerates
	FailedShards []FailedShard `json:"failed_shards"`
}

// FailedShard is a part of the file that is absent from the output.
type FailedShard struct {
	Shard    int    `json:"shard"`
	JobID    string `json:"job_id"`
	FirstRow int64  `json:"first_row"`
	LastRow  int64  `json:"last_row"`
	Code     string `json:"code"`
	Message  string `json:"message"`
}

// Cleaned is the result of a clean-up job.
type Cleaned struct {
	DryRun       bool  `json:"dry_run"`
	Examined     int64 `json:"examined"`
	Kept         int64 `json:"kept"`
	Marked       int64 `json:"marked"`
	Waiting      int64 `json:"waiting"`
	Deleted      int64 `json:"deleted"`
	DeletedBytes int64 `json:"deleted_bytes"`

	Objects   []CleanedObject `json:"objects"` // what was not kept
	Truncated bool            `json:"truncated"`
}

// CleanedObject is one object that nothing keeps.
type CleanedObject struct {
	Key    string `json:"key"`
	Size   int64  `json:"size"`
	Reason string `json:"reason"`
	Action string `json:"action"` // mark, wait or delete
}

// JobFilter chooses jobs; an empty field chooses all.
type JobFilter struct {
	Scope   string // "system": the system's own instead of the tenant's, for operators
	State   string
	Kind    string
	Subject string
	Parent  string // the jobs that this one was divided into
}

// Profile is the description of a data set's columns.
type Profile struct {
	Rows    int64           `json:"rows"`
	Columns []ProfileColumn `json:"columns"`
	Missing struct {
		Cells int64 `json:"cells"`
	} `json:"missing"`
	Duplicates struct {
		Rows int64 `json:"rows"`
	} `json:"duplicates"`
	Quality  *Quality  `json:"quality"` // nil in profiles of old
	Findings []Finding `json:"findings"`
}

// Quality says how good a table is, from 0 to 1.
type Quality struct {
	Score        float64  `json:"score"`
	Completeness *float64 `json:"completeness"`
	Consistency  *float64 `json:"consistency"`
	Validity     *float64 `json:"validity"`
	Uniqueness   *float64 `json:"uniqueness"`
	Timeliness   *float64 `json:"timeliness"`
}

// Finding is something about a table that somebody should know.
type Finding struct {
	Code     string `json:"code"`
	Severity string `json:"severity"`
	Column   string `json:"column"`
	Message  string `json:"message"`
	Step     string `json:"step"`
}

// ProfileColumn describes one column.
type ProfileColumn struct {
	Name      string         `json:"name"`
	Type      string         `json:"type"`
	Count     int64          `json:"count"` // values that are not missing
	Missing   int64          `json:"missing"`
	Distinct  int64          `json:"distinct"`
	Min       any            `json:"min"`
	Max       any            `json:"max"`
	Mean      *float64       `json:"mean"`
	Quantiles map[string]any `json:"quantiles"` // p1 to p99
	Histogram *Histogram     `json:"histogram"`
	Top       []TopValue     `json:"top"`
}

// Histogram counts values by bins of equal width.
type Histogram struct {
	Edges  []any   `json:"edges"` // one more than Counts
	Counts []int64 `json:"counts"`
}

// TopValue is a frequent value of a column.
type TopValue struct {
	Value any   `json:"value"`
	Count int64 `json:"count"`
}
