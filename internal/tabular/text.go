package tabular

import (
	"context"
	"io"
	"strings"
)

// records yields the records of a file, cut into fields. The names of the
// columns may become more while it reads.
type records interface {
	// next fills the chunk with the records that follow; at the end it returns
	// io.EOF with an empty one.
	next(c *rawChunk, maxRows int) error
	// total returns how many records there were, good or bad.
	total() int64
	// columns returns the names of the columns.
	columns() []string
}

// textReader types the records of a file whose values are texts.
type textReader struct {
	records  records
	src      io.Reader // that may know the encoding; nil: none does
	limits   Limits
	format   Format
	names    []string
	tolerant bool
	typer    typer
	raw      rawChunk
}

// streamer is a reader that cuts, types and hands over at the same time.
type streamer interface {
	stream(ctx context.Context, fn func(*Chunk) error) error
}

// cleanName returns the name of a column as it is used: without blanks around it,
// and with one blank for every run of blanks with a line end in it.
func cleanName(name string) string {
	name = strings.TrimSpace(name)
	for {
		i := strings.IndexAny(name, "\r\n")
		if i < 0 {
			return name
		}
		name = strings.TrimSpace(name[:i]) + " " + strings.TrimSpace(name[i:])
	}
}

// want finds the columns of the schema in the file.
func (r *textReader) want(schema Schema, id string) error {
	if schema == nil {
		for _, name := range r.names {
			schema = append(schema, Field{Name: name, Type: String, Nullable: true})
		}
	}
	at := make(map[string]int, len(r.names))
	for i, name := range r.names {
		at[name] = i
	}
	r.typer = typer{schema: schema, names: r.names, id: -1, tolerant: r.tolerant, known: newCodeTable(), distinct: make(map[int]int)}
	var missing []string
	for _, f := range schema {
		i, ok := at[f.Name]
		if !ok { // as headers were before line ends in them were taken out
			i, ok = at[cleanName(f.Name)]
		}
		if !ok {
			missing = append(missing, f.Name)
			continue
		}
		r.typer.index = append(r.typer.index, i)
	}
	if len(missing) > 0 {
		return errMissingColumns(missing)
	}
	if id != "" {
		i, ok := at[id]
		if !ok {
			return errNoIDColumn(id)
		}
		r.typer.id = i
	}
	return nil
}

// Format returns how the file is read, as far as it has shown.
func (r *textReader) Format() Format {
	f := r.format
	if e, ok := r.src.(encoded); ok {
		f.Encoding = e.known()
	}
	return f
}

// Names returns the names of all columns of the file, in order.
func (r *textReader) Names() []string { return r.names }

// Schema returns the columns of the chunks, in order.
func (r *textReader) Schema() Schema { return r.typer.schema }

// Next returns the rows that follow, at most Limits.ChunkRows, or io.EOF.
func (r *textReader) Next(ctx context.Context) (*Chunk, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := r.records.next(&r.raw, r.chunkRows()); err != nil {
		return nil, err
	}
	return r.typer.chunk(&r.raw)
}

// Close does nothing; the source belongs to the caller.
func (r *textReader) Close() error { return nil }

func (r *textReader) chunkRows() int { return r.limits.chunkRows(len(r.names)) }

// ahead cuts records in a second goroutine while fn works on those before. It
// returns when both are done.
func (r *textReader) ahead(ctx context.Context, fn func(*rawChunk) error) error {
	free := make(chan *rawChunk, 3)
	for range cap(free) {
		free <- new(rawChunk)
	}
	produce := func(ctx context.Context) (*rawChunk, error) {
		select {
		case c := <-free:
			return c, r.records.next(c, r.chunkRows())
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return pipeline(ctx, 1, produce, func(c *rawChunk) error {
		err := fn(c)
		free <- c
		return err
	})
}

// stream types the chunks of ahead.
func (r *textReader) stream(ctx context.Context, fn func(*Chunk) error) error {
	typed := make(chan *Chunk, 1)
	return relay(ctx, typed, func(ctx context.Context) error {
		return r.ahead(ctx, func(raw *rawChunk) error {
			c, err := r.typer.chunk(raw)
			if err != nil {
				return err
			}
			return send(ctx, typed, c)
		})
	}, fn)
}
