package training

// Request asks for a model.
type Request struct {
	DatasetID     string   `json:"dataset_id" doc:"The data set to learn from"`
	Target        string   `json:"target" minLength:"1" maxLength:"1024" doc:"The column to predict"`
	Name          string   `json:"name,omitempty" maxLength:"200" doc:"A name for the model; default: target and data set"`
	Task          string   `json:"task,omitempty" enum:"binary,multiclass,regression" doc:"Default: chosen from the target"`
	PositiveClass string   `json:"positive_class,omitempty" maxLength:"1024" doc:"Binary only; default: the rarer class"`
	Features      []string `json:"features,omitempty" maxItems:"10000" doc:"Columns to learn from; default: all but the target"`
	Exclude       []string `json:"exclude,omitempty" maxItems:"10000" doc:"Columns to leave out"`
	Algorithms    []string `json:"algorithms,omitempty" maxItems:"8" doc:"Candidates, of baseline, linear, forest and gbdt; default: all"`
	Metric        string   `json:"metric,omitempty" doc:"What the leaderboard is ordered by; default: roc_auc, log_loss or rmse by task"`
	Encoding      string   `json:"encoding,omitempty" enum:"onehot,ordinal" doc:"Of categories for linear models; default: onehot"`
	Folds         int      `json:"folds,omitempty" minimum:"2" maximum:"20" doc:"Of the cross-validation; default 5"`
	TestFraction  float64  `json:"test_fraction,omitempty" minimum:"0.05" maximum:"0.5" doc:"Of the rows, held out; default 0.2"`
	Seed          uint64   `json:"seed,omitempty" maximum:"9007199254740991" doc:"Default 1"`
	Trees         int      `json:"trees,omitempty" minimum:"1" maximum:"10000" doc:"Of a gbdt candidate, default 200 with early stopping; a forest has as many, at most 100"`
}
