package httpapi

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
)

// Job is a job as a client sees it.
type Job struct {
	ID              string          `json:"id" pattern:"^job_[0-9a-f]{32}$"`
	Kind            string          `json:"kind" doc:"ingest, training, tuning, prediction or cleanup, or a part of one such as prediction_shard" example:"training"`
	State           string          `json:"state" enum:"waiting,pending,queued,running,succeeded,failed,cancelled" doc:"The last three are final. Waiting is for other jobs: those that it was divided into, or those that it comes after"`
	Subject         string          `json:"subject,omitempty" doc:"The data set or model that the job is about, the first of subjects"`
	Subjects        []string        `json:"subjects,omitempty" nullable:"false" doc:"Everything that the job is about; none of it can be deleted before the job has ended"`
	Scope           string          `json:"scope" enum:"tenant,system" doc:"Whose it is: your tenant's, or the system's own, which only operators see"`
	User            string          `json:"user" doc:"Who submitted it"`
	Priority        int             `json:"priority" minimum:"0" maximum:"9" doc:"How urgent it is among the jobs of your tenant; 5 where none was given" example:"5"`
	Revision        int64           `json:"revision" doc:"Grows with every change; the ETag"`
	Attempt         int             `json:"attempt" doc:"How often a worker took it up" example:"1"`
	Epoch           int             `json:"epoch" doc:"How often it was handed to the queue"`
	Progress        Progress        `json:"progress"`
	Result          json.RawMessage `json:"result,omitempty" doc:"What the job made, by its kind; only in the answer about one job"`
	Failure         *Failure        `json:"failure,omitempty" doc:"Why the last attempt that failed did"`
	Waiting         *Waiting        `json:"waiting,omitempty" doc:"What it waits for, when something other than its turn keeps it; present until it is taken up again"`
	CancelRequested bool            `json:"cancel_requested" doc:"Somebody asked to cancel it"`
	LogLines        int             `json:"log_lines" doc:"How many lines it has logged"`
	CreatedAt       time.Time       `json:"created_at"`
	QueuedAt        *time.Time      `json:"queued_at,omitempty"`
	StartedAt       *time.Time      `json:"started_at,omitempty" doc:"Of the current or last attempt"`
	FinishedAt      *time.Time      `json:"finished_at,omitempty"`
	NotBefore       *time.Time      `json:"not_before,omitempty" doc:"A pending job waits until then"`
	MemoryBytes     int64           `json:"memory_bytes,omitempty" doc:"The memory that an attempt may use: an estimate, unless the request said it"`
	MemoryPeakBytes int64           `json:"memory_peak_bytes,omitempty" doc:"The most memory that an attempt used, of jobs that run in processes of their own"`
	Deadline        *time.Time      `json:"deadline,omitempty" doc:"By when it has to have ended"`
	TimeBudget      float64         `json:"time_budget,omitempty" doc:"For how many seconds its attempts may run in all"`
	TimeSpent       float64         `json:"time_spent,omitempty" doc:"For how many seconds its ended attempts ran, and those of the jobs that it was divided into"`
	Parent          string          `json:"parent,omitempty" doc:"The job that this is a part of"`
	Part            *Part           `json:"part,omitempty" doc:"Which part of its parent it is"`
	Children        *Children       `json:"children,omitempty" doc:"The jobs that it was divided into; GET /api/v1/jobs?parent= lists them"`
	After           []string        `json:"after,omitempty" nullable:"false" doc:"The jobs that have to succeed before it runs"`
	History         []Transition    `json:"history,omitempty" nullable:"false" doc:"What happened to it, the first and the last of many; only in the answer about one job"`
	Links           JobLinks        `json:"links"`
}

// Progress is how far a job is.
type Progress struct {
	Stage     string     `json:"stage,omitempty" doc:"What it is doing" example:"gbdt fold 2 of 5"`
	Fraction  float64    `json:"fraction" minimum:"0" maximum:"1" doc:"Of the whole job; never falls within an attempt" example:"0.42"`
	Rows      int64      `json:"rows,omitempty" doc:"Rows done, where rows are counted"`
	RowsTotal int64      `json:"rows_total,omitempty" doc:"Rows to do, where that is known"`
	ETA       *time.Time `json:"eta,omitempty" doc:"When it will probably be done"`
	UpdatedAt *time.Time `json:"updated_at,omitempty"`
}

// Failure is why an attempt failed.
type Failure struct {
	Code    string        `json:"code" doc:"Stable; a program may match on it" example:"constant_target"`
	Message string        `json:"message" doc:"What was wrong and what would be right"`
	Errors  []fault.Field `json:"errors,omitempty" nullable:"false" doc:"The places that were wrong"`
}

// Waiting is what keeps a job from being done, though nothing failed.
type Waiting struct {
	Code    string `json:"code" doc:"Stable; a program may match on it" example:"newer_worker_needed"`
	Message string `json:"message" doc:"What has to happen before it goes on"`
}

// Part is which part of its parent a job is.
type Part struct {
	Name   string `json:"name" example:"shard-00003"`
	Number int    `json:"number" doc:"From 1"`
}

// Children are the jobs that a job was divided into.
type Children struct {
	Count    int            `json:"count" doc:"How many there are"`
	States   map[string]int `json:"states" doc:"How many were in which state at the last look, which is every second for few of them and every 20 s for 10,000"`
	Tolerate int            `json:"tolerate" doc:"How many may fail; when more do, the others are cancelled and the job fails"`
}

// Transition is one change of a job's state.
type Transition struct {
	At     time.Time `json:"at"`
	State  string    `json:"state"`
	Epoch  int       `json:"epoch"`
	Event  string    `json:"event,omitempty" doc:"What happened, when it is no change of state" example:"cancel_requested"`
	By     string    `json:"by,omitempty" doc:"Who did it, when it was a person; of another tenant's operator nothing but that"`
	Worker string    `json:"worker,omitempty" doc:"The worker that took the job, ended it or sent it back; for operators"`
	Reason string    `json:"reason,omitempty" doc:"Why, when it is not plain progress"`
}

// JobLinks are the addresses around a job.
type JobLinks struct {
	Self     string `json:"self"`
	Events   string `json:"events" doc:"The event stream"`
	Logs     string `json:"logs"`
	History  string `json:"history" doc:"Every event in its life"`
	Cancel   string `json:"cancel,omitempty" doc:"POST here to cancel; missing when it is too late"`
	Retry    string `json:"retry,omitempty" doc:"POST here to try again; present when it failed or was cancelled and is no part of another"`
	Result   string `json:"result,omitempty" doc:"Leads to the result's file, the first one if there are several; present when there is one"`
	Files    []File `json:"files,omitempty" nullable:"false" doc:"The result's files"`
	Parent   string `json:"parent,omitempty" doc:"The job that this is a part of"`
	Children string `json:"children,omitempty" doc:"The list of the jobs that it was divided into"`
	Dataset  string `json:"dataset,omitempty" doc:"The data set that the job is about"`
	Model    string `json:"model,omitempty" doc:"The model that the job is about, or has made"`
}

// File is one file of a job's result.
type File struct {
	Name string `json:"name" example:"predictions"`
	Href string `json:"href" doc:"Redirects to a link that needs no token and lives for some minutes"`
}

func jobPath(id string) string     { return root + "/jobs/" + id }
func datasetPath(id string) string { return root + "/datasets/" + id }
func modelPath(id string) string   { return root + "/models/" + id }

// viewJobBriefly shows a job as an item of a list.
func viewJobBriefly(j *job.Job) Job {
	v := Job{
		ID: j.ID, Kind: j.Kind, State: string(j.State), Subject: j.Subject, Subjects: j.Subjects(), Scope: scopeOf(j), User: j.User,
		Priority: j.Priority(), Revision: j.Revision, Attempt: j.Attempt, Epoch: j.Epoch,
		Progress: Progress{
			Stage: j.Progress.Stage, Fraction: min(max(j.Progress.Fraction, 0), 1),
			Rows: j.Progress.Rows, RowsTotal: j.Progress.RowsAll,
			ETA: moment(j.Progress.ETA), UpdatedAt: moment(j.Progress.At),
		},
		CancelRequested: j.CancelRequested, LogLines: j.LogLines, CreatedAt: j.CreatedAt.UTC(),
		QueuedAt: moment(j.QueuedAt), StartedAt: moment(j.StartedAt), FinishedAt: moment(j.FinishedAt),
		NotBefore: moment(j.NotBefore), Links: linksOf(j),
		MemoryBytes: j.Memory, MemoryPeakBytes: j.MemoryPeak,
		Deadline: moment(j.Deadline), TimeBudget: j.TimeBudget.Seconds(), TimeSpent: j.Spent().Seconds(),
	}
	viewKin(&v, j)
	if w := j.Waiting; w != nil && (j.State == job.Awaiting || j.State == job.Pending || j.State == job.Queued) {
		v.Waiting = &Waiting{Code: w.Code, Message: w.Message}
	}
	if f := j.Failure; f != nil {
		v.Failure = &Failure{Code: f.Code, Message: f.Message}
		for _, field := range f.Fields {
			field.Value = shorten(field.Value)
			v.Failure.Errors = append(v.Failure.Errors, field)
		}
	}
	return v
}

// viewKin shows what a job is to other jobs.
func viewKin(v *Job, j *job.Job) {
	v.Parent, v.After = j.Parent, j.After
	if c := j.Child; c != nil {
		v.Part = &Part{Name: c.Name, Number: c.Number}
	}
	if f := j.Family; f != nil {
		v.Children = &Children{Count: f.Children, Tolerate: f.Tolerate, States: map[string]int{}}
		for state, n := range f.States {
			v.Children.States[string(state)] = n
		}
		v.Links.Children = root + "/jobs?parent=" + j.ID
	}
	if j.Parent != "" {
		v.Links.Parent = jobPath(j.Parent)
		v.Links.Retry = "" // its parent is retried
	}
}

// viewJob shows a job with all its parts that the caller may see.
func viewJob(caller account.Caller, j *job.Job) Job {
	v := viewJobBriefly(j)
	if !forOperators(j) || caller.Has(account.RoleOperator) {
		v.Result = withoutKeys(j.Result)
	}
	for _, t := range j.History {
		v.History = append(v.History, viewTransition(caller, t))
	}
	return v
}

// viewTransition shows an event. Who an operator is, is for operators to know:
// he may be of another tenant.
func viewTransition(caller account.Caller, t job.Transition) Transition {
	v := Transition{At: t.At.UTC(), State: string(t.State), Epoch: t.Epoch, Event: t.Event, By: t.By, Reason: t.Reason}
	switch {
	case caller.Has(account.RoleOperator):
		v.Worker = t.Worker
	case strings.HasSuffix(t.Reason, "_by_operator"):
		v.By = account.RoleOperator
	}
	return v
}

func linksOf(j *job.Job) JobLinks {
	self := jobPath(j.ID)
	l := JobLinks{Self: self, Events: self + "/events", Logs: self + "/logs", History: self + "/history"}
	mine := scopeOf(j) == scopeTenant
	switch {
	case j.State == job.Succeeded:
		if len(j.Files) > 0 {
			l.Result = self + "/result"
		}
		for _, name := range slices.Sorted(maps.Keys(j.Files)) {
			l.Files = append(l.Files, File{Name: name, Href: self + "/result?file=" + url.QueryEscape(name)})
		}
	case mine && j.State.Terminal() && j.Parent != "": // its parent can be retried
	case mine && j.State.Terminal():
		l.Retry = self + "/retry"
	case mine:
		l.Cancel = self + "/cancel"
	}
	var result struct {
		ModelID   string `json:"model_id"`
		DatasetID string `json:"dataset_id"`
	}
	_ = json.Unmarshal(j.Result, &result) // a result of another form names neither
	for _, id := range append(j.Subjects(), result.ModelID, result.DatasetID) {
		switch {
		case strings.HasPrefix(id, "mdl_"):
			l.Model = modelPath(id)
		case strings.HasPrefix(id, "ds_"):
			l.Dataset = datasetPath(id)
		}
	}
	return l
}

// withoutKeys returns the JSON without members that name objects of our file
// store: those whose name ends in _key.
func withoutKeys(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 || !bytes.Contains(raw, []byte(`_key`)) {
		return raw
	}
	var v any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return nil
	}
	if result, ok := v.(map[string]any); ok {
		delete(result, "record") // what a job publishes; it has an address of its own
	}
	dropKeys(v)
	return encode(v)
}

func dropKeys(v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			if strings.HasSuffix(name, "_key") || strings.HasSuffix(name, "_keys") {
				delete(v, name)
			} else {
				dropKeys(inner)
			}
		}
	case []any:
		for _, inner := range v {
			dropKeys(inner)
		}
	}
}

// moment returns nil for the zero time, which JSON cannot leave out.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
