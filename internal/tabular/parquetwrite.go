package tabular

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/parquet-go/parquet-go"

	"github.com/narrativeml/narrative/ml/frame"
)

// schemaKey is the key of the file's metadata that holds the columns in their
// order, as JSON, since the format itself keeps them by name.
const schemaKey = "narrative.schema"

// groupCells bounds the values in a row group, and so the memory that writing
// takes.
const (
	groupCells = 4 << 20
	groupRows  = 64 << 10
)

// ParquetWriter writes frames as a typed Parquet file. It holds one row group,
// whatever the number of rows.
type ParquetWriter struct {
	schema Schema
	file   *parquet.GenericWriter[any]
	group  *parquet.ConcurrentRowGroupWriter
	leaf   []int // of each column of the schema in the file
	rows   int   // in the group
	limit  int
	values []parquet.Value
	dict   []parquet.Value
}

var _ Writer = (*ParquetWriter)(nil)

// NewParquetWriter returns a writer of the columns. Integers become INT64,
// floats DOUBLE, booleans BOOLEAN, strings UTF-8 with a dictionary, instants
// TIMESTAMP(MICROS, UTC); nullable columns are optional.
func NewParquetWriter(w io.Writer, schema Schema) (*ParquetWriter, error) {
	if len(schema) == 0 {
		return nil, errors.New("write parquet: no columns")
	}
	columns, err := json.Marshal(schema)
	if err != nil {
		return nil, fmt.Errorf("write parquet: %w", err)
	}
	group := make(parquet.Group, len(schema))
	for _, f := range schema {
		if _, ok := group[f.Name]; ok || f.Name == "" {
			return nil, fmt.Errorf("write parquet: column name %q is empty or repeated", f.Name)
		}
		group[f.Name] = parquetNode(f)
	}
	out := &ParquetWriter{schema: schema, limit: max(1, min(groupRows, groupCells/len(schema)))}
	fileSchema := parquet.NewSchema("table", group)
	for _, f := range schema {
		leaf, ok := fileSchema.Lookup(f.Name)
		if !ok {
			return nil, fmt.Errorf("write parquet: column %q is lost", f.Name)
		}
		out.leaf = append(out.leaf, leaf.ColumnIndex)
	}
	options := []parquet.WriterOption{
		fileSchema,
		parquet.Compression(&parquet.Snappy),
		parquet.KeyValueMetadata(schemaKey, string(columns)),
		parquet.CreatedBy("narrative", "1", ""),
		parquet.DictionaryMaxBytes(1 << 20),
		parquet.PageBufferSize(128 << 10),
		parquet.WriteBufferSize(256 << 10),
	}
	for _, f := range schema {
		options = append(options, parquet.SkipPageStatistics(f.Name)) // the index of pages has them
		if f.Type == String {
			// The smallest and the largest text of every page would make the
			// metadata as long as the texts are.
			options = append(options, parquet.SkipPageBounds(f.Name))
		}
	}
	out.file = parquet.NewGenericWriter[any](w, options...)
	out.group = out.file.BeginRowGroup()
	return out, nil
}

func parquetNode(f Field) parquet.Node {
	var n parquet.Node
	switch f.Type {
	case Integer:
		n = parquet.Compressed(parquet.Encoded(parquet.Int(64), &parquet.DeltaBinaryPacked), &parquet.Uncompressed)
	case Float:
		// Decimal numbers hardly get shorter, for a tenth of all the work.
		n = parquet.Compressed(parquet.Leaf(parquet.DoubleType), &parquet.Uncompressed)
	case Boolean:
		n = parquet.Leaf(parquet.BooleanType)
	case Datetime:
		n = parquet.Compressed(parquet.Encoded(parquet.Timestamp(parquet.Microsecond), &parquet.DeltaBinaryPacked), &parquet.Uncompressed)
	default:
		n = parquet.Encoded(parquet.String(), &parquet.RLEDictionary)
	}
	if f.Nullable {
		n = parquet.Optional(n)
	}
	return n
}

// Write appends the rows of the frame, which has the columns of the schema,
// by name.
func (w *ParquetWriter) Write(f *frame.Frame) error {
	return guard(func() error { return w.write(f) })
}

func (w *ParquetWriter) write(f *frame.Frame) error {
	for from := 0; from < f.Rows(); {
		to := min(f.Rows(), from+w.limit-w.rows)
		writers := w.group.ColumnWriters()
		for k, field := range w.schema {
			c, ok := f.Column(field.Name)
			if !ok || c.Type() != field.Type.Type() {
				return fmt.Errorf("write parquet: the frame has no %s column %q", field.Type, field.Name)
			}
			if err := w.column(c, field, from, to); err != nil {
				return err
			}
			if _, err := writers[w.leaf[k]].WriteRowValues(w.values); err != nil {
				return fmt.Errorf("write parquet: column %q: %w", field.Name, err)
			}
		}
		w.rows += to - from
		from = to
		if w.rows == w.limit {
			if err := w.commit(); err != nil {
				return err
			}
		}
	}
	return nil
}

// column puts rows from … to-1 of the column into values.
func (w *ParquetWriter) column(c frame.Column, field Field, from, to int) error {
	w.values = slices.Grow(w.values[:0], to-from)[:to-from]
	missing := c.Nulls() > 0
	if missing && !field.Nullable {
		return fmt.Errorf("write parquet: column %q has missing values but is not nullable", field.Name)
	}
	switch c.Type() {
	case frame.Float:
		for i, v := range c.Floats()[from:to] {
			w.values[i] = parquet.DoubleValue(v)
		}
	case frame.String:
		w.dict = w.dict[:0]
		for _, s := range c.Dict() {
			w.dict = append(w.dict, parquet.ByteArrayValue([]byte(s)))
		}
		for i, k := range c.Codes()[from:to] {
			if k >= 0 {
				w.values[i] = w.dict[k]
			}
		}
	case frame.Bool:
		for i, v := range c.Ints()[from:to] {
			w.values[i] = parquet.BooleanValue(v != 0)
		}
	default:
		for i, v := range c.Ints()[from:to] {
			w.values[i] = parquet.Int64Value(v)
		}
	}
	if !field.Nullable {
		return nil
	}
	for i := range w.values {
		w.values[i].SetDefinitionLevel(1)
	}
	for i := from; missing && i < to; i++ {
		if c.Null(i) {
			w.values[i-from] = parquet.NullValue()
		}
	}
	return nil
}

func (w *ParquetWriter) commit() error {
	if w.rows == 0 {
		return nil
	}
	if _, err := w.group.Commit(); err != nil {
		return fmt.Errorf("write parquet: %w", err)
	}
	w.rows = 0
	return nil
}

// Close writes what is left and the footer.
func (w *ParquetWriter) Close() error {
	return guard(func() error {
		if err := w.commit(); err != nil {
			return err
		}
		if err := w.file.Close(); err != nil {
			return fmt.Errorf("write parquet: %w", err)
		}
		return nil
	})
}
