package tuning

// Request asks for a better decision.
type Request struct {
	ModelID   string  `json:"model_id" doc:"The model to tune"`
	Method    string  `json:"method" enum:"threshold" doc:"What to tune"`
	Objective string  `json:"objective,omitempty" enum:"f1,fbeta,youden,balanced_accuracy" doc:"What to maximise; default f1"`
	Beta      float64 `json:"beta,omitempty" minimum:"0.01" maximum:"100" doc:"Weight of recall in fbeta; default 1"`
	Priority  *int    `json:"priority,omitempty" minimum:"0" maximum:"9" doc:"How urgent the job is among those of your tenant, 0 to 9; default 5"`
}
