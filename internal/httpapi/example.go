package httpapi

import (
	"encoding/json"
	"maps"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/narrativeml/narrative/internal/dataset/chart"
	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/prediction"
	"github.com/narrativeml/narrative/internal/retention"
	"github.com/narrativeml/narrative/internal/training"
	"github.com/narrativeml/narrative/internal/tuning"
)

// The identifiers of the examples.
const (
	exampleJobID     = "job_0197290c5e5b7c3a9d0e1f2a3b4c5d6e"
	exampleDatasetID = "ds_0197290c5e5b7c3a9d0e1f2a3b4c5d6e"
	exampleModelID   = "mdl_0197290c5e5b7c3a9d0e1f2a3b4c5d6e"
	exampleRequestID = "4XJ2WQ7M5VPZK3RT6NHB8DYC9A"
)

// problemExamples shows one problem a status.
func problemExamples() map[int]*Problem {
	show := func(status int, class fault.Class, code, detail, instance string, fields ...fault.Field) *Problem {
		p := newProblem(class, code, detail)
		p.Status, p.Instance, p.RequestID, p.Errors = status, instance, exampleRequestID, fields
		return p
	}
	at := root + "/training"
	return map[int]*Problem{
		http.StatusBadRequest: show(http.StatusBadRequest, fault.ClassInvalid, "malformed_json",
			"The body is not JSON: unexpected end of JSON input at byte 17.", at),
		http.StatusUnauthorized: show(http.StatusUnauthorized, fault.ClassUnauthenticated, "token_expired", "The token has expired.", at),
		http.StatusForbidden:    show(http.StatusForbidden, fault.ClassForbidden, "role_required", "This needs the role operator.", root+"/cleanup"),
		http.StatusNotFound:     show(http.StatusNotFound, fault.ClassNotFound, "dataset_not_found", "There is no data set "+exampleDatasetID+".", at),
		http.StatusRequestTimeout: show(http.StatusRequestTimeout, fault.ClassInvalid, "body_timeout",
			"The body did not arrive in time.", at),
		http.StatusConflict: show(http.StatusConflict, fault.ClassConflict, "dataset_not_ready",
			"The data set is still being read; wait for its ingest job.", at),
		http.StatusPreconditionFailed: show(http.StatusPreconditionFailed, fault.ClassConflict, "policy_changed",
			"Somebody else has changed it meanwhile; read it again and decide on what it is now.", root+"/queues/training"),
		http.StatusRequestEntityTooLarge: show(http.StatusRequestEntityTooLarge, fault.ClassTooLarge, "body_too_large",
			"The body has more than 1048576 bytes.", at),
		http.StatusUnsupportedMediaType: show(http.StatusUnsupportedMediaType, fault.ClassUnsupported, "unsupported_media_type",
			"The body's media type is \"text/plain\"; send application/json in UTF-8.", at),
		http.StatusUnprocessableEntity: show(http.StatusUnprocessableEntity, fault.ClassInvalid, "unknown_field",
			"The request is not valid: body.targt is not a known field.", at, fault.Field{Location: "body.targt", Message: "is not a known field"}),
		http.StatusTooManyRequests: show(http.StatusTooManyRequests, fault.ClassExhausted, "too_many_requests",
			"There are 64 uploads already; try again soon.", root+"/datasets"),
		http.StatusInternalServerError: show(http.StatusInternalServerError, fault.ClassInternal, "internal",
			"Something went wrong on our side. The request_id finds it in the log.", at),
		http.StatusServiceUnavailable: show(http.StatusServiceUnavailable, fault.ClassUnavailable, "store_unavailable",
			"The store does not answer; try again soon.", at),
	}
}

// illustrate adds an example of every body to the document.
func illustrate(doc *huma.OpenAPI) {
	requests := map[string]any{
		"train":    training.Request{DatasetID: exampleDatasetID, Target: "churned", Name: "churn", Metric: "roc_auc"},
		"tune":     tuning.Request{ModelID: exampleModelID, Method: "threshold", Objective: "f1"},
		"predict":  prediction.Request{ModelID: exampleModelID, DatasetID: exampleDatasetID, Format: "csv", IDColumn: "customer_id"},
		"clean-up": retention.Request{DryRun: true},
		"submit-batch": map[string]any{"jobs": []BatchJob{
			{Name: "first", Training: &training.Request{DatasetID: exampleDatasetID, Target: "churned"}},
			{Name: "second", Prediction: &prediction.Request{ModelID: exampleModelID, DatasetID: exampleDatasetID, Order: job.Order{After: []string{"first"}}}},
		}},

		"import-dataset":       ImportRequest{Source: "https://files.example.com/customers.csv", Name: "customers"},
		"change-pii":           PrivacyChange{Columns: []PolicyChange{{Column: "contact", Policy: "confirm"}}},
		"put-pii-policy":       PrivacySettings{Default: "warn", Kinds: map[string]string{"email": "hash"}, Remains: "seal"},
		"prioritise-job":       JobChange{Priority: 8},
		"change-schema":        SchemaChange{Columns: []ColumnChange{{Name: "joined", Type: "date", Layout: "dmy"}, {Name: "churned", Role: "target"}}},
		"put-queue":            QueueSettings{Paused: true, KindLimits: map[string]int{"training": 2}},
		"put-tenant":           exampleTenant(),
		"requeue-dead-letters": RequeueRequest{Code: "worker_died", Limit: 10, Rate: 1},
	}
	maps.Copy(requests, recipeRequests())
	maps.Copy(requests, presignRequests())
	requests["change-workflow"] = WorkflowChange{Stages: []WorkflowStageChange{{Name: "prepare", Skipped: true, Note: "the missing ages mean something"}}}
	answers := answerExamples()
	for _, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if op == nil {
				continue
			}
			if example, ok := requests[op.OperationID]; ok {
				op.RequestBody.Content["application/json"].Example = plain(example)
			}
			for _, r := range op.Responses {
				if m := r.Content["application/json"]; m != nil {
					m.Example = plain(answers[op.OperationID])
				}
			}
		}
	}
}

// plain makes an example of maps and lists, which JSON and YAML write alike.
func plain(v any) any {
	var out any
	if json.Unmarshal(encode(v), &out) != nil {
		return nil
	}
	return out
}

// answerExamples shows the body of every operation that answers with JSON.
func answerExamples() map[string]any {
	at := time.Date(2025, 6, 1, 12, 0, 0, 0, time.UTC)
	running, done := exampleJob(at), exampleJob(at)
	finished := at.Add(time.Minute)
	done.State, done.Revision, done.FinishedAt, done.Progress = "succeeded", 23, &finished, Progress{Stage: "done", Fraction: 1}
	done.Result = json.RawMessage(`{"model_id":"` + exampleModelID + `","algorithm":"gbdt"}`)
	done.Links.Cancel, done.Links.Model = "", modelPath(exampleModelID)
	cancelled := exampleJob(at)
	cancelled.CancelRequested = true
	fresh := exampleJob(at)
	fresh.State, fresh.Revision, fresh.Attempt, fresh.Epoch, fresh.StartedAt, fresh.Progress = "queued", 2, 0, 1, nil, Progress{}
	urgent := fresh
	urgent.Priority = 8
	ingest := fresh
	ingest.Kind = "ingest"
	part := int64(20480)
	begun := Upload{
		ID: exampleUploadID, State: "open", Way: wayResumable, Filename: "customers.csv", Size: 48211, User: "ada", CreatedAt: at, ExpiresAt: at.Add(24 * time.Hour),
		Links: UploadLinks{Self: uploadPath(exampleUploadID)},
	}
	arriving := begun
	arriving.Offset = &part
	columns := []Column{{Name: "age", Type: "integer", Storage: "integer", Nullable: true}, {Name: "churned", Type: "categorical", Storage: "string", Role: "target"}}
	table := Dataset{
		ID: exampleDatasetID, Name: "customers", Filename: "customers.csv", Size: 48211, State: "ready", User: "ada",
		SHA256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", JobID: exampleJobID,
		Rows: 1000, Columns: columns, Format: &Format{Kind: "csv", Encoding: "utf-8", Delimiter: ",", Quote: `"`, Header: true}, CreatedAt: at,
		Links: DatasetLinks{
			Self: datasetPath(exampleDatasetID), Job: jobPath(exampleJobID),
			Preview: datasetPath(exampleDatasetID) + "/preview", Profile: datasetPath(exampleDatasetID) + "/profile",
			Schema: datasetPath(exampleDatasetID) + "/schema", PII: datasetPath(exampleDatasetID) + "/pii",
		},
	}
	model := exampleModel(at, columns[:1])
	made := func(j Job, datasetID, modelID string) Accepted {
		return Accepted{JobID: exampleJobID, DatasetID: datasetID, ModelID: modelID, Job: j}
	}
	of := func(kind string) Job { j := fresh; j.Kind = kind; return j }
	examples := operatorExamples(at)
	maps.Copy(examples, columnExamples(columns))
	maps.Copy(examples, privacyExamples(at))
	examples["make-profile"] = made(of("profile"), exampleDatasetID, "")
	maps.Copy(examples, map[string]any{
		"upload-dataset": made(ingest, exampleDatasetID, ""),
		"import-dataset": made(of("import"), exampleDatasetID, ""),
		"sniff-dataset": Sniffed{
			Format: Format{Kind: "csv", Encoding: "windows-1252", Delimiter: ";", Quote: `"`, Header: true}, Columns: columns,
			Rows: [][]any{{"34", "no"}, {nil, "yes"}}, Bad: []SniffBad{{Row: 7, Line: 8, Code: "csv_ragged_row", Reason: "expected 2 fields, found 3"}},
		},
		"list-uploads":    Page[Upload]{Items: []Upload{begun}},
		"get-upload":      arriving,
		"list-datasets":   Page[Dataset]{Items: []Dataset{table}},
		"get-dataset":     table,
		"preview-dataset": Preview{Columns: columns, Rows: [][]any{{34, "no"}, {nil, "yes"}}, RowsTotal: 1000},
		"profile-dataset": map[string]any{"version": 2, "rows": 1000, "columns": []any{map[string]any{"name": "age", "type": "integer", "missing": 12}}},
		"train":           made(fresh, exampleDatasetID, ""),
		"tune":            made(of("tuning"), "", exampleModelID),
		"predict":         made(of("prediction"), exampleDatasetID, exampleModelID),
		"clean-up":        made(of("cleanup"), "", ""),
		"submit-batch":    map[string]any{"jobs": []BatchMade{{Name: "first", JobID: exampleJobID, Job: fresh}}},
		"list-models":     Page[Model]{Items: []Model{model}},
		"get-model":       model,
		"list-jobs":       Page[Job]{Items: []Job{running}, NextCursor: "eyJxIjoiYWJjIn0"},
		"get-job":         done,
		"get-job-logs":    Logs{Items: []LogLine{{Seq: 1, At: at, Attempt: 1, Level: "info", Message: "1000 rows, 12 columns"}}},
		"cancel-job":      cancelled,
		"retry-job":       fresh,
		"prioritise-job":  urgent,
		"get-queues":      Queues{Items: []Queue{exampleQueue(at)}},
		"get-queue":       exampleQueue(at),
		"put-queue":       exampleQueue(at),
		"list-tenants":    Page[Tenant]{Items: []Tenant{{Tenant: "acme", TenantSettings: exampleTenant(), UpdatedAt: &at, UpdatedBy: "olga"}}},
		"get-tenant":      Tenant{Tenant: "acme", TenantSettings: exampleTenant(), UpdatedAt: &at, UpdatedBy: "olga"},
		"put-tenant":      Tenant{Tenant: "acme", TenantSettings: exampleTenant(), UpdatedAt: &at, UpdatedBy: "olga"},
		"health":          Liveness{Status: StatusOK},
		"ready":           Readiness{Status: StatusOK, Checks: map[string]Check{"store": {Status: StatusOK, LatencyMS: 0.8}, "llm": {Status: "not_configured"}}},
	})
	maps.Copy(examples, recipeAnswers(at, made(of("transform"), exampleDatasetID, "")))
	maps.Copy(examples, workflowAnswers(at))
	maps.Copy(examples, presignAnswers(at, made(ingest, exampleDatasetID, "")))
	return examples
}

// columnExamples are those of what columns are, and of charts of them.
func columnExamples(columns []Column) map[string]any {
	schema := Schema{Columns: []SchemaColumn{
		{Column: columns[0], Agree: 988},
		{Column: columns[1], Agree: 1000},
		{Column: Column{Name: "joined", Type: "string", Storage: "string"}, Agree: 1000, Suggestion: &TypeSuggestion{
			Type: "date", Reason: "mostly", Layouts: []string{"dmy"}, Agree: 997, Disagree: 3, Disagreeing: []Sample{{Row: 17, Value: "31.02.2024"}},
		}},
	}}
	return map[string]any{
		"get-schema": schema, "change-schema": schema,
		"get-chart": chart.Chart{Kind: "scatter", X: "age", Y: "balance", Rows: 1000, RowsRead: 1000, Sampled: true, Points: []chart.Point{
			{X: 34, Y: 12.5, Row: 1}, {X: 51, Y: 98000, Row: 2, Outlier: true},
		}},
	}
}

// operatorExamples are those of what only operators see, and of histories.
func operatorExamples(at time.Time) map[string]any {
	dead := DeadLetter{
		ID: exampleJobID, Tenant: "acme", User: "ada", Kind: "training", Pool: "training", Cause: job.DeadCrashes, Code: "worker_died",
		Message: "The worker died 3 times while it ran this job, which was then given up.", Attempt: 3, Crashes: 3, At: at,
		Links: DeadLinks{Self: deadPath(exampleJobID)},
	}
	events := []Event{{Seq: 1, Transition: Transition{At: at, State: "pending"}}, {Seq: 2, Transition: Transition{At: at, State: "queued", Epoch: 1}}}
	next := at.Add(time.Hour)
	return map[string]any{
		"get-job-history":   History{Items: events},
		"list-dead-letters": Page[DeadLetter]{Items: []DeadLetter{dead}},
		"get-dead-letter": DeadLetterDetail{
			DeadLetter: dead, Payload: map[string]any{"dataset_id": exampleDatasetID, "target": "churned"}, History: events,
			Log: []LogLine{{Seq: 1, At: at, Attempt: 1, Level: "info", Message: "1000 rows, 12 columns"}},
		},
		"requeue-dead-letters": Requeued{Requeued: 1, IDs: []string{exampleJobID}, Skipped: []Skipped{}},
		"list-schedules":       Page[Schedule]{Items: []Schedule{{Name: "cleanup", Spec: "17 * * * *", LastAt: &at, Done: true, Tries: 1, NextAt: &next, Missed: 2, MissedAt: &at}}},
		"list-workers": Page[Worker]{Items: []Worker{{
			Worker: "wkr_0197290c5e5b7c3a9d0e1f2a3b4c5d6e", State: job.WorkerAlive, Host: "worker-1", PID: 7, Running: 1,
			Slots: map[string]int{"training": 2}, Busy: map[string]int{"training": 1}, Memory: 12 << 30, MemoryUsed: 3 << 30, StartedAt: at, HeartbeatAt: at,
		}}},
		"list-health-history": Page[Finding]{Items: []Finding{{Check: "s3", Status: StatusOK, Breaker: "closed", LatencyMS: 2.4, Changed: true, At: at}}},
	}
}

func exampleJob(at time.Time) Job {
	started := at.Add(time.Second)
	self := jobPath(exampleJobID)
	return Job{
		ID: exampleJobID, Kind: "training", State: "running", Subject: exampleDatasetID, Subjects: []string{exampleDatasetID}, Scope: scopeTenant, User: "ada",
		Priority: job.DefaultPriority, Revision: 17, Attempt: 1, Epoch: 1, Progress: Progress{Stage: "gbdt fold 2 of 5", Fraction: 0.42},
		LogLines: 4, CreatedAt: at, StartedAt: &started,
		Links: JobLinks{Self: self, Events: self + "/events", Logs: self + "/logs", History: self + "/history", Cancel: self + "/cancel", Dataset: datasetPath(exampleDatasetID)},
	}
}

func exampleModel(at time.Time, inputs []Column) Model {
	return Model{
		ID: exampleModelID, Name: "churn", DatasetID: exampleDatasetID, JobID: exampleJobID, User: "ada",
		Task: "binary", Target: "churned", Classes: []string{"no", "yes"}, PositiveClass: "yes", Inputs: inputs, Version: 2,
		Recipe: []ModelStep{{
			Step:        Step{Name: "impute_missing", Parameters: map[string]any{"columns": []string{"age"}, "strategy": "median"}},
			Explanation: `Fills missing values of "age" with the "median" of each.`, Prediction: "apply", Version: 2,
		}},
		Prepared:  inputs,
		Algorithm: "gbdt", Metric: "roc_auc", Rows: 1000, HoldoutRows: 200, Seed: 1,
		SHA256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
		Leaderboard: []Candidate{{
			Algorithm: "gbdt", CV: map[string]float64{"roc_auc": 0.871}, CVStd: map[string]float64{"roc_auc": 0.012},
			Holdout: map[string]float64{"roc_auc": 0.866}, FitSeconds: 2.4,
		}},
		CreatedAt: at,
		Links:     ModelLinks{Self: modelPath(exampleModelID), Dataset: datasetPath(exampleDatasetID), Job: jobPath(exampleJobID)},
	}
}

func exampleQueue(at time.Time) Queue {
	return Queue{
		Queue: "training", QueueSettings: QueueSettings{Paused: true, KindLimits: map[string]int{"training": 2}},
		Waiting: 3, Pending: 12, Queued: 1, Running: 2, Slots: 3, Workers: 2, UpdatedAt: &at, UpdatedBy: "olga",
	}
}

func exampleTenant() TenantSettings {
	running, rate := 4, 120
	return TenantSettings{Weight: 3, MaxRunning: &running, KindLimits: map[string]int{"training": 1}, RateLimit: &rate}
}
