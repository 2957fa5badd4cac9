package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"time"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/workflow"
)

// WorkflowStage is a step on the way from a file to a model in use.
type WorkflowStage struct {
	Name     string             `json:"name" enum:"load,profile,prepare,engineer_features,train,evaluate,predict,deploy"`
	State    string             `json:"state" enum:"locked,ready,in_progress,done,failed,stale" doc:"locked: see its gates; ready: it can begin; in_progress: a job is at it; failed: the last job failed; stale: it was done, and what it was done for has changed since"`
	Optional bool               `json:"optional" doc:"Whether it may be left out"`
	Skipped  *WorkflowDecision  `json:"skipped,omitempty" doc:"Somebody has said that it is left out"`
	Gates    []WorkflowGate     `json:"gates" nullable:"false" doc:"What has to be so before it begins"`
	Evidence []WorkflowEvidence `json:"evidence" nullable:"false" doc:"What its state follows from"`
}

// WorkflowDecision is what somebody has said.
type WorkflowDecision struct {
	User string    `json:"user"`
	At   time.Time `json:"at"`
	Note string    `json:"note,omitempty"`
}

// WorkflowGate is something that has to be so before a stage begins.
type WorkflowGate struct {
	Code    string `json:"code" doc:"Stable; a program may match on it" example:"prepared"`
	Met     bool   `json:"met"`
	Message string `json:"message" doc:"What has to be so"`
	Remedy  string `json:"remedy,omitempty" doc:"What to do about it; missing when it is met"`
}

// WorkflowEvidence shows what was done, or what is left to do.
type WorkflowEvidence struct {
	Kind   string     `json:"kind" enum:"job,version,profile,finding,model,decision"`
	ID     string     `json:"id,omitempty" doc:"Of a job or a model"`
	Number int        `json:"number,omitempty" doc:"Of a version of the data set"`
	Code   string     `json:"code,omitempty" doc:"Of a finding; stable" example:"missing_values"`
	Text   string     `json:"text"`
	At     *time.Time `json:"at,omitempty"`
	Href   string     `json:"href,omitempty" doc:"Where it is"`
}

// WorkflowAction is what is best done next: a request to send, and the command that
// does the same.
type WorkflowAction struct {
	Stage     string           `json:"stage" example:"prepare"`
	Operation string           `json:"operation" doc:"Its name in this description" example:"transform"`
	Method    string           `json:"method" example:"POST"`
	Path      string           `json:"path" example:"/api/v1/transforms"`
	Body      map[string]any   `json:"body,omitempty" doc:"Null where a choice is to be made"`
	Choices   []WorkflowChoice `json:"choices,omitempty" nullable:"false" doc:"What only you can say"`
	Command   string           `json:"command" example:"narrative recipe clean ds_… --yes"`
	Reason    string           `json:"reason"`
}

// WorkflowChoice is a place of a request that the caller fills in.
type WorkflowChoice struct {
	Location   string   `json:"location" example:"body.columns[0].name"`
	Candidates []string `json:"candidates,omitempty" nullable:"false"`
}

// WorkflowView is how far a data set is on its way.
type WorkflowView struct {
	DatasetID string          `json:"dataset_id" pattern:"^ds_[0-9a-f]{32}$"`
	Version   int             `json:"version,omitempty" doc:"The newest of the data set; missing before there is one"`
	Target    string          `json:"target,omitempty" doc:"The column with the role target"`
	Revision  int64           `json:"revision" doc:"Grows with every decision"`
	Stages    []WorkflowStage `json:"stages" nullable:"false" doc:"All eight, in order"`
	Next      *WorkflowAction `json:"next,omitempty" doc:"What is best done next; missing when nothing is"`
}

// WorkflowChange is what somebody decides.
type WorkflowChange struct {
	Stages []WorkflowStageChange `json:"stages" minItems:"1" maxItems:"8" nullable:"false" doc:"The stages to decide about; the others stay"`
}

// WorkflowStageChange says whether a stage is left out.
type WorkflowStageChange struct {
	Name    string `json:"name" maxLength:"40" doc:"prepare or engineer_features" example:"prepare"`
	Skipped bool   `json:"skipped" doc:"Whether it is left out"`
	Note    string `json:"note,omitempty" maxLength:"500" doc:"Why"`
}

type workflowInput struct {
	DatasetRef
	Revalidation
}

type workflowChangeInput struct {
	DatasetRef
	Match string `header:"If-Match" maxLength:"200" doc:"The ETag of the workflow that was decided about; without it whatever was decided meanwhile is kept"`
	Body  WorkflowChange
}

type workflowOutput struct {
	Status       int
	ETag         string `header:"ETag" doc:"Of what is shown; send it as If-None-Match, or as If-Match"`
	CacheControl string `header:"Cache-Control"`
	Body         WorkflowView
}

func (s *server) registerWorkflow(w Workflow) {
	register(s, operation(tagWorkflow, "GET /workflow/{id}", "get-workflow", "See how far a data set is",
		`The eight stages from a file to a model in use, each with its state, what has to be so before it begins, and what shows it; and what is best done next, as a request. All of it follows from what there is, but for the stages that somebody has left out. The gates are advice: no request is refused because of them.`,
		http.StatusNotFound),
		func(ctx context.Context, in *workflowInput) (*workflowOutput, error) {
			out, err := showWorkflow(w.Show(ctx, callerOf(ctx).Tenant, in.ID))
			if err == nil && (in.matches(out.ETag) || in.anything()) {
				out.Status = http.StatusNotModified
			}
			return out, err
		})
	register(s, replaces(operation(tagWorkflow, "PATCH /workflow/{id}", "change-workflow", "Leave stages out, or take them up again",
		`Of the stages only prepare and engineer_features may be left out.`, http.StatusNotFound, http.StatusConflict)),
		func(ctx context.Context, in *workflowChangeInput) (*workflowOutput, error) {
			caller := callerOf(ctx)
			d := workflow.Decisions{Tenant: caller.Tenant, User: caller.User, ID: in.ID}
			for _, c := range in.Body.Stages {
				d.Changes = append(d.Changes, workflow.Change{Stage: workflow.Name(c.Name), Skipped: c.Skipped, Note: c.Note})
			}
			if tags := (Revalidation{IfNoneMatch: in.Match}); in.Match != "" && !tags.anything() {
				now, err := w.Show(ctx, caller.Tenant, in.ID)
				if err != nil {
					return nil, err
				}
				if !tags.matches(tagOf(viewWorkflow(now))) {
					return nil, changedMeanwhile(fault.Conflict(workflow.CodeChanged, "the workflow of data set %s is not what you have read; read it again and decide on what it is now", in.ID))
				}
				d.Revision = &now.Revision
			}
			out, err := showWorkflow(w.Decide(ctx, d))
			return out, changedMeanwhile(err)
		})
}

func showWorkflow(f *workflow.Flow, err error) (*workflowOutput, error) {
	if err != nil {
		return nil, err
	}
	v := viewWorkflow(f)
	return &workflowOutput{Status: http.StatusOK, ETag: tagOf(v), CacheControl: cacheJob, Body: v}, nil
}

// tagOf returns the strong validator of what is shown.
func tagOf(v WorkflowView) string {
	sum := sha256.Sum256(encode(v))
	const bytes = 16
	return fmt.Sprintf("%q", hex.EncodeToString(sum[:bytes]))
}

func viewWorkflow(f *workflow.Flow) WorkflowView {
	v := WorkflowView{DatasetID: f.DatasetID, Version: f.Version, Target: f.Target, Revision: f.Revision, Stages: make([]WorkflowStage, 0, len(f.Stages))}
	for _, stage := range f.Stages {
		s := WorkflowStage{
			Name: string(stage.Name), State: string(stage.State), Optional: stage.Name.Optional(),
			Gates: make([]WorkflowGate, 0, len(stage.Gates)), Evidence: make([]WorkflowEvidence, 0, len(stage.Evidence)),
		}
		if d := stage.Skipped; d != nil {
			s.Skipped = &WorkflowDecision{User: d.User, At: d.At.UTC(), Note: d.Note}
		}
		for _, g := range stage.Gates {
			s.Gates = append(s.Gates, WorkflowGate(g))
		}
		for _, e := range stage.Evidence {
			s.Evidence = append(s.Evidence, viewEvidence(f.DatasetID, e))
		}
		v.Stages = append(v.Stages, s)
	}
	if a := f.Next; a != nil {
		v.Next = &WorkflowAction{
			Stage: string(a.Stage), Operation: a.Operation, Method: a.Method, Path: a.Path, Body: a.Body, Command: a.Command, Reason: a.Reason,
		}
		for _, c := range a.Choices {
			v.Next.Choices = append(v.Next.Choices, WorkflowChoice(c))
		}
	}
	return v
}

func viewEvidence(datasetID string, e workflow.Evidence) WorkflowEvidence {
	v := WorkflowEvidence{Kind: e.Kind, ID: e.ID, Number: e.Number, Code: e.Code, Text: e.Text, At: moment(e.At)}
	switch e.Kind {
	case workflow.EvidenceJob:
		v.Href = jobPath(e.ID)
	case workflow.EvidenceModel:
		v.Href = modelPath(e.ID)
	case workflow.EvidenceVersion:
		v.Href = fmt.Sprintf("%s/versions/%d", datasetPath(datasetID), e.Number)
	case workflow.EvidenceProfile, workflow.EvidenceFinding:
		v.Href = datasetPath(datasetID) + "/profile"
	}
	return v
}
