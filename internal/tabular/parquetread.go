package tabular

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"

	"github.com/narrativeml/narrative/internal/fault"
	"github.com/narrativeml/narrative/ml/frame"
)

// ParquetOptions say how a Parquet file is read.
type ParquetOptions struct {
	Limits   Limits
	Tolerant bool   // bad rows are returned beside the good ones
	Schema   Schema // the columns that are wanted, by name, and their types; nil: all, as they are
	IDColumn string // a column that chunks also have as text; empty: none
}

// ParquetReader yields the rows of a Parquet file. It holds one page a column.
type ParquetReader struct {
	file     *parquet.File
	source   *brokenSource
	size     int64
	header   []byte // of the page looked at
	limits   Limits
	tolerant bool
	all      []parquetColumn // in the file's order
	wanted   []parquetColumn
	schema   Schema
	names    []string // of wanted, for messages

	group   int // row group in work
	last    int // the one behind the last to read
	left    int // rows left in it
	streams []*columnStream
	row     int64 // rows read
}

var _ Reader = (*ParquetReader)(nil)

// InspectParquet says what a Parquet file holds.
func InspectParquet(src io.ReaderAt, size int64, limits Limits) (*Table, error) {
	r, err := NewParquetReader(src, size, ParquetOptions{Limits: limits})
	if err != nil {
		return nil, err
	}
	if r.Rows() == 0 {
		return nil, fault.Invalid("parquet_no_rows", "the Parquet file has %d columns and no rows; it must have at least one row", len(r.all))
	}
	return &Table{Format: Format{Kind: KindParquet, Header: true}, Schema: r.schema, Rows: r.Rows()}, nil
}

// NewParquetReader opens a Parquet file of that many bytes. Its errors are
// fault.Invalid: parquet_damaged, parquet_nested_column,
// parquet_unsupported_type, parquet_unsupported_codec, and those of column
// names; missing_columns names the columns of the schema that the file lacks.
func NewParquetReader(src io.ReaderAt, size int64, o ParquetOptions) (*ParquetReader, error) {
	r := &ParquetReader{limits: o.Limits.orDefault(), tolerant: o.Tolerant}
	broken := &brokenSource{src: src}
	r.source, r.size = broken, size
	err := recoverDamage(func() error {
		err := checkFooter(broken, size)
		if err != nil {
			return err
		}
		r.file, err = parquet.OpenFile(broken, size,
			parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true), parquet.ReadBufferSize(16<<10))
		if err != nil {
			return errDamaged(err)
		}
		return r.describe()
	})
	if broken.err != nil {
		return nil, fmt.Errorf("read parquet: %w", broken.err)
	}
	if err != nil {
		return nil, err
	}
	if err := r.want(o.Schema, o.IDColumn); err != nil {
		return nil, err
	}
	r.last = len(r.file.RowGroups())
	return r, nil
}

// Groups returns how many rows each row group of the file has.
func (r *ParquetReader) Groups() []int64 {
	groups := r.file.RowGroups()
	rows := make([]int64, len(groups))
	for i, g := range groups {
		rows[i] = g.NumRows()
	}
	return rows
}

// Part makes the reader read the row groups from first on, before last, only.
// Rows keep the numbers that they have in the file.
func (r *ParquetReader) Part(first, last int) {
	rows := r.Groups()
	r.last = min(max(last, 0), len(rows))
	r.group = min(max(first, 0), r.last)
	r.row, r.left = 0, 0
	for _, n := range rows[:r.group] {
		r.row += n
	}
}

// brokenSource remembers an error of the file below, which is not the file's
// fault.
type brokenSource struct {
	src io.ReaderAt
	err error
}

// ReadAt implements io.ReaderAt.
func (b *brokenSource) ReadAt(p []byte, at int64) (int, error) {
	if at < 0 {
		return 0, errors.New("negative offset")
	}
	n, err := b.src.ReadAt(p, at)
	if err != nil && !errors.Is(err, io.EOF) && b.err == nil {
		b.err = err
	}
	return n, err
}

func errDamaged(err error) error {
	return fault.Invalid("parquet_damaged", "the Parquet file is damaged or incomplete; write it again").Because(err)
}

// recoverDamage makes an error of a panic, which damaged files cause in the
// library.
func recoverDamage(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errDamaged(fmt.Errorf("panic: %v", p))
		}
	}()
	return f()
}

// describe finds out the columns and refuses what cannot be read.
func (r *ParquetReader) describe() error {
	columns := r.file.Root().Columns()
	if len(columns) == 0 {
		return fault.Invalid("parquet_no_columns", "the Parquet file has no columns; it must have at least one")
	}
	if len(columns) > r.limits.Columns {
		return fault.Invalid("parquet_too_many_columns", "the file has %d columns; at most %d are allowed", len(columns), r.limits.Columns)
	}
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name()
		if !utf8.ValidString(names[i]) {
			return fault.Invalid("parquet_invalid_utf8", "the name of column %d is not UTF-8 text", i+1)
		}
	}
	if err := checkNames(names, "parquet", 0); err != nil {
		return err
	}
	for i, c := range columns {
		if !c.Leaf() || c.Repeated() {
			return fault.Invalid("parquet_nested_column", "column %q holds lists or records; flatten it into plain columns or leave it out", shorten(names[i], 100)).
				With(fault.Field{Location: location(0, 0, names[i]), Message: "lists and records are not supported"})
		}
		p, err := newParquetColumn(c)
		if err != nil {
			return err
		}
		r.all = append(r.all, p)
	}
	if err := r.checkGroups(); err != nil {
		return err
	}
	r.order()
	return nil
}

// checkGroups looks at what the file says about its row groups.
func (r *ParquetReader) checkGroups() error {
	meta := r.file.Metadata()
	var rows int64
	for _, g := range meta.RowGroups {
		if g.NumRows < 0 || len(g.Columns) != len(r.all) {
			return errDamaged(errors.New("a row group does not match the schema"))
		}
		rows += g.NumRows
		for k := range g.Columns {
			m := &g.Columns[k].MetaData
			switch parquet.LookupCompressionCodec(m.Codec).String() {
			case "UNCOMPRESSED", "SNAPPY", "GZIP", "BROTLI", "ZSTD":
			default:
				return fault.Invalid("parquet_unsupported_codec", "column %q is compressed with %s; write the file with snappy, zstd, gzip, brotli or no compression",
					shorten(r.all[k].name, 100), m.Codec).
					With(fault.Field{Location: location(0, 0, r.all[k].name), Message: "unsupported compression " + m.Codec.String()})
			}
			if m.NumValues != g.NumRows {
				return errDamaged(fmt.Errorf("column %q has %d values in a row group of %d rows", r.all[k].name, m.NumValues, g.NumRows))
			}
		}
	}
	if rows != meta.NumRows {
		return errDamaged(fmt.Errorf("the row groups have %d rows together, the file has %d", rows, meta.NumRows))
	}
	return nil
}

// order puts the columns of our own files into their order.
func (r *ParquetReader) order() {
	text, ok := r.file.Lookup(schemaKey)
	var schema Schema
	if !ok || json.Unmarshal([]byte(text), &schema) != nil || len(schema) != len(r.all) {
		r.schema = schemaOf(r.all)
		return
	}
	at := make(map[string]int, len(r.all))
	for i, c := range r.all {
		at[c.name] = i
	}
	ordered := make([]parquetColumn, 0, len(r.all))
	for _, f := range schema {
		if i, ok := at[f.Name]; ok {
			ordered = append(ordered, r.all[i])
			delete(at, f.Name)
		}
	}
	if len(ordered) == len(r.all) {
		r.all = ordered
	}
	r.schema = schemaOf(r.all)
}

func schemaOf(columns []parquetColumn) Schema {
	schema := make(Schema, len(columns))
	for i, c := range columns {
		schema[i] = Field{Name: c.name, Type: c.typ, Nullable: c.nullable, Layout: c.layout}
	}
	return schema
}

// want chooses the columns of the schema.
func (r *ParquetReader) want(schema Schema, id string) error {
	if schema == nil {
		schema = r.schema
	}
	at := make(map[string]parquetColumn, len(r.all))
	for _, c := range r.all {
		at[c.name] = c
	}
	var missing []string
	for _, f := range schema {
		c, ok := at[f.Name]
		if !ok {
			missing = append(missing, f.Name)
			continue
		}
		r.wanted = append(r.wanted, c)
		r.names = append(r.names, f.Name)
	}
	r.names = append(r.names, id)
	if len(missing) > 0 {
		return errMissingColumns(missing)
	}
	r.schema = schema
	if id == "" {
		return nil
	}
	c, ok := at[id]
	if !ok {
		return errNoIDColumn(id)
	}
	// One more column, read as text.
	r.wanted = append(r.wanted, c)
	return nil
}

// Rows returns the number of rows of the file.
func (r *ParquetReader) Rows() int64 { return r.file.NumRows() }

// Names returns the names of all columns of the file, in order.
func (r *ParquetReader) Names() []string {
	names := make([]string, len(r.all))
	for i, c := range r.all {
		names[i] = c.name
	}
	return names
}

// Schema returns the columns of the chunks, in order.
func (r *ParquetReader) Schema() Schema { return r.schema }

// Next returns the rows that follow, at most Limits.ChunkRows and never of two
// row groups, or io.EOF.
func (r *ParquetReader) Next(ctx context.Context) (*Chunk, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var c *Chunk
	err := recoverDamage(func() error {
		var err error
		c, err = r.next()
		return err
	})
	if r.source.err != nil {
		return nil, fmt.Errorf("read parquet: %w", r.source.err)
	}
	return c, err
}

func (r *ParquetReader) next() (*Chunk, error) {
	for r.left == 0 {
		r.release()
		groups := r.file.RowGroups()
		if r.group == r.last {
			return nil, io.EOF
		}
		if err := r.checkPages(r.group); err != nil {
			return nil, err
		}
		g := groups[r.group]
		r.group++
		r.left = int(g.NumRows())
		chunks := g.ColumnChunks()
		room := int64(textRoom)
		for _, c := range r.wanted {
			s := &columnStream{bulk: c.bulk, room: &room}
			if !c.empty {
				s.pages = chunks[c.index].Pages()
			}
			r.streams = append(r.streams, s)
		}
	}
	n := min(r.left, r.limits.chunkRows(len(r.wanted)))
	c := &Chunk{Rows: make([]int64, n)}
	for i := range c.Rows {
		c.Rows[i] = r.row + int64(i) + 1
	}
	problems := make(map[int]*problem)
	columns := make([]frame.Column, len(r.schema))
	for k, column := range r.wanted {
		d := &decoded{column: column, index: k, rows: c.Rows, problems: problems, names: r.names}
		native, err := d.read(r.streams[k], n)
		if err != nil {
			return nil, err
		}
		if k < len(columns) {
			columns[k] = d.conform(native, r.schema[k])
		} else {
			c.ID = d.conform(native, Field{Type: String})
		}
		c.Refused = append(c.Refused, d.refused...)
	}
	r.row += int64(n)
	r.left -= n
	return c, r.finish(c, columns, problems)
}

func (r *ParquetReader) finish(c *Chunk, columns []frame.Column, problems map[int]*problem) error {
	for i := range c.Rows {
		p := problems[i]
		if p == nil {
			continue
		}
		if !r.tolerant {
			return p.fault(r.names)
		}
		c.Bad = append(c.Bad, p.badRow(r.names, 0))
	}
	var err error
	if c.Frame, err = frame.New(columns...); err != nil {
		return fmt.Errorf("read parquet: %w", err)
	}
	if len(problems) > 0 {
		c.Keep(func(i int) bool { return problems[i] == nil })
	}
	return nil
}

// Close releases the pages in work.
func (r *ParquetReader) Close() error {
	return recoverDamage(func() error {
		r.release()
		return nil
	})
}

func (r *ParquetReader) release() {
	for _, s := range r.streams {
		s.close()
	}
	r.streams = r.streams[:0]
}
