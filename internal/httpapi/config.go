package httpapi

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/narrativeml/narrative/internal/prediction"
	"github.com/narrativeml/narrative/internal/retention"
	"github.com/narrativeml/narrative/internal/training"
	"github.com/narrativeml/narrative/internal/tuning"
)

// Config sets the limits of the edge. Start from DefaultConfig.
type Config struct {
	Version        string        // of the program, shown in the API's description
	Origins        []string      // of front ends elsewhere, as "https://app.example.org"
	Development    bool          // nobody is authenticated; every answer says so
	MaxBodyBytes   int64         // of a JSON body
	MaxUploadBytes int64         // of one uploaded file
	RequestTimeout time.Duration // of everything but uploads, long polls and streams
	IdleTimeout    time.Duration // an upload may pause this long; a stream's client must read within it
	LockTimeout    time.Duration // for a request to wait until another lets go of an upload
	KeepAlive      time.Duration // between comments on a silent event stream
	MaxStream      time.Duration // an event stream ends after this; its client resumes
	MaxWaits       int           // long polls and streams at once
	MaxUploads     int           // uploads at once
}

// MaxWait is the longest long poll.
const MaxWait = 60 * time.Second

// DefaultConfig returns the limits that hold where none is configured.
func DefaultConfig() Config {
	return Config{
		Version: "dev", MaxBodyBytes: 1 << 20, MaxUploadBytes: 64 << 30,
		RequestTimeout: 30 * time.Second, IdleTimeout: time.Minute, LockTimeout: 15 * time.Second, KeepAlive: 15 * time.Second,
		MaxStream: time.Hour, MaxWaits: 4000, MaxUploads: 64,
	}
}

// Validate reports every mistake in the configuration, joined.
func (c Config) Validate() error {
	var errs []error
	for _, origin := range c.Origins {
		u, err := url.Parse(origin)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || origin != u.Scheme+"://"+u.Host {
			errs = append(errs, fmt.Errorf("httpapi: origin %q must look like https://app.example.org, without a path and without wildcards", origin))
		}
	}
	for _, limit := range []struct {
		name  string
		value int64
	}{
		{"the largest body", c.MaxBodyBytes},
		{"the largest upload", c.MaxUploadBytes},
		{"the request timeout", int64(c.RequestTimeout)},
		{"the idle timeout", int64(c.IdleTimeout)},
		{"the lock timeout", int64(c.LockTimeout)},
		{"the keep-alive interval", int64(c.KeepAlive)},
		{"the longest stream", int64(c.MaxStream)},
		{"the number of waiting clients", int64(c.MaxWaits)},
		{"the number of uploads at once", int64(c.MaxUploads)},
	} {
		if limit.value <= 0 {
			errs = append(errs, fmt.Errorf("httpapi: %s is %d; it must be positive", limit.name, limit.value))
		}
	}
	return errors.Join(errs...)
}

// Deps are the parts that the API speaks to.
type Deps struct {
	Verifier   Verifier
	Jobs       Jobs
	Queues     QueueKeeper
	Tenants    TenantKeeper
	Datasets   Datasets
	Uploads    Uploads
	Locks      UploadLocks
	Models     Models
	Recipes    Recipes
	Versions   Versions
	Workflow   Workflow
	Answers    Answers
	Training   Planner[training.Request]
	Tuning     Planner[tuning.Request]
	Prediction Planner[prediction.Request]
	Retention  Submitter[retention.Request]
	Health     HealthHistory

	Observed
	Logger   *slog.Logger
	Now      func() time.Time // nil: time.Now
	Draining <-chan struct{}  // closed when the process wants to stop: long polls and streams end; nil: never
}

func (d Deps) validate() error {
	var errs []error
	for name, missing := range map[string]bool{
		"Verifier": d.Verifier == nil, "Jobs": d.Jobs == nil, "Queues": d.Queues == nil, "Tenants": d.Tenants == nil, "Datasets": d.Datasets == nil, "Uploads": d.Uploads == nil, "Locks": d.Locks == nil, "Models": d.Models == nil,
		"Recipes": d.Recipes == nil, "Versions": d.Versions == nil, "Workflow": d.Workflow == nil, "Answers": d.Answers == nil, "Training": d.Training == nil, "Tuning": d.Tuning == nil, "Prediction": d.Prediction == nil,
		"Retention": d.Retention == nil, "Health": d.Health == nil, "Ready": d.Ready == nil, "Logger": d.Logger == nil,
	} {
		if missing {
			errs = append(errs, fmt.Errorf("httpapi: Deps.%s is missing", name))
		}
	}
	return errors.Join(errs...)
}
