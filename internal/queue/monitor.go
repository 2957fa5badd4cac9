package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/hibiken/asynq"
	"github.com/hibiken/asynqmon"
	"github.com/redis/go-redis/v9"
)

// MonitorPath is where the monitor must be mounted.
const MonitorPath = "/monitoring"

// Monitor serves asynqmon, read-only, below MonitorPath. It asks for nobody's
// name: mount it behind authentication.
type Monitor struct {
	config  Config
	handler *asynqmon.HTTPHandler
	redis   *redis.Client
	logger  *slog.Logger

	mu    sync.Mutex
	named time.Time // when the pools were last written to Redis
}

var _ http.Handler = (*Monitor)(nil)

// NewMonitor returns a monitor of all pools. Close it.
func NewMonitor(c Config, l *slog.Logger) (*Monitor, error) {
	client, err := c.connect()
	if err != nil {
		return nil, err
	}
	return &Monitor{
		config: c, redis: client, logger: l,
		handler: asynqmon.New(asynqmon.Options{RootPath: MonitorPath, RedisConnOpt: connector{c}, ReadOnly: true}),
	}, nil
}

// Close releases the connections.
func (m *Monitor) Close() error {
	if err := errors.Join(m.handler.Close(), m.redis.Close()); err != nil {
		return fmt.Errorf("close monitor: %w", err)
	}
	return nil
}

// namesInterval is how often at most the names of the pools are written.
const namesInterval = 10 * time.Second

// ServeHTTP implements http.Handler. It answers 405 to everything but GET and
// HEAD, and 503 about the queues while Redis does not answer.
func (m *Monitor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "the monitor is read-only", http.StatusMethodNotAllowed)
		return
	}
	if strings.HasPrefix(r.URL.Path, MonitorPath+"/api") {
		if err := m.answers(r.Context()); err != nil {
			m.logger.WarnContext(r.Context(), "queues not shown", "error", err)
			w.Header().Set("Retry-After", "5")
			http.Error(w, "the queue does not answer; try again later", http.StatusServiceUnavailable)
			return
		}
		m.name(r)
	}
	m.handler.ServeHTTP(w, r)
}

// answerWithin is how long Redis may take to say that it is there.
const answerWithin = 2 * time.Second

// answers asks Redis whether it is there: asynqmon would try for long and then
// call it our mistake.
func (m *Monitor) answers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	return m.redis.Ping(ctx).Err()
}

// name puts the pools into the set from which asynqmon takes its queues: a
// client writes a name there once in its life, so that they are missing after
// Redis was flushed, and for pools that never had a task.
func (m *Monitor) name(r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if time.Since(m.named) < namesInterval {
		return
	}
	names := make([]any, len(m.config.Pools))
	for i, pool := range m.config.Pools {
		names[i] = pool
	}
	if err := m.redis.SAdd(r.Context(), allQueues, names...).Err(); err != nil {
		m.logger.WarnContext(r.Context(), "pools not shown", "error", err)
		return
	}
	m.named = time.Now()
}

// connector gives asynqmon clients like our own.
type connector struct{ config Config }

var _ asynq.RedisConnOpt = connector{}

// MakeRedisClient implements asynq.RedisConnOpt. The configuration was
// validated, so that it can only return a client.
func (c connector) MakeRedisClient() any {
	client, err := c.config.connect()
	if err != nil {
		return err // asynqmon refuses what is not a client
	}
	return client
}
