package prediction

import "github.com/narrativeml/narrative/internal/job"

// Request asks for a prediction for every row of a data set's file.
type Request struct {
	ModelID   string `json:"model_id" doc:"The model to apply"`
	DatasetID string `json:"dataset_id" doc:"The data set whose file is read, as it was uploaded"`
	Version   int    `json:"version,omitempty" minimum:"0" doc:"Its version; default: of the model's own data set the one that it learned from, of another the newest or, when the model carries the steps of its data set, the one that was read from the file. Of the first version the file is read, of one that a recipe made its table"`
	Prepared  bool   `json:"prepared,omitempty" doc:"The table has been through the recipe that the model's data set went through: the model's steps of that are left out. Default: only for the version that the model learned from"`
	Rows      string `json:"rows,omitempty" enum:"all,holdout" doc:"All rows, or those that the model's training held out (only for its own data set); default all"`
	Format    string `json:"format,omitempty" enum:"csv,jsonl,parquet" doc:"Of the output; default csv"`
	IDColumn  string `json:"id_column,omitempty" maxLength:"1024" doc:"A column copied to the output as row_id; default: the row's number, from 1"`
	Shards    int    `json:"shards,omitempty" minimum:"0" maximum:"10000" doc:"Into how many parts, at most, the file is divided, which are predicted by jobs of their own on any worker. 0: by the number of rows; 1: not at all. A CSV file is divided between rows, a Parquet file between row groups. An output in Parquet cannot be divided"`

	MaxFailedShards int `json:"max_failed_shards,omitempty" minimum:"0" maximum:"1000" doc:"How many parts of a divided prediction may fail for good, or be cancelled, without the prediction failing: their rows are absent from the output, and the result says which. 0: none. Not with shards 1 and not with an output in Parquet, which are not divided"`

	job.Limits
	job.Order
}

// Result is what a prediction job made.
type Result struct {
	ModelID   string   `json:"model_id"`
	DatasetID string   `json:"dataset_id"`
	Format    string   `json:"format"`
	Rows      int64    `json:"rows"`     // predicted
	BadRows   int64    `json:"bad_rows"` // reported in the errors file instead
	Threshold float64  `json:"threshold,omitempty"`
	Shards    int      `json:"shards,omitempty"`     // parts that were predicted by jobs of their own
	OutputKey string   `json:"output_key"`           // row_id, prediction, probability_<class>...
	ErrorsKey string   `json:"errors_key,omitempty"` // JSON Lines: row, line, column, reason
	Warnings  []string `json:"warnings,omitempty"`   // extra columns, unseen categories, parts that failed

	FailedShards []FailedShard `json:"failed_shards,omitempty"` // in the order of the file
	AbsentRows   int64         `json:"absent_rows,omitempty"`   // that were asked for and are in no file, since their parts failed
}

// FailedShard is a part of the file that is absent from the output.
type FailedShard struct {
	Shard    int    `json:"shard"` // from 1
	JobID    string `json:"job_id"`
	FirstRow int64  `json:"first_row"` // of the file, from 1
	LastRow  int64  `json:"last_row"`
	Code     string `json:"code"`
	Message  string `json:"message"`
}
