package prediction

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/narrativeml/narrative/internal/tabular"
)

// source is the uploaded file, whose bytes are counted as they are read.
type source struct{ run *run }

var _ tabular.File = source{}

// Open implements tabular.File.
func (s source) Open(ctx context.Context) (io.ReadCloser, error) {
	src, err := s.run.config.Files.Open(ctx, s.run.dataset.RawKey)
	if err != nil {
		return nil, fmt.Errorf("open file of data set %s: %w", s.run.dataset.ID, err)
	}
	s.run.read.Store(0)
	return &counting{src, &s.run.read}, nil
}

// OpenAt implements tabular.File.
func (s source) OpenAt(ctx context.Context) (io.ReaderAt, int64, error) {
	at, size, err := s.run.config.Files.OpenAt(ctx, s.run.dataset.RawKey)
	if err != nil {
		return nil, 0, fmt.Errorf("open file of data set %s: %w", s.run.dataset.ID, err)
	}
	return at, size, nil
}

// open opens the uploaded file; it returns what is to be closed, too.
func (p *run) open(ctx context.Context) (tabular.Reader, io.Closer, error) {
	p.size = p.dataset.Size
	o := tabular.Options{
		Format: p.dataset.Options, Limits: p.config.Limits, Tolerant: true, Schema: p.wanted(), IDColumn: p.req.IDColumn,
	}
	if v := p.dataset.Version; v != nil {
		o.Format, o.Names = v.Format.Told(), v.Schema.Names()
		p.rows = v.Rows
	}
	if p.shard != nil && !p.shard.Parquet {
		o.Format = p.shard.Format.Told()
	}
	r, c, err := tabular.Open(ctx, source{p}, o)
	if err != nil {
		return nil, nil, err
	}
	if q, ok := r.(*tabular.ParquetReader); ok {
		p.rows = q.Rows()
	}
	return r, c, nil
}

// counting counts the bytes read.
type counting struct {
	io.ReadCloser
	read *atomic.Int64
}

// Read implements io.Reader.
func (c *counting) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	c.read.Add(int64(n))
	return n, err
}
