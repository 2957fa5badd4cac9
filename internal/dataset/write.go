package dataset

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"

	"github.com/narrativeml/narrative/internal/dataset/profile"
	"github.com/narrativeml/narrative/internal/tabular"
)

// keysOf returns the keys of the files of a version that is written under a prefix.
func keysOf(prefix string) (table, described, sample string) {
	return prefix + "table.parquet", prefix + "profile.json", prefix + "sample.parquet"
}

// described is what is known of a table when it has been written, with its profile
// and its sample.
type described struct {
	content *Content
	profile *profile.Profile
	rows    int64
}

// writeDescribed writes the chunks that fill gives as a table of the schema, and its
// profile and its sample beside it, while the last of the table is still being sent.
// If fill fails there is none of the three; if something else does, there may be some,
// which nobody knows of.
func writeDescribed(ctx context.Context, files IngestFiles, prefix string, schema tabular.Schema, o profile.Options, fill func(write func(*tabular.Chunk) error) error) (*described, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	d := &described{content: NewContent(schema)}
	tableKey, profileKey, sampleKey := keysOf(prefix)
	profiled := newProfiling(schema, o)
	defer profiled.stop()
	beside, besideCtx := errgroup.WithContext(ctx)
	err := writeTable(ctx, files, tableKey, schema, func(out tabular.Writer) error {
		err := fill(func(c *tabular.Chunk) error {
			if err := profiled.add(ctx, c); err != nil {
				return err
			}
			if err := out.Write(c.Frame); err != nil {
				return err
			}
			d.content.Add(c.Frame)
			d.rows += int64(c.Frame.Rows())
			return nil
		})
		if err != nil {
			return err
		}
		beside.Go(func() error { return d.content.Sample(besideCtx, files, sampleKey) })
		beside.Go(func() (err error) {
			if d.profile, err = profiled.finish(); err != nil {
				return err
			}
			return keepProfile(besideCtx, files, profileKey, d.profile)
		})
		return nil
	})
	if err != nil {
		cancel()
	}
	if err := cmp.Or(err, beside.Wait()); err != nil {
		return nil, err
	}
	return d, nil
}

// profiling profiles chunks in a goroutine of its own, beside the writer.
type profiling struct {
	chunks    chan *tabular.Chunk
	done      chan struct{}
	stopped   bool
	collector *profile.Collector
	err       error // after done
}

func newProfiling(schema tabular.Schema, o profile.Options) *profiling {
	p := &profiling{chunks: make(chan *tabular.Chunk, 1), done: make(chan struct{}), collector: profile.New(schema, o)}
	go func() {
		defer close(p.done)
		for c := range p.chunks {
			if p.err == nil {
				p.err = p.collector.Add(c.Frame)
				p.collector.Refuse(c.Refused)
			}
		}
	}()
	return p
}

func (p *profiling) add(ctx context.Context, c *tabular.Chunk) error {
	select {
	case p.chunks <- c:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stop ends the goroutine, if that has not happened.
func (p *profiling) stop() {
	if !p.stopped {
		p.stopped = true
		close(p.chunks)
	}
	<-p.done
}

// finish returns the profile of what was added.
func (p *profiling) finish() (*profile.Profile, error) {
	if p.stop(); p.err != nil {
		return nil, p.err
	}
	return p.collector.Profile()
}

// writeTable streams what fill writes to the file store.
func writeTable(ctx context.Context, files IngestFiles, key string, schema tabular.Schema, fill func(tabular.Writer) error) error {
	out := tabular.NewOutlet(ctx, func(ctx context.Context, r io.Reader) error {
		if _, err := files.Put(ctx, key, "application/vnd.apache.parquet", r); err != nil {
			return fmt.Errorf("store table %s: %w", key, err)
		}
		return nil
	})
	w, err := tabular.NewParquetWriter(out, schema)
	if err == nil {
		err = fill(w)
	}
	if err == nil {
		err = w.Close()
	}
	return out.Close(err)
}

// keepProfile stores the profile.
func keepProfile(ctx context.Context, files IngestFiles, key string, p *profile.Profile) error {
	b, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("encode profile: %w", err)
	}
	if _, err := files.Put(ctx, key, "application/json", bytes.NewReader(b)); err != nil {
		return fmt.Errorf("store profile: %w", err)
	}
	return nil
}
