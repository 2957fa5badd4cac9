package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/narrativeml/narrative/internal/blob"
	"github.com/narrativeml/narrative/internal/config"
	"github.com/narrativeml/narrative/internal/embedded"
	"github.com/narrativeml/narrative/internal/store"
	"github.com/narrativeml/narrative/internal/store/sqlitestore"
)

// parts are the embedded parts of one data folder.
type parts struct {
	folder *embedded.Folder
	redis  *embedded.Redis     // nil when an address was given
	s3     *embedded.S3        // nil likewise
	store  *sqlitestore.Driver // nil likewise
	worker string              // the identifier of the one worker on this folder
}

// startParts takes the data folder and starts every part whose address the
// configuration does not give. It returns the configuration with the addresses
// filled in.
func startParts(ctx context.Context, c config.Config, logger *slog.Logger) (_ *parts, _ config.Config, err error) {
	p := &parts{}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.stop(ctx))
		}
	}()
	if p.folder, err = embedded.Lock(c.Dev.DataDir); err != nil {
		return nil, c, err
	}
	// The gateway changes the working directory; from here on every path is
	// absolute.
	dir := p.folder.Path()
	if p.worker, err = remembered(filepath.Join(dir, "worker"), func() string { return store.NewID("wkr") }); err != nil {
		return nil, c, err
	}
	if c.Redis.URL.IsZero() {
		if p.redis, err = embedded.StartRedis(ctx, embedded.RedisConfig{Dir: filepath.Join(dir, "redis"), Addr: loopback, Logger: logger}); err != nil {
			return nil, c, fmt.Errorf("start redis: %w", err)
		}
		c.Redis.URL = p.redis.URL()
	}
	if c.S3.Endpoint == "" {
		if p.s3, err = embedded.StartS3(ctx, embedded.S3Config{Dir: filepath.Join(dir, "files"), Addr: loopback, Region: c.S3.Region, Logger: logger}); err != nil {
			return nil, c, fmt.Errorf("start file storage: %w", err)
		}
		c.S3.Endpoint, c.S3.PathStyle = p.s3.Endpoint(), true
		c.S3.AccessKeyID, c.S3.SecretAccessKey = p.s3.AccessKeyID(), p.s3.SecretAccessKey()
		if err := ensureBucket(ctx, c); err != nil {
			return nil, c, err
		}
	}
	if c.Store.URI.IsZero() {
		if p.store, err = sqlitestore.Open(ctx, sqlitestore.Config{Path: filepath.Join(dir, "records.db"), Durability: sqlitestore.Full}); err != nil {
			return nil, c, fmt.Errorf("open records: %w", err)
		}
	}
	return p, c, nil
}

// remembered returns what the file holds, or keeps a new value in it.
func remembered(file string, fresh func() string) (string, error) {
	kept, err := os.ReadFile(file) //nolint:gosec // a file of ours in the data folder
	if err == nil && len(kept) > 0 {
		return string(kept), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read %s: %w", filepath.Base(file), err)
	}
	value := fresh()
	return value, writePrivate(file, value)
}

// loopback is any free port of this machine.
const loopback = "127.0.0.1:0"

// ensureBucket creates the bucket of an embedded gateway. Elsewhere the bucket
// is there before the processes are, which need no right to create one.
func ensureBucket(ctx context.Context, c config.Config) error {
	bc := blob.DefaultConfig()
	bc.Endpoint, bc.Region, bc.Bucket, bc.PathStyle = c.S3.Endpoint, c.S3.Region, c.S3.Bucket, true
	bc.AccessKeyID, bc.SecretAccessKey = c.S3.AccessKeyID, c.S3.SecretAccessKey
	files, err := blob.New(bc)
	if err != nil {
		return err
	}
	defer files.Close()
	return files.EnsureBucket(ctx)
}

// driver is the embedded store, nil when there is none.
func (p *parts) driver() store.Driver {
	if p.store == nil {
		return nil
	}
	return p.store
}

// failed is closed when the file storage ended by itself; it is nil when there
// is none. Redis is started again when it dies.
func (p *parts) failed() <-chan struct{} {
	if p.s3 == nil {
		return nil
	}
	return p.s3.Done()
}

var errFilesEnded = errors.New("the embedded file storage ended")

// stop ends the parts, the last started first. The store is closed by whoever
// uses it.
func (p *parts) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	var errs []error
	if p.s3 != nil {
		errs = append(errs, p.s3.Stop(ctx))
	}
	if p.redis != nil {
		errs = append(errs, p.redis.Stop(ctx))
	}
	if p.folder != nil {
		errs = append(errs, p.folder.Unlock())
	}
	return errors.Join(errs...)
}
