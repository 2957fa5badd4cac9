package tuning

import "github.com/narrativeml/narrative/internal/job"

// Request asks for a better decision.
type Request struct {
	ModelID   string  `json:"model_id" doc:"The model to tune"`
	Method    string  `json:"method" enum:"threshold" doc:"What to tune"`
	Objective string  `json:"objective,omitempty" enum:"f1,fbeta,youden,balanced_accuracy" doc:"What to maximise; default f1"`
	Beta      float64 `json:"beta,omitempty" minimum:"0.01" maximum:"100" doc:"Weight of recall in fbeta; default 1"`

	job.Limits
	job.Order
}
