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
	bucket   = "narrative"
	region   = "us-east-1"

	partsPatience = 30 * time.Second
)

// parts are Redis, the records and the files, each behind a proxy.
type parts struct {
	dir     string
	redis   *embedded.Redis
	s3      *embedded.S3
	files   *blob.Client // past the proxy
	driver  *sqlitestore.Driver
	witness *witness
	closers []func(context.Context) error // the last first

	toRedis, toRecords, toFiles *Proxy

	mu     sync.Mutex
	stored func(key string) // told of every file, may be nil
}

// startParts starts everything that the processes need below the folder.
func startParts(ctx context.Context, dir string, h *History) (_ *parts, err error) {
	p := &parts{dir: dir}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.stop(ctx))
		}
	}()
	quiet := slog.New(slog.DiscardHandler)
	if p.redis, err = embedded.StartRedis(ctx, embedded.RedisConfig{
		Dir: filepath.Join(dir, "redis"), Logger: quiet, DebugCommands: true,
	}); err != nil {
		return nil, err
	}
	p.closers = append(p.closers, p.redis.Stop)
	if !p.redis.Durable() {
		return nil, errors.New("chaos: redis-server is not installed; install it, since the stand-in cannot be hurt")
	}
	if p.s3, err = embedded.StartS3(ctx, embedded.S3Config{Dir: filepath.Join(dir, "files"), Region: region, Logger: quiet}); err != nil {
		return nil, err
	}
	p.closers = append(p.closers, p.s3.Stop)
	if err := p.openFiles(ctx); err != nil {
		return nil, err
	}
	if err := p.serveRecords(ctx, h); err != nil {
		return nil, err
	}
	return p, p.startProxies(ctx, h)
}

// openFiles makes the bucket.
func (p *parts) openFiles(ctx context.Context) error {
	c := blob.DefaultConfig()
	c.Endpoint, c.Region, c.Bucket, c.PathStyle = p.s3.Endpoint(), region, bucket, true
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
	var err error
	p.driver, err = sqlitestore.Open(ctx, sqlitestore.Config{Path: filepath.Join(p.dir, "records.db"), Durability: sqlitestore.Full})
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
	look := func() sniffer { return &puts{history: h, bucket: bucket, stored: p.tell} }
	if p.toFiles, err = NewProxy(ctx, "files", p.s3.Addr(), look); err != nil {
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
		"NARRATIVE_S3_BUCKET=" + bucket,
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
	if err := os.RemoveAll(filepath.Join(p.dir, "redis", "appendonlydir")); err != nil {
		return fmt.Errorf("forget what redis kept: %w", err)
	}
	return nil
}

// calm ends every fault of the proxies.
func (p *parts) calm() {
	for _, proxy := range []*Proxy{p.toRedis, p.toRecords, p.toFiles} {
		proxy.Set(Weather{Mode: Calm})
	}
}
