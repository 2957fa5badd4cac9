package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/narrativeml/narrative/internal/httpapi"
)

// listen opens the address.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	return l, nil
}

// serve answers on the listener until ctx ends, and then lets requests finish
// until the drain is over.
func serve(ctx context.Context, l net.Listener, handler http.Handler, drain time.Duration, logger *slog.Logger) error {
	server := httpapi.NewServer(handler, logger)
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	logger.InfoContext(ctx, "listening", "addr", l.Addr().String())
	select {
	case err := <-failed:
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	if err := server.Shutdown(stop); err != nil {
		if closing := server.Close(); closing != nil {
			err = errors.Join(err, closing)
		}
		return fmt.Errorf("drain %s: %w", l.Addr(), err)
	}
	if err := <-failed; err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	}
	logger.InfoContext(ctx, "drained", "addr", l.Addr().String())
	return nil
}

// operations are what worker and scheduler answer.
func (p *platform) operations(redisCritical bool) (http.Handler, error) {
	return httpapi.NewOperations(p.logger, p.observed(redisCritical))
}

func (p *platform) observed(redisCritical bool) httpapi.Observed {
	checker := p.checker(redisCritical)
	return httpapi.Observed{
		Metrics:  p.metrics.Handler(),
		Observer: p.metrics.HTTP,
		Ready: func(ctx context.Context) (any, string) {
			report := checker.Run(ctx)
			return report, string(report.Status)
		},
	}
}
