package httpapi

import "time"

// workflowAnswers are the bodies of the operations about workflows.
func workflowAnswers(at time.Time) map[string]any {
	done := func(name string, e ...WorkflowEvidence) WorkflowStage {
		return WorkflowStage{Name: name, State: "done", Gates: []WorkflowGate{}, Evidence: e}
	}
	locked := func(name string, g WorkflowGate) WorkflowStage {
		return WorkflowStage{Name: name, State: "locked", Gates: []WorkflowGate{g}, Evidence: []WorkflowEvidence{}}
	}
	prepare := WorkflowStage{
		Name: "prepare", State: "ready", Optional: true,
		Gates:    []WorkflowGate{{Code: "profile_made", Met: true, Message: "the table is described"}},
		Evidence: []WorkflowEvidence{{Kind: "finding", Code: "missing_values", Text: `"age" lacks 120 of 1000 values (12.0 %). Fill them in, or drop these rows.`, Href: datasetPath(exampleDatasetID) + "/profile"}},
	}
	features := locked("engineer_features", WorkflowGate{
		Code: "prepared", Message: "the table is clean, or somebody has said that it stays as it is", Remedy: "apply the steps that are suggested, or leave the stage prepare out",
	})
	features.Optional = true
	needsModel := WorkflowGate{Code: "model_trained", Message: "there is a model", Remedy: "train one"}
	view := WorkflowView{
		DatasetID: exampleDatasetID, Version: 1, Target: "churned",
		Stages: []WorkflowStage{
			done("load", WorkflowEvidence{Kind: "job", ID: exampleJobID, Text: "ingest", At: &at, Href: jobPath(exampleJobID)}),
			done("profile", WorkflowEvidence{Kind: "profile", Text: "quality 0.912", Href: datasetPath(exampleDatasetID) + "/profile"}),
			prepare, features,
			locked("train", WorkflowGate{Code: "features_settled", Message: "features are made, or somebody has said that the columns are as they should be", Remedy: "apply steps that make features, or leave the stage engineer_features out"}),
			locked("evaluate", needsModel), locked("predict", needsModel), locked("deploy", needsModel),
		},
		Next: &WorkflowAction{
			Stage: "prepare", Operation: "transform", Method: "POST", Path: root + "/transforms",
			Body:    map[string]any{"dataset_id": exampleDatasetID, "version": 1, "steps": exampleSteps()},
			Command: "narrative recipe clean " + exampleDatasetID + " --yes", Reason: "2 steps would clean the table",
		},
	}
	left := view
	left.Revision = 1
	left.Stages = append([]WorkflowStage{}, view.Stages...)
	left.Stages[2].State, left.Stages[2].Skipped = "done", &WorkflowDecision{User: "ada", At: at, Note: "the missing ages mean something"}
	left.Next = nil
	return map[string]any{"get-workflow": view, "change-workflow": left}
}
