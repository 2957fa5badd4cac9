package chaos

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/narrativeml/narrative/internal/blob"
	"github.com/narrativeml/narrative/internal/embedded"
	"github.com/narrativeml/narrative/internal/store/mongowire"
	"github.com/narrativeml/narrative/internal/store/sqlitestore"
)

const (
	database = "narrative"
	region   = "us-east-1"

	partsPatience = 30 * time.Second
)

// parts are Redis, the records and the files, each behind a proxy.
type parts struct {
	dir     string
	bucket  string
	objects string // the folder of the bucket
	redis   *embedded.Redis
	s3      *embedded.S3 // that of the run
	files   *blob.Client // past the proxy
	driver  *sqlitestore.Driver
	witness *witness
	closers []func(context.Context) error // the last first

	toRedis, toRecords, toFiles *Proxy

	mu     sync.Mutex
	stored func(key string) // told of every file, may be nil
}

// startParts starts everything that the processes need below the folder of the
// part, and gives it a bucket of its own.
func startParts(ctx context.Context, r *Run) (_ *parts, err error) {
	p := &parts{dir: r.dir, bucket: "chaos-" + r.name, s3: r.gateway}
	p.objects = filepath.Join(r.Dir, "files", "objects", p.bucket)
	defer func() {
		if err != nil {
			err = errors.Join(err, p.stop(ctx))
		}
	}()
	if p.redis, err = embedded.StartRedis(ctx, embedded.RedisConfig{
		Dir: p.redisDir(), Logger: slog.New(slog.DiscardHandler), DebugCommands: true,
	}); err != nil {
		return nil, err
	}
	p.closers = append(p.closers, p.redis.Stop)
	if !p.redis.Durable() {
		return nil, errors.New("chaos: redis-server is not installed; install it, since the stand-in cannot be hurt")
	}
	if err := p.openFiles(ctx); err != nil {
		return nil, err
	}
	if err := p.serveRecords(ctx, r.history); err != nil {
		return nil, err
	}
	return p, p.startProxies(ctx, r.history)
}

// The folders of the parts.
func (p *parts) redisDir() string   { return filepath.Join(p.dir, "redis") }
func (p *parts) recordsDir() string { return filepath.Join(p.dir, "records") }

// openFiles makes the bucket.
func (p *parts) openFiles(ctx context.Context) error {
	c := blob.DefaultConfig()
	c.Endpoint, c.Region, c.Bucket, c.PathStyle = p.s3.Endpoint(), region, p.bucket, true
	c.AccessKeyID, c.SecretAccessKey = p.s3.AccessKeyID(), p.s3.SecretAccessKey()
	var err error
	if p.files, err = blob.New(c); err != nil {
		return err
	}
	p.closers = append(p.closers, func(context.Context) error { p.files.Close(); return nil })
	return p.files.EnsureBucket(ctx)
}

// serveRecords serves the witness by the MongoDB protocol.
func (p *parts) serveRecords(ctx context.Context, h *History) error {
	if err := os.MkdirAll(p.recordsDir(), 0o700); err != nil {
		return fmt.Errorf("serve records: %w", err)
	}
	var err error
	p.driver, err = sqlitestore.Open(ctx, sqlitestore.Config{Path: filepath.Join(p.recordsDir(), "records.db"), Durability: sqlitestore.Full})
	if err != nil {
		return err
	}
	p.closers = append(p.closers, p.driver.Close)
	p.witness = newWitness(p.driver, h)
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("serve records: %w", err)
	}
	server := mongowire.New(p.witness, mongowire.Config{Database: database})
	served := make(chan error, 1)
	serving := context.WithoutCancel(ctx)
	go func() { served <- server.Serve(serving, l) }()
	p.closers = append(p.closers, func(ctx context.Context) error { return errors.Join(server.Shutdown(ctx), <-served) })
	p.toRecords, err = NewProxy(ctx, partRecords, l.Addr().String(), nil)
	if err != nil {
		return err
	}
	p.closers = append(p.closers, func(context.Context) error { p.toRecords.Close(); return nil })
	return nil
}

func (p *parts) startProxies(ctx context.Context, h *History) (err error) {
	if p.toRedis, err = NewProxy(ctx, partRedis, p.redis.Addr(), nil); err != nil {
		return err
	}
	p.closers = append(p.closers, func(context.Context) error { p.toRedis.Close(); return nil })
	look := func() sniffer { return &puts{history: h, bucket: p.bucket, stored: p.tell} }
	if p.toFiles, err = NewProxy(ctx, partFiles, p.s3.Addr(), look); err != nil {
		return err
	}
	p.closers = append(p.closers, func(context.Context) error { p.toFiles.Close(); return nil })
	return nil
}

// tell passes on that a file was stored.
func (p *parts) tell(key string) {
	p.mu.Lock()
	stored := p.stored
	p.mu.Unlock()
	if stored != nil {
		stored(key)
	}
}

// onStored sets who is told of every file that is stored; nil: nobody.
func (p *parts) onStored(fn func(key string)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stored = fn
}

// stop ends the parts, the last started first.
func (p *parts) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), partsPatience)
	defer cancel()
	var errs []error
	for _, end := range slices.Backward(p.closers) {
		errs = append(errs, end(ctx))
	}
	return errors.Join(errs...)
}

// env are the variables that lead a process to the parts, through the proxies.
func (p *parts) env() ([]string, error) {
	redis, err := url.Parse(p.redis.URL().Reveal())
	if err != nil {
		return nil, errors.New("chaos: the URL of Redis cannot be read")
	}
	redis.Host = p.toRedis.Addr()
	return []string{
		"NARRATIVE_MONGODB_URI=mongodb://" + p.toRecords.Addr() + "/?directConnection=true",
		"NARRATIVE_MONGODB_DATABASE=" + database,
		"NARRATIVE_REDIS_URL=" + redis.String(),
		"NARRATIVE_S3_ENDPOINT=http://" + p.toFiles.Addr(),
		"NARRATIVE_S3_PATH_STYLE=true",
		"NARRATIVE_S3_REGION=" + region,
		"NARRATIVE_S3_BUCKET=" + p.bucket,
		"NARRATIVE_S3_ACCESS_KEY_ID=" + p.s3.AccessKeyID(),
		"NARRATIVE_S3_SECRET_ACCESS_KEY=" + p.s3.SecretAccessKey().Reveal(),
	}, nil
}

// killRedis kills the server, which is started again at once; with forget it
// comes back without its file.
func (p *parts) killRedis(forget bool) error {
	pid := p.redis.PID()
	if pid == 0 {
		return errors.New("chaos: Redis is not running")
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return fmt.Errorf("kill redis: %w", err)
	}
	if !forget {
		return nil
	}
	if err := os.RemoveAll(filepath.Join(p.redisDir(), "appendonlydir")); err != nil {
		return fmt.Errorf("forget what redis kept: %w", err)
	}
	return nil
}

// calm ends every fault of the proxies and of the record server.
func (p *parts) calm() {
	p.witness.fail(0)
	for _, proxy := range []*Proxy{p.toRedis, p.toRecords, p.toFiles} {
		proxy.Set(Weather{Mode: Calm})
	}
}
