package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/narrativeml/narrative/internal/blob"
	"github.com/narrativeml/narrative/internal/cache"
	"github.com/narrativeml/narrative/internal/config"
	"github.com/narrativeml/narrative/internal/dataset"
	"github.com/narrativeml/narrative/internal/health"
	"github.com/narrativeml/narrative/internal/job"
	"github.com/narrativeml/narrative/internal/llm"
	"github.com/narrativeml/narrative/internal/model"
	"github.com/narrativeml/narrative/internal/queue"
	"github.com/narrativeml/narrative/internal/recipe"
	"github.com/narrativeml/narrative/internal/resilience"
	"github.com/narrativeml/narrative/internal/retention"
	"github.com/narrativeml/narrative/internal/source"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/store/mongostore"
	"github.com/narrativeml/narrative/internal/telemetry"
	"github.com/narrativeml/narrative/internal/upload"
	"github.com/narrativeml/narrative/internal/workflow"
)

// Program is what a process is told by whoever starts it.
type Program struct {
	Version string
	Stdout  io.Writer
	Stderr  io.Writer // gets the log
}

// platform is what every process has: settings, the parts it speaks to, and
// the means to watch it.
type platform struct {
	program Program
	config  config.Config
	logger  *slog.Logger
	metrics *telemetry.Metrics
	guards  guards
	store   store.Driver
	queue   *queue.Client
	cache   *cache.Cache
	files   *fileClient
	sources *source.Reader
	llm     *llm.Client
	ports   ports
}

// openPlatform connects to the parts. The driver is the embedded store's; nil
// means the one that the configuration names.
func openPlatform(ctx context.Context, c config.Config, p Program, driver store.Driver) (_ *platform, err error) {
	logger, err := telemetry.NewLogger(p.Stderr, c.Logging.Level, c.Logging.Format)
	if err != nil {
		return nil, err
	}
	logger = logger.With("process", string(c.Role()), "version", p.Version)
	pl := &platform{program: p, config: c, logger: logger, metrics: telemetry.New(p.Version)}
	if pl.ports, err = openPorts(); err != nil {
		return nil, err
	}
	if driver == nil {
		if driver, err = mongostore.Open(ctx, mongostore.Config{URI: c.Store.URI.Reveal(), Database: c.Store.Database, Timeout: storeTimeout}); err != nil {
			return nil, fmt.Errorf("open store: %w", err)
		}
	}
	if pl.guards, err = newGuards(counted(pl.metrics)); err != nil {
		return nil, err
	}
	pl.store = pl.ports.store(resilience.Store(pl.metrics.Store(driver), pl.guards.store))
	defer func() {
		if err != nil {
			err = errors.Join(err, pl.close(ctx))
		}
	}()
	if pl.queue, err = queue.New(pl.queueConfig()); err != nil {
		return nil, fmt.Errorf("open queue: %w", err)
	}
	if pl.cache, err = cache.New(pl.cacheConfig()); err != nil {
		return nil, fmt.Errorf("open cache: %w", err)
	}
	files, err := blob.New(pl.blobConfig())
	if err != nil {
		return nil, fmt.Errorf("open file storage: %w", err)
	}
	pl.files = pl.ports.files(files)
	if pl.sources, err = pl.newSources(); err != nil {
		return nil, err
	}
	if pl.llm, err = llm.New(llm.Config{URL: c.LLM.URL, APIKey: c.LLM.APIKey}); err != nil {
		return nil, err
	}
	if err := pl.store.Ensure(ctx, collections()...); err != nil {
		return nil, fmt.Errorf("prepare store: %w", err)
	}
	pl.metrics.CollectQueues(pl.depths)
	return pl, nil
}

// storeTimeout bounds one call to the store: a caller who waits is told soon
// that it is away.
const storeTimeout = 5 * time.Second

// collections are all that is kept in the store.
func collections() []store.Collection {
	var all []store.Collection
	for _, declared := range [][]store.Collection{
		job.Collections(), dataset.Collections(), recipe.Collections(), model.Collections(), workflow.Collections(), retention.Collections(), health.Collections(), upload.Collections(),
	} {
		all = append(all, declared...)
	}
	return all
}

// closeTimeout bounds the end of a process after its work is done.
const closeTimeout = 10 * time.Second

// close ends the connections to the parts.
func (p *platform) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	var errs []error
	if p.queue != nil {
		errs = append(errs, p.queue.Close())
	}
	if p.cache != nil {
		errs = append(errs, p.cache.Close())
	}
	if p.files != nil {
		p.files.Close()
	}
	return errors.Join(append(errs, p.store.Close(ctx))...)
}

func (p *platform) queueConfig() queue.Config {
	c := queue.DefaultConfig()
	c.URL = p.config.Redis.URL
	c.Retention = p.config.Redis.Completed
	c.Guard = p.guards.redis
	c.Observe = p.metrics.Redis.Observe
	c.Pools = pools(p.config)
	return c
}

func (p *platform) cacheConfig() cache.Config {
	k := p.config.Cache
	c := cache.Config{
		URL: k.URL, Bytes: k.Bytes, EntryBytes: k.EntryBytes, TTL: k.TTL, Timeout: k.Timeout, Guard: p.guards.cache,
		Observe: func(answer string, o cache.Outcome) { p.metrics.Cache.Asked(answer, string(o)) },
	}
	if c.URL.IsZero() {
		c.URL = p.config.Redis.URL
	}
	return c
}

func (p *platform) blobConfig() blob.Config {
	s := p.config.S3
	c := blob.DefaultConfig()
	c.Endpoint, c.PublicEndpoint, c.Region, c.Bucket = s.Endpoint, s.PublicEndpoint, s.Region, s.Bucket
	c.AccessKeyID, c.SecretAccessKey, c.PathStyle = s.AccessKeyID, s.SecretAccessKey, s.PathStyle
	c.PartSize = s.PartSize
	c.Guard = p.guards.s3
	c.Observe = p.metrics.S3.Observe
	return c
}

// depths are the queues as the metrics take them.
func (p *platform) depths(ctx context.Context) ([]telemetry.QueueDepth, error) {
	read, err := p.queue.Depths(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]telemetry.QueueDepth, len(read))
	for i, d := range read {
		out[i] = telemetry.QueueDepth(d)
	}
	return out, nil
}

// checker looks after the parts. A process that runs jobs cannot work without
// Redis; one that only accepts them can.
func (p *platform) checker(redisCritical bool) *health.Checker {
	c := health.DefaultConfig()
	c.OnFailure = func(ctx context.Context, check string, err error) {
		p.logger.WarnContext(ctx, "health check failed", "check", check, "error", err)
	}
	checks := []health.Check{
		{Name: "store", Critical: true, Func: probing(p.store.Ping), Breaker: state(p.guards.store)},
		{Name: "s3", Critical: true, Func: probing(p.files.Ping), Breaker: state(p.guards.s3)},
		{Name: "redis", Critical: redisCritical, Func: probing(p.queue.Ping), Breaker: state(p.guards.redis)},
		{Name: "llm", Func: p.llm.Ping},
	}
	if !redisCritical { // only the API keeps answers; the look also closes the breaker again
		checks = append(checks, health.Check{Name: "cache", Func: probing(p.cache.Ping), Breaker: state(p.guards.cache)})
	}
	return health.New(c, checks...)
}
