package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"

	"github.com/narrativeml/narrative/internal/account"
)

// server is the API.
type server struct {
	edge
	config   Config
	api      huma.API
	verifier Verifier
	jobs     Jobs
	datasets Datasets
	models   Models
	answers  Answers
	waits    *slots
	uploads  *slots

	resumable Uploads
	locks     UploadLocks

	draining <-chan struct{}
}

// New returns the handler of the API and everything beside it, or every
// mistake in the configuration.
func New(config Config, deps Deps) (http.Handler, error) {
	if err := errors.Join(config.Validate(), deps.validate()); err != nil {
		return nil, err
	}
	s := &server{
		edge:   newEdge(deps.Logger, deps.Observer, deps.Now, config.RequestTimeout, config.Development),
		config: config, verifier: deps.Verifier, jobs: deps.Jobs, datasets: deps.Datasets, models: deps.Models, answers: deps.Answers,
		waits:   newSlots(config.MaxWaits, "long polls and event streams"),
		uploads: newSlots(config.MaxUploads, "uploads"), draining: deps.Draining,
		resumable: deps.Uploads, locks: deps.Locks,
	}
	e := s.echo()
	if len(config.Origins) > 0 {
		e.Use(crossOrigin(config.Origins))
	}
	e.Use(compress())
	s.api = humaecho.New(e, describeAPI(config))
	s.api.UseMiddleware(s.authenticate, s.checkQuery, s.readBody, s.limitTime)

	s.registerDatasets()
	if err := s.registerUploads(e); err != nil {
		return nil, err
	}
	s.registerVersions(deps.Versions)
	s.registerTransformations()
	s.registerRecipes(deps.Recipes)
	s.registerTransforms(deps.Recipes)
	s.registerWorkflow(deps.Workflow)
	s.registerTraining(deps.Training)
	s.registerTuning(deps.Tuning)
	s.registerPrediction(deps.Prediction)
	s.registerModels()
	s.registerJobs()
	s.registerBatch(deps)
	s.registerQueues(deps.Queues)
	s.registerTenants(deps.Tenants)
	s.registerRetention(deps.Retention)
	s.registerDeadLetters()
	s.registerSchedules()
	s.registerWorkers()
	s.registerHealthHistory(deps.Health)
	s.describeHealth()
	s.complete()

	operate(e, deps.Observed)
	if deps.Monitoring != nil {
		s.monitor(e, deps.Monitoring)
	}
	if err := s.servePages(e); err != nil {
		return nil, fmt.Errorf("render the pages: %w", err)
	}
	return e, nil
}

// NewOperations returns the handler of a process that has no API: /health,
// /health/ready and /metrics.
func NewOperations(logger *slog.Logger, parts Observed) (http.Handler, error) {
	if logger == nil || parts.Ready == nil {
		return nil, errors.New("httpapi: a logger and Observed.Ready are needed")
	}
	edge := newEdge(logger, parts.Observer, nil, DefaultConfig().RequestTimeout, false)
	e := edge.echo()
	operate(e, parts)
	return e, nil
}

// NewServer returns a server for the handler with the limits on connections
// that its clients may not pass. Errors of connections go to the logger.
func NewServer(handler http.Handler, logger *slog.Logger) *http.Server {
	const (
		readHeader = 10 * time.Second
		idle       = 2 * time.Minute
		headers    = 64 << 10
	)
	return &http.Server{
		Handler: handler, ReadHeaderTimeout: readHeader, IdleTimeout: idle, MaxHeaderBytes: headers,
		ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
}

func newEdge(logger *slog.Logger, observer Observer, now func() time.Time, timeout time.Duration, banner bool) edge {
	if now == nil {
		now = time.Now
	}
	return edge{logger: logger, observer: observer, now: now, timeout: timeout, banner: banner}
}

// echo returns a router whose every answer is observed and secured, and whose
// errors are problems.
func (e *edge) echo() *echo.Echo {
	r := echo.New()
	r.HideBanner, r.HidePort = true, true
	r.Logger.SetOutput(io.Discard)
	r.HTTPErrorHandler = func(err error, c echo.Context) { e.answer(c, err) }
	r.Use(e.observe, secure)
	return r
}

// operate adds what every process serves.
func operate(e *echo.Echo, parts Observed) {
	reads := []string{http.MethodGet, http.MethodHead}
	e.Match(reads, "/health", alive)
	e.Match(reads, "/health/ready", readiness(parts.Ready))
	if parts.Metrics != nil {
		e.GET("/metrics", echo.WrapHandler(parts.Metrics))
	}
}

// monitor shows the queues to operators, to look at only.
func (s *server) monitor(e *echo.Echo, handler http.Handler) {
	show := func(c echo.Context) error {
		if err := s.admit(c, account.RoleOperator); err != nil {
			return err
		}
		c.Response().Header().Set("Content-Security-Policy", policyMonitoring)
		handler.ServeHTTP(c.Response(), c.Request())
		return nil
	}
	reads := []string{http.MethodGet, http.MethodHead}
	e.Match(reads, "/monitoring", show)
	e.Match(reads, "/monitoring/*", show)
}

// encoded is a body that is JSON already.
type encoded []byte

// encode returns v as JSON. What cannot be encoded is a programmer's error.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Errorf("encode an answer: %w", err))
	}
	return b
}

// transform makes problems of huma's errors, and encodes every body before
// its status is written, so that one that cannot be encoded is a clean error.
func transform(ctx huma.Context, _ string, v any) (any, error) {
	if e, ok := v.(*huma.ErrorModel); ok {
		v = exchangeOf(ctx.Context()).problem(humaProblem(e))
	}
	if t, ok := v.(interface{ encoded() encoded }); ok {
		return t.encoded(), nil
	}
	return encoded(encode(v)), nil
}

// jsonFormat writes what transform has encoded.
func jsonFormat() huma.Format {
	return huma.Format{
		Marshal: func(w io.Writer, v any) error {
			b, ok := v.(encoded)
			if !ok {
				b = encode(v)
			}
			_, err := w.Write(b)
			return err
		},
		Unmarshal: json.Unmarshal,
	}
}

// finite returns the metrics that are numbers; JSON has no others.
func finite(metrics map[string]float64) map[string]float64 {
	out := make(map[string]float64, len(metrics))
	for name, v := range metrics {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			out[name] = v
		}
	}
	return out
}
