package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/dataset/chart"
	"github.com/narrativeml/narrative/internal/health"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/model"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/workflow"
)

// Verifier makes a caller of a credential; an empty one means that none was
// sent. Its refusals are faults of class Unauthenticated.
type Verifier interface {
	Verify(ctx context.Context, credential string) (account.Caller, error)
}

// JobReader tells what became of jobs. Another tenant's job is not found.
type JobReader interface {
	Get(ctx context.Context, tenant, id string) (*job.Job, error)
	List(ctx context.Context, tenant string, f job.Filter, cursor string, limit int) (store.Page[*job.Job], error)
	Logs(ctx context.Context, tenant, id string, after, limit int) ([]job.LogLine, error)
	// Wait returns the job as soon as its revision is above the one given or it
	// has ended, and as it is when ctx ends.
	Wait(ctx context.Context, tenant, id string, revision int64) (*job.Job, error)
	ResultURL(ctx context.Context, tenant, id, name string) (string, error)
}

// JobHistorian tells what happened to jobs, and whether something did.
type JobHistorian interface {
	// Peek returns the revision and the state of a job without reading it.
	Peek(ctx context.Context, tenant, id string) (job.Glance, error)
	History(ctx context.Context, tenant, id string, after, limit int) ([]job.Event, error)
}

// JobUndertaker looks after jobs of all tenants that were given up. It is for
// operators.
type JobUndertaker interface {
	DeadLetters(ctx context.Context, f job.DeadFilter, cursor string, limit int) (store.Page[*job.DeadLetter], error)
	DeadJob(ctx context.Context, id string) (*job.Job, error)
	Requeue(ctx context.Context, r job.Requeue) (*job.Requeued, error)
	// Schedules returns what is done at times.
	Schedules(ctx context.Context, cursor string, limit int) (store.Page[*job.ScheduleState], error)
	// Workers returns the processes that run jobs.
	Workers(ctx context.Context, state, cursor string, limit int) (store.Page[*job.Worker], error)
}

// HealthHistory tells what sweeps have found out about the parts.
type HealthHistory interface {
	List(ctx context.Context, check, cursor string, limit int) (store.Page[*health.Finding], error)
}

// JobController changes the course of jobs.
type JobController interface {
	Cancel(ctx context.Context, tenant, id string) (*job.Job, error)
	Retry(ctx context.Context, tenant, id string) (*job.Job, error)
	SubmitBatch(ctx context.Context, tenant, key string, members []job.Member) (jobs []*job.Job, created bool, err error)
	Prioritise(ctx context.Context, tenant, id string, priority int) (*job.Job, error)
}

// QueueKeeper shows the queues and keeps what operators set for them. A revision that
// is not nil has to be the one that is replaced.
type QueueKeeper interface {
	Queues(ctx context.Context) ([]job.QueueStatus, error)
	Queue(ctx context.Context, pool string) (*job.QueueStatus, error)
	SetQueuePolicy(ctx context.Context, p job.QueuePolicy, revision *int64) (*job.QueuePolicy, error)
}

// TenantKeeper keeps what operators set for tenants, likewise.
type TenantKeeper interface {
	TenantPolicies(ctx context.Context, cursor string, limit int) (store.Page[*job.TenantPolicy], error)
	TenantPolicy(ctx context.Context, tenant string) (*job.TenantPolicy, error)
	SetTenantPolicy(ctx context.Context, p job.TenantPolicy, revision *int64) (*job.TenantPolicy, error)
}

// Jobs is what the API needs to know about jobs.
type Jobs interface {
	JobReader
	JobHistorian
	JobController
	JobUndertaker
}

// DatasetRegister keeps data sets.
type DatasetRegister interface {
	Create(ctx context.Context, u dataset.Upload) (*dataset.Dataset, *job.Job, error)
	Get(ctx context.Context, tenant, id string) (*dataset.Dataset, error)
	// Import makes a data set of a file that is elsewhere; created is false when
	// the Idempotency key was seen before.
	Import(ctx context.Context, im dataset.Import) (d *dataset.Dataset, j *job.Job, created bool, err error)
	List(ctx context.Context, tenant, cursor string, limit int) (store.Page[*dataset.Dataset], error)
	Delete(ctx context.Context, tenant, id string) error
}

// DatasetReader shows what is in data sets that are ready, as a record has them.
type DatasetReader interface {
	// Look returns a data set as it was with a version, 0 for the newest.
	Look(ctx context.Context, tenant, id string, version int) (*dataset.Dataset, error)
	Preview(ctx context.Context, d *dataset.Dataset, limit int) (*dataset.Preview, error)
	ProfileOf(ctx context.Context, d *dataset.Dataset) ([]byte, error)
	Chart(ctx context.Context, d *dataset.Dataset, req chart.Request) (*chart.Chart, error)
}

// DatasetDescriber knows what columns mean, and changes it.
type DatasetDescriber interface {
	Schema(ctx context.Context, tenant, id string) (*dataset.Dataset, []dataset.DescribedColumn, error)
	// ChangeSchema returns the job that reads the file again; nil when none has to.
	ChangeSchema(ctx context.Context, c dataset.SchemaChange) (*dataset.Dataset, *job.Job, error)
	Reprofile(ctx context.Context, tenant, user, id, idempotencyKey string) (j *job.Job, created bool, err error)
}

// Datasets is what the API needs to know about data sets.
type Datasets interface {
	DatasetRegister
	DatasetReader
	DatasetDescriber
	DatasetPrivacy
}

// Workflow says how far a data set is on its way to a model, and keeps what people
// decide about it. A tag that is not empty has to be that of what is changed.
type Workflow interface {
	Show(ctx context.Context, tenant, id string) (*workflow.Flow, error)
	Decide(ctx context.Context, d workflow.Decisions) (*workflow.Flow, error)
}

// Models keeps models.
type Models interface {
	Get(ctx context.Context, tenant, id string) (*model.Model, error)
	List(ctx context.Context, tenant, cursor string, limit int) (store.Page[*model.Model], error)
	Delete(ctx context.Context, tenant, id string) error
}

// Planner is a Submitter that also tells what it would submit, for a batch.
type Planner[R any] interface {
	Submitter[R]
	Prepare(ctx context.Context, caller account.Caller, req R) (job.Submission, error)
}

// Submitter makes a job of a request of one kind; created is false when the
// Idempotency key was seen before.
type Submitter[R any] interface {
	Submit(ctx context.Context, caller account.Caller, req R, idempotencyKey string) (j *job.Job, created bool, err error)
}

// Observer counts requests. The route is a pattern with few values, such as
// "/api/v1/jobs/:id", or "unmatched".
type Observer interface {
	ObserveRequest(method, route string, status int, duration time.Duration)
}

// The states of readiness.
const (
	StatusOK          = "ok"
	StatusDegraded    = "degraded"    // works, but a part that it can do without is away
	StatusUnavailable = "unavailable" // cannot work
)

// Ready reports whether the process can work: a report, encoded as JSON, and
// one of the states of readiness.
type Ready func(ctx context.Context) (report any, status string)

// Observed is a place for the handlers of other packages.
type Observed struct {
	Metrics    http.Handler // at /metrics; nil: not served
	Monitoring http.Handler // at /monitoring, for operators only; nil: not served
	Ready      Ready        // at /health/ready
	Observer   Observer     // nil: nobody counts
}
