package training

import "github.com/narrativeml/narrative/internal/job"

// Request asks for a model.
type Request struct {
	DatasetID     string   `json:"dataset_id" doc:"The data set to learn from"`
	Version       int      `json:"version,omitempty" minimum:"0" doc:"Its version; default: the newest"`
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
	Split         string   `json:"split,omitempty" enum:"random,grouped,time" doc:"How rows are held out and divided into folds: at random, by groups that stay together, or by time, each learning from what came before. Default: random"`
	GroupColumn   string   `json:"group_column,omitempty" maxLength:"1024" doc:"Split grouped only: rows with the same value stay together. It is not a feature"`
	TimeColumn    string   `json:"time_column,omitempty" maxLength:"1024" doc:"Split time only: what the rows are ordered by, a datetime or a number. It is a feature too unless it is left out"`
	Gap           int      `json:"gap,omitempty" minimum:"0" maximum:"1000000000" doc:"Split time only: rows left out before those that are tested on; default 0"`
	Window        int      `json:"window,omitempty" minimum:"0" maximum:"1000000000" doc:"Split time only: the most rows that a fold learns from, the last ones; default 0, which means all"`
	Repeats       int      `json:"repeats,omitempty" minimum:"1" maximum:"20" doc:"Of the cross-validation, each divided anew; not by time; default 1"`
	ClassWeight   string   `json:"class_weight,omitempty" enum:"none,balanced" doc:"Balanced makes every class weigh the same in what is learned; scores count rows as they are. Default: none"`
	WeightColumn  string   `json:"weight_column,omitempty" maxLength:"1024" doc:"Numbers that say how much each row counts, in what is learned and in every score; a row of weight 0 is left out. It is not a feature"`

	Imputation     string  `json:"imputation,omitempty" enum:"mean,median,mode" doc:"Of missing numbers for linear models, which also learn where one was missing; default: median"`
	Scaling        string  `json:"scaling,omitempty" enum:"standard,minmax,robust,maxabs,none" doc:"Of numbers for linear models; default: standard"`
	DateCycles     bool    `json:"date_cycles,omitempty" doc:"Give linear models the sine and cosine of month, weekday, hour and day of the year, besides the parts of a date"`
	MinVariance    float64 `json:"min_variance,omitempty" minimum:"0" doc:"Leave out columns of numbers whose variance is not above this; default 0: none"`
	MaxCorrelation float64 `json:"max_correlation,omitempty" minimum:"0" maximum:"1" doc:"Of two columns of numbers whose correlation is above this, with either sign, leave out the later; default 0: none"`

	FoldsAsJobs bool `json:"folds_as_jobs,omitempty" doc:"Make each fit of the cross-validation a job of its own, on any worker; the model is the same. Default: by the number of rows"`

	job.Limits
	job.Order
}
