package app

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/narrativeml/narrative/internal/account"
	"github.com/narrativeml/narrative/internal/config"
	"github.com/narrativeml/narrative/internal/httpapi"
	"github.com/narrativeml/narrative/internal/queue"
)

// API runs the process that accepts jobs until ctx ends.
func API(ctx context.Context, c config.Config, program Program) (err error) {
	p, err := openPlatform(ctx, c, program, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close(ctx)) }()
	l, err := listen(ctx, c.API.Addr)
	if err != nil {
		return err
	}
	return p.serveAPI(ctx, l, p.services())
}

// serveAPI answers on the listener until ctx ends.
func (p *platform) serveAPI(ctx context.Context, l net.Listener, s *services) (err error) {
	monitor, err := queue.NewMonitor(p.queueConfig(), p.logger)
	if err != nil {
		return fmt.Errorf("open monitor: %w", err)
	}
	defer func() { err = errors.Join(err, monitor.Close()) }()
	verifier, err := p.verifier(ctx)
	if err != nil {
		return err
	}
	hc := httpapi.DefaultConfig()
	hc.Version = p.program.Version
	hc.Origins = p.config.API.CORSOrigins
	hc.Development = p.config.Mode == config.Development
	hc.MaxBodyBytes, hc.MaxUploadBytes = p.config.Limits.BodyBytes, p.config.Limits.UploadBytes
	deps := httpapi.Deps{
		Verifier: verifier, Jobs: s.jobs, Queues: s.jobs, Tenants: s.jobs, Datasets: s.datasets, Uploads: s.uploads, Locks: s.locks, Models: s.models,
		Recipes: s.recipes, Versions: s.datasets, Workflow: s.workflow, Answers: p.cache,
		Training: s.training, Tuning: s.tuning, Prediction: s.prediction, Retention: s.retention,
		Health:   s.health,
		Observed: p.observed(false), Logger: p.logger, Draining: ctx.Done(),
	}
	deps.Monitoring = monitor
	handler, err := httpapi.New(hc, deps)
	if err != nil {
		return err
	}
	return serve(ctx, l, handler, p.config.API.DrainTimeout, p.logger)
}

// verifier tells who asks. In development mode that is always the one user.
func (p *platform) verifier(ctx context.Context) (httpapi.Verifier, error) {
	if p.config.Mode == config.Development {
		p.logger.WarnContext(ctx, "DEVELOPMENT MODE: nobody is authenticated, every request acts as the one user; never expose this process to a network")
		return account.Developer{}, nil
	}
	c := account.Config{Secrets: p.config.Auth.Secrets, Issuer: p.config.Auth.Issuer}
	if p.config.Auth.Audience != "" {
		c.Audiences = []string{p.config.Auth.Audience}
	}
	return account.NewVerifier(c)
}
