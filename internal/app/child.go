package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"sync"
	"time"

	"github.com/narrativeml/narrative/internal/blob"
	"github.com/narrativeml/narrative/internal/child"
	"github.com/narrativeml/narrative/internal/config"
	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/recipe"
	"github.com/narrativeml/narrative/internal/secret"
	"github.com/narrativeml/narrative/internal/telemetry"
	"github.com/narrativeml/narrative/internal/training"
)

// RunJobCommand is the command of every program with a worker that calls
// RunJob.
const RunJobCommand = "run-job"

// isolated are the kinds of job that run in processes of their own: those that
// hold what depends on the data. The others stream.
func isolated() []string {
	return []string{
		training.Kind().Name, training.FoldKind().Name,
		dataset.Kind().Name, dataset.ImportKind().Name, dataset.RetypeKind().Name, dataset.ProfileKind().Name, dataset.ProtectKind().Name, recipe.Kind().Name,
	}
}

// What the process of a job tells its worker, for its metrics.
const (
	eventTrained = "trained" // that it has trained
	eventFiles   = "files"   // calls to the file storage
	eventBreaker = "breaker" // that a circuit breaker of its own changed
)

// tellEvery is how often the process of a job tells its worker of its calls to
// the file storage.
const tellEvery = time.Second

// childSettings are what the process of a job has to know. They go over its
// pipe, since they hold a secret.
type childSettings struct {
	Version   string           `json:"version"`
	S3        childFiles       `json:"s3"`
	Limits    config.Limits    `json:"limits"`
	Import    config.Import    `json:"import"`
	Retention config.Retention `json:"retention"`
	Threads   int              `json:"threads"`
	FoldRows  int              `json:"fold_rows"`
	Policy    string           `json:"pii_policy"`
	Hash      string           `json:"hash_secret,omitempty"`
}

// childFiles are config.S3 with the secret to be read.
type childFiles struct {
	Endpoint        string `json:"endpoint"`
	Region          string `json:"region"`
	Bucket          string `json:"bucket"`
	AccessKeyID     string `json:"access_key_id"`
	SecretAccessKey string `json:"secret_access_key"`
	PathStyle       bool   `json:"path_style"`
	PartSize        int64  `json:"part_size"`
}

func (p *platform) childSettings() childSettings {
	s := p.config.S3
	return childSettings{
		Version: p.program.Version, Limits: p.config.Limits, Import: p.config.Import, Retention: p.config.Retention, Threads: p.config.Worker.Threads, FoldRows: p.config.Worker.FoldRows,
		Policy: p.config.PII.Policy, Hash: p.config.PII.HashSecret.Reveal(),
		S3: childFiles{
			Endpoint: s.Endpoint, Region: s.Region, Bucket: s.Bucket, AccessKeyID: s.AccessKeyID,
			SecretAccessKey: s.SecretAccessKey.Reveal(), PathStyle: s.PathStyle, PartSize: s.PartSize,
		},
	}
}

// isolate moves the handlers of heavy jobs to processes of their own, if the
// configuration says so.
func (p *platform) isolate(handlers map[string]job.Handler) (map[string]job.Handler, error) {
	if p.config.Worker.Isolation != config.IsolationProcess {
		return handlers, nil
	}
	program, err := child.Self()
	if err != nil {
		return nil, err
	}
	host, err := child.NewHost(child.Config{
		Program: program, Args: []string{RunJobCommand}, Env: append(child.Environ(os.Environ()), p.ports.environ()...),
		Settings: p.childSettings(), Records: p.store, Logger: p.logger, OnEvent: p.onEvent,
	})
	if err != nil {
		return nil, fmt.Errorf("prepare the processes of jobs: %w", err)
	}
	p.metrics.CollectChildren(func() telemetry.Children { return telemetry.Children(host.Stats()) })
	all := maps.Clone(handlers)
	for _, kind := range isolated() {
		all[kind] = host.Handler(handlers[kind])
	}
	return all, nil
}

// onEvent counts what the process of a job did.
func (p *platform) onEvent(name string, body json.RawMessage) {
	var err error
	switch name {
	case eventTrained:
		var t training.Trained
		if err = json.Unmarshal(body, &t); err == nil {
			p.observeTrained(t)
		}
	case eventFiles:
		var calls []telemetry.Call
		if err = json.Unmarshal(body, &calls); err == nil {
			p.metrics.S3.Record(calls...)
		}
	case eventBreaker:
		var t telemetry.Transition
		if err = json.Unmarshal(body, &t); err == nil && !p.metrics.Breakers.Record(t) {
			err = errors.New("no such part or state")
		}
	default:
		err = errors.New("not known")
	}
	if err != nil {
		p.logger.WarnContext(context.Background(), "unknown event of a job's process", "event", name, "error", err)
	}
}

// RunJob runs one job in this process, which a worker started for it.
func RunJob(ctx context.Context, program Program) error {
	in, out, err := child.Files()
	if err != nil {
		return err
	}
	// A signal that everybody gets, from a terminal or a supervisor, is for the
	// worker to act on.
	return child.Serve(context.WithoutCancel(ctx), in, out, openChild(program))
}

// openChild makes the handlers of a job's process.
func openChild(program Program) child.Setup {
	return func(_ context.Context, settings json.RawMessage, link *child.Link) (map[string]job.Handler, func(), error) {
		var s childSettings
		if err := json.Unmarshal(settings, &s); err != nil {
			return nil, nil, fmt.Errorf("decode settings: %w", err)
		}
		c := config.Config{Limits: s.Limits, Import: s.Import, Retention: s.Retention, Worker: config.Worker{Threads: s.Threads, FoldRows: s.FoldRows}}
		c.PII = config.PII{Policy: s.Policy, HashSecret: secret.New(s.Hash)}
		c.S3 = config.S3{
			Endpoint: s.S3.Endpoint, Region: s.S3.Region, Bucket: s.S3.Bucket, AccessKeyID: s.S3.AccessKeyID,
			SecretAccessKey: secret.New(s.S3.SecretAccessKey), PathStyle: s.S3.PathStyle, PartSize: s.S3.PartSize,
		}
		p := &platform{
			program: program, config: c, metrics: telemetry.New(s.Version), store: link.Records(),
			logger: slog.New(slog.DiscardHandler), // who breaks is heard on standard error
		}
		var err error
		p.guards, err = newGuards(reported(func(t telemetry.Transition) {
			_ = link.Event(eventBreaker, t) // the worker is gone, and this process will be
		}))
		if err != nil {
			return nil, nil, err
		}
		if p.ports, err = openPorts(); err != nil {
			return nil, nil, err
		}
		calls := telemetry.NewTally(func(some []telemetry.Call) {
			_ = link.Event(eventFiles, some) // the worker is gone, and this process will be
		})
		storage := p.blobConfig()
		storage.Observe = calls.Observe
		files, err := blob.New(storage)
		if err != nil {
			return nil, nil, fmt.Errorf("open file storage: %w", err)
		}
		p.files = p.ports.files(files)
		if p.sources, err = p.newSources(); err != nil {
			return nil, nil, err
		}
		handlers := p.handlersThat(p.services(), func(t training.Trained) {
			_ = link.Event(eventTrained, t) // the worker is gone, and this process will be
		})
		return handlers, tellUntilClosed(p.files.Close, calls), nil
	}
}

// reported has the breakers of a job's process told to its worker. What they
// refuse is in the job's own failure.
func reported(tell func(telemetry.Transition)) func(part string) watch {
	return func(part string) watch { return reporting{part, tell} }
}

// reporting tells of one breaker.
type reporting struct {
	part string
	tell func(telemetry.Transition)
}

var _ watch = reporting{}

// Changed implements watch. Whoever made the call does not wait for the worker
// to hear of it.
func (r reporting) Changed(state string) {
	go r.tell(telemetry.Transition{Dependency: r.part, State: state})
}

// Refused implements watch.
func (reporting) Refused(string) {}

// tellUntilClosed tells the calls until the function that is returned has been
// called, which closes what makes them.
func tellUntilClosed(closeFiles func(), calls *telemetry.Tally) func() {
	ctx, stop := context.WithCancel(context.Background())
	var telling sync.WaitGroup
	telling.Go(func() { calls.Run(ctx, tellEvery) })
	return func() {
		closeFiles()
		stop()
		telling.Wait()
	}
}
