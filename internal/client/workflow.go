package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Workflow is how far a data set is on its way from a file to a model in use.
type Workflow struct {
	DatasetID string          `json:"dataset_id"`
	Version   int             `json:"version,omitempty"`
	Target    string          `json:"target,omitempty"`
	Revision  int64           `json:"revision"`
	Stages    []WorkflowStage `json:"stages"`
	Next      *WorkflowAction `json:"next,omitempty"`
}

// WorkflowStage is one of the eight.
type WorkflowStage struct {
	Name     string `json:"name"`
	State    string `json:"state"`
	Optional bool   `json:"optional"`
	Skipped  *struct {
		User string    `json:"user"`
		At   time.Time `json:"at"`
		Note string    `json:"note,omitempty"`
	} `json:"skipped,omitempty"`
	Gates []struct {
		Code    string `json:"code"`
		Met     bool   `json:"met"`
		Message string `json:"message"`
		Remedy  string `json:"remedy,omitempty"`
	} `json:"gates"`
	Evidence []struct {
		Kind   string `json:"kind"`
		ID     string `json:"id,omitempty"`
		Number int    `json:"number,omitempty"`
		Code   string `json:"code,omitempty"`
		Text   string `json:"text"`
		Href   string `json:"href,omitempty"`
	} `json:"evidence"`
}

// WorkflowAction is what is best done next.
type WorkflowAction struct {
	Stage     string         `json:"stage"`
	Operation string         `json:"operation"`
	Method    string         `json:"method"`
	Path      string         `json:"path"`
	Body      map[string]any `json:"body,omitempty"`
	Choices   []struct {
		Location   string   `json:"location"`
		Candidates []string `json:"candidates,omitempty"`
	} `json:"choices,omitempty"`
	Command string `json:"command"`
	Reason  string `json:"reason"`
}

// Stage returns the stage of that name, or nil.
func (w *Workflow) Stage(name string) *WorkflowStage {
	for i := range w.Stages {
		if w.Stages[i].Name == name {
			return &w.Stages[i]
		}
	}
	return nil
}

// StageChange says whether a stage is left out.
type StageChange struct {
	Name    string `json:"name"`
	Skipped bool   `json:"skipped"`
	Note    string `json:"note,omitempty"`
}

func workflowPath(id string) string { return "workflow/" + url.PathEscape(id) }

// Workflow returns how far the data set is.
func (c *Client) Workflow(ctx context.Context, id string) (*Workflow, error) {
	w := new(Workflow)
	return w, c.get(ctx, workflowPath(id), nil, w)
}

// ChangeWorkflow leaves stages out, or takes them up again.
func (c *Client) ChangeWorkflow(ctx context.Context, id string, changes []StageChange) (*Workflow, error) {
	w := new(Workflow)
	return w, c.write(ctx, http.MethodPatch, workflowPath(id), map[string]any{"stages": changes}, "", w)
}
