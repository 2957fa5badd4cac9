package queue

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/secret"
)

// Config says where Redis is and how jobs are delivered over it.
type Config struct {
	// URL of Redis: redis://[[user]:password@]host:port[/database], rediss://
	// for TLS, or unix://[[user]:password@]/path/of/socket[?db=n].
	URL secret.String
	// Pools are the names of all pools of workers; each is one queue.
	Pools []string
	// Retention is how long a finished task stays visible to operators.
	Retention time.Duration
	// PollInterval is how often an idle worker asks for work, on average.
	PollInterval time.Duration
	// TaskTimeout bounds a task for the queue, far beyond any job's own
	// timeout; at least a second.
	TaskTimeout time.Duration
	// Timeout bounds one call of the client.
	Timeout time.Duration
	// Guard, when set, decides whether the commands of a client are sent. Those
	// of a server, which has nothing else to do, always are.
	Guard Guard
	// Observe, when set, is told about every command sent to Redis. It must be
	// quick and safe for concurrent use.
	Observe func(command string, elapsed time.Duration, err error)
}

// DefaultConfig returns a configuration that lacks only URL and Pools.
func DefaultConfig() Config {
	return Config{
		Retention:    time.Hour,
		PollInterval: 20 * time.Millisecond,
		TaskTimeout:  14 * 24 * time.Hour,
		Timeout:      2 * time.Second,
	}
}

// maxRedeliveries is how often asynq may deliver a task again because the
// process that held it died. It is not a retry: see Server.
const maxRedeliveries = 5

// word is what queue names and task types are made of: a brace or a colon
// would move a key to another slot of a cluster or into another key.
var word = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)

// identifier is what job identifiers are made of.
var identifier = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

// Validate reports every mistake in the configuration, joined.
func (c Config) Validate() error {
	var errs []error
	if _, err := c.redis(); err != nil {
		errs = append(errs, err)
	}
	if len(c.Pools) == 0 {
		errs = append(errs, errors.New("queue: name at least one pool"))
	}
	for _, pool := range c.Pools {
		if !word.MatchString(pool) {
			errs = append(errs, fmt.Errorf("queue: pool %q is not a name of lower-case letters, digits, - and _", pool))
		}
	}
	if c.Retention < 0 {
		errs = append(errs, fmt.Errorf("queue: retention is %s; it must not be negative", c.Retention))
	}
	if c.PollInterval < time.Millisecond || c.PollInterval > time.Minute {
		errs = append(errs, fmt.Errorf("queue: poll interval is %s; it must lie between 1ms and 1m", c.PollInterval))
	}
	if c.TaskTimeout < time.Second {
		errs = append(errs, fmt.Errorf("queue: task timeout is %s; it must be at least 1s", c.TaskTimeout))
	}
	if c.Timeout <= 0 {
		errs = append(errs, fmt.Errorf("queue: timeout is %s; it must be positive", c.Timeout))
	}
	return errors.Join(errs...)
}

// redis returns the options of a Redis client. The error of the URL's parser
// is not passed on: it repeats the URL, and so the password.
func (c Config) redis() (*redis.Options, error) {
	if c.URL.IsZero() {
		return nil, errors.New("queue: the URL of Redis is missing; write redis://[[user]:password@]host:port[/database]")
	}
	o, err := redis.ParseURL(c.URL.Reveal())
	if err != nil {
		return nil, errors.New("queue: the URL of Redis cannot be read; write redis://[[user]:password@]host:port[/database]")
	}
	o.ContextTimeoutEnabled = true // otherwise a context's deadline does not end a read
	o.DialTimeout = c.Timeout
	o.ReadTimeout = max(c.Timeout, 3*time.Second)
	o.DialerRetries = 1
	o.MaxRetries = 2
	o.MinRetryBackoff = 20 * time.Millisecond
	o.MaxRetryBackoff = 250 * time.Millisecond
	o.DisableIdentity = true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return o, nil
}

// silence keeps go-redis from writing to standard error on its own; what it
// would say is in the errors that its calls return.
var silence = sync.OnceFunc(func() { redis.SetLogger(mute{}) }) //nolint:gochecknoglobals // go-redis has one logger a process

type mute struct{}

// Printf implements the logger of go-redis.
func (mute) Printf(context.Context, string, ...any) {}

// connect returns a Redis client; it does not talk to Redis yet.
func (c Config) connect() (*redis.Client, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	silence()
	o, err := c.redis()
	if err != nil {
		return nil, err
	}
	client := redis.NewClient(o)
	if c.Observe != nil {
		client.AddHook(observer{c.Observe})
	}
	return client, nil
}

// unavailable wraps an error of Redis.
func unavailable(err error) error {
	return fault.Unavailable("queue_unavailable", "the queue does not answer; try again later").Because(err)
}
