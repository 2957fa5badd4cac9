package tabular

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/narrativeml/narrative/ml/frame"
)

// schemaKey is the key of the file's metadata that holds the columns as JSON.
// Files of before have their columns by name, and their order is only there.
const schemaKey = "narrative.schema"

const parquetMagic = "PAR1"

// groupCells and groupBytes bound the values in a row group, and so the memory
// that writing takes.
const (
	groupCells = 4 << 20
	groupRows  = 64 << 10
	groupBytes = 64 << 20 // encoded; numbers do not reach it
	groupStep  = 256      // rows after which the bytes are looked at
)

// ParquetWriter writes frames as a typed Parquet file. It holds one row group,
// encoded, whatever the number of rows; what it writes does not depend on how the
// rows are divided into frames.
type ParquetWriter struct {
	schema  Schema
	out     *bufio.Writer
	columns []*chunkWriter
	at      int64 // bytes written
	rows    int   // in the group
	limit   int
	meta    format.FileMetaData
}

var _ Writer = (*ParquetWriter)(nil)

// NewParquetWriter returns a writer of the columns. Integers become INT64,
// floats DOUBLE, booleans BOOLEAN, strings UTF-8 with a dictionary, instants
// TIMESTAMP(MICROS, UTC); nullable columns are optional.
func NewParquetWriter(w io.Writer, schema Schema) (*ParquetWriter, error) {
	if len(schema) == 0 {
		return nil, errors.New("write parquet: no columns")
	}
	names := make(map[string]bool, len(schema))
	for _, f := range schema {
		if names[f.Name] || f.Name == "" {
			return nil, fmt.Errorf("write parquet: column name %q is empty or repeated", f.Name)
		}
		names[f.Name] = true
	}
	columns, err := json.Marshal(schema)
	if err != nil {
		return nil, fmt.Errorf("write parquet: %w", err)
	}
	const format2 = 2 // pages of the second kind
	out := &ParquetWriter{
		schema: schema, out: bufio.NewWriterSize(w, 64<<10), limit: max(1, min(groupRows, groupCells/len(schema))),
		meta: format.FileMetaData{
			Version:          format2,
			Schema:           []format.SchemaElement{{Name: "table", NumChildren: thrift.New(int32(len(schema)))}},
			RowGroups:        []format.RowGroup{},
			KeyValueMetadata: []format.KeyValue{{Key: schemaKey, Value: string(columns)}},
			CreatedBy:        "narrative version 1(build )",
		},
	}
	for _, f := range schema {
		out.columns = append(out.columns, newChunkWriter(f))
		out.meta.Schema = append(out.meta.Schema, schemaElement(f))
		out.meta.ColumnOrders = append(out.meta.ColumnOrders, format.ColumnOrder{Value: &format.TypeDefinedOrder{}})
	}
	return out, out.write([]byte(parquetMagic))
}

// schemaElement says what the values of the column are.
func schemaElement(f Field) format.SchemaElement {
	e := format.SchemaElement{Name: f.Name, RepetitionType: thrift.New(format.Required)}
	if f.Nullable {
		e.RepetitionType = thrift.New(format.Optional)
	}
	const wide = 64
	switch f.Type {
	case Integer:
		e.Type = thrift.New(format.Int64)
		e.ConvertedType = thrift.New(deprecated.Int64)
		e.LogicalType.Value = &format.IntType{BitWidth: wide, IsSigned: true}
	case Float:
		e.Type = thrift.New(format.Double)
	case Boolean:
		e.Type = thrift.New(format.Boolean)
	case Datetime:
		e.Type = thrift.New(format.Int64)
		e.ConvertedType = thrift.New(deprecated.TimestampMicros)
		e.LogicalType.Value = &format.TimestampType{IsAdjustedToUTC: true, Unit: format.TimeUnit{Value: &format.MicroSeconds{}}}
	default:
		e.Type = thrift.New(format.ByteArray)
		e.ConvertedType = thrift.New(deprecated.UTF8)
		e.LogicalType.Value = &format.StringType{}
	}
	return e
}

// Write appends the rows of the frame, which has the columns of the schema,
// by name.
func (w *ParquetWriter) Write(f *frame.Frame) error {
	return guard(func() error { return w.append(f) })
}

func (w *ParquetWriter) append(f *frame.Frame) error {
	for k, field := range w.schema {
		c, ok := f.Column(field.Name)
		if !ok || c.Type() != field.Type.Type() {
			return fmt.Errorf("write parquet: the frame has no %s column %q", field.Type, field.Name)
		}
		if c.Nulls() > 0 && !field.Nullable {
			return fmt.Errorf("write parquet: column %q has missing values but is not nullable", field.Name)
		}
		w.columns[k].take(c)
	}
	for from := 0; from < f.Rows(); {
		n := min(f.Rows()-from, w.limit-w.rows, groupStep-w.rows%groupStep)
		size := 0
		for k, c := range w.columns {
			if err := c.append(from, from+n); err != nil {
				return fmt.Errorf("write parquet: column %q: %w", w.schema[k].Name, err)
			}
			size += c.held()
		}
		from += n
		w.rows += n
		if w.rows == w.limit || w.rows%groupStep == 0 && size >= groupBytes {
			if err := w.commit(); err != nil {
				return err
			}
		}
	}
	return nil
}

// commit writes the row group.
func (w *ParquetWriter) commit() error {
	if w.rows == 0 {
		return nil
	}
	group := format.RowGroup{
		NumRows: int64(w.rows), FileOffset: w.at, Ordinal: int16(len(w.meta.RowGroups)),
		Columns: make([]format.ColumnChunk, len(w.columns)),
	}
	for k, c := range w.columns {
		m, err := c.finish()
		if err != nil {
			return fmt.Errorf("write parquet: column %q: %w", w.schema[k].Name, err)
		}
		if m.DictionaryPageOffset > 0 {
			m.DictionaryPageOffset = w.at
		}
		m.DataPageOffset += w.at
		m.NumValues = int64(w.rows)
		for _, part := range c.parts {
			if err := w.write(part); err != nil {
				return err
			}
		}
		c.reset()
		group.Columns[k].MetaData = m
		group.TotalByteSize += m.TotalUncompressedSize
		group.TotalCompressedSize += m.TotalCompressedSize
	}
	w.meta.RowGroups = append(w.meta.RowGroups, group)
	w.meta.NumRows += int64(w.rows)
	w.rows = 0
	return nil
}

func (w *ParquetWriter) write(b []byte) error {
	n, err := w.out.Write(b)
	w.at += int64(n)
	if err != nil {
		return fmt.Errorf("write parquet: %w", err)
	}
	return nil
}

// Close writes what is left and the footer.
func (w *ParquetWriter) Close() error {
	return guard(func() error {
		if err := w.commit(); err != nil {
			return err
		}
		footer, err := thrift.Marshal(new(thrift.CompactProtocol), &w.meta)
		if err != nil {
			return fmt.Errorf("write parquet: %w", err)
		}
		end := append(binary.LittleEndian.AppendUint32(footer, uint32(len(footer))), parquetMagic...)
		if err := w.write(end); err != nil {
			return err
		}
		if err := w.out.Flush(); err != nil {
			return fmt.Errorf("write parquet: %w", err)
		}
		return nil
	})
}
