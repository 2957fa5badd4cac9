package tabular

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/narrativeml/narrative/ml/frame"
)

// ReadFrame reads all rows of r into one frame. Columns that had no rows are
// empty. The frame is held in memory whole: about 8 bytes a number and 4 bytes
// a string, beside the distinct strings.
func ReadFrame(ctx context.Context, r Reader) (*frame.Frame, error) {
	schema := r.Schema()
	parts := make([]*gathered, len(schema))
	for k, f := range schema {
		parts[k] = &gathered{field: f}
	}
	rows := 0
	err := Stream(ctx, r, func(c *Chunk) error {
		for k, column := range c.Frame.Columns() {
			parts[k].add(column, rows)
		}
		rows += c.Frame.Rows()
		return nil
	})
	if err != nil {
		return nil, err
	}
	columns := make([]frame.Column, len(parts))
	for k, p := range parts {
		columns[k] = p.column()
	}
	f, err := frame.New(columns...)
	if err != nil {
		return nil, fmt.Errorf("read table: %w", err)
	}
	return f, nil
}

// gathered is a column that grows by chunks.
type gathered struct {
	field  Field
	floats []float64
	ints   []int64
	nulls  frame.Bitmap
	codes  []int32
	dict   []string
	index  map[string]int32
}

func (g *gathered) add(c frame.Column, rows int) {
	switch g.field.Type {
	case Float:
		g.floats = append(g.floats, c.Floats()...)
	case String:
		g.addStrings(c)
	default:
		g.ints = append(g.ints, c.Ints()...)
		for i := range c.Len() {
			if c.Null(i) {
				g.nulls.Set(rows + i)
			}
		}
	}
}

func (g *gathered) addStrings(c frame.Column) {
	if g.index == nil {
		g.index = make(map[string]int32)
	}
	translate := make([]int32, len(c.Dict()))
	for k, s := range c.Dict() {
		code, ok := g.index[s]
		if !ok {
			code = int32(len(g.dict))
			s = strings.Clone(s) // a text of a chunk keeps others in memory
			g.index[s] = code
			g.dict = append(g.dict, s)
		}
		translate[k] = code
	}
	for _, k := range c.Codes() {
		if k >= 0 {
			k = translate[k]
		}
		g.codes = append(g.codes, k)
	}
}

func (g *gathered) column() frame.Column {
	switch g.field.Type {
	case Float:
		return frame.NewFloat(g.field.Name, g.floats)
	case String:
		return frame.NewString(g.field.Name, g.codes, g.dict)
	default:
		return frame.NewInt(g.field.Name, g.field.Type.Type(), g.ints, g.nulls)
	}
}

// Block sizes of Buffered.
const (
	blockSize  = 1 << 20
	blockCount = 48
)

// Buffered returns a source that reads src, of that many bytes, in blocks of
// 1 MiB and keeps the 48 last used: reading a Parquet file makes many small
// reads, of which each would be a request to a remote store. It is safe for
// concurrent use.
func Buffered(src io.ReaderAt, size int64) io.ReaderAt {
	return &blockCache{src: src, size: size, blocks: make(map[int64]*block)}
}

type block struct {
	data []byte
	used int64 // time of the last use, in uses
}

type blockCache struct {
	src  io.ReaderAt
	size int64

	mu     sync.Mutex
	blocks map[int64]*block
	uses   int64
}

// ReadAt implements io.ReaderAt.
func (c *blockCache) ReadAt(p []byte, at int64) (int, error) {
	if at < 0 {
		return 0, errors.New("tabular: negative offset")
	}
	n := 0
	for n < len(p) {
		pos := at + int64(n)
		if pos >= c.size {
			return n, io.EOF
		}
		data, err := c.block(pos / blockSize)
		if err != nil {
			return n, err
		}
		start := int(pos % blockSize)
		if start >= len(data) {
			return n, io.ErrUnexpectedEOF
		}
		n += copy(p[n:], data[start:])
	}
	return n, nil
}

func (c *blockCache) block(number int64) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.uses++
	if b, ok := c.blocks[number]; ok {
		b.used = c.uses
		return b.data, nil
	}
	if len(c.blocks) >= blockCount {
		oldest := int64(-1)
		for k, b := range c.blocks {
			if oldest < 0 || b.used < c.blocks[oldest].used {
				oldest = k
			}
		}
		delete(c.blocks, oldest)
	}
	length := int(min(blockSize, c.size-number*blockSize))
	data := make([]byte, length)
	n, err := c.src.ReadAt(data, number*blockSize)
	if n < length {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	c.blocks[number] = &block{data: data, used: c.uses}
	return data, nil
}
