package fetch

import (
	"context"
	"io"
	"time"

	"github.com/narrativeml/narrative/internal/job"
)

// File is what is to be fetched.
type File struct {
	Dataset string // the identifier of its data set, for messages
	Tenant  string
	Source  string // https://… or s3://bucket/key
	Origin  string // the source as it may be shown
}

// Fetched is a file that is here.
type Fetched struct {
	Key    string
	Size   int64
	SHA256 string // hexadecimal
}

// Remote is a file elsewhere that was opened.
type Remote struct {
	Body    io.ReadCloser
	At      int64  // where the body begins
	Size    int64  // of the whole file; -1: not known
	Version string // tells whether it is still the same; empty: reading cannot go on later
}

// Source opens files that are elsewhere.
type Source interface {
	// Open opens the file from a byte on if it still has that version, else from
	// its beginning. A failure of class unavailable whose code begins with source_
	// is the source's own; it may say by a method RetryAfter when to come again.
	Open(ctx context.Context, tenant, source string, from int64, version string) (*Remote, error)
}

// Files is where files are kept.
type Files interface {
	Put(ctx context.Context, key, contentType string, r io.Reader) (size int64, err error)
	OpenAt(ctx context.Context, key string) (io.ReaderAt, int64, error)
	Join(ctx context.Context, key, contentType string, files []string) (size int64, err error)
	Delete(ctx context.Context, keys ...string) error
}

// Config is what a Fetcher needs.
type Config struct {
	Source  Source
	Files   Files
	MaxSize int64 // bytes of a file; default 10 GiB
	// Piece is after how many bytes what was fetched is kept for the next
	// attempt; default 64 MiB.
	Piece int64
	// Patience is for how long a source may be away; default 1 h.
	Patience time.Duration
	// Wait returns after the duration or with the end of ctx; default a timer.
	Wait func(ctx context.Context, d time.Duration) error
	Now  func() time.Time // default time.Now
}

// Fetcher fetches files. It is safe for concurrent use.
type Fetcher struct{ config Config }

// New returns a Fetcher.
func New(c Config) *Fetcher {
	if c.MaxSize <= 0 {
		c.MaxSize = 10 << 30
	}
	if c.Piece <= 0 {
		c.Piece = 64 << 20
	}
	if c.Patience <= 0 {
		c.Patience = time.Hour
	}
	if c.Wait == nil {
		c.Wait = wait
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Fetcher{config: c}
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Fetch brings the file here, as a file below the job's prefix, or goes on with what
// an earlier attempt of the job has brought. It reports the stage fetch from 0 to 1.
// A source that is away is job.Snooze, and in the end job.Permanent.
func (f *Fetcher) Fetch(ctx context.Context, t *job.Task, file File) (*Fetched, error) {
	r := &run{config: f.config, task: t, file: file}
	if err := r.fetch(ctx); err != nil {
		return nil, err
	}
	return &Fetched{Key: r.state.Whole, Size: r.at(), SHA256: r.state.SHA256}, nil
}
