package app

import (
	"net"
	"net/url"
	"time"

	"github.com/narrativeml/narrative/internal/config"
	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/dataset/fetch"
	"github.com/narrativeml/narrative/internal/health"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/model"
	"github.com/narrativeml/narrative/internal/pii"
	"github.com/narrativeml/narrative/internal/prediction"
	"github.com/narrativeml/narrative/internal/recipe"
	"github.com/narrativeml/narrative/internal/retention"
	"github.com/narrativeml/narrative/internal/tabular"
	"github.com/narrativeml/narrative/internal/training"
	"github.com/narrativeml/narrative/internal/tuning"
	"github.com/narrativeml/narrative/internal/upload"
	"github.com/narrativeml/narrative/internal/workflow"
	"github.com/narrativeml/narrative/jobs"
)

// services are the domain, as every process needs it.
type services struct {
	jobs       *job.Service
	datasets   *dataset.Service
	uploads    *upload.Service
	locks      *upload.Locker
	recipes    *recipe.Service
	models     *model.Service
	workflow   *workflow.Service
	training   *training.Service
	tuning     *tuning.Service
	prediction *prediction.Service
	retention  *retention.Service
	health     *health.History
}

// direct are the files whose parts clients send to the file storage themselves;
// nil when they do not reach it.
func (p *platform) direct() upload.Direct {
	if !reached(p.config) {
		return nil
	}
	return p.files
}

// reached reports whether clients of the API reach the file storage. One that is
// on this machine alone is reached only by clients that are, too, which is known
// of them in development mode, unless an address for clients is given.
func reached(c config.Config) bool {
	if c.Mode == config.Development || c.S3.PublicEndpoint != "" || c.S3.Endpoint == "" {
		return true
	}
	at, err := url.Parse(c.S3.Endpoint)
	return err == nil && at.Hostname() != "localhost" && !net.ParseIP(at.Hostname()).IsLoopback()
}

// healthRow is how often the health of a part that does not change is kept.
const healthRow = time.Hour

func (p *platform) services() *services {
	s := &services{}
	s.jobs = job.NewService(job.ServiceConfig{
		Driver: p.store, Queue: p.ports.queue(delivery{p.queue}), Files: p.files, Observer: p.observer(), Now: p.ports.now,
		Pools: pools(p.config), Kinds: kinds(), Tenants: p.tenantDefaults(),
		MaxPayload: int(p.config.Limits.PayloadBytes), LinkTTL: p.config.S3.PresignTTL,
	})
	s.datasets = dataset.NewService(dataset.ServiceConfig{
		Driver: p.store, Files: p.files, Jobs: s.jobs, Sources: p.sources,
		MaxUpload: p.config.Limits.UploadBytes, Retention: p.config.Retention.Uploads, KeepVersions: p.config.Retention.Versions,
		Policy: dataset.Policy(p.config.PII.Policy), Keys: p.keys(),
	})
	s.uploads = upload.NewService(upload.ServiceConfig{
		Driver: p.store, Files: p.files, Direct: p.direct(), Datasets: s.datasets, AddressTTL: p.config.S3.UploadTTL,
		MaxSize: p.config.Limits.UploadBytes, MaxOpen: p.config.Limits.TenantUploads, Retention: p.config.Retention.Unfinished, Now: p.ports.now,
	})
	s.locks = upload.NewLocker(upload.LockerConfig{Driver: p.store, Now: p.ports.now})
	s.recipes = recipe.NewService(recipe.ServiceConfig{Driver: p.store, Datasets: s.datasets, Jobs: s.jobs, Budget: p.config.Limits.StepBytes})
	s.models = model.NewService(model.ServiceConfig{Driver: p.store, Files: p.files, Jobs: s.jobs, Keys: p.keys()})
	s.workflow = workflow.NewService(workflow.ServiceConfig{
		Driver: p.store, Datasets: s.datasets, Jobs: s.jobs, Recipes: s.recipes, Models: s.models,
	})
	s.training = training.NewService(s.jobs, s.datasets, s.recipes, p.config.Limits.StepBytes)
	s.tuning = tuning.NewService(s.jobs, s.models)
	s.prediction = prediction.NewService(s.jobs, s.datasets, s.models)
	s.retention = retention.NewService(s.jobs)
	s.health = health.NewHistory(p.store, healthRow)
	return s
}

// keys are those that values are hashed with.
func (p *platform) keys() *pii.Keys { return pii.NewKeys(p.config.PII.HashSecret.Reveal()) }

// tenantDefaults hold for tenants for which operators have set nothing.
func (p *platform) tenantDefaults() job.TenantDefaults {
	l := p.config.Limits
	return job.TenantDefaults{MaxRunning: l.TenantRunning, RateLimit: l.TenantRate, MaxWaiting: l.TenantWaiting}
}

// kinds are the names of all kinds of jobs.
func kinds() []string {
	var names []string
	for _, k := range jobs.Kinds() {
		names = append(names, k.Name)
	}
	return names
}

// limits are those of tables.
func (p *platform) limits() tabular.Limits {
	l := tabular.DefaultLimits()
	l.Columns, l.Field = p.config.Limits.Columns, int(p.config.Limits.FieldBytes)
	return l
}

// handlers run every kind of job.
func (p *platform) handlers(s *services) map[string]job.Handler {
	return p.handlersThat(s, p.observeTrained)
}

// observeTrained counts a training.
func (p *platform) observeTrained(t training.Trained) {
	for algorithm, took := range t.Fits {
		p.metrics.ML.Trained(t.Task, algorithm, took)
	}
	p.metrics.ML.Processed("training", t.Rows, t.Took)
}

// handlersThat run every kind of job and tell of trainings.
func (p *platform) handlersThat(s *services, observe func(training.Trained)) map[string]job.Handler {
	ml := p.metrics.ML
	ingest := dataset.NewRunner(dataset.RunnerConfig{
		Driver: p.store, Files: p.files, Limits: p.limits(), KeepVersions: p.config.Retention.Versions, Policy: dataset.Policy(p.config.PII.Policy),
		Jobs: s.jobs,
	})
	return jobs.Handlers(jobs.Runners{
		Ingest:    ingest,
		Import:    dataset.NewImporter(ingest, fetch.New(fetch.Config{Source: remote{p.sources}, Files: p.files, MaxSize: p.config.Limits.UploadBytes})),
		Transform: recipe.NewRunner(recipe.RunnerConfig{Datasets: s.datasets, Files: p.files, Publisher: ingest, Budget: p.config.Limits.StepBytes, Now: time.Now}),
		Training: training.NewRunner(training.RunnerConfig{
			Tables: s.datasets, Models: s.models, Files: p.files, Threads: p.config.Worker.Threads, FoldRows: int64(p.config.Worker.FoldRows),
			Budget: p.config.Limits.StepBytes, Retention: p.config.Retention.Models, Now: time.Now,
			Observe: observe,
		}),
		Tuning: tuning.NewRunner(s.models, p.files, time.Now),
		Prediction: prediction.NewRunner(prediction.RunnerConfig{
			Models: prediction.Registry(s.models), Datasets: s.datasets, Files: p.files,
			Limits: p.limits(), Threads: p.config.Worker.Threads, ShardRows: int64(p.config.Worker.ShardRows),
			Observe: func(task string, rows int64, took time.Duration) {
				ml.Predicted(task, rows)
				ml.Processed("prediction", rows, took)
			},
		}),
		Cleanup: retention.NewRunner(retention.RunnerConfig{
			Config: retention.Config{
				Results: p.config.Retention.Results, Temporary: p.config.Retention.Temporary,
				Jobs: p.config.Retention.Jobs, Health: p.config.Retention.Health, Audit: p.config.Retention.Audit, Grace: p.config.Retention.Grace,
			},
			Driver: p.store, Files: p.files, Jobs: s.jobs, Datasets: s.datasets, Models: s.models, Uploads: s.uploads, Health: s.health, Accesses: s.datasets, Now: time.Now,
		}),
	})
}
