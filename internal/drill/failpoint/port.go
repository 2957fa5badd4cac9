package failpoint

import (
	"context"
	"io"
	"path"
	"strings"
	"time"

	"github.com/narrativeml/narrative/internal/blob"
	"github.com/narrativeml/narrative/internal/job"
)

// queue is a queue with points.
type queue struct {
	job.Queue
	s *Switches
}

var _ job.Queue = (*queue)(nil)

// Queue wraps the queue of a process.
func Queue(s *Switches, q job.Queue) job.Queue { return &queue{Queue: q, s: s} }

// Enqueue implements job.Queue.
func (q *queue) Enqueue(ctx context.Context, deliveries ...job.Delivery) (err error) {
	name := "queue.enqueue"
	if len(deliveries) > 0 {
		name += " " + deliveries[0].Kind
	}
	q.s.around(name, func() { err = q.Queue.Enqueue(ctx, deliveries...) })
	return err
}

// Alive implements job.Queue.
func (q *queue) Alive(ctx context.Context, d job.Delivery) (alive bool, err error) {
	q.s.around("queue.alive", func() { alive, err = q.Queue.Alive(ctx, d) })
	return alive, err
}

// Backlog implements job.Queue.
func (q *queue) Backlog(ctx context.Context, pool string) (waiting, active, ended int64, err error) {
	q.s.around("queue.backlog "+pool, func() { waiting, active, ended, err = q.Queue.Backlog(ctx, pool) })
	return waiting, active, ended, err
}

// HintCancel implements job.Queue.
func (q *queue) HintCancel(ctx context.Context, d job.Delivery) (err error) {
	q.s.around("queue.hint_cancel", func() { err = q.Queue.HintCancel(ctx, d) })
	return err
}

// Files is the file client of a process, with points.
type Files struct {
	*blob.Client
	s *Switches
}

// NewFiles wraps the client.
func NewFiles(s *Switches, c *blob.Client) *Files { return &Files{Client: c, s: s} }

// file names a call about a file: by what is the same for every job.
func file(call, key string) string {
	area, _, _ := strings.Cut(key, "/")
	base := path.Base(key)
	if strings.Contains(key, "/checkpoint/") {
		base = "checkpoint/" + strings.Map(letters, base)
	}
	return "files." + call + " " + area + " " + base
}

// letters drops the digits, by which checkpoints differ.
func letters(r rune) rune {
	if r >= '0' && r <= '9' {
		return -1
	}
	return r
}

// Put stores a file.
func (f *Files) Put(ctx context.Context, key, contentType string, r io.Reader) (n int64, err error) {
	f.s.around(file("put", key), func() { n, err = f.Client.Put(ctx, key, contentType, r) })
	return n, err
}

// Open opens a file.
func (f *Files) Open(ctx context.Context, key string) (r io.ReadCloser, err error) {
	f.s.around(file("open", key), func() { r, err = f.Client.Open(ctx, key) })
	return r, err
}

// OpenAt opens a file for reading anywhere.
func (f *Files) OpenAt(ctx context.Context, key string) (r io.ReaderAt, n int64, err error) {
	f.s.around(file("open_at", key), func() { r, n, err = f.Client.OpenAt(ctx, key) })
	return r, n, err
}

// Stat looks for a file.
func (f *Files) Stat(ctx context.Context, key string) (n int64, at time.Time, err error) {
	f.s.around(file("stat", key), func() { n, at, err = f.Client.Stat(ctx, key) })
	return n, at, err
}

// Delete deletes files.
func (f *Files) Delete(ctx context.Context, keys ...string) (err error) {
	name := "files.delete"
	if len(keys) > 0 {
		name = file("delete", keys[0])
	}
	f.s.around(name, func() { err = f.Client.Delete(ctx, keys...) })
	return err
}

// Each lists files.
func (f *Files) Each(ctx context.Context, prefix string, fn func(key string, size int64, modified time.Time) error) (err error) {
	area, _, _ := strings.Cut(prefix, "/")
	f.s.around("files.each "+area, func() { err = f.Client.Each(ctx, prefix, fn) })
	return err
}

// AbortUploads gives up uploads.
func (f *Files) AbortUploads(ctx context.Context, prefix string, before time.Time, keep func(key string) (bool, error), dryRun bool) (n int, err error) {
	f.s.around("files.abort_uploads "+prefix, func() { n, err = f.Client.AbortUploads(ctx, prefix, before, keep, dryRun) })
	return n, err
}
