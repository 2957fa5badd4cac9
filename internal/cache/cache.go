package cache

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/internal/secret"
)

// Outcome is what became of a question.
type Outcome string

// The outcomes.
const (
	Hit    Outcome = "hit"    // Redis had it
	Miss   Outcome = "miss"   // it was made
	Shared Outcome = "shared" // somebody else asked for the same meanwhile
	Failed Outcome = "error"  // Redis did not answer, or what it has is damaged; it was made
	Off    Outcome = "off"    // nothing is kept; it was made
)

// Guard makes calls, or refuses to while Redis is away. The error of a call is
// nil, or a fault of class unavailable when Redis did not answer.
type Guard interface {
	Do(ctx context.Context, call func(context.Context) error) error
}

// Config says where answers are kept and for how long.
type Config struct {
	// URL of Redis, as the queue's.
	URL secret.String
	// Bytes is how much is kept in all; 0: nothing, and Redis is not used.
	Bytes int64
	// EntryBytes is the size above which an answer is not kept.
	EntryBytes int64
	// TTL is how long an answer is kept.
	TTL time.Duration
	// Timeout bounds one call.
	Timeout time.Duration
	// Guard, when set, decides whether calls are made.
	Guard Guard
	// Observe, when set, is told what became of every question. It must be quick
	// and safe for concurrent use.
	Observe func(answer string, o Outcome)
	Now     func() time.Time // default time.Now
}

// DefaultConfig returns a configuration that lacks only URL.
func DefaultConfig() Config {
	return Config{Bytes: 64 << 20, EntryBytes: 4 << 20, TTL: time.Hour, Timeout: 100 * time.Millisecond}
}

// Validate reports every mistake in the configuration, joined.
func (c Config) Validate() error {
	if c.Bytes == 0 {
		return nil
	}
	var errs []error
	if _, err := c.redis(); err != nil {
		errs = append(errs, err)
	}
	if c.Bytes < 0 {
		errs = append(errs, fmt.Errorf("cache: %d bytes are to be kept; it must not be negative", c.Bytes))
	}
	if c.EntryBytes < 1 {
		errs = append(errs, fmt.Errorf("cache: an answer may have %d bytes; it must be at least 1", c.EntryBytes))
	}
	if c.TTL < time.Second || c.Timeout < time.Millisecond {
		errs = append(errs, fmt.Errorf("cache: answers are kept for %s and a call may take %s; it must be at least 1s and 1ms", c.TTL, c.Timeout))
	}
	return errors.Join(errs...)
}

// redis returns the options of a Redis client. The error of the URL's parser is
// not passed on: it repeats the URL, and so the password.
func (c Config) redis() (*redis.Options, error) {
	o, err := redis.ParseURL(c.URL.Reveal())
	if c.URL.IsZero() || err != nil {
		return nil, errors.New("cache: the URL of Redis is missing or cannot be read; write redis://[[user]:password@]host:port[/database]")
	}
	o.ContextTimeoutEnabled = true // otherwise a context's deadline does not end a read
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = c.Timeout, c.Timeout, c.Timeout, c.Timeout
	o.DialerRetries = 1
	o.MaxRetries = -1 // what is not there is made
	o.DisableIdentity = true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return o, nil
}

// Cache keeps answers. It is safe for concurrent use.
type Cache struct {
	config  Config
	redis   *redis.Client // nil: nothing is kept
	flights flights
	keeping sync.WaitGroup
}

// New returns a cache, or every mistake in the configuration. It does not talk to
// Redis yet. Close it.
func New(c Config) (*Cache, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Observe == nil {
		c.Observe = func(string, Outcome) {}
	}
	cache := &Cache{config: c}
	if c.Bytes > 0 {
		o, err := c.redis()
		if err != nil {
			return nil, err
		}
		cache.redis = redis.NewClient(o)
	}
	return cache, nil
}

// Close waits for what is being kept and releases the connections.
func (c *Cache) Close() error {
	c.keeping.Wait()
	if c.redis == nil {
		return nil
	}
	if err := c.redis.Close(); err != nil {
		return fmt.Errorf("close cache: %w", err)
	}
	return nil
}

// Ping returns nil when Redis answers, and fault.Unavailable when it does not. Where
// nothing is kept its code is "not_configured".
func (c *Cache) Ping(ctx context.Context) error {
	if c.redis == nil {
		return fault.Unavailable("not_configured", "answers are not kept; set cache.bytes")
	}
	if err := c.call(ctx, func(ctx context.Context) error { return c.redis.Ping(ctx).Err() }); err != nil {
		return fault.Unavailable("cache_unavailable", "the cache does not answer").Because(err)
	}
	return nil
}

// Do returns the answer of the key: the one that is kept, else what fill makes,
// which is kept. Callers who ask for the same key together get the same bytes,
// which nobody may change. fill gets a context that ends when no caller waits any
// more. An error is not kept.
func (c *Cache) Do(ctx context.Context, key Key, fill func(context.Context) ([]byte, error)) ([]byte, error) {
	encoded, err := key.encode()
	if err != nil {
		return nil, err
	}
	var outcome Outcome
	answer, joined, err := c.flights.do(ctx, string(encoded), func(ctx context.Context) ([]byte, error) {
		var found []byte
		if found, outcome = c.load(ctx, encoded); outcome == Hit {
			return found, nil
		}
		made, err := fill(ctx)
		if err == nil && outcome != Off && int64(len(made)) <= c.config.EntryBytes {
			c.keeping.Go(func() { c.keep(context.WithoutCancel(ctx), encoded, made) })
		}
		return made, err
	})
	switch {
	case joined:
		c.config.Observe(key.Answer, Shared)
	case ctx.Err() == nil: // else the making may still be under way
		c.config.Observe(key.Answer, outcome)
	}
	return answer, err
}

// load looks for what is kept.
func (c *Cache) load(ctx context.Context, key []byte) ([]byte, Outcome) {
	if c.redis == nil {
		return nil, Off
	}
	var kept []byte
	err := c.call(ctx, func(ctx context.Context) (err error) {
		kept, err = c.redis.Get(ctx, nameOf(key)).Bytes()
		return err
	})
	switch {
	case errors.Is(err, redis.Nil):
		return nil, Miss
	case err != nil:
		return nil, Failed
	}
	answer, err := unpack(key, kept, c.config.EntryBytes)
	if err != nil {
		return nil, Failed
	}
	return answer, Hit
}

// call makes a call to Redis within its time, under the guard.
func (c *Cache) call(ctx context.Context, call func(context.Context) error) error {
	var answered error
	limited := func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
		defer cancel()
		answered = call(ctx)
		if _, reply := errors.AsType[redis.Error](answered); answered == nil || reply || errors.Is(answered, context.Canceled) {
			return nil
		}
		return fault.Unavailable("cache_unavailable", "the cache does not answer").Because(answered)
	}
	if c.config.Guard == nil {
		_ = limited(ctx) // it says what answered does
		return answered
	}
	if err := c.config.Guard.Do(ctx, limited); err != nil {
		return err
	}
	return answered
}

// makeRoom keeps an answer, after what is too old and what there is no room for
// has gone. KEYS: the answer, the answers by the time they were kept, their sizes.
// ARGV: what is kept, for how many milliseconds, the time, the bytes in all.
//
//nolint:gochecknoglobals // a constant, but for its hash
var makeRoom = redis.NewScript(`
local ttl, now, most = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local total = tonumber(redis.call('HGET', KEYS[3], 'total') or '0')
local function drop(name)
  total = total - tonumber(redis.call('HGET', KEYS[3], name) or '0')
  redis.call('DEL', name)
  redis.call('HDEL', KEYS[3], name)
  redis.call('ZREM', KEYS[2], name)
end
drop(KEYS[1])
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now - ttl, 'LIMIT', 0, 100)) do drop(name) end
local size = #ARGV[1] + 400
while total + size > most do
  local oldest = redis.call('ZRANGE', KEYS[2], 0, 0)[1]
  if not oldest then
    total = 0
    break
  end
  drop(oldest)
end
if size <= most then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ttl)
  redis.call('ZADD', KEYS[2], now, KEYS[1])
  redis.call('HSET', KEYS[3], KEYS[1], size)
  total = total + size
end
redis.call('HSET', KEYS[3], 'total', total)
redis.call('PEXPIRE', KEYS[2], 2 * ttl)
redis.call('PEXPIRE', KEYS[3], 2 * ttl)
return total`)

// keep keeps the answer, if Redis takes it.
func (c *Cache) keep(ctx context.Context, key, answer []byte) {
	kept, err := pack(key, answer)
	if err != nil {
		return // it was made, and is made again
	}
	names := []string{nameOf(key), prefix + "kept", prefix + "sizes"}
	_ = c.call(ctx, func(ctx context.Context) error { // likewise; the guard counts it
		return makeRoom.Run(ctx, c.redis, names, kept, c.config.TTL.Milliseconds(), c.config.Now().UnixMilli(), c.config.Bytes).Err()
	})
}
