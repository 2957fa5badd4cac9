package recipe

import (
	"context"
	"io"
	"slices"

	"github.com/narrativeml/narrative/ml/frame"
	"github.com/narrativeml/narrative/ml/preprocess"
)

// flow passes frames from one goroutine to another.
type flow struct {
	ctx    context.Context //nolint:containedctx // of the goroutine that gives
	stop   context.CancelFunc
	frames chan *frame.Frame
	err    error // after frames is closed
	width  int   // how many columns come out; 0: not known yet
}

// newFlow returns a flow of tables with the columns of the schema.
func newFlow(ctx context.Context, schema preprocess.Schema) *flow {
	ctx, stop := context.WithCancel(ctx)
	f := &flow{ctx: ctx, stop: stop, frames: make(chan *frame.Frame, 2), width: len(schema)}
	if slices.ContainsFunc(schema, func(f preprocess.Field) bool { return f.Family }) {
		f.width = 0 // data tell how many there are
	}
	return f
}

// cut gives the rows of a chunk on in pieces of which few enough values are made: a
// step may make thousands of columns of one.
func (f *flow) cut(x *frame.Frame, next func(x *frame.Frame) error) error {
	const values, fewest = 4 << 20, 64
	for at := 0; at < x.Rows(); {
		n := fewest
		if f.width > 0 {
			n = max(fewest, values/f.width)
		}
		if n = min(n, x.Rows()-at); n == x.Rows() {
			return next(x)
		}
		rows := make([]int, n)
		for i := range rows {
			rows[i] = at + i
		}
		if err := next(x.Take(rows)); err != nil {
			return err
		}
		at += n
	}
	return nil
}

func (f *flow) give(x *frame.Frame) error {
	f.width = max(f.width, len(x.Columns()))
	select {
	case f.frames <- x:
		return nil
	case <-f.ctx.Done():
		return f.ctx.Err()
	}
}

func (f *flow) close(err error) {
	f.err = err
	close(f.frames)
}

// take returns the next frame, io.EOF at the end.
func (f *flow) take() (*frame.Frame, error) {
	x, ok := <-f.frames
	switch {
	case ok:
		return x, nil
	case f.err != nil:
		return nil, f.err
	default:
		return nil, io.EOF
	}
}
